#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_flags
short_description: Set the flags that a service runs with, and prove it
version_added: 1.0.0
description:
  - Declares flags (environment variables) for a service and makes them effective in its running processes, in one call.
  - What counts is the environment of every process of the service as the kernel shows it, never what a file says.
  - Restarts only when a process lacks a flag, or when nothing runs. A second call changes nothing.
  - Everything is validated before the first change. A failure after it comes with all that was reached.
extends_documentation_fragment:
  - kumon.runbook.service
  - kumon.runbook.service.health
  - kumon.runbook.service.journal
  - kumon.runbook.service.lease
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  flags:
    description:
      - The wanted value of each flag. Booleans are written V(true) and V(false), and a running process counts as having
        one when the assistant would read its value alike.
      - V(null) removes our declaration. With O(manager=systemd) a value that the unit sets by itself then counts again;
        with O(manager=process) the service runs without the flag.
    type: dict
    required: true
  state:
    description:
      - With V(effective) every process has the flags when the module ends.
      - With V(declared) they are only written for the next start.
    type: str
    choices: [effective, declared]
    default: effective
  keep:
    description:
      - Flags that shall stay as the running process has them, for instance the kill-switch. They are not written; one that
        the restarted process has otherwise is a failure.
    type: list
    elements: str
    default: []
  fence_url:
    description:
      - Base URL of the Evolution API. Given, the network fence (see M(kumon.runbook.network_fence)) is engaged before
        anything else, so that no message leaves whatever the restart does and whether or not the service obeys a flag.
      - Where there can be no fence the result says why, and the flags are set all the same. Empty is such a reason.
    type: str
  observe:
    description:
      - How many seconds to watch what the processes do with their first message, once they have the flags; not given, the log
        is not read. It counts beside O(budget).
    type: float
  source:
    description: Where the log is read, V(file) or the systemd V(journal).
    type: str
    choices: [file, journal]
    default: file
  paths:
    description: Log files, as in M(kumon.runbook.trace_log_info).
    type: list
    elements: str
    default: []
  unit:
    description: The unit whose journal is read.
    type: str
  heartbeat_conversation:
    description: A conversation whose messages are no customer's and prove nothing of the act, as in M(kumon.runbook.trace_log_info).
    type: str
  heartbeat_minutes:
    description: How often one of them comes, as in M(kumon.runbook.trace_log_info).
    type: float
    default: 15
  code_dir:
    description:
      - The release's code. Given, the flags that no file of it reads are named, for to set them changes nothing.
    type: path
  budget:
    description:
      - Seconds that the whole call may take, from 1 to 600.
    type: float
    default: 25
  stop_timeout:
    description:
      - Seconds that the old processes have to end by themselves; then they are killed. A graceful stop waits for requests
        in flight, and one to a gateway that hangs never ends.
    type: float
    default: 8
  health_wait:
    description:
      - Seconds of O(budget) that may be spent waiting for health once the processes have the flags. By default all that
        is left.
    type: float
  health_required:
    description:
      - Whether a service whose health gives no answer is a failure. If V(false) it is only a proof that was not had.
    type: bool
    default: true
notes:
  - With O(manager=systemd) the flags are declared in O(env_file) and a drop-in C(zz-runbook.conf) that names it.
  - With O(manager=process) how to start the service, its environment included, is kept in C(process-SERVICE.json) below
    O(state_dir), readable for its owner only, until the restarted service is up. A run that is killed in between is thus
    finished by the next.
seealso:
  - module: kumon.runbook.service_flags_info
  - module: kumon.runbook.network_fence
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Switch delivery off
  kumon.runbook.service_flags:
    service: kumon-assistant
    flags:
      DELIVERY_DISABLE: true
    health_urls:
      - http://127.0.0.1:8000/health
      - http://127.0.0.1:8000/api/v1/health
    health_required: false

- name: Take our declaration away again, for a service without a supervisor
  kumon.runbook.service_flags:
    service: kumon-assistant
    manager: process
    process_user: kumon
    port: 8000
    env_file: /home/kumon/runbook/runbook.env
    state_dir: /home/kumon/runbook
    flags:
      DELIVERY_DISABLE:
"""

RETURN = r"""
declared:
  description: What O(env_file) declares for each of the flags now, V(null) for no declaration.
  returned: after validation
  type: dict
  sample:
    DELIVERY_DISABLE: "true"
previous:
  description: What it declared before.
  returned: after validation
  type: dict
  sample:
    DELIVERY_DISABLE:
previous_effective:
  description: What the service's main process had before, V(null) where it had no such flag or did not run.
  returned: after validation
  type: dict
  sample:
    DELIVERY_DISABLE: "false"
kept:
  description:
    - What each flag in O(keep) was in the process that ran before, and is in the one that runs now, V(null) for not set.
  returned: after validation
  type: dict
  sample:
    DELIVERY_DISABLE:
      before: "true"
      after: "true"
effective:
  description:
    - What the running processes have, read from their own environment. Should one process differ from the wanted value, it
      is that one's.
  returned: after validation
  type: dict
  sample:
    DELIVERY_DISABLE: "true"
readable:
  description:
    - Whether every process still has its environment. One that gave itself a title has written over it, and shows neither
      that it has a flag nor that it lacks one; then C(reported) and what it does with messages decide.
  returned: after validation
  type: bool
  sample: true
reported:
  description: What health says of each flag in O(health_fields), V(null) where it says nothing.
  returned: after validation
  type: dict
  sample:
    DELIVERY_DISABLE: true
fence:
  description:
    - The network fence with O(fence_url), as M(kumon.runbook.network_fence) returns it; without it V(null). Where there is
      none, C(why) says why not, as a code and what belongs to it.
  returned: after validation
  type: dict
  sample:
    present: true
    since: "2026-11-22T10:12:27.170000Z"
    attempts: 4
    attempts_before: 1
    attempt: refused
traces:
  description:
    - With O(observe) what the processes have done since their start, as M(kumon.runbook.trace_log_info) returns it; V(null) where
      the log does not tell. Where the service was not restarted behind a fence, what it has done since that stands.
  returned: after validation
  type: dict
unread:
  description:
    - The flags that no file in O(code_dir) reads, V(null) where that was not asked or not all of it could be looked at.
  returned: after validation
  type: list
  elements: str
  sample: [OUTBOX_V2_ENFORCED]
running:
  description: Whether a process of the service runs, and not one that ends at each start.
  returned: after validation
  type: bool
  sample: true
restarted:
  description: Whether the service was restarted.
  returned: after validation
  type: bool
  sample: true
proofs:
  description:
    - What was looked at to prove the state. With O(state=declared) only the first.
  returned: after validation
  type: list
  elements: dict
  contains:
    proof:
      description:
        - V(declared) is the files read again, V(environment) is every process of the service, V(health) is an answer of the
          health endpoint, V(reported) is that answer's agreement with the environment.
        - V(said) is there where the release says in its log, at its start, which flags it has. It is a witness, and by itself
          proves nothing.
      type: str
    had:
      description: Whether it proves the wanted state.
      type: bool
    detail:
      description: What was seen, as a code and what belongs to it; the controller has the words.
      type: dict
      contains:
        code:
          description: Which sentence is meant, for instance V(processes_lack).
          type: str
        fields:
          description: What is filled into it.
          type: dict
  sample:
    - proof: environment
      had: true
      detail:
        code: processes
        fields:
          pids: ["4127"]
seconds:
  description: How long the call took.
  returned: after validation
  type: float
  sample: 1.204
pid:
  description: The service's main process.
  returned: after validation
  type: int
  sample: 4127
pids:
  description: All processes of the service, the main one first.
  returned: after validation
  type: list
  elements: int
  sample: [4127, 4130]
started:
  description: When that process started, ISO 8601 in UTC.
  returned: after validation
  type: str
  sample: "2026-11-22T10:12:27.170000Z"
service:
  description: The unit's full name, or O(service).
  returned: after validation
  type: str
  sample: kumon-assistant.service
manager:
  description: As O(manager).
  returned: after validation
  type: str
  sample: systemd
"""

from ansible_collections.kumon.runbook.plugins.module_utils import _flags, _journal, _lease, _service
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import run


def main() -> None:
    """Run the module."""
    spec = dict(
        _service.SERVICE_SPEC,
        flags={"type": "dict", "required": True},
        state={"type": "str", "choices": ["effective", "declared"], "default": "effective"},
        keep={"type": "list", "elements": "str", "default": []},
        fence_url={"type": "str"},
        observe={"type": "float"},
        source={"type": "str", "choices": ["file", "journal"], "default": "file"},
        paths={"type": "list", "elements": "str", "default": []},
        unit={"type": "str"},
        heartbeat_conversation={"type": "str"},
        heartbeat_minutes={"type": "float", "default": 15},
        code_dir={"type": "path"},
        budget={"type": "float", "default": 25},
        stop_timeout={"type": "float", "default": 8},
        health_wait={"type": "float"},
        health_required={"type": "bool", "default": True},
        **_service.HEALTH_SPEC,
        **_journal.JOURNAL_SPEC,
        **_lease.LEASE_SPEC,
    )
    run(spec, lambda call: _flags.ensure(call.params, Host(), call.check_mode))


if __name__ == "__main__":
    main()
