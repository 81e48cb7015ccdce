# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that runs as plain processes: found by its port or pid file, stopped, and started again as it was."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
from collections.abc import Sequence
from typing import IO, Any

from ansible_collections.kumon.runbook.plugins.module_utils import _command, _confinement, _entry, _envfile, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Stopped
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Hold, Process
from ansible_collections.kumon.runbook.plugins.module_utils._process_launch import Launch, Launches
from ansible_collections.kumon.runbook.plugins.module_utils._process_look import ENDING_WAIT, Identity, Look

# A start that fails by these is tried again: the old process's memory may just not be free yet.
TRANSIENT = (errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.EMFILE, errno.ETXTBSY)
TAIL_BYTES = 8192
# Bytes of one variable, its name and end included, that the kernel takes no more (MAX_ARG_STRLEN).
TOO_LONG = 32 * 4096
# What stays when a process ends that it has started, or taken over, and starts none again.
NO_KEEPERS = ("systemd", "init", "sshd", "login", "tmux", "screen", "cron", "crond", "atd")


class PlainProcess:
    """One service without a supervisor. Raises Refused where it cannot be managed."""

    name = "process"

    def __init__(
        self,
        service: str,
        env_file: str,
        host: Host,
        state_dir: str,
        identity: Identity,
        command: list[str] | None,
        chdir: str | None,
        log_file: str | None,
    ):
        self.label = service
        self.host = host
        self.env_file = env_file
        self._look = Look(service, env_file, host, identity, command, chdir)
        self._launches = Launches(self._look, state_dir, log_file)
        self.port = identity.port
        self.at = identity.addresses
        self.unknown = identity.unknown
        self.pid_file = identity.pid_file
        self.uid = self._look.uid
        self.warnings = self._look.warnings
        self._old: list[Hold] = []
        self._above: list[tuple[int, int]] = []  # what had started the processes from before
        self._launch: Launch  # found by prepare()
        self._as: tuple[Sequence[str], str] | None = None  # words of releases, and the one to start
        self._flags: dict[str, str | None] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._trouble = ""  # what went wrong on the way of a restart, and did not end it
        self._log_from = 0
        self._cleared = False

    # -- reading

    def processes(self) -> list[Process]:
        """The service's processes, for the look before a restart. Raises Refused where it cannot be told which."""
        return self._look.processes(self._launched())

    def seen(self) -> list[Process]:
        """The service's processes as far as they can be looked at now. From a stop on nothing else is asked."""
        return self._look.seen(self._launched())

    def _launched(self) -> list[tuple[int, int]]:
        """What has been started, by us or by a run that was killed."""
        child = [(self._launch.pid, self._launch.start)] if self._child is not None else []
        return child + self._launches.left()

    def preflight(self, change: bool) -> None:
        if change:
            self._look.mind(self.processes())

    def user(self) -> str | None:
        return None

    def group(self) -> str:
        """A plain process has no control group that is its alone."""
        return ""

    def describe(self) -> str:
        trouble = f", {self._trouble}" if self._trouble else ""
        if self._child is not None or self.has_stopped():
            keepers = self._keepers()
            trouble += f", and {keepers}" if keepers else ""
        looked = self._look.now(self._launched())
        if looked.unseen:
            trouble = f", port {self.port} is held by a process that may not be looked at{trouble}"
        if self._child is not None and self._child.poll() is not None:
            code = self._child.returncode
            return f"its process ended at start with {'signal' if code < 0 else 'exit code'} {abs(code)}{trouble}"
        ending = [str(held.pid) for held in self._old if not held.is_over()]
        if ending:
            return f"process {', '.join(ending)} has not ended yet{trouble}"
        if not looked.processes:
            return f"no process is found by {self._look.where}{trouble}"
        if self.port is not None and not self.host.proc.is_listening(self.port, self.at):
            return f"its process does not listen on port {self.port} yet{trouble}"
        return f"its process runs{trouble}"

    def log_tail(self) -> list[str]:
        """The last lines that the new process has written."""
        if self._child is None:
            return []
        try:
            # Its path is the user's, who can have put a link there to what he may not read.
            with os.fdopen(_trust.opened_log(self._launch.error_log), "rb") as handle:
                handle.seek(max(self._log_from, os.fstat(handle.fileno()).st_size - TAIL_BYTES))
                return handle.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()[-5:]
        except OSError:
            return []

    # -- declaring: the env file is ours alone to read

    def declarations(self, flags: dict[str, str | None]) -> dict[str, bytes]:
        return {}

    def obsolete(self, flags: dict[str, str | None]) -> list[str]:
        return []

    def must_reload(self, flags: dict[str, str | None], restart: bool) -> bool:
        return False

    def reload(self, timeout: float) -> None:
        """Nothing reads the env file but our own start."""

    @property
    def files(self) -> list[str]:
        """What says how it is started: no file does."""
        return []

    def reread(self) -> None:
        """There is nothing to be read."""

    def lacks(self, process: Process, flags: dict[str, str | None], fresh: bool = False) -> list[str]:
        if not process.readable:
            return []
        return [flag for flag, wanted in flags.items() if not _envfile.same(process.environ.get(flag), wanted)]

    # -- restarting

    def prepare(self, processes: list[Process], flags: dict[str, str | None], other_release: bool = False) -> None:
        """Find out how to start the service again, while the old one still runs. Raises Refused."""
        self._launch = self._launches.prepared(processes, other_release)
        if self._as:
            self.start_as(*self._as)

    @property
    def launch(self) -> Launch:
        """How it is started again, once that is prepared."""
        return self._launch

    @property
    def argv(self) -> list[str]:
        """Its command once that is prepared, with the program itself for a name that leads to none."""
        program, argv = self._launch.found(), self._launch.argv
        by_name = program and program == self._launch.program and "/" not in argv[0]
        return [program, *argv[1:]] if program and by_name else argv

    def started_as(self, words: Sequence[str]) -> str | None:
        """Which of the words its next start has, once that is prepared."""
        return _entry.in_command(self._launch.argv, words)

    def start_as(self, words: Sequence[str], entry: str) -> None:
        """Have it started with another word than before, now and by each further restart of this act."""
        self._as = (words, entry)
        if hasattr(self, "_launch"):
            self._launch.argv = _entry.swapped(self._launch.argv, words, entry)

    def restart(self, processes: list[Process], flags: dict[str, str | None]) -> None:
        """Begin the stop. Raises Stopped before it; from here on there is only waiting, and then starting."""
        try:
            content = _trust.read(self.env_file)
        except OSError as exc:
            raise Stopped(f"{self.env_file} cannot be read ({exc.strerror}), so it was not restarted") from exc
        overlay = _envfile.parse(content)
        long = [name for name, value in overlay.items() if len(os.fsencode(f"{name}={value}")) >= TOO_LONG]
        if long:
            raise Stopped(
                f"no process can be given a value as long as that of {long[0]} in {self.env_file}, so it was not "
                "restarted"
            )
        self.warnings += [
            f"line {number} of {self.env_file} is nothing that an environment can hold: {self.label} starts without it"
            for number in _envfile.impossible(content)
        ]
        self._old = [self.host.proc.hold(*each) for each in self._tree(processes)]
        self._above = self._parents(processes)
        environ = {**self._launch.environ, **overlay}
        for flag, wanted in flags.items():
            if wanted is None and flag not in overlay:
                environ.pop(flag, None)
        self._launch.environ = environ
        self._flags = flags
        self._launches.keep(self._launch)
        self._signal(self._old, signal.SIGTERM)

    def _tree(self, processes: Sequence[Process]) -> list[tuple[int, int]]:
        """They and what they have started: that holds no port, and would go on sending with the flags of before."""
        proc = self.host.proc
        keys = [process.key for process in processes]
        begun = proc.tree([process.pid for process in processes])
        return keys + [each for each in begun if each not in keys and proc.users(each[0]) == {self.uid}]

    def _parents(self, processes: Sequence[Process]) -> list[tuple[int, int]]:
        """What has started them: nothing of this session, and no shell in which a person may have done it."""
        proc, ids = self.host.proc, {process.pid for process in processes}
        ours, parents = {0, 1, *proc.ancestors(os.getpid())}, []
        for pid in {process.ppid for process in processes} - ids - ours:
            stat, words = proc.stat(pid), " ".join(self._look.argv(pid)).split()
            name = os.path.basename(words[0].lstrip("-").rstrip(":")) if words else ""
            by_hand = name.lower() in NO_KEEPERS or (name in _command.PEOPLES and all(w[:1] == "-" for w in words[1:]))
            if stat is not None and name and not by_hand:
                parents.append((pid, stat.start))
        return parents

    def _keepers(self) -> str:
        """What may start the service again, for it runs on after the process that it had started; empty where nothing
        does."""
        left = [pid for pid, start in self._above if self.host.proc.is_alive(pid, start)]
        if not left:
            return ""
        named = ", ".join(f"{pid} ({os.path.basename((self._look.argv(pid) or ['?'])[0])})" for pid in left)
        return f"process {named}, which had started {self.label}, still runs"

    def ends(self, processes: Sequence[Process]) -> list[int]:
        """The processes that a restart would end."""
        return [pid for pid, _start in self._tree(processes)]

    def _signal(self, processes: list[Hold], number: int) -> None:
        for process in processes:
            try:
                self.host.proc.kill(process.pid, process.start, number)
            except OSError as exc:
                self._trouble = f"process {process.pid} cannot be ended ({exc.strerror})"

    def has_stopped(self) -> bool:
        """Whether every process from before is over."""
        return all(held.is_over() for held in self._old)

    def advance(self, elapsed: float, stop_timeout: float, last: bool = False) -> None:
        """The next step of a restart; the `last` one starts the service whatever can be seen.

        Raises Stopped when it cannot end well any more.
        """
        if self._child is not None:
            self.check()
        elif self.has_stopped() or last:
            self._clear_port(elapsed, stop_timeout, last)
        elif elapsed >= stop_timeout:
            self._signal([held for held in self._old if not held.is_over()], signal.SIGKILL)

    def _clear_port(self, elapsed: float, stop_timeout: float, last: bool) -> None:
        """Start the service, once nothing holds its port any more."""
        looked = self._look.now(self._launched())
        if looked.processes:
            if elapsed < stop_timeout and not last:
                return
            if self._cleared:
                raise self._taken(looked.processes[0])
            # Workers that the old server has still started while it was stopped.
            self._old = [self.host.proc.hold(process.pid, process.start) for process in looked.processes]
            self._cleared = True
        elif looked.unseen and elapsed < stop_timeout + ENDING_WAIT and not last:
            # Whose it is cannot be told: such a worker that is ending, or another user's, which the start will meet.
            return
        else:
            try:
                self._start()
            except Stopped as exc:
                if last or getattr(exc.__cause__, "errno", None) not in TRANSIENT:
                    raise

    def _taken(self, process: Process) -> Stopped:
        return Stopped(
            f"process {process.pid} took {self._look.where} when {self.label} was stopped: something else starts it; "
            "stop that, or manage the service there"
        )

    def _start(self) -> None:
        launch = self._launch
        identity: dict[str, Any] = {"umask": launch.umask}
        if self.host.uid == 0:
            identity.update(user=launch.uid, group=launch.gid, extra_groups=launch.groups)
        try:
            with contextlib.ExitStack() as stack:
                out = stack.enter_context(self._open_log(launch.log))
                err = stack.enter_context(self._open_log(launch.error_log))
                self._log_from = os.fstat(err.fileno()).st_size
                program = launch.found() or ""
                confine = stack.enter_context(self._launches.confinement(launch, program).hook())
                before = self._before_the_program(confine)
                if before is not None:
                    identity["preexec_fn"] = before
                if program and program == launch.program:
                    identity["executable"] = program
                directory = self._launches.open_directory(launch)
                stack.callback(os.close, directory)
                self._child = subprocess.Popen(
                    launch.argv,
                    cwd=f"/proc/self/fd/{directory}",
                    env=launch.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    **identity,
                )
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            raise Stopped(f"{launch.argv[0]} cannot be started: {exc}") from exc
        lost = self.host.proc.surround(self._child.pid, launch.surroundings)
        if lost:
            self.warnings.append(
                f"{self.label} was started without what it had of {', '.join(lost)}: a start from here may not give it"
            )
        started = self.host.proc.stat(self._child.pid)
        launch.pid, launch.start = self._child.pid, started.start if started else 0
        self._launches.keep(self._launch)
        if self.pid_file:
            try:
                _trust.replace(self.pid_file, f"{self._child.pid}\n".encode(), 0o644, (launch.uid, launch.gid))
            except OSError as exc:
                self.warnings.append(f"pid file {self.pid_file} could not be written ({exc.strerror})")

    def _before_the_program(self, confine: _confinement.Hook) -> _confinement.Hook:
        """What the child has to run, for it cannot be given to it from here; None where there is nothing."""
        wanted, limits = self._launch.surroundings, []
        hangup = signal.SIG_IGN if wanted.get("ignores_hangup") else signal.SIG_DFL
        as_here = "ignores_hangup" not in wanted or hangup == signal.getsignal(signal.SIGHUP)
        if self.host.uid == 0 and self._launch.uid != 0 and not _confinement.own(self.host.proc).sets_limits:
            # Root without that right may not do it for another user; everybody may lower their own.
            known = wanted.get("limits", {}).items()
            named = [(getattr(resource, name), tuple(each)) for name, each in known if hasattr(resource, name)]
            limits = [(number, each) for number, each in named if resource.getrlimit(number) != each]
        if confine is None and as_here and not limits:
            return None

        def before() -> None:
            if confine is not None:
                confine()
            if not as_here:
                # Without what `nohup` gave it, it would end by the signal of the next rotation of its log.
                signal.signal(signal.SIGHUP, hangup)
            for number, each in limits:
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(number, each)

        return before

    def _open_log(self, path: str) -> IO[bytes]:
        if path == os.devnull:
            return open(path, "ab")  # where it wrote before: nothing is lost by it
        try:
            new = not os.path.exists(path)
            with _trust.as_keeper(path) as who:
                os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
            handle = os.fdopen(_trust.opened_log(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")
            # Who keeps the path may have put another one's file there meanwhile: that stays whose it is.
            made = new and os.fstat(handle.fileno()).st_uid == (who.uid if who else _trust.ROOT)
            if made and self.host.uid == 0:
                os.fchown(handle.fileno(), self._launch.uid, self._launch.gid)
        except OSError as exc:
            # A service without a log is better than none.
            warning = f"{path} could not be opened ({exc.strerror}): what {self.label} writes there is lost"
            if warning not in self.warnings:
                self.warnings.append(warning)
            return open(os.devnull, "ab")
        return handle

    def check(self) -> None:
        if self._child is None or self._child.poll() is None:
            return
        left = self.seen()
        if not left:
            raise Stopped(f"{self.label} did not come back ({self.describe()})")
        # One that has the flags was started by a run that was killed right after it.
        if self._child.returncode != 0 and any(self.lacks(process, self._flags) for process in left):
            raise self._taken(left[0])

    def loops(self) -> bool:
        """Nobody starts it again by itself."""
        return False

    def is_up(self) -> bool:
        """Whether the service listens; without a port, whether it runs."""
        if self.port is not None:
            at = () if self.unknown else self.at
            return any(map(self._look.is_ours, self.host.proc.listeners(self.port, at)))
        return bool(self.seen())

    def finished(self) -> None:
        """The service has started: the record, with the secrets in it, goes away."""
        keepers = self._keepers()
        if keepers:
            self.warnings.append(
                f"{keepers}: where it starts it again, that is without what is declared in {self.env_file}; end it, or "
                "declare the flags there too"
            )
        for held in self._old:
            held.close()
        self._launches.forget()
