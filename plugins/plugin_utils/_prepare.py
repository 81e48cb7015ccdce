# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emergency needs, each item with its state, from what the tasks of the preparation registered. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.kumon.runbook.plugins.plugin_utils._refusals import sentence
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words

MISSING = "missing"


class Item(TypedDict):
    """`state` is present, installed, planned, removed, absent, missing, said (to be done by hand), foreign or off."""

    item: str
    state: str
    detail: str


Told = tuple[str, str]


class _Prepared:
    def __init__(self, facts: Mapping[str, Any], words: Words) -> None:
        self.facts, self.words = facts, words
        self.wanted = facts.get("state") != "absent"

    def why(self, result: Mapping[str, Any]) -> str:
        return sentence(result.get("msg") or "?", self.words.locale)

    def done(self, name: str) -> Told:
        """What the item's tasks have come to."""
        results = [result for result in self.facts["results"].get(name) or [] if result and not result.get("skipped")]
        if not results:
            return MISSING, self.words.say("not_looked")
        failed = [result for result in results if result.get("failed") or result.get("unreachable")]
        if failed:
            return MISSING, self.why(failed[0])
        changed = any(result.get("changed") for result in results)
        if self.facts.get("check") and changed:
            return "planned", ""
        if self.wanted:
            return ("installed" if changed else "present"), ""
        return ("removed" if changed else "absent"), ""

    def on_root(self, name: str) -> Told:
        return self.done(name) if self.facts.get("root") else (MISSING, self.words.say("needs_root"))

    def lacks(self, *tools: str) -> str:
        """The first of the programs that the host does not have."""
        return next((tool for tool in tools if tool not in (self.facts.get("tools") or [])), "")

    # -- the items

    def state_dir(self) -> Told:
        # What was done is not undone by taking the rest away.
        return self.done("state_dir") if self.wanted else ("foreign", "")

    def flags(self) -> Told:
        if self.facts.get("manager") != "systemd":
            text = self.words.say("start_command", env_file=self.facts.get("env_file"))
            return ("said", text) if self.wanted else ("absent", "")
        if not self.wanted and self.facts.get("in_force"):
            return "foreign", self.words.say("in_force")
        return self.on_root("flags")

    def known_good(self) -> Told:
        if not self.wanted:
            return "foreign", ""
        looked = self.facts.get("release") or {}
        release = looked.get("release")
        if not release:
            return MISSING, self.why(looked)
        good = (release.get("ledger") or {}).get("good") or []
        if not good:
            return MISSING, self.words.say("no_good")
        return "present", f"{str(good[-1].get('commit'))[:12]} {good[-1].get('subject') or ''}".strip()

    def wheelhouse(self) -> Told:
        facts, say = self.facts, self.words.say
        if not self.wanted:
            return self.done("wheelhouse") if facts.get("wheelhouse") else ("absent", "")
        if not facts.get("venv_dir"):
            return "off", say("no_venv")
        if not facts.get("wheelhouse"):
            return MISSING, say("no_wheelhouse")
        if self.known_good()[0] == MISSING:
            return MISSING, say("no_commit_to_fetch")
        state, detail = self.done("wheelhouse")
        wheels = facts.get("wheels") or {}
        if state in ("present", "installed"):
            detail = say("offline") if wheels.get("offline") else say("offline_unknown")
            # A dry run cannot prove it; a run that has not proven it is not prepared.
            state = state if wheels.get("offline") or facts.get("check") else MISSING
        return state, detail

    def log_rotation(self) -> Told:
        facts, say = self.facts, self.words.say
        if not self.wanted:
            return self.on_root("log_rotation")
        if not facts.get("rotate"):
            return "off", ""
        if facts.get("log_source") == "journal":
            return "present", say("journald")
        if facts.get("truncated_by"):
            return MISSING, say("truncated", path=facts["truncated_by"][0])
        if facts.get("rotated_by"):
            return "foreign", say("rotated_by", path=facts["rotated_by"][0])
        wild = [path for path in facts["log_paths"] if set(path.rstrip("*")) & set("*?[")]
        if wild:
            return MISSING, say("glob", path=wild[0])
        if not facts.get("root"):
            return MISSING, say("needs_root")
        if self.lacks("logrotate"):
            return MISSING, say("needs_tool", tool="logrotate")
        state, detail = self.done("log_rotation")
        unread = [path for path in facts["log_paths"] if not path.endswith("*")]
        if state != MISSING and unread:
            return state, say("not_followed", path=unread[0])
        return state, detail or ("" if facts.get("rotate_restart") else say("until_start"))

    def log_times(self) -> Told:
        if not self.wanted:
            return "foreign", ""
        times = self.facts.get("timestamps")
        if times not in ("own", "inherited", "none"):
            return "said", self.words.say("times_unknown")
        return ("said" if times == "none" else "present"), self.words.say(f"times_{times}")

    def break_glass(self) -> Told:
        if self.facts.get("break_glass") is False:
            return "off", ""
        if not self.wanted or not self.facts.get("root"):
            return self.on_root("break_glass")
        tool = self.lacks("awk", "flock", "sha256sum")
        if tool:
            return MISSING, self.words.say("needs_tool", tool=tool)
        fence = self.facts.get("fence") or {}
        if "addresses" not in fence:
            return MISSING, self.why(fence)
        state, detail = self.done("break_glass")
        if state != MISSING and self.lacks("nft"):
            return MISSING, self.words.say("needs_tool", tool="nftables")
        if state != MISSING and self.facts.get("manager") != "systemd":
            detail = self.words.say("fence_only")
        if state != MISSING and fence.get("sources"):
            detail = self.words.say("fence_contained")
        return state, detail

    def user(self) -> Told:
        if not self.facts.get("user"):
            return "off", ""
        if not self.facts.get("own_account"):
            return "foreign", self.words.say("not_ours", user=self.facts["user"])
        return self.on_root("user")

    def people(self) -> Told:
        if self.wanted and not self.facts.get("people") and not self.facts.get("user"):
            return "off", ""
        if self.wanted and self.facts.get("root") and self.lacks("visudo"):
            return MISSING, self.words.say("needs_tool", tool="sudo")
        return self.on_root("people")

    def health_check(self) -> Told:
        check = self.facts.get("check_schedule") or {}
        if self.wanted and check.get("asked") == "none":
            return "off", ""
        if check.get("others"):
            return self.of_others(check)
        if self.wanted and not check.get("way"):
            return MISSING, self.words.say("check_no_cron" if check.get("asked") == "cron" else "check_nowhere")
        state, detail = self.done("health_check")
        if self.wanted and state != MISSING:
            detail = self.words.say("check_every", minutes=check.get("minutes"), way=check["way"])
        return state, detail

    def of_others(self, check: Mapping[str, Any]) -> Told:
        """What looks at other hosts stays as it is, for nobody would look at them any more."""
        sentence = self.words.say("check_others", hosts=", ".join(check["others"][:5]), path=check.get("path"))
        return (MISSING if self.wanted and not check.get("staging") else "foreign"), sentence

    def watch(self) -> Told:
        watch = self.facts.get("watch_schedule") or {}
        check = self.facts.get("check_schedule") or {}
        if check.get("others") and not (self.wanted and watch.get("asked") == "none"):
            return self.of_others(check)
        if not self.wanted:
            return self.done("watch")
        if watch.get("asked") == "none":
            return "off", ""
        if watch.get("way") != "systemd":
            missing = watch.get("asked") == "systemd"
            return (MISSING if missing else "off"), self.words.say("watch_nowhere")
        state, detail = self.done("watch")
        return state, detail if state == MISSING else self.words.say("watch_kept", mode=watch.get("mode"))


def items(facts: Mapping[str, Any], words: Words) -> list[Item]:
    """Return what an emergency needs, in the order of the preparation list."""
    prepared = _Prepared(facts, words)
    each: Sequence[tuple[str, Callable[[], Told]]] = (
        ("state_dir", prepared.state_dir),
        ("flags", prepared.flags),
        ("known_good", prepared.known_good),
        ("wheelhouse", prepared.wheelhouse),
        ("log_rotation", prepared.log_rotation),
        ("log_times", prepared.log_times),
        ("break_glass", prepared.break_glass),
        ("user", prepared.user),
        ("people", prepared.people),
        ("health_check", prepared.health_check),
        ("watch", prepared.watch),
    )
    looked = [(name, *look()) for name, look in each]
    return [{"item": name, "state": state, "detail": detail} for name, state, detail in looked]


def prepared(facts: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return what a preparation came to, as the part of an outcome that is its own."""
    listed = items(facts, words)
    missing = [item for item in listed if item["state"] == MISSING]
    wanted, check = facts.get("state") != "absent", bool(facts.get("check"))
    names = ", ".join(words.say(f"item_{item['item']}") for item in missing)
    if missing:
        came_to, headline = "insufficient", words.say("incomplete" if wanted else "not_gone", items=names)
    elif check:
        came_to, headline = "planned", words.say("planned")
    else:
        came_to, headline = "ok", words.say("ready" if wanted else "gone")
    return {
        "ok": not missing,
        "status": came_to,
        "next_step": missing[0]["detail"] if missing else "",
        "message": headline,
        "lines": [headline, *(_line(item, words) for item in listed)],
        "items": listed,
    }


def _line(item: Item, words: Words) -> str:
    tick = {MISSING: "[ ]", "said": "[ ]", "planned": "[~]", "off": "[-]"}.get(item["state"], "[x]")
    line = f"{tick} {words.say('item_' + item['item'])}: {words.say('state_' + item['state'])}"
    return f"{line}, {item['detail']}" if item["detail"] else line
