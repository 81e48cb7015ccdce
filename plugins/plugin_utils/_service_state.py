# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service is in, by what `service_flags_info` and the journal say. Pure.

What is not known is `None`, never false: a service that could not be looked at is neither running nor stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.kumon.runbook.plugins.module_utils._envfile import truthy
from ansible_collections.kumon.runbook.plugins.module_utils._names import KILL_SWITCH, NO_ACTS
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import flag


class ServiceState(TypedDict):
    """The facts that verdicts, proofs and decisions need."""

    known: bool
    unreachable: bool
    running: bool | None
    answering: bool | None
    sound: bool | None
    ill: str
    delivery_disabled: bool | None
    v1_flags: bool | None
    fenced: bool
    fence: dict[str, Any]
    gateway_healthy: bool | None
    since_pid: int | None
    pids: list[int]
    starts: list[str]
    answered: str | None
    present_since: str | None
    began: list[str]


def service_state(
    info: Mapping[str, Any] | None,
    acts: Sequence[Mapping[str, Any]] | None = None,
    level2_flags: Mapping[str, Any] | None = None,
    fence: Mapping[str, Any] | None = None,
    gateway: Mapping[str, Any] | None = None,
) -> ServiceState:
    """Return what the service is in.

    :param info: what ``service_flags_info`` returned, or what its task registered when it failed
    :param acts: the acts of the journal, newest first
    :param level2_flags: flags and values of level 2, to tell whether it is in effect
    :param fence: what ``network_fence`` returned of the fence that stands; by default what ``service_flags_info`` says
    :param gateway: what ``evolution_instance_info`` returned

    ``fence`` is for a verdict: ``{present, since, attempts}``, the attempts those of the processes that run now.

    ``answered`` is when the last act ended that changed something and succeeded, ``starts`` when processes are known to
    have begun. ``present_since`` is when the present state began for a verdict: the last such act, and with the
    kill-switch on the start of the process that has it. ``began`` are the times for a proof: start of the process, and
    last such act.
    """
    info = info if isinstance(info, Mapping) else {}
    known = "running" in info and not info.get("failed") and not info.get("unreachable")
    state = ServiceState(
        known=known,
        unreachable=bool(info.get("unreachable")),
        running=None,
        answering=None,
        sound=None,
        ill="",
        delivery_disabled=None,
        v1_flags=None,
        fenced=False,
        fence={},
        gateway_healthy=_gateway_healthy(gateway),
        since_pid=None,
        pids=[],
        starts=[],
        answered=None,
        present_since=None,
        began=[],
    )
    if not known:
        return state
    running = bool(flag(info["running"], "running"))
    effective, declared = info.get("effective") or {}, info.get("declared") or {}
    # A service that is down has nothing in effect; then what it will start with is what explains its log.
    disabled = truthy((effective if running else declared).get(KILL_SWITCH))
    if running and info.get("readable") is False:
        # Its environment shows nothing: what its health says is all that is known.
        disabled = truthy((info.get("reported") or {}).get(KILL_SWITCH))
    answer = info.get("health") or {}
    health, ill = answer.get("status"), str(answer.get("said") or "")
    # A URL that is not set says nothing of the service.
    answering = None if health in (None, "not_set") else health in ("ok", "ill")
    last_change = info.get("last_change")
    standing = fence or info.get("fence") or {}
    tried = int(standing.get("attempts") or 0) - int(standing.get("attempts_before") or 0)
    return {
        **state,
        "running": running,
        "answering": answering,
        # Who keeps his messages in by our wish may well call that an illness.
        "sound": answering and (disabled or not ill),
        "ill": ill,
        "delivery_disabled": disabled,
        "v1_flags": as_wanted(effective, level2_flags),
        "fenced": bool(standing.get("present")),
        "fence": {"present": True, "since": standing.get("since"), "attempts": max(0, tried)}
        if standing.get("present")
        else {},
        "since_pid": info.get("pid") if running and disabled else None,
        "pids": [int(pid) for pid in info.get("pids") or ()],
        "starts": [str(moment) for moment in (info.get("started"), *_ended(acts or ())) if moment],
        "answered": str(last_change) if last_change else None,
        "present_since": _latest([info.get("started") if disabled else None, *_ended(acts or ())]),
        "began": [str(moment) for moment in (info.get("started"), last_change) if moment],
    }


def as_wanted(effective: Mapping[str, Any], flags: Mapping[str, Any] | None) -> bool | None:
    """Return whether each of the flags is as level 2 sets it; `None` when it has none."""
    if not flags:
        return None
    return all(effective.get(name) is not None and truthy(effective[name]) == truthy(flags[name]) for name in flags)


def _ended(acts: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """When each act that changed something and succeeded ended; what was decided or judged is no act."""
    return [
        act.get("ended")
        for act in acts
        if act.get("act") not in NO_ACTS
        and act.get("ok") is True
        and (act.get("before") is None or act.get("before") != act.get("after"))
    ]


def _latest(moments: Sequence[str | None]) -> str | None:
    return max((str(moment) for moment in moments if moment), default=None)


def _gateway_healthy(registered: Mapping[str, Any] | None) -> bool | None:
    """Whether the gateway is up and its instance connected, by what `evolution_instance_info` registered.

    A key or webhook that is wrong is no gateway that is down; then nothing is known of it.
    """
    gateway = (registered or {}).get("evolution") or {}
    findings = [finding.get("check") for finding in gateway.get("findings") or []]
    if not findings:
        healthy = gateway.get("healthy")
        return None if healthy is None else bool(healthy)
    return False if findings[0] in ("reachable", "licence", "instance", "state") else None


def delivery_off(switched: Mapping[str, Any]) -> bool:
    """Whether the kill-switch, which an act was to keep, is in effect after it."""
    return any(truthy((kept or {}).get("after")) for kept in (switched.get("kept") or {}).values())
