# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a host's releases, for who looks."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _ledger
from ansible_collections.kumon.runbook.plugins.module_utils import _release_history as _history
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import Git, GitFailed
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._names import NEW


def inspect(params: dict[str, Any], host: Host) -> dict[str, Any]:
    """What `release_info` returns. Raises Refused."""
    refuse_odd_paths(params)
    try:
        git = Git(host, params["app_dir"])
        head, history = git.head(), _history.read(params["state_dir"], params.get("service"))
        status = git.status(leave(params))
        ledger = _ledger.read(params["state_dir"], params.get("service"))
        choice = _history.choose(git, head, ledger, history, params["commit"] or "")
        return {
            "head": head.commit,
            "branch": head.branch,
            "detached": head.branch is None,
            "dirty": bool(status.changed),
            "untracked": len(status.untracked),
            "hidden": status.hidden,
            "shallow": git.shallow,
            "commits": _history.candidates(git, head, ledger, history),
            "ledger": ledger,
            "chosen": choice.chosen,
            "reason": choice.reason or {},
            "previous": _history.previous(history, head.commit),
        }
    except GitFailed as exc:
        raise Refused(f"{exc}: see git status there") from exc


def leave(params: dict[str, Any]) -> list[str]:
    """Paths that belong to no release, wherever they lie."""
    paths = [params.get(name) for name in ("state_dir", "env_file", "pid_file", "log_file", "wheelhouse")]
    if params.get("app_dir"):
        # What the service rewrites while it runs.
        paths += [os.path.join(params["app_dir"], path) for path in params.get("ignore") or []]
    if params.get("venv"):
        venv = params["venv"].rstrip("/")
        paths += [venv, venv + ".d", venv + NEW]
    return [_files.named_here(path) for path in paths if path]


def refuse_odd_paths(params: dict[str, Any]) -> None:
    """Raise Refused for paths that cannot be meant."""
    for name in ("app_dir", "venv", "wheelhouse", "state_dir"):
        if params.get(name) and not os.path.isabs(params[name]):
            raise Refused(f"{name} must be an absolute path, not {params[name]!r}")
    for path in params.get("ignore") or []:
        if os.path.isabs(path) or ".." in path.split("/") or not path.strip("./*"):
            raise Refused(
                f"ignore has {path!r}, which names nothing below the work tree: correct runbook_release_ignore"
            )
