# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take phone numbers, secrets and terminal control characters out of text before anybody sees it.

The text comes from logs in which customers write what they like, so every expression here is linear in the length of
its input: a repeat is bounded, or it swallows what it looked at. When in doubt too much is masked, never too little.
"""

from __future__ import annotations

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

# A name whose value is a secret, by how the name ends: `max_tokens` and `idempotency_key` are none. Only the end is
# matched; looking for the name's beginning too would cost quadratic time on a long word.
_SECRET_NAME = (
    r"(?:(?i:token|secret|senha|password|passwd|passphrase|pwd|_pass|authorization|credentials?|cookie|signature"
    # Short words have to stand alone, or at the end of a name of several: `db_pw`, and not `spin`.
    r"|(?<![a-z])(?:pw|pass|pin|pin[_-]?code|otp|totp|cvv|cvc)|api[ _-]?key"
    r"|(?:access|account|anon|auth|encryption|master|private|secret|service|signing)[_-]?key)"
    r"|_KEY)(?:_(?i:base|hash|id|value))?[_-]?[0-9]{0,3}"
)
_SECRET_NAME_ALONE = re.compile(_SECRET_NAME + r"\Z")
# name=, name:, "name":, \"name\":, 'name', (a header as a tuple), environ['name'] =
_SECRET_KEY_TEXT = (
    _SECRET_NAME + r"(?P<quote>\\{0,7}[\"'])?\]?[ \t]{0,3}(?(quote)(?:=>|={1,3}|:=?|,)|(?:=>|={1,3}|:=?))[ \t]{0,3}"
)
_SECRET_KEY = re.compile(_SECRET_KEY_TEXT)
# "invalid token: password: x": the first name's value is the second name, the secret stands behind it
_NEXT_KEY = re.compile(r"[\w.-]{0,64}?" + _SECRET_KEY_TEXT + r"(?<=[ \t])")
_OPENING = re.compile(r"b?(\\{0,7})([\"'])")
# After a bare name the value ends at white space, at the next `|name=` or `&name=`, or at a closing quote.
_BARE_VALUE = re.compile(
    r"(?:(?i:bearer|basic|digest|token)[ \t]+)?"
    r"(?:[^\s|&\"']|[|&](?!\w{1,64}=)|[\"'](?![\s|\"',;:)}\]]|\Z))*"
)
# A passphrase has blanks in it.
_PHRASE = re.compile(r"[^\n|&\"',;]*")
_JSON_SCALAR = re.compile(r"[^\s,}\])|]*")
_BACKSLASHES = re.compile(r"(\\*)([\"'])")

# A word's start, also behind the two characters \n of an escaped line feed.
_EDGE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/?#\"'<>@:]{0,256}):(?![0-9]{1,5}(?:[/?#]))[^\s\"'<>]{1,256}@")
_URL_KEY = re.compile(r"(?<=://)[^\s/?#\"'<>@:]{1,256}@")
# Who has a signed URL has what it gives.
_SIGNED = re.compile(
    r"(?<=[?&;])((?i:(?:x-amz-|x-goog-)?(?:sig|signature|credential|security-token|policy)|key|code|auth|hmac|jwt|sas"
    r"|awsaccesskeyid|googleaccessid|key-pair-id)=)[^\s&;#|\"'<>]+"
)
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    r"|(?i:bearer)[ \t]{1,3}[A-Za-z0-9._~+/=-]{8,}"
    rf"|{_EDGE}(?:"
    r"sk[-_][A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{8,}|gh[a-z]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}"
    r"|glpat-[A-Za-z0-9_-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{24,}|(?:hf|lsv2)_[A-Za-z0-9_]{20,}"
    r"|eyJ[A-Za-z0-9_.-]{17,}|[0-9]{6,12}:AA[A-Za-z0-9_-]{30,}|hooks\.slack\.com/[A-Za-z0-9/_-]{8,}"
    # Telegram; Discord; Teams, its connectors and its workflows; Feishu; whatever has its key behind `hooks/`
    r"|(?i:bot)[0-9]{5,12}:[A-Za-z0-9_-]{10,}"
    r")"
    r"|discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{1,20}/[A-Za-z0-9_.-]{1,200}"
    r"|(?:webhook\.office\.com|outlook\.office(?:365)?\.com)/webhook[^\s\"'<>|]{1,600}"
    r"|(?:logic\.azure\.com|api\.powerplatform\.com)(?::[0-9]{1,5})?/[^\s\"'<>|]{1,900}"
    r"|/(?:web)?hooks?/(?=[A-Za-z_/-]{0,64}[0-9])[A-Za-z0-9/_-]{16,200}"
    r"|/services/T[A-Za-z0-9]{1,20}/B[A-Za-z0-9]{1,20}/[A-Za-z0-9]{1,64}",
    re.DOTALL,
)

# A person's number at the tax office, and a company's; 11 or 14 digits alone are taken for a phone.
_TAX_NUMBER = re.compile(
    r"(?<![0-9A-Za-z.*-])(?:[0-9]{3}[. ]?[0-9]{3}[. ]?[0-9]{3}-|[0-9]{3}([. ])[0-9]{3}\1[0-9]{3} )[0-9]{2}(?![0-9])"
    r"|(?<![0-9A-Za-z.*-])[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/[0-9]{4}-?[0-9]{2}(?![0-9])"
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
    # +country and separators
    r"|(?<![0-9A-Za-z*])\+[0-9](?:[ .()/-]{0,3}[0-9]){9,12}(?![0-9])"
    r"|(?<![0-9A-Za-z*])(?<![0-9][-:/.])55(?:[ .()/-]{0,3}[0-9]){10,11}(?![0-9])"
    # Brazil: (11) 91018-2137, 55 11 91018-2137, 011 3018-2137; not the end of a time or date
    r"|(?<![0-9A-Za-z*])(?<![0-9][-:/.])(?:55[ .-]?)?"
    r"(?:\(0?[1-9][0-9]\)[ .-]?(?:9[ .-]?)?[0-9]{4}|0?[1-9][0-9][ .-]?(?:9[ .-]?[0-9]{4}|[2-5][0-9]{3}(?=-)))"
    r"[ .-]?[0-9]{4}(?![0-9])"
    # without the region: 91018-2137, 910182137, 3018-2137; not decimals, and no range of years
    r"|(?<![0-9A-Za-z*])(?<![0-9][-:/.,])(?:9[ .-]?[0-9]{4}[ .-]?|[3-5][0-9]{3}-)[0-9]{4}(?![0-9]|[-:.][0-9])"
    # digits alone; not the decimals of 0.123…
    r"|(?:(?<![0-9])(?<!\b0\.)|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))\+?(?:[0-9]{10,13}|"
    r"(?!(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])[0-5]"
    r"[0-9][0-5][0-9])[0-9]{14})(?![0-9])"
)
_PHONE_NAME = re.compile(r"(?i:phone|number|whatsapp|telefone|celular|jid)")


def redact(text: str) -> str:
    """Return `text` with phone numbers as `***` and their last four digits (so that conversations can be told apart),
    secrets as `***`, and control characters as visible `\\xNN` or `\\uNNNN`. Line feeds and tabs stay.

    Idempotent: redacting twice is redacting once.
    """
    # Most text is plain, and is not searched for what it cannot have.
    if not text.isascii():
        text = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit.group())), text)
    if not text.isascii() or "\\u" in text:
        text = _HYPHEN.sub("-", _SPACE.sub(" ", _NOTHING.sub("", text)))
    text = visible(text)
    for _n in range(_PASSES):
        before = text
        text = _mask_named_secrets(text)
        text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
        text = _URL_KEY.sub(MASK + "@", text)
        text = _SIGNED.sub(rf"\1{MASK}", text)
        text = _SHAPES.sub(MASK, text)
        if "@" in text or "%40" in text:
            text = _MAIL.sub(MASK + "@", text)
        text = _TAX_NUMBER.sub(MASK, text)
        text = _PHONE.sub(_mask_phone, text)
        if text == before:
            break
    return text


def visible(text: str) -> str:
    """Return `text` with what could move a cursor, hide text or break an encoder written out: `\\x1b`, `\\ud800`."""
    return _CONTROL.sub(_visible, text)


def redact_data(data: Any) -> Any:
    """Return a copy of `data` (mappings, lists, scalars) with every text redacted, keys too, and the values of keys
    that name a secret masked whole. `null` and booleans stay: that a secret is not set is worth seeing.
    """
    if isinstance(data, dict):
        clean: dict[Any, Any] = {}
        for key, value in data.items():
            name = redact(key) if isinstance(key, str) else key
            while name in clean:  # two numbers with the same last four digits must not become one entry
                name += "'"
            clean[name] = _redact_value(key, value)
        return clean
    if isinstance(data, (list, tuple)):
        return [redact_data(item) for item in data]
    return redact(str(data)) if isinstance(data, str) else data


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


def _mask_phone(match: re.Match[str]) -> str:
    if match.group("skip"):
        return match.group()
    digits = [char for char in match.group() if char.isdigit()]
    return MASK + "".join(digits[-4:])


def _mask_named_secrets(text: str) -> str:
    parts = []
    done = 0
    line_end = -1
    found = _SECRET_KEY.search(text)
    while found:
        start = found.end()
        if not _NEXT_KEY.match(text, start):
            if line_end < start:
                line_end = text.find("\n", start)
                line_end = len(text) if line_end < 0 else line_end
            start, end = _value_span(text, start, line_end, found)
            if end > start:
                parts += [text[done:start], MASK]
                done = start = end
        found = _SECRET_KEY.search(text, start)
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
    kind = _JSON_SCALAR if key.group("quote") is not None else _BARE_VALUE
    if key.group()[:10].casefold() == "passphrase":
        kind = _PHRASE
    value = kind.match(text, start, line_end)
    return start, value.end() if value else start
