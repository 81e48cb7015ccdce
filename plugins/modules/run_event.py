#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_event
short_description: Tell other programs what a run came to
version_added: 1.0.0
description:
  - Runs on the host that sends, as a rule the controller. Sends one event to all programs at once, and once; what none has taken is warned of.
options:
  programs:
    description:
      - Each has C(type), V(cloudevents) or V(pagerduty_change), and C(url), C(headers), C(source) (V(kumon.runbook)) and C(timeout) (10 seconds).
      - V(cloudevents) posts CloudEvents 1.0 in structured mode to C(url), of the types C(kumon.runbook.verdict) and C(kumon.runbook.act).
      - V(pagerduty_change) makes a change event of PagerDuty of each act, with C(routing_key), the key of a service's integration.
    type: list
    elements: dict
    required: true
  event:
    description: What P(kumon.runbook.run_event#filter) made of the run. Nothing is sent of an empty one.
    type: dict
    required: true
  seconds:
    description: How long sending may take in all, in seconds.
    type: float
    default: 10
attributes:
  check_mode:
    description: Sends nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Tell other programs
  kumon.runbook.run_event:
    programs:
      - {type: cloudevents, url: "https://events.example.com/kumon"}
    event: "{{ runbook_result | kumon.runbook.run_event(now(utc=true).timestamp()) }}"
  delegate_to: localhost
"""

RETURN = r"""
told:
  description: Of each program its C(type), whether it has taken the event (C(ok)), and why not (C(detail)).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Collection
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _contacts, _programs
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def secrets(params: dict[str, Any]) -> Collection[str]:
    """What must not be shown: an address is as good as a key."""
    return _contacts.secrets_of_channels(params["programs"])


def send(call: Call) -> dict[str, Any]:
    """Send the event."""
    params = call.params
    return _programs.run(params["programs"], params["event"], params["seconds"], call.check_mode, call.warnings)


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "programs": {"type": "list", "elements": "dict", "required": True, "no_log": True},
        "event": {"type": "dict", "required": True},
        "seconds": {"type": "float", "default": 10},
    }
    run(spec, send, secrets=secrets)


if __name__ == "__main__":
    main()
