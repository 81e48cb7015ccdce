# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of an incident: what happened, was detected, decided, done and proven, and what nobody knows. Pure.

Every statement names what it rests on: an entry of a host's journal, or a measurement with its window.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when
from ansible_collections.kumon.runbook.plugins.plugin_utils._checklist import checklist, judgement
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import health_in_words
from ansible_collections.kumon.runbook.plugins.plugin_utils._diagnosis import message_of
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import BUDGETS, JUDGED
from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import (
    TARGET,
    delivery_rate,
    mapping,
    merge_minutes,
    merge_traces,
    sequence,
    wilson_interval,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._types import Guards, Traces
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import report as _texts

SECTIONS = ("happened", "detected", "decided", "done", "proven", "unknown")
_SAMPLES = 5
# What is looked at on a host, and what it is unknown without.
_SOURCES = {
    "journal": "journal_info",
    "traces": "trace_log_info",
    "service": "service_flags_info",
    "release": "release_info",
    "evidence": "evidence",
    "smoke_test": "smoke_test",
}


def report_host(seen: Any, verdict: Any, measured: Any, release: Any, evidence: Any) -> dict[str, Any]:
    """What is known of one host, and why the rest is not.

    :param seen: ``health_seen``, what each probe of the present registered
    :param measured: what the tasks that read the incident's log, the release and the evidence registered
    """
    seen = mapping(seen, "seen")
    registered = {
        "journal": (seen.get("journal"), "journal"),
        "traces": (measured, "traces"),
        "service": (seen.get("service"), None),
        "release": (release, "release"),
        "evidence": (evidence, "evidence"),
    }
    known: dict[str, Any] = {}
    unknown = []
    for name, (answer, key) in registered.items():
        answer = answer if isinstance(answer, dict) else {}
        part = answer.get(key) if key else answer if seen["state"]["known"] else None
        known[name] = part if isinstance(part, dict) else None
        if known[name] is None and answer.get("msg"):
            unknown.append({"source": _SOURCES[name], "why": str(answer["msg"])})
    present = (seen.get("traces") or {}).get("traces")
    return {
        **known,
        "present": present if isinstance(present, dict) else None,
        "verdict": verdict,
        "smoke_test": (seen.get("kept") or {}).get("smoke_test"),
        "unknown": unknown,
    }


def model(facts: Any, locale: str) -> dict[str, Any]:
    """Put together what a report says, for the renderers.

    :param facts: see the filter's documentation, ``incident_report.yml``
    :raises ValueError: for facts of another shape, or an unknown locale
    """
    return _Report(redact_data(mapping(facts, "The facts")), locale).model()


class _Report:
    def __init__(self, facts: dict[str, Any], locale: str) -> None:
        self._words, self._locale = Words(locale, _texts.TEXTS), locale
        self._say = self._words.say
        self._sentence = partial(sentence, locale=locale)
        self._incident = mapping(facts["incident"], "incident")
        self._hosts = {
            str(name): mapping(host, f"hosts.{name}") for name, host in sorted(mapping(facts["hosts"], "hosts").items())
        }
        self._generated = str(facts["generated"])
        self._now = parse_when(self._generated, 0)
        self._version = str(facts.get("runbook_version") or "?")
        self._window = [parse_when(str(self._incident[name]), self._now) for name in ("since", "until")]
        self._news = self._of_incident(facts.get("notifications"))
        self._acts = self._number_acts()
        traces = [host["traces"] for host in self._hosts.values() if host.get("traces")]
        self._traces = merge_traces(traces) if traces else None
        self._minutes: list[dict[str, Any]] = [
            {**row, **wilson_interval(row["success"], n), "rate": row["success"] / n if n else None, "n": n}
            for row in merge_minutes([host["minutes"] for host in traces])
            for n in [row["success"] + row["failed"]]
        ]

    def model(self) -> dict[str, Any]:
        status = self._status()
        return {
            "locale": self._locale.replace("_", "-"),
            "texts": self._words.texts(),
            "words": self._words.texts("charts_"),
            "title": self._say("title", id=self._incident["id"]),
            "status": status,
            "headline": self._say("status_quiet" if status == "ok" and self._quiet() else f"status_{status}"),
            "meta": [
                (self._say("incident"), str(self._incident["id"])),
                (self._say("window"), f"{_span(self._incident['since'], self._incident['until'])} UTC"),
                (self._say("hosts"), ", ".join(self._hosts)),
                (self._say("generated"), f"{_clock(self._generated)} UTC, kumon.runbook {self._version}"),
            ],
            "sections": [
                {"name": name, "title": self._say(name), "statements": getattr(self, f"_{name}")()} for name in SECTIONS
            ],
            "acts": self._acts,
            "minutes": self._minutes,
            "target": TARGET,
            "runs": self._runs(),
            "guards": self._guards(),
            "alts": self._alts(),
            "checklist": self._checklists(),
            "messages": self._messages(),
            "evidence": self._evidence(),
        }

    def _of_incident(self, news: Any) -> dict[str, Any] | None:
        """The messages that are not those of an incident before this one."""
        if news is None or "messages" not in mapping(news, "notifications"):
            return None
        if news.get("opened") and parse_when(str(news["opened"]), self._now) > self._window[1]:
            return None  # of an incident after this one; of this one nothing is known here
        messages = sequence(news["messages"] or [], "notifications.messages")
        late = [message for message in messages if parse_when(str(message["time"]), self._now) >= self._window[0]]
        # They are this incident's, so it does not matter here that it is over.
        return {**news, "messages": late, "closed": None}

    # ------------------------------------------------------------ what it rests on

    def _number_acts(self) -> list[dict[str, Any]]:
        """The acts inside the window, oldest first, numbered as the picture numbers them."""
        acts = []
        for host, known in self._hosts.items():
            for act in self._acts_of(host, known):
                began = parse_when(str(act["began"]), self._now)
                # What was judged belongs to the act that it judges.
                if self._window[0] <= began <= self._window[1] and act.get("act") != "proof":
                    acts.append((began, host, int(act.get("seq") or 0), act))
        acts.sort(key=lambda entry: entry[:3])
        return [
            {
                "number": number,
                "host": host,
                "began": str(act["began"]),
                "at": _clock(act["began"]),
                "ended": act.get("ended"),
                "run_id": str(act.get("run_id")),
                "procedure": str(act.get("procedure")),
                "act": str(act.get("act")),
                "actor": str(act.get("actor")),
                "ok": act.get("ok"),
                "msg": str(act.get("msg") or ""),
                "after": act.get("after") or {},
                "change": _change(act.get("before"), act.get("after")),
                "result": self._result(host, act),
                "verified": self._verified(host, act),
                "judged": self._judged(host, act),
                "hash": str(act.get("hash") or "")[:12],
                "ref": _entry(host, act),
            }
            for number, (_began, host, _seq, act) in enumerate(acts, 1)
        ]

    def _acts_of(self, host: str, known: dict[str, Any]) -> list[Any]:
        return sequence((known.get("journal") or {}).get("acts") or [], f"The acts of {host}")

    def _verified(self, host: str, act: Mapping[str, Any]) -> bool:
        """Whether an act's entries stand before the first one that breaks the journal's chain."""
        journal = self._hosts[host]["journal"]
        if journal.get("ok", True):
            return True
        return int(act.get("outcome_seq") or act.get("seq") or 0) <= int(journal.get("entries") or 0)

    def _judged(self, host: str, act: dict[str, Any]) -> dict[str, Any] | None:
        judged = judgement(act, self._acts_of(host, self._hosts[host])) if act.get("procedure") in JUDGED else None
        if judged is None or not self._verified(host, judged):
            return None
        return {**_some(judged, ("ok", "msg", "ended")), "ref": _entry(host, judged)}

    def _result(self, host: str, act: dict[str, Any]) -> str:
        if not self._verified(host, act):
            return self._say("not_verifiable")
        if act.get("ended") is None:
            return self._say("not_ended")
        if act.get("ok") is None:
            return self._say("noted")
        return self._say("took_effect") if act["ok"] else self._say("failed")

    def _tell(self, key: str, *refs: str, **fields: object) -> dict[str, Any]:
        """One statement, and what it rests on."""
        return {"text": self._say(key, **fields), "refs": list(refs)}

    def _trace_ref(self, host: str) -> str:
        window = self._hosts[host]["traces"].get("window") or {}
        since, until = window.get("since") or self._incident["since"], window.get("until") or self._incident["until"]
        return f"trace_log_info {host}, {_span(since, until)}"

    def _measured(self) -> list[str]:
        return [host for host, known in self._hosts.items() if known.get("traces")]

    def _all_traces(self) -> list[str]:
        return [self._trace_ref(host) for host in self._measured()]

    def _status(self) -> str:
        """The worst that is known of any host now; unknown is worse than watched."""
        order = ("ok", "watch", "blind", "rollback")
        statuses = [str((host.get("verdict") or {}).get("status", "blind")) for host in self._hosts.values()]
        return max((status if status in order else "blind" for status in statuses), key=order.index, default="blind")

    def _quiet(self) -> bool:
        """Whether what is called ok of a host is only that nothing was to be heard."""
        return any((host.get("verdict") or {}).get("cause") == "quiet" for host in self._hosts.values())

    # ------------------------------------------------------------ the sections

    def _happened(self) -> list[dict[str, Any]]:
        rows = []
        for host in self._measured():
            traces, ref = self._hosts[host]["traces"], self._trace_ref(host)
            handoff, delivery, guards = traces["handoff"], traces["delivery"], traces["guards"]
            rows.append(self._tell("handoffs", ref, host=host, **_some(handoff, _HANDOFF)))
            rate = delivery_rate(traces)
            if rate["rate"] is not None:
                bounds = {"rate": rate["rate"], "low": rate["low"], "high": rate["high"]}
                shares = {name: self._words.percent(value) for name, value in bounds.items()}
                rows.append(self._tell("delivered", ref, host=host, n=rate["n"], **shares, **_some(delivery, _SENDS)))
            else:
                rows.append(self._tell("none_delivered", ref, host=host))
            if guards["incidents"]:
                types = self._words.names({**guards["outbox"], **guards["instance"]})
                rows.append(self._tell("guarded", ref, host=host, n=guards["incidents"], types=types))
            if delivery["failed_by_http"]:
                codes = self._words.names(delivery["failed_by_http"])
                rows.append(self._tell("by_http", ref, host=host, codes=codes))
            if delivery.get("failed_by_cause"):
                causes = self._words.names(delivery["failed_by_cause"])
                rows.append(self._tell("by_cause", ref, host=host, causes=causes))
            for kind in ("invalid", "unexpected"):
                if traces["instances"].get(kind):
                    names = self._words.names(traces["instances"][kind])
                    rows.append(self._tell(f"{kind}_instance", ref, host=host, names=names))
            rows += self._samples(host, traces, ref)
        return rows

    def _samples(self, host: str, traces: dict[str, Any], ref: str) -> list[dict[str, Any]]:
        samples = [
            (str(sample.get("time") or ""), str(sample.get("line") or ""))
            for kind in ("guards", "lost", "failures")
            for sample in ((traces.get("samples") or {}).get(kind) or [])[:2]
        ]
        return [
            {
                **self._tell("line", ref, host=host, at=_clock(at) if at else "?"),
                "code": message_of(line)[:400],
            }
            for at, line in sorted(samples, reverse=True)[:_SAMPLES]
        ]

    def _detected(self) -> list[dict[str, Any]]:
        rows = []
        wrong = [row for row in self._minutes if row["failed"] or row["lost"] or row["guards"]]
        if wrong:
            what = ", ".join(
                f"{self._say(f'charts_{name}')} {wrong[0][name]}"
                for name in ("failed", "lost", "guards")
                if wrong[0][name]
            )
            at = _clock(wrong[0]["minute"])
            rows.append(self._tell("first_sign", *self._all_traces(), at=at, what=what))
            first = next((act for act in self._acts if act["procedure"] in BUDGETS), None)
            if first:
                delay = parse_when(first["began"], self._now) - parse_when(wrong[0]["minute"], self._now)
                if delay >= 0:
                    age = self._words.duration(delay)
                    rows.append(self._tell("to_first_act", first["ref"], *self._all_traces(), age=age))
        elif self._minutes:
            rows.append(self._tell("no_sign", *self._all_traces()))
        for host, known in self._hosts.items():
            verdict = known.get("verdict")
            if verdict:
                # The verdict is on the present, which is measured from the last act on.
                seen = known.get("present")
                since = (seen or {}).get("window", {}).get("since")
                ref = f"trace_log_info {host}, {_span(since, seen['measured'])}" if seen else f"verdict {host}"
                fields = {name: verdict.get(name) for name in ("status", "cause", "level")}
                reasons = " ".join(str(reason) for reason in verdict.get("reasons") or [])
                rows.append(self._tell("judged", ref, host=host, reasons=reasons, **fields))
        return rows

    def _decided(self) -> list[dict[str, Any]]:
        rows = []
        decided = {(act["run_id"], act["host"]) for act in self._acts if act["act"] == "decision"}
        seen = set()
        for act in self._acts:
            run = (act["run_id"], act["host"], act["procedure"])
            if act["act"] == "decision":
                level = act["after"].get("level") or "?"
                rows.append(self._tell("decision", act["ref"], level=level, **_who(act)))
            elif act["procedure"] in BUDGETS and run not in seen and run[:2] not in decided:
                rows.append(self._tell("started", act["ref"], **_who(act)))
            seen.add(run)
        return rows

    def _done(self) -> list[dict[str, Any]]:
        rows = []
        for act in self._acts:
            if act["act"] == "decision":
                continue
            took = ""
            if act["ended"] is not None:
                seconds = parse_when(str(act["ended"]), self._now) - parse_when(act["began"], self._now)
                # Where the host's clock was set back meanwhile nobody knows.
                took = self._say("took", seconds=self._words.decimal(f"{seconds:.1f}")) if seconds >= 0 else ""
            change = f": {act['change']}" if act["change"] else ""
            fields = _some(act, ("number", "at", "act", "result"))
            row = self._tell("act", act["ref"], change=change, took=took, **fields, **_who(act))
            row["text"] += f" ({self._sentence(act['msg'])})" if act["msg"] else ""
            rows.append(row)
        return rows

    def _proven(self) -> list[dict[str, Any]]:
        rows = []
        for act in self._acts:
            judged = act["judged"]
            if not (act["ok"] and act["verified"]) or act["act"] == "decision":
                continue
            if judged and judged["ok"]:
                rows.append(self._tell("effect_of_act", act["ref"], judged["ref"], number=act["number"], **_who(act)))
            elif act["procedure"] not in JUDGED:
                rows.append(self._tell("proof_of_act", act["ref"], number=act["number"], **_who(act)))
        ends = [str(act["ended"]) for act in self._acts if act["ended"]]
        if ends and self._minutes:
            # The minute in which the last act ended belongs to before and after; only those behind it are after.
            last = max(ends)
            after = [row for row in self._minutes if row["minute"] > last[:16] + "Z"]
            sums = {name: sum(row[name] for row in after) for name in ("success", "failed", "lost", "guards")}
            if after:
                rows.append(self._tell("since_act", *self._all_traces(), n=len(after), **sums))
        for host, known in self._hosts.items():
            service = known.get("service")
            if service and service.get("running"):
                ref = f"service_flags_info {host}"
                health = health_in_words(service.get("health") or {}, self._locale)
                fields = {"host": host, "pid": service.get("pid"), "started": _clock(service.get("started"))}
                rows.append(self._tell("running", ref, health=health, **fields))
                flags = {name: value for name, value in (service.get("effective") or {}).items() if value is not None}
                if flags:
                    shown = ", ".join(f"{name}={value}" for name, value in sorted(flags.items()))
                    rows.append(self._tell("flags", ref, host=host, flags=shown))
            release = known.get("release")
            if release and release.get("head"):
                commit = str(release["head"])[:12]
                rows.append(self._tell("release", f"release_info {host}", host=host, head=commit))
            head = (known.get("journal") or {}).get("head")
            if head:
                ref, digest = f"journal {host}", str(head["hash"])[:16]
                rows.append(self._tell("journal_head", ref, host=host, seq=head["seq"], hash=digest))
            test = known.get("smoke_test")
            if test:
                status, at = test.get("status"), _clock(test.get("at"))
                rows.append(self._tell("smoke_test", f"smoke_test {host}", host=host, status=status, at=at))
        return rows

    def _unknown(self) -> list[dict[str, Any]]:
        rows = []
        for host, known in self._hosts.items():
            reasons = {str(entry["source"]): str(entry["why"]) for entry in known.get("unknown") or []}
            for name, source in _SOURCES.items():
                if known.get(name) is None:
                    why = self._sentence(reasons.get(source)) or self._say("not_asked")
                    rows.append(self._tell("missing", f"{source} {host}", host=host, source=source, why=why))
            journal = known.get("journal")
            if journal is not None and not journal.get("ok", True):
                reason = self._sentence(journal.get("reason"))
                rows.append(self._tell("broken", f"journal {host}", host=host, reason=reason))
            if journal is not None and journal.get("as_seen") is False:
                reason = self._sentence(journal.get("unlike"))
                rows.append(self._tell("unlike", f"journal {host}", host=host, reason=reason))
            traces = known.get("traces")
            if traces is not None:
                rows += self._unknown_of(host, traces)
            for entry in (known.get("evidence") or {}).get("missing") or []:
                fields = {"host": host, "source": entry.get("source"), "why": self._sentence(entry.get("why"))}
                rows.append(self._tell("no_evidence", f"evidence {host}", **fields))
        for act in self._acts:
            if act["ended"] is None:
                rows.append(self._tell("open_act", act["ref"], number=act["number"], **_who(act)))
        for act in self._acts:
            judged = act["judged"]
            if act["ok"] and act["procedure"] in JUDGED and not (judged and judged["ok"]):
                refs = [act["ref"], *([judged["ref"]] if judged else [])]
                why = self._sentence((judged or {}).get("msg")) or self._say("not_judged")
                rows.append(self._tell("effect_not_proven", *refs, number=act["number"], why=why, **_who(act)))
        if not self._acts:
            rows.append(self._tell("no_acts", *[f"journal {host}" for host in self._hosts]))
        if self._news is None:
            rows.append(self._tell("no_messages_known", "notify"))
        elif self._news.get("drill"):
            rows.append(self._tell("drill", "notify", n=len(self._news["messages"])))
        # Numbers say what was lost, and never why.
        rows.append(self._tell("root_cause"))
        return rows

    def _unknown_of(self, host: str, traces: dict[str, Any]) -> list[dict[str, Any]]:
        """What the log does not tell although it was read."""
        ref, rows = self._trace_ref(host), []
        if not traces.get("records"):
            rows.append(self._tell("no_traces", ref, host=host))
        if traces.get("timestamps") == "none":
            rows.append(self._tell("no_times", ref, host=host))
        for name in ("undated", "unparsed"):
            if traces.get(name):
                rows.append(self._tell(name, ref, host=host, n=traces[name]))
        if traces["delivery"].get("unconfirmed"):
            rows.append(self._tell("unconfirmed", ref, host=host, n=traces["delivery"]["unconfirmed"]))
        if traces["handoff"].get("unread"):
            rows.append(self._tell("unread", ref, host=host, n=traces["handoff"]["unread"]))
        return rows

    # ------------------------------------------------------------ pictures and tables

    def _runs(self) -> list[dict[str, Any]]:
        """Each rollback against its budget: from its first act until its effect was judged, by the journal."""
        runs: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for act in self._acts:
            if act["procedure"] in BUDGETS and act["act"] != "decision":
                runs.setdefault((act["run_id"], act["procedure"], act["host"]), []).append(act)
        rows = []
        for (_run_id, procedure, host), acts in runs.items():
            if not all(act["ended"] and act["verified"] for act in acts):
                continue
            judged = [act["judged"] for act in acts if act["judged"]]
            began = min(parse_when(act["began"], self._now) for act in acts)
            ends = [parse_when(str(one["ended"]), self._now) for one in [*acts, *judged]]
            if min(ends) < began:
                continue  # the host's clock was set back meanwhile: no budget was kept that anybody knows of
            seconds = max(ends) - began
            rows.append(
                {
                    "name": f"{acts[0]['number']}  {procedure.replace('rollback_', '')} {host}",
                    "seconds": seconds,
                    "budget": BUDGETS[procedure],
                    "ok": all(act["ok"] for act in acts) and any(one["ok"] for one in judged),
                    "label": self._say(
                        "of_budget", seconds=self._words.decimal(f"{seconds:.1f}"), budget=f"{BUDGETS[procedure]:g}"
                    ),
                }
            )
        return rows

    def _guards(self) -> dict[str, int]:
        guards = (self._traces or Traces()).get("guards") or Guards()
        kinds = {"outbox": guards.get("outbox"), "instance": guards.get("instance")}
        return {f"{kind} {name}": n for kind, counts in kinds.items() for name, n in (counts or {}).items()}

    def _alts(self) -> dict[str, str]:
        """What the pictures show, for those who cannot see them."""
        rows = [row for row in self._minutes if row["n"]]
        rates = [self._words.percent(row["rate"]) for row in sorted(rows, key=lambda row: row["rate"])]
        return {
            "rate": self._say(
                "alt_rate",
                minutes=len(self._minutes),
                low=rates[0] if rates else "?",
                high=rates[-1] if rates else "?",
                lost=sum(row["lost"] for row in self._minutes),
            ),
            "budgets": "; ".join(f"{run['name']}: {run['label']}" for run in self._runs()),
            "guards": ", ".join(f"{name}: {count}" for name, count in sorted(self._guards().items())),
        }

    def _journal_of(self, known: dict[str, Any]) -> dict[str, Any] | None:
        """The journal with the incident's own acts; that one was undone later makes it no less done."""
        journal = known.get("journal")
        if journal is None:
            return None
        acts = [
            act
            for act in journal.get("acts") or []
            if self._window[0] <= parse_when(str(act["began"]), self._now) <= self._window[1]
            and act.get("procedure") != "roll_forward"
        ]
        return {**journal, "acts": acts}

    def _checklists(self) -> dict[str, list[dict[str, Any]]]:
        report = {"path": self._incident["id"], "at": self._generated}
        return {
            host: checklist(
                {
                    **{name: known.get(name) for name in ("verdict", "service", "smoke_test")},
                    "journal": self._journal_of(known),
                    "traces": known.get("present") or known.get("traces"),
                    "notifications": self._news,
                    "report": report,
                },
                self._now,
                self._locale,
            )
            for host, known in self._hosts.items()
        }

    def _messages(self) -> list[dict[str, Any]]:
        kinds, audiences = self._words.texts("kinds_"), self._words.texts("audiences_")
        answers = {True: self._say("accepted"), False: self._say("refused")}
        return [
            {
                "at": _clock(message.get("time")),
                "kind": kinds.get(message.get("kind"), str(message.get("kind"))),
                "audience": audiences.get(message.get("audience"), str(message.get("audience"))),
                "tier": message.get("tier"),
                "channel": message.get("channel") or "-",
                "ok": answers.get(message.get("ok"), self._say("not_known")),
                "detail": str(message.get("detail") or ""),
            }
            for message in sequence((self._news or {}).get("messages") or [], "notifications.messages")
        ]

    def _evidence(self) -> dict[str, dict[str, Any]]:
        return {host: known["evidence"] for host, known in self._hosts.items() if known.get("evidence")}


_HANDOFF = ("planned", "read", "lost", "unread")
_SENDS = ("sent", "success", "failed", "unconfirmed")


def _some(data: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: data[name] for name in names}


def _who(act: dict[str, Any]) -> dict[str, Any]:
    return _some(act, ("host", "procedure", "actor"))


def _entry(host: str, act: Mapping[str, Any]) -> str:
    """`journal host#7-8`: the entries of an act's begin and outcome."""
    outcome = act.get("outcome_seq")
    return f"journal {host}#{act.get('seq', '?')}" + (f"-{outcome}" if outcome else "")


def _clock(moment: Any) -> str:
    """`2026-11-22 10:12:27` of ISO 8601 in UTC; the minute when it has no seconds."""
    return str(moment or "?").replace("T", " ").rstrip("Z")[:19]


def _span(since: Any, until: Any) -> str:
    """From when to when; the date once where it is the same."""
    begin, end = _clock(since), _clock(until)
    return f"{begin} - {end[11:] if end[:10] == begin[:10] else end}"


def _change(before: Any, after: Any) -> str:
    """What an act changed: `NAME old → new, …`."""
    before, after = before or {}, after or {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    changes = [
        f"{name} {_short(before.get(name))} → {_short(value)}"
        for name, value in sorted(after.items())
        if before.get(name) != value
    ]
    return ", ".join(changes)[:400]


def _short(value: Any) -> str:
    return "-" if value is None else value[:60] if isinstance(value, str) else json.dumps(value, sort_keys=True)[:60]
