# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils import _notify


def contacts_problems(contacts, smtp=None):
    """What is wrong with the contacts; see contacts_problems.yml."""
    return _notify.contacts_problems(contacts, smtp)


class FilterModule:
    """The filter kumon.runbook.contacts_problems."""

    def filters(self):
        return {"contacts_problems": contacts_problems}
