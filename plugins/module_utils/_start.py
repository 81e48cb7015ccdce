# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the service is started, and as whom: as the one that runs was, else as its manager would."""

from __future__ import annotations

import contextlib
import glob
import grp
import json
import os
import pwd
import re
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _envfile, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Process
from ansible_collections.kumon.runbook.plugins.module_utils._process import PlainProcess
from ansible_collections.kumon.runbook.plugins.module_utils._process_launch import PATH
from ansible_collections.kumon.runbook.plugins.module_utils._service import Service

# What systemd gives one process alone.
SYSTEMDS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "JOURNAL_STREAM", "INVOCATION_ID", "MAINPID")
# What it shows, makes or passes on to a unit's process, and takes away again: without it a sound release may not start.
FOR_A_UNIT = (
    *("RootDirectory", "RootImage", "BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem", "PassEnvironment"),
    *("LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted", "ImportCredential"),
    *(f"{kind}Directory" for kind in ("Runtime", "State", "Cache", "Logs", "Configuration")),
)
VARIABLE = re.compile(r"\$\{(\w+)\}")


class NotTried(Exception):
    """There is no trial; `why` says it as data."""

    def __init__(self, why: Detail):
        super().__init__(why["code"])
        self.why = why


class Start(NamedTuple):
    """How the service is started, and as whom."""

    argv: list[str]
    cwd: str
    environ: dict[str, str]
    uid: int
    gid: int
    groups: list[int]
    umask: int


def start_of(service: Service, processes: Sequence[Process]) -> Start:
    """How the service is started. Raises NotTried."""
    manager, host = service.manager, service.host
    if isinstance(manager, PlainProcess):
        launch = manager.launch
        declared = _envfile.parse(service.read(service.env_file))
        environ = {**launch.environ, **declared}
        return Start(manager.argv, launch.cwd, environ, launch.uid, launch.gid, launch.groups, launch.umask)
    main = processes[0] if processes else None
    if main is None:
        return _of_unit(host, manager.label)
    ids, cwd, argv = host.proc.ids(main.pid), host.proc.cwd(main.pid), host.proc.argv(main.pid)
    if not main.readable or ids is None or cwd is None or not argv[0]:
        raise NotTried(detail("trial_unreadable"))
    users = host.proc.users(main.pid)
    if len(users) > 1 or (users == {0} and manager.user() not in (None, "root", "0")):
        # A set-uid program has its words from whoever runs it: they are not to be started as the file's owner.
        raise NotTried(detail("trial_set_id"))
    if "LISTEN_FDS" in main.environ:
        raise NotTried(detail("trial_socket"))
    environ = {name: value for name, value in main.environ.items() if name not in SYSTEMDS}
    return Start(argv, cwd, environ, ids.uid, ids.gid, ids.groups, ids.umask)


def _of_unit(host: Host, label: str) -> Start:
    """How systemd would start the unit that does not run."""
    path = "".join(sign if sign.isascii() and sign.isalnum() else f"_{ord(sign):02x}" for sign in label)
    ask = ["busctl", "--json=short", "call", "org.freedesktop.systemd1", f"/org/freedesktop/systemd1/unit/{path}"]
    done = host.run([*ask, "org.freedesktop.DBus.Properties", "GetAll", "s", "org.freedesktop.systemd1.Service"])
    try:
        properties = {name: one["data"] for name, one in json.loads(done.out)["data"][0].items()}
        return _read(properties)
    except (ValueError, KeyError, TypeError, IndexError, OSError):
        raise NotTried(detail("trial_not_running")) from None


def _read(properties: dict[str, Any]) -> Start:
    if any(map(properties.get, FOR_A_UNIT)):
        raise NotTried(detail("trial_not_running"))
    [[program, argv, *_more]] = properties["ExecStart"]
    user = pwd.getpwnam(properties["User"]) if properties["User"] else pwd.getpwuid(0)
    gid = grp.getgrnam(properties["Group"]).gr_gid if properties["Group"] else user.pw_gid
    environ = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    environ.update(entry.split("=", 1) for entry in properties["Environment"])
    for pattern, _optional in properties["EnvironmentFiles"]:
        for path in sorted(glob.glob(pattern)):
            with contextlib.suppress(FileNotFoundError):
                environ.update(_envfile.parse(_trust.read(path)))
    for entry in properties.get("UnsetEnvironment", []):
        name, equals, value = entry.partition("=")
        if not equals or environ.get(name) == value:
            environ.pop(name, None)
    cwd = properties["WorkingDirectory"].lstrip("!-").replace("~", user.pw_dir) or "/"
    words: list[str] = []
    for word in [program, *argv[1:]]:
        # One that is nothing but a variable is as many words as that has.
        alone = re.fullmatch(r"\$(\w+)", word)
        filled = VARIABLE.sub(lambda name: environ.get(name[1], ""), word)
        words += shlex.split(environ.get(alone[1], "")) if alone else [filled.replace("$$", "$")]
    more = [grp.getgrnam(name).gr_gid for name in properties.get("SupplementaryGroups", [])]
    groups = [*os.getgrouplist(user.pw_name, gid), *more]
    return Start(words, cwd, environ, user.pw_uid, gid, groups, int(properties["UMask"]))
