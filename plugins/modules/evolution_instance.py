#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evolution_instance
short_description: Restart, connect or stop an instance of the Evolution API, and see that it is so
version_added: 1.0.0
description:
  - Uses the verb of the server's version (version 1 restarts by C(PUT), version 2 by C(POST)), takes an HTTP 200 with
    C(error) true for the failure that it is, and then samples the state until it is steadily what was wanted.
  - The servers have one way to take an instance offline, which is to log it out. It is there afterwards, with its webhook, and
    V(connected) brings it back; somebody has to read a new QR code with the phone for that.
  - Its begin and outcome stand in the journal below O(state_dir).
extends_documentation_fragment:
  - kumon.runbook.gateway
  - kumon.runbook.service.journal
attributes:
  check_mode:
    description: Asks for the state and says what would be called.
    support: full
  diff_mode:
    description: Shows the state before and after.
    support: full
options:
  state:
    description:
      - V(restarted) restarts the instance always, V(connected) connects it unless it is open, V(stopped) logs it out unless it is
        closed, so that no message goes out by it.
    type: str
    choices: [restarted, connected, stopped]
    default: restarted
  wait:
    description: How long the instance may take to be in the wanted state, in seconds.
    type: float
    default: 20
  state_dir:
    description: Directory of the journal.
    type: path
    default: /var/lib/kumon-runbook
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Restart the instance that is stuck in connecting
  kumon.runbook.evolution_instance:
    url: http://127.0.0.1:8080
    instance: kumon_assistant
    api_key: "{{ runbook_evolution_api_key }}"
    state: restarted

- name: Let no message out where there can be no network fence
  kumon.runbook.evolution_instance:
    url: http://127.0.0.1:8080
    instance: kumon_assistant
    api_key: "{{ runbook_evolution_api_key }}"
    state: stopped
"""

RETURN = r"""
before: {description: The state before., type: str, returned: after validation, sample: connecting}
after: {description: The newest sample of the state., type: str, returned: after validation, sample: open}
samples: {description: The samples after the call., type: list, elements: str, returned: after validation}
verb: {description: The HTTP method that the version wants., type: str, returned: after validation, sample: POST}
planned: {description: 'The call, V(null) where none is needed.', type: str, returned: after validation}
webhook_kept:
  description: Whether the gateway still has the webhook that it had, V(null) where it had none or does not tell.
  type: bool
  returned: after validation
seconds: {description: How long it took., type: float, returned: success}
"""

from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _evolution, _evolution_act, _journal
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def bring(call: Call) -> dict[str, Any]:
    """Bring the instance to the wanted state, with its begin and outcome in the journal."""

    def record(phase: str, **fields: Any) -> None:
        _journal.record(call.params, call.warnings, act="evolution_instance", phase=phase, **fields)

    result = _evolution_act.bring(call.params, Host(), call.check_mode, record)
    diff = {"before": result["before"] + "\n", "after": (result["planned"] or result["after"]) + "\n"}
    return dict(result, diff=diff)


def main() -> None:
    """Run the module."""
    spec: Spec = {
        **_evolution.GATEWAY_SPEC,
        "state": {"type": "str", "choices": list(_evolution_act.WAYS), "default": "restarted"},
        "wait": {"type": "float", "default": 20},
        "state_dir": {"type": "path", "default": "/var/lib/kumon-runbook"},
        **_journal.JOURNAL_SPEC,
    }
    run(spec, bring)


if __name__ == "__main__":
    main()
