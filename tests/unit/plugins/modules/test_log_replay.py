# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own behaviour: its options, its result, and one sentence for what it cannot do. Its action does the work
on the controller; how it decides is tested with `_replay`."""

from __future__ import annotations

import types

import pytest
import yaml
from ansible.plugins.action import ActionBase
from ansible_collections.kumon.runbook.plugins.action import log_replay as action_plugin
from ansible_collections.kumon.runbook.plugins.modules import log_replay

from tests.unit.records import NOON, as_json, bare, outbox_guard, turn

OPTIONS = yaml.safe_load(log_replay.DOCUMENTATION)["options"]
RETURNED = yaml.safe_load(log_replay.RETURN)


@pytest.fixture
def replay(monkeypatch):
    """Run the module as a task does, with the defaults of its documentation."""
    monkeypatch.setattr(ActionBase, "run", lambda *_args, **_more: {})

    def run(**args):
        action = object.__new__(action_plugin.ActionModule)
        action._task = types.SimpleNamespace(args=args)
        return action.run()

    return run


@pytest.fixture
def log(tmp_path):
    """Half an hour, two messages a minute, and a guard in the eleventh minute."""
    lines = []
    for minute in range(30):
        for number in range(2):
            at = NOON + 60 * minute + 25 * number
            lines += [as_json(record, at) for record in turn(f"conv_55119{minute:04d}{number:04d}")]
        if minute == 10:
            lines.append(as_json(outbox_guard("c9"), NOON + 610))
    path = tmp_path / "app.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_each_minute_is_decided_upon_and_the_result_is_what_is_documented(replay, log):
    result = replay(log=str(log))
    assert sorted(result) == sorted(RETURNED)
    assert (result["incomplete"], result["lines"]) == (None, 361)
    by_minute = {row["minute"]: row for row in result["minutes"]}
    assert list(by_minute) == [f"2026-11-20T12:{minute:02d}Z" for minute in range(30)]
    assert {name for row in result["minutes"] for name in row} == {
        *("minute", "status", "cause", "reason", "level", "in_force", "held", "spared")
    }
    assert by_minute["2026-11-20T12:09Z"]["status"] == "ok"
    acts = by_minute["2026-11-20T12:10Z"]
    assert (acts["status"], acts["cause"], acts["level"]) == ("rollback", "outbox_guard", 1)


def test_the_documented_defaults_are_those_of_the_action(replay, log):
    given = {name: option["default"] for name, option in OPTIONS.items() if "default" in option}
    assert replay(log=str(log), **given) == replay(log=str(log))
    assert [name for name, option in OPTIONS.items() if option.get("required")] == ["log"]


def test_part_of_a_log_and_another_language_can_be_asked_for(replay, log):
    part = replay(log=str(log), since="10m", until="2026-11-20T12:25:00Z", locale="pt_BR")
    assert [row["minute"][11:16] for row in part["minutes"]] == [f"12:{minute}" for minute in range(19, 26)]
    english = replay(log=str(log), since="10m", until="2026-11-20T12:25:00Z")
    assert part["minutes"][0]["reason"] != english["minutes"][0]["reason"]


def test_what_is_known_of_the_service_is_judged_too(replay, log):
    found = replay(log=str(log), until="2026-11-20T12:02:00Z", judge={"delivery_disabled": True})
    assert found["minutes"][0]["cause"] == "kill_switch_ignored"


def test_a_glob_names_rotated_files_too(replay, log):
    older = log.with_name("app.log.1")
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    older.write_text("".join(lines[:100]), encoding="utf-8")
    log.write_text("".join(lines[100:]), encoding="utf-8")
    assert len(replay(log=f"{log}*")["minutes"]) == 30


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({}, "log is the path of a log: -e log=PATH"),
        ({"log": ""}, "log is the path of a log: -e log=PATH"),
        ({"log": "", "locale": "pt_BR"}, "log é o caminho de um log: -e log=CAMINHO"),
        ({"log": "{tmp}/none.log"}, "there is no log at {tmp}/none.log: correct -e log=PATH"),
        ({"log": "{tmp}"}, "there is no log at {tmp}: correct -e log=PATH"),
        ({"log": "{log}", "window": "soon"}, "health_window is a time such as 4h; 'soon' is not"),
        ({"log": "{log}", "since": "2027-01-01T00:00:00Z"}, "the log goes from 2026-11-20T12:00:00Z to"),
        ({"log": "{log}", "since": "yesterday"}, "yesterday"),
        ({"log": "{log}", "judge": {"rollback": "many"}}, "rollback must be a number, not 'many'."),
        ({"log": "{log}", "locale": "fr"}, "fr"),
        ({"log": "{tmp}/undated.log"}, "says when it was written; it cannot be replayed"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_sentence(args, says, replay, log, tmp_path):
    (tmp_path / "undated.log").write_text("\n".join(map(bare, turn("c1"))), encoding="utf-8")

    def filled(value):
        return value.format(tmp=tmp_path, log=log) if isinstance(value, str) else value

    result = replay(**{name: filled(value) for name, value in args.items()})
    assert sorted(result) == ["failed", "msg", "refused"]
    assert (result["failed"], result["refused"]) == (True, True)
    assert filled(says) in result["msg"]
    assert "\n" not in result["msg"] and "Traceback" not in result["msg"]
