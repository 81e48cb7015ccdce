# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As root, with directories of a user who has no rights of his own; what root is told and does is the kernel's answer
to that user."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _code, _git, _trust, _wheelhouse, _worktree
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._environment import MARK, Environments
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import Git
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import owner_by_id, owner_of
from ansible_collections.kumon.runbook.plugins.module_utils._worktree import WorkTree

USER = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the keeper of a path")


@pytest.fixture(name="top")
def _top():
    """A directory to which only root can write, all the way down from /."""
    base = "/var/lib" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(dir=base, prefix="kumon-runbook-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def theirs(path: Path, mode: int = 0o755) -> Path:
    path.mkdir()
    os.chown(path, USER.pw_uid, USER.pw_gid)
    path.chmod(mode)
    return path


def secret(top: Path) -> Path:
    path = top / "secret"
    path.write_text("PASSWORD=canary\n")
    path.chmod(0o600)
    return path


@root_only
def test_a_link_of_a_users_to_roots_secret_is_not_read(top):
    home = theirs(top / "home")
    (home / "runbook.env").symlink_to(secret(top))
    with pytest.raises(PermissionError, match="nobody, who can change its path, may not open it"):
        _trust.read(str(home / "runbook.env"))
    with pytest.raises(PermissionError):
        os.close(_trust.opened(str(home / "runbook.env")))


@root_only
def test_a_linked_directory_of_a_users_leads_to_nothing_of_roots(top):
    home = theirs(top / "home")
    (top / "etc").mkdir(mode=0o700)
    (top / "etc" / "runbook.env").write_text("A=1\n")
    (home / "etc").symlink_to(top / "etc")
    with pytest.raises(PermissionError):
        _trust.read(str(home / "etc" / "runbook.env"))


@root_only
def test_a_link_of_a_users_to_his_own_log_works(top):
    home = theirs(top / "home")
    log = home / "app-2026.log"
    log.write_text("line\n")
    log.chmod(0o600)
    os.chown(log, USER.pw_uid, USER.pw_gid)
    (home / "app.log").symlink_to("app-2026.log")
    assert _trust.read(str(home / "app.log")) == b"line\n"


@root_only
def test_a_link_of_roots_is_followed_by_root(top):
    (top / "link").symlink_to(secret(top))
    assert _trust.keeper(str(top / "link")) is None
    assert _trust.read(str(top / "link")) == b"PASSWORD=canary\n"


@root_only
def test_nothing_is_made_in_a_directory_of_roots_through_a_users_link(top):
    home = theirs(top / "home")
    (top / "etc").mkdir()
    (home / "app.pid").symlink_to(top / "etc" / "ld.so.preload")
    assert not _trust.writable(str(home / "app.pid"))
    with pytest.raises(PermissionError):
        _trust.replace(str(home / "app.pid"), b"1\n", 0o644, (USER.pw_uid, USER.pw_gid))
    assert not list((top / "etc").iterdir())


@root_only
def test_what_is_made_in_a_users_directory_is_his(top):
    home = theirs(top / "home")
    _trust.replace(str(home / "app.pid"), b"1\n", 0o644)
    assert (home / "app.pid").stat().st_uid == USER.pw_uid


@root_only
def test_a_user_writes_below_directories_that_he_may_only_pass_through(top):
    (top / "passage").mkdir()
    home = theirs(top / "passage" / "home")
    (top / "passage").chmod(0o711)
    _trust.replace(str(home / "app.pid"), b"1\n", 0o644)
    assert (home / "app.pid").read_bytes() == b"1\n"


@root_only
def test_where_a_group_can_write_nobody_of_that_group_acts(top):
    shared = top / "shared"
    shared.mkdir()
    os.chown(shared, 0, USER.pw_gid)
    shared.chmod(0o775)
    who = _trust.keeper(str(shared / "app.log"))
    assert who is not None and (who.uid, who.groups) == (_trust.NOBODY, [USER.pw_gid])


@pytest.fixture(name="var_log")
def _var_log(top):
    """As Ubuntu has it: root's, open to the group of syslog, a service's directory in it. Root has a link to it."""
    var_log = top / "var-log"
    (var_log / "assistant").mkdir(parents=True)
    for path, mode in ((var_log, 0o775), (var_log / "assistant", 0o750)):
        path.chmod(mode)
    os.chown(var_log, 0, 1)
    (top / "logs").symlink_to(var_log)
    log = var_log / "assistant" / "app.log"
    log.write_text("line\n")
    for path in (var_log / "assistant", log):
        os.chown(path, 54321, 54321)
    log.chmod(0o640)
    return top / "logs" / "assistant"


@root_only
def test_a_log_below_a_directory_of_syslogs_is_read_and_written_on(var_log):
    with pytest.raises(PermissionError):
        _trust.read(str(var_log / "app.log"))
    with os.fdopen(_trust.opened_log(str(var_log / "app.log")), "rb") as log:
        assert log.read() == b"line\n"
    with os.fdopen(_trust.opened_log(str(var_log / "app.log"), os.O_WRONLY | os.O_APPEND), "ab") as log:
        log.write(b"next\n")
    assert (var_log / "app.log").read_text() == "line\nnext\n"


@root_only
@pytest.mark.parametrize("put", ["link", "directory", "name", "pipe"])
def test_nothing_leads_from_there_to_a_secret_of_roots(top, var_log, put):
    log = var_log / "app.log"
    log.unlink()
    if put == "link":
        log.symlink_to(secret(top))
    elif put == "directory":
        (top / "etc").mkdir(mode=0o700)
        secret(top).rename(top / "etc" / "app.log")
        var_log.rmdir()
        var_log.symlink_to(top / "etc")
    elif put == "name":
        os.link(secret(top), log)
    else:
        os.mkfifo(log, 0o600)
    with pytest.raises(OSError, match="symbolic links|Not a directory|other names|not a regular file"):
        os.close(_trust.opened_log(str(log)))


@root_only
def test_a_log_below_a_directory_that_an_access_list_opens_to_somebody_is_read(top, var_log):
    os.chown(top / "var-log", 0, 0)
    os.setxattr(top / "var-log", _trust._files.ACL, listed((U, 7, USER.pw_uid)))
    with os.fdopen(_trust.opened_log(str(var_log / "app.log")), "rb") as log:
        assert log.read() == b"line\n"
    (var_log / "app.log").unlink()
    (var_log / "app.log").symlink_to(secret(top))
    with pytest.raises(OSError, match="symbolic links"):
        os.close(_trust.opened_log(str(var_log / "app.log")))


@root_only
def test_a_users_own_directory_is_no_directory_of_a_group(top):
    home = theirs(top / "home")
    os.chown(home, 1, 1)
    (home / "app.log").touch(mode=0o600)
    with pytest.raises(PermissionError, match="who can change its path, may not open it"):
        os.close(_trust.opened_log(str(home / "app.log")))


@root_only
def test_in_a_sticky_directory_the_owner_of_a_file_keeps_it(top):
    shared = top / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "roots").write_text("x")
    (shared / "his").write_text("x")
    os.chown(shared / "his", USER.pw_uid, USER.pw_gid)
    assert _trust.keeper(str(shared / "roots")) is None
    his = _trust.keeper(str(shared / "his"))
    assert his is not None and his.uid == USER.pw_uid


ANYBODY = 0xFFFFFFFF
U_OWNER, U, G_OWNER, G, MASK, OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


def listed(*entries: tuple[int, int, int], group: int = 5, mask: int = 7, others: int = 5) -> bytes:
    """An access list of a directory with these entries beside the ones that each has, in the kernel's order."""
    whole = [
        (U_OWNER, 7, ANYBODY),
        (G_OWNER, group, ANYBODY),
        *entries,
        (MASK, mask, ANYBODY),
        (OTHERS, others, ANYBODY),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(whole))


@pytest.mark.parametrize(
    ("access_list", "users", "groups", "everybody"),
    [
        (listed(), [], [], False),
        (listed((U, 7, 1000)), [1000], [], False),
        (listed((U, 5, 1000), (U, 6, 1001)), [1001], [], False),
        (listed((G, 7, 50)), [], [50], False),
        (listed(group=7), [], [12], False),
        (listed((U, 7, 1000), (G, 7, 50), group=7), [1000], [12, 50], False),
        (listed((U, 7, 1000), (G, 7, 50), group=7, mask=5), [], [], False),
        (listed((U, 7, 0), (G, 7, 0)), [], [], False),
        (listed(others=7, mask=5), [], [], True),
    ],
)
def test_who_may_write_by_an_access_list(access_list, users, groups, everybody):
    assert _trust.writers(access_list, 12) == (users, groups, everybody)


def test_what_the_group_of_root_may_is_roots():
    assert _trust.writers(listed(group=7), 0) == ([], [], False)


@pytest.mark.parametrize("access_list", [b"", b"\x01\0\0\0", listed()[:-3]])
def test_an_access_list_that_cannot_be_read_lets_nobody_through(access_list):
    with pytest.raises(OSError, match="its access list cannot be read"):
        _trust.writers(access_list, 0)


@root_only
def test_a_user_of_an_access_list_keeps_what_he_can_put_into_a_directory_of_roots(top):
    shared = top / "shared"
    shared.mkdir(mode=0o755)
    os.setxattr(shared, _trust._files.ACL, listed((U, 7, USER.pw_uid)))
    assert (shared.stat().st_uid, shared.stat().st_gid) == (0, 0)
    (shared / "runbook.env").symlink_to(secret(top))
    who = _trust.keeper(str(shared / "runbook.env"))
    assert who is not None and who.uid == USER.pw_uid
    with pytest.raises(PermissionError, match="nobody, who can change its path, may not open it"):
        _trust.read(str(shared / "runbook.env"))
    assert _trust.runs_as(str(shared)).uid == USER.pw_uid


@root_only
def test_a_group_of_an_access_list_keeps_what_it_can_put_into_a_directory_of_roots(top):
    shared = top / "shared"
    shared.mkdir(mode=0o755)
    os.setxattr(shared, _trust._files.ACL, listed((G, 7, 12345)))
    who = _trust.keeper(str(shared / "runbook.env"))
    assert who is not None and (who.uid, who.groups) == (_trust.NOBODY, [12345])


@root_only
@pytest.mark.parametrize("access_list", [listed((U, 5, USER.pw_uid)), listed((U, 7, USER.pw_uid), mask=5)])
def test_who_may_only_read_by_an_access_list_keeps_nothing(top, access_list):
    shared = top / "shared"
    shared.mkdir(mode=0o755)
    os.setxattr(shared, _trust._files.ACL, access_list)
    (shared / "runbook.env").symlink_to(secret(top))
    assert _trust.keeper(str(shared / "runbook.env")) is None
    assert _trust.read(str(shared / "runbook.env")) == b"PASSWORD=canary\n"


@root_only
def test_the_group_of_a_directory_is_not_taken_for_what_others_may_by_an_access_list(top):
    """The mode's bits of the group are the most that anybody in the list has."""
    shared = top / "shared"
    shared.mkdir(mode=0o755)
    os.chown(shared, 0, USER.pw_gid)
    os.setxattr(shared, _trust._files.ACL, listed((U, 7, 0)))
    assert shared.stat().st_mode & stat.S_IWGRP
    assert _trust.keeper(str(shared / "app.log")) is None


@root_only
def test_git_runs_as_who_can_change_its_configuration_by_an_access_list(tree):
    os.setxattr(tree / ".git/config", _trust._files.ACL, listed((U, 6, USER.pw_uid), group=4, mask=6, others=4))
    assert _trust.runs_as(str(tree)).uid == USER.pw_uid
    assert filtered_by(tree) == {str(USER.pw_uid)}


@root_only
def test_where_there_are_no_access_lists_the_mode_alone_counts(top, monkeypatch):
    shared = top / "shared"
    shared.mkdir()
    os.chown(shared, 0, USER.pw_gid)
    shared.chmod(0o775)

    def none(*_arguments):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "getxattr", none)
    who = _trust.keeper(str(shared / "app.log"))
    assert who is not None and who.groups == [USER.pw_gid]


def test_a_file_that_is_replaced_keeps_its_mode(top):
    path = top / "runbook.env"
    path.write_text("A=1\n")
    path.chmod(0o600)
    _trust.replace(str(path), b"A=2\n", 0o640)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"A=2\n", 0o600)
    _trust.replace(str(top / "new.env"), b"A=2\n", 0o640)
    assert stat.S_IMODE((top / "new.env").stat().st_mode) == 0o640


@root_only
@pytest.mark.parametrize("of", ["group", "user"])
def test_a_file_of_roots_stays_roots_where_a_group_or_a_user_can_replace_it(top, of):
    home = theirs(top / "etc", 0o2775)
    os.chown(home, 0 if of == "group" else USER.pw_uid, USER.pw_gid)
    home.chmod(0o2775)
    path = home / "runbook.env"
    path.write_text("A=1\n")
    path.chmod(0o640)
    _trust.replace(str(path), b"A=2\n", 0o600)
    about = path.stat()
    assert (about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode)) == (0, USER.pw_gid, 0o640)
    assert path.read_text() == "A=2\n"
    # What of root's a link leads to, and a second name of a set-uid program, are another thing.
    path.unlink()
    program = top / "program"
    program.touch()
    program.chmod(0o4755)
    path.symlink_to(program)
    with pytest.raises(PermissionError):
        _trust.replace(str(path), b"A=3\n", 0o600)
    path.unlink()
    os.link(program, path)
    _trust.replace(str(path), b"A=3\n", 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert (program.read_bytes(), stat.S_IMODE(program.stat().st_mode)) == (b"", 0o4755)


def test_nothing_waits_for_a_pipe_or_reads_without_an_end(top):
    os.mkfifo(top / "pipe")
    with pytest.raises(OSError, match="it is not a regular file"):
        _trust.read(str(top / "pipe"))
    (top / "zero").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="it is not a regular file"):
        _trust.read(str(top / "zero"))
    (top / "long").write_bytes(b"x" * 101)
    with pytest.raises(OSError, match="larger than 100 bytes"):
        _trust.read(str(top / "long"), 100)
    assert len(_trust.read(str(top / "long"), 101)) == 101
    assert _trust.read(str(top / "none")) is None


@root_only
@pytest.mark.parametrize("put", ["link", "name", "pipe", "no end", "size"])
def test_what_others_put_in_the_place_of_the_runbooks_own_file_is_not_read(top, put, monkeypatch):
    monkeypatch.setattr(_trust, "MOST_OF_OURS", 4096)
    state = theirs(top / "state")
    if put == "link":
        (state / "journal.jsonl").symlink_to(secret(top))
    elif put == "name":
        os.link(secret(top), state / "journal.jsonl")
    elif put == "pipe":
        os.mkfifo(state / "journal.jsonl")
    elif put == "no end":
        (state / "journal.jsonl").symlink_to("/dev/zero")
    else:
        with open(state / "journal.jsonl", "wb") as file:
            file.truncate(1 << 40)
    with pytest.raises(OSError, match="symbolic links|other names|not a regular file|larger than"):
        _trust.read_ours(str(state / "journal.jsonl"))


@root_only
@pytest.mark.parametrize("put", ["link", "pipe", "file"])
def test_the_runbooks_own_file_takes_the_place_of_what_others_have_put_there(top, put):
    state, lease = theirs(top / "state"), top / "state" / "lease.json"
    if put == "link":
        lease.symlink_to(secret(top))
    elif put == "pipe":
        os.mkfifo(lease)
    else:
        lease.touch()
        os.chown(lease, USER.pw_uid, USER.pw_gid)
    _trust.replace_ours(str(lease), b"{}", 0o600)
    about = lease.lstat()
    assert (stat.S_ISREG(about.st_mode), about.st_uid, stat.S_IMODE(about.st_mode)) == (True, 0, 0o600)
    assert lease.read_bytes() == b"{}"
    assert put != "link" or (top / "secret").read_text() == "PASSWORD=canary\n"
    assert [path.name for path in state.iterdir()] == ["lease.json"]


def test_the_runbooks_own_file_is_replaced_where_roots_link_leads(top):
    (top / "there.json").write_text("")
    (top / "link.json").symlink_to("there.json")
    _trust.replace_ours(str(top / "link.json"), b"{}")
    assert (top / "link.json").is_symlink()
    assert (top / "there.json").read_bytes() == b"{}"


def test_the_runbooks_own_file_is_read_where_it_lies(top):
    """Root's in a directory of somebody else's, and where root's own link leads."""
    for state in (theirs(top / "state"), top):
        (state / "releases.json").write_text("{}")
        (state / "releases.json").chmod(0o600)
        assert _trust.read_ours(str(state / "releases.json")) == b"{}"
    (top / "link.json").symlink_to("releases.json")
    assert _trust.read_ours(str(top / "link.json")) == b"{}"
    assert _trust.read_ours(str(top / "none.json")) is None


def test_a_circle_of_links_is_an_error(top):
    (top / "one").symlink_to("two")
    (top / "two").symlink_to("one")
    with pytest.raises(OSError, match="[Ss]ymbolic links"):
        _trust.keeper(str(top / "one"))


@root_only
def test_programs_of_a_tree_run_as_who_can_change_it(top):
    tree = theirs(top / "tree")
    assert _trust.runs_as(str(tree)).uid == USER.pw_uid
    (top / "roots").mkdir()
    assert _trust.runs_as(str(top / "roots")).uid == 0
    (tree / "link").symlink_to(top / "roots")
    assert _trust.runs_as(str(tree / "link")).uid == USER.pw_uid
    shared = top / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    assert _trust.runs_as(str(shared)).uid == _trust.NOBODY


def git(tree: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, "-C", str(tree), *arguments], check=True, capture_output=True)


@pytest.fixture(name="tree")
def _tree(top):
    """A work tree of root's alone, in which a file is written through a filter of its repository's."""
    tree = top / "app"
    tree.mkdir()
    git(tree, "init", "--quiet")
    (tree / ".gitattributes").write_text("*.txt filter=odd\n")
    (tree / "file.txt").write_text("one\n")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message=first")
    git(tree, "config", "filter.odd.clean", f"id -u >> {theirs(top / 'seen', 0o777)}/ids; cat")
    return tree


def give(*paths: Path) -> None:
    for path in paths:
        for below in (path, *path.rglob("*")):
            os.chown(below, USER.pw_uid, USER.pw_gid)


def filtered_by(tree: Path) -> set[str]:
    """The user ids that the filter ran as."""
    # As long as before: git has to read it.
    (tree / "file.txt").write_text("two\n")
    Git(Host(), str(tree)).status()
    return set((tree.parent / "seen/ids").read_text().split())


@root_only
def test_a_tree_of_roots_with_a_repository_of_roots_runs_as_root(tree):
    assert _trust.runs_as(str(tree)).uid == 0
    assert filtered_by(tree) == {"0"}


@root_only
@pytest.mark.parametrize("name", [".git", ".git/config", ".git/hooks", ".git/info", ".git/objects"])
def test_git_runs_as_who_has_a_part_of_the_repository(tree, name):
    if name == ".git":
        give(tree / name)
    else:
        os.chown(tree / name, USER.pw_uid, USER.pw_gid)
    assert _trust.runs_as(str(tree)).uid == USER.pw_uid
    assert filtered_by(tree) == {str(USER.pw_uid)}


@root_only
@pytest.mark.parametrize(("name", "mode"), [(".git", 0o777), (".git", 0o1777), (".git/config", 0o666)])
def test_git_runs_as_nobody_where_everybody_can_write_to_the_repository(tree, name, mode):
    (tree / name).chmod(mode)
    assert _trust.runs_as(str(tree)).uid == _trust.NOBODY


@root_only
def test_git_runs_as_nobody_of_a_group_that_can_write_to_the_repository(tree):
    os.chown(tree / ".git/config", 0, USER.pw_gid)
    (tree / ".git/config").chmod(0o664)
    who = _trust.runs_as(str(tree))
    assert (who.uid, who.groups) == (_trust.NOBODY, [USER.pw_gid])


@root_only
@pytest.mark.parametrize("how", ["include", "includeIf", "of an include", "not there yet"])
def test_git_runs_as_who_has_what_its_configuration_takes_in(top, tree, how):
    more = theirs(top / "home") / "more"
    if how != "not there yet":
        more.touch()
    if how == "of an include":
        git(tree, "config", "include.path", "../../roots")
        (top / "roots").write_text(f'[include] path = "{more}" # more\n')
    else:
        git(tree, "config", f"includeIf.gitdir:{tree}/.path" if how == "includeIf" else "include.path", str(more))
    assert Git(Host(), str(tree)).owner.uid == USER.pw_uid
    assert not (top / "seen" / "ids").exists()


@root_only
def test_git_runs_as_root_where_its_configuration_takes_in_what_is_roots(top, tree):
    git(tree, "config", "include.path", str(top / "roots"))
    (top / "roots").write_text(f"[include]\n\tpath = ../none ; yet\n\tpath = {tree}/.git/info/more\n")
    assert Git(Host(), str(tree)).owner.uid == 0


@root_only
@pytest.mark.parametrize("how", ["link", "file", "relative"])
def test_git_runs_as_who_has_the_repository_that_is_elsewhere(top, tree, how):
    home = theirs(top / "home")
    shutil.move(str(tree / ".git"), str(home / "repository"))
    give(home / "repository")
    if how == "link":
        (tree / ".git").symlink_to(home / "repository")
    else:
        (tree / ".git").write_text("gitdir: " + (str(home) if how == "file" else "../home") + "/repository\n")
    assert filtered_by(tree) == {str(USER.pw_uid)}


@root_only
def test_git_runs_as_who_has_the_repository_that_a_work_tree_was_added_to(top, tree):
    git(tree, "worktree", "add", "--quiet", str(top / "added"))
    assert _trust.runs_as(str(top / "added")).uid == 0
    # What was added has a directory of its own, and the configuration is that of the first.
    os.chown(tree / ".git/config", USER.pw_uid, USER.pw_gid)
    assert filtered_by(top / "added") == {str(USER.pw_uid)}


@root_only
def test_the_repository_is_looked_for_where_a_linked_directory_lies(top, tree):
    home = theirs(top / "home")
    shutil.move(str(tree / ".git"), str(home / "repository"))
    (tree / ".git").write_text("gitdir: ../home/repository\n")
    (top / "links").mkdir()
    (top / "links" / "home").mkdir()
    (top / "links" / "app").symlink_to(tree)
    assert _trust.runs_as(str(top / "links" / "app")).uid == USER.pw_uid


@root_only
def test_commands_of_another_users_see_nothing_of_roots_environment(top, tree, monkeypatch):
    monkeypatch.setenv("ROOT_SECRET_TOKEN", "canary")
    monkeypatch.setenv("PIP_INDEX_URL", "https://name:canary@index.test/simple")
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    seen = top / "seen"
    git(tree, "config", "filter.odd.clean", f"env >> {seen}/environment; cat")
    give(tree)
    (tree / "file.txt").write_text("two\n")
    Git(Host(), str(tree)).status()
    said = (seen / "environment").read_text()
    assert "canary" not in said
    assert "https_proxy=http://proxy.test:3128" in said
    assert f"USER={USER.pw_name}\n" in said


@root_only
def test_pip_of_another_users_is_told_the_index_and_nothing_else(top, monkeypatch):
    monkeypatch.setenv("ROOT_SECRET_TOKEN", "canary")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.test/simple")
    app = theirs(top / "app")
    given = []

    def run_as(argv, owner, cwd, env, **more):
        given.append(env)
        return Finished(0, "", "")

    Environments(Host(run_as=run_as), owner_of(str(app)), str(app / "venv"), "python3", None)
    assert given and all(env["PIP_INDEX_URL"] == "https://index.test/simple" for env in given)
    assert not any("ROOT_SECRET_TOKEN" in env for env in given)


def test_who_runs_commands_with_his_own_rights_keeps_his_environment(monkeypatch):
    monkeypatch.setenv("KUMON_RUNBOOK_TEST", "kept")
    monkeypatch.setenv("GIT_DIR", "elsewhere")
    env = _git.environment(owner_by_id(os.geteuid(), os.getegid()))
    assert env["KUMON_RUNBOOK_TEST"] == "kept"
    assert "GIT_DIR" not in env


@root_only
def test_git_runs_in_a_submodule_as_who_has_that(top, tree):
    library = top / "library"
    shutil.copytree(tree, library)
    git(tree, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(library), "library")
    git(tree, "commit", "--quiet", "--message=second")
    config = tree / ".git/modules/library/config"
    git(tree / "library", "config", "filter.odd.clean", f"id -u >> {top}/seen/ids; cat")
    (library / "new.txt").write_text("new\n")
    git(library, "add", ".")
    git(library, "commit", "--quiet", "--message=new")
    git(tree / "library", "fetch", "--quiet")
    new = subprocess.run(["git", "-C", str(library), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    os.chown(config, USER.pw_uid, USER.pw_gid)
    (top / "seen/ids").unlink(missing_ok=True)
    (tree / "library/file.txt").write_text("two\n")
    found = WorkTree(Host(), str(tree))
    assert found.owner.uid == 0
    with pytest.raises(Refused, match="submodule library has local changes"):
        found.submodules_to_move({"library": new.stdout.strip()}, "the release", set())
    assert set((top / "seen/ids").read_text().split()) == {str(USER.pw_uid)}


def in_place_of(path: Path) -> int:
    """Put a pipe in the place of a file, held open so that who opens it anyway does not wait."""
    path.unlink()
    os.mkfifo(path)
    path.chmod(0o644)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def test_a_pipe_that_says_it_is_a_pointer_is_none(tree):
    found = WorkTree(Host(), str(tree))
    path = tree / "file.txt"
    path.write_bytes(_worktree.POINTER + b"v1\n")
    assert found._is_pointer(str(path))
    held = in_place_of(path)
    os.write(held, _worktree.POINTER)
    assert not found._is_pointer(str(path))
    os.close(held)


def test_a_pipe_is_not_read_for_a_file_that_only_looks_changed(tree):
    found = WorkTree(Host(), str(tree))
    path = tree / "file.txt"
    assert found._as_git_writes("file.txt", None)
    path.unlink()
    os.mkfifo(path)

    def write():
        with contextlib.suppress(OSError):
            path.write_text("one\n")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert not found._as_git_writes("file.txt", None)
    # Whom nobody has read from.
    held = os.open(path, os.O_RDWR)
    writer.join()
    os.close(held)


def test_a_file_that_is_too_large_to_be_read_counts_as_changed(tree, monkeypatch):
    found = WorkTree(Host(), str(tree))
    monkeypatch.setattr(_git, "READ_LIMIT", 4)
    assert found._as_git_writes("file.txt", None)
    monkeypatch.setattr(_git, "READ_LIMIT", 3)
    assert not found._as_git_writes("file.txt", None)


@pytest.mark.parametrize("given", [{}, {"user.note": b"kept"}])
def test_a_file_that_comes_back_gets_its_rights(tree, given):
    (tree / "file.txt").chmod(0o644)
    WorkTree(Host(), str(tree))._allow("file.txt", 0o600, given)
    assert stat.S_IMODE((tree / "file.txt").stat().st_mode) == 0o600
    assert {name: os.getxattr(tree / "file.txt", name) for name in given} == given


@pytest.mark.parametrize("given", [{}, {"user.note": b"kept"}])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_rights_are_given_to_no_link_or_pipe_that_took_the_place_of_a_file(top, tree, monkeypatch, kind, given):
    found, path, other, held = WorkTree(Host(), str(tree)), tree / "file.txt", secret(top), []
    lstat = os.lstat

    def swapped(name, **more):
        status = lstat(name, **more)
        if name == str(path) and not held:
            if kind == "pipe":
                held.append(in_place_of(path))
            else:
                path.unlink()
                path.symlink_to(other)
                held.append(os.open(other, os.O_RDONLY))
        return status

    with monkeypatch.context() as patched:
        patched.setattr(os, "lstat", swapped)
        found._allow("file.txt", 0o666, given)
    assert stat.S_IMODE(os.fstat(held[0]).st_mode) == (0o644 if kind == "pipe" else 0o600)
    os.close(held[0])


@root_only
def test_in_a_tree_of_roots_rights_are_given_in_a_users_directory_with_the_users(top, tree):
    theirs(tree / "data")
    (top / "etc").mkdir()
    (top / "etc" / "file").write_text("root's\n")
    (top / "etc" / "file").chmod(0o600)
    (tree / "data" / "deep").symlink_to(top / "etc")
    (tree / "data" / "his").write_text("his\n")
    give(tree / "data" / "his")
    found = WorkTree(Host(), str(tree))
    assert found.owner.uid == 0
    found._allow("data/deep/file", 0o666, {})
    assert stat.S_IMODE((top / "etc" / "file").stat().st_mode) == 0o600
    found._allow("data/his", 0o600, {})
    assert stat.S_IMODE((tree / "data" / "his").stat().st_mode) == 0o600


@root_only
def test_a_release_of_roots_is_written_out_for_a_user_by_that_user(top, tree):
    home = theirs(top / "home")
    (home / "release").mkdir()
    give(home / "release")
    found = WorkTree(Host(), str(tree))
    found.export("HEAD", str(home / "release"))
    assert (home / "release" / "file.txt").read_text() == "one\n"
    assert (home / "release" / "file.txt").stat().st_uid == USER.pw_uid
    (top / "etc").mkdir()
    (home / "linked").symlink_to(top / "etc")
    with pytest.raises(_git.GitFailed):
        found.export("HEAD", str(home / "linked"))
    assert not list((top / "etc").iterdir())
    found.export("HEAD", str(top / "etc"))
    assert (top / "etc" / "file.txt").stat().st_uid == 0


@root_only
def test_a_wheelhouse_below_what_a_user_can_change_is_made_with_the_users_rights(top):
    home = theirs(top / "home")
    (top / "etc").mkdir()
    (home / "linked").symlink_to(top / "etc")

    class Made:
        owner = owner_of(str(home))

        def fetch(self, _wanted, _path, _wheelhouse, _scratch, wheels, *_more):
            os.mkdir(wheels)

    params = {"requirements": "requirements.txt", "seconds": 1.0}
    with pytest.raises(Failed):
        _wheelhouse._fetch(Made(), None, params, str(home / "linked" / "wheels"), None)
    assert not list((top / "etc").iterdir())
    _wheelhouse._fetch(Made(), None, params, str(home / "wheels"), None)
    assert (home / "wheels").stat().st_uid == USER.pw_uid


@root_only
def test_a_wheelhouse_below_what_a_user_can_change_is_removed_with_the_users_rights(top, monkeypatch):
    home = theirs(top / "home")
    wheels = theirs(theirs(home / "app") / "wheels")
    (wheels / _wheelhouse.OURS).write_text("[]")
    (top / "etc" / "wheels").mkdir(parents=True)
    unlink = os.unlink

    def swapping(path, **more):
        unlink(path, **more)
        (home / "app").rename(home / "moved")
        (home / "app").symlink_to(top / "etc")

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", swapping)
        _wheelhouse.ensure({"wheelhouse": str(wheels), "state": "absent"}, Host())
    assert (top / "etc" / "wheels").is_dir()


@root_only
def test_requirements_that_a_users_link_leads_to_are_read_with_the_users_rights(top, venv):
    home = theirs(top / "home")
    (home / "theirs.txt").write_text("kumonlib\n")
    (home / "roots.txt").symlink_to(secret(top))
    host = Host(run_as=lambda *_arguments, **_more: Finished(0, "", ""))
    found = Environments(host, owner_by_id(0, 0), str(venv), "python3", None)
    assert found.owner.uid == 0
    for name, problem in (("theirs", False), ("roots", True)):
        content = {"requirements.txt": f"-r {home}/{name}.txt\n".encode()}
        assert bool(found.wanted(content.get, "requirements.txt", "the release").problem) is problem


@root_only
def test_code_in_a_users_directory_of_a_tree_of_roots_is_read_with_the_users_rights(top):
    (top / "app").mkdir()
    (top / "app" / "main.py").write_text("DELIVERY_DISABLE\n")
    data = theirs(top / "app" / "data")
    (data / "his.py").write_text("OUTBOX_V2_ENFORCED\n")
    words = ["DELIVERY_DISABLE", "OUTBOX_V2_ENFORCED", "canary"]
    assert _code.named_in(str(top / "app"), words) == {"DELIVERY_DISABLE", "OUTBOX_V2_ENFORCED"}
    (data / "leads.py").symlink_to(secret(top))
    assert _code.named_in(str(top / "app"), words) is None


@root_only
def test_code_that_a_users_link_leads_to_is_read_with_the_users_rights(top):
    home = theirs(top / "home")
    (top / "roots").mkdir(mode=0o700)
    (top / "roots" / "main.py").write_text("canary\n")
    (home / "app").symlink_to(top / "roots")
    assert _code.named_in(str(home / "app"), ["canary"]) is None


@pytest.fixture(name="venv")
def _venv(top):
    """An environment of root's alone, as venv makes it, without what it takes to install."""
    path = top / "app" / "venv"
    path.parent.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    package = site_of(path) / "package"
    (package / "deep").mkdir(parents=True)
    (package / "deep" / "code.py").write_text("")
    return path


def site_of(venv: Path) -> Path:
    return next((venv / "lib").glob("python*")) / "site-packages"


def ran_as(venv: Path, python: str | None = None) -> tuple[int, set[int]]:
    """Who environments are made as, and as whom programs were run to find out."""
    ran = set()

    def run_as(argv, owner, cwd, env, **more):
        ran.add(owner.uid)
        return Finished(0, "", "")

    found = Environments(Host(run_as=run_as), owner_by_id(0, 0), str(venv), python, None)
    return found.owner.uid, ran


@root_only
def test_the_python_of_an_environment_of_roots_alone_runs_as_root(venv):
    assert ran_as(venv) == (0, {0})
    assert ran_as(venv.with_name("none")) == (0, {0})
    assert ran_as(venv, "/usr/bin/python3") == (0, {0})


@root_only
@pytest.mark.parametrize(
    "part",
    [
        "bin",
        "bin/python",
        "pyvenv.cfg",
        "pip.conf",
        "lib",
        "lib/python",
        "site",
        "site/package",
        "site/package/deep/code.py",
    ],
)
def test_the_python_of_an_environment_runs_as_who_has_a_part_of_it(venv, part):
    (venv / "pip.conf").touch()
    if part == "bin/python":
        (venv / part).unlink()
        shutil.copy(os.path.realpath(sys.executable), venv / part)
    path = site_of(venv) / part[5:] if part.startswith("site") else venv / part
    os.chown(site_of(venv).parent if part == "lib/python" else path, USER.pw_uid, USER.pw_gid)
    assert ran_as(venv) == (USER.pw_uid, {USER.pw_uid})


@root_only
def test_the_python_of_an_environment_runs_as_nobody_where_everybody_can_write_to_a_part_of_it(venv):
    (site_of(venv) / "package").chmod(0o777)
    assert ran_as(venv)[0] == _trust.NOBODY


@root_only
def test_the_python_of_an_environment_runs_as_who_can_write_to_a_part_of_it_by_an_access_list(venv):
    os.setxattr(site_of(venv) / "package", _trust._files.ACL, listed((U, 7, 12345)))
    assert ran_as(venv) == (12345, {12345})


@root_only
@pytest.mark.parametrize("how", ["link", "link of a package", "home", "path of a package", "given", "store"])
def test_the_python_of_an_environment_runs_as_who_has_what_it_leads_to(top, venv, how):
    home = theirs(top / "home")
    given = None
    if how.startswith("link"):
        link = venv / "bin" / "python" if how == "link" else site_of(venv) / "linked"
        link.unlink(missing_ok=True)
        link.symlink_to(home / "python3")
    elif how == "home":
        (venv / "pyvenv.cfg").write_text(f"home = {home}\n")
    elif how == "path of a package":
        (site_of(venv) / "assistant.pth").write_text(f"# where it is worked on\nimport sys\n{home}\n")
    elif how == "given":
        given = str(home / "python3")
    else:
        theirs(venv.with_name("venv.d"))
    assert ran_as(venv, given)[0] == USER.pw_uid


@root_only
def test_links_of_an_environment_that_lead_to_what_is_roots_leave_it_roots(top, venv):
    (top / "source").mkdir()
    (site_of(venv) / "assistant.pth").write_text(f"{top}/source\n")
    (site_of(venv) / "linked").symlink_to(top / "source")
    (site_of(venv) / "gone").symlink_to(top / "none")
    assert ran_as(venv) == (0, {0})


@root_only
def test_nothing_is_moved_by_root_below_what_a_user_can_change(top, venv):
    """The directory is root's, and the one above it is the user's, who can put a link in its place."""
    home = theirs(top / "home")
    shutil.move(str(venv.parent), str(home / "app"))
    with pytest.raises(Refused, match=f"{home}/app cannot be written by nobody, who can change what stands in"):
        ran_as(home / "app" / "venv")


@root_only
def test_an_environment_of_roots_in_a_users_directory_is_kept_and_not_moved(top, venv):
    home = theirs(top / "home")
    shutil.move(str(venv), str(home / "venv"))
    host = Host(run_as=lambda *_arguments, **_more: Finished(0, "", ""))
    found = Environments(host, owner_of(str(home)), str(home / "venv"), None, None)
    with pytest.raises(Refused, match=f"{home}/venv cannot be written by nobody"):
        found.refuse_what_cannot_be_moved()
    with pytest.raises(PermissionError):
        found.mark("original", "key")
    assert not (home / "venv" / MARK).exists()
    os.chown(home / "venv", USER.pw_uid, USER.pw_gid)
    found.refuse_what_cannot_be_moved()
    found.mark("original", "key")
    assert (home / "venv" / MARK).stat().st_uid == USER.pw_uid


@root_only
def test_the_mark_of_an_environment_is_not_put_where_a_users_link_leads(top):
    home, victim = theirs(top / "home"), top / "victim"
    victim.mkdir()
    store = theirs(home / "venv.d")
    (home / "venv").symlink_to("venv.d/one")
    host = Host(run_as=lambda *_arguments, **_more: Finished(0, "", ""))
    theirs(store / "one")
    found = Environments(host, owner_of(str(home)), str(home / "venv"), "python3", None)
    (store / "one").rmdir()
    (store / "one").symlink_to(victim)
    with pytest.raises(PermissionError):
        found.mark("one", "key")
    assert not list(victim.iterdir())
