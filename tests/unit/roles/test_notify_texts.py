# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two audiences read, by what is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._contacts import AUDIENCES, LOCALES
from ansible_collections.kumon.runbook.plugins.module_utils._due import KINDS
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).resolve().parents[3] / "roles" / "notify" / "templates"
# As the lookup template sets it up.
ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, undefined=StrictUndefined)
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
    template = ENVIRONMENT.get_template(f"{audience}.{locale}.j2")
    return template.render(notify_kind=kind, notify_every_minutes=15, __notify_news=facts).strip()


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
