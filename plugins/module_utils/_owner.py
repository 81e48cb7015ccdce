# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a file or directory is, and acting as that user."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from typing import NamedTuple


class Owner(NamedTuple):
    """Who a directory belongs to, as somebody that commands can run as."""

    uid: int
    gid: int
    groups: list[int]
    name: str
    home: str


def owner_of(path: str) -> Owner:
    """The owner of a file or directory. Raises OSError."""
    status = os.stat(path)
    return owner_by_id(status.st_uid, status.st_gid)


def owner_by_id(uid: int, gid: int) -> Owner:
    """A user with the groups of the account; one without an account has the group ``gid``."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Owner(uid, gid, [gid], str(uid), "/")
    return Owner(
        entry.pw_uid, entry.pw_gid, os.getgrouplist(entry.pw_name, entry.pw_gid), entry.pw_name, entry.pw_dir or "/"
    )


@contextlib.contextmanager
def acting_as(owner: Owner) -> Iterator[None]:
    """File operations of this process as another user, where it is root: what the owner may not do, root must not do
    in the owner's directories on behalf of a symbolic link put there."""
    if os.geteuid() != 0 or owner.uid == 0:
        yield
        return
    gid, groups = os.getegid(), os.getgroups()
    os.setgroups(owner.groups)
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
