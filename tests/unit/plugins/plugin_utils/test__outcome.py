# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read stands here word for word, so that a change of it is seen."""

from __future__ import annotations

import json
import re
import string
from typing import Any

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._decision import recovery_decision
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import health_in_words, in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._drill import rehearsal
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import PROCEDURES
from ansible_collections.kumon.runbook.plugins.plugin_utils._proofs import recovery_proof
from ansible_collections.kumon.runbook.plugins.plugin_utils._result import STATUSES
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES, details, rollback, smoke_test

from tests.unit.drill_facts import drilled, held
from tests.unit.gate_facts import facts as gate_facts
from tests.unit.prepare_facts import FAILED, prepared
from tests.unit.records import NOON, counted, turns

RUN = "ansible-playbook kumon.runbook."
COMMIT, OLDER = "a29d7e1f99b965a60b9f50613d5676303cc4624a", "b1ffe0a2c0e9d5c1f4a7b3e8d2c6a9f0e1d4b7c8"


# ------------------------------------------------------------------ facts


def seen(proof: str, had: bool = True, code: str = "processes", **fields: Any) -> dict[str, Any]:
    return {"proof": proof, "had": had, "detail": {"code": code, "fields": fields}}


def proved(status: str, reason: str) -> dict[str, Any]:
    return {
        "status": status,
        "reason": reason,
        "proofs": [
            seen("declared", code="declared", path="/etc/kumon-assistant/runbook.env"),
            seen("environment", status == "proven", "processes_lack", pids=["12", "13"], flags=["DELIVERY_DISABLE"]),
            seen("log", status == "proven", "log_planned", planned=189, sent=0),
        ],
    }


def switched(**more: Any) -> dict[str, Any]:
    return {
        "declared": {"DELIVERY_DISABLE": "true"},
        "effective": {"DELIVERY_DISABLE": "true"},
        "previous_effective": {"DELIVERY_DISABLE": None},
        "reported": {"DELIVERY_DISABLE": True},
        "kept": {},
        **more,
    }


KEPT_ON = {"DELIVERY_DISABLE": {"before": "true", "after": "TRUE"}}
KEPT_OFF = {"DELIVERY_DISABLE": {"before": None, "after": None}}


def released(**more: Any) -> dict[str, Any]:
    return {
        "before": {"commit": COMMIT, "branch": "main"},
        "after": {"commit": OLDER, "branch": None},
        "rescue": "refs/kumon-runbook/rescue/1",
        "kept": KEPT_OFF,
        **more,
    }


def act(status: str = "proven", reason: str = "reported", **more: Any) -> dict[str, Any]:
    return {"check": False, "switched": switched(), "proof": proved(status, reason), "level1_flags": FLAGS, **more}


FLAGS = {"DELIVERY_DISABLE": True}
LIFTED = {"effective": {"DELIVERY_DISABLE": None}, "reported": {"DELIVERY_DISABLE": False}}

SERVICE = {
    "running": True,
    "pid": 4127,
    "declared": {"DELIVERY_DISABLE": ""},
    "effective": {"DELIVERY_DISABLE": "false"},
    "reported": {"DELIVERY_DISABLE": False},
    "health": {"status": "ok", "detail": "HTTP 200"},
}
TRACES = {**counted(turns(60)), "window": {"since": "2025-09-04T19:00:00Z", "until": None, "process": None}}
TRACES["evidence"] = {"fresh": {"ok": True, "age_seconds": 3660.0}}


def judged(**given: Any) -> dict[str, Any]:
    return {"status": "ok", "level": 0, "cause": "none", "causes": [], "reasons": ["All is well."], **given} | {
        "would_change": "Nothing yet."
    }


BAD = judged(status="rollback", level=1, cause="lost_handoff", causes=["lost_handoff"], reasons=["6 lost.", "More."])
BLIND = judged(status="blind", cause="log_unreadable", causes=["log_unreadable"], reasons=["No log."])
WATCH = judged(status="watch", cause="unread_handoff", causes=["unread_handoff"], reasons=["1 unread."])
SAFE = judged(status="watch", cause="kill_switch", causes=["kill_switch"], reasons=["Safe mode."])
IGNORED = judged(status="rollback", level=1, cause="kill_switch_ignored", causes=["kill_switch_ignored"], reasons=[])


REPLAYED = {
    "minute": "2026-11-20T12:00Z",
    "status": "rollback",
    "cause": "outbox_guard",
    "reason": "One guard.",
    "level": 1,
}
REPLAYED |= {"in_force": None, "held": 2, "spared": 1}


def decision(level: Any, to_person: bool = False, following: str = "") -> dict[str, Any]:
    return {"level": level, "to_person": to_person, "next": following, "act": False}


def recovered(found: dict[str, Any], decided: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"check": False, "decision": decided, "verdict": found, "seconds": 210.0, "state": {}, **more}


def done(level: int = 1, ok: bool = True, status: str = "proven") -> list[dict[str, Any]]:
    return [{"level": level, "outcome": {"ok": ok, "status": status, "message": "KILL-SWITCH ACTIVE"}}]


KEPT_IN = {"traces": {"handoff": {"planned": 9}}, "state": {"delivery_disabled": True}}


SENT = {
    "message": {"sent": True, "id": "m1", "phone": "***9999", "sent_at": "2025-09-04T19:00:00Z"},
    "seconds": 2.25,
}
UNSENT = {"message": {"sent": False}, "seconds": 0.0}


def smoked(status: str, reason: str) -> dict[str, Any]:
    steps = [
        {"step": "accepted", "had": True, "detail": "HTTP 200"},
        {"step": "planned", "had": False, "detail": {"code": "planned", "fields": {"n": 0, "lines": 7}}},
        {"step": "result", "had": None, "detail": {"code": "not_asked_for", "fields": {}}},
    ]
    return {
        "sent": SENT,
        "mode": "full",
        "webhook_url": "http://a/hook",
        "judged": {"status": status, "reason": reason, "steps": steps},
    }


REPORT = {
    "path": "/r/r1.en.html",
    "files": ["/r/r1.json", "/r/r1.en.html"],
    "markdown": "# r1",
    "problem": "",
    "verdict": None,
}
FAILURE = {"failure": {"msg": "it broke\n  badly"}, "action": "kumon.runbook.service_flags"}


# ------------------------------------------------------------------ a rollback, and the way forward

KILL_SWITCH = {
    "reported": (
        "reported",
        "KILL-SWITCH INFORMADO pelo health; nenhuma mensagem o provou ainda",
        "KILL-SWITCH REPORTED by health; no message has proven it yet",
    ),
    "too_soon": (
        "unproven",
        "O processo tem os flags, mas as mensagens vistas são recentes demais para prová-lo",
        "The process has the flags, but the messages seen are too recent to prove it",
    ),
    "worse_sends": (
        "worse",
        "PIOR DO QUE ANTES do ato: cada mensagem é enviada mais vezes",
        "WORSE THAN BEFORE the act: each message is sent more often",
    ),
    "observed": (
        "proven",
        "KILL-SWITCH ATIVO, confirmado pelo processo e pelo log (planejadas, nenhuma enviada)",
        "KILL-SWITCH ACTIVE, confirmed by the process and by the log (messages planned, none sent)",
    ),
    "fenced": (
        "proven",
        "KILL-SWITCH IGNORADO pelo processo; a cerca de rede impede os envios",
        "KILL-SWITCH IGNORED by the process; the network fence keeps it from sending",
    ),
    "fence_holds": (
        "proven",
        "ENVIOS IMPEDIDOS pela cerca de rede; o que o processo faz do kill-switch ainda não foi visto",
        "SENDS HELD by the network fence; what the process makes of the kill-switch was not seen yet",
    ),
    "fence_untried": (
        "unproven",
        "A cerca de rede está de pé, mas nada a provou ainda",
        "The network fence stands, but nothing has proven it yet",
    ),
    "fence_unread": (
        "unproven",
        "A cerca de rede está de pé, mas o log não foi lido: não se sabe se algo saiu",
        "The network fence stands, but the log was not read: whether something went out is not known",
    ),
    "not_in_process": (
        "unproven",
        "O processo não tem o kill-switch",
        "The process does not have the kill-switch",
    ),
    "still_sending": (
        "ignored",
        "O processo tem o kill-switch e CONTINUA ENVIANDO",
        "The process has the kill-switch and GOES ON SENDING",
    ),
    "reports_false": (
        "ignored",
        "O health diz que a entrega NÃO está desligada",
        "Health says that delivery is NOT switched off",
    ),
    "fence_leaks": (
        "ignored",
        "A cerca de rede não impede os envios",
        "The network fence does not keep messages from going out",
    ),
    "no_message_seen": (
        "unproven",
        "O processo tem os flags, mas nenhuma mensagem chegou para prová-lo",
        "The process has the flags, but no message came to prove it",
    ),
}


@pytest.mark.parametrize("reason", KILL_SWITCH)
def test_the_kill_switch_is_told_by_the_reason_of_its_proof(reason):
    status, *headlines = KILL_SWITCH[reason]
    for locale, headline in zip(LOCALES, headlines):
        found = outcome("rollback_level1", act(status, reason), locale)
        assert (found["message"], found["lines"][0]) == (headline, headline)
        assert (found["status"], found["ok"], found["level"], found["budget_seconds"]) == (
            *(status, status == "proven"),
            *(1, 30),
        )
        assert (found["next_step"] == "") is found["ok"]
        assert found["judged"] is True
        assert found["delivery"] == ("off" if found["ok"] else "unknown")


STANDING = {"present": True, "since": "2026-11-22T10:12:27Z", "survives_reboot": True}


def test_a_fence_that_could_not_come_first_is_said_at_the_very_beginning():
    why = {"code": "fence_no_rights", "fields": {}}
    given = act("proven", "observed", switched=switched(fence={"present": False, "why": why}))
    for locale, start in zip(LOCALES, ("SEM CERCA DE REDE (é preciso ser root", "NO NETWORK FENCE (it takes root")):
        found = outcome("rollback_level1", given, locale)
        assert found["message"].startswith(start)
        assert found["lines"][0] == found["message"]
        assert found["message"].endswith(KILL_SWITCH["observed"][1 + LOCALES.index(locale)])


@pytest.mark.parametrize("reason", ["no_message_seen", "reported", "still_sending", "reports_false", "not_in_process"])
def test_where_there_can_be_no_fence_it_is_no_next_step(reason):
    why = {"code": "fence_no_nft", "fields": {}}
    given = act("ignored", reason, switched=switched(fence={"present": False, "why": why}))
    for locale in LOCALES:
        step = outcome("rollback_level1", given, locale)["next_step"]
        assert step and "rollback_fence" not in step


def test_a_fence_that_stands_is_told_with_what_lifts_it_and_what_became_of_the_restart():
    given = act("proven", "fence_holds", switched=switched(fence=STANDING, msg="it did not come back"))
    lines = outcome("rollback_level1", given, "en")["lines"]
    assert lines[1] == f"Network fence: stands since 2026-11-22T10:12:27Z; to lift it: {RUN}roll_forward -e level=1"
    assert lines[2] == "The restart with the flag was not completed: it did not come back"
    short = act("proven", "observed", switched=switched(fence=dict(STANDING, survives_reboot=False)))
    assert "falls when the host restarts" in outcome("rollback_level1", short, "en")["lines"][2]


def test_around_a_container_a_fence_that_leaks_leads_to_the_gateway():
    given = act("ignored", "fence_leaks", switched=switched(fence=dict(STANDING, sources=["172.18.0.2"])))
    for locale in LOCALES:
        assert f"{RUN}evolution_instance -e stop=true" in outcome("rollback_level1", given, locale)["next_step"]


@pytest.mark.parametrize(("had", "tick"), [(True, "[x]"), (False, "[ ]")])
def test_what_a_release_says_at_its_start_is_told_as_a_witness(had, tick):
    code = "says_at_start" if had else "denies_at_start"
    witness = {"proof": "said", "had": had, "detail": {"code": code, "fields": {"said": ["DELIVERY_DISABLE=x"]}}}
    given = act("proven", "observed")
    given["proof"] = dict(given["proof"], proofs=[witness])
    (line,) = [line for line in outcome("rollback_level1", given, "en")["lines"] if "witness" in line]
    else_ = "" if had else "something else "
    assert line == (
        f"{tick} witness, which alone proves nothing: the release says {else_}at its start: DELIVERY_DISABLE=x"
    )


def test_what_a_module_refuses_is_told_in_the_operators_language():
    refused = {"failure": {"msg": "unit kumon is masked: run systemctl unmask kumon first", "refused": True}}
    mended = "a unit kumon está mascarada: rode antes systemctl unmask kumon"
    assert outcome("rollback_level1", refused, "pt_BR")["next_step"] == mended
    assert outcome("rollback_level1", refused, "en")["next_step"] == refused["failure"]["msg"]


def test_how_long_the_act_took_is_left_for_a_drill():
    found = outcome("rollback_level1", act("proven", "observed", switched=switched(seconds=1.2)), "en")
    assert found["effect_seconds"] == 1.2
    assert "effect_seconds" not in outcome("rollback_level1", {"failure": {"msg": "no"}}, "en")


NEXT = {
    ("rollback_level1", "not_in_process"): ("{3} # código anterior", "{3} # previous code"),
    ("rollback_level1", "still_sending"): (
        "{3} # código anterior, ou -e rollback_fence=auto",
        "{3} # previous code, or -e rollback_fence=auto",
    ),
    ("rollback_level1", "reports_false"): (
        "{3} # código anterior, ou -e rollback_fence=auto",
        "{3} # previous code, or -e rollback_fence=auto",
    ),
    ("rollback_level1", "fence_leaks"): ("{3} # código anterior", "{3} # previous code"),
    ("rollback_level1", "fence_untried"): ("{t}", "{t}"),
    ("rollback_level1", "fence_unread"): ("{h} # a cerca continua de pé", "{h} # the fence goes on standing"),
    ("rollback_level1", "no_message_seen"): (
        "{t} # ou -e rollback_fence=always",
        "{t} # or -e rollback_fence=always",
    ),
    ("rollback_level1", "reported"): (
        "{t} # ou -e rollback_fence=always",
        "{t} # or -e rollback_fence=always",
    ),
    ("rollback_level1", "too_soon"): (
        "{1} -e rollback_observe_seconds=20 # mede por mais tempo",
        "{1} -e rollback_observe_seconds=20 # measures for longer",
    ),
    ("rollback_level2", "answering"): ("{t}", "{t}"),
    ("rollback_level2", "too_soon"): ("{t}", "{t}"),
    ("rollback_level2", "wrong_instance"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("rollback_level2", "delivery_failing"): (
        "{d} # se o gateway está bem, {3} (código anterior)",
        "{d} # if the gateway is well, {3} (previous code)",
    ),
    ("rollback_level2", "sends_copies"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("rollback_level3", "sends_copies"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("roll_forward", "sends_copies"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("rollback_level3", "answering"): ("{t}", "{t}"),
    ("rollback_level3", "too_soon"): ("{t}", "{t}"),
    ("rollback_level3", "wrong_instance"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("rollback_level3", "delivery_failing"): (
        "{d} # se o gateway está bem, -e rollback_commit=… (uma versão mais antiga)",
        "{d} # if the gateway is well, -e rollback_commit=… (an older release)",
    ),
    ("roll_forward", "answering"): ("{t}", "{t}"),
    ("roll_forward", "too_soon"): ("{t}", "{t}"),
    ("roll_forward", "wrong_instance"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("roll_forward", "delivery_failing"): ("{d}", "{d}"),
    ("rollback_level2", "not_in_process"): ("{3} # código anterior", "{3} # previous code"),
    ("rollback_level2", "still_failing"): ("{3} # código anterior", "{3} # previous code"),
    ("rollback_level2", "still_sending"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("rollback_level2", "no_message_seen"): ("{t}", "{t}"),
    ("rollback_level3", "not_in_process"): (
        "{h} # veja o que mais define os flags na unidade",
        "{h} # see what else sets the flags in the unit",
    ),
    ("rollback_level3", "still_failing"): (
        "{1} # kill-switch, ou -e rollback_commit=… (uma versão mais antiga)",
        "{1} # kill-switch, or -e rollback_commit=… (an older release)",
    ),
    ("rollback_level3", "still_sending"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("rollback_level3", "no_message_seen"): ("{t}", "{t}"),
    ("roll_forward", "not_in_process"): ("{3} # código anterior", "{3} # previous code"),
    ("roll_forward", "still_failing"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("roll_forward", "still_sending"): ("{1} # kill-switch", "{1} # kill-switch"),
    ("roll_forward", "no_message_seen"): ("{t}", "{t}"),
    ("roll_forward", "not_lifted"): (
        "{h} # veja o que mais define o flag na unidade",
        "{h} # see what else sets the flag in the unit",
    ),
}
_COMMANDS = {
    "{1}": "rollback_level1",
    "{3}": "rollback_level3",
    "{t}": "smoke_test",
    "{h}": "health_check",
    "{d}": "diagnose",
}


@pytest.mark.parametrize(("procedure", "reason"), NEXT)
def test_the_next_step_is_a_command_by_what_was_not_proven(procedure, reason):
    three = procedure == "rollback_level3"
    given = act(
        "ignored", reason, switched=released() if three else switched(), level=1 if "forward" in procedure else 0
    )
    for locale, text in zip(LOCALES, NEXT[procedure, reason]):
        for mark, name in _COMMANDS.items():
            text = text.replace(mark, RUN + name)
        if reason == "not_lifted":
            given["proof"] = proved("proven", "observed")
        elif procedure == "roll_forward":
            given["switched"] = switched(**LIFTED)
        assert outcome(procedure, given, locale)["next_step"] == text


def test_every_next_step_of_a_rollback_has_its_case():
    forward = {("roll_forward", key[len("next_roll_forward_") :]) for key in rollback.TEXTS if "next_roll" in key}
    levels = {(f"rollback_level{key[5]}", key[7:]) for key in rollback.TEXTS if re.match("next_[123]_", key)}
    assert forward | levels == set(NEXT)


@pytest.mark.parametrize("reason", ["worse_delivery", "worse_sends"])
@pytest.mark.parametrize(
    ("procedure", "level", "undo"),
    [
        ("rollback_level1", 1, "roll_forward -e level=1"),
        ("rollback_level2", 2, "roll_forward -e level=2"),
        ("rollback_level3", 3, "roll_forward -e level=3"),
        ("roll_forward", 1, "rollback_level1"),
        ("roll_forward", 2, "rollback_level2"),
        ("roll_forward", 3, "rollback_level3"),
    ],
)
def test_what_made_it_worse_says_so_and_is_to_be_undone(procedure, level, undo, reason):
    given = act("worse", reason, level=level, switched=released() if level == 3 else switched(**LIFTED))
    for locale, headline, meant in zip(
        LOCALES, ("PIOR DO QUE ANTES", "WORSE THAN BEFORE"), ("desfaz este ato", "undoes this act")
    ):
        found = outcome(procedure, given, locale)
        assert (found["status"], found["ok"]) == ("worse", False)
        assert found["message"].startswith(headline)
        assert found["next_step"] == f"{RUN}{undo} # {meant}"


@pytest.mark.parametrize(
    ("procedure", "level"), [("rollback_level2", 2), ("rollback_level3", 3), ("roll_forward", 1), ("roll_forward", 2)]
)
def test_that_the_service_answers_is_a_word_and_no_proof(procedure, level):
    given = act("reported", "answering", level=level, switched=released() if level == 3 else switched(**LIFTED))
    found = outcome(procedure, given, "en")
    assert (found["status"], found["ok"], found["delivery"]) == ("reported", False, "unknown")
    assert found["message"] == "The service answers; no message has proven the effect yet"
    assert found["next_step"] == f"{RUN}smoke_test"


def test_the_next_step_is_as_this_run_was_typed():
    class Typed(dict):
        def __missing__(self, key: str) -> str:
            return f"ansible-playbook -i hosts playbooks/{key}.yml"

    found = outcome("rollback_level2", act("ignored", "still_sending"), "en", Typed())
    assert found["next_step"] == "ansible-playbook -i hosts playbooks/rollback_level1.yml # kill-switch"


@pytest.mark.parametrize(
    ("procedure", "level", "headlines", "budget"),
    [
        ("rollback_level2", 2, ("FLAGS V1 ATIVOS no processo", "V1 FLAGS ACTIVE in the process"), 120),
        (
            *("rollback_level3", 3),
            (
                "CÓDIGO ANTERIOR NO LUGAR, o serviço responde com ele",
                "PREVIOUS CODE IN PLACE, the service answers with it",
            ),
            300,
        ),
        (
            *("roll_forward", 1),
            ("KILL-SWITCH RETIRADO, o processo voltou a entregar", "KILL-SWITCH LIFTED, the process delivers again"),
            30,
        ),
        (
            *("roll_forward", 2),
            (
                "FLAGS DE VOLTA ao que eram antes do rollback",
                "FLAGS BACK to what they were before the rollback",
            ),
            120,
        ),
        (
            *("roll_forward", 3),
            ("CÓDIGO DE VOLTA ao que era antes do rollback", "CODE BACK to what it was before the rollback"),
            300,
        ),
    ],
)
def test_an_act_that_is_proven_says_what_is_so_now(procedure, level, headlines, budget):
    given = act("proven", "observed", level=str(level), switched=released() if level == 3 else switched(**LIFTED))
    for locale, headline in zip(LOCALES, headlines):
        found = outcome(procedure, given, locale)
        assert (found["message"], found["ok"], found["status"], found["next_step"]) == (headline, True, "proven", "")
        assert (found["level"], found["budget_seconds"], found["delivery"]) == (level, budget, "on")


@pytest.mark.parametrize(
    "more",
    [
        {"effective": {"DELIVERY_DISABLE": "On"}},
        {"reported": {"DELIVERY_DISABLE": True}},
    ],
)
def test_a_kill_switch_that_is_still_seen_was_not_lifted_whatever_the_proof_says(more):
    given = act("proven", "observed", level=1, switched=switched(**{**LIFTED, **more}))
    found = outcome("roll_forward", given, "en")
    assert (found["ok"], found["status"], found["delivery"]) == (False, "unproven", "unknown")
    assert found["message"] == "The kill-switch is still active in the process"
    assert outcome("roll_forward", given, "pt_BR")["message"] == "O kill-switch ainda está ativo no processo"


def test_only_a_flag_of_the_kill_switch_keeps_it_from_being_lifted():
    given = act(
        "proven", "observed", level=1, switched=switched(**{**LIFTED, "effective": {"ROUTER_V2_SHADOW": "true"}})
    )
    assert outcome("roll_forward", given)["status"] == "proven"
    # Going forward from another level leaves the kill-switch as it is.
    assert outcome("roll_forward", {**given, "level": 2, "switched": switched()})["status"] == "proven"


def test_what_was_proven_of_a_kill_switch_is_told_line_by_line():
    assert outcome("rollback_level1", act("unproven", "not_in_process"), "en")["lines"] == [
        "The process does not have the kill-switch",
        "[x] declared in: /etc/kumon-assistant/runbook.env",
        "[ ] in the environment of: process 12, 13 lacks DELIVERY_DISABLE",
        "[ ] log since the restart: 189 planned, 0 sent",
        'Declared {"DELIVERY_DISABLE": "true"}, in the process {"DELIVERY_DISABLE": "true"}, '
        'before {"DELIVERY_DISABLE": null}',
    ]
    assert outcome("rollback_level1", act("unproven", "not_in_process"), "pt_BR")["lines"] == [
        "O processo não tem o kill-switch",
        "[x] declarado em: /etc/kumon-assistant/runbook.env",
        "[ ] no ambiente de: processo 12, 13 não tem DELIVERY_DISABLE",
        "[ ] log desde o reinício: 189 planejadas, 0 enviadas",
        'Declarado {"DELIVERY_DISABLE": "true"}, no processo {"DELIVERY_DISABLE": "true"}, '
        'antes {"DELIVERY_DISABLE": null}',
    ]


@pytest.mark.parametrize(
    ("kept", "delivery", "lines"),
    [
        (
            *(KEPT_ON, "off"),
            (
                f"Kill-switch: ativo, como estava antes; para retirar: {RUN}roll_forward -e level=1",
                f"Kill-switch: active, as it was found; to lift it: {RUN}roll_forward -e level=1",
            ),
        ),
        (KEPT_OFF, "on", ("Kill-switch: desligado, como estava antes", "Kill-switch: off, as it was found")),
    ],
)
@pytest.mark.parametrize("procedure", ["rollback_level2", "rollback_level3"])
def test_the_kill_switch_that_was_kept_is_told(procedure, kept, delivery, lines):
    given = act("proven", "observed", switched={**switched(), **released(kept=kept)})
    for locale, line in zip(LOCALES, lines):
        found = outcome(procedure, given, locale)
        assert (found["lines"][-1], found["delivery"]) == (line, delivery)


def test_where_nothing_was_to_be_kept_the_flags_come_last():
    assert outcome("rollback_level2", act("proven", "observed"))["lines"][-1].startswith("Declared ")


def test_messages_that_are_kept_in_are_off_also_when_the_act_is_not_proven():
    given = act("ignored", "still_failing", switched=switched(kept=KEPT_ON))
    assert outcome("rollback_level2", given)["delivery"] == "off"


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("asked", ("pedida por rollback_commit", "asked for by rollback_commit")),
        ("ledger", ("a mais recente comprovada como boa", "the newest one known to be good")),
        ("in_place", ("um rollback já a colocou no lugar", "a rollback has put it in place already")),
        ("unfinished", ("um rollback para ela foi interrompido", "a rollback to it was interrupted")),
    ],
)
def test_level_3_says_which_release_and_why(why, told):
    given = act("proven", "observed", switched=released(), chosen={"commit": OLDER, "why": why})
    words = zip(LOCALES, told, ("Escolhida", "Chosen"), ("Versão", "Release"), ("antes", "before"))
    for locale, reason, chosen, release, before in words:
        lines = outcome("rollback_level3", given, locale)["lines"]
        assert lines[-4] == f"{release} {OLDER[:12]}, {before} {COMMIT[:12]} (main)"
        assert lines[-3] == f"{chosen} {OLDER[:12]}: {reason}"
        assert lines[-2].endswith("refs/kumon-runbook/rescue/1")


@pytest.mark.parametrize(
    ("trial", "told"),
    [
        (
            {"tried": True, "passed": True, "why": {}, "planned": 1, "sends": 2},
            (
                "Testada antes, isolada do host: iniciou, respondeu, respostas planejadas para uma mensagem: 1, "
                "envios pedidos ao substituto do gateway: 2",
                "Tried first, apart from the host: it started, answered, replies planned for one message: 1, "
                "sends asked of the gateway's stand-in: 2",
            ),
        ),
        (
            {
                "tried": False,
                "passed": None,
                "why": {"code": "room_no_ip", "fields": {}},
                "planned": None,
                "sends": None,
            },
            (
                "NÃO TESTADA antes: o ip (iproute2) não está instalado neste host",
                "NOT TRIED first: ip (iproute2) is not installed on this host",
            ),
        ),
    ],
)
def test_level_3_says_what_the_trial_came_to(trial, told):
    given = act("proven", "observed", switched=released(trial=trial, changed=True))
    for locale, line in zip(LOCALES, told):
        assert line in outcome("rollback_level3", given, locale)["lines"]
    # Where nothing was done nothing was to be tried.
    idle = act("proven", "observed", switched=released(trial=trial, changed=False))
    assert not [line for line in outcome("rollback_level3", idle)["lines"] if "tried" in line.lower()]


def test_what_level_3_has_not_is_not_told():
    bare = released(rescue=None, before={"commit": COMMIT, "branch": None})
    lines = outcome("rollback_level3", act("proven", "observed", switched=bare))["lines"]
    assert lines[-2:] == [f"Release {OLDER[:12]}, before {COMMIT[:12]}", "Kill-switch: off, as it was found"]
    assert not [line for line in lines if line.startswith(("Chosen", "What was there before"))]


def test_a_dry_run_that_would_change_nothing_says_so():
    given = {"check": True, "switched": {**switched(), "changed": False}, "level": 1, "proof": {}}
    told = [outcome("rollback_level1", given, locale)["message"] for locale in LOCALES]
    assert told == ["SIMULAÇÃO: nada seria alterado, já está assim", "DRY RUN: nothing would change, it is so already"]


@pytest.mark.parametrize(
    ("procedure", "level", "headlines"),
    [
        (
            *("rollback_level1", 1),
            (
                "SIMULAÇÃO: nada foi alterado; com --diff se vê o que seria escrito",
                "DRY RUN: nothing was changed; with --diff you see what would be written",
            ),
        ),
        (
            *("roll_forward", 1),
            (
                "SIMULAÇÃO: nada foi alterado; com --diff se vê o que seria desfeito",
                "DRY RUN: nothing was changed; with --diff you see what would be undone",
            ),
        ),
    ],
)
def test_in_check_mode_nothing_is_proven_and_all_is_fine(procedure, level, headlines):
    given = {"check": True, "switched": switched(kept=KEPT_ON), "level": level, "proof": {}}
    for locale, headline in zip(LOCALES, headlines):
        found = outcome(procedure, given, locale)
        assert (found["ok"], found["status"], found["next_step"]) == (True, "planned", "")
        assert (found["message"], found["lines"][0]) == (headline, headline)
        assert (found["delivery"], found["judged"]) == ("unknown", False)
        assert not [line for line in found["lines"] if line.startswith("[")]


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        (
            [
                {"code": "step_install", "fields": {"files": "a.txt", "directory": "/srv/venv.d"}},
                {"code": "step_restart_of", "fields": {"service": "assistant", "pids": ["7", "8"]}},
            ],
            (
                ["- instalaria a.txt em /srv/venv.d", "- reiniciaria assistant (processo 7, 8)"],
                ["- would install a.txt into /srv/venv.d", "- would restart assistant (process 7, 8)"],
            ),
        ),
        ([], (["- nada a fazer, já está assim"], ["- nothing to do, it is so already"])),
    ],
)
def test_level_3_in_check_mode_lists_its_steps(steps, lines):
    given = {"check": True, "switched": released(steps=steps, rescue=None)}
    for locale, expected in zip(LOCALES, lines):
        found = outcome("rollback_level3", given, locale)["lines"]
        assert found[1 : 1 + len(expected)] == expected
        # What will be kept is not known before it was.
        assert len(found) == len(expected) + 2 and not found[-1].startswith("Kill-switch")


def test_people_are_told_that_level_3_has_begun():
    found = outcome("rollback_level3", {"begun": True}, "en")
    assert (found["status"], found["ok"], found["budget_seconds"]) == ("begun", True, 300)
    assert found["message"] == "The rollback to the previous code has begun"
    assert outcome("rollback_level3", {"begun": True}, "pt_BR")["lines"] == [
        "O rollback para o código anterior começou"
    ]


# ------------------------------------------------------------------ what was refused, or went wrong


@pytest.mark.parametrize(
    ("facts", "status", "titles"),
    [
        ({"unreachable": True}, "unreachable", ("SEM ACESSO ao host", "HOST NOT REACHED")),
        ({"failure": {"msg": "x", "unreachable": True}}, "unreachable", ("SEM ACESSO ao host", "HOST NOT REACHED")),
        (
            *({"failure": {"msg": "x", "refused": True}}, "refused"),
            ("NÃO FEITO, nada foi alterado", "NOT DONE, nothing was changed"),
        ),
        (
            *({"action": "ansible.builtin.fail"}, "refused"),
            ("NÃO FEITO, nada foi alterado", "NOT DONE, nothing was changed"),
        ),
        ({"action": "fail"}, "refused", ("NÃO FEITO, nada foi alterado", "NOT DONE, nothing was changed")),
        (
            *({"action": "kumon.runbook.settings"}, "refused"),
            ("NÃO FEITO, nada foi alterado", "NOT DONE, nothing was changed"),
        ),
        ({}, "failed", ("FALHOU", "FAILED")),
    ],
)
def test_a_failure_is_told_by_its_own_sentence(facts, status, titles):
    for locale, title in zip(LOCALES, titles):
        given = {**FAILURE, **facts}
        sentence = " ".join(given["failure"]["msg"].split())
        found = outcome("rollback_level2", given, locale)
        assert (found["ok"], found["status"], found["level"], found["budget_seconds"]) == (False, status, 2, 120)
        assert found["message"] == f"{title}: {sentence}"
        assert found["lines"] == [title, sentence]
        assert found["next_step"] == sentence


def test_a_module_that_did_not_run_is_told_by_what_the_host_said():
    failure = {"msg": "Module result deserialization failed", "module_stderr": "/bin/sh: 1: python3.13:\n not found\n"}
    found = outcome("health_check", {"failure": failure}, "en")
    assert found["lines"][1] == "Module result deserialization failed (/bin/sh: 1: python3.13: not found)"


def test_what_was_done_before_it_failed_is_told():
    refused = {"failure": {"msg": "x", "refused": True}, "acted": ["1", 2], "verdict": BAD}
    found = outcome("emergency_recovery", refused)
    assert (found["status"], found["level"], found["verdict"]) == ("failed", 2, BAD)
    assert outcome("emergency_recovery", {**refused, "acted": []})["status"] == "refused"


@pytest.mark.parametrize(
    ("procedure", "more", "status"),
    [
        ("health_check", {}, "blind"),
        ("emergency_recovery", {"measured": False}, "blind"),
        ("validate_recovery", {"measured": False}, "blind"),
        ("emergency_recovery", {"measured": False, "acted": [1]}, "failed"),
        ("emergency_recovery", {"measured": True}, "failed"),
        ("rollback_level1", {}, "failed"),
    ],
)
def test_where_nothing_could_be_read_it_is_blind(procedure, more, status):
    found = outcome(procedure, {**FAILURE, **more}, "en")
    assert found["status"] == status
    title = {"blind": "BLIND, nothing proves that the system works", "failed": "FAILED"}[status]
    assert found["message"] == f"{title}: it broke badly"


def test_a_report_that_was_not_written_says_so():
    titles = [outcome("incident_report", FAILURE, locale)["lines"][0] for locale in LOCALES]
    assert titles == ["NENHUM relatório foi escrito", "NO report was written"]


@pytest.mark.parametrize(
    ("procedure", "more", "budget"),
    [
        ("diagnose", {"depth": "full"}, 60),
        ("diagnose", {"depth": "quick"}, 30),
        ("diagnose", {}, 30),
        ("roll_forward", {"level": "3"}, 300),
        ("roll_forward", {"level": 0}, None),
        ("emergency_recovery", {"seconds": "210"}, 210),
        ("emergency_recovery", {}, None),
        ("smoke_test", {}, 60),
    ],
)
def test_the_budget_is_the_procedures_or_that_of_the_run(procedure, more, budget):
    assert outcome(procedure, {**FAILURE, **more})["budget_seconds"] == budget


# ------------------------------------------------------------------ what was measured


def looked(found: dict[str, Any], service: dict[str, Any] | None = None, traces: Any = TRACES) -> dict[str, Any]:
    return {"verdict": found, "service": SERVICE if service is None else service, "traces": traces}


def test_a_health_check_shows_what_was_measured():
    assert outcome("health_check", looked(BAD), "en")["lines"] == [
        "ROLLBACK needed (lost_handoff)",
        "- 6 lost.",
        "- More.",
        "Window since: 2025-09-04T19:00:00Z",
        f"Newest event: 1 h 1 min ago ({TRACES['last']})",
        "Planned / read / lost / unread: 60 / 60 / 0 / 0",
        "Sent / success / failed / no result: 60 / 60 / 0 / 0",
        "Critical incidents: 0",
        "DELIVERY_DISABLE: declared -, in the process false, reported by health false",
        "Service: pid 4127, health ok (HTTP 200)",
        "What would change the verdict: Nothing yet.",
    ]
    assert outcome("health_check", looked(BAD), "pt_BR")["lines"] == [
        "ROLLBACK necessário (lost_handoff)",
        "- 6 lost.",
        "- More.",
        "Janela desde: 2025-09-04T19:00:00Z",
        f"Evento mais recente: há 1 h 1 min ({TRACES['last']})",
        "Planejadas / lidas / perdidas / não lidas: 60 / 60 / 0 / 0",
        "Envios / sucesso / falha / sem resultado: 60 / 60 / 0 / 0",
        "Incidentes críticos: 0",
        "DELIVERY_DISABLE: declarado -, no processo false, informado pelo health false",
        "Serviço: pid 4127, health ok (HTTP 200)",
        "O que mudaria o veredito: Nothing yet.",
    ]


@pytest.mark.parametrize(("locale", "first"), [("en", "QUIET, not proven"), ("pt_BR", "QUIETO, não provado")])
def test_a_quiet_log_is_not_called_healthy(locale, first):
    quiet = judged(cause="quiet", causes=["quiet"], reasons=["Quiet, not proven: so it is."])
    found = outcome("health_check", looked(quiet), locale)
    assert (found["ok"], found["status"], found["lines"][0]) == (True, "ok", first)
    assert found["message"] == "Quiet, not proven: so it is."


def test_a_health_check_tells_what_the_gateway_said_of_failures():
    causes = {"failed_by_cause": {"401 Unauthorized: Unauthorized": 2, "x {{ 7*7 }} 5511900000001": 1}}
    lines = outcome("health_check", looked(BAD, traces={**TRACES, "delivery": {**TRACES["delivery"], **causes}}), "en")
    told = [line for line in lines["lines"] if line.startswith("Causes of the failures: ")]
    assert len(told) == 1 and "'401 Unauthorized: Unauthorized' 2 times" in told[0] and "5511900000001" not in told[0]


def test_a_health_check_of_a_service_that_is_down_since_its_process():
    stopped = {**SERVICE, "running": False, "pid": None, "reported": {}, "effective": {}, "declared": {}}
    stopped["health"] = {"status": "not_set", "detail": "no health URL is set"}
    traces = {**TRACES, "last": None, "evidence": {}, "window": {"since": None, "process": "kumon.service"}}
    lines = outcome("health_check", looked(judged(), stopped, traces), "pt_BR")["lines"]
    assert lines[0] == "SAUDÁVEL"
    assert lines[2] == "Janela desde: início do processo kumon.service"
    assert lines[3] == "Evento mais recente: nenhum com horário na janela"
    assert lines[7] == "DELIVERY_DISABLE: declarado -, no processo -, informado pelo health null"
    assert lines[8] == "Serviço: parado, health not_set (nenhuma URL de health configurada)"
    assert "(no health URL is set)" in outcome("health_check", looked(judged(), stopped, traces))["lines"][8]


@pytest.mark.parametrize(
    ("answer", "portuguese"),
    [
        ({"status": "ok", "detail": "HTTP 200"}, "HTTP 200"),
        ({"status": "error", "detail": "HTTP 500"}, "HTTP 500"),
        ({"status": "refused", "detail": "connection refused"}, "conexão recusada"),
        ({"status": "no_answer", "detail": "no answer within 3.0 s"}, "sem resposta"),
        ({"status": "not_json", "detail": "HTML"}, "não é o health do assistente"),
        ({"status": "not_set", "detail": "no health URL is set"}, "nenhuma URL de health configurada"),
    ],
)
def test_what_health_answered_is_told_in_the_operators_language(answer, portuguese):
    assert health_in_words(answer, "pt_BR") == portuguese
    assert health_in_words(answer, "en") == answer["detail"]


@pytest.mark.parametrize(
    ("found", "ok", "following", "message"),
    [
        (judged(), True, "", "HEALTHY: All is well."),
        (judged(reasons=[]), True, "", "HEALTHY"),
        (WATCH, False, "", "WATCH closely: 1 unread."),
        (BLIND, False, "", "BLIND, nothing proves that the system works: No log."),
        (BAD, False, f"{RUN}rollback_level1", "ROLLBACK needed: 6 lost."),
        ({**BAD, "level": 2}, False, f"{RUN}rollback_level2", "ROLLBACK needed: 6 lost."),
        ({**BLIND, "level": 3}, False, f"{RUN}rollback_level3", "BLIND, nothing proves that the system works: No log."),
        ({**BAD, "level": None}, False, "", "ROLLBACK needed: 6 lost."),
    ],
)
def test_a_health_check_is_fine_with_a_good_verdict_only(found, ok, following, message):
    told = outcome("health_check", looked(found))
    assert (told["ok"], told["status"], told["level"]) == (ok, found["status"], found["level"])
    assert (told["next_step"], told["message"], told["budget_seconds"]) == (following, message, 30)
    assert told["verdict"] == found


@pytest.mark.parametrize(("depth", "budget"), [("quick", 30), ("full", 60), (None, 30)])
def test_a_diagnosis_shows_its_screen_within_the_budget_of_its_depth(depth, budget):
    given = {"verdict": WATCH, "diagnosis": {"screen": "a\n  b", "next_step": "look"}, "depth": depth, "output": "text"}
    found = outcome("diagnose", given)
    assert (found["lines"], found["next_step"], found["budget_seconds"]) == (["a", "  b"], "look", budget)
    assert (found["ok"], found["status"]) == (False, "watch")
    assert outcome("diagnose", {**given, "verdict": judged()})["ok"] is True
    assert outcome("diagnose", {**given, "unreachable": True})["status"] == "unreachable"


def test_a_diagnosis_as_data_is_json():
    given = {"verdict": judged(), "diagnosis": {"screen": "a", "next_step": None, "é": 1}, "output": "json"}
    found = outcome("diagnose", given)
    assert json.loads(found["text"]) == given["diagnosis"]
    assert "text" not in outcome("diagnose", {**given, "output": "text"})
    assert found["next_step"] == ""


# ------------------------------------------------------------------ the automatic recovery

RECOVERED = {
    "planned": (
        recovered(BAD, decision(2), check=True),
        *("planned", True, 2),
        "SIMULAÇÃO: nada foi alterado; seria feito o nível 2 (--diff mostra o quê): 6 lost.",
        "DRY RUN: nothing was changed; level 2 would be done (--diff shows what): 6 lost.",
    ),
    "stable": (
        recovered(SAFE, decision(0), done=done(1), **KEPT_IN),
        *("proven", True, 1),
        "ESTABILIZADO no nível 1: Safe mode.",
        "STABLE at level 1: Safe mode.",
    ),
    "unproven": (
        recovered(SAFE, decision(0), done=done(1, ok=False, status="reported")),
        *("unproven", False, 1),
        "O nível 1 foi feito, mas seu efeito não está provado: Safe mode.",
        "Level 1 was done, but its effect is not proven: Safe mode.",
    ),
    "unstable": (
        recovered(BAD, decision(None, True), done=[*done(1), *done(3)]),
        *("failed", False, 3),
        "NÃO ESTABILIZADO depois do nível 3: 6 lost.",
        "NOT STABLE after level 3: 6 lost.",
    ),
    "safe": (
        recovered(SAFE, decision(0)),
        *("ok", True, 0),
        "MODO SEGURO, nada a fazer: Safe mode.",
        "SAFE MODE, nothing to do: Safe mode.",
    ),
    "contained": (
        recovered(IGNORED, decision(0, True), state={"fenced": True, "delivery_disabled": True}),
        *("ok", True, 0),
        "MODO SEGURO, nada a fazer",
        "SAFE MODE, nothing to do",
    ),
    "nothing": (
        recovered(judged(), decision(0)),
        *("ok", True, 0),
        "NADA A FAZER: All is well.",
        "NOTHING TO DO: All is well.",
    ),
    "due": (
        recovered(BAD, decision(1, True)),
        *("rollback", False, 1),
        "NÍVEL 1 NECESSÁRIO, nada foi feito: 6 lost.",
        "LEVEL 1 IS DUE, nothing was done: 6 lost.",
    ),
    "blind": (
        recovered(BLIND, decision(None, True)),
        *("blind", False, 0),
        "SEM VISÃO, uma pessoa decide: No log.",
        "BLIND, a person decides: No log.",
    ),
    "watch": (
        recovered(WATCH, decision(0)),
        *("watch", False, 0),
        "ATENÇÃO, monitorar de perto: 1 unread.",
        "WATCH closely: 1 unread.",
    ),
    "person": (
        recovered(BAD, decision(None, True)),
        *("rollback", False, 0),
        "UMA PESSOA DECIDE, não resta passo automático: 6 lost.",
        "A PERSON DECIDES, no automatic step is left: 6 lost.",
    ),
}


@pytest.mark.parametrize("came_to", RECOVERED)
def test_what_a_recovery_came_to(came_to):
    given, status, ok, level, *messages = RECOVERED[came_to]
    for locale, message in zip(LOCALES, messages):
        found = outcome("emergency_recovery", given, locale)
        assert (found["status"], found["ok"], found["level"], found["message"]) == (status, ok, level, message)
        assert found["to_person"] is given["decision"]["to_person"]
        assert (found["budget_seconds"], found["verdict"]) == (210.0, given["verdict"])


def watched(ok: bool, status: str, off: bool, **traces: Any) -> str:
    """What a recovery came to after one act, by what its watch has seen."""
    facts = {"traces": traces, "state": {"delivery_disabled": off, "fenced": traces.pop("fenced", False)}}
    found = outcome("emergency_recovery", recovered(SAFE, decision(0), done=done(1, ok, status), **facts))
    assert found["ok"] is (found["status"] == "proven")
    return found["status"]


@pytest.mark.parametrize(
    ("act_ended", "off", "seen", "status"),
    [
        ((True, "proven"), True, {"handoff": {"planned": 9}}, "proven"),
        # Nothing planned since the act, and nothing that was wrong: that is not stable.
        ((True, "proven"), True, {}, "unproven"),
        ((True, "proven"), True, {"handoff": {"planned": 9, "matured": 0}}, "unproven"),
        ((True, "proven"), True, {"handoff": {"planned": 9}, "evidence": {"owned": {"ok": False}}}, "unproven"),
        # The watch may see what the act alone could not.
        ((False, "reported"), True, {"handoff": {"planned": 9}}, "proven"),
        ((False, "unproven"), True, {"handoff": {"planned": 9}}, "proven"),
        ((False, "reported"), True, {}, "unproven"),
        ((False, "worse"), True, {"handoff": {"planned": 9}}, "unproven"),
        # What goes out in spite of it, and what fails.
        ((True, "proven"), True, {"handoff": {"planned": 9}, "delivery": {"sent": 1}}, "failed"),
        ((True, "proven"), True, {"delivery": {"sent": 9, "failed": 9}, "fenced": True}, "proven"),
        ((True, "proven"), False, {"delivery": {"sent": 9, "success": 9}}, "proven"),
        ((True, "proven"), False, {"handoff": {"planned": 9, "read": 9}}, "unproven"),
        ((True, "proven"), False, {"delivery": {"sent": 9, "failed": 9}}, "failed"),
    ],
)
def test_a_watch_says_stable_only_on_what_it_has_seen(act_ended, off, seen, status):
    assert watched(*act_ended, off, **seen) == status


def test_a_recovery_in_check_mode_with_nothing_due_is_what_it_is():
    assert outcome("emergency_recovery", recovered(judged(), decision(0), check=True))["status"] == "ok"
    assert outcome("emergency_recovery", recovered(BLIND, decision(None, True), check=True))["status"] == "blind"


def test_a_recovery_tells_each_decision_with_its_evidence_and_act():
    first = {"title": "level 1, kill-switch (lost_handoff)", "evidence": ["6 lost."], "reasons": ["so level 1"]}
    last = {"title": "nothing to do (kill_switch)", "evidence": [], "reasons": ["it holds"]}
    following = f"{RUN}validate_recovery"
    given = recovered(SAFE, decision(0, following=following), done=done(1), decisions=[first, last], **KEPT_IN)
    found = outcome("emergency_recovery", given, "en")
    assert found["lines"] == [
        "STABLE at level 1",
        "Decision 1: level 1, kill-switch (lost_handoff)",
        "- 6 lost.",
        "- so level 1",
        "Act 1: KILL-SWITCH ACTIVE",
        "Decision 2: nothing to do (kill_switch)",
        "- it holds",
        "Verdict: watch (kill_switch)",
        f"Next step: {following}",
    ]
    assert (found["next_step"], found["decisions"]) == (following, [first, last])
    portuguese = outcome("emergency_recovery", recovered(judged(), decision(0)), "pt_BR")["lines"]
    assert portuguese == ["NADA A FAZER", "Veredito: ok (none)", "Próximo passo: -"]


@pytest.mark.parametrize(
    ("causes", "state", "delivery"),
    [
        ([], {"delivery_disabled": False}, "on"),
        ([], {"delivery_disabled": True}, "off"),
        (["kill_switch_ignored"], {"delivery_disabled": True}, "unknown"),
        (["kill_switch_ignored"], {"delivery_disabled": True, "fenced": True}, "off"),
    ],
)
def test_a_process_that_ignores_its_kill_switch_sends_unless_the_fence_holds(causes, state, delivery):
    given = recovered(judged(causes=causes), decision(0), state=state)
    assert outcome("emergency_recovery", given)["delivery"] == delivery


def test_a_real_decision_fits():
    found = recovery_decision({**BAD, "delivery": {}}, {}, mode="recommend", locale="pt_BR")
    one = {**found, "evidence": []}
    told = outcome("emergency_recovery", recovered(BAD, found, decisions=[one]), "pt_BR")
    assert told["status"] == "rollback"
    assert told["lines"][1] == "Decisão 1: nível 1, kill-switch (lost_handoff)"
    assert told["next_step"] == f"{RUN}rollback_level1"


# ------------------------------------------------------------------ a recovery is validated


def criterion(name: str, status: str, value: Any = None, n: Any = None, needed: Any = None, age: Any = None):
    return {"criterion": name, "status": status, "value": value, "n": n, "needed": needed, "age_seconds": age}


CRITERIA = [
    criterion("critical", "met", 0, needed=0),
    criterion("delivered", "insufficient", 0.96875, 32, 93, 12.4),
    criterion("lost", "not_applicable"),
    criterion("stable", "unmet", 130.4, needed=900.0, age=130.4),
]
PROVEN = {"status": "proven", "safe_mode": False, "reasons": [], "criteria": CRITERIA}


def test_a_number_is_written_as_the_language_does():
    given = validated()
    given["proof"]["criteria"] = [criterion("lost", "insufficient", 0.0125, 80, 92.5, 3661)]
    lines = [outcome("validate_recovery", given, locale)["lines"][1] for locale in LOCALES]
    assert lines == [
        "[?] menos de 1 % perdidas: insuficiente, valor 1,2 %, amostra 80, necessário 92,5, idade 1 h 1 min",
        "[?] less than 1 % lost: insufficient, value 1.2 %, sample 80, needed 92.5, age 1 h 1 min",
    ]


def validated(status: str = "proven", safe_mode: bool = False, **more: Any) -> dict[str, Any]:
    traces = {"window": {"since": "12:00"}, "measured": "12:15"}
    reasons = {"failed": ["It fails."]}.get(status, [])
    proof = {**PROVEN, "status": status, "safe_mode": safe_mode, "reasons": reasons}
    return {"proof": proof, "traces": traces, "seconds": 900.0, **more}


def test_each_criterion_is_told_in_its_own_unit():
    assert outcome("validate_recovery", validated("failed"), "pt_BR")["lines"] == [
        "A RECUPERAÇÃO FALHOU",
        "[x] 0 ocorrências CRITICAL: atendido, valor 0, necessário 0, idade -",
        "[?] pelo menos 95 % entregues: insuficiente, valor 96,9 %, amostra 32, necessário 93, idade 12 s",
        "[-] menos de 1 % perdidas: não se aplica",
        "[ ] estável: NÃO atendido, valor 2 min 10 s, necessário 15 min, idade 2 min 10 s",
        "- It fails.",
        "Janela 15 min; medida desde 12:00; até 12:15",
        "Evento mais recente: nenhum com horário na janela",
    ]
    assert outcome("validate_recovery", validated("failed"), "en")["lines"] == [
        "THE RECOVERY FAILED",
        "[x] 0 occurrences of CRITICAL: met, value 0, needed 0, age -",
        "[?] at least 95 % delivered: insufficient, value 96.9 %, sample 32, needed 93, age 12 s",
        "[-] less than 1 % lost: does not apply",
        "[ ] stable: NOT met, value 2 min 10 s, needed 15 min, age 2 min 10 s",
        "- It fails.",
        "Window 15 min; measured since 12:00; until 12:15",
        "Newest event: none with a time in the window",
    ]


@pytest.mark.parametrize(
    ("status", "safe_mode", "headlines", "following"),
    [
        ("proven", False, ("RECUPERAÇÃO PROVADA", "RECOVERY PROVEN"), ("", "")),
        (
            *("proven", True),
            ("MODO SEGURO PROVADO, a entrega continua desligada", "SAFE MODE PROVEN, delivery stays switched off"),
            (
                f"reparada a causa: {RUN}roll_forward -e level=1",
                f"once the cause is repaired: {RUN}roll_forward -e level=1",
            ),
        ),
        (
            *("insufficient", True),
            ("INSUFICIENTE, a recuperação ainda não está provada", "INSUFFICIENT, the recovery is not proven yet"),
            (
                f"{RUN}validate_recovery -e recovery_wait=true # ou uma janela maior (-e recovery_window=SEGUNDOS), ou "
                "mensagens de teste",
                f"{RUN}validate_recovery -e recovery_wait=true # or a longer window (-e recovery_window=SECONDS), or "
                "test messages",
            ),
        ),
        (
            *("failed", False),
            ("A RECUPERAÇÃO FALHOU: It fails.", "THE RECOVERY FAILED: It fails."),
            (f"{RUN}emergency_recovery", f"{RUN}emergency_recovery"),
        ),
    ],
)
def test_a_recovery_counts_only_when_it_is_proven(status, safe_mode, headlines, following):
    for locale, headline, step in zip(LOCALES, headlines, following):
        found = outcome("validate_recovery", validated(status, safe_mode), locale)
        assert (found["status"], found["ok"], found["message"]) == (status, status == "proven", headline)
        assert (found["next_step"], found["budget_seconds"], found["level"]) == (step, 900.0, 0)
        assert found["proof"]["safe_mode"] is safe_mode


def test_a_real_proof_fits():
    traces = counted(turns(600))
    proof = recovery_proof(traces, began=NOON - 2000, service_running=True, locale="pt_BR")
    found = outcome("validate_recovery", {"proof": proof, "traces": traces, "seconds": 900}, "pt_BR")
    assert (found["status"], len(found["lines"])) == ("proven", 1 + 4 + len(proof["reasons"]) + 2)
    assert found["lines"][2].startswith("[x] pelo menos 95 % entregues: atendido, valor 100,0 %, amostra ")


def test_nothing_known_of_the_window_is_a_question_mark():
    assert outcome("validate_recovery", validated(traces=None))["lines"][-2:] == [
        "Window 15 min; measured since ?; until ?",
        "Newest event: none with a time in the window",
    ]


# ------------------------------------------------------------------ smoke test, report, messages


def test_a_smoke_test_tells_no_key_of_the_webhook():
    given = {**smoked("planned", "planned"), "check": True, "webhook_url": "http://u:PLANTED@a/hook?token=PLANTED"}
    assert "PLANTED" not in str(outcome("smoke_test", given))


SMOKE_NEXT = {
    "not_planned": (
        f"{RUN}health_check # mais tempo com -e smoke_test_wait_seconds=40",
        f"{RUN}health_check # more time with -e smoke_test_wait_seconds=40",
    ),
    "wrong_instance": (
        f"{RUN}rollback_level1 # confira runbook_evolution_instance",
        f"{RUN}rollback_level1 # check runbook_evolution_instance",
    ),
    "sent_under_kill_switch": (f"{RUN}rollback_level1 -e rollback_fence=always",) * 2,
    "delivery_failed": (
        f"{RUN}diagnose -e depth=full # pergunta à Evolution API",
        f"{RUN}diagnose -e depth=full # asks the Evolution API",
    ),
    "too_short": (f"{RUN}smoke_test -e smoke_test_wait_seconds=40",) * 2,
    "delivered": ("", ""),
}


@pytest.mark.parametrize("reason", [key[8:] for key in smoke_test.TEXTS if key.startswith("reasons_")])
@pytest.mark.parametrize("locale", LOCALES)
def test_a_smoke_test_is_told_by_its_reason(reason, locale):
    passed, unproven = reason in ("delivered", "not_sent"), reason in ("log_silent", "too_short")
    status = "planned" if reason == "planned" else "passed" if passed else "unproven" if unproven else "failed"
    found = outcome("smoke_test", smoked(status, reason), locale)
    assert found["message"] == smoke_test.TEXTS[f"reasons_{reason}"][LOCALES.index(locale)]
    assert found["status"] == {"passed": "proven"}.get(status, status)
    assert (found["ok"], found["next_step"] == "") == ((passed or reason == "planned"),) * 2
    if reason in SMOKE_NEXT:
        assert found["next_step"] == SMOKE_NEXT[reason][LOCALES.index(locale)]


def test_a_smoke_test_shows_its_steps_and_its_message():
    assert outcome("smoke_test", smoked("failed", "not_planned"), "pt_BR")["lines"] == [
        "TESTE DE FUMAÇA FALHOU, a mensagem não foi planejada",
        "[x] aceita pelo webhook: HTTP 200",
        "[ ] planejada: 0 planejadas, de 7 linhas novas",
        "[-] resultado: não se aplica",
        "Modo: completo, a resposta tem de ser entregue",
        "Mensagem: http://a/hook, m1, ***9999, 2025-09-04T19:00:00Z, 2,25 s",
    ]
    found = outcome("smoke_test", {**smoked("failed", "not_accepted"), "sent": UNSENT, "mode": "processed_only"}, "en")
    assert found["lines"][-2:] == [
        "Mode: processing only (kill-switch in force), nothing may be sent",
        "Message: http://a/hook",
    ]


def test_a_smoke_test_in_check_mode_sends_nothing():
    given = {"check": True, "sent": UNSENT, "mode": "full", "webhook_url": "http://a/hook", "judged": {}}
    found = outcome("smoke_test", given, "pt_BR")
    assert (found["ok"], found["status"], found["next_step"]) == (True, "planned", "")
    assert found["lines"] == [
        "SIMULAÇÃO: nenhuma mensagem foi enviada",
        "Modo: completo, a resposta tem de ser entregue",
        "Mensagem: http://a/hook",
    ]


def waits(n: int, *doubts: str, **more: Any) -> dict[str, Any]:
    told = {"n": n, "longest_wait_seconds": 3720.0 if n else None, "wrote_again": n // 2, "unlisted": 0}
    return {"told": {**told, "since": "2025-09-04T15:00:00Z", "doubts": list(doubts)}, "path": "/d/r1.csv", **more}


def test_who_waits_is_told_by_counts_and_the_list_by_its_place():
    assert outcome("unanswered", waits(3), "en")["lines"] == [
        "Without an answer: 3 conversations",
        "Measured since 2025-09-04T15:00:00Z",
        "Longest wait: 1 h 2 min; wrote again: 1",
        "Whether a person has answered since the log does not tell",
        "List with the phone numbers, only for those who call back: /d/r1.csv",
    ]
    found = outcome("unanswered", waits(1), "pt_BR")
    assert found["message"] == "Sem resposta: 1 conversa"
    assert found["next_step"].startswith("retorne às conversas de /d/r1.csv")
    assert found["unanswered"] == {"n": 1, "longest_wait_seconds": 3720.0, "wrote_again": 0}


@pytest.mark.parametrize(
    ("given", "ok", "status", "says"),
    [
        (waits(0), True, "ok", "Nobody is without an answer since 2025-09-04T15:00:00Z"),
        # Silence is no answer: nothing found in a log that may not show it is not known.
        (waits(0, "Too old."), False, "blind", "NOT KNOWN whether anybody is without an answer: Too old."),
        (waits(3), True, "ok", "Without an answer: 3 conversations"),
        (waits(3, "Too old."), False, "insufficient", "Without an answer: at least 3 conversations"),
        (
            waits(3, problem="no space"),
            False,
            "failed",
            "The list was NOT written; without an answer: 3 conversations: no",
        ),
        (waits(3, check=True), True, "planned", "DRY RUN: the list would be written."),
    ],
)
def test_nobody_waits_only_where_the_evidence_is_good(given, ok, status, says):
    found = outcome("unanswered", given, "en")
    assert (found["ok"], found["status"]) == (ok, status)
    assert found["message"].startswith(says)
    assert (found["next_step"] == "") is (status == "planned" or given["told"]["n"] == 0 and ok)
    listed = any("/d/r1.csv" in line for line in found["lines"])
    assert listed is (given["told"]["n"] > 0 and status in ("ok", "insufficient"))


def test_what_did_not_fit_into_the_list_makes_it_insufficient():
    given = waits(3)
    given["told"]["unlisted"] = 2
    found = outcome("unanswered", given, "en")
    assert (found["status"], "2 did not fit into the list" in found["lines"]) == ("insufficient", True)


def instance(*, stop: bool, check: bool = False, kept: bool | None = True, **told: Any) -> dict[str, Any]:
    states = {
        "before": "open",
        "after": "close",
        "samples": ["close", "close"],
        "planned": "DELETE /x",
        "changed": True,
    }
    return {"stop": stop, "check": check, "told": {**states, "webhook_kept": kept, **told}}


def test_a_stop_at_the_gateway_says_what_it_says_and_how_it_comes_back():
    found = outcome("evolution_instance", instance(stop=True), "en")
    assert (found["ok"], found["status"], found["delivery"], found["budget_seconds"]) == (True, "proven", "off", 60)
    assert found["lines"] == [
        "INSTANCE OFFLINE at the gateway: no message goes out by it",
        "State at the gateway: close (close, close); before: open",
        "The webhook is as it was",
        f"Back: {RUN}evolution_instance -e stop=false; somebody will have to read a new QR code with the phone",
    ]
    told = outcome("evolution_instance", instance(stop=True, kept=None), "en")["lines"]
    assert "Of a webhook the gateway said nothing" in told
    back = outcome("evolution_instance", instance(stop=False), "pt_BR")
    assert (back["message"], back["delivery"]) == ("INSTÂNCIA DE VOLTA no gateway", "unknown")


def test_a_check_of_a_stop_names_the_call_and_proves_nothing():
    found = outcome("evolution_instance", instance(stop=True, check=True), "en")
    assert (found["status"], found["delivery"]) == ("planned", "unknown")
    assert found["message"] == "DRY RUN: nothing was changed; DELETE /x would be called"
    found = outcome("evolution_instance", instance(stop=True, check=True, planned=None), "en")
    assert found["message"] == "DRY RUN: nothing to do, it is so already at the gateway"


@pytest.mark.parametrize(
    ("check", "problem", "status", "headlines"),
    [
        (False, "", "ok", ("Relatório escrito", "Report written")),
        (False, "no pictures", "insufficient", ("Relatório escrito", "Report written")),
        (True, "", "planned", ("SIMULAÇÃO: o relatório seria escrito", "DRY RUN: the report would be written")),
    ],
)
def test_a_report_is_written_or_would_be(check, problem, status, headlines):
    for locale, headline in zip(LOCALES, headlines):
        found = outcome("incident_report", {**REPORT, "check": check, "problem": problem, "verdict": BAD}, locale)
        assert (found["ok"], found["status"], found["next_step"]) == (not problem, status, problem)
        assert found["message"] == f"{headline}: /r/r1.en.html" + (f"; {problem}" if problem else "")
        assert found["lines"] == [headline, "/r/r1.json", "/r/r1.en.html", *([problem] if problem else [])]
        assert found["report"] == {name: REPORT[name] for name in ("path", "files", "markdown")}
        assert (found["verdict"], found["level"], found["budget_seconds"]) == (BAD, 0, 120)


def test_messages_are_told_as_notify_tells_them():
    told = {"incident": None, "messages": [], "sent": 0, "unsent": 0}
    for locale, message in zip(
        LOCALES, ("Nenhum incidente aberto, nada a enviar", "No incident is open, nothing to send")
    ):
        found = outcome("notify", {"told": told, "detached": False, "dry_run": False}, locale)
        assert (found["ok"], found["status"], found["message"]) == (True, "ok", message)
        assert (found["level"], found["budget_seconds"], found["lines"]) == (0, 120, [message])
    assert outcome("notify", {"told": {}})["status"] == "failed"
    assert outcome("notify", {"told": {"ansible_job_id": "1"}, "detached": True})["status"] == "unproven"
    assert outcome("notify", {"told": told, "check": True})["status"] == "planned"


# ------------------------------------------------------------------ the ledger of releases


@pytest.mark.parametrize(
    ("marked", "lines"),
    [
        (
            {"good": True, "commit": COMMIT, "reason": {}},
            (f"Versão comprovada como boa ({COMMIT[:12]})", f"Release known to be good ({COMMIT[:12]})"),
        ),
        (
            {"good": False, "commit": COMMIT, "reason": {"code": "needs_longer", "fields": {"seconds": 29.374}}},
            (
                f"Versão ainda não comprovada ({COMMIT[:12]}): precisa continuar saudável por mais 29,374 s",
                f"Release not known to be good yet ({COMMIT[:12]}): it has to stay healthy for another 29.374 s",
            ),
        ),
        (
            {"failed": True, "msg": "the disk\nis full"},
            (
                "O registro de versões não foi atualizado: the disk is full",
                "The ledger of releases was not updated: the disk is full",
            ),
        ),
    ],
)
def test_what_the_ledger_has_now_comes_last(marked, lines):
    for locale, line in zip(LOCALES, lines):
        found = outcome("health_check", {**looked(judged()), "marked": marked}, locale)
        assert (found["lines"][-1], found["ok"]) == (line, True)
    assert outcome("health_check", {**looked(judged()), "marked": {}})["lines"][-1].startswith("What would change")


# ------------------------------------------------------------------ what a workflow asks

REFUSED = {**FAILURE, "action": "ansible.builtin.fail"}


def decides(*found, statuses=("rollback",), causes=(), level=""):
    """The facts of the first host, beside the others."""
    hosts = {f"h{n}": one if "failure" in one else {"verdict": one} for n, one in enumerate(found, 1)}
    return {"host": "h1", "hosts": hosts, "asked": {"statuses": list(statuses), "causes": list(causes), "level": level}}


def test_a_branch_is_taken_only_for_what_was_asked():
    taken = outcome("decide", decides(BAD), "en")
    assert (taken["ok"], taken["status"], taken["level"], taken["budget_seconds"]) == (True, "rollback", 1, 30)
    cause = BAD["cause"]
    assert taken["message"] == f"YES, the verdict is rollback ({cause}, level 1) on h1; asked for: rollback"
    assert taken["decided"] == {"taken": True, "status": "rollback", "cause": cause, "level": 1, "host": "h1"}
    # This one started a rollback where "health failed" was all that a workflow knew.
    watch = outcome("decide", decides(WATCH), "en")
    assert (watch["ok"], watch["status"], watch["decided"]["taken"]) == (False, "watch", False)
    assert watch["message"] == f"NO, the verdict is watch ({WATCH['cause']}, level 0) on h1; asked for: rollback"
    other = outcome("decide", decides(BAD, causes=["invalid_instance"], level="3"), "pt_BR")
    assert other["message"].endswith("perguntado: rollback; causa invalid_instance; nível 3") and not other["ok"]


def test_what_could_not_be_measured_is_blind_and_what_was_refused_is_nothing():
    unreachable = {**FAILURE, "unreachable": True}
    blind = outcome("decide", decides(unreachable, judged(), statuses=["blind"]), "en")
    assert (blind["ok"], blind["status"], blind["decided"]["cause"]) == (True, "unreachable", "not_measured")
    # What was seen stays true whatever could not be seen.
    assert outcome("decide", decides(unreachable, BAD))["ok"] is True
    refused = outcome("decide", decides(REFUSED, statuses=["ok", "watch", "rollback", "blind"]), "en")
    assert (refused["ok"], refused["status"]) == (False, "refused")
    assert refused["message"] == outcome("health_check", REFUSED, "en")["message"]


# ------------------------------------------------------------------ AWX


def applied(*items):
    """What two tasks registered: one object as it was, and those that are given."""
    return {
        "check": False,
        "results": [
            {"results": [{"item": {"name": "Kumon"}, "changed": False, "id": 1}]},
            {"results": [{"item": {"identifier": f"n{n}"}, **item} for n, item in enumerate(items, 1)]},
            {},
        ],
    }


def test_what_was_applied_to_awx_is_counted_and_named():
    found = outcome("configure_awx", applied({"changed": True, "id": 2}, {"changed": False, "id": 3}), "en")
    assert (found["ok"], found["status"]) == (True, "ok")
    assert found["lines"] == ["AWX is as described: 3 objects, 1 changed", "- n1"]
    # What names an object that is not there yet would be made as well.
    planned = {**applied({"changed": True}, {"skipped": True}), "check": True}
    assert outcome("configure_awx", planned, "pt_BR")["lines"] == [
        "SIMULAÇÃO: 3 objetos, 2 seriam alterados", "- n1", "- n2"
    ]  # fmt: skip


# ------------------------------------------------------------------ what holds for all

FACTS = {
    "health_check": [looked(found) for found in (judged(), BAD, BLIND, WATCH, SAFE)],
    "diagnose": [{"verdict": found, "diagnosis": {"screen": "a\nb"}} for found in (judged(), BAD, BLIND, WATCH)],
    "decide": [decides(*verdicts) for verdicts in ((BAD,), (WATCH, judged()), (BLIND, FAILURE), (SAFE, REFUSED))],
    "rollback_level1": [*(act(row[0], reason) for reason, row in KILL_SWITCH.items()), act(check=True)],
    "rollback_level2": [act("proven", "observed", switched=switched(kept=KEPT_ON)), act("ignored", "still_failing")],
    "rollback_level3": [
        act("proven", "observed", switched=released(), chosen={"commit": OLDER, "why": "ledger"}),
        {"check": True, "switched": released(steps=[{"code": "step_submodule", "fields": {"path": "lib"}}])},
        {"begun": True},
    ],
    "roll_forward": [
        act("proven", "observed", level=level, switched={**switched(**more), **released()})
        for level in (1, 2, 3)
        for more in ({}, LIFTED)
    ],
    "evolution_instance": [
        instance(stop=stop, check=check, planned=planned, changed=changed)
        for stop in (True, False)
        for check in (True, False)
        for planned, changed in (("DELETE /x", True), (None, False))
    ],
    "emergency_recovery": [row[0] for row in RECOVERED.values()],
    "validate_recovery": [
        validated(status, safe) for status in ("proven", "insufficient", "failed") for safe in (0, 1)
    ],
    "smoke_test": [smoked("passed", "delivered"), smoked("failed", "lost_handoff"), smoked("unproven", "too_short")],
    "unanswered": [
        waits(n, *doubts, check=check, problem=problem)
        for n in (0, 1, 3)
        for doubts in ((), ("Too old.",))
        for check, problem in ((False, ""), (True, ""), (False, "no\nspace"))
    ],
    "incident_report": [REPORT, {**REPORT, "problem": "no pictures"}, {**REPORT, "check": True}],
    "prepare_go_live": [
        prepared(),
        prepared(check=True),
        prepared(root=False, tools=[], timestamps="none", release={}, people=[], results={"flags": [FAILED]}),
        prepared(state="absent", in_force=True),
    ],
    "watch_go_live": [
        {
            "watched": {"verdict": judged, "proposal": proposal, "case": case},
            "looks": 3,
            "events": events,
            "seconds": 7200,
        }
        for judged, proposal, case, events in (
            (judged(), "", {}, []),
            (
                judged(guards={"incidents": 1, "outbox": {"x": 1}}),
                "ansible-playbook x",
                {"status": "rollback"},
                ["two\nlines"],
            ),
        )
    ],
    "replay": [
        {"replayed": {"minutes": minutes, "incomplete": incomplete, "lines": 9}}
        for minutes in ([], [REPLAYED, {**REPLAYED, "in_force": 1, "level": None}])
        for incomplete in (None, "only the newest 9 bytes were read")
    ],
    "automation": [
        {"records": records, "request": {}, "now": 1.8e9, "earned_days": 14, "check": check}
        for records in (
            {},
            {"unread": {"mark": {"lines": [1], "newest": True}}},
            {"would_act": [{"id": "a", "at": "2026-11-20T12:00:00Z"}] * 7},
        )
        for check in (False, True)
    ],
    "go_live_gate": [gate_facts(), gate_facts(drills=[], desk={}, gateway={"msg": "two\nlines"}, items={"legal": {}})],
    "drill": [
        drilled(),
        drilled(
            check=True, rehearsals=[], planned=[{"item": {"fault": "disk"}, "allowed": False, "why": "two\nlines"}]
        ),
        drilled(list=True, rehearsals=[]),
        drilled(left=["network"]),
        drilled(rehearsals=[rehearsal(held(allowed=False, why={"code": "drill_root", "fields": {}}), "pt_BR")]),
        drilled(rehearsals=[rehearsal(held(act={"status": "unproven", "message": "two\nlines"}), "pt_BR")]),
    ],
    "configure_awx": [applied(), {**applied({"changed": True}), "check": True}],
    "notify": [{"told": {"incident": None, "messages": [], "unsent": 0}}, {"told": {"msg": "two\nlines"}}],
}
FAILURES = [
    FAILURE,
    {**FAILURE, "unreachable": True},
    {**FAILURE, "action": "ansible.builtin.fail"},
    {**FAILURE, "acted": [1]},
    {**FAILURE, "measured": False},
    {**FAILURE, "marked": {"msg": "x\ny"}},
    {"failure": {}, "unreachable": True} | {"failure": {"unreachable": True}},
]
GOOD = ("ok", "go", "proven", "planned", "begun")
KEYS = {"procedure", "ok", "status", "level", "verdict", "budget_seconds", "next_step", "message", "lines"}


def test_every_procedure_has_its_facts_here():
    assert set(FACTS) == set(PROCEDURES)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("procedure", PROCEDURES)
def test_whatever_happened_the_outcome_is_whole(procedure, locale):
    for facts in [*FACTS[procedure], *FAILURES]:
        found = outcome(procedure, facts, locale)
        assert found.keys() >= KEYS and found["procedure"] == procedure
        assert found["status"] in (*STATUSES, "begun")
        # The goal of a decision is another one than a verdict of ok.
        assert procedure == "decide" or found["ok"] is (found["status"] in GOOD)
        assert isinstance(found["lines"], list) and found["lines"]
        for text in [found["message"], found["next_step"], *found["lines"]]:
            assert isinstance(text, str) and text.splitlines() == [text][: bool(text)]
        # Nothing is left open in a text.
        assert not re.search(r"\{[a-z_]*\}|\{run", " ".join([found["message"], found["next_step"]]))
        assert json.loads(json.dumps(found)) is not None


def test_what_nobody_knows_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"^procedure must be one of health_check, .*, configure_awx, not 'x'\.$"):
        outcome("x", {})
    with pytest.raises(ValueError, match=r"^locale must be pt_BR or en, not 'fr'\.$"):
        outcome("notify", {"told": {}}, "fr")
    with pytest.raises(ValueError, match=r"^facts must be a mapping, not 'x'\.$"):
        outcome("notify", "x")


# ------------------------------------------------------------------ no English in Portuguese

ENGLISH = re.compile(
    r"\b(the|and|was|were|not|is|are|of|with|has|have|had|it|its|nobody|none|no answer|process|missing|lacks|answers?|"
    r"asked|known|good|release|running|runs|started|stopped|longer|planned|sent|read|lost|tried|delivered|without|"
    r"success|failed|errors?|user|port|by|from|to|for|needed|value|healthy|incidents|changed|lines?|files?|reports|"
    r"environment|mismatches|would)\b",
    re.IGNORECASE,
)
DETAILS = {**details.TEXTS, **{key: both for key, both in smoke_test.TEXTS.items() if key.startswith("detail_")}}


def sample(text: str) -> dict[str, Any]:
    return {name: 7.5 for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}


def english_in(text: str) -> list[str]:
    """English words; commands and the names of variables are left out."""
    return ENGLISH.findall(re.sub(r"ansible-playbook \S+|\S*[_.=/]\S*", "", text))


@pytest.mark.parametrize("key", DETAILS)
def test_no_detail_is_english_in_portuguese(key):
    seen_there = {"code": key.replace("detail_", ""), "fields": sample(DETAILS[key].en)}
    portuguese = in_words(seen_there, "pt_BR")
    assert english_in(portuguese) == []
    assert "7.5" not in portuguese and not portuguese.startswith(seen_there["code"] + " {")
    facts = act("unproven", "not_in_process")
    facts["proof"]["proofs"] = [{"proof": "log", "had": False, "detail": seen_there}]
    assert outcome("rollback_level1", facts, "pt_BR")["lines"][1] == f"[ ] log desde o reinício: {portuguese}"


def test_english_would_be_seen():
    assert [key for key, both in DETAILS.items() if both.en != both.pt_BR and not english_in(both.en)] == []


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_no_line_of_ours_is_english_in_portuguese(procedure):
    """What the facts bring along, a verdict's reasons and a server's words, has the language it was asked in."""
    theirs = re.compile(
        r"\(none\)|All is well\.|\d+ lost\.|More\.|No log\.|1 unread\.|Safe mode\.|Nothing yet\.|It fails\.|"
        r"it broke badly|KILL-SWITCH ACTIVE|no pictures|two lines|\{.*?\}|x y"
    )
    for facts in [*FACTS[procedure], *FAILURES[:-1]]:
        found = outcome(procedure, facts, "pt_BR")
        for text in [found["message"], found["next_step"], *found["lines"]]:
            assert english_in(theirs.sub("", text)) == [], text


@pytest.mark.parametrize("procedure", ["rollback_level2", "rollback_level3"])
def test_processes_without_the_flags_of_a_level_are_not_said_to_lack_the_kill_switch(procedure):
    given = act("unproven", "not_in_process", level=int(procedure[-1]))
    if procedure == "rollback_level3":
        given["switched"] = {**given["switched"], "before": {"commit": "a" * 40}, "after": {"commit": "b" * 40}}
    assert outcome(procedure, given, "en")["message"] == "The process does not have the flags"
    assert outcome(procedure, given, "pt_BR")["message"] == "O processo não tem os flags"


def test_a_refusal_after_something_was_changed_is_a_failure():
    given = {"failure": {"msg": "nft is missing", "refused": True}, "action": "kumon.runbook.network_fence", "level": 1}
    assert outcome("rollback_level1", given)["status"] == "refused"
    assert outcome("rollback_level1", {**given, "acted": ["1"]})["status"] == "failed"
    assert "nothing was changed" not in outcome("rollback_level1", {**given, "acted": ["1"]}, "en")["message"]


MIGRATED = (
    "changes of the database lie between the two releases, and the older code may not fit the newer data: db/1.sql and "
    "2 more"
)
WARNED = [MIGRATED, "Platform linux on host app1 is using the discovered Python interpreter at /usr/bin/python3"]


@pytest.mark.parametrize(
    ("procedure", "facts"),
    [
        ("rollback_level3", act("proven", "observed", switched=switched(**released(warnings=WARNED)))),
        ("rollback_level3", act(check=True, switched=switched(**released(warnings=WARNED)))),
        ("health_check", {"service": {**SERVICE, "warnings": WARNED}, "traces": TRACES, "verdict": judged()}),
        ("rollback_level1", {"failure": {"msg": "no", "warnings": WARNED}}),
    ],
)
def test_what_a_module_of_ours_warned_of_is_told_in_the_operators_language(procedure, facts):
    told = [outcome(procedure, facts, locale)["lines"] for locale in LOCALES]
    assert [[line for line in lines if line.startswith(("Atenção: ", "Warning: "))] for lines in told] == [
        [
            "Atenção: há mudanças do banco de dados entre as duas versões, e o código mais antigo pode não servir aos "
            "dados mais novos: db/1.sql e mais 2"
        ],
        [f"Warning: {MIGRATED}"],
    ]
