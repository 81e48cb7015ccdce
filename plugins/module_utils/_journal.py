# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of acts on the target: JSON lines, append-only, each chained to the one before by its hash.

An entry is `{seq, time, run_id, actor, host, service, procedure, act, phase: begin|outcome, before, after, ok, msg,
prev, hash}`; `hash` is the SHA-256 over the entry's canonical JSON without `hash`, `prev` is the hash of the entry
before. Several assistants of a host may share a journal: `service` says whose act it was, and an entry without it
counts for each of them.
"""

from __future__ import annotations

import errno
import getpass
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _trust, _when
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._names import NO_ACTS, bare

NAME = "journal.jsonl"
FIRST = "0" * 64
# What an entry consists of, beside its time.
TEXT, VALUES = (str, type(None)), (dict, type(None))
KINDS: dict[str, type | tuple[type, ...]] = {
    "seq": int,
    **dict.fromkeys(("prev", "hash"), str),
    **dict.fromkeys(("before", "after"), VALUES),
    **dict.fromkeys(("run_id", "actor", "procedure", "act", "phase", "service", "host", "msg"), TEXT),
}
JOURNAL_SPEC: dict[str, dict[str, Any]] = {
    "run_id": {"type": "str"},
    "actor": {"type": "str"},
    "procedure": {"type": "str"},
}
SEEN_SPEC: dict[str, dict[str, Any]] = {
    # The controller's; it does not get to the target.
    "seen_dir": {"type": "path"},
    "seen": {
        "type": "dict",
        "options": {"seq": {"type": "int", "required": True}, "hash": {"type": "str", "required": True}},
    },
}
# An entry takes milliseconds. Who holds the journal longer is stuck, and no reason to let a kill-switch wait for ever.
LOCK_SECONDS = 5.0
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# What others can put in its place, where they can change its directory: a link, a file with other names, a pipe, a
# socket or a directory.
IN_ITS_PLACE = (errno.ELOOP, errno.EMLINK, errno.EINVAL, errno.ENXIO, errno.EISDIR)


def path_in(state_dir: str) -> str:
    return os.path.join(state_dir, NAME)


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _hash(entry: dict[str, Any]) -> str:
    bare = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(
        json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).hexdigest()


def _parse(line: bytes) -> dict[str, Any] | None:
    """The entry of a line, None for one that was written half, or of which a field is no text where it should be one.

    Who can write the journal can make a hash that fits anything, and an act must not fail by what stands there.
    """
    try:
        entry = json.loads(line)
        _when.parse_when(entry["time"], 0.0)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    return entry if all(isinstance(entry.get(name), kind) for name, kind in KINDS.items()) else None


def _read(path: str) -> bytes:
    return _trust.read_ours(path) or b""


def counts(entry: dict[str, Any], service: str | None) -> bool:
    """Whether an entry counts for the service; for none, all do."""
    return not service or entry.get("service") in (None, bare(service))


def entries(path: str, service: str | None = None) -> Iterator[dict[str, Any]]:
    """Whole entries with a true hash of their own that count for the service, oldest first."""
    for line in _read(path).split(b"\n"):
        entry = _parse(line)
        if entry and entry["hash"] == _hash(entry) and counts(entry, service):
            yield entry


def who() -> str:
    """Who acts, when nobody says: the person behind sudo, else the user."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def append(path: str, **fields: Any) -> dict[str, Any]:
    """Add one entry and return it. Raises OSError; the journal is then as it was.

    fields: run_id, actor, procedure, act, phase, before, after, ok, msg, and service where it is one's.
    """
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o750, exist_ok=True)
    # Through no link of somebody else's: an entry has texts of others in it.
    handle = _trust.opened_as_ours(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        _files.lock(handle, LOCK_SECONDS)
        whole = list(entries(path))
        last = whole[-1] if whole else None
        entry = dict(
            fields,
            seq=last["seq"] + 1 if last else 1,
            time=now(),
            host=socket.gethostname(),
            prev=last["hash"] if last else FIRST,
        )
        entry["hash"] = _hash(entry)
        _files.append_line(handle, json.dumps(entry, sort_keys=True).encode(), path)
    finally:
        os.close(handle)
    return entry


def record(params: dict[str, Any], warnings: list[str], **fields: Any) -> None:
    """Write a module's begin or outcome with its `run_id`, `actor`, `procedure` and `service`, where it has one.

    A full disk only warns, as does a journal that somebody else holds or has something else in its place, and so does
    an outcome that cannot be written: stopping messages matters more than the record of it. Raises Refused when a begin
    cannot be written for another reason.
    """
    try:
        append(
            path_in(params["state_dir"]),
            run_id=params["run_id"],
            actor=params["actor"] or who(),
            procedure=params["procedure"],
            **({"service": bare(params["service"])} if params.get("service") else {}),
            **fields,
        )
    except OSError as exc:
        if fields["phase"] == "begin" and exc.errno not in (*NO_SPACE, *IN_ITS_PLACE, errno.EAGAIN):
            raise Refused(
                f"the journal in {params['state_dir']} cannot be written ({exc.strerror}): "
                "run with become: true, or set runbook_state_dir"
            ) from exc
        warnings.append(f"the {fields['phase']} of this act is not in the journal ({exc.strerror}): note it by hand")


def is_noted(path: str, note: dict[str, Any]) -> bool:
    """Whether the newest note on the same act and level says the same, and nothing was done since without a note."""

    def level(entry: dict[str, Any]) -> Any:
        return (entry.get("after") or {}).get("level")

    judged = set()
    for entry in reversed(list(entries(path))):
        if entry.get("procedure") != note["procedure"]:
            continue
        if entry.get("phase") != "note":
            if entry.get("run_id") not in judged:
                return False
        elif entry.get("act") == note["act"]:
            if level(entry) == level(note):
                return all(entry.get(name) == note[name] for name in ("before", "after", "ok", "msg"))
            judged.add(entry.get("run_id"))
    return False


class _Chain:
    """A journal's entries from the first one to where the chain breaks, and what it came to once they were taken."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.head: dict[str, Any] = {"seq": 0, "hash": FIRST}
        self.torn: list[int] = []
        self.line: int | None = None
        self.reason: str | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(_read(self.path).split(b"\n"), 1):
            if not line.strip():
                continue
            entry = _parse(line)
            if entry is None:
                self.torn.append(number)
                continue
            if entry["hash"] != _hash(entry):
                self.reason = "the entry was changed: its hash does not fit its content"
            elif entry["prev"] != self.head["hash"] or entry["seq"] != self.head["seq"] + 1:
                self.reason = f"an entry is missing before it: seq {entry['seq']} follows {self.head['seq']}"
            if self.reason:
                self.line = number
                return
            self.head = {"seq": entry["seq"], "hash": entry["hash"]}
            yield entry


def verified(path: str, service: str | None = None) -> Iterator[dict[str, Any]]:
    """Entries up to where the chain breaks that count for the service, oldest first: what an undo may rest on."""
    return (entry for entry in _Chain(path) if counts(entry, service))


def verify(path: str, seen: dict[str, Any] | None = None) -> dict[str, Any]:
    """`{ok, entries, torn: [line], line, reason, head: {seq, hash}, as_seen, unlike}`.

    `line` is the first one that breaks the chain, `torn` are lines written half, `head` is the last entry of what is
    whole. `seen` is the head that somebody has read before: `as_seen` says whether it is still in the chain, `unlike`
    why not; both are None where nothing was read before.
    """
    chain = _Chain(path)
    hashes = {entry["seq"]: entry["hash"] for entry in chain}
    result: dict[str, Any] = {
        "ok": chain.reason is None,
        "entries": chain.head["seq"],
        "torn": chain.torn,
        "line": chain.line,
        "reason": chain.reason,
        "head": chain.head,
        "as_seen": None,
        "unlike": None,
    }
    if seen and seen.get("seq"):
        there = hashes.get(int(seen["seq"]))
        result["as_seen"] = there == seen["hash"]
        if there is None:
            result["unlike"] = f"entry {seen['seq']} is gone, the last one is {chain.head['seq']}"
        elif not result["as_seen"]:
            result["unlike"] = f"entry {seen['seq']} is another one"
    return result


def acts(path: str, wall: float) -> list[dict[str, Any]]:
    """Begin and outcome of each act put together, newest first.

    `{run_id, actor, host, procedure, act, seq, outcome_seq, hash, began, ended, age, ok, before, after, msg}`: `seq`,
    `outcome_seq` and `hash` name the entries it rests on, `hash` that of the newer one; `age` in seconds at the time
    `wall` (seconds since the epoch), `ended` and `ok` None for an act that has no outcome. A note ends where it begins.
    """
    acts: list[dict[str, Any]] = []
    keys: list[list[Any]] = []
    for entry in entries(path):
        key = [entry.get(name) for name in ("run_id", "procedure", "act", "service")]
        if entry.get("phase") == "outcome":
            for act, its in zip(reversed(acts), reversed(keys)):
                if act["ended"] is None and its == key:
                    act.update(ended=entry["time"], outcome_seq=entry["seq"], hash=entry["hash"])
                    act.update({name: entry.get(name) for name in ("ok", "after", "msg")})
                    break
            continue
        act = {name: entry.get(name) for name in ("run_id", "actor", "host", "procedure", "act", "seq", "hash")}
        note = entry.get("phase") == "note"
        act.update(
            outcome_seq=None,
            began=entry["time"],
            ended=entry["time"] if note else None,
            age=round(wall - _when.parse_when(entry["time"], wall), 3),
            **{name: entry.get(name) for name in ("ok", "before", "after", "msg")},
        )
        acts.append(act)
        keys.append(key)
    return acts[::-1]


def last_act(path: str, service: str | None = None) -> dict[str, Any] | None:
    """`{time, procedure, run_id, ended}` of the newest outcome, or of a later act that has none: its run was ended."""
    last: dict[str, Any] | None = None
    begun: dict[tuple[Any, ...], dict[str, Any]] = {}
    for entry in entries(path, service):
        key = tuple(entry.get(name) for name in ("run_id", "procedure", "act"))
        if entry.get("act") in NO_ACTS:
            continue
        if entry.get("phase") == "outcome":
            last = entry
            begun.pop(key, None)
        elif entry.get("phase") == "begin":
            begun[key] = entry
    ended = True
    for entry in begun.values():
        if last is None or entry["seq"] > last["seq"]:
            last, ended = entry, False
    return {**{key: last.get(key) for key in ("time", "procedure", "run_id")}, "ended": ended} if last else None


def last_change(path: str, service: str | None = None) -> str | None:
    """When the newest act ended that succeeded and changed something: what came before is answered by it.

    One that failed, changed nothing, or only judged or decided answers nothing.
    """
    begins = {}
    last = None
    for entry in entries(path, service):
        if entry.get("phase") == "begin":
            begins[entry.get("run_id"), entry.get("act")] = entry
        elif entry.get("phase") == "outcome" and entry.get("ok") is True and entry.get("act") not in NO_ACTS:
            begin = begins.get((entry.get("run_id"), entry.get("act")), entry)
            before, after = begin.get("before"), begin.get("after")
            if before is None or after is None or before != after:
                last = entry.get("time")
    return last


def last_lift(path: str, service: str | None = None) -> str | None:
    """When the network fence was lifted last: what the service tried until then was turned away. Raises OSError."""
    lifts = (
        entry.get("time")
        for entry in entries(path, service)
        if (entry.get("act"), entry.get("phase"), entry.get("ok")) == ("network_fence", "outcome", True)
        and entry.get("after") == {"network_fence": "absent"}
    )
    return max((str(moment) for moment in lifts if moment), default=None)


def undo_values(
    path: str, flags: list[str], declared_now: dict[str, str | None], service: str | None = None
) -> dict[str, str | None]:
    """What each flag had before the acts that set its present declared value; None where it had no declaration.

    A flag that stands where the last undo has put it is returned as it is: undoing twice changes nothing. What stands
    behind a broken place of the chain decides nothing.
    """
    begins = [entry for entry in verified(path, service) if entry.get("phase") == "begin"]
    return {flag: _before_series(begins, flag, declared_now.get(flag)) for flag in flags}


def _before_series(begins: list[dict[str, Any]], flag: str, declared: str | None) -> str | None:
    begins = [entry for entry in begins if flag in (entry.get("after") or {}) and isinstance(entry.get("before"), dict)]
    steps = [(entry["before"].get(flag), entry["after"][flag]) for entry in begins]
    if declared is None or not steps:
        # Nothing declared, or declared by somebody else: lifting it means to have no declaration.
        return None
    # A step whose next one starts where it did itself was killed before it wrote anything.
    following = [before for before, _after in steps[1:]] + [declared]
    taken = [step for step, then in zip(steps, following) if step[0] == step[1] or then != step[0]]
    # Values one on top of the other; setting the one below again is an undo.
    stack: list[str | None] = []
    undone = False
    for before, after in taken:
        if not stack or stack[-1] != before:
            stack, undone = [before], False  # the first step, or changed by hand in between
        if after == before:
            continue
        undone = len(stack) > 1 and stack[-2] == after
        if undone:
            stack.pop()
        else:
            stack.append(after)
    if not stack or stack[-1] != declared:
        # By somebody else. What an act found that was killed before it wrote stays; a killed undo was to lift it.
        stays = steps[-1][0] == declared and begins[-1].get("procedure") != "roll_forward"
        return declared if stays else None
    return declared if undone or len(stack) == 1 else stack[-2]
