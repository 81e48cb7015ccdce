# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bodies of real services mean that come with a good HTTP status."""

from __future__ import annotations

import time

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._body import illness, refusal

YES = [
    "", "ok", "1", 1, None, "accepted", "true", "EVENT_RECEIVED", "thanks", [], {}, {"received": True},
    "Processed with 0 errors", "no errors", "errors: none",
    {"ok": True}, {"ok": "true"}, {"errcode": 0}, {"errcode": "0", "errmsg": "ok"}, {"code": 0}, {"code": 200},
    {"code": "SUCCESS"}, {"success": True, "error": None}, {"success": 1, "failure": 0}, {"sent": 1, "failed": 0},
    {"error": ""}, {"error": False}, {"errors": []}, {"status": 200}, {"status": 1, "request": "x"},
    # Telegram, Discord and Google Chat give back what was sent; that it tells of an error is our own news.
    {"ok": True, "result": {"message_id": 3, "text": "delivery failed"}},
    {"id": "123", "type": 0, "content": "delivery failed"}, {"name": "spaces/x", "text": "delivery failed"},
    # Feishu, PagerDuty, n8n, Twilio, Opsgenie
    {"code": 0, "msg": "success", "data": {}}, {"StatusCode": 0, "StatusMessage": "success"},
    {"status": "success", "message": "Event processed", "dedup_key": "x"}, {"message": "Workflow was started"},
    {"sid": "x", "status": "queued", "error_code": None}, {"result": "Request will be processed", "took": 0.3},
    {"message": "Accepted, 0 rejected, none dropped"}, {"message": "nenhuma falha"}, {"error": {"code": 0}},
    # WhatsApp's own, and what repeats an HTTP status
    {"messages": [{"id": "x", "message_status": "accepted", "text": "delivery failed"}]}, {"meta": {"code": 200}},
    {"sucesso": True, "erro": None}, {"accepted": ["a@example.org"], "rejected": []}, {"dropped": 0},
    {"type": "message"}, {"status": "received"}, {"ResultCode": "00"}, {"mensagem": "Mensagem enviada"}, {"erros": []},
    {"status": {"code": 200, "text": "OK"}}, {"isError": False}, {"hasError": 0}, {"retcode": 0},
    {"ret": 0}, {"ret": 200, "msg": ""}, {"valid": True}, {"message": "full text was sent"},
    # A state that says it went well counts before a sentence; Vonage, Infobip, FCM's batches, Z-API
    {"status": "success", "message": "missing fields were defaulted"}, {"status": "ok", "msg": "unknown keys: 2"},
    {"message-count": "1", "messages": [{"status": "0", "message-id": "x"}]}, {"successCount": 1, "failureCount": 0},
    {"messages": [{"status": {"groupId": 1, "groupName": "PENDING", "id": 7, "name": "PENDING_ENROUTE"}}]},
    {"mensagem": "nenhum erro, enviada"}, {"data": {"notify": {"ok": True}}},
    {"situacao": "OK", "codigo": "1", "descricao": "MENSAGEM NA FILA"}, {"retorno": "OK"},
    {"sendSmsResponse": {"statusCode": "00", "statusDescription": "Ok", "detailDescription": "Message Sent"}},
]  # fmt: skip

NO = [
    # Slack, Teams, Mattermost, Discord, Telegram, Feishu, DingTalk, WeCom, Rocket.Chat, FCM, Twilio, FastAPI
    ({"ok": False, "error": "channel_not_found"}, "ok: false (channel_not_found)"),
    ("invalid_token", "invalid_token"), ("no_service", "no_service"), ("channel_is_archived", "channel_is_archived"),
    ("Webhook message delivery failed with error: endpoint returned HTTP error 429", "delivery failed"),
    ("Summary or Text is required.", "is required"), ("Bad payload received by generic incoming webhook.", "Bad"),
    ({"id": "web.incoming", "message": "no", "status_code": 400}, "statuscode: 400"),
    ({"message": "Unknown Webhook", "code": 10015}, "code: 10015 (Unknown Webhook)"),
    ({"ok": False, "error_code": 400, "description": "chat not found"}, "chat not found"),
    ({"code": 9499, "msg": "Bad Request"}, "code: 9499"), ({"code": 400}, "code: 400"),
    ({"errcode": 310000, "errmsg": "keywords not in content"}, "errcode: 310000 (keywords not in content)"),
    ({"errcode": "40001"}, "errcode: 40001"), ({"success": False}, "success: false"),
    ({"success": "false"}, "success: false"), ({"results": [{"error": "NotRegistered"}]}, "NotRegistered"),
    ({"status": "failed", "sid": "x"}, "status: failed"), ({"detail": "Not authenticated"}, "Not authenticated"),
    ({"error": True, "message": "Connection Closed"}, "error: true (Connection Closed)"),
    ({"data": {"success": False}}, "success: false"), ([{"ok": False}], "ok: false"), (False, "false"),
    ("false", "false"), ({"delivered": False}, "delivered: false"), ({"status": "ERROR"}, "status: ERROR"),
    ({"status": 500}, "status: 500"), ({"response": {"status": "error"}}, "status: error"), ("falhou", "falhou"),
    ({"messages": [{"status": "failed"}]}, "status: failed"), ({"meta": {"code": 400}}, "code: 400"),
    ({"status": {"code": 500, "text": "no"}}, "code: 500"), ({"isError": True, "message": "no"}, "iserror: true (no)"),
    ({"retcode": 1404}, "retcode: 1404"), ({"error_description": "expired"}, "expired"),
    ({"fault": {"a": "x"}}, "fault"),
    ({"error": {"code": 190, "message": "bad"}}, "190"),
    # In Portuguese; nodemailer; a state that is no failure, and by which nobody was told
    ({"ret": -1}, "ret: -1"), ({"valid": False}, "valid: false"), ("the queue is full", "is full"),
    ({"message": "Webhook is paused"}, "paused"), ({"reason": "BadDeviceToken"}, "BadDeviceToken"),
    ({"sucesso": False}, "sucesso: false"), ({"erro": "token"}, "erro: token"),
    ({"mensagem": "não autorizado"}, "não autorizado"), ({"enviado": False, "motivo": "x"}, "enviado: false (x)"),
    ({"accepted": [], "rejected": ["a@example.org"]}, "rejected: "), ({"dropped": 1}, "dropped: 1"),
    ({"status": "ignored"}, "status: ignored"), ({"status": "skipped"}, "status: skipped"),
    ({"type": "error", "message": "x"}, "type: error (x)"), ({"ResultCode": 4}, "resultcode: 4"),
    ({"messages": [{"status": "4", "error-text": "Bad Credentials"}]}, "Bad Credentials"),
    ({"messages": [{"status": {"groupId": 5, "groupName": "REJECTED", "id": 12}}]}, "groupname: REJECTED"),
    ({"successCount": 0, "failureCount": 1}, "failurecount: 1"), ("fila cheia", "fila cheia"),
    ({"status": "disconnected"}, "disconnected"), ({"message": "Daily limit reached"}, "limit reached"),
    ({"message": "Insufficient funds"}, "Insufficient"), ("not enough credits", "not enough"),
    ({"mensagem": "Instância não conectada"}, "não conectada"), ({"message": "Saldo insuficiente"}, "insuficiente"),
    ("não foi possível enviar", "não foi"), ("token expirado", "expirado"), ("número bloqueado", "bloqueado"),
    ({"status": "desconectado"}, "desconectado"), ("limite excedido", "excedido"), ("sem saldo", "sem saldo"),
    ("serviço indisponível", "indisponível"), ({"resultado": "erro"}, "resultado: erro"),
    ({"situação": "falha no envio"}, "falha no envio"), ("erro no servidor", "erro no"),
    ("canal arquivado", "arquivado"), ({"status": "unsuccessful"}, "unsuccessful"), ({"result": "NG"}, "result: NG"),
    ({"errorMessages": ["no such channel"], "errors": {}}, "errormessages: "),
    ({"retorno": "ERRO"}, "retorno: ERRO"), ({"codigo": 401}, "codigo: 401"), ("Não foi enviada", "Não foi enviada"),
    ({"descricao": "Saldo insuficiente", "codigo": 5}, "insuficiente"),
    ({"sendSmsResponse": {"statusCode": "10", "statusDescription": "Error"}}, "statuscode: 10"),
    ({"requestError": {"serviceException": {"messageId": "UNAUTHORIZED"}}}, "UNAUTHORIZED"),
    ("There is no scenario listening for this webhook.", "no scenario"),
]  # fmt: skip


@pytest.mark.parametrize("body", YES)
def test_what_says_nothing_bad_is_a_yes(body):
    assert refusal(body) == ""


@pytest.mark.parametrize(("body", "says"), NO)
def test_what_says_no_is_told(body, says):
    assert says in refusal(body)


def test_what_is_told_is_short_and_clean():
    told = refusal({"ok": False, "error": "x" * 5000 + "\x1b[2J", "message": "call 5511910182137"})
    assert len(told) <= 120
    assert "\x1b" not in told
    assert refusal("invalid_token for 5511910182137") == "invalid_token for ***2137"


def test_a_long_or_deep_body_takes_no_time():
    deep: dict = {}
    for _n in range(500):
        deep = {"data": [deep] * 3}
    begun = time.process_time()
    for body in ("0 " * 500_000, "error 0 " * 100_000 + " " * 400_000, deep, [{"data": [{}] * 100}] * 100_000):
        refusal(body)
    assert time.process_time() - begun < 2


WELL = [
    {}, {"status": "healthy"}, {"status": "ok"}, {"status": "pass"}, {"status": "something new"}, {"status": 200},
    {"state": "running"}, {"ok": True}, {"delivery_disabled": False}, {"delivery_disabled": True, "status": "OK"},
    {"status": "UP", "components": {"db": {"status": "DOWN"}}}, {"status": "healthy", "instances_count": 0},
    {"checks": {"db": {"status": "ok"}}}, None, [], "unhealthy", {"error": None}, {"error": "none", "version": "1"},
    {"checks": [{"name": "db", "status": "pass"}]}, {"data": {"status": "up"}}, {"ready": 0, "up": 0, "status": 0},
    {"degraded": False, "status": "ok"}, {"errors": []}, {"errors": 0}, {"checks": {"breaker": "closed"}},
    {"status": "ok: 3 of 3"}, {"database": "connected", "redis": True}, {"checks": {"disk": [{"status": "pass"}]}},
    {"results": {"db": {"status": "Healthy"}}}, {"results": [1, 2]}, {"queue": 0, "cache": {"size": 0}},
    {"details": {"uptime": 86400, "queue": 512}}, {"status": "✅ healthy"}, {"status": "OK - 2 workers, 0 down"},
    {"status": "HealthyAndReady"},
    # Nothing is wrong, and nobody says so in one word
    {"status": "sem erros"}, {"status": "não há falhas"}, {"status": "not degraded"}, {"status": "no error"},
    {"services": {"cache": "not configured"}}, {"services": {"cache": "não monitorado"}},
    {"services": {"cache": "disabled"}}, {"status": "ok", "erro": None},
    {"success": True, "data": {"status": "healthy"}}, {"status": "success", "data": {"queue": 3}},
    {"status": "healthy", "connected": False}, {"database": {"connected": True, "latency_ms": 3}}, {"erros": 3},
]  # fmt: skip
ILL = [
    ({"status": "unhealthy"}, "unhealthy"), ({"status": "DOWN"}, "DOWN"), ({"status": "degraded"}, "degraded"),
    ({"status": "not_ready"}, "not_ready"), ({"status": "fail"}, "fail"),
    ({"status": "out_of_service"}, "out_of_service"),
    ({"healthy": False}, "healthy: false"), ({"ok": False}, "ok: false"), ({"status": 503}, "status: 503"),
    ({"status": False}, "status: false"), ({"health": {"status": "unhealthy"}}, "unhealthy"),
    ({"status": "starting"}, "starting"), ({"delivery_disabled": False, "status": "error"}, "error"),
    ({"checks": {"db": {"status": "down"}}}, "db: down"),
    ({"services": {"redis": "disconnected"}}, "redis: disconnected"), ({"ok": 0}, "ok: 0"),
    ({"alive": "0"}, "alive: 0"),
    ({"checks": [{"name": "db", "status": "fail"}]}, "db: fail"), ({"data": {"status": "down"}}, "down"),
    ({"error": "database is gone"}, "error: database is gone"),
    ({"status": "ok", "error": "database is gone"}, "error: database is gone"), ({"degraded": True}, "degraded: true"),
    ({"errors": ["x"]}, "errors: ['x']"), ({"error": {"code": 7}}, "error: {'code': 7}"),
    ({"error": True}, "error: true"), ({"status": "DEGRADED: database"}, "DEGRADED: database"),
    ({"status": "unhealthy (redis)"}, "unhealthy (redis)"), ({"status": "em manutenção"}, "em manutenção"),
    ({"status": "fora do ar"}, "fora do ar"), ({"status": "instável"}, "instável"),
    ({"status": "com falhas"}, "com falhas"), ({"status": "maintenance"}, "maintenance"),
    ({"status": "overloaded"}, "overloaded"), ({"status": "unreachable"}, "unreachable"),
    ({"database": "disconnected"}, "database: disconnected"), ({"db": False}, "db: false"),
    ({"redis": {"status": "down"}}, "redis: down"), ({"results": {"db": {"status": "Unhealthy"}}}, "db: Unhealthy"),
    ({"checks": {"disk": [{"status": "fail"}]}}, "disk: fail"), ({"checks": {"db": "error: timeout"}}, "db: timeout"),
    ({"situacao": "erro"}, "erro"), ({"statusCode": 503}, "statusCode: 503"),
    ({"status": "NotReady"}, "NotReady"), ({"state": "OutOfService"}, "OutOfService"),
    ({"status": "❌ unhealthy"}, "❌ unhealthy"), ({"status": "unhealthy - database"}, "unhealthy - database"),
    ({"status": "sem conexão"}, "sem conexão"), ({"status": "[DOWN]"}, "[DOWN]"),
    # In more words than one
    ({"status": "not running"}, "not running"), ({"status": "não está pronto"}, "não está pronto"),
    ({"status": "database down"}, "database down"), ({"status": "connection lost"}, "connection lost"),
    ({"status": "erro no banco"}, "erro no banco"), ({"status": "sem conexão com o banco"}, "sem conexão com o banco"),
    ({"status": "503 Service Unavailable"}, "503 Service Unavailable"), ({"status": "reiniciando"}, "reiniciando"),
    # What a framework puts around it is not the service's word, nor has a part always a status
    ({"success": True, "data": {"status": "unhealthy"}}, "unhealthy"), ({"response": {"status": "down"}}, "down"),
    ({"status": "success", "data": {"status": "down"}}, "down"), ({"live": False}, "live: false"),
    ({"database": {"connected": False}}, "database: false"),
    ({"results": [{"checker": "x", "passed": False}]}, "?: false"),
    # In Portuguese
    ({"servicos": {"banco": "erro"}}, "banco: erro"), ({"Banco de dados": "erro"}, "Banco de dados: erro"),
    ({"status": "ok", "erro": "banco fora do ar"}, "erro: banco fora do ar"),
    ({"dependências": {"redis": {"status": "fora do ar"}}}, "redis: fora do ar"),
    ({"checkResults": [{"name": "Database", "status": "failed"}]}, "Database: failed"),
]  # fmt: skip


@pytest.mark.parametrize("health", WELL)
def test_who_does_not_call_himself_ill_is_not(health):
    assert illness(health) == ""


@pytest.mark.parametrize(("health", "says"), ILL)
def test_who_calls_himself_ill_is(health, says):
    assert illness(health) == says
