# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils import _message_text
from ansible_collections.kumon.runbook.plugins.module_utils._incident_state import new_incident

from tests.unit.plugins.notify_desk import NOON

MESSAGE = {
    "id": "r1-1",
    "kind": "first",
    "audience": "technical",
    "tier": 2,
    "name": "dev",
    "channels": [],
    "locale": None,
}


def text(template, now=NOON + 150, **given):
    incident = {**new_incident("r1", NOON), "texts": {"technical": {"en": {"first": template}}}, **given}
    return _message_text.fill_in(MESSAGE, incident, "en", now)


def test_what_is_known_only_now_is_filled_in():
    assert text("a ⟦elapsed⟧ ⟦by⟧ ⟦tier⟧\n\nb ⟦eta:given at|none yet⟧") == ("a 2 min - 2", "b none yet")
    known = {"acknowledged": {"by": "ana", "time": "-"}, "eta": {"text": "15 min", "time": "2026-11-20T12:00Z"}}
    assert text("⟦by⟧\n⟦eta:informada às|⟧", **known) == ("ana", "15 min (informada às 2026-11-20T12:00Z)")


def test_an_incident_that_opens_in_the_future_is_not_open_for_less_than_nothing():
    assert text("⟦elapsed⟧", now=NOON - 600).subject == "0 min"


def test_the_subject_is_one_bounded_line_and_nothing_is_shown_unredacted():
    subject, body = text("  a\tb  " + "x" * 300 + "\n\n5511988887777")
    assert subject.startswith("a b xxx")
    assert len(subject) == 200
    assert body == "***7777"


def test_an_eta_is_text_and_no_pattern():
    assert text("⟦eta:at|x⟧", eta={"text": r"\1 ⟦by⟧", "time": "t"}).subject == r"\1 ⟦by⟧ (at t)"


def test_a_text_that_is_missing_still_names_incident_and_kind():
    subject, _body = _message_text.fill_in(
        {**MESSAGE, "locale": "pt_BR"}, {**new_incident("r1", NOON), "texts": {}}, "en", NOON
    )
    assert subject == "r1: first"
