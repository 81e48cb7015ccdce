# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wheels that a release wants installed, fetched while there is a network, and proven to be installable without."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
import tempfile
from typing import IO, Any

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._environment import Environments, Export, Wanted
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import Git, GitFailed
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import acting_as

# Which of its files are of our fetching, so that these alone are taken away again.
OURS = ".runbook-wheels.json"
BLOCK = 1 << 20
# Several times the largest that anybody publishes.
MOST_OF_A_WHEEL = 8 << 30


def ensure(params: dict[str, Any], host: Host, check_mode: bool = False) -> dict[str, Any]:
    """Bring the wheels there, or take away those that this has brought; a module's result.

    Raises Refused before the first change, Failed after it.
    """
    directory = params["wheelhouse"]
    if not os.path.isabs(directory):
        raise Refused(f"wheelhouse must be an absolute path, not {directory!r}")
    if params["state"] == "absent":
        return _take_away(directory, check_mode)
    try:
        git = Git(host, params["app_dir"])
        commit = git.find(params["commit"])
        environments = Environments(host, git.owner, params["venv"], params["python"], params["system_site_packages"])
        requirements = params["requirements"]
        wanted = environments.wanted(
            lambda path: git.file(commit, path),
            requirements,
            f"commit {commit[:12]}",
            lambda path: git.below(commit, path),
        )
    except GitFailed as exc:
        raise Refused(f"{exc}: see git status there") from exc
    if wanted.problem or wanted.project:
        raise Refused(
            wanted.problem or f"commit {commit[:12]} is itself what is installed: only its needs can be fetched"
        )

    def export(place: str) -> None:
        git.export(commit, place)

    result = {"changed": False, "commit": commit, "fetched": [], "offline": None}
    with contextlib.suppress(Refused):
        result["offline"] = environments.offline(wanted, requirements, directory, params["seconds"], export)
        return result
    if check_mode:
        return dict(result, changed=True)
    fetched = _fetch(environments, wanted, params, directory, export)
    result.update(changed=bool(fetched), fetched=fetched)
    try:
        result["offline"] = environments.offline(wanted, requirements, directory, params["seconds"], export)
    except Refused as exc:
        raise Failed(str(exc), result) from exc
    return result


def _fetch(
    environments: Environments, wanted: Wanted, params: dict[str, Any], directory: str, export: Export
) -> list[str]:
    """Have pip make the wheels as the tree's owner, and put them in the directory. Raises Refused, Failed."""
    scratch = tempfile.mkdtemp(prefix="runbook-")
    brought: list[str] = []
    try:
        if os.geteuid() == 0:
            os.chown(scratch, environments.owner.uid, environments.owner.gid)
        wheels = os.path.join(scratch, "wheels")
        environments.fetch(wanted, params["requirements"], directory, scratch, wheels, params["seconds"], export)
        with _trust.as_keeper(directory):
            os.makedirs(directory, mode=0o755, exist_ok=True)
        for name in sorted(os.listdir(wheels)):
            if name.endswith(".whl") and _bring(
                environments, os.path.join(wheels, name), os.path.join(directory, name)
            ):
                brought.append(name)
        _note(directory, sorted({*_noted(directory), *brought}))
    except OSError as exc:
        raise Failed(
            f"{directory} cannot be written ({exc.strerror}): free space there, or correct rollback_wheelhouse",
            {"changed": bool(brought), "fetched": brought},
        ) from exc
    finally:
        with acting_as(environments.owner):
            shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)
    return brought


def _bring(environments: Environments, source: str, target: str) -> bool:
    """Copy a wheel that is not there. What pip ran may have put a link to a secret there: it is opened as the owner."""
    if os.path.lexists(target):
        return False
    with acting_as(environments.owner):
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as wheel:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return False
        with _trust.as_keeper(target):
            new = target + ".runbook-new"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
            try:
                with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as copy:
                    _copy(wheel, copy, source)
                    os.fchmod(copy.fileno(), 0o644)
                os.rename(new, target)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(new)
                raise
    return True


def _copy(wheel: IO[bytes], copy: IO[bytes], source: str) -> None:
    """Copy no more than a wheel has: what pip has left running may write on without an end. Raises OSError."""
    left = MOST_OF_A_WHEEL
    while True:
        block = wheel.read(min(BLOCK, left + 1))
        left -= len(block)
        if left < 0:
            raise OSError(errno.EFBIG, f"a wheel is larger than {MOST_OF_A_WHEEL} bytes", source)
        if not block:
            return
        copy.write(block)


def _noted(directory: str) -> list[str]:
    try:
        names = json.loads(_trust.read(os.path.join(directory, OURS)) or b"[]")
    except (OSError, ValueError):
        return []
    # A name and nothing else: what is named here is taken away.
    return [
        name for name in names if isinstance(name, str) and os.path.basename(name) == name and name.endswith(".whl")
    ]


def _note(directory: str, names: list[str]) -> None:
    _trust.replace(os.path.join(directory, OURS), json.dumps(names).encode() + b"\n", 0o644)


def _take_away(directory: str, check_mode: bool) -> dict[str, Any]:
    names = _noted(directory)
    mark = os.path.join(directory, OURS)
    result: dict[str, Any] = {"changed": os.path.lexists(mark), "commit": None, "fetched": [], "offline": None}
    if check_mode or not result["changed"]:
        return result
    try:
        for path in [*(os.path.join(directory, name) for name in names), mark]:
            with contextlib.suppress(FileNotFoundError), _trust.as_keeper(path):
                os.unlink(path)
        with contextlib.suppress(OSError):
            with _trust.as_keeper(directory):
                os.rmdir(directory)
            _files.sync_directory(os.path.dirname(directory))
    except OSError as exc:
        raise Failed(f"{directory} cannot be changed ({exc.strerror}): run with become: true", result) from exc
    return result
