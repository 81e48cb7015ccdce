# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that a decision is made of: traces, verdict, act, decision, proofs and outcome.

`total=False` where a key may lack: older modules, a log without it, a person's own facts. Whatever comes from outside
is checked at run time all the same (`_stats.mapping`, `count`, `number`); these names say what is meant.
"""

from __future__ import annotations

from typing import Any, TypedDict, Union

# What extra variables and surveys deliver is text, also where a number or a truth is meant.
Numeric = Union[float, str]
Truth = Union[bool, str, None]


class Bounds(TypedDict):
    """Between which a true rate lies."""

    low: float
    high: float


class Rate(Bounds):
    """A share of `n` outcomes; None without any."""

    rate: float | None
    n: int


# ------------------------------------------------------------------ traces, as `trace_log_info` returns them


class Run(TypedDict, total=False):
    """The sends that failed one after the other, up to now."""

    failures: int
    recipients: int


class Delivery(TypedDict, total=False):
    success: int
    failed: int
    sent: int
    unconfirmed: int
    success_rate: float | None
    failed_by_http: dict[str, int]
    failed_by_cause: dict[str, int]
    failed_by_conversation: dict[str, int]
    run: Run


class Handoff(TypedDict, total=False):
    planned: int
    read: int
    lost: int
    unread: int
    unpaired: int
    state_mismatches: int
    lost_keys: list[dict[str, Any]]


class Guards(TypedDict, total=False):
    outbox: dict[str, int]
    instance: dict[str, int]
    incidents: int
    other_levels: dict[str, int]


class Instances(TypedDict, total=False):
    seen: dict[str, int]
    invalid: dict[str, int]
    unexpected: dict[str, int]
    errors: int


class _Outcomes(TypedDict):
    """One outcome per conversation."""

    minute: str
    success: int
    failed: int
    lost: int
    guards: int


class Minute(_Outcomes, total=False):
    """`unplanned`, `unread` and `unsent` are the conversations of that minute whose next stage never came, `dropped`
    the customers whose message was dropped, and who got no answer."""

    received: int | None
    planned: int | None
    read: int | None
    sent: int | None
    unplanned: int | None
    unread: int | None
    unsent: int | None
    contradicting: int | None
    without_send: int | None
    dropped: int | None


class Window(TypedDict, total=False):
    since: str | None
    until: str | None
    process: int | None


class Critical(TypedDict, total=False):
    last: str | None


class Evidence(TypedDict, total=False):
    """How good the evidence is: each `{ok: true|false|null, ...}` with its numbers. Null was not asked."""

    fresh: dict[str, Any] | None
    covered: dict[str, Any] | None
    owned: dict[str, Any] | None
    understood: dict[str, Any] | None


class Traces(TypedDict, total=False):
    lines: int
    bytes: int
    records: int
    unparsed: int
    undated: int
    first: str | None
    last: str | None
    timestamps: str
    delivery: Delivery
    handoff: Handoff
    guards: Guards
    critical: Critical
    instances: Instances
    minutes: list[Minute]
    samples: dict[str, list[dict[str, Any]]]
    truncated: bool
    measured: str | None
    window: Window
    host: str | None
    # What became of the messages, stage by stage; None where the log's grammar has no such stage.
    stages: dict[str, int | None]
    turns: dict[str, int]
    last_event: dict[str, str | None]
    overdue: dict[str, int]
    late: dict[str, int]
    contradicting: int
    without_send: int
    sent_before: int
    delays: dict[str, float | None]
    grace: dict[str, float]
    recipients: dict[str, int]
    unanswered: dict[str, Any]
    grammars: dict[str, int]
    unparsed_guards: int
    ambiguous: int
    future: int
    evidence: Evidence | None
    heartbeat: dict[str, Any] | None
    # Of a fleet: what each host logged.
    parts: list[Traces]


# ------------------------------------------------------------------ what is made of them


class Sum(TypedDict):
    """The failures of a span."""

    failed: int
    n: int


class Rise(TypedDict):
    """The failures of the last minutes beside those before."""

    recent: Sum
    before: Sum
    p: float | None
    sudden: bool | None


class Test(TypedDict):
    """One sequential test: M, for how many looks it has stood at the rollback threshold, and how bad those were."""

    evidence: float
    held: int
    total: bool
    failing_now: bool


class Verdict(TypedDict):
    status: str
    level: int
    next_level: int | None
    cause: str
    causes: list[str]
    reasons: list[str]
    delivery: Rate
    evidence: float
    would_change: str
    quality: Evidence | None
    held: int
    tests: dict[str, Test]
    first_sign: str | None


class Act(TypedDict, total=False):
    """One act of a journal, begin and outcome together."""

    run_id: str | None
    actor: str | None
    host: str | None
    procedure: str | None
    act: str | None
    seq: int
    outcome_seq: int | None
    hash: str
    began: str
    ended: str | None
    age: float
    ok: bool | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    msg: str | None


class Present(TypedDict, total=False):
    """What the running processes have."""

    kill_switch: Truth
    v1_flags: Truth
    fenced: Truth


class Spent(TypedDict):
    """A level of the automatic recovery, and whether it was done within the budget."""

    level: int
    in_effect: bool
    spent: bool
    age_seconds: float | None
    run_id: str | None


class Decision(TypedDict):
    level: int | None
    title: str
    unstable: bool
    act: bool
    cause: str
    reasons: list[str]
    next: str
    to_person: bool
    budget: list[Spent]


class Criterion(TypedDict):
    """One of the success criteria; `status` is met, unmet, insufficient or not_applicable."""

    criterion: str
    status: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    needed: float | None
    age_seconds: float | None


class RecoveryProof(TypedDict):
    status: str
    safe_mode: bool
    restarts_at: str | None
    wait_seconds: float
    full_at: str | None
    reasons: list[str]
    criteria: list[Criterion]


class Observation(TypedDict):
    """One thing that was looked at after an act: whether it was had, and `{code, fields}` of what was there."""

    proof: str
    had: bool | None
    detail: Any


class ActProof(TypedDict):
    """`compared` is better, same or worse than before the act; None where that is not known."""

    status: str
    reason: str
    compared: str | None
    wait_seconds: float
    proofs: list[Observation]


class Outcome(TypedDict, total=False):
    """What a procedure leaves on a host; `run_result` puts those of all hosts together."""

    procedure: str
    ok: bool
    status: str
    level: int | None
    verdict: Verdict | None
    budget_seconds: float | None
    next_step: str
    message: str
    lines: list[str]
    # What is shown instead of the lines, where a person asked for data.
    text: str
    # Whether answers go out, as far as it was observed: off, on or unknown.
    delivery: str
    # How long the act's own call took, a drill is told.
    effect_seconds: float | None
    to_person: bool
    decisions: list[dict[str, Any]]
    proof: RecoveryProof
    judged: bool
    # Whether a workflow's branch is taken, and by which verdict.
    decided: dict[str, Any]
    # The head of the host's journal, and whether it is still what the controller has seen.
    journal: dict[str, Any]
    # Where a report lies, and a short text of it.
    report: dict[str, Any]
