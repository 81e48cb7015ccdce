#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evolution_instance_info
short_description: Tell whether the Evolution API and its WhatsApp instance can deliver
version_added: 1.0.0
description:
  - Asks the server in a fixed order and names the first thing that is wrong. That it is reachable, has its licence, takes the
    key, knows the instance, that the instance is open in all of several samples, that the server's two sources agree, and, where
    asked for, that the webhook points at the assistant and a test message is accepted.
  - Both major versions of the API are understood. An instance that is not healthy is a result, not a failure.
  - Neither keys nor tokens are ever returned.
extends_documentation_fragment:
  - kumon.runbook.gateway
attributes:
  check_mode:
    description: Reads in check mode as it does otherwise, but sends no test message.
    support: full
  diff_mode:
    description: There is nothing to show; it changes nothing on the target.
    support: none
options:
  webhook_url:
    description: Where the webhook should point. Without it the webhook is not looked at.
    type: str
  probe_phone:
    description:
      - A phone of your own that gets a labelled test message. Without it none is sent.
      - That the server accepts it does not mean that it was delivered.
    type: str
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: See whether the gateway can deliver
  kumon.runbook.evolution_instance_info:
    url: http://127.0.0.1:8080
    instance: kumon_assistant
    api_key: "{{ runbook_evolution_api_key }}"
  register: gateway

- name: Stop where it cannot
  ansible.builtin.assert:
    that: gateway.evolution.healthy is true
    fail_msg: "{{ gateway.evolution.findings | map(attribute='message') | first | default('unknown') }}"
"""

RETURN = r"""
evolution:
  description: What was found. A value is V(null) where it is not known.
  returned: success
  type: dict
  contains:
    reachable: {description: Whether the Evolution API answers there., type: bool, returned: always}
    version: {description: Its version., type: str, returned: always}
    major: {description: 'Its major version, by the shape of its answers where it does not tell.', type: int, returned: always}
    licensed: {description: Whether it has its licence., type: bool, returned: always}
    key_valid: {description: Whether it takes the key., type: bool, returned: always}
    exists: {description: Whether the instance exists., type: bool, returned: always}
    near_match: {description: The existing instance whose name is nearest when it does not., type: str, returned: always}
    state:
      description: The newest sample, V(open), V(connecting), V(close), V(refused), what else the server calls it, V(absent) or V(unknown).
      type: str
      returned: always
    samples: {description: All samples of the state., type: list, elements: str, returned: always}
    disconnection: {description: Code and reason of the last disconnection (version 2 tells them)., type: dict, returned: always}
    webhook: {description: Where it points (url) and whether it is enabled., type: dict, returned: always}
    probe: {description: 'Whether the test message was accepted, and the status that the server gave it.', type: dict, returned: always}
    healthy: {description: V(null) when a check could not be made and none failed., type: bool, returned: always}
    findings:
      description: >-
        What is wrong, each with C(check), C(message) and C(reason), the same as a code with its fields, the first failed check first.
      type: list
      elements: dict
      returned: always
    unknown: {description: The checks that were not made., type: list, elements: str, returned: always}
    seconds: {description: How long it took., type: float, returned: always}
"""

from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _evolution
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def inspect(call: Call) -> dict[str, Any]:
    """Ask the gateway about itself and the instance."""
    return {
        "changed": False,
        "evolution": _evolution.inspect({**call.params, "check": call.check_mode}, Host()),
    }


def main() -> None:
    """Run the module."""
    spec: Spec = {
        **_evolution.GATEWAY_SPEC,
        "webhook_url": {"type": "str"},
        "probe_phone": {"type": "str", "no_log": True},
    }
    run(spec, inspect)


if __name__ == "__main__":
    main()
