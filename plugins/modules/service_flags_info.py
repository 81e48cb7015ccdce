#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_flags_info
short_description: Read the flags that a service runs with
version_added: 1.0.0
description:
  - Reads what is declared for a service, what its running processes have in their environment, what its health says, and
    what undoing the last act would restore. Changes nothing.
  - A service that does not run or does not answer is a result, not a failure.
extends_documentation_fragment:
  - kumon.runbook.service
  - kumon.runbook.service.health
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  flags:
    description:
      - Names of the flags to read. By default those of O(health_fields).
    type: list
    elements: str
    default: []
  marks:
    description: Kinds of releases, each with the words that stand in its code in O(code_dir); the first that fits is told.
    type: dict
    default: {}
  code_dir:
    description:
      - The release's code. Given, the flags that no file of it reads are named, for to set them changes nothing.
    type: path
seealso:
  - module: kumon.runbook.service_flags
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Look whether delivery is switched off
  kumon.runbook.service_flags_info:
    service: kumon-assistant
    flags: [DELIVERY_DISABLE]
    health_urls: [http://127.0.0.1:8000/health]
  register: now

- name: Undo it
  kumon.runbook.service_flags:
    service: kumon-assistant
    flags: "{{ now.undo }}"
    health_urls: [http://127.0.0.1:8000/health]
"""

RETURN = r"""
declared:
  description: What O(env_file) declares for each of the flags, V(null) for no declaration.
  returned: success
  type: dict
  sample:
    DELIVERY_DISABLE: "true"
effective:
  description:
    - What the running processes have, read from their own environment. Should one process differ from what is declared, it
      is that one's.
  returned: success
  type: dict
  sample:
    DELIVERY_DISABLE: "true"
readable:
  description:
    - Whether every process still has its environment. One that gave itself a title has written over it, and shows neither
      that it has a flag nor that it lacks one; then C(reported) and what it does with messages decide.
  returned: success
  type: bool
  sample: true
reported:
  description: What health says of each flag in O(health_fields), V(null) where it says nothing.
  returned: success
  type: dict
  sample:
    DELIVERY_DISABLE: true
running:
  description: Whether a process of the service runs.
  returned: success
  type: bool
  sample: true
health:
  description: The health endpoint.
  returned: success
  type: dict
  contains:
    url:
      description: The URL that is told about.
      type: str
    status:
      description:
        - V(ok), V(ill) (the body says that the service is not well), V(error) (JSON with another HTTP status), V(not_found)
          (JSON with HTTP status 404), V(not_json) (something else answers), V(refused) (nobody listens), V(no_answer) or V(not_set).
      type: str
    http:
      description: The HTTP status, V(null) without an answer.
      type: int
    detail:
      description: The same for people.
      type: str
    said:
      description: What the service says of itself when it is not well, empty when it says nothing of the kind.
      type: str
  sample:
    url: http://127.0.0.1:8000/health
    status: ok
    http: 200
    detail: HTTP 200
    said: ""
listening:
  description: The TCP ports that the service's processes listen on.
  returned: success
  type: list
  elements: int
  sample: [8000]
recognised:
  description: The kind of O(marks) that the code is, V(null) where it is none or could not be looked at.
  returned: after validation
  type: str
  sample: app_main
unread:
  description:
    - The flags that no file in O(code_dir) reads, V(null) where that was not asked or not all of it could be looked at.
  returned: success
  type: list
  elements: str
  sample: [OUTBOX_V2_ENFORCED]
fence:
  description:
    - The service's network fence as it stands, as M(kumon.runbook.network_fence) returns it; V(null) where it cannot be
      looked at, which takes root.
  returned: success
  type: dict
  sample:
    present: true
    since: "2026-11-22T10:12:27.170000Z"
    attempts: 4
undo:
  description:
    - For each flag the value that was declared before the acts that set its present value, V(null) where there was no
      declaration. A flag that was undone already is as it is declared, so that undoing twice changes nothing.
  returned: success
  type: dict
  sample:
    DELIVERY_DISABLE:
last_change:
  description: When the last act ended that succeeded and changed something, ISO 8601 in UTC; V(null) when there is none.
  returned: success
  type: str
  sample: "2026-11-22T10:12:10.816Z"
last_act:
  description: The last outcome in the journal, or an act after it that has none, V(null) when there is neither.
  returned: success
  type: dict
  contains:
    time:
      description: When it was written, ISO 8601 in UTC.
      type: str
    procedure:
      description: The procedure that acted.
      type: str
    run_id:
      description: Its run.
      type: str
    ended:
      description: Whether the journal has its outcome. An act of a run that was ended in the midst of it has none.
      type: bool
  sample:
    time: "2026-11-22T10:12:28.360127Z"
    procedure: rollback_level1
    run_id: 20261122-101226
    ended: true
proofs:
  description: As M(kumon.runbook.service_flags) returns them, for what is declared.
  returned: success
  type: list
  elements: dict
  contains:
    proof:
      description: One of V(declared), V(environment), V(health) and V(reported).
      type: str
    had:
      description: Whether it proves the declared state.
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
seconds:
  description: How long the call took.
  returned: success
  type: float
  sample: 0.052
pid:
  description: The service's main process.
  returned: success
  type: int
  sample: 4127
pids:
  description: All processes of the service, the main one first.
  returned: success
  type: list
  elements: int
  sample: [4127, 4130]
started:
  description: When that process started, ISO 8601 in UTC.
  returned: success
  type: str
  sample: "2026-11-22T10:12:27.170000Z"
service:
  description: The unit's full name, or O(service).
  returned: success
  type: str
  sample: kumon-assistant.service
manager:
  description: As O(manager).
  returned: success
  type: str
  sample: systemd
"""

from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _code, _fence, _service
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import run


def main() -> None:
    """Run the module."""
    spec = dict(
        _service.SERVICE_SPEC,
        flags={"type": "list", "elements": "str", "default": []},
        code_dir={"type": "path"},
        marks={"type": "dict", "default": {}},
        **_service.HEALTH_SPEC,
    )
    run(spec, lambda call: look(call.params, Host()))


def look(params: dict[str, Any], host: Host) -> dict[str, Any]:
    """The service, and the fence around it."""
    seen = _service.inspect(params, host)
    unread = _code.unread(params["code_dir"], seen["effective"]) if params["code_dir"] else None
    kind = _code.recognised(params["code_dir"], params["marks"]) if params["code_dir"] and params["marks"] else None
    return dict(seen, fence=_fence.standing(params, host), unread=unread, recognised=kind, changed=False)


if __name__ == "__main__":
    main()
