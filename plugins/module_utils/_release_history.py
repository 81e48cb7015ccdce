# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was done with releases: acts as the journal tells them, what an undo returns to, and which one comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Optional

from ansible_collections.kumon.runbook.plugins.module_utils import _journal
from ansible_collections.kumon.runbook.plugins.module_utils._details import Detail, detail
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import Git, Head

ACT = "release"

Entry = dict[str, Any]
# Each act as its begin and outcome, None when it was killed; oldest first.
History = list[tuple[Entry, Optional[Entry]]]


class Choice(NamedTuple):
    """The release that a rollback would put in place, or why there is none."""

    chosen: dict[str, str] | None  # {commit, why: asked|unfinished|in_place|ledger}
    reason: Detail | None


def acts(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Entry | None]]:
    """Each act on the release as its begin and outcome, None when it was killed; oldest first."""
    pending = None
    for entry in entries:
        if entry.get("act") != ACT or entry.get("before") is None or entry.get("after") is None:
            continue
        if entry.get("phase") == "begin":
            if pending:
                yield pending, None
            pending = entry
        elif pending:
            yield pending, entry
            pending = None
    if pending:
        yield pending, None


def unfinished(history: History) -> Entry | None:
    """The begin of the last act when that was killed, or could not go back: it is for the next one to finish."""
    return history[-1][0] if history and _left_half(history[-1][1]) else None


def _left_half(outcome: Entry | None) -> bool:
    return outcome is None or bool(outcome["after"].get("unfinished"))


def stack(history: History, head: str) -> tuple[list[Entry], bool]:
    """Begins that lead to HEAD and were not undone, oldest first, and whether the last act was an undo.

    Without any, somebody else has put HEAD in place.
    """
    taken: list[tuple[Entry, str]] = []
    undone = False
    for begin, outcome in history:
        came_from = begin["before"].get("commit")
        half = _left_half(outcome)
        went_to = (begin if half or not outcome else outcome)["after"].get("commit")
        if half and went_to != head:
            continue  # it did not get there; the next act went on from where it began
        if went_to == came_from and not _changed(begin, outcome):
            continue
        if taken and taken[-1][1] != came_from:
            taken = []
        undone = bool(begin["after"].get("undo"))
        if undone:
            taken = taken[:-1]
        else:
            taken.append((begin, went_to))
    if not undone and taken and taken[-1][1] != head:
        taken = []
    return [begin for begin, _commit in taken], undone


def _changed(begin: Entry, outcome: Entry | None) -> bool:
    """Whether an act that led to the same commit has changed something of the release, and not been taken back."""
    if not outcome or not outcome["ok"]:
        return False
    before, after = begin["before"], outcome["after"]
    other = any(before.get(name) != after.get(name) for name in ("branch", "environment"))
    return other or bool(begin["after"].get("files"))


def previous(history: History, head: str) -> dict[str, Any] | None:
    """Where undoing would return to: `{commit, branch, environment, rescue, run_id}`; None when nothing is to undo."""
    taken, undone = stack(history, head)
    if undone or not taken:
        return None
    before = taken[-1]["before"]
    place = {name: before.get(name) for name in ("commit", "branch", "environment", "rescue")}
    place.update({"entry": before["entry"]} if before.get("entry") else {})
    return dict(place, run_id=taken[-1].get("run_id"))


def known(commit: str, head: str, ledger: dict[str, Any], history: History) -> list[Detail]:
    """What is known of a release, for whoever has to choose one."""
    details = [detail("known_in_place")] if commit == head else []
    good = [entry for entry in ledger["good"] if entry["commit"] == commit]
    if good:
        details.append(detail("known_good", at=_minute(good[-1].get("proven"))))
    failed = [begin for begin, outcome in history if _led_to(begin, commit) and outcome and outcome["ok"] is False]
    if failed:
        details.append(detail("known_failed", at=_minute(failed[-1].get("time"))))
    left = [
        begin for begin, outcome in history if begin["before"].get("commit") == commit and outcome and outcome["ok"]
    ]
    if left and commit != head:
        details.append(detail("known_left", at=_minute(left[-1].get("time"))))
    return details


def _led_to(begin: Entry, commit: str) -> bool:
    return bool(begin["after"].get("commit") == commit and not begin["after"].get("undo"))


def _minute(moment: Any) -> str:
    return str(moment or "?")[:16].replace("T", " ")


def candidates(git: Git, head: Head, ledger: dict[str, Any], history: History) -> list[dict[str, Any]]:
    """The last commits, with what is known of each; newest first."""
    return [{**entry, "known": known(entry["commit"], head.commit, ledger, history)} for entry in git.commits()]


def following(git: Git, head: Head, ledger: dict[str, Any], history: History, besides: str) -> dict[str, str] | None:
    """The release that comes next where one is not to be had: known to be good, else committed before it."""
    bad = {begin["after"].get("commit") for begin, outcome in history if outcome and outcome["ok"] is False}
    bad |= {head.commit, besides}
    good = [entry["commit"] for entry in reversed(ledger["good"])]
    older = [entry["commit"] for entry in (*git.commits(besides), *git.commits())]
    for commit in [one for one in good if git.exists(one)] + older:
        if commit not in bad:
            return git.commits(commit, 1)[0]
    return None


def read(state_dir: str, service: str | None) -> History:
    """Every act on the service's releases that the journal's chain vouches for. Raises Refused."""
    path = _journal.path_in(state_dir)
    try:
        return list(acts(_journal.verified(path, service)))
    except OSError as exc:
        raise Refused(f"{path} cannot be read ({exc.strerror}): run with become: true") from exc


def choose(git: Git, head: Head, ledger: dict[str, Any], history: History, wish: str) -> Choice:
    """The release that a rollback would put in place. Raises Refused."""
    if wish:
        return Choice({"commit": git.find(wish), "why": "asked"}, None)
    killed = unfinished(history)
    # What could not go back has failed before: it is finished by whoever asks for it or undoes it.
    failed = killed is not None and history[-1][1] is not None
    if killed and not failed and not killed["after"].get("undo"):
        ends = (killed["before"]["commit"], killed["after"]["commit"])
        if head.commit in ends:
            return Choice({"commit": killed["after"]["commit"], "why": "unfinished"}, None)
    taken, undone = stack(history[:-1] if failed else history, head.commit)
    if not undone and any(begin["before"].get("commit") != begin["after"].get("commit") for begin in taken):
        # Rolled back already. Going back still further is a decision, and not what a second run does by itself.
        return Choice({"commit": head.commit, "why": "in_place"}, None)
    others = [entry["commit"] for entry in reversed(ledger["good"]) if entry["commit"] != head.commit]
    for commit in others:
        if git.exists(commit):
            return Choice({"commit": commit, "why": "ledger"}, None)
    last = [f"{entry['short']} ({entry['subject']})" for entry in git.commits()]
    if others:
        return Choice(None, detail("good_not_in_repository", commits=last))
    return Choice(None, detail("no_good_release", commits=last))
