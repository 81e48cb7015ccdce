# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that systemd manages: its unit's processes, our drop-in, and a restart watched step by step."""

from __future__ import annotations

import contextlib
import difflib
import glob
import os
import re
import shlex
import signal
from collections.abc import Sequence

from ansible_collections.kumon.runbook.plugins.module_utils import _entry, _envfile, _files
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused, Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Hold, Process
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,MainPID,ControlGroup,NeedDaemonReload,FragmentPath,DropInPaths,NRestarts,"
    "User,Job,UnsetEnvironment,ControlPID,EnvironmentFiles"
)
SUFFIXES = (".service", ".socket", ".target", ".timer", ".scope", ".slice", ".mount", ".path")
# How far the start of a process (hundredths of a second) and a file's time (kernel ticks) may lie apart.
CLOCK_GRAIN = 0.02


class Systemd:
    """One unit. Raises Refused where the unit cannot be managed."""

    name = "systemd"

    def __init__(self, service: str, env_file: str, host: Host):
        if not re.fullmatch(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*", service):
            raise Refused(f"{service!r} is no valid unit name: correct runbook_service_name")
        if re.search(r"[^A-Za-z0-9_./+@:,=-]", env_file):
            raise Refused(
                f"env_file {env_file!r} holds a character that a unit file gives a meaning: choose another path"
            )
        self.host = host
        self.env_file = env_file
        self.label = service if service.endswith(SUFFIXES) else service + ".service"
        self.warnings: list[str] = []
        self._unit: dict[str, str] = {}
        self._reread = False  # whether its files were read again by us
        self._old: list[Hold] = []

    # -- reading

    def _show(self) -> dict[str, str]:
        done = self.host.run(["systemctl", "show", "-p", PROPERTIES, "--", self.label])
        if done.rc != 0:
            raise Refused(f"systemctl cannot read unit {self.label}: {redact(done.err.strip() or done.out.strip())}")
        self._unit = {}
        for line in done.out.splitlines():
            name, _equals, value = line.partition("=")
            # What is a list of files is told one a line.
            self._unit[name] = f"{self._unit[name]}\n{value}" if name in self._unit else value
        return self._unit

    def _listed(self, name: str) -> list[str]:
        """A property that is a list; what has a blank or a backslash, as an escaped instance has, is told in quotes."""
        value = self._unit.get(name, "")
        try:
            return shlex.split(value)
        except ValueError:
            return value.split()

    def preflight(self, change: bool) -> None:
        if not os.path.isdir(self.host.systemd_booted):
            raise Refused("systemd does not run on this host: set runbook_service_manager to process")
        self._mind_instances()
        unit = self._show()
        unfit = self._unfit()
        if unfit and not self._runs():
            raise Refused(unfit)
        if unfit and unfit not in self.warnings:
            # It sends on: it can be looked at, and fenced. Only a restart is refused.
            self.warnings.append(unfit)
        # An alias gets its drop-in where the unit itself has it.
        self.label = unit.get("Id") or self.label
        if change and not self.label.endswith(".service"):
            raise Refused(f"{self.label} is no service: correct runbook_service_name")
        if change and self.host.uid != 0:
            raise Refused(f"changing unit {self.label} needs root: run with become: true")

    def _runs(self) -> bool:
        return self._unit.get("ActiveState") in ("active", "reloading", "activating", "deactivating")

    def _unfit(self) -> str:
        """Why systemd would not start it; empty where it would."""
        load = self._unit.get("LoadState", "")
        if load == "not-found" and self._runs():
            return f"the file of unit {self.label}, which runs, is gone: put it back first"
        if load == "not-found":
            return f"unit {self.label} does not exist on this host{self._near_matches()}: correct runbook_service_name"
        if load == "masked":
            return f"unit {self.label} is masked: run systemctl unmask {self.label} first"
        if load != "loaded":
            return f"unit {self.label} cannot be loaded ({load}): see systemctl status {self.label}"
        return ""

    def _mind_instances(self) -> None:
        """A template is no unit, and of its instances each is one of its own: what others run is said."""
        template, at, instance = self.label.rpartition(".")[0].partition("@")
        if not at:
            return
        listed = ["systemctl", "list-units", "--no-legend", "--no-pager", "--plain", "--type=service"]
        done = self.host.run([*listed, "--state=active,activating", "--", f"{template}@*.service"])
        others = [line.split()[0] for line in done.out.splitlines() if line.split()]
        others = [unit for unit in others if unit != self.label]
        how = "give each a name of its own in the inventory, with its runbook_service_name and runbook_env_file"
        if not instance:
            run = f"; running are {', '.join(others)}: {how}" if others else ", of which no instance runs: name one"
            raise Refused(f"{self.label} is a template{run}")
        if others:
            self.warnings.append(f"{', '.join(others)} run beside {self.label} and are left alone: {how}")

    def _near_matches(self) -> str:
        done = self.host.run(["systemctl", "list-unit-files", "--no-legend", "--no-pager", "--plain", "--type=service"])
        # Without the suffix, which would make them all alike.
        names = {line.split()[0].rsplit(".", 1)[0]: line.split()[0] for line in done.out.splitlines() if line.split()}
        near = [names[name] for name in difflib.get_close_matches(self.label.rsplit(".", 1)[0], names, n=3)]
        return f" (near matches: {', '.join(near)})" if near else ""

    def _look(self) -> tuple[list[Process], bool]:
        """Every process of the unit's control group, the main one first, and whether one may not be looked at."""
        group, seen, denied = self._unit.get("ControlGroup", ""), [], False
        for pid in self.host.proc.in_cgroup(group) if group else []:
            try:
                process = self.host.proc.process(pid)
            except PermissionError:
                denied = True
                continue
            if process is not None:
                seen.append(process)
        main = int(self._unit.get("MainPID") or 0)
        return sorted(seen, key=lambda process: (process.pid != main, process.start, process.pid)), denied

    def processes(self) -> list[Process]:
        """The unit's processes, for the look before a restart. Raises Refused."""
        self._show()
        seen, denied = self._look()
        if denied:
            # Root of a container is not root enough without the capability to trace.
            need = "CAP_SYS_PTRACE is missing here" if self.host.uid == 0 else "run with become: true"
            raise Refused(f"the environment of {self.label}'s processes may not be read: {need}")
        return seen

    def seen(self) -> list[Process]:
        """The unit's processes as far as they can be looked at now: what is asked from a restart on."""
        self._refresh()
        return self._look()[0]

    def _refresh(self) -> None:
        # A systemd that is too busy to answer is asked again by the next look.
        with contextlib.suppress(Refused):
            self._show()

    def engine(self, pid: int) -> str:
        """A unit's processes are its own, never a container engine's."""
        return ""

    def user(self) -> str | None:
        return self._unit.get("User") or None

    def group(self) -> str:
        """The control group that is the unit's alone."""
        return self._unit.get("ControlGroup", "")

    def describe(self) -> str:
        self._refresh()
        state = f"unit {self.label} is {self._unit.get('ActiveState')} ({self._unit.get('SubState')})"
        result = self._unit.get("Result") or "success"
        return state if result == "success" else f"{state}, result {result}"

    def log_tail(self) -> list[str]:
        done = self.host.run(["journalctl", "-u", self.label, "-n", "5", "-o", "cat", "--no-pager"])
        return done.out.splitlines()[-5:]

    # -- declaring

    @property
    def drop_in(self) -> str:
        # It sorts after the override.conf of `systemctl edit`, whose EnvironmentFile would win over ours.
        return os.path.join(self.host.systemd_units, f"{self.label}.d", "zz-runbook.conf")

    def obsolete(self, flags: dict[str, str | None]) -> list[str]:
        """Files of earlier releases whose place those of `declarations` take."""
        old = os.path.join(os.path.dirname(self.drop_in), "90-runbook.conf")
        return [old] if self.declarations(flags) and os.path.lexists(old) else []

    def declarations(self, flags: dict[str, str | None]) -> dict[str, bytes]:
        """Files besides the env file that make it count."""
        if all(value is None for value in flags.values()):
            return {}
        return {self.drop_in: f"[Service]\nEnvironmentFile=-{self.env_file}\n".encode()}

    def must_reload(self, flags: dict[str, str | None], restart: bool) -> bool:
        unread = bool(self.declarations(flags)) and not self._has_read_drop_in()
        return unread or (restart and self._unit.get("NeedDaemonReload") == "yes")

    def _has_read_drop_in(self) -> bool:
        # Its directory may be a link, and systemd tells where that leads.
        return os.path.realpath(self.drop_in) in [os.path.realpath(path) for path in self._listed("DropInPaths")]

    def _refuse_unset(self, flags: dict[str, str | None]) -> None:
        """UnsetEnvironment= comes after all that declares a variable: no restart would bring it. Raises Refused."""
        unset = set(self._listed("UnsetEnvironment"))
        names = [flag for flag, value in flags.items() if value is not None and {flag, f"{flag}={value}"} & unset]
        if names:
            raise Refused(
                f"UnsetEnvironment= of {self.label} takes {', '.join(names)} from whatever it starts: take it out there"
            )

    def _reads(self) -> dict[str, bool]:
        """The files that it reads its environment from, and whether each has to be there."""
        told = re.findall(r"^(/.+) \(ignore_errors=(yes|no)\)$", self._unit.get("EnvironmentFiles", ""), re.M)
        return {path: may_lack == "no" for path, may_lack in told}

    def _refuse_reset(self, flags: dict[str, str | None]) -> None:
        """A later drop-in may take away the file that ours names. Where ours is not read yet, that is looked at when it
        is. Raises Refused."""
        if not self.declarations(flags) or not self._has_read_drop_in():
            return
        # Systemd shows a path without what is needless in it.
        if os.path.normpath(self.env_file) not in self._reads():
            raise Refused(
                f"a drop-in of {self.label} that is read after {self.drop_in} resets EnvironmentFile=: "
                "take that out there"
            )

    def _refuse_lack(self) -> None:
        """Without a file that it has to read it would end at its start. Raises Refused."""
        gone = [path for path, needed in self._reads().items() if needed and path != os.path.normpath(self.env_file)]
        gone = [path for path in gone if not glob.glob(path)]
        if gone:
            raise Refused(f"{gone[0]}, which {self.label} reads at its start, is not there: put it back first")

    def _refuse_command(self, flags: dict[str, str | None]) -> None:
        """`env FLAG=value program` comes after all that declares a variable. Raises Refused."""
        commands = self._commands() if self.declarations(flags) else []
        for flag, wanted in flags.items():
            set_to = re.findall(rf"(?<![^\s\"';]){flag}=([\w.-]+)(?![^\s\"';])", " ".join(commands))
            if wanted is not None and set_to and not _envfile.same(set_to[-1], wanted):
                raise Refused(f"the command of {self.label} sets {flag} itself: take it out of ExecStart=")

    def _refuse_condition(self) -> None:
        """A condition that is not met any more: systemd would stop the service, and start nothing. Raises Refused."""
        done = self.host.run(["systemd-analyze", "condition", f"--unit={self.label}"], timeout=5)
        if not re.search(r"^(Condition|Assert)s failed\.$", done.err, re.M):
            return
        # Others are asked with another environment than systemd's; what must not be there may go with the service.
        unmet = re.search(r": ((?:Condition|Assert)(?:Path|File|Directory)\w*=(?!\|?!).*) failed\.$", done.err, re.M)
        if unmet:
            raise Refused(f"systemd would not start {self.label}, {unmet[1]} is not met: mend that first")

    def reload(self, timeout: float) -> None:
        done = self.host.run(["systemctl", "daemon-reload"], timeout=timeout)
        if done.rc != 0:
            raise Stopped(f"systemctl daemon-reload failed: {redact(done.err.strip())}")
        self._reread = True

    @property
    def files(self) -> list[str]:
        """What says how it is started."""
        return [self._unit.get("FragmentPath", ""), *self._listed("DropInPaths")]

    def reread(self) -> None:
        """Read the unit again where its files have changed: they may be links into the work tree. Raises Stopped."""
        self._refresh()
        if self._unit.get("NeedDaemonReload") == "yes":
            self.reload(20)

    def lacks(self, process: Process, flags: dict[str, str | None], fresh: bool = False) -> list[str]:
        """Flags that the process does not have as wanted, as far as its environment can be read."""
        missing: list[str] = []
        if not process.readable:
            return missing
        for flag, wanted in flags.items():
            present = process.environ.get(flag)
            if wanted is None and present is not None:
                # The unit itself may set the flag: what is left counts as ours only when it is from before our removal.
                if not fresh and process.started + CLOCK_GRAIN < self._declared_at():
                    missing.append(flag)
            elif not _envfile.same(present, wanted):
                missing.append(flag)
        return missing

    def _declared_at(self) -> float:
        for path in (self.env_file, os.path.dirname(self.env_file)):
            with contextlib.suppress(OSError):
                return os.stat(path).st_mtime
        return 0.0

    # -- what it is started as

    @property
    def _start_file(self) -> str:
        return os.path.join(os.path.dirname(self.drop_in), "zz-runbook-start.conf")

    def _commands(self, besides: str = "") -> list[str]:
        done = self.host.run(["systemctl", "cat", "--no-pager", "--", self.label])
        return _entry.lines_of(done.out, besides) if done.rc == 0 else []

    def started_as(self, words: Sequence[str]) -> str | None:
        """Which of the words its next start has."""
        commands = self._commands() if words else []
        return _entry.in_line(commands[0], words) if len(commands) == 1 else None

    def start_as(self, words: Sequence[str], entry: str) -> None:
        """Have it started with another word than its unit says, by a file beside that. Raises OSError, Stopped."""
        own = self._commands(self._start_file)
        present = _entry.in_line(own[0], words) if len(own) == 1 else None
        if present is None:
            raise Stopped(f"what {self.label} is started as cannot be changed: its unit has no single command for it")
        there = os.path.lexists(self._start_file)
        if present != entry:
            line = _entry.swapped_line(own[0], words, entry)
            _files.replace(self._start_file, f"[Service]\nExecStart=\nExecStart={line}\n".encode(), 0o644)
        elif there:
            os.unlink(self._start_file)
        if there or present != entry:
            self.reload(20)

    # -- restarting

    def prepare(self, processes: list[Process], flags: dict[str, str | None], other_release: bool = False) -> None:
        """See that systemd would start it again, and with these flags. Raises Refused."""
        if self._unit.get("NeedDaemonReload") == "yes":
            # What counts is on disk.
            self._unit["LoadState"] = self._state_on_disk()
        unfit = self._unfit()
        if unfit:
            raise Refused(unfit)
        if self._unit.get("NeedDaemonReload") != "yes":
            self._refuse_unset(flags)
            self._refuse_reset(flags)
            # Another release may bring what this one lacks.
            if not other_release:
                self._refuse_lack()
        self._refuse_command(flags)
        if not other_release:
            self._refuse_condition()

    def _state_on_disk(self) -> str:
        done = self.host.run(["systemctl", "is-enabled", "--", self.label])
        if done.out.startswith("masked"):
            return "masked"
        gone = "No such file" in done.err or done.out.strip() == "not-found"
        return "not-found" if gone else self._unit.get("LoadState", "")

    def finished(self) -> None:
        for held in self._old:
            held.close()

    def restart(self, processes: list[Process], flags: dict[str, str | None]) -> None:
        if self._reread:
            # What was on disk and not read counts now.
            self._refresh()
            try:
                self.prepare(processes, flags)
            except Refused as exc:
                raise Stopped(str(exc)) from exc
        self._old = [self.host.proc.hold(process.pid, process.start) for process in processes]
        # A unit that was restarted often is held back by its start limit. A unit that never ran cannot be reset, which
        # does not matter.
        self.host.run(["systemctl", "reset-failed", "--", self.label])
        # Not waited for: a graceful stop may take 90 s, and our budget is less.
        done = self.host.run(["systemctl", "restart", "--no-block", "--", self.label])
        if done.rc != 0:
            raise Stopped(f"systemctl restart {self.label} failed: {redact(done.err.strip())}")

    def ends(self, processes: Sequence[Process]) -> list[int]:
        """The processes that a restart would end."""
        return [process.pid for process in processes]

    def has_stopped(self) -> bool:
        """Whether every process from before is over."""
        return all(held.is_over() for held in self._old)

    def advance(self, elapsed: float, stop_timeout: float, last: bool = False) -> None:
        """The next step of a restart, after a look at seen(). Raises Stopped when it cannot end well any more."""
        if elapsed >= stop_timeout:
            # Exactly the old processes: a kill by unit name could hit the new one that has just started.
            for held in self._old:
                with contextlib.suppress(OSError):
                    self.host.proc.kill(held.pid, held.start, signal.SIGKILL)
            self._end_stop_command()
        self.check()

    def _end_stop_command(self) -> None:
        """A command of ExecStop= that hangs keeps the unit down for as long as TimeoutStopSec= allows."""
        if self._unit.get("SubState") != "stop":
            return
        pid = int(self._unit.get("ControlPID") or 0)
        stat = self.host.proc.stat(pid) if pid else None
        if stat is not None:
            with contextlib.suppress(OSError):
                self.host.proc.kill(pid, stat.start, signal.SIGKILL)

    def check(self) -> None:
        # While the job of the restart waits, the state is still the one from before.
        if self._unit.get("ActiveState") in ("failed", "inactive") and self._unit.get("Job", "") in ("", "0"):
            raise Stopped(f"{self.label} did not come back ({self.describe()})")

    def loops(self) -> bool:
        """Whether the unit has been started again by itself since our restart: it ends each time."""
        return self._unit.get("NRestarts", "0") not in ("", "0")

    def is_up(self) -> bool:
        # In `start-post` the service itself runs, and the unit waits for another command: often for its health.
        return self._unit.get("ActiveState") in ("active", "reloading") or self._unit.get("SubState") == "start-post"
