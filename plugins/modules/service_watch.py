#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_watch
short_description: Look at the service every few seconds until something calls for an act
version_added: 1.0.0
description:
  - For the role C(go_live). Runs M(kumon.runbook.service_flags_info), M(kumon.runbook.trace_log_info) and M(kumon.runbook.journal_info)
    on the target, forms the verdict of each look, and shows it when something has changed and each minute.
  - Between two looks at the whole window only what is appended to the log is read, every O(every) seconds. How long that goes on
    is ten times what the whole window takes, between ten readings (four for several hosts) and one minute.
  - Returns when something calls for an act that O(told) does not hold, when the time is over, after an hour, or when O(signal) is given.
    A look that fails is told and made again; only the first one may not fail.
  - Runs on the controller and changes nothing on the target.
options:
  began:
    description: When the watch began, in seconds since the epoch.
    type: float
    required: true
  lasts:
    description: How long it lasts from then on, such as C(2h).
    type: str
    required: true
  again:
    description: Whether a watch goes on, so that its first look may fail as well.
    type: bool
    default: false
  every:
    description: Seconds between two readings of what is appended.
    type: float
    default: 3
  service:
    description: Options of M(kumon.runbook.service_flags_info).
    type: dict
    required: true
  log:
    description: Options of M(kumon.runbook.trace_log_info).
    type: dict
    required: true
  journal:
    description: Options of M(kumon.runbook.journal_info).
    type: dict
    required: true
  judge:
    description: Options of the filter P(kumon.runbook.verdict#filter).
    type: dict
    default: {}
  level2_flags:
    description: The flags and values of level 2, to tell whether it is in effect.
    type: dict
    default: {}
  told:
    description: RV(case) of the watch before, which is not told again.
    type: dict
    default: {}
  signal:
    description:
      - A name by which the watches of one run on several hosts end together, once the first of them is called. Another one each time.
        Empty for one host.
    type: str
    default: ""
  stamp:
    description: A file on the controller that says when the service was last seen. Empty means none.
    type: str
    default: ""
  mode:
    description: What the stamp says of who acts.
    type: str
    default: page
  run_id:
    description: Identifier of the run, for the stamp.
    type: str
    default: ""
  locale:
    description: Language of what is shown.
    type: str
    choices: [en, pt_BR]
    default: en
extends_documentation_fragment:
  - action_common_attributes
attributes:
  check_mode:
    description: It never changes anything on the target. In check mode it leaves no stamp.
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Watch for ten minutes
  kumon.runbook.service_watch:
    began: "{{ now(utc=true).timestamp() }}"
    lasts: 10m
    service: {service: kumon-assistant}
    log: {paths: [/var/log/kumon-assistant/app.log*], since: 4h}
    journal: {}
  become: true
  register: watched
"""

RETURN = r"""
woke:
  description: Why it returned, C(case), C(over), C(hour) or C(signal).
  returned: success
  type: str
case:
  description: What calls for an act (C(status), C(cause), C(level), C(act)), empty where nothing does.
  returned: success
  type: dict
verdict:
  description: The last verdict.
  returned: where the service was seen
  type: dict
decision:
  description: What automation would do about it, null where nothing is wrong.
  returned: where the service was seen
  type: dict
proposal:
  description: What a person would run, empty where nothing is wrong.
  returned: where the service was seen
  type: str
looks:
  description: How many readings of the log there were.
  returned: success
  type: int
unseen:
  description: Why the last look could not be made, empty where it was.
  returned: success
  type: str
seen_seconds:
  description: For how long the service was seen.
  returned: success
  type: float
unseen_seconds:
  description: The longest stretch in which nothing could be judged.
  returned: success
  type: float
"""
