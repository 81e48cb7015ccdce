# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of kumon.runbook.journal_entry; see the module of that name for its documentation."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.action.journal_info import ActionModule

__all__ = ["ActionModule"]
