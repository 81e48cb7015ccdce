# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer says in its body, whose HTTP status says that all is well.

Only what is said counts: an empty body, `ok`, or fields that nobody here knows are no refusal. A field that says how it
went (`ok`, `errcode`, `status`, …) counts before a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

# By the names that services give them; upper case, dashes and underscores do not count.
_WENT_WELL = (
    "ok",
    "success",
    "successful",
    "succeeded",
    "accepted",
    "delivered",
    "sent",
    "queued",
    "valid",
    "isok",
    "issuccess",
    # As services of this country say it.
    *("sucesso", "enviado", "enviada", "entregue", "aceito", "aceita"),
)
_ERRORS = (
    *("error", "errors", "err", "exception", "failures", "failed", "failure", "failurecount", "requesterror"),
    *("errormessage", "errormessages", "errordescription", "errortext"),
    *("erro", "erros", "falha", "falhas"),
)
# How many, or whose, were not sent on.
_NOT_SENT = ("rejected", "dropped", "discarded", "undelivered", "bounced", "recusados", "rejeitados")
_FAULTS = (*_ERRORS, *_NOT_SENT, "iserror", "haserror", "haserrors", "fault")
_ERROR_CODES = ("errcode", "errno", "errorcode", "retcode")
_CODES = ("code", "statuscode", "httpstatus", "httpcode", "resultcode", "ret", "rc")
_STATES = (
    *("status", "state", "result", "outcome", "groupname", "resultado", "situacao", "situação", "retorno"),
    # Numbers of their own, of which a good one may be 1.
    *("codigo", "código"),
)
# A state that is no failure to whoever names it, and by which nobody was told.
_UNTOLD = ("ignored", "skipped", "bounced", "filtered", "suppressed", "muted", "unsubscribed", "ignorado", "ignorada")
_SENTENCES = (
    "message",
    "msg",
    "errmsg",
    "description",
    "detail",
    "reason",
    "mensagem",
    "motivo",
    "descricao",
    "descrição",
)
_INSIDE = ("data", "result", "results", "response", "body", "payload", "messages", "status", "meta", "sendsmsresponse")
_GOOD = ("", "ok", "true", "yes", "success", "none", "null", "0", "no", "false", "noerror", "noerrors")

_BAD_WORD = re.compile(
    r"\b(?:fail(?:ed|s|ure|ures|ing)?|unsuccessful(?:ly)?|errors?|errored|fatal|exceptions?|invalid|malformed|denied|forbidden|unauthori[sz]ed"
    r"|unauthenticated|reject(?:ed|s)?|refused|blocked|banned|expired|revoked|archived|prohibited|disabled|inactive"
    r"|paused|suspended|deactivated|disconnected|insufficient|not enough|(?:is|are) full|bad ?device ?token"
    r"|rate ?limit(?:ed|s)?|throttled|too many|bad (?:request|payload|gateway|token|key)|unable"
    r"|cannot|can ?not|could ?n[o']t|can't|unknown|missing|required|exceeded|time ?out|timed out|unavailable"
    r"|limit reached|undeliver(?:ed|able)|unsent|dropped|discarded|aborted|cancell?ed"
    r"|not (?:found|allowed|authori[sz]ed|authenticated|permitted|delivered|sent|accepted|supported|valid|available|ok"
    r"|enabled|in channel|processed|configured|active|connected)"
    r"|no (?:service|text|team|such|active hooks|permission|scenario)"
    r"|nok|falh(?:a|as|ou|aram)|erros?|inv[aá]lid[oa]|negad[oa]|recusad[oa]|rejeitad[oa]"
    r"|insuficientes?|indispon[ií]vel|desconectad[oa]|expirad[oa]|bloquead[oa]|exced(?:id[oa]|eu)|esgotad[oa]"
    r"|arquivad[oa]|chei[oa]|suspens[oa]|desativad[oa]|proibid[oa]|sem (?:saldo|cr[eé]ditos?|permiss[aã]o|conex[aã]o)"
    r"|n[aã]o (?:foi |p[oô]de ser )?"
    r"(?:entregue|enviad[oa]|encontrad[oa]|autorizad[oa]|conectad[oa]|permitid[oa]|existe|foi poss[ií]vel))\b"
)
# "0 errors" and "without error" are good news.
_NO_ERROR = re.compile(
    r"\b(?:no|0|zero|none|without(?: any)?|sem|nenhuma?)[ :]+"
    r"(?:errors?|fail(?:ures?|ed)|exceptions?|rejected|dropped|undelivered|discarded|refused|erros?|falhas?)\b"
    r"|\b(?:errors?|fail(?:ures?|ed)|err(?:or)? ?code)[ :=]+(?:none|null|0|no|false)\b"
    # "erro no envio" is one: there "no" is "in the".
    r"|\b(?:erros?|falhas?)[ :=]+(?:null|0|false|nenhuma?)\b"
)
_LONGEST = 10_000
_DEEPEST = 4


def refusal(body: Any) -> str:
    """What a body says against its HTTP status, redacted and short; empty where it says nothing against it."""
    refused = _refusal(body, 0)
    return " ".join(redact(refused[:400]).split())[:120] if refused else ""


def _refusal(body: Any, depth: int) -> str:
    if isinstance(body, str):
        return body.strip() if _is_bad(body) else ""
    if body is False:
        return "false"
    if isinstance(body, list) and depth < _DEEPEST:
        return next((refused for item in body[:100] if (refused := _refusal_within(item, depth))), "")
    if not isinstance(body, Mapping):
        return ""
    fields = {_plain(str(name)): value for name, value in body.items()}
    told = [f"{name}: {_written(fields[name])}" for name in fields if _says_no(name, fields[name])]
    if told:
        # The field that says no may be `ok`, and the reason stands beside it.
        reasons = ("error", *_SENTENCES)
        why = next((fields[name] for name in reasons if isinstance(fields.get(name), str) and name not in told[0]), "")
        return f"{told[0]} ({why})" if why else told[0]
    if depth < _DEEPEST:
        for name in _INSIDE:
            refused = _refusal_within(fields.get(name), depth)
            if refused:
                return refused
    if any(fields.get(name) is True or fields.get(name) == 1 for name in _WENT_WELL) or "id" in fields:
        return ""
    if any(fields.get(name) == 0 for name in (*_ERROR_CODES, *_CODES)):
        return ""
    if any(_plain(str(fields.get(name))) in _WENT_WELL for name in _STATES):
        return ""
    return next(
        (fields[name] for name in _SENTENCES if isinstance(fields.get(name), str) and _is_bad(fields[name])), ""
    )


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refusal_within(item: Any, depth: int) -> str:
    """Of what stands inside only fields count: a text in there may be our own."""
    return _refusal(item, depth + 1) if isinstance(item, (Mapping, list)) else ""


def _says_no(name: str, value: Any) -> bool:
    word = _plain(value) if isinstance(value, str) else ""
    number = _number(value)
    if name in _WENT_WELL:
        return value is False or number == 0 or word in ("false", "no")
    if name in _FAULTS and isinstance(value, Mapping) and value and all(_number(code) == 0 for code in value.values()):
        return False  # an error of the number 0
    if name in (*_FAULTS, *_ERROR_CODES):
        return bool(value) and number != 0 and not (isinstance(value, str) and word in _GOOD)
    if name in _CODES:
        # Some give the HTTP status once more, others a number of their own, of which 0 is good.
        if number is not None:
            return number != 0 and not 100 <= number < 400
        return isinstance(value, str) and _is_bad(value)
    if name in _STATES:
        if isinstance(value, str) and (word in _UNTOLD or _is_bad(value)):
            return True
        return value is False or (number is not None and number >= 400)
    return name == "type" and word in ("error", "erro", "failure", "fault")


def _is_bad(text: str) -> bool:
    words = re.sub(r"[_-]+", " ", text[:_LONGEST]).casefold().strip()
    if words in ("false", "no", "ko", "ng", "nack"):
        return True
    return _BAD_WORD.search(_NO_ERROR.sub(" ", words)) is not None


def _plain(text: str) -> str:
    return re.sub(r"[ _-]", "", text[:100]).casefold()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


# What services call themselves when they are not well, in `status` or a field like it. Who says something that is not
# among it, or nothing, is not ill by his own word.
_ILL = re.compile(
    r"(?:un|in|dis)(?:healthy|well|ready|available|connected|operational|responsive|stable|active)"
    # What is not used is not ill for it.
    r"|(?:not|n[aã]o)(?! (?:applicable|configured|required|used|enabled|checked|needed|monitored|tested|supported|bad"
    r"|degraded|h[aá] |houve|tem |se aplica|configurad|usad|habilitad|monitorad|testad|necess[aá]ri))(?: \w+){1,2}"
    r"|no|nok|ko|ill|sick|bad|red|yellow|amber|orange|down|dead|off ?line|out of service|degraded"
    r"|(?:[45][0-9]{2} )?(?:internal server error|service unavailable|bad gateway|gateway time ?out)"
    # "database down", and not "0 down" or "no error"
    r"|(?!no |none |without |zero |sem |nenhum)[^\W\d_]+ (?:down|offline|unavailable|unreachable|disconnected"
    r"|error|failed|failure|lost)|(?:no|lost) connection|outage|fail(?:ed|ing|ure|s)?"
    r"|(?:partial(?:ly)?|major|minor|partial system) ?(?:outage|degraded|down|healthy|available)?"
    r"|errors?|errored|exception|critical|crit|fatal|panic|emergency|alert|warn(?:ing)?|broken|corrupt(?:ed)?|crashed"
    r"|stopped|stopping|terminating|shutting down|starting(?: up)?|booting|loading|initiali[sz]ing|pending|draining"
    r"|suspended|impaired|problems?|unknown|time ?out|stale"
    r"|(?:in |under )?maintenance(?: mode)?|overloaded|unreachable|exhausted|blocked|stuck|hung|read only"
    r"|(?:parcialmente )?indispon[ií]vel|degradad[oa]|falhando|parad[oa]"
    r"|(?:com )?(?:erro|falha|problema)s?(?: n[oa] \w+)?"
    r"|(?:(?!sem )\w+ )?(?:desconectad|desligad|inativ|travad|quebrad)[oa]|inst[aá]vel|insalubre|ruim|alerta|queda"
    r"|cr[ií]tic[oa]|sobrecarregad[oa]|sobrecarga|bloquead[oa]|suspens[oa]|(?:\w+ )?fora do ar|(?:em )?manuten[cç][aã]o"
    r"|(?:re)?iniciando|inicializando|carregando|reconectando|encerrando|desligando"
    r"|sem (?:conex[aã]o|resposta|banco)(?: (?:com|d)[eoa]?(?: [oa])? \w+)?"
)
_HEALTH = (
    *("status", "state", "health", "healthy", "ok", "overall", "overallstatus", "healthstatus", "servicestatus"),
    *("alive", "ready", "up", "isalive", "ishealthy", "isready", "success", "result", "condition"),
    *("statuscode", "situacao", "situação", "saudavel", "saudável"),
)
# Of these 0 is a no, and nothing that was counted.
_SWITCHES = ("healthy", "ok", "alive", "isalive", "ishealthy", "isready")
# By these a part says it with a false, or a service that says nothing else of itself.
_STANDS = ("live", "passed", "connected", "reachable", "available", "running", "online", "conectado", "disponivel")
# What frameworks put around any answer of theirs, which says that it could be given.
_AROUND = ("success", "sucesso")
# Where the parts of a service stand; they count where it says nothing of itself as a whole.
_PARTS = (
    *("checks", "components", "dependencies", "services", "details", "entries", "entities", "subsystems", "results"),
    *("checkresults", "componentes", "dependências", "dependencias", "serviços", "servicos", "verificações"),
    "verificacoes",
)
# Parts that stand by themselves.
_PART = (
    *("database", "db", "postgres", "postgresql", "redis", "broker", "gateway", "evolution", "whatsapp"),
    *("storage", "banco", "bancodedados"),
)


def illness(health: Any, depth: int = 0) -> str:
    """What a health answer says of its service when that is not well, in its own word; else empty."""
    if not isinstance(health, Mapping):
        return ""
    own = {str(key): value for key, value in health.items() if _plain(str(key)) in _HEALTH}
    for key, value in own.items():
        inside = isinstance(value, Mapping) and depth < _DEEPEST
        trouble = illness(value, depth + 1) if inside else _ill(key, value)
        if trouble:
            return trouble
    for key, told in health.items():
        name = _plain(str(key))
        if name not in ("error", "errors", "erro", "erros"):
            continue
        # Numbers of errors may be all those since it started.
        numbers = isinstance(told, (int, float)) or (name in ("errors", "erros") and isinstance(told, Mapping))
        trouble = "" if numbers and told is not True else refusal({name: told})
        if trouble:
            return trouble[:60]
    if health.get("degraded") is True:
        return "degraded: true"
    if any(_plain(key) not in _AROUND and _plain(str(value)) not in _AROUND for key, value in own.items()):
        return ""
    for key, value in health.items():
        if _plain(str(key)) in ("data", "response") and isinstance(value, Mapping) and depth < _DEEPEST:
            return illness(value, depth + 1)
        if _plain(str(key)) in _STANDS and value is False:
            return f"{redact(str(key))[:40]}: false"
    for name, part in _parts_of(health):
        trouble = illness(part, depth + 1) if isinstance(part, Mapping) and depth < _DEEPEST else _ill(name, part)
        if trouble:
            return f"{redact(name)[:40]}: {trouble.rpartition(': ')[2]}"
    return ""


def _parts_of(health: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The parts of a service with their names, of which one may have several entries."""
    for key, value in health.items():
        if _plain(str(key)) in _PART:
            yield str(key), value
        if _plain(str(key)) not in _PARTS:
            continue
        named = value.items() if isinstance(value, Mapping) else [("", value)]
        for name, part in named:
            for entry in part[:100] if isinstance(part, list) else [part]:
                yield str(name or (entry.get("name") if isinstance(entry, Mapping) else None) or "?"), entry


def _ill(name: str, value: Any) -> str:
    number, own = _number(value), _plain(name) in _HEALTH
    off = number == 0 and _plain(name) in _SWITCHES
    # A number elsewhere is how much there is of something.
    if value is False or off or (own and number is not None and number >= 400):
        return f"{redact(name)[:40]}: {str(value).lower()}"
    if not isinstance(value, str):
        return ""
    # What comes behind it explains it: "degraded: database", "unhealthy (redis)". "NotReady" is two words, and a sign
    # before them is none.
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.split(r"[:;,(]| [-–—] ", value[:200])[0])
    words = re.sub(r"[\W_]+", " ", word).casefold().strip()
    return redact(value.strip())[:40] if words == "false" or _ILL.fullmatch(words) else ""
