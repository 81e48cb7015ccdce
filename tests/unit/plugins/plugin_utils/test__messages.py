# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two audiences read, by what is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule
from ansible_collections.kumon.runbook.plugins.module_utils._contacts import AUDIENCES, LOCALES
from ansible_collections.kumon.runbook.plugins.module_utils._due import KINDS
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import Started, Typed
from ansible_collections.kumon.runbook.plugins.plugin_utils._messages import messages

incident_texts = FilterModule().filters()["incident_texts"]
# Whole texts for some facts, so that no word of them changes unseen.
GOLDEN = json.loads(Path(__file__).with_name("incident_texts.json").read_text(encoding="utf-8"))
FACTS = {
    "procedure": "emergency_recovery",
    "status": "proven",
    "level": 2,
    "hosts": {"assistant1": "proven"},
    "headline": "V1 FLAGS ACTIVE in the process",
    "reasons": ["12 messages lost"],
    "next_step": "validate_recovery",
    "delivery": "off",
    "actor": "ana",
    "run_id": "r1",
}
IMPACTS = {
    ("pt_BR", "off"): "nenhuma resposta sai",
    ("pt_BR", "on"): "o envio está ligado.",
    ("pt_BR", "unknown"): "está sendo apurado",
    ("en", "off"): "no answer goes out",
    ("en", "on"): "sending is switched on.",
    ("en", "unknown"): "being looked into",
}


def text(audience, locale, kind="first", **facts):
    return incident_texts(facts)[audience][locale][kind]


@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_the_whole_texts_are_as_they_were(case):
    texts = incident_texts(case["facts"], 15)
    lines = {
        audience: {
            locale: {kind: text.split("\n") for kind, text in kinds.items()} for locale, kinds in locales.items()
        }
        for audience, locales in texts.items()
    }
    assert lines == case["texts"]


@pytest.mark.parametrize(("locale", "delivery"), IMPACTS)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_impact_is_whether_answers_go_out_whatever_the_level(locale, delivery, level):
    shown = text("business", locale, **{**FACTS, "level": level, "delivery": delivery})
    assert [impact for (one, _name), impact in IMPACTS.items() if one == locale and impact in shown] == [
        IMPACTS[locale, delivery]
    ]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("proven", "feito e comprovado"),
        ("begun", "em andamento"),
        ("rollback", "necessário, ainda não feito"),
        ("ignored", "ainda sem efeito comprovado"),
    ],
)
def test_a_measure_counts_as_done_only_when_it_was_proven(status, says):
    shown = text("business", "pt_BR", **{**FACTS, "status": status})
    assert f"Medida: voltar ao comportamento anterior do assistente (V1): {says}" in shown


def test_sending_that_fails_is_not_told_as_answers_that_go_out():
    for status in ("rollback", "ignored", "failed"):
        shown = text("business", "en", **{**FACTS, "status": status, "delivery": "on"})
        assert "some answers may not arrive" in shown
        assert "sending is switched on." not in shown


def test_going_forward_is_no_rollback():
    shown = text("business", "en", "update", **{**FACTS, "procedure": "roll_forward", "delivery": "on"})
    assert "go back to normal operation: done and proven" in shown


@pytest.mark.parametrize(("procedure", "measured"), [("validate_recovery", True), ("notify", False)])
def test_only_a_validated_recovery_is_told_as_measured(procedure, measured):
    shown = text("business", "en", "end", **{**FACTS, "procedure": procedure})
    assert ("this was measured" in shown) == measured


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("facts", [{}, {"headline": "seen by hand"}, FACTS])
def test_each_text_has_a_subject_and_a_body_whatever_is_known(audience, locale, kind, facts):
    subject, empty, body = text(audience, locale, kind, **facts).split("\n", 2)
    assert len(subject) > 20
    assert empty == ""
    assert len(body) > 30
    assert "\n\n\n" not in body
    if kind in ("first", "escalation", "update") and audience == "technical":
        assert "notify_event=acknowledge" in body


def test_business_reads_no_technical_words():
    for locale in LOCALES:
        shown = text("business", locale, **FACTS)
        assert not [word for word in (FACTS["headline"], "emergency_recovery", "12 messages lost") if word in shown]


@pytest.mark.parametrize("level", [None, "", 0, "0"])
@pytest.mark.parametrize(("locale", "word"), [("pt_BR", "nível"), ("en", "level")])
def test_no_level_is_mentioned_where_none_is_known(locale, word, level):
    facts = {**FACTS, "level": level, "headline": "seen by hand", "next_step": "look"}
    assert word not in text("technical", locale, **facts)
    assert f", {word} 2" in text("technical", locale, **{**facts, "level": 2})


@pytest.mark.parametrize(
    ("facts", "next_step"),
    [
        (
            {"procedure": "rollback_level1", "status": "proven", "level": 1},
            "ansible-playbook kumon.runbook.validate_recovery # once the cause is repaired, "
            "ansible-playbook kumon.runbook.roll_forward -e level=1",
        ),
        (
            {"procedure": "rollback_level2", "status": "proven", "level": "2"},
            "ansible-playbook kumon.runbook.validate_recovery",
        ),
        (
            {"procedure": "roll_forward", "status": "proven", "level": 1},
            "ansible-playbook kumon.runbook.validate_recovery",
        ),
        ({"procedure": "roll_forward", "status": "proven"}, "ansible-playbook kumon.runbook.validate_recovery"),
        (
            {"procedure": "rollback_level3", "status": "begun", "level": 3},
            "the step in progress ends, and its result is told",
        ),
        ({"procedure": "rollback_level1", "status": "ignored", "level": 1}, "no automatic step; a person decides"),
        ({"procedure": "rollback_level1", "status": "proven", "level": 1, "next_step": "look at it"}, "look at it"),
        ({}, "no automatic step; a person decides"),
    ],
)
def test_the_next_step_is_the_one_given_or_what_follows_from_what_is_known(facts, next_step):
    assert f"\nNext: {next_step}\n" in text("technical", "en", **facts)


def test_each_command_is_as_the_run_with_the_news_was_typed():
    run = Typed(Started(playbook_dir_style="playbooks", inventory_sources=("hosts.yml",), limit="kumon-1"))
    told = messages({**FACTS, "level": 1, "next_step": ""}, commands=run)["technical"]["en"]["first"]
    typed = {line.partition(": ")[0]: line.partition(": ")[2] for line in told.split("\n")}
    where = "ansible-playbook -i hosts.yml playbooks/"
    assert typed["Next"] == (
        f"{where}validate_recovery.yml --limit kumon-1 # once the cause is repaired, "
        f"{where}roll_forward.yml --limit kumon-1 -e level=1"
    )
    asked = "-e notify_event=acknowledge -e notify_by=YOUR_NAME"
    assert typed["To acknowledge"] == f"{where}notify.yml --limit kumon-1 {asked}"
    assert f"to give one: {where}notify.yml --limit kumon-1 -e notify_eta=15min" in typed["ETA"]


NO_ETA = "⟦eta:informada às|ainda não há; para informar: ansible-playbook kumon.runbook.notify -e notify_eta=15min⟧"


@pytest.mark.parametrize(
    ("facts", "eta"),
    [
        ({"status": "begun", "budget_seconds": 300}, "⟦eta:informada às|o passo em andamento leva no máximo 5 min⟧"),
        ({"status": "begun", "budget_seconds": "30"}, "⟦eta:informada às|o passo em andamento leva no máximo 30 s⟧"),
        ({"status": "begun"}, NO_ETA),
        ({"status": "proven", "budget_seconds": 300}, NO_ETA),
    ],
)
def test_the_eta_is_what_the_step_in_progress_may_take(facts, eta):
    for kind in ("first", "update", "escalation", "acknowledged"):
        assert f"\nPrevisão: {eta}\n" in text("technical", "pt_BR", kind, **facts)
    for kind in ("end", "test"):
        assert "Previsão" not in text("technical", "pt_BR", kind, **facts)
    assert "⟦eta" not in text("business", "pt_BR", **facts)


def test_what_comes_from_a_log_is_redacted_and_no_template():
    facts = {**FACTS, "headline": "5511988887777 {{ 7*7 }} {by}", "reasons": ["{0} postgres://u:PLANTED@db/x"]}
    shown = text("technical", "en", **facts)
    assert "***7777 {{ 7*7 }} {by}" in shown
    assert "- {0} postgres://u:***@db/x" in shown


def test_a_reason_given_by_hand_as_a_text_is_one_reason():
    assert "Why:\n- seen by hand\n" in text("technical", "en", reasons="seen by hand")


@pytest.mark.parametrize(
    ("facts", "every", "sentence"),
    [
        ("ana", 15, "The facts must be a mapping"),
        ({"hosts": ["a"]}, 15, "The hosts must be a mapping"),
        ({"reasons": 5}, 15, "The reasons must be a list"),
        ({"status": "begun", "budget_seconds": "soon"}, 15, "budget_seconds must be a number"),
        ({}, "often", "every_minutes must be a number"),
    ],
)
def test_bad_input_is_one_sentence(facts, every, sentence):
    with pytest.raises(AnsibleFilterError, match=f"^{sentence}"):
        incident_texts(facts, every)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_technical_side_keeps_each_journal_s_head_whatever_the_message(locale, kind):
    heads = {
        "assistant1": {"seq": 7, "hash": "ab12" * 16, "ok": True, "as_seen": True},
        "assistant2": {"seq": 3, "hash": "cd34" * 16, "ok": True, "as_seen": False},
        "assistant3": {"seq": 2, "hash": "ef56" * 16, "ok": False, "as_seen": None},
    }
    told = [line for line in text("technical", locale, kind, journal=heads).splitlines() if "Journal" in line]
    assert [" ".join(line.partition(";")[0].split()[-2:]) for line in told] == [
        f"7 {'ab12' * 4}",
        f"3 {'cd34' * 4}",
        f"2 {'ef56' * 4}",
    ]
    assert [bool(line.partition(";")[2]) for line in told] == [False, True, True]
    assert "ab12" not in text("business", locale, kind, journal=heads)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_job_of_awx_names_its_template_and_no_command(locale):
    shown = incident_texts(FACTS, 15, awx=True)["technical"][locale]
    for kind in ("first", "update", "escalation"):
        assert "«Kumon: acknowledge»" in shown[kind] and "notify_event" not in shown[kind], kind
        assert "kumon.runbook.notify" not in shown[kind], kind
    assert "AWX" not in incident_texts(FACTS, 15)["technical"][locale]["first"]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("awx", [True, False])
def test_where_the_state_ends_with_the_run_nothing_more_is_promised(locale, awx):
    texts = incident_texts(FACTS, 15, awx=awx, lasting=False)
    for audience in AUDIENCES:
        for kind in sorted(set(KINDS) - {"end", "test"}):
            shown = texts[audience][locale][kind]
            assert "15" not in shown and "acknowledge»" not in shown and "kumon.runbook.notify" not in shown, kind
            assert {"pt_BR": "Nenhuma outra mensagem sai sozinha", "en": "No other message comes by itself"}[
                locale
            ] in shown, kind
