# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of each item of the preparation list, what proves it, and what mends it. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._contacts import contacts_problems
from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils import _calendar
from ansible_collections.kumon.runbook.plugins.plugin_utils._automation import unread_lines
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import finding_in_words, in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._kept import content
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import LEVELS
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import as_wanted
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words

HOUR, DAY = 3600.0, 86400.0
# How far the clocks of controller and target may lie apart; the way there is part of what is seen.
CLOCK_SECONDS = 10.0
# A stamp is missed when two of its intervals have passed, as the alert rules have it.
INTERVALS = 2
# A watch starts anew each hour, and a look may take a minute: by then somebody would have to be told.
WATCH_SECONDS = 180.0
_SWITCH = ("true", "false", "1", "0", "yes", "no", "on", "off", "none", "")
_DISK = re.compile(r"\S.*?\s+(\d+)\s+(\d+)\s+(-?\d+)\s+(?:\d+%|-)\s+(/.*)")


class Seen(NamedTuple):
    """What was observed: true, false or None where it could not be, since when, and what mends it."""

    ok: bool | None
    evidence: str
    at: float | None = None
    mend: str = ""


class Look:
    """What was seen of each item, in a method by its name; `facts` are those of the outcome."""

    def __init__(self, facts: Mapping[str, Any], words: Words) -> None:
        self.facts, self.words = facts, words
        self.now = number(facts["now"], "now")
        self.zone = _calendar.zone_of(str(facts["time_zone"]))
        begin = facts.get("start")
        self.begin = _calendar.moment(begin, self.zone) if begin else self.now
        self.end = self.begin + HOUR * number(facts["hours"], "hours")
        self.run = words.run

    def why(self, registered: object) -> str:
        """What a module says that could not look; empty where it says nothing."""
        return sentence(_reason(registered), self.words.locale)[:200]

    def part(self, name: str) -> dict[str, Any]:
        """What a task registered or a program left; empty where it did not come to it."""
        part = self.facts.get(name)
        return part if isinstance(part, dict) else {}

    def records(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.facts.get(kind) or [] if isinstance(record, dict)]

    def time(self, text: object) -> float | None:
        try:
            return parse_when(str(text), self.now)
        except ValueError:
            return None

    def say(self, key: str, **fields: object) -> str:
        return self.words.say(key, **fields)

    def confirm(self, item: str) -> str:
        return self.run[f"go_live_gate -e confirm={item} -e runbook_actor={self.facts.get('actor') or '?'}"]

    def drill(self) -> str:
        where = self.facts.get("staging_hosts") or "staging"
        return self.run[f"drill --limit {where} -e runbook_hosts={where}"]

    # -- the drill ledger

    def rehearsals(self) -> list[dict[str, Any]]:
        """A drill whose restoration failed, or was never seen, has failed, whatever went well in it."""
        drills = self.records("drills")
        begun, restored = (
            {drill.get("run_id") for drill in drills if drill.get("what") == end} for end in ("begun", "restored")
        )
        left = begun - restored - {None}
        failed = {"status": "failed", "why": self.say("drill_left")}
        return [
            {**drill, **failed} if drill.get("run_id") in left and drill.get("status") == "passed" else drill
            for drill in drills
            if drill.get("what") == "rehearsal"
        ]

    def rehearsed(self, level: int) -> Seen:
        """The newest counts: one that failed since says more than an older one that did not."""
        wanted = LEVELS[level]
        done = [
            rehearsal
            for rehearsal in self.rehearsals()
            if rehearsal.get("procedure") == wanted and rehearsal.get("counts") is not False
        ]
        if not done:
            return Seen(None, self.say("never_rehearsed"), mend=self.drill())
        last = done[-1]
        seconds = self.words.decimal(f"{number(last.get('act_seconds') or 0, 'act_seconds'):.1f}")
        fields = {"fault": last.get("fault"), "host": last.get("host"), "seconds": seconds, "by": last.get("actor")}
        if last.get("status") != "passed":
            return Seen(False, self.say("rehearsal_failed", why=last.get("why") or "?", **fields), mend=self.drill())
        return Seen(True, self.say("rehearsal", **fields), self.time(last.get("at")), self.drill())

    def trained(self) -> Seen:
        passed = [rehearsal for rehearsal in self.rehearsals() if rehearsal.get("status") == "passed"]
        if not passed:
            return Seen(None, self.say("no_drill"), mend=self.drill())
        last = passed[-1]
        return Seen(True, self.say("last_drill", by=last.get("actor")), self.time(last.get("at")), self.drill())

    # -- what is typed

    def dry_run(self) -> Seen:
        if self.facts.get("commands_problem"):
            return Seen(None, str(self.facts["commands_problem"]), mend=self.confirm("dry_run"))
        run = self.part("dry_run")
        if "rc" not in run:
            return Seen(None, self.why(run) or self.say("not_looked"), mend=f"{self.run[LEVELS[1]]} --check")
        if run["rc"] != 0:
            # The first that is not clean ends them.
            began = re.findall(r"PLAY \[Rollback level ([123])\]|(fatal): ", str(run.get("stdout") or ""))
            before = [level for level, _end in itertools.takewhile(lambda play: not play[1], began)]
            name = LEVELS[int(before[-1])] if before else LEVELS[1]
            return Seen(False, self.say("not_clean", procedure=name, why=_why(run)), mend=f"{self.run[name]} --check")
        return Seen(True, self.say("clean", procedures=", ".join(LEVELS.values())), self.now)

    def procedures(self) -> Seen:
        if self.facts.get("commands_problem"):
            return Seen(None, str(self.facts["commands_problem"]), mend=self.confirm("procedures"))
        run = self.part("syntax")
        if "rc" not in run:
            return Seen(None, self.say("not_looked"))
        if run["rc"] != 0:
            return Seen(False, _why(run), mend=f"{self.run['health_check']} --syntax-check")
        return Seen(True, self.say("typed", n=self.facts.get("playbooks"), where=self.facts.get("cwd")), self.now)

    # -- people

    def acknowledged(self) -> Seen:
        """An incident that somebody took over has been heard; so has a test message that somebody confirms."""
        acknowledged = self.part("incident").get("acknowledged")
        if not isinstance(acknowledged, dict):
            return Seen(None, self.say("not_acknowledged"))
        return Seen(True, self.say("acknowledged", by=acknowledged.get("by")), self.time(acknowledged.get("time")))

    def heard(self, item: str) -> Seen:
        test = self.run["notify -e notify_event=test"]
        mend = self.say("then", first=test, second=self.confirm(item))
        return self.acknowledged()._replace(mend=mend)

    def contacts(self) -> Seen:
        problems = contacts_problems(self.facts.get("contacts"), self.facts.get("smtp"))
        if problems:
            return Seen(False, problems[0])
        # An incident was heard at whatever address; that this list is right a person says, and again of another list.
        return Seen(None, self.say("not_confirmed"), mend=self.heard("contacts").mend)

    def channels(self) -> Seen:
        return self.heard("channels")

    def on_call(self) -> Seen:
        rows = _calendar.spans(self.facts.get("rota") or [], self.zone, "name", "go_live_rota")
        if self.facts.get("rota_ical"):
            feed = self.part("calendar")
            if not isinstance(feed.get("rows"), list):
                # Whatever else is known: who follows the calendar would be missed.
                why = self.why(feed) or self.say("not_looked")
                return Seen(None, self.say("rota_unread", why=why), mend=self.say("mend_ical"))
            rows = sorted([*rows, *_calendar.spans(feed["rows"], self.zone, "name", "go_live_rota_ical")])
        window = {"begin": _calendar.shown(self.begin, self.zone), "end": _calendar.shown(self.end, self.zone)}
        if self.end <= self.now:
            # Of an earlier go-live: who was on call then says nothing of who is now.
            return Seen(False, self.say("window_over", **window), mend=self.say("write_window"))
        if not rows and not self.facts.get("rota_ical"):
            return Seen(None, self.say("no_rota", **window), mend=self.say("write_rota"))
        free = _calendar.gaps(rows, self.begin, self.end)
        if free:
            named = ", ".join(f"{_calendar.shown(a, self.zone)} – {_calendar.shown(b, self.zone)}" for a, b in free[:3])
            mend = self.say("write_ical" if self.facts.get("rota_ical") else "write_rota")
            return Seen(False, self.say("rota_gaps", gaps=named), mend=mend)
        names = dict.fromkeys(span.label for span in _calendar.within(rows, self.begin, self.end))
        return Seen(True, self.say("rota", names=", ".join(names), **window), self.now)

    # -- the release

    def known_good(self) -> Seen:
        looked = self.part("release")
        release, mend = looked.get("release"), self.run["health_check -e health_mark_release=true"]
        if not isinstance(release, dict):
            return Seen(None, self.why(looked) or self.say("not_looked"), mend=self.run["diagnose"])
        chosen = release.get("chosen")
        if not chosen:
            return Seen(False, self.say("no_good_release"), mend=mend)
        older = self.part("in_place").get("reason") or {}
        if older.get("code") == "started_before":
            # All that is seen of it is another release's, and the next restart, of a rollback too, brings this one.
            return Seen(False, in_words(older, self.words.locale), self.now, self.say("start_release"))
        return Seen(True, self.say("good_release", commit=str(chosen.get("commit"))[:12]), self.now)

    def offline(self) -> Seen:
        prepare = self.run["prepare_go_live"]
        if not self.facts.get("venv_dir"):
            return Seen(True, self.say("nothing_to_install"), self.now)
        if not self.facts.get("wheelhouse"):
            return Seen(False, self.say("no_wheelhouse"), mend=self.say("name_wheelhouse"))
        wheels = self.part("wheels")
        if wheels.get("failed"):
            return Seen(False, self.why(wheels), mend=prepare)
        if wheels.get("changed"):
            return Seen(False, self.say("not_offline"), mend=prepare)
        if not wheels.get("offline"):
            return Seen(None, self.say("offline_unknown"), mend=prepare)
        return Seen(True, self.say("offline", commit=str(wheels.get("commit"))[:12]), self.now)

    # -- what watches

    def monitoring(self) -> Seen:
        return Seen(None, self.say("no_alert_seen"), mend=self.say("let_fire", confirm=self.confirm("monitoring")))

    def stamp(self, name: str, mend: str, longest: float = 0.0) -> Seen:
        """A program that runs again and again says when it last did."""
        left = self.part(name)
        at = self.time(left.get("at"))
        if at is None:
            return Seen(None, self.say("no_stamp"), mend=mend)
        every = number(left.get("every_seconds") or 300, "every_seconds")
        age = self.now - at
        seen = self.say("stamp", age=self.words.duration(age), every=self.words.duration(every))
        # A clock that goes wrong makes a stamp of the future, which proves nothing.
        return Seen(-CLOCK_SECONDS <= age <= max(longest, INTERVALS * every + CLOCK_SECONDS), seen, at, mend)

    def scheduled_check(self) -> Seen:
        if self.facts.get("check") == "none":
            return Seen(None, self.say("scheduled_elsewhere"), mend=self.confirm("scheduled_check"))
        seen = self.stamp("health_check", self.run["prepare_go_live"])
        hosts = self.part("health_check").get("hosts")
        if seen.ok and isinstance(hosts, list) and hosts and self.facts.get("host") not in hosts:
            return seen._replace(ok=False, evidence=self.say("check_of_others", hosts=", ".join(map(str, hosts[:5]))))
        # 40 of runbook-health-tick: it came, and the check could not be made.
        return (
            seen._replace(ok=False, mend=self.run["diagnose"]) if self.part("health_check").get("exit") == 40 else seen
        )

    def watched(self) -> Seen:
        seen = self.stamp("watch", self.run["prepare_go_live"], WATCH_SECONDS)
        # A watch that sees nothing is none.
        return (
            seen._replace(ok=False, mend=self.run["diagnose"]) if self.part("watch").get("status") == "blind" else seen
        )

    # -- the assistant

    def gateway(self) -> Seen:
        evolution, mend = self.part("gateway").get("evolution"), self.run["diagnose -e depth=full"]
        if not isinstance(evolution, dict):
            why = self.why(self.part("gateway")) or self.say("gateway_not_asked")
            return Seen(None, why, mend=self.confirm("gateway"))
        if evolution.get("findings"):
            return Seen(False, finding_in_words(evolution["findings"][0], self.words.locale), mend=mend)
        if not evolution.get("healthy"):
            unknown = ", ".join(str(check) for check in evolution.get("unknown") or ["?"])
            return Seen(None, self.say("gateway_unknown", checks=unknown), mend=self.confirm("gateway"))
        webhook = (evolution.get("webhook") or {}).get("url") or "?"
        return Seen(True, self.say("gateway_open", state=evolution.get("state"), webhook=webhook), self.now)

    def service(self) -> dict[str, Any]:
        service = self.part("seen").get("service")
        return service if isinstance(service, dict) else {}

    def flags(self) -> Seen:
        service = self.service()
        if not service.get("running"):
            return Seen(None, self.say("not_running"), mend=self.run["diagnose"])
        if service.get("readable") is False:
            return Seen(None, self.say("unreadable"), mend=self.run["diagnose"])
        effective, wanted = service.get("effective") or {}, self.part("flags")
        # An application may set aside what its environment says, and tell so.
        told_of = {name: value for name, value in (service.get("reported") or {}).items() if value is not None}
        wrong = [name for name, value in wanted.items() if not _as_flag(effective.get(name), value)]
        wrong += [
            name for name in wanted if name not in wrong and not _as_flag(told_of.get(name, wanted[name]), wanted[name])
        ]
        if wrong:
            shown = ", ".join(f"{name}={effective.get(name) or '-'}" for name in wrong)
            off = any(name in wrong for name in self.part("level1_flags"))
            mend = self.run[f"roll_forward -e level={1 if off else 2}"]
            return Seen(False, self.say("flags_wrong", flags=shown), mend=mend)
        flags = ", ".join(f"{name}={'-' if effective.get(name) is None else effective[name]}" for name in wanted)
        return Seen(True, self.say("flags", pid=service.get("pid"), flags=flags), self.now)

    def log(self) -> Seen:
        mend = self.run["diagnose -e depth=full"]
        registered = self.part("seen").get("traces")
        traces = registered.get("traces") if isinstance(registered, dict) else None
        if not isinstance(traces, dict):
            return Seen(None, self.why(registered) or self.say("not_looked"), mend=mend)
        if not traces.get("records"):
            return Seen(False, self.say("no_records"), mend=mend)
        if traces.get("timestamps") == "none":
            return Seen(False, self.say("no_times"), mend=mend)
        evidence = traces.get("evidence") or {}
        bad = [
            name
            for name in ("understood", "owned", "covered", "fresh")
            if (evidence.get(name) or {}).get("ok") is False
        ]
        if bad:
            return Seen(
                False, self.say("evidence_bad", parts=", ".join(self.say(f"part_{name}") for name in bad)), mend=mend
            )
        named = ", ".join(f"{name} {n}" for name, n in sorted((traces.get("grammars") or {}).items()))
        return Seen(True, self.say("log", records=traces["records"], grammars=named), self.now)

    def verdict(self) -> Seen:
        verdict = self.part("verdict")
        if not verdict.get("status"):
            return Seen(None, self.say("not_looked"), mend=self.run["health_check"])
        reason = next(iter(verdict.get("reasons") or []), "")
        sentence = f"{verdict['status']} ({verdict.get('cause')}): {reason}"
        level = verdict.get("level")
        mend = self.run[LEVELS[level]] if level in LEVELS else self.run["diagnose"]
        # Quiet hours are no illness, and no evidence that it works either.
        good = verdict["status"] == "ok" and verdict.get("cause") != "quiet"
        return Seen(good, sentence, self.now, mend)

    # -- the host

    def host(self) -> dict[str, Any]:
        """`{clock, uid, free: {path: MB}}` of what the host printed, empty where it did not."""
        lines = str(self.part("host_told").get("stdout") or "").splitlines()
        head = lines[0].split() if lines else []
        if len(head) != 3:
            return {}
        free, wrong = {}, []
        for line in lines[1:]:
            row = _DISK.fullmatch(line.strip())
            if row:
                free[row[4]] = int(row[3]) // 1024
            elif line.strip():
                wrong.append(line.split(None, 1))
        # When the host was asked, by the controller; and what its own clock said then.
        return {"clock": float(head[1]) - float(head[0]), "uid": int(head[2]), "free": free, "disks": wrong}

    def disk(self) -> Seen:
        host = self.host()
        free = host.get("free")
        bad = [disk for disk in host.get("disks") or [] if disk[0] in ("read-only", "files")]
        if bad:
            what, path = bad[0][0].replace("-", "_"), (bad[0][1:] or ["?"])[0]
            return Seen(False, self.say(f"disk_{what}", path=path), self.now, self.say("make_room"))
        if not free or host["disks"]:
            # One that nothing is known of may be the one that is full.
            why = " ".join(host["disks"][0]) if host.get("disks") else self.why(self.part("host_told"))
            return Seen(None, why or self.say("not_looked"), mend=self.run["diagnose"])
        where, left = min(free.items(), key=lambda place: place[1])
        wanted = int(self.facts.get("free_mb") or 0)
        return Seen(
            left >= wanted, self.say("free", mb=left, path=where, wanted=wanted), self.now, self.say("make_room")
        )

    def clock(self) -> Seen:
        host = self.host()
        if not host:
            return Seen(None, self.why(self.part("host_told")) or self.say("not_looked"), mend=self.run["diagnose"])
        good = abs(host["clock"]) <= CLOCK_SECONDS
        off = self.words.decimal(f"{host['clock']:.0f}")
        return Seen(good, self.say("clock", seconds=off), self.now, self.say("set_clock"))

    def privileges(self) -> Seen:
        host = self.host()
        if not host:
            return Seen(None, self.why(self.part("host_told")) or self.say("not_looked"), mend=self.run["diagnose"])
        if host["uid"] == 0:
            return Seen(True, self.say("root"), self.now)
        needed = self.facts.get("manager") == "systemd"
        return Seen(not needed, self.say("no_root", uid=host["uid"]), self.now, self.say("need_root"))

    def state_debt(self) -> Seen:
        """What an earlier incident or drill has left, and nobody has taken away."""
        service, state = self.service(), self.part("seen").get("state") or {}
        if not service or state.get("known") is False:
            return Seen(None, self.say("not_looked"), mend=self.run["diagnose"])
        declared = service.get("declared") or {}
        switches = [name for name in self.part("level1_flags") if truthy(declared.get(name))]
        debts: list[tuple[str, str]] = []
        forward = self.run["roll_forward -e level=1"]
        if switches:
            debts.append((self.say("debt_switch", flags=", ".join(switches)), forward))
        if (service.get("fence") or {}).get("present"):
            debts.append((self.say("debt_fence", since=service["fence"].get("since")), forward))
        v1 = self.part("level2_flags")
        # Declared as a rollback declares them, whatever the process has.
        if as_wanted(declared, v1):
            debts.append((self.say("debt_flags"), self.run["roll_forward -e level=2"]))
        incident = self.part("incident")
        torn = self.torn("incident")
        if torn:
            debts.append((self.say("debt_torn", why=torn), self.run["notify -e notify_event=close"]))
        if incident and not incident.get("closed"):
            debts.append((self.say("debt_incident", id=incident.get("id")), self.run["notify -e notify_event=close"]))
        drills_torn = self.part("unread").get("drill") or {}
        if drills_torn.get("newest"):
            # It may be a drill that has begun, or a rehearsal that failed.
            debts.append((self.say("debt_drills_torn", line=drills_torn["lines"][-1]), self.drill()))
        unfinished = _unfinished(self.records("drills"))
        if unfinished:
            debts.append((self.say("debt_drill", host=unfinished[0]), self.drill()))
        frozen = self.frozen()
        if frozen:
            debts.append((frozen, self.run["automation -e stop=false"]))
        lines = unread_lines(self.facts)
        if lines:
            debts.append((self.say("debt_unread", lines=lines), self.run["automation"]))
        if not debts:
            return Seen(True, self.say("no_debt"), self.now)
        return Seen(False, "; ".join(text for text, _mend in debts), self.now, debts[0][1])

    def torn(self, name: str) -> str:
        """Why a file on the desk could not be read; empty where it was, or is not there."""
        desk = self.facts.get("desk")
        for file in (desk.get("results") if isinstance(desk, Mapping) else None) or []:
            if isinstance(file, Mapping) and file.get("item") == name and content(file) is None:
                why = _reason(file)
                if file.get("content") or (why and not why.lower().startswith("file not found")):
                    return self.why(file) or f"{name}.json"
        return ""

    def frozen(self) -> str:
        """Automation that stands still and has no owner: the stop names nobody, or nobody can tell when it ends."""
        stops = [record for record in self.records("automation") if record.get("what") == "stop"]
        last = stops[-1] if stops else {}
        if last.get("until") is None:
            return ""
        until = self.time(last["until"])
        if until is not None and (until <= self.now or str(last.get("actor") or "").strip()):
            return ""
        return self.say("debt_frozen", by=last.get("actor") or "?", at=last.get("at"))

    def freeze(self) -> Seen:
        rows = _calendar.spans(self.facts.get("freeze") or [], self.zone, "reason", "go_live_freeze")
        freezes = _calendar.within(rows, self.now, self.now + 1) or _calendar.within(rows, self.begin, self.end)
        if not freezes:
            return Seen(True, self.say("no_freeze"), self.now)
        until = _calendar.shown(freezes[0].end, self.zone)
        return Seen(False, self.say("frozen", reason=freezes[0].label, until=until), self.now, self.say("wait_freeze"))

    # -- any of them

    def look(self, item: str) -> Seen:
        if item.startswith("rehearsed_level"):
            return self.rehearsed(int(item[-1]))
        observe: Callable[[], Seen] = getattr(self, item)
        return observe()


def _as_flag(value: object, wanted: object) -> bool:
    """Whether a process that has a value has the one that is wanted; of a switch only which way it is."""
    if isinstance(wanted, bool) or str(wanted).lower() in _SWITCH:
        return truthy(value) == truthy(wanted)
    return str(value) == str(wanted)


def _unfinished(drills: Sequence[Mapping[str, Any]]) -> list[str]:
    """The hosts on which a drill has begun and was not seen to be restored."""
    ends = [drill for drill in drills if drill.get("what") in ("begun", "restored")]
    newest = {str(drill.get("host")): drill["what"] for drill in ends}
    return [host for host, end in newest.items() if end == "begun"]


def _reason(registered: object) -> str:
    message = registered.get("msg") if isinstance(registered, Mapping) else None
    return " ".join(str(message or "").split())


def _why(run: Mapping[str, Any]) -> str:
    """What a run of ansible-playbook says went wrong."""
    text = f"{run.get('stdout') or ''}\n{run.get('stderr') or ''}"
    errors = re.findall(r'(?:"msg": "|^\[?ERROR\]?:? )(.+?)(?:"\s*[,}]|$)', text, flags=re.MULTILINE)
    error = errors[-1] if errors else (text.strip().splitlines() or [str(run.get("msg") or "?")])[-1]
    return redact(" ".join(error.split()))[:200]
