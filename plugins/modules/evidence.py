#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence
short_description: Keep evidence of an incident on the target
version_added: 1.0.0
description:
  - Keeps the end of the log, the flags, the release, the state of the unit and the journal of acts below
    C(evidence/<run_id>) in O(state_dir), with a manifest that has the SHA-256 of each file.
  - All of it is redacted before it is written, and bounded in size and time. What could not be had is named in the manifest.
  - It is collected once for a run. Asked again, the manifest that is there is returned. Evidence of earlier runs is never removed.
extends_documentation_fragment:
  - kumon.runbook.service
attributes:
  check_mode:
    description: Says whether anything would be collected.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
options:
  run_id:
    description: The run that it is evidence of.
    type: str
    required: true
  source:
    description: Where the log is.
    type: str
    choices: [file, journal]
    default: file
  paths:
    description: Log files, for O(source=file); names and globs.
    type: list
    elements: str
    default: []
  since:
    description: How far back the log is kept, an age such as V(1h) or ISO 8601.
    type: str
    default: 1h
  flags:
    description: The flags whose values are kept.
    type: list
    elements: str
    default: []
  health_urls:
    description: The health endpoints, in the order in which they are tried.
    type: list
    elements: str
    default: []
  health_fields:
    description: Which field of the health answer tells about which flag.
    type: dict
    default:
      DELIVERY_DISABLE: delivery_disabled
  app_dir:
    description: The work tree that the assistant runs from.
    type: path
  after_act:
    description: Collect only if the journal has an act that is newer than all evidence that is kept. A run that changed nothing
      needs none, but for one that comes after an act by hand.
    type: bool
    default: false
  max_bytes:
    description: How large all of it may be.
    type: int
    default: 2000000
  seconds:
    description: How long collecting may take.
    type: float
    default: 10
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Keep what can be seen now
  kumon.runbook.evidence:
    service: kumon-assistant
    run_id: 20261122T101226Z-4f21aa
    paths: [/var/log/kumon-assistant/app.log*]
    app_dir: /opt/kumon-assistant
"""

RETURN = r"""
evidence:
  description: The manifest.
  returned: success
  type: dict
  contains:
    path: {description: 'The directory, V(null) when there is none.', type: str, returned: always}
    run_id: {description: The run., type: str, returned: always}
    collected: {description: When (ISO 8601 in UTC)., type: str, returned: when collected}
    files:
      description: Each with C(name), C(bytes), C(sha256), C(lines), C(truncated) and C(source).
      type: list
      elements: dict
      returned: always
    missing: {description: 'What could not be had, each with C(source) and C(why).', type: list, elements: dict, returned: always}
    seconds: {description: How long it took., type: float, returned: when collected}
"""

import os
import time
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _evidence, _service
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def collect(call: Call) -> dict[str, Any]:
    """Collect what there is, after what is measured."""
    os.nice(5)
    try:
        changed, manifest = _evidence.collect(call.params, Host(), time.time(), call.check_mode)
    except ValueError as exc:
        raise Refused(str(exc)) from exc
    return {"changed": changed, "evidence": manifest}


def main() -> None:
    """Run the module."""
    spec: Spec = {
        **_service.SERVICE_SPEC,
        "run_id": {"type": "str", "required": True},
        "source": {"type": "str", "choices": ["file", "journal"], "default": "file"},
        "paths": {"type": "list", "elements": "str", "default": []},
        "since": {"type": "str", "default": "1h"},
        "flags": {"type": "list", "elements": "str", "default": []},
        "health_urls": {"type": "list", "elements": "str", "default": []},
        "health_fields": _service.HEALTH_SPEC["health_fields"],
        "app_dir": {"type": "path"},
        "after_act": {"type": "bool", "default": False},
        "max_bytes": {"type": "int", "default": 2000000},
        "seconds": {"type": "float", "default": 10},
    }
    run(spec, collect)


if __name__ == "__main__":
    main()
