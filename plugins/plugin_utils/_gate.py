# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GO or NO-GO: each item of the preparation list with its evidence, its age and when that expires. Pure.

An item is what was observed, or what a person has confirmed where nothing can observe it; nobody's word stands against
what was observed. What was not looked at, or too long ago, is as good as not there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils._ical import source_problem
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils import _calendar
from ansible_collections.kumon.runbook.plugins.plugin_utils._gate_look import CLOCK_SECONDS, DAY, HOUR, Look, Seen
from ansible_collections.kumon.runbook.plugins.plugin_utils._kept import content
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import LEVELS
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words

OWN = ("confirmation", "command", "off")
# What a person confirms of the team; the rest is of the hosts that were judged then.
OF_TEAM = ("contacts", "channels", "monitoring", "procedures", "scheduled_check")


class Row(NamedTuple):
    """How long what was seen of it holds, in seconds, and whether a person may confirm what nothing can observe."""

    max_age: float
    by_hand: bool = False


ITEMS: dict[str, Row] = {
    **{f"rehearsed_level{level}": Row(30 * DAY) for level in sorted(LEVELS)},
    "trained": Row(30 * DAY),
    "dry_run": Row(HOUR, by_hand=True),
    "procedures": Row(HOUR, by_hand=True),
    "contacts": Row(30 * DAY, by_hand=True),
    "channels": Row(4 * HOUR, by_hand=True),
    "on_call": Row(HOUR),
    "known_good": Row(HOUR),
    "offline": Row(HOUR, by_hand=True),
    "monitoring": Row(7 * DAY, by_hand=True),
    "scheduled_check": Row(HOUR, by_hand=True),
    "watched": Row(HOUR),
    "gateway": Row(HOUR, by_hand=True),
    "flags": Row(HOUR),
    "log": Row(HOUR),
    "verdict": Row(HOUR),
    "disk": Row(HOUR),
    "clock": Row(HOUR),
    "privileges": Row(HOUR),
    "state_debt": Row(HOUR),
    "freeze": Row(HOUR),
}
"""The shipped items, in the order of the procedures' list. A team's `go_live_gate_items` are merged over them."""


class Item(TypedDict):
    """`status` is ok, missing (nothing seen), expired, failed (seen, and wrong) or off (not asked for)."""

    item: str
    name: str
    status: str
    evidence: str
    at: str | None
    age_seconds: float | None
    expires: str | None
    mend: str


class _Gate(Look):
    """The rules by which what was seen, or confirmed, is judged."""

    def confirmed(self, item: str) -> dict[str, Any]:
        """The newest confirmation of an item; of the contacts it counts for the list that it was made of."""
        own = [record for record in self.records("confirmations") if record.get("item") == item]
        if item not in OF_TEAM:
            # What was confirmed when other hosts were judged was said of those.
            host = redact(str(self.facts.get("host")))
            own = [record for record in own if host in record.get("hosts", [host])]
        if item == "contacts":
            own = [record for record in own if record.get("of") == fingerprint(self.facts.get("contacts"))]
        return own[-1] if own else {}

    def judged(self, item: str, own: Mapping[str, Any]) -> Item:
        row = ITEMS.get(item, Row(HOUR))
        observe = str(own.get("observe") or ("" if item in ITEMS else "confirmation"))
        name = str(own.get("name") or (self.say(f"item_{item}") if f"item_{item}" in self.words else item))
        max_age = span(own["max_age"], f"go_live_gate_items.{item}.max_age") if own.get("max_age") else row.max_age
        if observe == "off":
            return self.item(item, name, "off", Seen(None, ""), max_age)
        by_hand = row.by_hand
        if observe == "command":
            seen = self.command(item)
        elif observe == "confirmation":
            by_hand, seen = True, Seen(None, self.say("not_confirmed"), mend=self.confirm(item))
            max_age = max_age if own.get("max_age") or item in ITEMS else DAY
        else:
            seen = self.look(item)
        confirmation = self.confirmed(item) if by_hand else {}
        at = self.time(confirmation.get("at"))
        # A word stands where nothing was seen, or something older; never against what was seen to be wrong.
        if at is not None and seen.ok is not False and (seen.at is None or seen.at < at):
            seen = Seen(True, self.say("confirmed", by=confirmation.get("actor")), at, seen.mend or self.confirm(item))
        if own.get("mend"):
            seen = seen._replace(mend=str(own["mend"]))
        if seen.ok and (seen.at is None or seen.at > self.now + CLOCK_SECONDS):
            # Of no time, or of one that is still to come: nobody knows how long it holds.
            return self.item(item, name, "missing", seen, max_age)
        if seen.ok and seen.at is not None and self.now - seen.at > max_age:
            return self.item(item, name, "expired", seen, max_age)
        return self.item(item, name, {True: "ok", False: "failed", None: "missing"}[seen.ok], seen, max_age)

    def command(self, item: str) -> Seen:
        run = (self.part("commands")).get(item) or {}
        if "rc" not in run:
            return Seen(None, self.why(run) or self.say("not_looked"))
        output = " ".join(str(run.get("stdout") or run.get("stderr") or "").split())[:120]
        return Seen(run["rc"] == 0, output or self.say("exit", rc=run["rc"]), self.now)

    def item(self, item: str, name: str, status: str, seen: Seen, max_age: float) -> Item:
        known = seen.at is not None and status in ("ok", "expired", "failed")
        at = seen.at if known else None
        return {
            "item": item,
            "name": name,
            "status": status,
            "evidence": redact(" ".join(seen.evidence.split())),
            "at": iso(at, "seconds"),
            "age_seconds": None if at is None else round(max(0.0, self.now - at), 1),
            "expires": None if at is None else iso(at + max_age, "seconds"),
            "mend": "" if status in ("ok", "off") else seen.mend,
        }


def fingerprint(contacts: Any) -> str:
    """Return by what a list of contacts is known again; nobody can read anything back from it."""
    return hashlib.sha256(json.dumps(contacts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def span(value: object, name: str) -> float:
    """Return a length of time, such as ``4h`` or ``30d``, in seconds. Raises ValueError with one sentence."""
    age = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", str(value))
    if not age:
        raise ValueError(f"{name} is {str(value)[:40]!r}: write it as 4h or 30d")
    return float(age[1]) * {"s": 1, "m": 60, "h": HOUR, "d": DAY}[age[2]]


def _stamps(registered: object) -> dict[str, Any]:
    """What programs have left on the desk, by the files' names."""
    results = registered.get("results") if isinstance(registered, Mapping) else None
    return {
        str(file.get("item")).replace("-", "_"): content(file) or {}
        for file in results or []
        if isinstance(file, Mapping)
    }


def own_items(given: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return a team's own items, checked. Raises ValueError with one sentence."""
    own: dict[str, dict[str, Any]] = {}
    for item, row in (given or {}).items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", str(item)):
            raise ValueError(f"go_live_gate_items: {str(item)[:40]!r} is no name: use a-z, 0-9 and _")
        row = mapping(row, f"go_live_gate_items.{item}")
        unknown = set(row) - {"name", "observe", "max_age", "mend", "command"}
        if unknown:
            raise ValueError(
                f"go_live_gate_items.{item} has {sorted(map(str, unknown))[0][:40]!r}; "
                "known are name, observe, max_age, mend and command"
            )
        if row.get("observe") and row["observe"] not in OWN:
            raise ValueError(f"go_live_gate_items.{item}.observe must be one of {', '.join(OWN)}")
        if (row.get("observe") == "command") != bool(row.get("command")):
            raise ValueError(f"go_live_gate_items.{item}: observe command and command belong together")
        if row.get("max_age"):
            span(row["max_age"], f"go_live_gate_items.{item}.max_age")
        own[str(item)] = row
    return own


def items(facts: Mapping[str, Any], words: Words) -> list[Item]:
    """Return each item of the gate, the shipped ones first."""
    gate_ = _Gate({**facts, **_stamps(facts.get("desk")), "watch": content(facts.get("watch_stamp")) or {}}, words)
    own = own_items(facts.get("items"))
    return [gate_.judged(item, own.get(item, {})) for item in [*ITEMS, *(name for name in own if name not in ITEMS)]]


def refusal(facts: Mapping[str, Any], words: Words) -> str:
    """Return why a gate cannot be asked like this, in one sentence; empty when it can."""
    try:
        own = own_items(facts.get("items"))
        zone = _calendar.zone_of(str(facts["time_zone"]))
        if facts.get("start"):
            _calendar.moment(facts["start"], zone)
        if not 0 < number(facts.get("hours") or 0, "go_live_hours") <= 24 * 31:
            raise ValueError(
                f"go_live_hours is {facts.get('hours')}: a go-live lasts more than 0 hours and a month at most"
            )
        _calendar.spans(facts.get("rota") or [], zone, "name", "go_live_rota")
        _calendar.spans(facts.get("freeze") or [], zone, "reason", "go_live_freeze")
        wrong_place = source_problem(str(facts.get("rota_ical") or ""))
        if wrong_place:
            return f"go_live_rota_ical {wrong_place}"
    except ValueError as wrong:
        return str(wrong)
    asked, known = [str(item) for item in facts.get("confirm") or []], dict.fromkeys([*ITEMS, *own])
    for item in asked:
        if item not in known:
            listed = ", ".join(one for one in known if _is_confirmed(one, own))
            return words.say("unknown_item", item=item[:40], items=listed)
        if not _is_confirmed(item, own):
            return words.say("observed_item", item=item)
    if asked and not str(facts.get("by") or "").strip():
        return words.say("confirm_name")
    return ""


def _is_confirmed(item: str, own: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a person's word can count for it; all else is observed."""
    shipped = ITEMS.get(item)
    if shipped and shipped.by_hand:
        return True
    observe: str = own.get(item, {}).get("observe", "" if shipped else "confirmation")
    return observe == "confirmation"


def judged(facts: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return what the gate comes to, as the part of an outcome that is its own."""
    listed = items(facts, words)
    open_ = [item for item in listed if item["status"] not in ("ok", "off")]
    if open_:
        first = open_[0]
        named = ", ".join(f"{item['name']} ({words.say('status_' + item['status'])})" for item in open_)
        headline = words.say("no_go", n=len(open_), items=named, mend=first["mend"] or first["evidence"])
        next_step = first["mend"] or first["evidence"]
    else:
        until = min((item["expires"] for item in listed if item["expires"]), default="?")
        off = ", ".join(item["name"] for item in listed if item["status"] == "off")
        headline = words.say("go_of_less", off=off, until=until) if off else words.say("go", until=until)
        next_step = ""
    lines = [headline, *(_line(item, words) for item in listed)]
    if facts.get("path"):
        lines.append(words.say("written", path=f"{facts['path']}.md"))
    return {
        "ok": not open_,
        "status": "no_go" if open_ else "go",
        "next_step": next_step,
        "message": headline,
        "lines": lines,
        "items": listed,
        "report": {
            "path": f"{facts.get('path') or ''}.md",
            "files": [f"{facts.get('path') or ''}{end}" for end in (".md", ".json")],
            "markdown": _markdown(headline, listed, facts, words),
        },
    }


def _line(item: Item, words: Words) -> str:
    tick = {"ok": "[x]", "off": "[-]"}.get(item["status"], "[ ]")
    line = f"{tick} {item['name']}: {words.say('status_' + item['status'])}"
    if item["evidence"]:
        line += f", {item['evidence']}"
    if item["age_seconds"] is not None and item["age_seconds"] >= 60:
        line += f" ({words.say('ago', age=words.duration(item['age_seconds']))})"
    return f"{line} -> {item['mend']}" if item["mend"] else line


def _markdown(headline: str, listed: Sequence[Item], facts: Mapping[str, Any], words: Words) -> str:
    rows = [
        f"| {_cell(item['name'])} | {words.say('status_' + item['status'])} | {_cell(item['evidence'])} "
        f"| {item['at'] or '-'} | {item['expires'] or '-'} | {_code(item['mend'])} |"
        for item in listed
    ]
    at = iso(number(facts["now"], "now"), "seconds")
    head = [words.say(f"column_{name}") for name in ("item", "status", "evidence", "at", "expires", "mend")]
    return "\n".join(
        [
            f"# {_cell(headline)}",
            "",
            f"{_cell(str(facts.get('host') or '?'))}, {at}, {_cell(str(facts.get('actor') or '?'))}",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *rows,
            "",
        ]
    )


def _cell(text: str) -> str:
    # What was logged or typed by others becomes neither a cell's end nor a tag.
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else "-"
