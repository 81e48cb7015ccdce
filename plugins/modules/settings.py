#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: settings
short_description: Take a role's variables as they are meant
version_added: 1.0.0
description:
  - For the roles of this collection. Reads the variables of a role by its argument specification, as inventory, C(-e) or an AWX survey
    deliver them, and leaves them checked and with their types in one fact, C(__<role>), by their names without the role's prefix.
  - Text is trimmed, and an empty text means that a variable is not set; then its default counts, also where an extra variable would
    win over everything else.
  - A variable typed with C(-e) that no playbook of this collection reads, and that is nearly one that the playbooks of this run do, is
    refused.
  - Runs on the controller and touches no host.
options:
  role:
    description: The role, without its collection.
    type: str
    required: true
  entries:
    description: The entry points whose variables are wanted.
    type: list
    elements: str
    required: true
  also:
    description: Further roles with their entry points, so that one task does for all. Each has a fact of its own.
    type: dict
    default: {}
  describe:
    description:
      - For the role C(assistant), leaves the service as the modules' options want it as well, in C(__assistant_target), and how to
        run Python on the desk, in C(__assistant_desk_python). Settings that do not fit together are refused.
    type: bool
    default: false
  tells:
    description: With O(describe), whether people are told of what is done, so that to have no contacts is warned of.
    type: bool
    default: false
extends_documentation_fragment:
  - action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Settings | Take the variables as they are meant
  kumon.runbook.settings:
    role: health
    entries: [main]
"""

RETURN = r"""
ansible_facts:
  description: The settings, as the fact C(__<role>). They are not shown, because keys may be among them.
  returned: success
  type: dict
"""
