# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._problems import problem
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES

RUN = "ansible-playbook kumon.runbook."
PASSED, FAILED = {"ok": True, "message": "PASSED"}, {"ok": False, "message": "NOT PLANNED"}


def judged(status, cause="none", *reasons):
    return {"status": status, "cause": cause, "reasons": list(reasons)}


@pytest.mark.parametrize(
    ("verdict", "tail"),
    [
        (None, None),
        (judged("ok"), None),
        # Under the kill-switch a sound assistant is watched for no other cause.
        (judged("watch", "kill_switch", "Safe mode."), None),
        (judged("watch", "unread_handoff", "1 unread."), "watch, 1 unread."),
        (judged("rollback", "kill_switch", "It sends."), "rollback, It sends."),
        (judged("blind", "no_data", "No data.", "More."), "blind, No data."),
    ],
)
def test_nothing_goes_forward_on_anything_but_a_good_verdict(verdict, tail):
    titles = (
        "O veredito não é ok, nada foi desfeito (roll_forward_force=true desfaz mesmo assim)",
        "The verdict is not ok, nothing was undone (roll_forward_force=true undoes all the same)",
    )
    for locale, title in zip(LOCALES, titles):
        expected = "" if tail is None else f"{title}: {tail}"
        assert problem("gate", {"smoke_test": PASSED, "verdict": verdict}, locale) == expected


def test_nothing_goes_forward_without_a_message_of_our_own():
    told = [problem("gate", {"smoke_test": FAILED, "verdict": judged("ok")}, locale) for locale in LOCALES]
    assert told == [
        "O teste de fumaça não passou, nada foi desfeito (roll_forward_force=true desfaz mesmo assim): NOT PLANNED",
        "The smoke test did not pass, nothing was undone (roll_forward_force=true undoes all the same): NOT PLANNED",
    ]
    assert problem("gate", {"smoke_test": PASSED}) == ""


def test_a_release_to_go_back_to_is_needed():
    commits = {"code": "no_good_release", "fields": {"commits": ["a29d7e1f", "b1ffe0a2"]}}
    told = [problem("release", {"release": {"chosen": None, "reason": commits}}, locale) for locale in LOCALES]
    assert told == [
        "Não há versão para a qual voltar: nenhuma versão comprovada como boa está no registro além da atual: "
        "defina rollback_commit; os últimos cinco commits são a29d7e1f, b1ffe0a2",
        "There is no release to go back to: no known-good release is in the ledger besides the current one: "
        "set rollback_commit; the last five commits are a29d7e1f, b1ffe0a2",
    ]
    known = [{"code": "known_failed", "fields": {"at": "2026-11-20 10:00"}}]
    last = {"short": "a29d7e1", "subject": "Read it once", "time": "2026-11-19T09:30:00Z", "known": known}
    found = {"chosen": None, "reason": commits, "commits": [last, {**last, "short": "b1ffe0a", "known": []}]}
    assert problem("release", {"release": found}, "en").endswith(
        "are a29d7e1 (2026-11-19 09:30; Read it once; did not stay in place at 2026-11-20 10:00), "
        "b1ffe0a (2026-11-19 09:30; Read it once)"
    )
    assert problem("release", {"release": {"chosen": {"commit": "a29d7e1f", "why": "ledger"}}}) == ""
    assert problem("release", {"release": {}}) == "There is no release to go back to: ?"


def facts(**more):
    state = {"known": True, "running": True, "delivery_disabled": False}
    return {
        "phone": "5511999999999",
        "webhook_url": "http://a/hook",
        "service": {},
        "mode": "auto",
        "state": {**state, **more.pop("state", {})},
        **more,
    }


MISSING = (
    "smoke_test_phone não foi informado: dê com -e smoke_test_phone=TELEFONE o telefone do teste, com 55 e DDD, "
    "que recebe a resposta; nunca o de um cliente",
    "smoke_test_phone is not set: give with -e smoke_test_phone=PHONE the test's phone, the country's code first, "
    "which gets the answer; never a customer's",
)
MALFORMED = (
    "smoke_test_phone não é um telefone: dê de 10 a 15 dígitos com o código do país, e nada mais",
    "smoke_test_phone is no phone number: give 10 to 15 digits, the country's code first, and nothing else",
)
WEBHOOK = (
    "runbook_webhook_url está vazio e não há runbook_health_url de onde deduzi-lo: informe o webhook do assistente",
    "runbook_webhook_url is empty and there is no runbook_health_url to derive it from: name the assistant's webhook",
)
DOWN = (
    f"o serviço não está em execução: inicie-o, ou {RUN}rollback_level3",
    f"the service is not running: start it, or {RUN}rollback_level3",
)
ON = (
    "o processo tem o kill-switch e nada pode sair: use smoke_test_mode=processed_only (ou auto), ou antes "
    f"{RUN}roll_forward -e level=1",
    "the process has the kill-switch and nothing can go out: use smoke_test_mode=processed_only (or auto), or "
    f"{RUN}roll_forward -e level=1 first",
)
OFF = (
    "o processo não tem o kill-switch e a mensagem sairia: use smoke_test_mode=full (ou auto), ou antes "
    f"{RUN}rollback_level1",
    "the process does not have the kill-switch and the message would go out: use smoke_test_mode=full (or auto), or "
    f"{RUN}rollback_level1 first",
)


@pytest.mark.parametrize(
    ("given", "sentences"),
    [
        (facts(phone=""), MISSING),
        (facts(phone=None), MISSING),
        (facts(phone="123456789"), MALFORMED),
        (facts(phone="1234567890123456"), MALFORMED),
        (facts(phone="+5511999999999"), MALFORMED),
        (facts(phone="5511999999999\n"), MALFORMED),
        (facts(phone="٥٥١١٩٩٩٩٩٩٩٩٩"), MALFORMED),
        (facts(webhook_url=""), WEBHOOK),
        (facts(state={"running": False}), DOWN),
        (facts(mode="full", state={"delivery_disabled": True}), ON),
        (facts(mode="processed_only"), OFF),
        # The first thing that is wrong is told.
        (facts(phone="", webhook_url="", state={"known": False}), MISSING),
    ],
)
def test_no_message_is_sent_while_this_stands_in_the_way(given, sentences):
    assert [problem("smoke_test", given, locale) for locale in LOCALES] == list(sentences)


@pytest.mark.parametrize(
    "given",
    [
        facts(),
        facts(phone=5511999999999),
        facts(phone="1234567890"),
        facts(phone="123456789012345"),
        facts(state={"delivery_disabled": True}),
        facts(mode="full"),
        facts(mode="processed_only", state={"delivery_disabled": True}),
    ],
)
def test_nothing_stands_in_the_way(given):
    assert problem("smoke_test", given) == ""


def test_a_service_that_could_not_be_looked_at_is_no_service_that_is_down():
    unknown = {"known": False, "running": None, "delivery_disabled": None}
    assert problem("smoke_test", facts(state=unknown, service={"msg": "no such unit"})) == "no such unit"
    told = [problem("smoke_test", facts(state=unknown), locale) for locale in LOCALES]
    assert told == ["SEM ACESSO ao host", "HOST NOT REACHED"]


def test_commands_are_as_this_run_was_typed():
    typed = {"rollback_level3": "ansible-playbook playbooks/rollback_level3.yml"}
    told = problem("smoke_test", facts(state={"running": False}), "en", typed)
    assert told == "the service is not running: start it, or ansible-playbook playbooks/rollback_level3.yml"


def test_what_nobody_knows_is_refused_in_one_sentence():
    kinds = "causes, desk, drill, flags, freeze, gate, hours, incident, people, profile, release, selection, "
    with pytest.raises(ValueError, match=rf"^kind must be one of {kinds}smoke_test, watch, not 'x'\.$"):
        problem("x", {})
    with pytest.raises(ValueError, match=r"^facts must be a mapping, not 'x'\.$"):
        problem("gate", "x")
    with pytest.raises(ValueError, match=r"^locale must be pt_BR or en, not 'fr'\.$"):
        problem("gate", {"smoke_test": PASSED}, "fr")


def test_expected_hours_that_are_none_are_one_sentence():
    given = {"expected_hours": "08:00-19:00 mon-fri", "time_zone": "America/Sao_Paulo"}
    assert problem("hours", given) == problem("hours", {**given, "expected_hours": ""}) == ""
    assert problem("hours", {**given, "expected_hours": "always"}).startswith("health_expected_hours has 'always'")
    for window in ("", "4h", "90s", "2026-11-22T10:12"):
        assert problem("hours", {**given, "window": window}) == ""
    assert problem("hours", {**given, "window": "4"}, "pt_BR") == "health_window é um tempo como 4h; 4 não é"
    assert problem("hours", {**given, "window": "2,5h"}) == "health_window is a time such as 4h; 2,5h is not"
    assert problem("hours", {**given, "time_zone": "Nowhere"}).startswith("health_time_zone is 'Nowhere'")


def test_flags_that_the_release_does_not_read_are_named():
    told = [problem("flags", {"unread": ["A", "B"]}, locale) for locale in LOCALES]
    assert told == [
        "nenhum arquivo desta versão lê A, B: defini-los não muda nada",
        "no file of this release reads A, B: setting them changes nothing",
    ]
    assert problem("flags", {"unread": []}) == problem("flags", {"unread": None}) == ""


def test_a_cause_that_there_is_not_is_named():
    told = [problem("causes", {"decide_cause": ["lost_handoff", "lost_handof"]}, locale) for locale in LOCALES]
    assert told == [
        "lost_handof não é causa de um veredito: corrija decide_cause",
        "lost_handof is no cause of a verdict: correct decide_cause",
    ]
    assert problem("causes", {"decide_cause": ["lost_handoff"]}) == problem("causes", {}) == ""


@pytest.mark.parametrize(
    ("job", "desk", "connection", "ends"),
    [
        ("7", "localhost", "", True),
        (7, "127.0.0.1", "", True),
        ("7", "here", "ansible.builtin.local", True),
        ("7", "desk-1", "local", True),
        ("7", "desk-1", "", False),
        ("7", "desk-1", "ssh", False),
        ("", "localhost", "", False),
    ],
)
def test_a_desk_in_a_jobs_container_ends_with_it(job, desk, connection, ends):
    told = [problem("desk", {"job": job, "desk": desk, "connection": connection}, locale) for locale in LOCALES]
    assert [bool(sentence) for sentence in told] == [ends, ends]
    if ends:
        assert told[1] == (
            f"this is job 7 of AWX, and what is kept on {desk} ends with it: set runbook_desk_host to a host that stays"
        )


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"auto": False, "recognised": "", "flags": {"A": False}}, ""),
        ({"auto": True, "recognised": "app_main", "flags": {"A": False}}, ""),
        (
            {"auto": True, "recognised": "", "flags": {"A": False}},
            "the code does not tell which flags this release has",
        ),
        ({"auto": True, "recognised": "one_turn", "flags": {}}, "this release has no flags of V1 to go back to"),
        ({"auto": False, "recognised": "", "flags": {}}, "this release has no flags of V1 to go back to"),
    ],
)
def test_level_2_needs_flags_that_the_release_has(facts, says):
    assert problem("profile", facts).startswith(says)
    assert bool(problem("profile", facts)) is bool(says)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {},
            (
                "Nenhum rollback está nos journals: informe uma janela, por exemplo -e report_since=2h.",
                "No rollback is in the journals: name a window, for instance -e report_since=2h.",
            ),
        ),
        (
            {"run_id": "r9"},
            ("Nenhum ato da execução 'r9' está nos journals.", "No act of the run 'r9' is in the journals."),
        ),
        (
            {"since": "1h", "until": "2h"},
            (
                "A janela está vazia: 2026-11-22T09:00:00.000Z não vem antes de 2026-11-22T08:00:00.000Z.",
                "The window is empty: 2026-11-22T09:00:00.000Z is not before 2026-11-22T08:00:00.000Z.",
            ),
        ),
        ({"since": "1h"}, ("", "")),
    ],
)
def test_a_report_needs_an_incident_or_a_window(asked, told):
    facts = {"journals": {"kumon-1": None}, "now": 1795341600.0, "run_id": "", "since": "", "until": "", **asked}
    assert tuple(problem("incident", facts, locale) for locale in LOCALES) == told


def test_a_selection_without_a_host_is_told_in_the_language_of_the_hosts_that_there_are():
    facts = {"selected": [], "pattern": "assistant", "limit": "", "locales": []}
    portuguese = (
        "Nenhum host em que agir: assistant não é nenhum dos hosts selecionados (sem --limit); "
        "corrija o inventário, --limit ou runbook_hosts"
    )
    assert problem("selection", facts) == portuguese
    # It is asked for before a locale that there is not has been refused.
    assert problem("selection", {**facts, "locales": ["", "fr"]}) == portuguese
    assert problem("selection", {**facts, "limit": "web", "locales": ["fr", " en "]}) == (
        "No host to act on: assistant matches none of the selected hosts (web); "
        "correct the inventory, --limit or runbook_hosts"
    )
    assert problem("selection", {**facts, "selected": ["kumon-1"]}) == ""


@pytest.mark.parametrize(
    ("waves", "fine"),
    [
        *[(text, True) for text in ("", " ", "1", "30%", "1,30%,100%", "[1, '30%', 100]", ' ["1", "2"] ', "1, 2,")],
        *[(text, False) for text in ("one", "1,half", "-1", "50 %%", "1;2", "{1}")],
    ],
)
def test_waves_are_numbers_of_hosts_or_shares_of_them(waves, fine):
    facts = {"selected": ["kumon-1"], "pattern": "assistant", "limit": "", "locales": ["en"], "waves": waves}
    told = "" if fine else f"or several: 1,30%,100%; {waves!r} is none"
    assert problem("selection", facts).endswith(told) and bool(problem("selection", facts)) is not fine


def test_tags_that_leave_out_every_task_are_refused():
    facts = {"selected": ["kumon-1"], "pattern": "assistant", "limit": "", "locales": []}
    assert problem("selection", {**facts, "left_out_by": []}) == ""
    assert problem("selection", {**facts, "left_out_by": ["measure", "act"]}) == (
        "Com --tags measure,act nada seria feito: um procedimento não se faz em partes; tire --tags"
    )
    assert "With --tags act nothing" in problem("selection", {**facts, "left_out_by": ["act"], "locales": ["en"]})
