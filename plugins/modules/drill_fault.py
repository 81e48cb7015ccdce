#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_fault
short_description: Inject a fault on a staging host, or take all of them away
version_added: 1.0.0
description:
  - For drills. A fault is injected only where the file O(mark) exists, which a person has put on a host of staging.
  - A fault that the host does not allow is a result, RV(allowed) false with RV(why); nothing is changed then.
  - Each leaves something of a fixed name, so that O(state=absent) takes away whatever any run has left, also one that was killed.
extends_documentation_fragment:
  - kumon.runbook.service
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  state:
    description:
      - V(present) injects O(fault), V(absent) takes away all that are there.
    type: str
    choices: [present, absent]
    default: present
  fault:
    description:
      - V(configuration) puts O(content) into the file O(path), which the assistant reads while it runs.
      - V(gateway) has connections of the service's user to O(url) refused, V(network) drops whatever that user begins.
      - V(process) kills the service and keeps systemd from starting it again.
      - V(disk) fills the disk of O(directory), where no more than O(max_mb) are free.
      - Required with O(state=present).
    type: str
    choices: [configuration, gateway, network, process, disk]
  mark:
    description:
      - The file that marks a host of staging.
    type: path
    default: /etc/kumon-assistant/staging
  url:
    description:
      - Base URL of the Evolution API. Required with O(fault=gateway).
    type: str
  path:
    description:
      - A file of the assistant's own configuration. Without it there is no fault V(configuration).
    type: path
  content:
    description:
      - What is put into it.
    type: str
    default: ""
  directory:
    description:
      - Where the disk is filled. Without it there is no fault V(disk).
    type: path
  max_mb:
    description:
      - A disk with more free megabytes than this is not filled.
    type: int
    default: 64
seealso:
  - module: kumon.runbook.network_fence
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Have the gateway refuse
  kumon.runbook.drill_fault:
    service: kumon-assistant
    fault: gateway
    url: http://evolution.example.com:8080

- name: Take away whatever a drill has left
  kumon.runbook.drill_fault:
    service: kumon-assistant
    state: absent
"""

RETURN = r"""
allowed:
  description: Whether the host allows the fault.
  returned: success
  type: bool
  sample: true
why:
  description: Why it does not, as a code and what belongs to it, else empty; the controller has the words.
  returned: success
  type: dict
  sample: {}
restored:
  description: Which faults were there and were taken away, with O(state=absent); V(network) for both of the rules.
  returned: success
  type: list
  elements: str
  sample: [network]
"""

from ansible_collections.kumon.runbook.plugins.module_utils import _drill_fault, _service
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import run


def main() -> None:
    """Run the module."""
    spec = dict(
        _service.SERVICE_SPEC,
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        fault={"type": "str", "choices": list(_drill_fault.FAULTS)},
        mark={"type": "path", "default": "/etc/kumon-assistant/staging"},
        url={"type": "str"},
        path={"type": "path"},
        content={"type": "str", "default": ""},
        directory={"type": "path"},
        max_mb={"type": "int", "default": 64},
    )
    run(
        spec,
        lambda call: _drill_fault.ensure(call.params, Host(), call.check_mode),
        required_if=[("state", "present", ["fault"]), ("fault", "gateway", ["url"])],
    )


if __name__ == "__main__":
    main()
