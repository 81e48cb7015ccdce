# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of kumon.runbook.service_watch; see the module of that name for its documentation."""

from __future__ import annotations

import json
import os
import time
from typing import Any, cast

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils import _watch as watching
from ansible_collections.kumon.runbook.plugins.plugin_utils._calendar import span
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import Typed, started
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import plain
from ansible_collections.kumon.runbook.plugins.plugin_utils._service_state import service_state
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import verdict
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words, watch

HOUR = 3600.0
# The whole window is read again after so many times what that takes, and within these numbers of readings and seconds.
# Where the watches of several hosts end together, none may keep the others waiting for long.
SHARE, FEWEST, TOGETHER, LONGEST = 10.0, 10, 4, 60.0
# How old, in seconds, what is known of the journal may be.
JOURNAL = 60.0


class _Unseen(Exception):
    """Why the service could not be seen, in one sentence."""


class ActionModule(ActionBase):
    """Looks at a service until something calls for an act."""

    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the watch has ended with, or fail with one sentence."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        self._args = {"every": 3.0, "locale": "en", "mode": "page", "run_id": "", **plain(self._task.args)}
        self._host = str(self._vars.get("inventory_hostname") or "?")
        self._words = Words(self._args["locale"], watch.TEXTS)
        self._every = float(self._args["every"])
        self._known = ""
        self._acts: list[dict[str, Any]] = []
        self._acts_at = 0.0
        self._down: float | None = None
        # The run's own directory, which goes with it.
        signal = self._args.get("signal")
        self._signal = os.path.join(constants.DEFAULT_LOCAL_TMP, os.path.basename(signal)) if signal else ""
        self._least = self._every * (TOGETHER if signal else FEWEST)
        self._hold = self._least
        try:
            return {**result, **self._watch(float(self._args["began"]) + (span(str(self._args["lasts"])) or 0.0))}
        except _Unseen as unseen:
            return {**result, "failed": True, "msg": str(unseen)}

    def _watch(self, until: float) -> dict[str, Any]:
        began, told = time.time(), self._args.get("told") or {}
        shown, shown_at, looks, seen, last, why = None, 0.0, 0, 0.0, None, ""
        seen_at, unseen = began, 0.0
        while True:
            at = time.time()
            try:
                look, readings = self._look(until)
            except (_Unseen, AnsibleConnectionFailure) as error:
                if last is None and not self._args.get("again"):
                    raise
                look, why = None, _sentence(error)
                self._say(self._words.say("unseen", clock=_clock(), host=self._host, reason=why))
                time.sleep(self._every)
            if look is not None:
                last, why, looks = look, "", looks + readings
                # A look that could judge nothing has seen nothing: such time earns nothing.
                if look["verdict"]["status"] != "blind":
                    took = time.time() - at
                    # No look takes so long: the controller slept, or its clock was set, and nothing was seen meanwhile.
                    slept = not 0 <= took <= watching.UNSEEN
                    unseen = max(unseen, at - seen_at, took if slept else 0.0)
                    seen += 0.0 if slept else took
                    seen_at = time.time()
                called = watching.case(look, self._down_for())
                if watching.key(look) != shown or not 0 <= look["at"] - shown_at < watching.QUIET:
                    shown, shown_at = watching.key(look), look["at"]
                    self._say(*watching.view(look, self._args["locale"]))
                self._stamp(look)
                woke = "case" if called and called != told else self._over(began, until)
                told = told if called else {}
            else:
                woke, called = self._over(began, until), None
            spans = {
                "seen_seconds": round(seen, 1),
                "unseen_seconds": round(max(unseen, time.time() - seen_at), 1),
                "unseen": why,
            }
            if not woke:
                continue
            if last is None:
                return {"woke": woke, "case": told, "looks": looks, **spans}
            if woke == "case" and self._signal:
                _files.replace(self._signal, b"")
            ended = {
                "woke": woke,
                "case": called or told,
                "verdict": last["verdict"],
                "decision": last["decision"],
                "proposal": last["proposal"],
                "looks": looks,
                **spans,
            }
            # What a log said is no template.
            return cast("dict[str, Any]", wrap_var(ended))

    def _over(self, began: float, until: float) -> str:
        now = time.time()
        if now >= until:
            return "over"
        if self._signal and os.path.exists(self._signal):
            return "signal"
        return "hour" if now - began >= HOUR else ""

    # ---------------------------------------------------------------- one look

    def _look(self, until: float) -> tuple[watching.Look, int]:
        """Look at the service, its log and its journal; return the look, and how often the log was read for it."""
        service = self._asked("service_flags_info", self._args["service"])
        state = service_state(service, self._acts, self._args.get("level2_flags"))
        if state["running"] is False:
            # A clock that is set back makes no outage shorter than it takes to be told anew.
            self._down = min(self._down or time.time(), time.time())
        else:
            self._down = None
        begun = time.time()
        # A service that is down, or comes up, is looked at again soon.
        hold = self._hold if state["running"] and state["answering"] is not False else self._every
        asked = {
            **self._args["log"],
            "pids": state["pids"],
            "starts": state["starts"],
            "watch": max(0.1, min(hold, until - begun)),
            "watch_every": self._every,
        }
        known = {"not_before": state["answered"], "since_pid": state["since_pid"], "watch_known": self._known}
        traces = self._asked("trace_log_info", {**asked, **{name: value for name, value in known.items() if value}})
        traces = traces["traces"]
        watched = traces["watched"]
        whole = max(0.0, time.time() - begun - watched["seconds"])
        self._hold = min(LONGEST, max(self._least, SHARE * whole))
        self._known = watched["known"]
        judged = verdict(
            traces,
            service_running=state["running"],
            service_answering=state["answering"],
            service_ill=state["ill"],
            delivery_disabled=state["delivery_disabled"],
            fenced=state["fence"],
            locale=self._args["locale"],
            **(self._args.get("judge") or {}),
        )
        # What is grave is not held up by what has been done before: whoever acts reads that anew.
        bad = judged["status"] not in ("ok", "watch") and watched["woke"] != "grave"
        if bad or watched["woke"] == "process" or not 0 <= time.time() - self._acts_at <= JOURNAL:
            self._acts = self._asked("journal_info", {**self._args["journal"], "max_entries": 200})["journal"]["acts"]
            self._acts_at = time.time()
        commands = Typed(started())
        decision, proposal = watching.decided(judged, cast(Any, state), self._acts, self._args["locale"], commands)
        look = watching.Look(
            host=self._host,
            at=time.time(),
            verdict=judged,
            traces=traces,
            state=cast(Any, state),
            acts=self._acts,
            decision=decision,
            proposal=proposal,
        )
        return look, watched["looks"] + 1

    def _down_for(self) -> float:
        return 0.0 if self._down is None else time.time() - self._down

    def _asked(self, module: str, options: dict[str, Any]) -> dict[str, Any]:
        """What a module says. Raises _Unseen where it fails."""
        answer = self._execute_module(
            module_name=f"kumon.runbook.{module}", module_args=options, task_vars=self._vars, wrap_async=False
        )
        if answer.get("failed"):
            raise _Unseen(_sentence(answer.get("msg") or "?"))
        return cast("dict[str, Any]", plain(answer))

    # ---------------------------------------------------------------- what it leaves

    def _say(self, *lines: str) -> None:
        self._display.display("\n".join(lines))

    def _stamp(self, look: watching.Look) -> None:
        path = self._args.get("stamp")
        if not path or self._task.check_mode:
            return
        stamp = watching.stamp(look, str(self._args["mode"]), str(self._args["run_id"]), self._hold)
        try:
            _files.replace(path, json.dumps(stamp, sort_keys=True).encode() + b"\n")
        except OSError as error:
            self._display.warning(f"{path} cannot be written ({error.strerror}): nobody is told that somebody watches")


def _clock() -> str:
    return time.strftime("%H:%M:%SZ", time.gmtime())


def _sentence(error: object) -> str:
    return redact(" ".join(str(getattr(error, "message", error)).split()))[:300]
