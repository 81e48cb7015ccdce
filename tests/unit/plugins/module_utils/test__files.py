# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are replaced whole, and locks that wait for a set time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

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

    def full(*_args):
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
