# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Level 3 under each fault: the release is in place and proven, or what was there is, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

SPREAD = True
APP = "/opt/kumon-assistant"


@pytest.fixture
def broken(sound):
    """Release 3 as at first, the assistant otherwise sound; what a test left in its tree may not even start."""
    sound.sh("/srv/host/releases")
    yield sound
    sound.sh("/srv/host/releases")


def level3(assistant, *options, **variables):
    run = assistant.playbook("rollback_level3", *options, runbook_locale="en", **variables)
    assert run.observed < 120
    return run


def assert_refuses(assistant, sentence, **variables):
    before = assistant.tree()
    assistant.assert_refuses("rollback_level3", sentence, runbook_locale="en", **variables)
    assert assistant.tree() == before


def make_dirty(assistant):
    """Local changes of every kind, made by the assistant's user."""
    assistant.sh(
        f"cd {APP} && runuser -u kumon -- sh -c 'echo changed >> main.py; mkdir -p notes; echo new > notes/a.txt;"
        " echo staged > b.local; git add b.local'"
    )


def test_a_release_that_does_not_start_is_taken_back(broken):
    make_dirty(broken)
    before = broken.tree()
    run = level3(broken, rollback_commit=broken.commit("Release 4", "next"), rollback_level3_restart_seconds=20)
    assert run.code != 0
    assert f"Returned to commit {broken.commit('Release 3')[:12]} (branch main)" in run.text
    assert "kept under refs/runbook/rescue/" in run.text
    assert broken.tree() == before
    assert broken.sh(f"readlink {APP}/.venv").strip() == ".venv.d/original"
    assert broken.journal()[-1]["ok"] is False


def test_local_changes_are_kept_and_come_back(broken):
    make_dirty(broken)
    before = broken.tree()
    assert level3(broken).code == 0
    assert broken.release() == ("Release 2", None)
    assert broken.git("status", "--porcelain") == ""
    assert broken.host.file(f"{APP}/.env").exists
    # Its changes make Release 3 one that does not start; forced, that is tried, and Release 2 is in place again.
    run = broken.playbook("roll_forward", level=3, roll_forward_force=True, runbook_locale="en")
    assert run.code != 0
    assert "Returned to commit" in run.text
    assert broken.release() == ("Release 2", None)
    reference = broken.journal()[0]["before"]["rescue"]
    assert broken.git("show", f"{reference}:notes/a.txt") == "new"
    assert broken.tree() != before


def test_a_detached_head_is_fine(broken):
    broken.git("checkout", "--quiet", "--detach")
    assert level3(broken).code == 0
    assert broken.release() == ("Release 2", None)


def test_the_kill_switch_stays_as_it_was_found(broken):
    assert broken.playbook("rollback_level1").code == 0
    run = level3(broken)
    assert run.code == 0
    assert "Kill-switch: active, as it was found" in run.text
    assert broken.environ("DELIVERY_DISABLE") == "true"
    assert broken.asked_within(1) == 0


def test_another_release_can_be_asked_for(broken):
    run = level3(broken, rollback_commit=broken.commit("Release 1")[:10])
    assert run.code == 0
    assert "Chosen" in run.text
    assert broken.release() == ("Release 1", None)
    assert broken.health()["version"] == "1.0"
    # Not further back by itself, and nothing to do.
    again = level3(broken)
    assert (again.code, "changed=0" in again.text) == (0, True)
    assert "a rollback has put it in place already" in again.text


def test_without_known_good_releases_the_last_commits_are_listed(broken):
    broken.sh("rm /var/lib/kumon-runbook/releases.json")
    assert_refuses(broken, "no known-good release is in the ledger")
    run = level3(broken)
    for number in (1, 2, 3):
        assert f"(Release {number})" in run.text


def test_requirements_that_cannot_be_had_change_nothing(broken):
    broken.sh("mv /srv/wheels /srv/hidden; install -d /srv/wheels")
    try:
        before = broken.tree(), broken.pid()
        broken.sh("printf '[global]\\nindex-url = http://127.0.0.1:9/simple\\n' > /etc/pip.conf")
        run = level3(broken, rollback_install_seconds=40)
        assert run.code != 0
        assert "the requirements cannot be had (wheelhouse: " in run.text
        assert (broken.tree(), broken.pid()) == before
    finally:
        broken.sh("rm -rf /srv/wheels /etc/pip.conf; mv /srv/hidden /srv/wheels")
    assert level3(broken).code == 0


def test_a_git_operation_that_was_left_half_is_said(broken):
    broken.sh(f"touch {APP}/.git/index.lock")
    assert_refuses(broken, "was left by a git command that was killed")


def test_a_run_that_is_killed_is_finished_by_the_next(broken):
    make_dirty(broken)
    with subprocess.Popen(
        broken.command("rollback_level3"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        deadline = time.monotonic() + 30
        while not any(entry["phase"] == "begin" for entry in broken.journal()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # The controller and everything of the run on the host, at once.
        broken.sh("pkill -KILL -f '[p]ip install' || true; pkill -KILL -u root -f '[A]nsiballZ|[a]nsible' || true")
        os.killpg(run.pid, signal.SIGKILL)
    time.sleep(1)
    again = level3(broken)
    assert again.code == 0
    assert broken.release() == ("Release 2", None)
    assert broken.health()["version"] == "2.0"
    rescue = broken.git("for-each-ref", "--format=%(refname)", "refs/runbook/rescue").split()
    assert "new" in [broken.git("show", f"{reference}:notes/a.txt") for reference in rescue]


@pytest.mark.all_hosts
def test_a_wave_that_fails_stops_the_others(broken):
    run = level3(
        broken,
        "--limit=assistant1,assistant2",
        rollback_commit=broken.commit("Release 4", "next"),
        rollback_level3_restart_seconds=20,
    )
    assert run.code != 0
    assert "assistant1" in run.text
    assert "assistant2 : ok" not in run.text


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"rollback_commit": "f" * 40}, "is not in /opt/kumon-assistant: fetch it (git fetch) or choose another"),
        ({"rollback_commit": "main"}, "is no commit id"),
        ({"runbook_app_dir": "/opt/none"}, "/opt/none does not exist on this host: correct runbook_app_dir"),
        ({"runbook_app_dir": "/opt/evolution"}, "is no git work tree"),
        ({"runbook_requirements": "none.txt"}, "has no none.txt: correct runbook_requirements"),
        ({"rollback_min_free_mb": 100000000}, "MB are free in"),
        ({"rollback_level3_seconds": 60}, "may take"),
        ({"rollback_install_seconds": "long"}, "rollback_install_seconds"),
        ({"runbook_become": False}, "run with become: true"),
    ],
)
def test_bad_input_is_refused_before_anything_changed(assistant, variables, sentence):
    assert_refuses(assistant, sentence, **{"rollback_commit": assistant.commit("Release 2"), **variables})
