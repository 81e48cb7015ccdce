# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for what people are told of an incident; each has its documentation in a file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _contacts


def contacts_problems(contacts: Any, smtp: Any = None) -> list[str]:
    """What is wrong with the contacts; see contacts_problems.yml."""
    return _contacts.contacts_problems(contacts, smtp)


def contacts_warnings(contacts: Any) -> list[str]:
    """What contacts that can work leave out; see contacts_warnings.yml."""
    return _contacts.contacts_warnings(contacts)


class FilterModule:
    """The filters of the messages."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"contacts_problems": contacts_problems, "contacts_warnings": contacts_warnings}
