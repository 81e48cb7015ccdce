# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Where the releases are.
    DOCUMENTATION = r"""
options:
  app_dir:
    description:
      - The top of the git work tree that the service runs from. Git and pip run as its owner.
    type: path
    required: true
requirements:
  - git on the target
"""
