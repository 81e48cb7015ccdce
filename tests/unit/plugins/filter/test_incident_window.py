# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule

from tests.unit import incident_facts as given

incident_window = FilterModule().filters()["incident_window"]
HOUR = 3600


def iso(moment):
    return given.iso(moment)


def journal(*begins, **more):
    acts = [given.act(began=iso(at), ended=iso(at + 2), run_id=f"r{n}", **more) for n, at in enumerate(begins)]
    return {"acts": acts[::-1]}


def test_the_newest_incident_is_found_over_all_hosts():
    at = given.ACT
    found = incident_window({"a": journal(at - 9 * HOUR, at), "b": journal(at + 60), "c": None}, at + 2 * HOUR)
    assert (found["began"], found["ended"]) == (iso(at), iso(at + 62))
    assert (found["since"], found["until"]) == (iso(at - 900), iso(at + 62 + 900))


def test_a_run_names_an_older_incident():
    at = given.ACT
    found = incident_window({"a": journal(at - 9 * HOUR, at)}, at + HOUR, "r0")
    assert (found["id"], found["began"]) == ("r0", iso(at - 9 * HOUR))


def test_a_run_id_that_is_a_path_becomes_a_plain_name():
    act = given.act(run_id="../../etc/x y")
    assert incident_window({"a": {"acts": [act]}}, given.ACT + 60)["id"] == "_.._etc_x_y"


def test_acts_without_a_rollback_are_no_incident():
    at = given.ACT
    with pytest.raises(AnsibleFilterError, match="^No rollback is in the journals: name a window"):
        incident_window({"a": journal(at, procedure="roll_forward")}, at)


def test_a_window_needs_no_act():
    found = incident_window({"a": None}, given.NOW, "", "2h", "1h")
    assert (found["began"], found["since"], found["until"]) == (None, iso(given.NOW - 7200), iso(given.NOW - 3600))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("r9",), "^No act of the run 'r9' is in the journals.$"),
        (("", "1h", "2h"), "^The window is empty: "),
        (("", "noon"), "noon"),
    ],
)
def test_bad_input_is_one_sentence(more, sentence):
    with pytest.raises(AnsibleFilterError, match=sentence):
        incident_window({"a": journal(given.ACT)}, given.NOW, *more)
