# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for the acting modules: a /proc of files, a systemd that follows a script, and a small real service."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from ansible.module_utils.common import warnings as ansible_warnings
from ansible.module_utils.testing import patch_module_args
from ansible_collections.kumon.runbook.plugins.module_utils import _envfile, _files
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

# One that every user can run: root's own may lie in root's home.
PYTHON = sys.executable if os.geteuid() else "/usr/bin/python3"

# Reads its mode from a file at each start, and answers as the assistant's health does.
SERVICE = """
import http.server, json, os, signal, subprocess, sys, time
mode = open(sys.argv[2]).read() if os.path.exists(sys.argv[2]) else ""
print("starting", mode, flush=True)
if "crash" in mode:
    sys.exit("RuntimeError: no database, password=hunter2secret")
if "noterm" in mode:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "slow" in mode:
    time.sleep(1)
if "lingers" in mode or "hides" in mode:
    def end(*args):
        if "hides" in mode:
            import ctypes
            ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE: /proc is denied to its own user
        time.sleep(1)
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
class Health(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass
    def do_GET(self):
        status, kind = 200, "application/json"
        on = os.environ.get("DELIVERY_DISABLE", "").lower() in ("true", "1", "yes", "on")
        body = {"delivery_disabled": on}
        if "dies" in mode:
            os._exit(4)
        if "hang" in mode:
            time.sleep(30)
        if "denies" in mode:
            body = {"delivery_disabled": False}
        if "silent" in mode:
            body = {"status": "ok"}
        if "unwell" in mode:
            body["status"] = "unhealthy"
        if "degraded" in mode:
            status = 503
        if self.path not in ("/health", "/api/v1/health") or ("v1" in mode and self.path == "/health"):
            status, body = 404, {"detail": "Not Found"}
        body = json.dumps(body).encode()
        if "html" in mode:
            kind, body = "text/html", b"<html>"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
server = Server(("127.0.0.1", int(sys.argv[1])), Health)
if "worker" in mode:
    # A worker that holds the socket and outlives its parent.
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(30)
server.serve_forever()
"""


def service_user() -> int:
    """Whose the services of tests are: no service is root's."""
    return os.geteuid() or 65534


def as_service_user() -> dict:
    """What `Popen` takes for a process that is to be that user's."""
    return {"user": service_user(), "group": service_user(), "extra_groups": []} if os.geteuid() == 0 else {}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class RealService:
    """A service on a free port of its own; close() ends whatever holds that port."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.port = free_port()
        self.script = directory / "service.py"
        self.script.write_text(SERVICE)
        self.mode_file = directory / "mode"
        self.log = directory / "app.log"
        self.command = [PYTHON, str(self.script), str(self.port), str(self.mode_file)]
        self.child: subprocess.Popen | None = None
        self.reads_all = False  # for a program that lies where only root comes to

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/health"

    def mode(self, text: str) -> None:
        self.mode_file.write_text(text)

    def start(self, mode: str = "", wait: bool = True, **environ: str) -> int:
        self.mode(mode)
        with open(self.log, "ab") as log:
            how, before = as_service_user(), []
            if how and self.reads_all:
                ids = [f"--reuid={how['user']}", f"--regid={how['group']}", "--clear-groups"]
                before = ["setpriv", *ids, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
                how = {}
            self.child = subprocess.Popen(
                [*before, *self.command],
                cwd=self.directory,
                env={"PATH": os.environ["PATH"], "SECRET": "s3cret", **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o027,
                **how,
            )
        end = time.monotonic() + 10
        while wait and self.child.pid not in Proc().listeners(self.port):
            assert time.monotonic() < end, "the test's service did not start"
            time.sleep(0.01)
        return self.child.pid

    def arguments(self, **more) -> dict:
        """What a module is told to find it."""
        return {
            "service": "kumon-assistant",
            "manager": "process",
            "process_user": str(service_user()),
            "port": self.port,
            "env_file": str(self.directory / "etc" / "runbook.env"),
            "state_dir": str(self.directory / "state"),
            "health_urls": [self.url],
            **more,
        }

    def params(self, **more) -> dict:
        return module_params(
            self.directory, **{"manager": "process", "port": self.port, "health_urls": [self.url], **more}
        )

    def close(self) -> None:
        proc = Proc()
        for pid in proc.listeners(self.port):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in proc.pids():
            # Also one that hangs before it listens.
            if str(self.script) in proc.argv(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.child is not None:
            self.child.wait()


def module_params(directory: Path, **more) -> dict:
    """A module's parameters with its defaults, every path below the directory."""
    return {
        "service": "kumon-assistant",
        "manager": "systemd",
        "env_file": str(directory / "etc" / "runbook.env"),
        "state_dir": str(directory / "state"),
        "port": None,
        "process_user": str(service_user()),
        "pid_file": None,
        "health_urls": [],
        "health_timeout": 2.0,
        "health_fields": {"DELIVERY_DISABLE": "delivery_disabled"},
        "run_id": "run-1",
        "actor": "ana",
        "procedure": "rollback_level1",
        "flags": {"DELIVERY_DISABLE": True},
        "state": "effective",
        "keep": [],
        "fence_url": None,
        "observe": None,
        "source": "file",
        "paths": [],
        "unit": None,
        "heartbeat_conversation": None,
        "heartbeat_minutes": 15.0,
        "code_dir": None,
        "budget": 25.0,
        "stop_timeout": 8.0,
        "health_wait": None,
        "health_required": True,
        "command": None,
        "chdir": None,
        "log_file": None,
        "lease_seconds": 0,
        "lease_level": 1,
        "lease_wait": 0.0,
        **more,
    }


def run_module(module, arguments: dict, check_mode: bool = False, diff: bool = False) -> dict:
    """What the module prints, run in this process, of whose other modules it knows no warning."""
    ansible_warnings._global_warnings.clear()
    printed = io.StringIO()
    given = {**arguments, "_ansible_check_mode": check_mode, "_ansible_diff": diff}
    with patch_module_args(given), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        module.main()
    result = json.loads(printed.getvalue())
    result.pop("invocation")
    return result


def tree(directory: Path) -> dict[str, bytes]:
    """Every file below, to show that nothing was touched; locks hold nothing."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in files}


def journal(directory: Path) -> list[dict]:
    path = directory / "state" / "journal.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class FakeProc(Proc):
    """A /proc tree in a directory; a killed process goes away and its killing is noted."""

    def __init__(self, root: Path):
        super().__init__(str(root))
        root.mkdir()
        (root / "net").mkdir()
        self.base = root
        self.killed: list[tuple[int, int]] = []
        self.ticks = 1000

    def add(self, pid: int, group: str = "/", environ: dict[str, str] | None = None, ppid: int = 1, uid: int = 998):
        home = self.base / str(pid)
        (home / "fd").mkdir(parents=True)
        self.ticks += 10
        numbers = " ".join(["0"] * 17)
        (home / "stat").write_text(f"{pid} (a b) c) S {ppid} {numbers} {self.ticks} 0 0\n")
        pairs = [f"{name}={value}" for name, value in (environ or {}).items()]
        (home / "environ").write_text("".join(pair + "\0" for pair in pairs))
        (home / "cgroup").write_text(f"12:cpu:/\n1:name=systemd:{group}\n0::/\n")
        (home / "status").write_text(
            f"Umask:\t0022\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t9\t9\t9\t9\nGroups:\t9 27 \n"
        )

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.base / str(pid), ignore_errors=True)

    def pidfd(self, pid: int) -> None:
        """No real process has these ids."""

    def started(self, start: int) -> float:
        return 1_700_000_000 + start / 100

    def kill(self, pid: int, start: int, number: int) -> None:
        if self.is_alive(pid, start):
            self.killed.append((pid, number))
            self.remove(pid)


class FakeSystemd:
    """One unit under a systemd that follows a script, on a clock that only sleeping moves.

    stop: seconds until the old process ends on TERM (None: never). starts: for each start what becomes of it: `up`,
    `crash` (fails for good), `loop` (fails and is started again, for ever).
    """

    GROUP = "/system.slice/kumon-assistant.service"

    def __init__(self, directory: Path, stop: float | None = 0.1, starts: tuple[str, ...] = ("up",)):
        self.now = 100.0
        self.stop = stop
        self.starts = list(starts)
        self.proc = FakeProc(directory / "proc")
        self.units = directory / "systemd"
        self.units.mkdir()
        self.booted = directory / "booted"
        self.booted.mkdir()
        self.calls: list[str] = []
        self.pid = 0
        self.next_pid = 500
        self.loaded: list[str] = []
        self.env_files: list[str] = []  # as systemctl shows them
        self.resets = False  # a later drop-in takes away what ours names
        self.on_disk: dict[str, str] = {}  # what a reload finds of the unit
        self.looks: dict[str, Finished] = {}  # what systemctl and systemd-analyze say, where it is something
        self.base = {"PATH": "/usr/bin"}
        self.override: dict[str, str] = {}
        self.pending: float | None = None
        self.properties = {
            "MainPID": "0",
            "Result": "success",
            "NRestarts": "0",
            "ControlGroup": "",
            "User": "kumon",
            "Id": "kumon-assistant.service",
            "LoadState": "loaded",
            "ActiveState": "inactive",
            "SubState": "dead",
            "NeedDaemonReload": "no",
        }
        self.log = ["INFO: token=abcdefgh12345678", "RuntimeError: no database"]

    def host(self, uid: int = 0) -> Host:
        return Host(
            proc=self.proc,
            run=self.run,
            clock=lambda: self.now,
            sleep=self.sleep,
            uid=uid,
            systemd_units=str(self.units),
            systemd_booted=str(self.booted),
        )

    def spawn(self, environ: dict[str, str] | None = None) -> int:
        """A new main process of the unit, with what its unit gives it."""
        self.next_pid += 1
        self.pid = self.next_pid
        declared: dict[str, str] = {}
        for path in self.loaded:
            env_file = Path(path).read_text().partition("EnvironmentFile=-")[2].strip()
            declared.update(_envfile.parse(_files.read(env_file)))
        self.proc.add(self.pid, self.GROUP, environ or {**self.base, **declared, **self.override})
        self.properties.update(MainPID=str(self.pid), ControlGroup=self.GROUP, ActiveState="active", SubState="running")
        return self.pid

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._advance()

    def _advance(self) -> None:
        if self.pending is None:
            return
        if self.pid and self.pid in self.proc.pids():
            if self.stop is None or self.now < self.pending + self.stop:
                return
            self.proc.remove(self.pid)
        self.pending = None
        self._start()

    def _start(self) -> None:
        fate = self.starts.pop(0) if len(self.starts) > 1 else self.starts[0]
        if fate == "up":
            self.spawn()
        elif fate == "crash":
            self.properties.update(MainPID="0", ActiveState="failed", SubState="failed", Result="exit-code")
        elif fate == "skipped":
            self.properties.update(MainPID="0", ActiveState="inactive", SubState="dead")
        else:
            self.properties.update(
                MainPID="0", ActiveState="activating", SubState="auto-restart", Result="exit-code", NRestarts="3"
            )

    def run(self, argv: list[str], timeout: float = 20, stdin: str | None = None) -> Finished:
        call = " ".join(argv)
        if argv[:3] == ["systemctl", "show", "-p"]:
            assert argv[-2] == "--"
            values = dict(
                self.properties, DropInPaths=" ".join(self.loaded), Job="7" if self.pending is not None else ""
            )
            read = [f"EnvironmentFiles={path}\n" for path in self.env_files]
            return Finished(0, "".join([f"{name}={values[name]}\n" for name in sorted(values)] + read), "")
        if argv[:2] in (["systemctl", "cat"], ["systemctl", "is-enabled"], ["systemd-analyze", "condition"]):
            return self.looks.get(argv[1], Finished(0, "", ""))
        self.calls.append(call)
        if call == "systemctl daemon-reload":
            self.loaded = sorted(str(path) for path in self.units.rglob("*.conf"))
            declared = [Path(path).read_text().partition("EnvironmentFile=-")[2].strip() for path in self.loaded]
            self.env_files = (
                [] if self.resets else [f"{os.path.normpath(path)} (ignore_errors=yes)" for path in declared if path]
            )
            self.properties.update({"NeedDaemonReload": "no", **self.on_disk})
            return Finished(0, "", "")
        if call == "systemctl reset-failed -- kumon-assistant.service":
            return Finished(0, "", "")
        if call == "systemctl restart --no-block -- kumon-assistant.service":
            self.pending = self.now
            return Finished(0, "", "")
        if call == "journalctl -u kumon-assistant.service -n 5 -o cat --no-pager":
            return Finished(0, "\n".join(self.log) + "\n", "")
        if call == "systemctl list-unit-files --no-legend --no-pager --plain --type=service":
            return Finished(0, "kumon-assistant.service  enabled enabled\nssh.service enabled enabled\n", "")
        raise AssertionError(f"unplanned call: {call}")


class FakeNft:
    """nft with the fences' tables: takes the script that a fence writes, and lists a table as nft 1.0.6 does."""

    TABLE = "kumon_runbook_kumon-assistant"

    def __init__(self):
        self.tables: dict[str, dict] = {}
        self.policy, self.prio = "accept", -150
        self.fails: dict[str, Finished] = {}
        self.scripts: list[str] = []
        self.deaf = False

    @property
    def rules(self) -> list[dict] | None:
        """The rules of the usual service's table."""
        table = self.tables.get(self.TABLE)
        return table["rules"] if table else None

    def count(self, packets: int = 0, probes: int = 0) -> None:
        """Turn packets of the usual service away, and of our own attempts."""
        refuse = [rule for rule in self.rules or [] if rule["chain"] == "refuse"]
        for rule, more in zip(refuse, (probes, packets)):
            next(part for part in rule["expr"] if "counter" in part)["counter"]["packets"] += more

    def run(self, argv: list[str], timeout: float = 20, stdin: str | None = None) -> Finished:
        if argv[:5] == ["nft", "-j", "list", "table", "inet"]:
            if "list" in self.fails:
                return self.fails["list"]
            name = argv[5]
            table = self.tables.get(name)
            if table is None:
                return Finished(1, "", f"Error: No such file or directory\nlist table inet {name}\n")
            chain = {"table": name, "name": "output", "type": "filter", "hook": "output", "policy": self.policy}
            items: list[dict] = [{"metainfo": {"version": "1.0.6"}}, {"table": {"name": name}}]
            items += [
                {"set": {"name": key, **({"elem": value} if value else {})}} for key, value in table["sets"].items()
            ]
            items += [{"chain": {**chain, "prio": self.prio}}, {"chain": {"table": name, "name": "refuse"}}]
            items += [{"rule": rule} for rule in table["rules"]]
            return Finished(0, json.dumps({"nftables": items}), "")
        if argv == ["nft", "-f", "-"]:
            assert stdin is not None
            if "load" in self.fails:
                return self.fails["load"]
            self.scripts.append(stdin)
            if not self.deaf:
                self._load(stdin.splitlines())
            return Finished(0, "", "")
        raise AssertionError(f"unplanned call: {argv}")

    def _load(self, lines: list[str]) -> None:
        name = lines[0].rpartition(" ")[2]
        assert lines[:2] == [f"add table inet {name}", f"delete table inet {name}"]
        self.tables.pop(name, None)
        if len(lines) == 2:
            return
        table: dict = {"sets": {}, "rules": []}
        for line in lines[2:]:
            words = line.split()
            if words[0] == "set":
                found = line.partition("elements = { ")[2].partition(" }")[0]
                table["sets"][words[1]] = [item.strip() for item in found.split(",") if item.strip()]
            elif words[:2] == ["meta", "skuid"]:
                table["rules"].append({"chain": "output", "expr": self._way(words)})
            elif words[:2] == ["meta", "l4proto"]:
                table["rules"].append(self._refusal(line))
        self.tables[name] = table

    @staticmethod
    def _match(left: dict, right) -> dict:
        return {"match": {"op": "==", "left": left, "right": right}}

    def _way(self, words: list[str]) -> list[dict]:
        return [
            self._match({"meta": {"key": "skuid"}}, int(words[2])),
            self._match({"payload": {"protocol": words[3], "field": "daddr"}}, words[5]),
            self._match({"payload": {"protocol": "tcp", "field": "dport"}}, int(words[8])),
            {"jump": {"target": words[10]}},
        ]

    def _refusal(self, line: str) -> dict:
        expressions = [self._match({"meta": {"key": "l4proto"}}, "tcp")]
        if "meta mark" in line:
            expressions.append(self._match({"meta": {"key": "mark"}}, 0x6B756D6F))
        packets = int(line.partition("counter packets ")[2].split()[0]) if "counter packets" in line else 0
        expressions += [{"counter": {"packets": packets, "bytes": 0}}, {"reject": {"type": "tcp reset"}}]
        return {"chain": "refuse", "comment": line.partition('comment "')[2].rstrip('"'), "expr": expressions}
