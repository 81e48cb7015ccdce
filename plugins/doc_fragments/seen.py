# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules that read the journal have in common."""

    DOCUMENTATION = r"""
options:
  seen_dir:
    description:
      - Directory on the controller where the head of each host's journal is kept as it was last seen, in C(journal_heads/<host>.json).
        With it O(seen) is taken from there, and what is read is kept, unless it does not fit.
    type: path
  seen:
    description: The head of the journal that was read before.
    type: dict
    suboptions:
      seq:
        description: Its number.
        type: int
        required: true
      hash:
        description: Its SHA-256.
        type: str
        required: true
"""
