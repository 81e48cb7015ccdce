# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take phone numbers, secrets and terminal control characters out of text before anybody sees it.

The text comes from logs in which customers write what they like, so every expression here is linear in the length of
its input: a repeat is bounded, or it swallows what it looked at. When in doubt too much is masked, never too little.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Any

MASK = "***"

# A mask is shorter than what it covers and holds no spaces, so it can bring together what then looks like a secret.
# A second pass finds it and a third finds nothing; the limit keeps the time linear whatever the input.
_PASSES = 5

# C0 and C1 controls but tab and line feed, invisible and bidirectional formatting, and lone surrogates (undecodable
# bytes): what could move the cursor, hide text or crash the terminal's encoder.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)

# Digits of other scripts, and what looks like a space, like a hyphen or like nothing where it stands between digits, as
# it is or as JSON writes it: a number is a number however it was typed.
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
# Digits in circles, raised or lowered are no digits to most; a long run of them is a number all the same.
_DRAWN_DIGITS = re.compile("[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u24ea\u2776-\u277e]{8,32}")
# The digits of a control character that was written out are none of a number.
_IN_NUMBER = r"(?<=[0-9()+])(?<!\\x[0-9A-Fa-f]{2})(?<!\\u[0-9A-Fa-f]{4})"
_AFTER_NUMBER = rf"(?:{_IN_NUMBER}|(?<=[0-9()+][ -])(?<!\\x[0-9A-Fa-f]{{2}}[ -])(?<!\\u[0-9A-Fa-f]{{4}}[ -]))"
_TO_NUMBER = r"(?=[ .-]{0,2}[0-9()])"
_NOTHING = re.compile(
    _IN_NUMBER + "(?:[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\ufe00-\ufe0f\ufeff]"
    r"|\\u(?i:00ad|034f|061c|180e|200[b-f]|202[a-e]|206[0-9a-f]|20e3|fe0[0-9a-f]|feff)){1,8}" + _TO_NUMBER
)
_SPACE = re.compile(
    _AFTER_NUMBER + r"(?:[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
    r"|\\u(?i:00a0|1680|200[0-9a]|202f|205f|3000)){1,4}" + _TO_NUMBER
)
_HYPHEN = re.compile(
    _AFTER_NUMBER + r"(?:[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]"
    r"|\\u(?i:201[0-5]|2043|2212|fe58|fe63|ff0d))" + _TO_NUMBER
)

# Colours, written out. What a formatter puts around the sign between a name and its value hides neither:
# `\x1b[36mapi_key\x1b[0m=\x1b[35mx`.
_COLOUR = r"\\(?:x|u00)1b\[[0-9;]{0,20}m"
_COLOURS = re.compile(f"{_COLOUR}(?: ?{_COLOUR})*")

# A name whose value is a secret, by how the name ends: `max_tokens` and `idempotency_key` are none. Only the end is
# matched; looking for the name's beginning too would cost quadratic time on a long word.
_SECRET_NAME = (
    r"(?:(?i:token|secret|senha|password|passwd|passphrase|pwd|_pass|authorization|credentials?|cookie|signature"
    # Short words have to stand alone, or at the end of a name of several: `db_pw`, and not `spin`.
    r"|(?<![a-z])(?:pw|pass|pin|otp|totp|cvv|cvc)|api[ _-]?key"
    r"|(?:(?<![a-z])(?:pin|otp|totp)|access|auth|confirmation|login|pairing|recovery|security|verification)[_-]?code"
    r"|(?:chave|token)[ _-](?:de[ _-])?(?:api|acesso|secreta|privada)"
    r"|(?:access|account|anon|auth|encryption|evolution|gotify|license|master|private|routing|secret|service|signing|webhook)[_-]?key)"
    r"|(?<=[a-z])(?:Pass|Pw|Pin)|_KEY)(?:_(?i:base|hash|id|proof|value))?[_-]?[0-9]{0,3}"
)
_SECRET_NAME_ALONE = re.compile(_SECRET_NAME + r"\Z")
_BLANKS = r"[ \t\u00a0]{0,20}"
# name=, name:, "name":, \"name\":, 'name', (a header as a tuple), environ['name'] =
_SECRET_KEY_TEXT = (
    _SECRET_NAME
    + r"(?P<quote>\\{0,7}[\"'])?\]?"
    + _BLANKS
    + r"(?(quote)(?:[=-]>|={1,3}|:=?|,)|(?:[=-]>|={1,3}|:=?|[\uff1d\uff1a]|%3[ADad]))"
    + _BLANKS
)
_SECRET_KEY = re.compile(_SECRET_KEY_TEXT)
# "invalid token: password: x": the first name's value is the second name, the secret stands behind it
_NEXT_KEY = re.compile(r"[\w.-]{0,64}?" + _SECRET_KEY_TEXT + r"(?<=[ \t\u00a0])")
# {"name": "apikey", "value": "x"}, also over lines and in YAML
_VALUE_OF = re.compile(r"\s{0,80}\\{0,7}[\"'](?i:value)\\{0,7}[\"'][ \t]{0,20}:[ \t]{0,20}")
_VALUE_BELOW = re.compile(
    rf"((?i:\bname):[ \t]{{1,9}}[\"']?[\w.-]{{0,64}}?{_SECRET_NAME}[\"']?[ \t]{{0,9}}\n[ \t]{{0,80}}value:[ \t]{{1,9}})"
    r"(?=[^\s&*!|>])[^\n]+"
)
# A text over lines, which YAML sets in below its name.
_BLOCK = re.compile(
    rf"(?m)^((?P<in>[ \t]{{0,80}})[\"']?[\w.-]{{0,64}}?{_SECRET_NAME}[\"']?: )[|>][0-9+-]{{0,2}}[ \t]{{0,9}}"
    r"(?:\n(?P=in)[ \t]{1,80}[^\n]*)+"
)
# Within a quote that stands before the name, as systemctl writes it: "DB_PASSWORD=two words"
_QUOTED_PAIR = re.compile(r"[\"'](?=[\w.-]{0,64}\Z)")
_OPENING = re.compile(r"b?(\\{0,7})([\"'])")
# After a bare name the value ends at white space, at the next `|name=` or `&name=`, or at a closing quote.
_BARE_VALUE = re.compile(
    r"(?:(?i:bearer|basic|digest|token)[ \t]+)?"
    r"(?:[^\s|&\"']|[|&](?!\w{1,64}=)|[\"'](?![\s|\"',;:)}\]]|\Z))*"
)
# People write the digits of a PIN in groups.
_GROUPS = re.compile(r"[0-9]{1,8}(?:[ \u00a0]{1,2}[0-9]{1,4}(?![0-9A-Za-z]|[.,:/-][0-9])){1,7}|" + _BARE_VALUE.pattern)
# A passphrase has blanks in it, and a cookie is several of them.
_PHRASE = re.compile(r"[^\n|&\"',;]*")
_COOKIES = re.compile(r"[^\n|\"']*")
# What a header gives besides a key has many names, and where it gives several fields each of them counts.
_GIVEN = re.compile(
    r"(?i:digest|aws4-[a-z0-9-]{1,20}|hawk|oauth|signature|mac|negotiate|ntlm)[ \t][^\n]*"
    r"|(?:[A-Za-z][\w-]{0,30}[ \t]+)?" + _BARE_VALUE.pattern
)
_KINDS = (
    (("pin", "otp", "totp", "senha", "password"), _GROUPS),
    (("passphrase",), _PHRASE),
    (("cookie",), _COOKIES),
    (("authorization",), _GIVEN),
)
# A command's option, a user with his password, an element, and what people write: "a senha é abc123".
_OPTION = re.compile(rf"((?<![\w-])--[\w-]{{0,40}}?{_SECRET_NAME}[ \t]{{1,8}})(?![-=:])\S+")
_USER = re.compile(r"((?<!\S)(?:-u|--user)[ =\t]{0,8}[^\s:\"']{1,64}:)(?![0-9]+(?!\S))[^\s\"']+")
# Options of one letter that take a password, by the program; elsewhere they are ports, paths and users.
_ARGUMENTS = r"\b[^\n|;&]{0,200}?[ \t]"
_VALUE = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'\\]+)"
_SHORT_OPTION = re.compile(
    rf"(\b(?:(?:sshpass{_ARGUMENTS}-p|redis-cli{_ARGUMENTS}-a|ldap[a-z]{{3,8}}{_ARGUMENTS}-w|mosquitto_[a-z]{{3}}{_ARGUMENTS}-P"
    rf"|(?:docker|podman|buildah|skopeo)[ \t]{{1,3}}login{_ARGUMENTS}-p|(?:mongo[a-z]{{0,7}}|cqlsh){_ARGUMENTS}-p"
    rf"|sqlcmd{_ARGUMENTS}-P)[ \t]{{0,3}}"
    # These ask for it where a blank stands behind the letter.
    rf"|(?:mysql[a-z]{{0,9}}|mariadb(?:-[a-z]{{1,9}})?|7z){_ARGUMENTS}-p(?=\S))){_VALUE}"
)
# What a server's own language has in front of a password: of Redis and Java a word, of SQL a text in quotes.
_STATED = re.compile(
    rf"(\b(?:requirepass|masterauth)[ \t]{{1,3}}(?!not\b)|(?<!\S)-(?:storepass|keypass|password)[ \t]{{1,3}}){_VALUE}"
    r"|((?i:\b(?:identified[ ]by|password)[ ]{1,3}))'[^'\n]+'"
)
# Where the noun comes first: SENHA_BANCO=, TOKEN_WHATSAPP=. What is short, a time or without a digit is a setting.
_SET_FIRST = re.compile(
    r"(\b(?:SENHA|CHAVE|TOKEN|SECRET|PASSWORD)_[A-Z0-9_]{1,40}[ \t]{0,3}[=:][ \t]{0,3}[\"']?)"
    r"(?![12][0-9]{3}-[01][0-9]-)(?=[^\s\"']{0,64}[0-9])(?=[^\s\"']{0,64}[A-Za-z])[^\s\"']{8,}"
)
_ELEMENT = re.compile(rf"({_SECRET_NAME}>(?:<!\[CDATA\[)?)(?=[^\s<])[^<\n]{{1,400}}")
_IS = r"(?:é|e\u0301|\\u00e9|eh|is)"
_SAID = re.compile(rf"((?i:\b(?:senha|password|passphrase|pin)[ ]{{1,3}}{_IS}[ ]{{1,3}}))(?=\S{{0,64}}[0-9])\S+")
# "otp 123456", "o código é 123 456". The code of an error is none, nor is what English calls a code and no more.
_SAID_CODE = re.compile(
    r"((?i:(?<![A-Za-z])(?:senha|pin|otp|totp|(?<!erro )(?<!http )(?<!status )c(?:o\u0301?|ó|\\u00f3)digo"
    r"(?:[ ](?:de[ ])?(?:acesso|confirma\S{2,8}o|login|seguran\S{1,6}a|verifica\S{2,8}o))?"
    r"|(?:your|access|auth|confirmation|login|one-time|security|verification)[ ]code)"
    rf"(?:[ ]{{0,3}}[:=][ ]{{0,3}}|[ ]{{1,3}}(?:{_IS}[ ]{{1,3}})?)))"
    # no date
    r"(?![12][0-9]{3}-[01][0-9]-)[0-9](?:[ -]?[0-9]){3,7}(?![0-9A-Za-z]|[-:/.,][0-9])"
)
_JSON_SCALAR = re.compile(r"(?!(?:null|None|[Tt]rue|[Ff]alse)[\s,}\])])[^\s,}\])|]*")
_BACKSLASHES = re.compile(r"(\\*)([\"'])")

# A word's start, also behind the two characters \n of an escaped line feed.
_EDGE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/?#\"'<>@:]{0,256}):(?![0-9]{1,5}(?:[/?#]))[^\s\"'<>]{1,256}@")
_URL_KEY = re.compile(r"(?<=://)[^\s/?#\"'<>@:]{1,256}@")
_URL_IN_URL = re.compile(r"(%3[Aa]%2[Ff]%2[Ff](?:(?!%3[Aa])[^\s/?#\"'<>@&]){0,128}%3[Aa])[^\s/?#\"'<>@&]{1,256}?%40")
# Who has a signed URL has what it gives. Within JSON and within another URL its marks are written otherwise.
_SIGNED = re.compile(
    r"(?:(?<=[?&;])|(?<=\\u0026)|(?<=%3[Ff])|(?<=%26))"
    r"((?i:(?:x-amz-|x-goog-|x-oss-|q-)?(?:sig|signature|credential|security-token|policy)|key|code|auth|hmac|jwt|sas"
    r"|awsaccesskeyid|googleaccessid|ossaccesskeyid|key-pair-id)(?:=|%3[Dd]))[^\s&;#|\"'<>]+"
)
# Who knows a webhook's address can write there: the host is told, and nothing behind it. These have their key in the
# path: Slack; Teams, its connectors and its workflows; Discord; Telegram; Feishu; ntfy, whose topic is its only key.
_SLASH = r"(?:\\?/|%2[Ff])"
_BEHIND = r"(?:[^\s\"'<>|\\]|\\/)+"
_HOOK = re.compile(
    rf"((?i:hooks\.slack(?:-gov)?\.com|webhook\.office(?:365)?\.com|outlook\.office(?:365)?\.com{_SLASH}webhook(?:b2)?"
    rf"|logic\.azure\.com|api\.powerplatform\.com|discord(?:app)?\.com{_SLASH}api{_SLASH}(?:v[0-9]{{1,2}}{_SLASH})?webhooks"
    r"|api\.telegram\.org|open\.(?:feishu\.cn|larksuite\.com)|(?:(?<![\w.-])|(?<=%2[Ff]))ntfy\.[a-z0-9.-]{2,80}|hc-ping\.com"
    r"|hooks\.zapier\.com|hook\.[a-z0-9]{2,8}\.make\.com|webhook\.site|api\.day\.app)"
    # and, whatever its host, what lies behind `hooks`, as of Mattermost and Rocket.Chat
    r"(?::[0-9]{1,5})?|(?<=://)[^\s/?#\"'<>|\\]{1,260}(?:/[\w.~-]{1,64}){0,6}?/hooks?)"
    rf"({_SLASH}){_BEHIND}"
)
_PROGRAMS = ("sshpass", "redis-cli", "ldap", "mosquitto", "login", "mongo", "cqlsh", "sqlcmd", "mysql", "mariadb", "7z")
_HOOKS = ("hook", "office", "azure", "powerplat", "discord", "telegram", "feishu", "lark", "ntfy", "hc-ping", "day.app")
# An address as the library apprise takes it; what stands in it is a key, a phone number or a mail address.
_APPRISE = re.compile(
    rf"({_EDGE}(?i:bark|dingtalk|discord|feishu|gchat|gotifys?|lark|matrixs?|mmosts?|msteams|ntfys?|opsgenie|pagerduty"
    r"|pbul|pover|rockets?|signals?|slack|tgram|twilio|wecombot|workflows?|wxteams|zulip)://)[^\s\"'<>|\\]+"
)
_SHAPES = re.compile(
    r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
    r".*?(?:-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|\Z)"
    r"|(?i:bearer)[ \t]{1,3}[A-Za-z0-9._~+/=-]{8,}"
    rf"|{_EDGE}(?:"
    r"[sr]k[-_][A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|gh[a-z]_[A-Za-z0-9]{16,}"
    r"|github_pat_[A-Za-z0-9_]{16,}|whsec_[A-Za-z0-9+/=]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{16,}"
    # Meta's own, for its WhatsApp too; Google's, SendGrid's and those of hosters
    r"|EAA[A-Za-z0-9]{24,}|ya29\.[A-Za-z0-9_-]{16,}|GOCSPX-[A-Za-z0-9_-]{16,}|1//0[A-Za-z0-9_-]{20,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|do[opr]_v1_[a-f0-9]{32,}|dapi[a-f0-9]{32}|s(?:bp|hpat|hpss)_[a-f0-9]{32,}"
    r"|gl[a-z]{2,6}-[A-Za-z0-9_-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{24,}|(?:hf|lsv2)_[A-Za-z0-9_]{20,}"
    r"|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|hv[sbr]\.[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_.-]{17,}|[0-9]{6,12}:AA[A-Za-z0-9_-]{30,}"
    # Telegram
    r"|(?i:bot)[0-9]{5,12}:[A-Za-z0-9_-]{10,}"
    r")"
    r"|/with/key/[A-Za-z0-9_-]{1,100}"
    r"|/(?:web)?hooks?/(?=[A-Za-z_/-]{0,64}[0-9])[A-Za-z0-9/_-]{16,200}"
    r"|/services/T[A-Za-z0-9]{1,20}/B[A-Za-z0-9]{1,20}/[A-Za-z0-9]{1,64}",
    re.DOTALL,
)

# A user with his password, as the scheme Basic and the logins of container engines have them.
_BASIC = re.compile(r"((?i:\bbasic[ \t]{1,3}|\\?\"auth\\?\"[ \t]{0,9}:[ \t]{0,9}\\?\"))([A-Za-z0-9+/]{4,1000}={0,2})")

# A person's number at the tax office, and a company's; 11 or 14 digits alone are taken for a phone.
_TAX_NUMBER = re.compile(
    r"(?<![0-9A-Za-z.*-])(?:[0-9]{3}[. ]?[0-9]{3}[. ]?[0-9]{3}-|[0-9]{3}([. ])[0-9]{3}\1[0-9]{3} )[0-9]{2}(?![0-9])"
    r"|(?<![0-9A-Za-z.*-])[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/[0-9]{4}-?[0-9]{2}(?![0-9])"
    # identity card
    r"|(?<![0-9A-Za-z.*-])[0-9]{2}\.[0-9]{3}\.[0-9]{3}-[0-9Xx](?![0-9A-Za-z])"
)
# A payment card, by its check digit: four numbers beside each other may be counts. An id is none.
_CARD = re.compile(
    r"(?<![0-9A-Za-z.*-])(?<!id=)(?<!idem=)(?:[2-6][0-9]{3}([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{4}"
    r"|3[47][0-9]{2}([ -]?)[0-9]{6}\2[0-9]{5})(?![0-9A-Za-z]|[.-][0-9])"
)
# The name is masked and the house is told. Units of systemd are no mail.
_MAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+-]+(?:@|%40)(?=(?:[\w-]{1,63}\.){1,8}(?!(?:service|socket|timer|target|mount|slice|scope)\b)"
    r"[^\W\d_]{2,24}(?![\w-]))(?!(?:s\.whatsapp\.net|c\.us|g\.us|lid)\b)"
)

# Digits that are no phone number are named first, so that they are stepped over: \x1b and \u00e0 (escapes end in
# digits), UUIDs, hashes. A run of 10 to 14 digits that stands alone among digits is a number, but 14 that
# are a date with its time; 15 (an object id) is not.
_PHONE = re.compile(
    r"(?P<skip>\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}"
    r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{16,}(?![0-9A-Za-z]))"
    # WhatsApp address, whatever its length
    r"|(?<![0-9])\+?[0-9]{8,20}(?=(?::[0-9]{1,4})?@(?:s\.whatsapp\.net|c\.us|g\.us|lid)\b)"
    # 00 and country
    r"|(?<![0-9A-Za-z*])00[1-9][0-9]{9,12}(?![0-9])"
    # +country and separators
    r"|(?<![0-9A-Za-z*])\+[0-9](?:[ .()/\u00b7\u2022\u2219\u30fb\uff0e-]{0,3}[0-9]){9,12}(?![0-9])"
    r"|(?<![0-9A-Za-z*])(?<![0-9][-:/.])55(?:[ .()/\u00b7\u2022\u2219\u30fb\uff0e-]{0,3}[0-9]){10,11}(?![0-9])"
    # Brazil: (11) 91018-2137, 55 11 91018-2137, 011 3018-2137; not the end of a time or date
    r"|(?<![0-9A-Za-z*])(?<![0-9][-:/.])(?:55[ .-]?)?"
    r"(?:\(0?[1-9][0-9]\)[ .-]?(?:9[ .-]?)?[0-9]{4}|0?[1-9][0-9][ .-]?(?:9[ .-]?[0-9]{4}|[2-5][0-9]{3}(?=-)))"
    r"[ .-]?[0-9]{4}(?![0-9])"
    # without the region: 91018-2137, 910182137, 3018-2137; not decimals, and no range of years
    r"|(?<![0-9A-Za-z*])(?<![0-9][-:/.,])(?:9[ .-]?[0-9]{4}[ .-]?|(?P<range>[2-5][0-9]{3})-)[0-9]{4}"
    r"(?![0-9]|[-:.][0-9])"
    # digits alone; not the decimals of 0.123…
    r"|(?:(?<![0-9])(?<!\b0\.)|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))\+?(?:[0-9]{10,13}|"
    r"(?!(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])[0-5]"
    r"[0-9][0-5][0-9])[0-9]{14})(?![0-9])"
)
# A mobile number digit by digit, as people dictate it; a row of counts has seldom a 9 in its place.
_SPELT = re.compile(
    r"(?<![0-9A-Za-z*])(?<![0-9][ .-])(?:\+?5([ .-])5\1)?[1-9]([ .-])[1-9]\2(9\2(?:[0-9]\2){7}[0-9])"
    r"(?![0-9A-Za-z]|[ .-][0-9])"
)
# Two numbers of four digits may be from and to, as this word says in front of them.
_FROM_TO = re.compile(
    r"(?i:ports?|portas?|pids?|lines?|linhas?|rows?|pages?|p[áa]ginas?|bytes|range|years?|anos?)[ =:]{1,3}\Z"
)
# Eight digits alone may be anything, unless somebody says that they are a telephone: "tel 3018 2137".
_CALLED = re.compile(
    r"((?i:(?<![A-Za-z])(?:tel(?:efone)?|fone|phone|celular|cel|whats(?:app)?|zap|contato|n[uú]mero|ligue|ligar?)s?"
    r"\.?[\"']?(?:[ ]?[:=][ ]{0,3}[\"']?|[ ]{1,3})(?:(?:é|eh|is|no|na|para|pra|o|me|to|at|on)[ ]{1,3}){0,2}))"
    r"(?!20[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9])(?:\(?0?[1-9][0-9]\)?[ .-]?)?"
    r"[2-5][0-9]{3}[ .-]?([0-9]{4})(?![0-9A-Za-z]|[-:.][0-9])"
)
_PHONE_NAME = re.compile(r"(?i:phone|number|whatsapp|telefone|celular|jid)")


# What a URL has of other text is percent-encoded, once or again; so are a number's blanks and a name's quotes.
_CODE = re.compile(r"%(?:25)*(2[0-9A-Fa-f]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e])")
_ENCODED = re.compile(rf"(?<!\S)\S*{_CODE.pattern}\S*")


def _mask_basic(match: re.Match[str]) -> str:
    text = match.group(2)
    is_user = b":" in base64.b64decode(text[: len(text) - len(text) % 4])
    return match.group(1) + MASK if is_user else match.group()


def _mask_card(match: re.Match[str]) -> str:
    digits = [int(char) for char in match.group() if char.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return match.group() if (sum(digits[-1::-2]) + sum(doubled)) % 10 else MASK


def _mask_spelt(match: re.Match[str]) -> str:
    return MASK + "".join(char for char in match.group(3) if char.isdigit())[-4:]


def _mask_phone(match: re.Match[str]) -> str:
    if match.group("skip") or (match.group("range") and _is_range(match)):
        return match.group()
    digits = [char for char in match.group() if char.isdigit()]
    return MASK + "".join(digits[-4:])


def _is_range(match: re.Match[str]) -> bool:
    """Whether it may be from and to rather than a number: years and pages lie close, and a word may say so."""
    start, end = int(match.group("range")), int(match.group()[-4:])
    close = match.group()[0] == "2" and 0 < end - start <= 100
    return close or bool(_FROM_TO.search(match.string, max(0, match.start() - 12), match.start()))


# In their order; what most text has not is only looked for where one of the first words stands in it.
_MASKS: tuple[tuple[tuple[str, ...], re.Pattern[str], Any], ...] = (
    (("value:",), _VALUE_BELOW, rf"\1{MASK}"),
    (("basic", "auth"), _BASIC, _mask_basic),
    (("--",), _OPTION, rf"\1{MASK}"),
    (("-u",), _USER, rf"\1{MASK}"),
    (_PROGRAMS, _SHORT_OPTION, rf"\1{MASK}"),
    (("pass", "auth", "identified"), _STATED, rf"\1\2{MASK}"),
    (("senha_", "chave_", "token_", "secret_", "password_"), _SET_FIRST, rf"\1{MASK}"),
    (("</",), _ELEMENT, rf"\1{MASK}"),
    (("senha", "pin", "otp", "digo", " code"), _SAID_CODE, rf"\1{MASK}"),
    (("senha", "pass", "pin"), _SAID, rf"\1{MASK}"),
    (("://",), _URL_PASSWORD, rf"\1:{MASK}@"),
    (("://",), _URL_KEY, MASK + "@"),
    (("%40",), _URL_IN_URL, rf"\1{MASK}%40"),
    (("=", "%3d"), _SIGNED, rf"\1{MASK}"),
    (_HOOKS, _HOOK, rf"\1\2{MASK}"),
    (("://",), _APPRISE, rf"\1{MASK}"),
    ((), _SHAPES, MASK),
    (("@", "%40"), _MAIL, MASK + "@"),
    ((), _TAX_NUMBER, MASK),
    ((), _CARD, _mask_card),
    ((), _SPELT, _mask_spelt),
    (("tel", "fone", "phone", "cel", "whats", "zap", "contato", "mero", "liga", "ligue"), _CALLED, rf"\1{MASK}\2"),
    ((), _PHONE, _mask_phone),
)


def redact(text: str) -> str:
    """Return `text` with phone numbers as `***` and their last four digits (so that conversations can be told apart),
    secrets as `***`, and control characters as visible `\\xNN` or `\\uNNNN`. Line feeds and tabs stay.

    Idempotent: redacting twice is redacting once.
    """
    # Most text is plain, and is not searched for what it cannot have; nor is it below.
    if not text.isascii():
        text = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit.group())), text)
    if not text.isascii() or "\\u" in text:
        text = _DRAWN_DIGITS.sub(lambda run: "".join(str(unicodedata.digit(char)) for char in run.group()), text)
        text = _HYPHEN.sub("-", _SPACE.sub(" ", _NOTHING.sub("", text)))
    text = visible(text)
    if "1b[" in text:
        text = _COLOURS.sub(_without_colours, text)
    text = _masked(text)
    for _n in range(_PASSES if "%" in text else 0):
        told = _ENCODED.sub(_mask_encoded, text)
        if told == text:
            break
        text = _masked(told)
    return text


def _without_colours(match: re.Match[str]) -> str:
    """Nothing where colours stand beside the sign between a name and its value; elsewhere they stay."""
    text, (start, end) = match.string, match.span()
    before, behind = text[max(0, start - 2) : start].rstrip(" "), text[end : end + 2].lstrip(" ")
    return "" if before.endswith(("=", ":")) or behind.startswith(("=", ":")) else match.group()


def _masked(text: str) -> str:
    if ": |" in text or ": >" in text:
        text = _BLOCK.sub(rf"\1{MASK}", text)
    for _n in range(_PASSES):
        before, text = text, _mask_named_secrets(text)
        lower = text.lower()
        for hints, pattern, mask in _MASKS:
            if not hints or any(hint in lower for hint in hints):
                text = pattern.sub(mask, text)
        if text == before:
            break
    return text


def _mask_encoded(match: re.Match[str]) -> str:
    """What is only seen to be a secret without its encoding is told without it, and all else as it is."""
    decoded = _CODE.sub(lambda code: chr(int(code.group(1), 16)), _masked(match.group()))
    masked = _masked(decoded)
    return match.group() if masked == decoded else masked


def visible(text: str) -> str:
    """Return `text` with what could move a cursor, hide text or break an encoder written out: `\\x1b`, `\\ud800`."""
    return _CONTROL.sub(_visible, text)


def redact_data(data: Any) -> Any:
    """Return a copy of `data` (mappings, lists, scalars) with every text redacted, keys too, and the values of keys
    that name a secret masked whole. `null` and booleans stay: that a secret is not set is worth seeing.
    """
    if isinstance(data, dict):
        clean: dict[Any, Any] = {}
        # A variable or a header as lists have them: {name: apikey, value: x}
        named = next((data[name] for name in ("name", "key") if isinstance(data.get(name), str)), "")
        for key, value in data.items():
            name = redact(key) if isinstance(key, str) else key
            while name in clean:  # two numbers with the same last four digits must not become one entry
                name += "'"
            clean[name] = _redact_value(named if key == "value" and _SECRET_NAME_ALONE.search(named) else key, value)
        return clean
    if isinstance(data, (list, tuple)):
        before = [None, *data]
        return [MASK if _takes_secret(option) else redact_data(item) for option, item in zip(before, data)]
    return redact(str(data)) if isinstance(data, str) else data


def _takes_secret(option: Any) -> bool:
    """Whether what comes behind it in a command's list is a secret: `--password`."""
    return isinstance(option, str) and option.startswith("--") and bool(_SECRET_NAME_ALONE.search(option))


def _redact_value(key: Any, value: Any) -> Any:
    if isinstance(key, str) and value is not None and not isinstance(value, bool):
        if _SECRET_NAME_ALONE.search(key):
            return MASK if value != "" else ""
        if isinstance(value, int) and _PHONE_NAME.search(key):  # YAML reads an unquoted number as an integer
            masked = redact(str(value))
            return masked if MASK in masked else value
    return redact_data(value)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _mask_named_secrets(text: str) -> str:
    parts = []
    done = 0
    line_end = -1
    key = _SECRET_KEY.search(text)
    while key:
        start = key.end()
        if not _NEXT_KEY.match(text, start):
            if line_end < start:
                line_end = text.find("\n", start)
                line_end = len(text) if line_end < 0 else line_end
            pair = _VALUE_OF.match(text, start) if key.group("quote") else None
            if pair:
                start = pair.end()
                line_end = text.find("\n", start)
                line_end = len(text) if line_end < 0 else line_end
            start, end = _value_span(text, start, line_end, key)
            if end > start:
                parts += [text[done:start], MASK]
                done = start = end
        key = _SECRET_KEY.search(text, start)
    parts.append(text[done:])
    return "".join(parts)


def _value_span(text: str, start: int, line_end: int, key: re.Match[str]) -> tuple[int, int]:
    """Where the secret that begins at `start` lies, without its quotes. An unterminated value (log lines are cut) and
    a list or mapping reach to the end of the line."""
    opening = _OPENING.match(text, start, line_end)
    if opening:
        depth = len(opening.group(1))
        for mark in _BACKSLASHES.finditer(text, opening.end(), line_end):
            # inside \"…\" (depth 1) the closing quote has 1 backslash and a quoted quote 3; without, 0 and 1
            if mark.group(2) == opening.group(2) and len(mark.group(1)) % (2 * (depth + 1)) == depth:
                return opening.end(), mark.start(2) - depth
        return opening.end(), line_end
    if text[start : start + 1] in ("[", "{"):
        return start, line_end
    begin = key.start()
    around = _QUOTED_PAIR.search(text, max(0, begin - 65), begin) if text[start - 1] == "=" else None
    if around:
        end = text.find(around.group(), start, line_end)
        if end > start:
            return start, start + len(text[start:end].rstrip("\\"))
    kind = _JSON_SCALAR if key.group("quote") is not None else _BARE_VALUE
    name = key.group()[:13].casefold()
    for beginnings, other in _KINDS:
        if key.group("quote") is None and name.startswith(beginnings):
            kind = other
    value = kind.match(text, start, line_end)
    return start, value.end() if value else start


# What of a URL may be as good as a password: who asks, the query, and a long word of the path with digits in it.
_ASKER = re.compile(r"(?<=//)[^/?#\s]*@")
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_KEY_IN_PATH = re.compile(r"(?<=/)(?<!://)(?=[A-Za-z_:.-]*[0-9])[A-Za-z0-9_:.-]{20,}(?=/|\Z)")
_PLACE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s@]*(?=[/?#]|\Z)")


def shown(url: str) -> str:
    """The URL as it may be told: it has no user, no query, and nothing in its path that is a key."""
    bare = _ASKER.sub("***@", _QUERY.sub("", url))
    return redact(_KEY_IN_PATH.sub("***", bare)) + ("?***" if "?" in url else "")


def shown_hook(url: str) -> str:
    """The address of somebody's webhook as it may be told: where it leads, and nothing behind it."""
    place = _PLACE.match(_ASKER.sub("", url))
    return f"{place.group()}/{MASK}" if place else MASK
