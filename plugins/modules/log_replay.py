#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: log_replay
short_description: Decide upon each minute of a past log
version_added: 1.0.0
description:
  - For the role C(go_live). Forms for each minute of a log the verdict that it had called for then, and says what automation would have
    done about it, and what that would have cost.
  - After an act counts what came after it. The log goes on as if nothing had been done, so there is one act until the verdict is well
    again, five minutes later at the earliest.
  - Messages that went well and would have been kept back are the cost, those that went wrong and would have been kept back the gain. With
    level 1 none goes out while it is in force, with level 2 and 3 none within the budget of the act.
  - Runs on the controller and touches no host. The log is held in memory; of more than 256 MiB the oldest is left out, and that is told.
options:
  log:
    description: The log, a name or a glob; rotated and packed files too.
    type: str
    required: true
  since:
    description: Decide from this time on. An age is one before the log's end.
    type: str
    default: ""
  until:
    description: Decide up to this time.
    type: str
    default: ""
  window:
    description: How far back each look goes, and up to ten minutes further, so that not each of them reads all of it again.
    type: str
    default: 4h
  expected_instance:
    description: The WhatsApp instance that should be used.
    type: str
    default: ""
  judge:
    description: Options of the filter P(kumon.runbook.verdict#filter).
    type: dict
    default: {}
  locale:
    description: Language of what people read.
    type: str
    choices: [en, pt_BR]
    default: en
extends_documentation_fragment:
  - action_common_attributes
attributes:
  check_mode:
    description: It never changes anything.
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: See what automation would have done last night
  kumon.runbook.log_replay:
    log: /tmp/app.log
    since: 12h
"""

RETURN = r"""
minutes:
  description:
    - One entry a minute, C(minute), C(status), C(cause), C(reason), C(level), what automation does in it, C(in_force), what it has done,
      C(held) and C(spared), how many messages of that minute that would have kept back.
  returned: success
  type: list
  elements: dict
incomplete:
  description: What was not read of it, null where all was.
  returned: success
  type: str
lines:
  description: How many lines were read.
  returned: success
  type: int
"""
