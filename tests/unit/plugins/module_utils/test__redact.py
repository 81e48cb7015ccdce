# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, redact_data, shown, shown_hook

UUID = "8D1C9B3E-1B2C-4D5E-8F90-42661417AB00"

PHONES = [
    ("5511910182137", "***2137"),
    ("+5511910182137", "***2137"),
    ("11910182137", "***2137"),
    ("1130182137", "***2137"),
    ("conv_5511910182137_20250904_190022", "conv_***2137_20250904_190022"),
    ("thread5511910182137", "thread***2137"),
    ("phone=5511910182137|conv=c", "phone=***2137|conv=c"),
    ("+55 (11) 91018-2137", "***2137"),
    ("+55 11 91018-2137", "***2137"),
    ("55 11 91018-2137", "***2137"),
    ("(11) 91018-2137", "***2137"),
    ("(11) 3018-2137", "***2137"),
    ("011 91018-2137", "***2137"),
    ("11 9 1018-2137", "***2137"),
    ("11 91018 2137", "***2137"),
    ("11 3018-2137", "***2137"),
    ("+1 (415) 555-26710", "***6710"),
    ("5511910182137@s.whatsapp.net", "***2137@s.whatsapp.net"),
    ("5511910182137:12@s.whatsapp.net", "***2137:12@s.whatsapp.net"),
    ("491701234@c.us", "***1234@c.us"),
    ("120363025246125486@g.us", "***5486@g.us"),
    ("5511910182137-1612345678@g.us", "***2137-***5678@g.us"),
    ("Ana: 5511910182137, Bia: 5511910182138.", "Ana: ***2137, Bia: ***2138."),
    # JSON escapes in front of the number
    (r"Ana\n5511910182137", r"Ana\n***2137"),
    (r"\u00e05511910182137", r"\u00e0***2137"),
    # Spaces, hyphens and what nobody sees, as they are and as JSON writes them
    ("+55\u00a011\u00a091018\u20112137", "***2137"),
    ("(11)\u00a091018\u20132137", "***2137"),
    ("5511\u200b910182137", "***2137"),
    ("55\u200b11\u200b91018\u200b2137", "***2137"),
    ("5511\u00ad910182137", "***2137"),
    ("\u202a+55 11 91018-2137\u202c", r"\u202a+***2137\u202c"),
    (r"55\u00a011\u00a091018-2137", "***2137"),
    (r"5511\u200b9\u200d10182137", "***2137"),
    ("\uff15\uff15\uff11\uff11\uff19\uff11\uff10\uff11\uff18\uff12\uff11\uff13\uff17", "***2137"),
    ("55 11 910 182 137", "***2137"),
    ("55/11/91018-2137", "***2137"),
    ("+55  11   91018 - 2137", "***2137"),
    # without the region, and with a carrier
    ("ligue 91018-2137", "ligue ***2137"),
    ("9 1018-2137", "***2137"),
    ("910182137", "***2137"),
    ("3018-2137", "***2137"),
    ("05511910182137", "***2137"),
    ("01511910182137", "***2137"),
    ("93018-2137", "***2137"),
    ("2345-6789", "***6789"),
    ("0xx11 91018-2137", "0xx11 ***2137"),
    # eight digits alone, where somebody says what they are
    ("tel 3018 2137", "tel ***2137"),
    ("Tel.: 30182137 e 3018-2138", "Tel.: ***2137 e ***2138"),
    ("telefone: (11) 3018 2137", "telefone: ***2137"),
    ("customer_phone=30182137|conv=c", "customer_phone=***2137|conv=c"),
    ('"phone": "30182137"', '"phone": "***2137"'),
    ("meu n\u00famero \u00e9 3018 2137", "meu n\u00famero \u00e9 ***2137"),
    ("ligue para 3018.2137", "ligue para ***2137"),
    ("005511910182137", "***2137"),
    ("+55\u00b711\u2022910182137", "***2137"),
    ("+55 \u00b7 11 \u00b7 91018 \u00b7 2137", "***2137"),
    # digit by digit
    ("1 1 9 1 0 1 8 2 1 3 7", "***2137"),
    ("ligue 5 5 1 1 9 1 0 1 8 2 1 3 7 agora", "ligue ***2137 agora"),
    ("1-1-9-1-0-1-8-2-1-3-7.", "***2137."),
    ("\u2464\u2464\u2460\u2460\u2468\u2460\u24ea\u2460\u2467\u2461\u2460\u2462\u2466", "***2137"),
]

PEOPLE = [
    ("CPF 123.456.789-09", "CPF ***"),
    ("cpf=123456789-09|conv=c", "cpf=***|conv=c"),
    ("123 456 789 09", "***"),
    ("123.456.789\u201109", "***"),
    ("CNPJ 12.345.678/0001-95", "CNPJ ***"),
    ("RG 12.345.678-9, 12.345.678-X", "RG ***, ***"),
    ("card 4111 1111 1111 1111 ok", "card *** ok"),
    ("4111-1111-1111-1111, 3782 822463 10005", "***, ***"),
    ("cartao=5555555555554444|conv=c", "cartao=***|conv=c"),
    ("ana.maria+x@example.com.br", "***@example.com.br"),
    ("Ana <ana@example.org>, bia@example.org", "Ana <***@example.org>, ***@example.org"),
    ("x=ana@example.org|conv=c", "x=***@example.org|conv=c"),
    ("?mail=ana%40example.org", "?mail=***@example.org"),
    ("jo\u00e3o@escola.example", "***@escola.example"),
]

NO_PHONES = [
    "2026-11-22 10:12:27,174 - app",
    "2025-09-04T19:10:00-0300 host uvicorn[4127]",
    "2025-09-04T19:10:00+00:00",
    '"timestamp": "2026-11-22T10:12:10.816667"',
    "20250904 190022",
    "20250904190022",
    "state_id=140322275195584|outbox_id=140322291272832|count=1",
    "idem=edbe31dd6292a3b0",
    "idem=1234567890123456",
    "idem=a1234567890123bc",
    "id 123e4567-e89b-12d3-a456-426614174000",
    "http=500|status=failed",
    "count=123456789",
    "10.244.132.17:49152",
    "rate 0.9512345678901",
    "12 of 3456 in 10:12:27 2137-2138",
    "prompt_tokens: 512, max_tokens=1000",
    "idempotency_key: 25f9a6d375f9ff0e",
    "tokenizer=gpt secretary=ana",
    "http://host:8080/path?page=2",
    "kumon-assistant@1.service and getty@tty1.service",
    "sha256@0123 spin=4 bypass: no pinned=3 mapping: x",
    "years 2025-2026, pages 2137-2138, 0.912345678 s, 1,912345678",
    "2024-2025, lines 2100-2500, ports 3000-4000, pid=4127-4130",
    "pids 4127 4128 4129 4130, idem=4111111111111111, at 1795855017275677, 5555555555554445 bytes",
    "5432 8000 listening, pids 4127 4128, 3000 4000 of 5000",
    "HTTP 404 in 1200 ms at 10:12, 2.18.3, telephone call 20250904, whatsapp 2 of 3456",
    "exit code 123456, status code 200, erro c\u00f3digo 131047, c\u00f3digo de erro 131047",
    '{"error": {"code": 131047, "message": "x"}}',
    "pin 2025-09-04 10:00, otp 5 minutes, c\u00f3digo 404, senha 12:30",
    "https://outlook.office.com/mail/inbox and /etc/ntfy/server.yml and .git/hooks/pre-commit",
    "20251231235959",
    "version 1.123.456.789-09",
    "DELIVERY_DISABLE=true",
    "token > 5 and --max-tokens 5 --password-file /run/x",
    "docker run -u 1000:1000 --user 33:33 x",
    "the password is wrong, a senha \u00e9 fraca",
    "<tokens>5</tokens> area 10\u00b2 and 10\u00b2\u00b3",
    "3 \u00b7 4 \u2022 2026, 3\uff0e14",
    '{"token": null, "apikey": false}',
    "GET /a%20b%3Fpage%3D2 HTTP/1.1",
    "50% of 100%25",
    "Basic authentication is off",
    "mysql -h db -p kumon, redis-cli -p 6379 ping, docker run -p 8000:8000 x, ssh -p 2222 h, mkdir -p /x, 7z x a",
    "the password changed, requirepass not set, identified by name, docker login failed",
    "TOKEN_LIMIT=4096 TOKEN_EXPIRES_AT=2026-11-29T01:22:33 PASSWORD_MIN_LENGTH=8 SENHA_OBRIGATORIA=true",
    "1 2 3 4 5 6 7 8 9 10 11, 0 1 0 0 1 1 0 1 0 1 1, 2 1 9 1 1 1 1 1 1 1 1 1, load 0.12 0.34 0.56",
    "note: |\n  several lines\n  of text",
]

SECRETS = [
    ("password=hunter2", "password=***"),
    ("password: hunter2 next", "password: *** next"),
    ("PGPASSWORD = hunter2", "PGPASSWORD = ***"),
    ("EVOLUTION_API_KEY=abc,def;ghi", "EVOLUTION_API_KEY=***"),
    ("SIGNATURE_KEY=abc", "SIGNATURE_KEY=***"),
    ("SMTP_PASS=a|b&c\"d'e", "SMTP_PASS=***"),
    ("SECRET_2=abc", "SECRET_2=***"),
    ("accessToken=abc", "accessToken=***"),
    ("senha: 1234", "senha: ***"),
    (f"apikey={UUID}|conv=c", "apikey=***|conv=c"),
    (f"x-api-key: {UUID}", "x-api-key: ***"),
    ("GET /send?apikey=abc&instance=i HTTP/1.1", "GET /send?apikey=***&instance=i HTTP/1.1"),
    ('{"token": "abc", "n": 1}', '{"token": "***", "n": 1}'),
    ('{"token": 1234, "n": 1}', '{"token": ***, "n": 1}'),
    (r'{"token": "a\"b", "n": 1}', '{"token": "***", "n": 1}'),
    (r'{"token": "ends in \\", "n": 1}', '{"token": "***", "n": 1}'),
    ("{'apikey': 'abc', 'n': 2}", "{'apikey': '***', 'n': 2}"),
    (r'{"m": "{\"password\": \"ab\\\"cd\", \"n\": 1}"}', r'{"m": "{\"password\": \"***\", \"n\": 1}"}'),
    ("[(b'apikey', b'abc'), (b'host', b'h')]", "[(b'apikey', b'***'), (b'host', b'h')]"),
    ("os.environ['DB_PASSWORD'] = 'two words'", "os.environ['DB_PASSWORD'] = '***'"),
    ('token="cut off in the midd', 'token="***'),
    ('Environment="DB_PASSWORD=two words" X=1', 'Environment="DB_PASSWORD=***" X=1'),
    (r'{"m": "{\"x\": \"DB_PASSWORD=two words\"}"}', r'{"m": "{\"x\": \"DB_PASSWORD=***\"}"}'),
    ('{"m": "token: abc for n"}', '{"m": "token: *** for n"}'),
    # a name and its value apart
    ('{"name": "apikey", "value": "a b", "n": 1}', '{"name": "apikey", "value": "***", "n": 1}'),
    (r'"{\"key\":\"x-api-key\",\"value\":\"a\"}"', r'"{\"key\":\"x-api-key\",\"value\":\"***\"}"'),
    ('{\n "name": "DB_PASSWORD",\n "value": "a"\n}', '{\n "name": "DB_PASSWORD",\n "value": "***"\n}'),
    ("- name: API_KEY\n  value: a b\n- name: n\n  value: v", "- name: API_KEY\n  value: ***\n- name: n\n  value: v"),
    ("x-evolution-key: abc", "x-evolution-key: ***"),
    ('"credentials": {"user": "u", "pin": "p"}', '"credentials": ***'),
    ("Authorization: Bearer abc.def tail", "Authorization: *** tail"),
    ("authorization: Basic dXNlcjpwdw==", "authorization: ***"),
    ("sent Bearer abcdefgh12345678", "sent ***"),
    ("invalid token: password: hunter2", "invalid token: password: ***"),
    ("postgresql://kumon:p/w@d@db:5432/kumon", "postgresql://kumon:***@db:5432/kumon"),
    ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
    ("https://0123456789abcdef0123@sentry.example.org/1", "https://***@sentry.example.org/1"),
    ("key sk-proj-abcdefghijklmnop1234 used", "key *** used"),
    (r"line\nsk-proj-abcdefghijklmnop1234", r"line\n***"),
    ("xoxb-1234567890-abcdef", "***"),
    ("db_pw=hunter2", "db_pw=***"),
    ("DB_PW: hunter2", "DB_PW: ***"),
    ("pin=1234&x=1", "pin=***&x=1"),
    ('{"user_pin": "1234"}', '{"user_pin": "***"}'),
    ("pass=hunter2 next", "pass=*** next"),
    ("otp: 123456", "otp: ***"),
    ("pin = 12 34", "pin = ***"),
    ("user_pin: 12 34 ok", "user_pin: *** ok"),
    ("password: 1234 5678 ok", "password: *** ok"),
    ("pin=1234 2025-09-04 10:00:00", "pin=*** 2025-09-04 10:00:00"),
    ("otp 123456", "otp ***"),
    ("OTP 123 456 ok", "OTP *** ok"),
    ("c\u00f3digo 123456", "c\u00f3digo ***"),
    (r"Seu c\u00f3digo \u00e9 123456", r"Seu c\u00f3digo \u00e9 ***"),
    ("codigo de verifica\u00e7\u00e3o: 123-456", "codigo de verifica\u00e7\u00e3o: ***"),
    ("your code is 123456.", "your code is ***."),
    ("a senha \u00e9 12 34, ok", "a senha \u00e9 ***, ok"),
    ('"verification_code": "123456"', '"verification_code": "***"'),
    ("X-Gotify-Key: abc", "X-Gotify-Key: ***"),
    ("passphrase=correct horse battery|conv=c", "passphrase=***|conv=c"),
    ("x-hub-signature-256: sha256=abc", "x-hub-signature-256: ***"),
    ("https://tok123@git.example/x", "https://***@git.example/x"),
    (
        "https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofS/sendMessage",
        "https://api.telegram.org/***",
    ),
    ("https://discord.com/api/webhooks/1234567890123456789/AbC-dEf_0", "https://discord.com/api/webhooks/***"),
    (
        "https://x.webhook.office.com/webhookb2/a-b@c-d/IncomingWebhook/e/f next",
        "https://x.webhook.office.com/*** next",
    ),
    (
        "https://prod-1.westus.logic.azure.com:443/workflows/a/triggers/manual?sig=b",
        "https://prod-1.westus.logic.azure.com:443/***",
    ),
    (
        "https://chat.example/v1/spaces/A/messages?key=AI&token=b",
        "https://chat.example/v1/spaces/A/messages?key=***&token=***",
    ),
    ("https://b.example/x?X-Amz-Date=1&X-Amz-Signature=dead", "https://b.example/x?X-Amz-Date=1&X-Amz-Signature=***"),
    ("https://b.example/c?sv=2020&sig=ab%3D&se=2026", "https://b.example/c?sv=2020&sig=***&se=2026"),
    ("https://chat.example/hooks/abcdefghij0123456789abcdef", "https://chat.example/hooks/***"),
    ("bot123456789:AAHdqTcvCH1vGWJxfSeofS used", "*** used"),
    ("posted to https://ntfy.sh/kumon-alerts|conv=c", "posted to https://ntfy.sh/***|conv=c"),
    ("ntfy.example.org:8443/kumon-alerts ok", "ntfy.example.org:8443/*** ok"),
    ("https://hooks.slack.com/services/T0/B0/x", "https://hooks.slack.com/***"),
    ("https://outlook.office.com/webhook/a/b", "https://outlook.office.com/webhook/***"),
    ("https://chat.example/hooks/abc, next", "https://chat.example/hooks/*** next"),
    (r'{"url":"https:\/\/ntfy.sh\/alerts","n":1}', r'{"url":"https:\/\/ntfy.sh\/***","n":1}'),
    ("?u=https%3A%2F%2Fntfy.sh%2Falerts", "?u=https%3A%2F%2Fntfy.sh%2F***"),
    ("tgram://123:abc/1 ntfys://h/alerts", "tgram://*** ntfys://***"),
    (r"https://b.example/x?a=1\u0026X-Amz-Signature=dead", r"https://b.example/x?a=1\u0026X-Amz-Signature=***"),
    ("?u=https%3A%2F%2Fb.example%2Fx%3Fsig%3Dabc", "?u=https%3A%2F%2Fb.example%2Fx%3Fsig%3D***"),
    ("https://h.example/services/T0AB/B0CD/abc123", "https://h.example***"),
    ("ghp_abcdefghijklmnopqrst", "***"),
    ("AKIAIOSFODNN7EXAMPLE", "***"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl ok", "*** ok"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nx", "***\nx"),
    ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQ\n-----END PGP PRIVATE KEY BLOCK-----\nx", "***\nx"),
    ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\nx", "***\nx"),
    # as commands, elements, other languages and other keyboards write them
    ("mysql --password hunter2 --host h", "mysql --password *** --host h"),
    ("tool --api-key abc run", "tool --api-key *** run"),
    ("curl -u admin:hunter2 https://h/", "curl -u admin:*** https://h/"),
    ("curl --user=admin:hunter2 https://h/", "curl --user=admin:*** https://h/"),
    ("<password>two words</password>", "<password>***</password>"),
    ("a senha \u00e9 hunter2, ok", "a senha \u00e9 *** ok"),
    ("password is hunter2", "password is ***"),
    ("senha\uff1ahunter2", "senha\uff1a***"),
    ("senha\uff1dhunter2", "senha\uff1d***"),
    ("password=\u00a0hunter2", "password=\u00a0***"),
    ("password:      hunter2", "password:      ***"),
    ("apikey -> abc", "apikey -> ***"),
    ("chave_api=abc", "chave_api=***"),
    ("Chave de acesso: abc", "Chave de acesso: ***"),
    ("dbPass=abc userPw=abc", "dbPass=*** userPw=***"),
    ("routing_key=abc", "routing_key=***"),
    ("appsecret_proof=abc", "appsecret_proof=***"),
    ("/x%3Ftoken%3Dabc next", "/x%3Ftoken%3D*** next"),
    ("?next=https%3A%2F%2Fu%3Ahunter2%40h%2F", "?next=https%3A%2F%2Fu%3A***%40h%2F"),
    ("Cookie: a=1; session=abc", "Cookie: ***"),
    ('Authorization: Digest username="u", response="abc"', "Authorization: ***"),
    ("Authorization: GenieKey abc tail", "Authorization: *** tail"),
    ("Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b", "Authorization: ***"),
    # of services
    ("rk_live_abcdefghijklmnop1234", "***"),
    ("whsec_abcdefghijklmnop1234", "***"),
    ("EAAGm0PX4ZCpsBAKZAabcdefghijklmnop", "***"),
    ("ya29.a0AfH6SMBabcdefghijklmnop", "***"),
    ("GOCSPX-abcdefghijklmnop1234", "***"),
    ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "***"),
    ("pypi-AgEIcHlwaS5vcmcCJGabcdef", "***"),
    ("SG.abcdefghijklmnop12.qrstuvwxyz0123456789", "***"),
    ("xapp-1-A0123-456-abcdef", "***"),
    ("dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef", "***"),
    ("https://hc-ping.com/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "https://hc-ping.com/***"),
    ("https://maker.ifttt.com/trigger/x/with/key/abcDEF123", "https://maker.ifttt.com/trigger/x***"),
    # percent-encoded, once or again
    ("q=%7B%22apikey%22%3A%22PLANTED%22%7D&x=1", 'q={"apikey":"***"}&x=1'),
    ("body=%7B%22number%22%3A%225511910182137%22%7D", 'body={"number":"***2137"}'),
    ("doc=%22123.456.789-09%22", 'doc="***"'),
    ("GET /x%253Fapi_key%253DPLANTED HTTP/1.1", "GET /x?api_key=*** HTTP/1.1"),
    ("auth Bearer%20PLANTEDPLANTED sent", "auth *** sent"),
    ("https%3A%2F%2Fana%3APLANTED@host", "https://ana:***@host"),
    # a user with his password
    ("sent Basic YW5hOlBMQU5URUQ= to the host", "sent Basic *** to the host"),
    ('{"auths":{"h":{"auth":"YW5hOlBMQU5URUQ="}}}', '{"auths":{"h":{"auth":"***"}}}'),
    # YAML over lines
    ("env:\n  api_key: |\n    PLANTED\n    PLANTED\n  next: 1", "env:\n  api_key: ***\n  next: 1"),
    ("password: >-\n  PLANTED\nnext: 1", "password: ***\nnext: 1"),
    ('"pairingCode":"PLANTED"', '"pairingCode":"***"'),
    ("gsk_PLANTEDplantedPLANTEDplanted", "***"),
    # coloured, as structlog and pygments write it
    ("\x1b[36mapi_key\x1b[0m=\x1b[35mPLANTED\x1b[0m", r"\x1b[36mapi_key=***"),
    (r'{"log":"\u001b[36mtoken\u001b[0m=\u001b[35mPLANTED\u001b[0m"}', r'{"log":"\u001b[36mtoken=***"}'),
    ('\x1b[94m"pin"\x1b[39;49;00m:\x1b[37m \x1b[39;49;00m\x1b[33m"PLANTED"\x1b[0m', r'\x1b[94m"pin":"***"\x1b[0m'),
    ("token de acesso: PLANTED", "token de acesso: ***"),
    # an option of one letter, by whose it is
    ("sshpass -p PLANTED ssh h", "sshpass -p *** ssh h"),
    ("sshpass -pPLANTED ssh h", "sshpass -p*** ssh h"),
    ("redis-cli -h h -a PLANTED ping", "redis-cli -h h -a *** ping"),
    ("mysqldump -u root -pPLANTED db > x", "mysqldump -u root -p*** db > x"),
    ("mariadb -uroot -p'two words' db", "mariadb -uroot -p*** db"),
    ('{"cmd":"docker login -u u -p PLANTED"}', '{"cmd":"docker login -u u -p ***"}'),
    ("ldapsearch -D cn=x -w PLANTED -b x", "ldapsearch -D cn=x -w *** -b x"),
    ("mosquitto_pub -u u -P PLANTED -t x", "mosquitto_pub -u u -P *** -t x"),
    ("curl -uadmin:PLANTED http://h", "curl -uadmin:*** http://h"),
    ("keytool -storepass PLANTED -list", "keytool -storepass *** -list"),
    ("requirepass PLANTED", "requirepass ***"),
    ("ALTER USER u WITH PASSWORD 'PLANTED';", "ALTER USER u WITH PASSWORD ***;"),
    ("CREATE USER u IDENTIFIED BY 'PLANTED'", "CREATE USER u IDENTIFIED BY ***"),
    # the noun first, as in Portuguese
    ("SENHA_BANCO=plantada1 PORT=1", "SENHA_BANCO=*** PORT=1"),
    ("TOKEN_WHATSAPP: 'a1b2c3d4e5'", "TOKEN_WHATSAPP: '***'"),
]

CONTROLS = [
    ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
    ("a\rb\x00c\x07\x7f\x9b", r"a\x0db\x00c\x07\x7f\x9b"),
    ("abc\u202edef\u2066", r"abc\u202edef\u2066"),
    ("\udcff", r"\udcff"),
    ("line\n\tnext – é 🚨", "line\n\tnext – é 🚨"),
    ("\x1b5511910182137", r"\x1b***2137"),
    ("\x0012345678", r"\x0012345678"),
    ("\u202820250904", r"\u202820250904"),  # digits of the escape and of a date are no number together
]


@pytest.mark.parametrize(("text", "expected"), PHONES + PEOPLE + SECRETS + CONTROLS)
def test_masks(text, expected):
    assert redact(text) == expected
    assert redact(expected) == expected


@pytest.mark.parametrize("text", NO_PHONES)
def test_leaves_what_is_no_number_and_no_secret(text):
    assert redact(text) == text


def test_idempotent_on_any_mixture():
    rng = random.Random(20250904)
    pieces = [text for text, _expected in PHONES + PEOPLE + SECRETS + CONTROLS] + NO_PHONES
    pieces += list("\\\"'|&=:,+-_*()[]{}@ \n/.0b\x1b") + ["://", "token", "password=", "\\u00e0", "55", "9101", "ab12"]
    pieces += ["\x1b[0m", r"\u001b[35m", r"\x1b[", "[0m"]
    for _n in range(5000):
        text = "".join(rng.choice(pieces) for _n in range(rng.randint(1, 8)))
        once = redact(text)
        assert redact(once) == once, text


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            "1",
            "1 ",
            "f",
            "\\",
            "(11) ",
            "+1-",
            "eyJ",
            "%",
            "%25",
            "%22token%22%3A%22",
            "password: |\n ",
            "Basic a",
            "sk-",
            "://a:",
            "token",
            "token: ",
            "token=a ",
            "token='a' ",
        ),
        *(
            'token="',
            "token='\"",
            'token=\\"',
            "token=&a",
            "_KEY=[",
            "a@",
            "%40a.",
            "a.a@a.",
            "55 ",
            "1\u200b",
            "1\u00a0",
            "123.",
            "/hooks/a",
            "?sig=a&",
            "passphrase=a ",
            "bearer ",
            "-----BEGIN PRIVATE KEY-----",
            "\x1b",
            "--",
            "--a",
            " --password a",
            "-u a:",
            "</token>a",
            "senha is 1",
            "%3A%2F%2Fa%3A%40",
            "authorization: a ",
            "SG.aaaaaaaaaaaaaaaa",
            "---- BEGIN ",
            "\u2460",
            "1\u00b7",
            "c\u00f3digo 1 ",
            "c\u00f3digo de ",
            "tel 3",
            "pin=1 1 ",
            "hooks.slack.com/",
            "ntfy.",
            "ntfy.aa/",
            "https://a/hooks/",
            "://a/a",
            "slack://",
            "3018-",
            '"token","value":"',
            "name: token\nvalue: a\n",
            '"token=a ',
            "4111 ",
            "mysql ",
            "redis-cli -",
            "docker login ",
            "1 1 9 ",
            "password '",
            "SENHA_",
        ),
    ],
)
def test_time_is_linear_on_hostile_text(piece):
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    redact(text)
    assert time.process_time() - start < 2  # about 0.1 s; quadratic would be minutes


def test_data_is_redacted_at_every_depth_and_not_changed_in_place():
    data = {
        "api_key": "abc",
        "password": 1234,
        "token": None,
        "secret": "",
        "phone": 5511910182137,
        "number": 7,
        "lines": 5511910182137,
        "samples": [{"line": "phone=5511910182137"}, ("\x1b", True, 1.5)],
        "5511910182137": 1,
        "5521910182137": 2,
        "env": [{"name": "DB_PASSWORD", "value": "abc"}, {"name": "LEVEL", "value": "info"}],
        "headers": [{"key": "apikey", "value": 1234}],
        "command": ["mysql", "--password", "abc", "--host", "h"],
    }
    before = repr(data)
    assert redact_data(data) == {
        "api_key": "***",
        "password": "***",
        "token": None,
        "secret": "",
        "phone": "***2137",
        "number": 7,
        "lines": 5511910182137,
        "samples": [{"line": "phone=***2137"}, ["\\x1b", True, 1.5]],
        "***2137": 1,
        "***2137'": 2,
        "env": [{"name": "DB_PASSWORD", "value": "***"}, {"name": "LEVEL", "value": "info"}],
        "headers": [{"key": "apikey", "value": "***"}],
        "command": ["mysql", "--password", "***", "--host", "h"],
    }
    assert repr(data) == before


def test_the_digits_of_a_control_character_are_no_part_of_a_number():
    once = redact("\x08\u200b1 \x85\u00a04 \x08 \u00a04")
    assert once == "\\x08\\u200b1 \\x85\u00a04 \\x08 \u00a04"
    assert redact(once) == once


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:8000/health", "http://127.0.0.1:8000/health"),
        ("http://127.0.0.1:8000/health?token=PLANTED", "http://127.0.0.1:8000/health?***"),
        ("http://u:PLANTED@h/x", "http://***@h/x"),
        ("http://u:PLAN/TED@h/x", "http://u:***@h/x"),
        ("https://h/hooks/PLANTED0123456789abcdefgh/slack", "https://h/hooks/***"),
        ("https://h/x/PLANTED0123456789abcdefgh/slack", "https://h/x/***/slack"),
        ("https://h/webhook/kumon_assistant-production", "https://h/webhook/kumon_assistant-production"),
        ("https://ntfy.sh/PLANTED", "https://ntfy.sh/***"),
        ("https://gotify.example/message?token=PLANTED", "https://gotify.example/message?***"),
        ("https://gotify.example/message;token=PLANTED", "https://gotify.example/message;token=***"),
        ("https://hooks.slack.com/services/T0/B0/PLANTED", "https://hooks.slack.com/***"),
        ("https://x.webhook.office.com/webhookb2/PLANTED", "https://x.webhook.office.com/***"),
        ("https://h/api_key=PLANTED", "https://h/api_key=***"),
        # what operators need to see
        ("http://127.0.0.1:8000/api/v1/evolution/webhook", "http://127.0.0.1:8000/api/v1/evolution/webhook"),
        ("http://[::1]:8000/health", "http://[::1]:8000/health"),
        ("http://10.244.132.17:49152/health", "http://10.244.132.17:49152/health"),
        ("http://evolution:8080/message/sendText/kumon", "http://evolution:8080/message/sendText/kumon"),
        ("http://gateway.example.org:8080/evolution", "http://gateway.example.org:8080/evolution"),
    ],
)
def test_a_url_is_told_without_what_is_as_good_as_a_password(url, told):
    assert shown(url) == told
    assert redact(told) == told


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://push.example/PLANTED", "https://push.example/***"),
        ("https://u:PLANTED@push.example:8443/PLANTED?PLANTED#PLANTED", "https://push.example:8443/***"),
        ("https://push.example?PLANTED", "https://push.example/***"),
        ("https://u:PLAN/TED@push.example/PLANTED", "https://u:PLAN/***"),
        ("PLANTED", "***"),
    ],
)
def test_of_a_webhook_the_host_is_told(url, told):
    assert shown_hook(url) == told
