# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are replaced whole, and locks that wait for a set time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _files

from tests.unit.plugins.release_fakes import ACL, access_list


def test_a_new_file_is_for_its_owner_and_group(tmp_path):
    path = tmp_path / "deep" / "runbook.env"
    _files.replace(str(path), b"A=1\n")
    assert path.read_bytes() == b"A=1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == ["runbook.env"]


def test_the_owner_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "runbook.env"
    path.write_bytes(b"old")
    owners = []
    monkeypatch.setattr(os, "fchown", lambda _handle, uid, gid: owners.append((uid, gid)))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    _files.replace(str(path), b"new")
    assert owners == [(path.stat().st_uid, path.stat().st_gid)]


def test_a_link_is_followed(tmp_path):
    target = tmp_path / "elsewhere" / "real.env"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link = tmp_path / "runbook.env"
    link.symlink_to(target)
    _files.replace(str(link), b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "runbook.env"
    path.write_bytes(b"old")

    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "write":

        class Full:
            def __init__(self, handle, _mode):
                self.handle = handle

            def __enter__(self):
                return self

            def __exit__(self, *_exc):
                os.close(self.handle)

            write = staticmethod(full)

        monkeypatch.setattr(os, "fdopen", Full)
    else:
        monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        _files.replace(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["runbook.env"]


def swap(directory, elsewhere):
    """Somebody moves a directory away and has its place lead elsewhere."""
    directory.rename(directory.with_name("moved"))
    directory.symlink_to(elsewhere)


@pytest.mark.parametrize("which", ["state", "state/deep"])
def test_a_link_that_was_put_on_the_way_meanwhile_is_not_followed(tmp_path, monkeypatch, which):
    path = tmp_path / "state" / "deep" / "runbook.env"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    other = tmp_path / "other" / "deep"
    other.mkdir(parents=True)
    (other / "runbook.env").write_bytes(b"another's")
    real = os.path.realpath

    def realpath(name):
        found = real(name)
        swap(tmp_path / which, other if which.endswith("deep") else other.parent)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(os.path, "realpath", realpath)
        with pytest.raises(OSError, match="Not a directory|symbolic links"):
            _files.replace(str(path), b"new")
    assert [(entry.name, entry.read_bytes()) for entry in other.iterdir()] == [("runbook.env", b"another's")]


@pytest.mark.parametrize("step", ["listxattr", "chmod", "fsync"])
def test_a_directory_that_is_swapped_meanwhile_leads_the_writing_nowhere_else(tmp_path, monkeypatch, step):
    path = tmp_path / "state" / "runbook.env"
    path.parent.mkdir()
    path.write_bytes(b"old")
    other = tmp_path / "other"
    other.mkdir()
    (other / "runbook.env").write_bytes(b"another's")
    do = getattr(os, step)

    def swapping(*args, **more):
        if not path.parent.is_symlink():
            swap(path.parent, other)
        return do(*args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, step, swapping)
        _files.replace(str(path), b"new")
    assert [(entry.name, entry.read_bytes()) for entry in other.iterdir()] == [("runbook.env", b"another's")]
    moved = tmp_path / "moved"
    assert [(entry.name, entry.read_bytes()) for entry in moved.iterdir()] == [("runbook.env", b"new")]


def test_the_rights_are_those_of_the_file_that_is_replaced_though_its_directory_is_swapped(tmp_path, monkeypatch):
    path, other = tmp_path / "state" / "runbook.env", tmp_path / "other"
    path.parent.mkdir()
    path.write_bytes(b"old")
    other.mkdir()
    (other / "runbook.env").write_bytes(b"another's")
    os.setxattr(other / "runbook.env", ACL, access_list())
    attributes = _files.attributes

    def swapping(name):
        swap(path.parent, other)
        return attributes(name)

    monkeypatch.setattr(_files, "attributes", swapping)
    _files.replace(str(path), b"new", 0o640)
    assert (tmp_path / "moved" / "runbook.env").read_bytes() == b"new"
    assert ACL not in os.listxattr(tmp_path / "moved" / "runbook.env")


def test_a_circle_of_links_is_not_replaced(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links"):
        _files.replace(str(tmp_path / "one"), b"new")
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.is_symlink()) == ["one", "two"]


def test_no_handle_is_left_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    _files.replace(str(tmp_path / "deep" / "runbook.env"), b"new")
    (tmp_path / "plain").write_text("")
    with pytest.raises(OSError, match="plain"):
        _files.replace(str(tmp_path / "plain" / "runbook.env"), b"new")
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_who_may_read_it_beside_its_mode_is_kept(tmp_path):
    path = tmp_path / "runbook.env"
    path.write_bytes(b"old")
    os.setxattr(path, ACL, access_list())
    _files.replace(str(path), b"new", 0o640)
    assert (path.read_bytes(), os.getxattr(path, ACL)) == (b"new", access_list())


def test_the_group_gets_nothing_where_the_list_cannot_be_kept(tmp_path, monkeypatch):
    """What stands in the place of the group's rights is the most that anybody in the list has."""
    path = tmp_path / "runbook.env"
    path.write_bytes(b"old")
    os.setxattr(path, ACL, access_list())

    def refused(*_arguments):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refused)
    _files.replace(str(path), b"new", 0o640)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_without_a_list_gets_none_from_its_directory(tmp_path):
    path = tmp_path / "runbook.env"
    path.write_bytes(b"old")
    os.setxattr(tmp_path, "system.posix_acl_default", access_list())
    _files.replace(str(path), b"new", 0o640)
    assert ACL not in os.listxattr(path)


def test_what_a_killed_run_left_is_taken_away(tmp_path):
    left = tmp_path / ".runbook.env.runbook-new"
    left.write_bytes(b"half")
    _files.replace(str(tmp_path / "runbook.env"), b"new")
    assert not left.exists()


def test_two_who_replace_a_file_at_once_each_put_a_whole_one_in_place(tmp_path):
    path, failed, torn, over = str(tmp_path / "report.json"), [], [], threading.Event()

    def write(letter: bytes, length: int) -> None:
        try:
            for _turn in range(60):
                _files.replace(path, letter * length + b"!")
        except OSError as exc:
            failed.append(exc)

    def look() -> None:
        while not over.is_set():
            content = _files.read(path)
            if content is not None and (content[-1:] != b"!" or len(set(content)) != 2):
                torn.append(len(content))

    writers = [threading.Thread(target=write, args=how) for how in ((b"a", 300_000), (b"b", 3), (b"c", 300_000))]
    reader = threading.Thread(target=look)
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert (failed, torn, os.listdir(tmp_path)) == ([], [], ["report.json"])


def test_one_that_is_stuck_while_it_replaces_a_file_holds_nobody_up_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "DRAFT_SECONDS", 0.1)
    left = tmp_path / ".runbook.env.runbook-new"
    with open(left, "w") as stuck:
        fcntl.flock(stuck, fcntl.LOCK_EX)
        _files.replace(str(tmp_path / "runbook.env"), b"A=1\n")
    assert os.listdir(tmp_path) == ["runbook.env"]


@pytest.mark.parametrize("when", ["before it is made", "once it is made"])
def test_who_makes_or_takes_away_the_draft_again_and_again_holds_nobody_up_for_ever(tmp_path, monkeypatch, when):
    monkeypatch.setattr(_files, "DRAFT_SECONDS", 0.1)
    left = tmp_path / ".runbook.env.runbook-new"
    if when == "once it is made":
        monkeypatch.setattr(_files, "lock", lambda *_arguments: left.unlink())
    else:
        left.touch()
        monkeypatch.setattr(_files, "_take_away", lambda *_arguments: left.touch())
    with pytest.raises(OSError):
        _files.replace(str(tmp_path / "runbook.env"), b"A=1\n")
    assert not (tmp_path / "runbook.env").exists()


def test_writable_looks_at_the_nearest_directory_that_exists(tmp_path, monkeypatch):
    assert _files.writable(str(tmp_path / "a" / "b" / "file"))
    (tmp_path / "plain").write_text("")
    assert not _files.writable(str(tmp_path / "plain" / "file"))
    asked = []
    monkeypatch.setattr(os, "access", lambda path, mode, **_how: asked.append((path, mode)))
    assert not _files.writable(str(tmp_path / "a" / "b" / "file"))
    assert asked == [(str(tmp_path), os.W_OK | os.X_OK)]


@pytest.mark.parametrize("name", ["state.lock", "deep/state.lock"])
def test_a_lock_keeps_others_out_until_it_is_given_back(tmp_path, name):
    path = str(tmp_path / name)
    with _files.locked(path, 0), pytest.raises(BlockingIOError), _files.locked(path, 0.05):
        pytest.fail("the lock was had twice")
    with _files.locked(path, 0):
        pass


def test_a_lock_is_waited_for(tmp_path):
    now, waits = [0.0], []
    path = str(tmp_path / "lock")
    holder = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)

    def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds
        if now[0] > 1:
            os.close(holder)

    with _files.locked(path, 5, lambda: now[0], sleep):
        assert 1 < now[0] < 1.1
    assert len(waits) > 10
