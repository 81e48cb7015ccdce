# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release is put in place whole or not at all, nothing of what was there is lost, and a killed run is finished."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import (
    _git,
    _journal,
    _lease,
    _ledger,
    _release,
    _release_info,
    _rescue,
)
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import Git
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._worktree import WorkTree
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words as tell

from tests.unit.plugins.release_fakes import (
    CRASH,
    FakeUnit,
    Killed,
    Repository,
    Steps,
    ensure,
    fake_installer,
    release_params,
)
from tests.unit.plugins.service_fakes import SERVICE, journal, tree

SECOND = SERVICE + "# second\n"


@pytest.fixture
def put(real):
    def put(check_mode=False, **more):
        return ensure(real.params(**more), Host(), check_mode)

    return put


@pytest.fixture
def change(tmp_path, repository, unit):
    """The act on a unit that needs no time."""

    def change(check_mode=False, **more):
        return ensure(release_params(tmp_path, repository, **more), unit.host(), check_mode)

    return change


@pytest.fixture
def refused(tmp_path, change):
    def refused(**more):
        before = tree(tmp_path)
        with pytest.raises(Refused) as caught:
            change(**more)
        assert tree(tmp_path) == before
        return str(caught.value)

    return refused


def proofs(result):
    return {proof["proof"]: proof["had"] for proof in result["proofs"]}


def make_dirty(repository):
    repository.write("service.py", CRASH + "# local\n")
    repository.write("notes/new.txt", "untracked")
    repository.write(".env", "SECRET=1")
    repository.write("staged.txt", "staged")
    repository.git("add", "staged.txt")


# -- a real service


def test_a_release_is_put_in_place_and_proven(real, put):
    old = real.serve(DELIVERY_DISABLE="true")
    result = put()
    repository = real.repository
    assert (repository.head, repository.branch) == (repository.commits["second"], None)
    assert repository.read("service.py") == SECOND
    assert (result["changed"], result["restarted"], result["returned"]) == (True, True, False)
    assert result["pid"] != old
    assert result["before"] == {"commit": repository.commits["broken"], "branch": "main", "environment": None}
    assert result["after"] == {"commit": repository.commits["second"], "branch": None, "environment": None}
    assert proofs(result) == {"commit": True, "environment": True, "health": True}
    assert set(result["phases"]) == {"preflight", "environment", "trial", "checkout", "restart", "verify"}
    assert [(entry["phase"], entry["ok"]) for entry in journal(real.directory)] == [("begin", None), ("outcome", True)]


def test_the_quartet(real, put):
    real.serve()
    before = tree(real.directory)
    assert put(check_mode=True)["changed"]
    assert tree(real.directory) == before
    assert put()["changed"]
    before = tree(real.directory)
    assert not put(check_mode=True)["changed"]
    again = put()
    assert (again["changed"], again["restarted"], again["planned"], again["rescue"]) == (False, False, [], None)
    assert tree(real.directory) == before


def test_a_kill_switch_in_force_stays_in_force(real, put):
    etc = real.directory / "etc"
    etc.mkdir()
    (etc / "runbook.env").write_text("DELIVERY_DISABLE=true\n")
    real.serve(DELIVERY_DISABLE="true")
    result = put()
    assert proofs(result)["reported"]
    assert Host().proc.process(result["pid"]).environ["DELIVERY_DISABLE"] == "true"


def test_a_release_that_does_not_start_is_taken_back(real, put):
    repository = real.repository
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["first"])
    real.service.start()
    repository.write("first.txt", "local")
    repository.write("loose.txt", "untracked")
    files = repository.files()
    with pytest.raises(Failed) as caught:
        put(commit=repository.commits["broken"])
    message, result = str(caught.value), caught.value.result
    assert "did not come back" in message
    assert f"Returned to commit {repository.commits['first'][:12]} (branch stable), which is up." in message
    assert "kept under refs/runbook/rescue/run-1." in message
    assert "hunter2secret" not in message
    assert (repository.head, repository.branch) == (repository.commits["first"], "stable")
    assert repository.files() == files
    assert repository.git("status", "--porcelain").splitlines() == ["M first.txt", "?? loose.txt"]
    assert (result["returned"], result["after"]["branch"]) == (True, "stable")
    assert not proofs(result)["commit"]
    outcome = journal(real.directory)[-1]
    assert (outcome["ok"], outcome["after"]["commit"]) == (False, repository.commits["first"])
    # The journal shows nothing to undo, and the service answers.
    found = _release_info.inspect(dict(real.params(), commit=None), Host())
    assert found["previous"] is None
    assert put(commit=repository.commits["first"], run_id="run-2")["changed"], "local changes are not the commit"


def test_a_change_of_the_same_length_in_the_moment_of_the_checkout_is_kept(real, put):
    """Nothing but its age tells git that its index may be wrong about such a file."""
    repository = real.repository
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["first"])
    repository.git("config", "core.trustctime", "false")
    moment = (repository.directory / "first.txt").stat().st_mtime_ns // 10**9 * 10**9 - 60 * 10**9

    def at_that_moment(name):
        os.utime(repository.directory / name, ns=(moment, moment))

    at_that_moment("first.txt")
    repository.git("update-index", "--refresh")
    at_that_moment(".git/index")
    repository.write("first.txt", "local")
    at_that_moment("first.txt")
    real.service.start()
    put(commit=repository.commits["second"])
    kept = repository.git("for-each-ref", "--format=%(refname)", "refs/runbook/rescue").split()
    assert [repository.git("show", f"{reference}:first.txt") for reference in kept] == ["local"]


def test_a_release_whose_health_does_not_answer_is_taken_back(real, put):
    repository = real.repository
    repository.git("checkout", "--quiet", repository.commits["first"])
    repository.write("service.py", SERVICE.replace('self.path not in ("/health"', 'self.path not in ("/none"'))
    silent = repository.commit("release silent")
    repository.git("checkout", "--quiet", repository.commits["first"])
    real.service.start()
    with pytest.raises(Failed, match="gave no answer"):
        put(commit=silent)
    assert repository.head == repository.commits["first"]


def test_the_release_that_is_there_is_restarted_when_the_process_is_older(real, put):
    pid = real.serve("first")
    real.repository.git("checkout", "--quiet", real.repository.commits["second"])
    result = put()
    assert (result["changed"], result["before"] == result["after"]) == (True, True)
    assert result["pid"] != pid


def test_a_file_that_the_service_writes_to_stays_where_it_is(real, put):
    repository = real.repository
    real.service.log = repository.directory / "app.out"
    real.serve()
    repository.write("loose.txt", "untracked")
    put()
    assert repository.read("app.out").count("starting") == 2
    assert repository.read("loose.txt") == "untracked"
    assert repository.git("show", "refs/runbook/rescue/run-1:loose.txt") == "untracked"


def test_a_file_of_the_release_that_the_service_writes_to_stays_its_own(real, put):
    """A database that somebody committed: the release of before has none."""
    repository = real.repository
    real.service.log = repository.directory / "journal.db"
    real.serve()
    repository.git("add", "journal.db")
    repository.git("commit", "--quiet", "-m", "with data")
    put()
    assert repository.read("journal.db").count("starting") == 2
    assert repository.head == repository.commits["second"]


def test_two_at_once(real, put):
    real.serve()
    now = [0.0]
    host = Host(clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    other = _ledger.locked(real.params()["state_dir"], str(real.repository.directory), Host())
    with other, pytest.raises(Refused, match="is under way"):
        _release.ensure(real.params(), host)
    assert 60 <= now[0] < 61
    assert real.repository.head == real.repository.commits["broken"]


def test_what_a_killed_run_has_started_is_waited_for(real, put):
    real.serve()
    with _ledger.locked(real.params()["state_dir"], str(real.repository.directory), Host()) as handle:
        left = subprocess.Popen(["sleep", "0.3"], pass_fds=[handle])
    with left:
        assert put()["after"]["commit"] == real.repository.commits["second"]
        assert left.poll() == 0


def test_a_release_with_another_unit_is_not_tried_by_the_present_ones_command(change, repository, unit, tmp_path):
    link = tmp_path / "kumon-assistant.service"
    link.symlink_to(repository.directory / "deploy.service")
    unit.properties["FragmentPath"] = str(link)
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    for name in ("old", "new"):
        repository.write("deploy.service", f"[Service]\nExecStart=/bin/{name}\n")
        repository.commits[name] = repository.commit(f"release with the {name} unit")
    tried = change(commit=repository.commits["old"], trial="auto")["trial"]
    assert (tried["tried"], tried["why"]["code"]) == (False, "trial_other_unit")


# -- what was there


def test_a_unit_of_the_work_trees_own_is_read_again_with_a_release(change, repository, unit, monkeypatch):
    """Where systemd has a link to it, another release starts as its own file says."""
    move = WorkTree.move

    def moved(*given):
        move(*given)
        unit.properties["NeedDaemonReload"] = "yes"

    def reloads_and_restarts():
        found = [call.split()[1] for call in unit.calls if call.split()[1] in ("daemon-reload", "restart")]
        unit.calls.clear()
        return found

    change()
    assert reloads_and_restarts() == ["restart"]
    monkeypatch.setattr(WorkTree, "move", moved)
    change(commit=repository.commits["first"], run_id="run-2")
    assert reloads_and_restarts() == ["daemon-reload", "restart"]


def test_local_changes_are_kept(change, repository):
    make_dirty(repository)
    result = change()
    assert (repository.head, repository.git("status", "--porcelain")) == (repository.commits["second"], "?? notes/")
    assert repository.read(".env") == "SECRET=1", "ignored files are nobody's to move"
    assert repository.read("notes/new.txt") == "untracked", "data of the service are the service's"
    assert "untracked files stay where they are: notes/new.txt" in result["warnings"]
    kept = result["rescue"]
    assert kept == "refs/runbook/rescue/run-1"
    assert repository.git("show", f"{kept}:notes/new.txt") == "untracked"
    assert repository.git("show", f"{kept}:service.py") == (CRASH + "# local\n").strip()
    assert repository.git("rev-parse", f"{kept}^1") == repository.commits["broken"]


@pytest.fixture
def linked(repository):
    """A release that has a link where the host has a directory."""
    repository.git("checkout", "--quiet", "--detach", repository.commits["second"])
    (repository.directory / "data").symlink_to("/srv/data")
    commit = repository.commit("release with a link")
    repository.git("checkout", "--quiet", "main")
    return commit


def test_untracked_files_in_the_place_of_a_releases_file_do_not_stay(change, repository, linked):
    """Whoever reads that they stay looks for them there."""
    repository.write("data/messages.db", "rows")
    repository.write("database/messages.db", "rows")
    warnings = change(commit=linked)["warnings"]
    assert "untracked files stay where they are: database/messages.db" in warnings
    assert (
        "untracked files are kept, and the release has a file in the place of their directory: data/messages.db"
        in warnings
    )
    assert (repository.directory / "data").is_symlink()
    assert '"data/messages.db"' in repository.git("show", "refs/runbook/rescue/run-1^2:.runbook-state.json")


def test_untracked_and_ignored_files_that_a_release_replaces_are_told(change, repository):
    """Taken out of git and ignored since, a file has the host's own secrets: who needs them looks for them there."""
    repository.git("checkout", "--quiet", "--detach", repository.commits["second"])
    for name in ("config.ini", "data/rows.db", ".env"):
        repository.write(name, "the release's own")
    repository.git("add", "--force", ".env")
    older = repository.commit("release with files that were taken out of git later")
    repository.git("checkout", "--quiet", "main")
    for name in ("config.ini", "data", ".env"):
        repository.write(name, "the host's own")
    warnings = change(commit=older)["warnings"]
    assert "untracked files are kept, and the release's take their place: .env, config.ini, data" in warnings
    assert not any("stay where they are" in warning for warning in warnings)
    kept = [repository.git("show", f"refs/runbook/rescue/run-1:{name}") for name in (".env", "config.ini", "data")]
    assert kept == ["the host's own"] * 3


def test_ignored_files_in_the_place_of_a_releases_file_are_told(change, repository, linked):
    repository.write("data/.env", "SECRET=1")
    words = "untracked files are kept, and the release has a file in the place of their directory"
    assert f"{words}: data/.env" in change(commit=linked)["warnings"]


def test_undoing_restores_branch_index_and_files(change, repository, tmp_path):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["first"])
    repository.write("first.txt", "local")
    repository.write("loose.txt", "untracked")
    repository.write("staged.txt", "staged")
    repository.git("add", "staged.txt")
    repository.write("staged.txt", "edited")
    files, status = repository.files(), repository.git("status", "--porcelain")
    change()
    undone = change(state="undone", run_id="run-2")
    assert (undone["changed"], undone["after"]["branch"]) == (True, "stable")
    assert (repository.head, repository.branch) == (repository.commits["first"], "stable")
    assert repository.files() == files
    assert repository.git("status", "--porcelain") == status
    assert repository.git("show", ":staged.txt") == "staged"
    before = tree(tmp_path)
    assert not change(state="undone", run_id="run-3")["changed"]
    assert tree(tmp_path) == before


def test_undoing_goes_back_one_act_at_a_time(change, repository):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    change(commit=repository.commits["first"])
    repository.git("commit", "--quiet", "--allow-empty", "-m", "by hand")
    assert not change(state="undone", run_id="run-2")["changed"], "somebody has put something else in place"


def test_undoing_brings_an_edit_back_that_was_put_away_for_the_same_commit(change, repository, info, ledger):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    repository.write("second.txt", "by hand")
    ledger("first", "second")
    change()
    assert repository.read("second.txt") == "second"
    assert info()["chosen"]["commit"] == repository.commits["first"], "nothing was rolled back"
    assert change(state="undone", run_id="run-2")["changed"]
    assert (repository.read("second.txt"), repository.branch) == ("by hand", "stable")
    assert not change(state="undone", run_id="run-3")["changed"]


def test_a_restart_alone_is_not_what_is_undone(change, repository, unit):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    change(commit=repository.commits["first"])
    unit.births.clear()  # it runs what was there before
    again = change(commit=repository.commits["first"], run_id="run-2")
    assert (again["changed"], again["restarted"]) == (True, True)
    change(state="undone", run_id="run-3")
    assert (repository.head, repository.branch) == (repository.commits["second"], "stable")


def test_an_undo_for_the_same_commit_that_fails_is_taken_back(change, repository, unit):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    repository.write("service.py", CRASH)
    change()
    with pytest.raises(Failed, match="Returned to commit .* which is up"):
        change(state="undone", run_id="run-2")
    assert repository.read("service.py") == SECOND
    assert unit.runs(SECOND)


def test_two_assistants_with_one_state_directory_undo_each_its_own(tmp_path):
    ends = {}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        repository = Repository(tmp_path / name / "app")
        repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
        repository.write("first.txt", f"edited on {name}")
        unit = FakeUnit(tmp_path / name, repository)
        unit.spawn()
        more = {"state_dir": str(tmp_path / "state"), "service": name}
        ends[name] = (
            repository,
            lambda given, where=(tmp_path / name, repository), unit=unit, more=more: _release.ensure(
                release_params(*where, **more, **given), unit.host()
            ),
        )
    for name, (repository, act) in ends.items():
        act({"commit": repository.commits["first"], "run_id": f"there-{name}"})
        assert repository.read("first.txt") == "first"
    for name, (repository, act) in ends.items():
        assert act({"state": "undone", "run_id": f"back-{name}"})["changed"]
        assert (repository.branch, repository.read("first.txt")) == ("stable", f"edited on {name}")


def test_an_undo_whose_kept_files_are_gone_is_refused(change, refused, repository):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    repository.write("first.txt", "the only copy")
    kept = change(commit=repository.commits["first"])["rescue"]
    repository.git("update-ref", "-d", kept)
    second = repository.commits["second"][:12]
    assert refused(state="undone", run_id="run-2") == (
        f"{kept} is gone from {repository.directory}, and with it the local changes that were kept there: fetch it "
        f"from a copy, or put {second} in place without them (-e rollback_commit={second})"
    )


@pytest.mark.parametrize("way", ["checkout", "stash", "reset"])
def test_a_tree_that_was_put_back_by_hand_is_not_what_runs(change, repository, unit, way):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    shutil.rmtree(repository.directory / ".git" / "logs")
    repository.git("config", "core.logAllRefUpdates", "false")
    repository.write("service.py", SERVICE + "# hot\n")
    if way == "reset":
        repository.commit("by hand")
    unit.proc.remove(unit.pid)
    unit._start()
    time.sleep(0.05)
    repository.git(
        *{"checkout": ["checkout", "--", "service.py"], "stash": ["stash"], "reset": ["reset", "--hard", "HEAD^"]}[way]
    )
    assert unit.runs(SERVICE + "# hot\n")
    assert change()["restarted"]
    assert unit.runs(SECOND)
    assert not change(run_id="run-2")["changed"]


def test_a_branch_that_has_moved_on_is_left_there(change, repository):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    change(commit=repository.commits["first"])
    repository.git("branch", "--force", "stable", repository.commits["broken"])
    result = change(state="undone", run_id="run-2")
    assert (repository.head, repository.branch) == (repository.commits["second"], None)
    assert any("branch stable no longer stands" in text for text in result["warnings"])


def test_an_ignored_file_that_the_release_would_overwrite_is_kept(change, repository):
    repository.git("checkout", "--quiet", repository.commits["first"])
    repository.write(".gitignore", "")
    repository.write(".env", "from the release")
    other = repository.commit("release with .env")
    repository.git("checkout", "--quiet", "main")
    repository.write(".env", "SECRET=1")
    change(commit=other)
    assert repository.read(".env") == "from the release"
    assert repository.git("show", "refs/runbook/rescue/run-1:.env") == "SECRET=1"


def test_a_detached_head_is_found_again(change, repository):
    repository.git("checkout", "--quiet", repository.commits["first"])
    change()
    change(state="undone", run_id="run-2")
    assert (repository.head, repository.branch) == (repository.commits["first"], None)


def test_file_names_of_any_kind(change, repository):
    names = ["with space", "ç ã", "-rf", "new\nline", os.fsdecode(b"latin-\xe7"), ":(top)x", "*"]
    for name in names:
        repository.write(name, name.encode("utf-8", "replace").decode())
    change()
    assert set(names) <= set(os.listdir(repository.directory))
    kept = subprocess.run(
        ["git", "ls-tree", "-r", "-z", "--name-only", "refs/runbook/rescue/run-1"],
        cwd=repository.directory,
        check=True,
        capture_output=True,
    )
    assert {os.fsencode(name) for name in names} <= set(kept.stdout.split(b"\0"))


def test_a_run_identifier_that_is_no_reference_name(change, repository):
    make_dirty(repository)
    change(run_id="../a b~^:?*[..lock")
    assert repository.rescues() == ["refs/runbook/rescue/a-b-lock"]


def test_hooks_of_the_repository_are_not_run(change, repository, tmp_path):
    hook = repository.directory / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    change()
    assert not (tmp_path / "ran").exists()


def test_settings_of_our_own_surroundings_lead_git_nowhere_else(change, repository, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert change()["after"]["commit"] == repository.commits["second"]


# -- faults, before anything is changed


def test_an_unknown_commit(refused, repository):
    assert refused(commit="f" * 40) == (
        f"commit {'f' * 40} is not in {repository.directory}: fetch it (git fetch) or choose another"
    )


@pytest.mark.parametrize("wish", ["HEAD~1", "--all", "abc", "zzzz", "main@{1}", "../main", "stable^{commit}"])
def test_what_names_no_commit(refused, wish):
    assert "is no commit, tag or branch of" in refused(commit=wish)


@pytest.mark.parametrize("wish", ["stable", "v1.2", "refs/with/slash", "remote"])
def test_a_tag_and_a_branch_name_a_commit(change, repository, wish):
    second = repository.commits["second"]
    repository.git("update-ref", "refs/remotes/origin/remote", second)
    for kind in ("branch", "tag"):
        if wish != "remote" and not (kind == "tag" and wish == "stable"):
            repository.git(kind, wish, second)
    assert change(commit=wish)["target"] == second


def test_a_name_of_two_commits(refused, repository):
    repository.git("branch", "v1", repository.commits["first"])
    repository.git("tag", "v1", repository.commits["second"])
    assert refused(commit="v1").startswith("v1 names more than one commit")


def test_a_shallow_clone_says_so(refused, repository, tmp_path):
    shutil.move(repository.directory, tmp_path / "origin")
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=2", f"file://{tmp_path}/origin", repository.directory], check=True
    )
    assert "which is a shallow clone: fetch it (git fetch --unshallow)" in refused(commit=repository.commits["first"])


def test_a_shallow_clone_that_has_the_commit_will_do(change, repository, tmp_path):
    shutil.move(repository.directory, tmp_path / "origin")
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=2", f"file://{tmp_path}/origin", repository.directory], check=True
    )
    make_dirty(repository)
    assert change()["after"]["commit"] == repository.commits["second"]


def test_a_commit_of_which_a_file_is_missing(refused, repository):
    blob = repository.git("rev-parse", f"{repository.commits['second']}:second.txt")
    (repository.directory / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert "is not whole in" in refused()


@pytest.mark.parametrize(
    ("mark", "end"),
    [("rebase-merge", "rebase --abort"), ("MERGE_HEAD", "merge --abort"), ("BISECT_LOG", "bisect reset")],
)
def test_an_operation_under_way(refused, repository, mark, end):
    (repository.directory / ".git" / mark).mkdir()
    assert f"finish it, or end it with git {end}" in refused()


def test_a_lock_that_somebody_else_has_left(refused, repository):
    lock = repository.directory / ".git" / "index.lock"
    lock.touch()
    assert refused() == (f"{lock} was left by a git command that was killed: remove it (rm {lock}) and run again")


def test_a_lock_that_our_own_killed_run_has_left_goes_away(scene, monkeypatch):
    here = scene()
    steps = kill(scene(), monkeypatch, 0)
    checkout = next(number for number, name in enumerate(steps.names, 1) if name.startswith("git checkout-index"))
    kill(here, monkeypatch, checkout)
    lock = here.repository.directory / ".git" / "index.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    with pytest.raises(Refused, match="was left by a git command that was killed"):
        here.act(run_id="run-2")  # it is older than that run
    os.utime(lock)
    assert here.act(run_id="run-3")["after"]["commit"] == here.repository.commits["second"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the tree's owner")
def test_a_lock_is_removed_with_the_rights_of_who_can_put_another_there(scene, monkeypatch, tmp_path):
    roots, theirs = tmp_path / "roots", tmp_path / "theirs"
    roots.mkdir()
    theirs.mkdir()
    (roots / "index.lock").touch()
    # What was the repository when it was looked at.
    (theirs / "git").symlink_to(roots)
    os.chown(theirs, 65534, 65534)
    monkeypatch.setattr(WorkTree, "refuse_what_is_under_way", lambda *_given: [str(theirs / "git" / "index.lock")])
    with pytest.raises(Refused, match="Permission denied"):
        scene().act()
    assert (roots / "index.lock").exists()


def test_a_branch_that_is_named_like_a_commit_is_none(refused, repository):
    name = repository.commits["first"][:8]
    repository.git("branch", name, repository.commits["second"])
    assert "is ambiguous" in refused(commit=name)


def test_git_at_work(repository):
    (repository.directory / ".git" / "index.lock").touch()
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=repository.directory, stdin=subprocess.PIPE) as other:
        try:
            with pytest.raises(Refused) as caught:
                WorkTree(Host(), str(repository.directory)).refuse_what_is_under_way(0.0)
            assert str(caught.value) == (
                f"git runs in {repository.directory} (process {other.pid}): wait until it has ended, and run again"
            )
        finally:
            other.stdin.close()


def test_no_git(refused, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused() == "git is not installed on this host: install it"


def test_no_repository(refused, repository):
    (repository.directory / ".git").rename(repository.directory / "git")
    assert "is no git work tree" in refused()


@pytest.mark.parametrize("name", ["HEAD", "config"])
def test_a_pipe_in_the_repository_is_not_waited_for(refused, repository, monkeypatch, name):
    monkeypatch.setattr(_git, "FIRST_SECONDS", 0.5)
    (repository.directory / ".git" / name).unlink()
    os.mkfifo(repository.directory / ".git" / name)
    begun = time.monotonic()
    assert "git gives no answer" in refused()
    assert time.monotonic() - begun < 10


def test_a_directory_below_the_work_tree(refused, repository):
    (repository.directory / "sub").mkdir()
    assert "set runbook_app_dir to that" in refused(app_dir=str(repository.directory / "sub"))


def test_a_repository_without_a_commit(refused, repository):
    shutil.rmtree(repository.directory / ".git")
    repository.git("init", "--quiet")
    assert "has no commit" in refused()


def test_a_disk_that_is_nearly_full(refused):
    assert "MB are free in" in refused(min_free_mb=10**9)


def test_an_unknown_unit(refused, unit):
    unit.properties.update(LoadState="not-found", ActiveState="inactive")
    assert "does not exist on this host" in refused()


def test_a_unit_that_runs_and_cannot_be_started_again(refused, unit):
    unit.properties["LoadState"] = "masked"
    assert "is masked" in refused()


def test_what_another_release_may_bring_hinders_none(change, unit):
    unit.looks["condition"] = Finished(1, "", "x: ConditionPathExists=/opt/x failed.\nConditions failed.\n")
    unit.env_files = ["/opt/x/.env (ignore_errors=no)"]
    assert change()["restarted"]


def test_a_unit_that_takes_away_what_is_in_force(refused, unit, tmp_path):
    etc = tmp_path / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "runbook.env").write_text("DELIVERY_DISABLE=true\n")
    unit.proc.remove(unit.pid)
    unit.spawn({"DELIVERY_DISABLE": "true"})
    unit.properties["UnsetEnvironment"] = "DELIVERY_DISABLE"
    assert "takes DELIVERY_DISABLE from whatever it starts" in refused()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"commit": None}, "state present needs a commit: set commit"),
        ({"budget": 0}, "budget must be between 1 and 3600 seconds, not 0"),
        ({"restart_timeout": 601}, "restart_timeout must be between 1 and 600 seconds, not 601"),
        ({"install_seconds": 0.5}, "install_seconds must be between 1 and 3000 seconds, not 0.5"),
        ({"min_free_mb": -1}, "min_free_mb must not be below 0, not -1"),
        (
            {"budget": 90.0},
            "budget is 90 s, but installing, a restart and the way back may take 96 s: "
            "raise it, or lower install_seconds or restart_timeout",
        ),
        ({"venv": "env"}, "venv must be an absolute path, not 'env'"),
        ({"app_dir": "/none"}, "/none does not exist on this host: correct runbook_app_dir"),
    ],
)
def test_input(refused, options, message):
    assert refused(**options) == message


def test_another_users_tree_is_worked_on_as_that_user(change, repository, tmp_path):
    if os.geteuid() == 0:
        for path in [repository.directory, *repository.directory.rglob("*")]:
            os.chown(path, 1234, 1234)
        # As the owner cannot do it, pytest's directories have to let it in.
        for path in [tmp_path, *tmp_path.parents]:
            if path != Path("/"):
                path.chmod(path.stat().st_mode | 0o011)
    make_dirty(repository)
    if os.geteuid() == 0:
        for name in ("service.py", "notes", "notes/new.txt", ".env", "staged.txt", ".git/index"):
            os.chown(repository.directory / name, 1234, 1234)
        for path in (repository.directory / ".git" / "objects").rglob("*"):
            os.chown(path, 1234, 1234)
    owner = repository.directory.stat().st_uid
    change()
    assert repository.head == repository.commits["second"]
    assert {path.lstat().st_uid for path in repository.directory.rglob("*")} == {owner}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a tree of root's")
def test_root_writes_no_release_below_a_directory_that_somebody_else_can_replace(refused, change, repository, tmp_path):
    app, uploads = repository.directory / "app", repository.directory / "uploads"
    repository.write("uploads/.gitkeep", "")
    repository.write("app/data/rules.txt", "new")
    repository.git("checkout", "--quiet", repository.commits["second"], "--", "service.py")
    same = repository.commit("with data")
    repository.git("checkout", "--quiet", "--detach", repository.commits["second"])
    app.mkdir()
    # `app` is there and `app/data` is to be made in it; then `app/data` is there, and stands in somebody's directory.
    for made in (False, True):
        if made:
            (app / "data").mkdir()
        for owner, mode in ((1234, 0o755), (0, 0o777)):
            os.chown(app, owner, owner)
            app.chmod(mode)
            said = refused(commit=same)
            assert f"app/data/rules.txt in {repository.directory} lies below a directory that" in said
    # In a sticky directory what is root's stays there; and in the file's own directory git follows no link.
    app.chmod(0o1777)
    os.chown(app, 0, 0)
    uploads.mkdir()
    os.chown(uploads, 1234, 1234)
    secret = tmp_path / "secret"
    secret.write_text("root's")
    (uploads / ".gitkeep").symlink_to(secret)
    change(commit=same)
    assert (repository.head, repository.read("app/data/rules.txt"), secret.read_text()) == (same, "new", "root's")
    assert not (uploads / ".gitkeep").is_symlink()


def test_somebody_elses_tree_needs_root(tmp_path, repository, unit):
    host = unit.host(uid=4321)
    with pytest.raises(Refused, match="run with become: true"):
        Git(host, str(repository.directory))


def test_a_disk_that_is_full_for_the_rescue_changes_nothing(tmp_path, repository, unit, change):
    make_dirty(repository)
    objects = repository.directory / ".git" / "objects"
    shutil.rmtree(objects / "info", ignore_errors=True)
    files = repository.files()
    real = unit.host().run_as

    def full(argv, *args, **more):
        if "hash-object" in argv:
            return Finished(128, "", "fatal: unable to write loose object file: No space left on device\n")
        return real(argv, *args, **more)

    host = unit.host()
    host.run_as = full
    with pytest.raises(Refused) as caught:
        _release.ensure(release_params(tmp_path, repository), host)
    assert "No space left on device" in str(caught.value)
    assert "nothing was changed" in str(caught.value)
    assert repository.files() == files
    assert repository.head == repository.commits["broken"]
    assert unit.calls == []
    assert journal(tmp_path)[-1]["ok"] is False


def test_a_checkout_that_fails_half_way_is_taken_back(tmp_path, repository, unit):
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["first"])
    repository.write("loose.txt", "untracked")
    files = repository.files()
    host = unit.host()
    real, failing = host.run_as, ["once"]

    def half(argv, *args, **more):
        if "checkout-index" in argv and failing:
            failing.clear()
            repository.write("service.py", "half")
            return Finished(128, "", "error: unable to write file service.py: No space left on device\n")
        return real(argv, *args, **more)

    host.run_as = half
    with pytest.raises(Failed) as caught:
        _release.ensure(release_params(tmp_path, repository), host)
    assert "No space left on device" in str(caught.value)
    assert "Returned to commit" in str(caught.value)
    assert repository.files() == files
    assert (repository.head, repository.branch) == (repository.commits["first"], "stable")


@pytest.fixture
def counter(repository, unit):
    """A tracked file that is the same in the release in place and in a good one, and the service's to write."""
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["second"])
    repository.write("counter.json", "{}")
    repository.commits["counted"] = repository.commit("release with a counter")
    repository.write("other.txt", "other")
    repository.commit("release in place")
    unit.spawn()
    return lambda: repository.write("counter.json", '{"paid": 1}')


MEANWHILE = "files that were written to meanwhile stay as they are: counter.json"


def test_a_file_of_no_concern_that_is_written_meanwhile_fails_no_release(repository, change, counter, monkeypatch):
    keep = _rescue.Rescue.keep

    def busy(*args):
        counter()
        keep(*args)

    monkeypatch.setattr(_rescue.Rescue, "keep", busy)
    result = change(commit=repository.commits["counted"])
    assert MEANWHILE in result["warnings"]
    assert (repository.head, repository.read("counter.json")) == (repository.commits["counted"], '{"paid": 1}')
    told = [proof["detail"]["code"] for proof in result["proofs"] if proof["proof"] == "commit" and proof["had"]]
    assert told == ["head_changed"]


def test_a_file_of_no_concern_that_is_written_meanwhile_stays_on_the_way_back(
    repository, unit, change, counter, monkeypatch
):
    repository.write("service.py", CRASH)
    broken = repository.commit("release that breaks")
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["counted"])
    unit.spawn()
    start, first = unit._start, ["once"]

    def writing():
        if first:
            first.clear()
            counter()
        start()

    monkeypatch.setattr(unit, "_start", writing)
    with pytest.raises(Failed, match="Returned to commit") as caught:
        change(commit=broken)
    assert MEANWHILE in caught.value.result["warnings"]
    assert (repository.head, repository.read("counter.json")) == (repository.commits["counted"], '{"paid": 1}')


# -- check and diff mode


def test_check_mode_lists_each_change_in_order(change, repository, tmp_path):
    make_dirty(repository)
    before = tree(tmp_path)
    result = change(check_mode=True)
    broken, second = repository.commits["broken"], repository.commits["second"]
    assert result["planned"] == [
        f"would keep {broken[:12]}, 2 local changes and 1 untracked files under refs/runbook/rescue/run-1",
        f"would check out {second}",
        "would restart kumon-assistant.service (process 501)",
    ]
    assert result["diff"][0] == {
        "before_header": "HEAD",
        "after_header": "HEAD",
        "before": f"{broken} (branch main)\n",
        "after": f"{second}\n",
    }
    assert "M service.py\n" in result["diff"][1]["prepared"]
    assert "local notes/new.txt" in result["diff"][1]["prepared"]
    assert tree(tmp_path) == before


# -- the one to choose


@pytest.fixture
def info(tmp_path, repository, unit):
    def info(**more):
        given = {"app_dir": str(repository.directory), "state_dir": str(tmp_path / "state"), "commit": "", "venv": None}
        return _release_info.inspect({**given, **more}, unit.host())

    return info


@pytest.fixture
def ledger(tmp_path, repository):
    def ledger(*names):
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        good = [{"commit": repository.commits.get(name, name), "subject": name} for name in names]
        (state / "releases.json").write_text(json.dumps({"good": good, "candidate": None}))

    return ledger


def test_what_is_there(info, repository):
    make_dirty(repository)
    found = info()
    assert {name: found[name] for name in ("head", "branch", "detached", "dirty", "untracked", "shallow")} == {
        "head": repository.commits["broken"],
        "branch": "main",
        "detached": False,
        "dirty": True,
        "untracked": 1,
        "shallow": False,
    }
    assert [commit["subject"] for commit in found["commits"]] == ["release broken", "release second", "release first"]
    assert found["commits"][0]["commit"].startswith(found["commits"][0]["short"])


def test_none_is_chosen_without_a_wish_and_a_ledger(info):
    found = info()
    assert found["chosen"] is None
    assert "no known-good release is in the ledger" in tell(found["reason"], "en")
    for subject in ("release broken", "release second", "release first"):
        assert subject in tell(found["reason"], "en")


def test_the_newest_known_good_one_that_is_not_in_place_is_chosen(info, ledger, repository):
    ledger("first", "second", "broken", "0" * 40)
    assert info()["chosen"] == {"commit": repository.commits["second"], "why": "ledger"}
    assert info(commit=repository.commits["first"][:8])["chosen"] == {
        "commit": repository.commits["first"],
        "why": "asked",
    }
    with pytest.raises(Refused, match="is not in"):
        info(commit="0" * 40)


def test_only_those_that_are_in_the_repository_are_chosen(info, ledger):
    ledger("0" * 40)
    assert "none of the known-good releases is in the repository" in tell(info()["reason"], "en")


def test_a_second_rollback_does_not_go_further_back_by_itself(info, ledger, repository, change):
    ledger("first", "second")
    change(commit=info()["chosen"]["commit"])
    assert info()["chosen"] == {"commit": repository.commits["second"], "why": "in_place"}
    assert info()["previous"] == {
        "commit": repository.commits["broken"],
        "branch": "main",
        "environment": None,
        "rescue": "refs/runbook/rescue/run-1",
        "run_id": "run-1",
    }


def test_a_damaged_ledger_is_said(info, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "releases.json").write_text("{")
    with pytest.raises(Refused, match="is damaged: move it away"):
        info()


# -- killed at any point


REQUIREMENTS = {"first": "kumonlib==1\n", "second": "kumonlib==2\n", "broken": "kumonlib==3\n"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Makes a work tree with everything that can be lost, an environment by hand, and a unit that runs."""
    template = tmp_path_factory.mktemp("template") / "app"
    repository = Repository(template, requirements=REQUIREMENTS)
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["first"])
    repository.write("first.txt", "local")
    repository.write("notes/new.txt", "untracked")
    repository.write(".env", "SECRET=1")
    repository.write("staged.txt", "staged")
    repository.git("add", "staged.txt")
    (template / ".venv" / "lib" / "python3" / "site-packages" / "kumonlib-1.dist-info").mkdir(parents=True)

    def scene():
        directory = tmp_path_factory.mktemp("scene")
        shutil.copytree(template, directory / "app", symlinks=True)
        there = copy.copy(repository)
        there.directory = directory / "app"
        unit = FakeUnit(directory, there)
        unit.spawn()
        host = unit.host()
        host.run_as = fake_installer

        def act(host=host, **more):
            venv = str(there.directory / ".venv")
            return _release.ensure(release_params(directory, there, venv=venv, python=sys.executable, **more), host)

        return SimpleNamespace(directory=directory, repository=there, unit=unit, act=act, state=look_at(there))

    return scene


def look_at(repository):
    state = repository.git("status", "--porcelain"), repository.git("ls-files", "--stage")
    return repository.files(), *state, repository.head, repository.branch


def kill(scene, monkeypatch, at, **more):
    """Run it and kill it at a step; returns the steps, all of them without a kill."""
    with monkeypatch.context() as patched:
        steps = Steps(patched, at)
        host = steps.host(scene.unit, fake_installer)
        if not at:
            scene.act(host, **more)
        else:
            with pytest.raises(Killed):
                scene.act(host, **more)
        return steps


# Together the parts are all moments.
PARTS = pytest.mark.parametrize("part", range(2))


@PARTS
def test_a_run_that_is_killed_at_any_step_is_finished_by_the_next(scene, monkeypatch, part):
    steps = kill(scene(), monkeypatch, 0)
    # Before the journal has it nothing was written; one such step will do.
    for at in (1, *steps.moments())[part::2]:
        here = scene()
        repository, venv = here.repository, here.repository.directory / ".venv"
        kill(here, monkeypatch, at)
        where = f"killed at step {at}: {steps.names[at - 1]}"
        result = here.act(run_id="run-2")

        assert repository.head == repository.commits["second"], where
        assert repository.git("status", "--porcelain") == "?? notes/", where
        assert here.unit.runs(SECOND), where
        assert repository.read(".env") == "SECRET=1", where
        had = proofs(result)
        assert had["commit"] and had["requirements"] and had["environment"], where
        assert (venv / "lib" / "python3" / "site-packages" / "kumonlib-2.dist-info").is_dir(), where
        assert sorted(os.listdir(f"{venv}.d")) == sorted([os.readlink(venv).split("/")[1], "original"]), where
        assert _journal.verify(str(here.directory / "state" / "journal.jsonl"))["ok"], where
        assert not here.act(run_id="run-3")["changed"], where

        # What comes back is what was there before the run that was killed: files, index, branch and environment.
        here.act(run_id="run-4", state="undone")
        assert look_at(repository) == here.state, where
        assert here.unit.runs(SERVICE), where
        assert os.readlink(venv) == ".venv.d/original", where


@PARTS
def test_an_undo_that_is_killed_at_any_step_is_finished_by_the_next(scene, monkeypatch, part):
    here = scene()
    here.act()
    steps = kill(here, monkeypatch, 0, run_id="run-2", state="undone")
    for at in steps.moments()[part::2]:
        here = scene()
        here.act()
        kill(here, monkeypatch, at, run_id="run-2", state="undone")
        where = f"killed at step {at}: {steps.names[at - 1]}"
        here.act(run_id="run-3", state="undone")
        assert look_at(here.repository) == here.state, where
        assert here.unit.runs(SERVICE), where
        assert os.readlink(here.repository.directory / ".venv") == ".venv.d/original", where
        assert not here.act(run_id="run-4", state="undone")["changed"], where


def test_an_undo_that_is_killed_before_its_index_is_in_place_is_finished_by_the_next(scene, monkeypatch):
    here = scene()
    here.act()
    steps = kill(here, monkeypatch, 0, run_id="run-2", state="undone")
    at = next(number for number, name in enumerate(steps.names, 1) if re.match(r"os\.rename \S+/index\.lock ", name))
    here = scene()
    here.act()
    kill(here, monkeypatch, at, run_id="run-2", state="undone")
    assert (here.repository.directory / ".git" / "index.lock").exists()
    here.act(run_id="run-3", state="undone")
    assert look_at(here.repository) == here.state


def test_a_return_that_is_killed_at_any_step_is_finished_by_the_next(scene, monkeypatch):
    """The release is broken; whatever was half done, another one is then put in place and nothing is lost."""
    here = scene()
    broken = here.repository.commits["broken"]
    with pytest.raises(Failed):
        kill(here, monkeypatch, 0, commit=broken)
    assert look_at(here.repository) == here.state
    counted = scene()
    with monkeypatch.context() as patched:
        steps = Steps(patched)
        with pytest.raises(Failed):
            counted.act(steps.host(counted.unit, fake_installer), commit=broken)
    restarted = next(number for number, name in enumerate(steps.names, 1) if name.startswith("systemctl restart"))
    for at in steps.moments():
        if at < restarted:
            continue
        here = scene()
        kill(here, monkeypatch, at, commit=broken)
        where = f"killed at step {at}: {steps.names[at - 1]}"
        here.act(run_id="run-2")
        assert here.repository.head == here.repository.commits["second"], where
        here.act(run_id="run-3", state="undone")
        assert look_at(here.repository) == here.state, where


# -- the lease


def hold(tmp_path, unit, level):
    claim = _lease.Claim(str(tmp_path / "state"), "other", "bia", f"rollback_level{level}", level, 60, 0)
    _lease.acquire(claim, unit.host(), [])


def test_a_host_that_another_level_3_holds_is_left_alone(tmp_path, unit, repository, refused):
    hold(tmp_path, unit, 3)
    assert "this host is held by bia (rollback_level3, level 3, run other)" in refused(lease_seconds=30, lease_level=3)


def test_level_3_takes_over_from_level_1_and_keeps_the_host_for_its_run(tmp_path, unit, repository, change):
    hold(tmp_path, unit, 1)
    result = change(lease_seconds=30, lease_level=3)
    assert "took the lease over from bia (rollback_level1, level 1, run other)" in result["warnings"]
    assert _lease.holder(str(tmp_path / "state"), unit.host(), [])["run_id"] == "run-1"


def test_who_waited_for_the_same_release_finds_it_in_place(tmp_path, unit, repository):
    hold(tmp_path, unit, 3)
    host = unit.host()

    def other_acts(seconds):
        unit.sleep(seconds)
        if not journal(tmp_path):
            given = release_params(tmp_path, repository, run_id="other")
            _release._ensure(given, unit.host())
            _lease.release(str(tmp_path / "state"), "other", unit.host(), [])

    host.sleep = other_acts
    given = release_params(tmp_path, repository, lease_seconds=30, lease_level=3, lease_wait=20.0)
    result = _release.ensure(given, host)
    assert (result["changed"], result["restarted"]) == (False, False)
    assert {entry["run_id"] for entry in journal(tmp_path)} == {"other"}
