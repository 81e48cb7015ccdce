#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: target_lease
short_description: Hold a host, so that one runbook at a time works on it
version_added: 1.0.0
description:
  - The lease is C(lease.json) below O(state_dir) on the target. Whoever holds it is named to everybody else.
  - It ends O(seconds) after the run's last call, with a restart of the host, or when it is given back, so that a dead
    controller holds nobody up for long. Only the host's monotonic clock counts, never the controller's or a clock that people set.
  - A run of a higher level takes it over from one of a lower level; the act that is under way then is not interrupted.
extends_documentation_fragment:
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  state:
    description:
      - V(held) takes the lease, or renews the run's own. V(released) gives it back; somebody else's stays.
    type: str
    choices: [held, released]
    default: held
  state_dir:
    description:
      - Directory on the target that holds the lease.
    type: path
    default: /var/lib/kumon-runbook
  run_id:
    description:
      - Identifier of the run that holds it.
    type: str
    required: true
  actor:
    description:
      - Who acts. By default the user behind C(sudo), else the user.
    type: str
  procedure:
    description:
      - Name of the procedure.
    type: str
  level:
    description:
      - The rollback level of the run.
    type: int
    choices: [1, 2, 3]
    default: 1
  seconds:
    description:
      - How long it lasts unless it is renewed, 1 to 3600.
    type: int
    default: 30
  wait:
    description:
      - Seconds to wait for another run that holds the host, 0 to 600.
    type: float
    default: 0
notes:
  - On a full disk the lease cannot be written. That is a warning and no failure, because a rollback matters more.
seealso:
  - module: kumon.runbook.service_flags
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Hold the host for a rollback to the previous code
  kumon.runbook.target_lease:
    run_id: "{{ run_id }}"
    procedure: rollback_level3
    level: 3
    seconds: 60
    wait: 10

- name: Give it back
  kumon.runbook.target_lease:
    state: released
    run_id: "{{ run_id }}"
"""

RETURN = r"""
lease:
  description: Who holds the host now, V(null) for nobody.
  returned: success, and when another run holds it
  type: dict
  contains:
    run_id: {description: The run., type: str, returned: always}
    actor: {description: Who acts., type: str, returned: always}
    procedure: {description: The procedure., type: str, returned: always}
    level: {description: Its level., type: int, returned: always}
    acquired: {description: Since when by the host's clock (ISO 8601 in UTC)., type: str, returned: always}
    expires: {description: Until when., type: str, returned: always}
    host: {description: The host's own name., type: str, returned: always}
    seconds_left: {description: Seconds until it ends by itself., type: float, returned: always}
taken_over_from:
  description: The lease of a lower level that this one replaced, as RV(lease), else V(null).
  returned: success
  type: dict
refused:
  description: V(true) where another run holds the host, or the input does not fit; nothing has been changed.
  returned: failure
  type: bool
"""

from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _journal, _lease
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def change(call: Call) -> dict[str, Any]:
    """Take, renew or give back the lease."""
    params, host = call.params, Host()
    claim = _lease.Claim(
        params["state_dir"],
        params["run_id"],
        params["actor"] or _journal.who(),
        params["procedure"] or "",
        params["level"],
        params["seconds"],
        params["wait"],
    )
    if params["state"] == "released":
        changed = _lease.release(claim.state_dir, claim.run_id, host, call.warnings, call.check_mode)
        gone = changed and call.check_mode
        lease = None if gone else _lease.holder(claim.state_dir, host, call.warnings)
        return {"changed": changed, "lease": lease, "taken_over_from": None}
    try:
        grant = _lease.acquire(claim, host, call.warnings, call.check_mode)
    except _lease.Held as exc:
        raise Failed(str(exc), {"lease": exc.holder, "refused": True}) from exc
    return {"changed": grant.lease is not None, "lease": grant.lease, "taken_over_from": grant.taken_over_from}


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
        "state_dir": {"type": "path", "default": "/var/lib/kumon-runbook"},
        "run_id": {"type": "str", "required": True},
        "actor": {"type": "str"},
        "procedure": {"type": "str"},
        "level": {"type": "int", "choices": [1, 2, 3], "default": 1},
        "seconds": {"type": "int", "default": 30},
        "wait": {"type": "float", "default": 0},
    }
    run(spec, change)


if __name__ == "__main__":
    main()
