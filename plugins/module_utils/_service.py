# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The managed service: where it is, what runs of it, what its health says, and what of that proves its flags."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Optional, Union

from ansible_collections.kumon.runbook.plugins.module_utils import _body, _envfile, _http, _journal, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._container import InContainer
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, Proof, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._names import KILL_SWITCH
from ansible_collections.kumon.runbook.plugins.module_utils._proc import EVERY_ADDRESS, Process
from ansible_collections.kumon.runbook.plugins.module_utils._process import PlainProcess
from ansible_collections.kumon.runbook.plugins.module_utils._process_look import Identity
from ansible_collections.kumon.runbook.plugins.module_utils._redact import shown
from ansible_collections.kumon.runbook.plugins.module_utils._systemd import Systemd

Manager = Union[Systemd, PlainProcess]
Flags = dict[str, Optional[str]]  # the value of each, None for no declaration

SERVICE_SPEC: dict[str, dict[str, Any]] = {
    "service": {"type": "str", "required": True},
    "manager": {"type": "str", "choices": ["systemd", "process"], "default": "systemd"},
    "env_file": {"type": "path", "default": "/etc/kumon-assistant/runbook.env"},
    "state_dir": {"type": "path", "default": "/var/lib/kumon-runbook"},
    "port": {"type": "int"},
    "process_user": {"type": "str"},
    "pid_file": {"type": "path"},
    "command": {"type": "list", "elements": "str"},
    "chdir": {"type": "path"},
    "log_file": {"type": "path"},
}
HEALTH_SPEC: dict[str, dict[str, Any]] = {
    "health_urls": {"type": "list", "elements": "str", "default": []},
    "health_timeout": {"type": "float", "default": 2.0},
    "health_fields": {"type": "dict", "default": {KILL_SWITCH: "delivery_disabled"}},
}


@dataclass(frozen=True)
class Health:
    """Where the service tells about itself, and which of its fields stands for which flag."""

    urls: list[str] = field(default_factory=list)
    timeout: float = 2.0
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for url in self.urls:
            wrong = _http.check_url(url)
            if wrong:
                raise Refused(f"health URL {shown(url)!r} is not valid ({wrong}): correct runbook_health_url")
        if not 0 < self.timeout <= 60:
            raise Refused(f"health_timeout must be above 0 and at most 60 seconds, not {self.timeout:g}")

    @property
    def longest(self) -> float:
        """Seconds that asking every URL may take."""
        return self.timeout * len(self.urls)

    def ask(self, total: float) -> list[_http.Answer]:
        return _http.first_answer(self.urls, self.timeout, total)


def manager_from(params: dict[str, Any], host: Host) -> Manager:
    """The service of a module's parameters. Raises Refused."""
    for name in ("env_file", "state_dir", "pid_file", "chdir", "log_file"):
        if params.get(name) and not os.path.isabs(params[name]):
            raise Refused(f"{name} must be an absolute path, not {params[name]!r}")
    if params["manager"] == "systemd":
        return Systemd(params["service"], params["env_file"], host)
    # Each name once: where nobody answers for names that takes its time.
    names = dict.fromkeys(_http.host_of(url) for url in params.get("health_urls") or [])
    resolved = {name: _http.addresses_of(name) for name in names}
    return PlainProcess(
        params["service"],
        params["env_file"],
        host,
        params["state_dir"],
        Identity(
            params["port"],
            # Whatever a name stands for, who listens at every address listens there.
            [address for addresses in resolved.values() for address in addresses or EVERY_ADDRESS],
            params["pid_file"],
            params["process_user"] or None,
            next((name for name, addresses in resolved.items() if addresses is None), ""),
        ),
        params["command"],
        params["chdir"],
        params["log_file"],
    )


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def best(answers: Sequence[_http.Answer]) -> _http.Answer | None:
    """The answer that says most: `ok` is always the last one, else one that spoke JSON, else the first."""
    if not answers:
        return None
    if answers[-1].kind == "ok":
        return answers[-1]
    spoke = [answer for answer in answers if answer.kind == "error"]
    return (spoke or answers)[0]


def no_health(answers: Sequence[_http.Answer]) -> str:
    """Why health gave no answer, for a message."""
    return "; ".join(f"{answer.url}: {answer.detail}" for answer in answers) or "it was not asked"


def rendered(flags: dict[str, Any]) -> Flags:
    """The flags as they are written. Raises Refused."""
    if not flags:
        raise Refused("no flag is given: set flags, e.g. DELIVERY_DISABLE: true")
    try:
        return {name: _envfile.render(name, value) for name, value in flags.items()}
    except ValueError as exc:
        raise Refused(str(exc)) from exc


def values(environ: dict[str, str], flags: Iterable[str]) -> Flags:
    """What each of the flags is there."""
    return {flag: environ.get(flag) for flag in flags}


@dataclass(frozen=True)
class Seen:
    """The service at one moment: its processes, the main one first, and what its health answered."""

    processes: Sequence[Process] = ()
    answers: Sequence[_http.Answer] = ()

    @property
    def main(self) -> Process | None:
        return self.processes[0] if self.processes else None

    @property
    def environ(self) -> dict[str, str]:
        return self.processes[0].environ if self.processes else {}

    @property
    def answered(self) -> bool:
        return bool(self.answers) and self.answers[-1].kind == "ok"

    @property
    def illness(self) -> str:
        """What health that answered says of the service, where that is not well."""
        return _body.illness(self.answers[-1].json) if self.answered else ""


class Service:
    """The managed service of a module's parameters. Raises Refused."""

    def __init__(self, params: dict[str, Any], host: Host):
        self.host = host
        self.began = host.clock()
        self.health = Health(params["health_urls"], params["health_timeout"], params["health_fields"])
        self.manager = manager_from(params, host)
        self.env_file: str = params["env_file"]
        self.contained: InContainer | None = None

    @property
    def label(self) -> str:
        return self.manager.label

    # -- before an act

    @staticmethod
    def read(path: str) -> bytes | None:
        """A file that declares flags. Raises Refused."""
        try:
            return _trust.read(path)
        except OSError as exc:
            raise Refused(f"{path} cannot be read ({exc.strerror}): run with become: true") from exc

    def processes(self, *, change: bool) -> list[Process]:
        """What runs, for the look before an act (or for one that changes nothing). Raises Refused."""
        self.manager.preflight(change=change)
        return self.manager.processes()

    def looked(self, *, change: bool) -> list[Process]:
        """As `processes`, and those of a container too: what is refused there is to restart them (see `may_restart`).
        Raises Refused."""
        try:
            return self.processes(change=change)
        except InContainer as exc:
            if not exc.inside:
                raise
            self.contained = exc
            return exc.inside

    def may_restart(self) -> None:
        """Raises Refused where the processes that were looked at are a container's."""
        if self.contained is not None:
            raise self.contained

    def refuse_wrong_health(self, seen: Seen) -> None:
        """A URL that cannot be the assistant's is a mistake in the variables, and noticed before anything is changed.

        Health that hangs, fails or does not listen yet is no reason to hold a kill-switch back.
        """
        answers = seen.answers
        if answers and all(answer.kind == "not_json" for answer in answers):
            raise Refused(
                f"{answers[0].url} answers {answers[0].detail}, not the assistant's health: correct runbook_health_url"
            )
        if not seen.processes or not answers or any(answer.kind != "refused" for answer in answers):
            return
        ports = self.host.proc.ports([process.pid for process in seen.processes])
        wrong = [
            answer.url for answer in answers if _http.port_of(answer.url) not in ports and _http.is_local(answer.url)
        ]
        if ports and len(wrong) == len(answers):
            raise Refused(
                f"nothing answers at {wrong[0]}; the service listens on {', '.join(map(str, ports))}: "
                "correct runbook_health_url, or set it empty to prove without health"
            )

    # -- telling; from here on nothing is refused, because it may be told after an act

    def lacking(
        self, processes: Sequence[Process], flags: Flags, *, fresh: bool = False
    ) -> list[tuple[Process, list[str]]]:
        """Processes without a wanted flag, and which; `fresh` ones were started after the flags were declared."""
        each = [(process, self.manager.lacks(process, flags, fresh=fresh)) for process in processes]
        return [(process, missing) for process, missing in each if missing]

    def result(self, flags: Flags, seen: Seen, *, effective: bool = True, fresh: bool = False) -> dict[str, Any]:
        """What modules return of the service; without `effective` only what is declared is proven."""
        content, unread = self._declared()
        declared = values(_envfile.parse(content), flags)
        lacking = self.lacking(seen.processes, flags, fresh=fresh)
        # The value that is told is the one that stands in the way, should one process differ.
        present = values(seen.environ, flags)
        for process, missing in reversed(lacking):
            present.update(values(process.environ, missing))
        proofs = [self._proof_declared(flags, declared, unread)]
        if effective:
            proofs += [
                self._proof_environment(seen, lacking),
                self._proof_health(seen),
                self._proof_reported(flags, seen, present),
            ]
        main = seen.main
        return {
            "service": self.label,
            "manager": self.manager.name,
            "declared": declared,
            "effective": present,
            "readable": all(process.readable for process in seen.processes),
            "reported": self._reported(seen, self.health.fields),
            "pid": main.pid if main else None,
            "pids": [process.pid for process in seen.processes],
            # The kernel counts in hundredths of a second.
            "started": iso(int(main.started * 100) / 100) if main else None,
            "proofs": proofs,
            "seconds": round(self.host.clock() - self.began, 3),
        }

    def _declared(self) -> tuple[bytes | None, list[str]]:
        """The env file, and its path where it cannot be read."""
        try:
            return _trust.read(self.env_file), []
        except OSError:
            return None, [self.env_file]

    def _proof_declared(self, flags: Flags, declared: Flags, unread: list[str]) -> Proof:
        missing = [flag for flag, wanted in flags.items() if not _envfile.same(declared[flag], wanted)] + unread
        for path, wanted in self.manager.declarations(flags).items():
            try:
                right = _trust.read(path) == wanted
            except OSError:
                right = False
            missing += [] if right else [path]
        told = detail("undeclared", missing=missing) if missing else detail("declared", path=self.env_file)
        return {"proof": "declared", "had": not missing, "detail": told}

    @staticmethod
    def _proof_environment(seen: Seen, lacking: list[tuple[Process, list[str]]]) -> Proof:
        hidden = [str(process.pid) for process in seen.processes if not process.readable]
        if not seen.processes:
            told = detail("no_process")
        elif lacking:
            names = [name for _process, missing in lacking for name in missing]
            pids = [str(process.pid) for process, _missing in lacking]
            told = detail("processes_lack", pids=pids, flags=list(dict.fromkeys(names)))
        elif hidden:
            # What cannot be read says neither; then the effect decides.
            return {"proof": "environment", "had": None, "detail": detail("processes_hidden", pids=hidden)}
        else:
            told = detail("processes", pids=[str(process.pid) for process in seen.processes])
        return {"proof": "environment", "had": bool(seen.processes) and not lacking, "detail": told}

    def _proof_health(self, seen: Seen) -> Proof:
        return {"proof": "health", "had": seen.answered and not seen.illness, "detail": self._health_detail(seen)}

    def _health_detail(self, seen: Seen) -> Detail:
        answer = best(seen.answers)
        if not self.health.urls:
            return detail("no_health_url")
        if answer is None:
            return detail("health_not_asked")
        if seen.illness:
            return detail("health_ill", url=answer.url, said=seen.illness)
        if answer.kind == "ok":
            return detail("health_answers", url=answer.url)
        if answer.kind == "refused":
            return detail("health_refused", url=answer.url)
        if answer.status is None:
            return detail("health_silent", url=answer.url)
        if answer.kind == "not_json":
            return detail("health_not_json", url=answer.url, http=answer.status)
        return detail("health_status", url=answer.url, http=answer.status)

    @staticmethod
    def _reported(seen: Seen, fields: dict[str, str]) -> dict[str, Any]:
        """What health says of each flag that has a field there; None where it says nothing."""
        answer = best(seen.answers)
        health = answer.json if answer is not None else {}
        return {flag: health.get(name) for flag, name in fields.items()}

    def reports(self, flags: Flags, seen: Seen) -> bool:
        """Whether health says of every flag that it is as wanted."""
        told = self._reported(seen, self.health.fields)
        return seen.answered and all(
            told.get(flag) is not None and _envfile.truthy(told[flag]) == _envfile.truthy(wanted)
            for flag, wanted in flags.items()
        )

    def _proof_reported(self, flags: Flags, seen: Seen, present: Flags) -> Proof:
        asked = {flag: name for flag, name in self.health.fields.items() if flag in flags}
        reported = {
            flag: str(value).lower() for flag, value in self._reported(seen, asked).items() if value is not None
        }
        if not reported:
            return {"proof": "reported", "had": False, "detail": detail("not_reported")}
        # Without a wanted value it should say what the process has; a flag that is not set is false to the assistant.
        wanted = {flag: flags[flag] if flags[flag] is not None else present[flag] for flag in reported}
        agrees = all(_envfile.truthy(text) == _envfile.truthy(wanted[flag]) for flag, text in reported.items())
        if len(reported) == 1:
            told = detail("reports", value=next(iter(reported.values())))
        else:
            told = detail("reports_each", values=[f"{flag}={text}" for flag, text in reported.items()])
        return {"proof": "reported", "had": agrees, "detail": told}


def _told(answer: _http.Answer, illness: str) -> str:
    return f"{answer.detail}, but it says {illness}" if illness else answer.detail


def inspect(params: dict[str, Any], host: Host) -> dict[str, Any]:
    """What the service runs with, what is declared, and what lifting that would restore. Raises Refused."""
    service = Service(params, host)
    names = params["flags"] or list(service.health.fields) or [KILL_SWITCH]
    rendered(dict.fromkeys(names))
    processes = service.looked(change=False)
    # What every process should have is what is declared.
    flags = values(_envfile.parse(service.read(service.env_file)), names)
    seen = Seen(processes, service.health.ask(service.health.longest))
    answer = best(seen.answers)
    journal, mine = _journal.path_in(params["state_dir"]), params["service"]
    try:
        undo, last = _journal.undo_values(journal, names, flags, mine), _journal.last_act(journal, mine)
        change = _journal.last_change(journal, mine)
    except OSError as exc:
        raise Refused(f"{journal} cannot be read ({exc.strerror}): run with become: true") from exc
    return dict(
        service.result(flags, seen),
        running=bool(processes),
        health={
            "url": answer.url if answer else None,
            "status": "ill" if seen.illness else answer.kind if answer else "not_set",
            "http": answer.status if answer else None,
            "detail": _told(answer, seen.illness) if answer else "no health URL is set",
            "said": seen.illness,
        },
        listening=host.proc.ports([process.pid for process in processes]),
        undo=undo,
        last_act=last,
        last_change=change,
        warnings=service.manager.warnings,
    )
