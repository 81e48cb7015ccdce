# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A known-good release is put in place of one that loses messages, and nothing that was there is lost."""

from __future__ import annotations

import pytest

from tests.scenario.host import Assistant
from tests.scenario.releases import APP, VARIABLES, make_dirty

INSTALL = "releases"
__all__ = ["VARIABLES"]


@pytest.fixture
def before(assistant: Assistant) -> tuple[str, str]:
    """Everything that a run could change, as it is now."""
    return assistant.fingerprint(), assistant.tree()


def test_a_check_run_shows_each_change_and_leaves_everything_as_it_was(
    assistant: Assistant, before: tuple[str, str]
) -> None:
    run = assistant.playbook("rollback_level3", "--check", "--diff", runbook_locale="en")
    assert (run.code, run.status) == (0, "planned")
    assert "would install requirements.txt into /opt/kumon-assistant/.venv.d from the wheelhouse" in run.text
    assert f"would check out {assistant.commit('Release 2')}" in run.text
    assert "would restart kumon-assistant.service" in run.text
    assert "M defects.json" in run.text
    assert (assistant.fingerprint(), assistant.tree()) == before
    assert assistant.release() == ("Release 3", "main")
    assert not assistant.host.file(f"{APP}/.venv").is_symlink
    assert assistant.journal() == []


def test_bad_input_is_refused_before_anything_changed(assistant: Assistant, before: tuple[str, str]) -> None:
    good = {"rollback_commit": assistant.commit("Release 2")}
    # The first host that fails ends the run for the others at its task: those of one task are refused together.
    for cases in (
        [({"rollback_level3_seconds": 60}, "may take")],
        [
            ({"rollback_commit": "f" * 40}, "is not in /opt/kumon-assistant: fetch it (git fetch) or choose another"),
            ({"rollback_commit": "no-such-branch"}, "is no commit, tag or branch of"),
            ({"rollback_commit": "", "runbook_state_dir": "/var/lib/none"}, "no known-good release is in the ledger"),
            ({"runbook_app_dir": "/opt/none"}, "/opt/none does not exist on this host: correct runbook_app_dir"),
            ({"runbook_app_dir": "/opt/evolution"}, "is no git work tree"),
            ({"runbook_requirements": "none.txt"}, "has no none.txt: correct runbook_requirements"),
            ({"rollback_min_free_mb": 100000000}, "MB are free in"),
            ({"runbook_become": False}, "run with become: true"),
        ],
    ):
        cases = [({**good, **given}, sentence) for given, sentence in cases]
        assistant.assert_refuses_each("rollback_level3", cases, runbook_locale="en", rollback_serial="100%")
    assert assistant.tree() == before[1]


def test_a_release_that_does_not_start_is_taken_back_with_the_local_changes(assistant: Assistant) -> None:
    make_dirty(assistant)
    before = assistant.tree()
    commit = assistant.commit("Release 4", "next")
    run = assistant.playbook(
        "rollback_level3", rollback_commit=commit, rollback_trial="never", rollback_level3_restart_seconds=20
    )
    assert run.code != 0
    assert assistant.tree() == before
    assert assistant.sh(f"readlink {APP}/.venv").strip() == ".venv.d/original"
    assert assistant.journal()[-1]["ok"] is False
    assert assistant.health()["version"] == "3.0"


def test_the_newest_known_good_release_runs_with_its_requirements(assistant: Assistant) -> None:
    run = assistant.playbook("rollback_level3")
    assert (run.code, run.status) == (0, "proven")
    assert run.observed < 300
    assert assistant.release() == ("Release 2", None)
    assert assistant.health()["version"] == "2.0"
    assert assistant.host.file(f"{APP}/.venv").is_symlink
    # Files that are in no commit are the assistant's data, and stay.
    assert assistant.git("status", "--porcelain") == "?? notes/"
    assert assistant.asks()


def test_what_was_there_is_kept_and_everything_belongs_to_the_assistants_user(assistant: Assistant) -> None:
    references = assistant.git("for-each-ref", "--format=%(refname)", "refs/runbook/rescue").split()
    assert "new" in [assistant.git("show", f"{one}:notes/a.txt") for one in references]
    assert assistant.host.file(f"{APP}/.venv.d/original/bin/python").exists
    assert assistant.host.file(f"{APP}/.env").exists
    assert assistant.sh(f"find {APP} ! -user kumon ! -path {APP}/.env") == ""
    assert "planted-password" not in str(assistant.journal())


def test_a_further_run_changes_nothing(assistant: Assistant) -> None:
    pid, tree, entries = assistant.pid(), assistant.tree(), len(assistant.journal())
    run = assistant.playbook("rollback_level3")
    assert (run.code, run.changed) == (0, 0)
    assert (assistant.pid(), assistant.tree(), len(assistant.journal())) == (pid, tree, entries)


def test_the_release_of_before_comes_back_with_its_branch_environment_and_changes(assistant: Assistant) -> None:
    # What made the release lose messages is repaired outside of it.
    assistant.fault(lost_handoff=False)
    run = assistant.playbook("roll_forward", level=3, roll_forward_force=True)
    assert run.result["procedure"] == "roll_forward"
    assert assistant.release() == ("Release 3", "main")
    assert assistant.health()["version"] == "3.0"
    assert assistant.sh(f"readlink {APP}/.venv").strip() == ".venv.d/original"
    assert assistant.sh(f"cat {APP}/notes/a.txt").strip() == "new"
    assert assistant.sh(f"tail -1 {APP}/main.py").strip() == "# changed"
    before = assistant.fingerprint(), assistant.tree()
    again = assistant.playbook("roll_forward", level=3)
    assert (again.code, again.changed) == (0, 0)
    assert (assistant.fingerprint(), assistant.tree()) == before
