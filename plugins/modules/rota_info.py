#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rota_info
short_description: Tell who is on call by a calendar
version_added: 1.0.0
description:
  - Reads a calendar in iCalendar format, such as PagerDuty, Opsgenie and Google export one, and returns its entries in a span of time,
    each occurrence of those that repeat, with the name that stands in its title.
  - A calendar that cannot be read, wholly and in time, is a failure with one sentence. What is cancelled, and what names nobody, is no
    entry.
  - O(source) may be a key. No part of it is ever returned or shown.
requirements:
  - icalendar >= 6.1 (where the module runs)
  - recurring-ical-events >= 3.8 (where the module runs)
options:
  source:
    description:
      - A file's absolute path, or an C(http), C(https) or C(webcal) URL. A redirection is not followed.
    type: str
    required: true
  begin:
    description:
      - The begin of the span, in seconds since the epoch.
    type: float
    required: true
  end:
    description:
      - Its end.
    type: float
    required: true
  time_zone:
    description:
      - The time zone of days, and of times that name none, where the calendar itself does not say one (C(X-WR-TIMEZONE)).
    type: str
    default: UTC
  seconds:
    description:
      - Within how many seconds it has to be read.
    type: float
    default: 20
extends_documentation_fragment:
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: See who is on call in the next eight hours
  kumon.runbook.rota_info:
    source: "{{ vault_rota_url }}"
    begin: "{{ now().timestamp() }}"
    end: "{{ now().timestamp() + 8 * 3600 }}"
    time_zone: America/Sao_Paulo
  delegate_to: localhost
  register: rota
"""

RETURN = r"""
rows:
  description: Who is on call from when to when (ISO 8601 in UTC), in the order of time.
  returned: success
  type: list
  elements: dict
  sample: [{from: '2026-12-01T11:00:00Z', to: '2026-12-01T23:00:00Z', name: Ana}]
entries:
  description: How many entries the calendar has, those that repeat once.
  returned: success
  type: int
refused:
  description: V(true) where the calendar could not be read.
  returned: failure
  type: bool
"""

import re
from collections.abc import Collection
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _ical
from ansible_collections.kumon.runbook.plugins.module_utils._module import Spec, run


def secrets(params: dict[str, Any]) -> Collection[str]:
    """Return what of the calendar's place may be a key: all of it, and each long word."""
    return {params["source"], *(word for word in re.split(r"[/?&=#@]", params["source"]) if len(word) > 11)}


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "source": {"type": "str", "required": True, "no_log": True},
        "begin": {"type": "float", "required": True},
        "end": {"type": "float", "required": True},
        "time_zone": {"type": "str", "default": "UTC"},
        "seconds": {"type": "float", "default": 20},
    }
    run(spec, lambda call: {"changed": False, **_ical.on_call(call.params)}, secrets=secrets)


if __name__ == "__main__":
    main()
