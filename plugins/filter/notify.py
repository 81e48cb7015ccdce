# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for what people are told of an incident; each has its documentation in a file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.module_utils import _contacts
from ansible_collections.kumon.runbook.plugins.plugin_utils import _messages, _outcome_notify


def contacts_problems(contacts: Any, smtp: Any = None) -> list[str]:
    """What is wrong with the contacts; see contacts_problems.yml."""
    return _contacts.contacts_problems(contacts, smtp)


def contacts_warnings(contacts: Any) -> list[str]:
    """What contacts that can work leave out; see contacts_warnings.yml."""
    return _contacts.contacts_warnings(contacts)


def incident_texts(facts: Any, every_minutes: Any = 15) -> Any:
    """Every text that an incident may need; see incident_texts.yml."""
    try:
        # It quotes a log: never a template.
        return wrap_var(_messages.messages(facts, every_minutes=every_minutes))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"incident_texts: {type(error).__name__}: {error}") from error


def notify_outcome(
    told: Any, detached: bool = False, dry_run: bool = False, check: bool = False, locale: str = "pt_BR"
) -> Any:
    """What a run of notify came to; see notify_outcome.yml."""
    try:
        outcome = _outcome_notify.notify_outcome(told, detached=detached, dry_run=dry_run, check=check, locale=locale)
        return wrap_var(outcome)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"notify_outcome: {type(error).__name__}: {error}") from error


def notify_summary(told: Any, detached: bool = False, dry_run: bool = False, locale: str = "pt_BR") -> Any:
    """What became of the messages of an act; see notify_summary.yml."""
    try:
        return wrap_var(_outcome_notify.notify_summary(told, detached=detached, dry_run=dry_run, locale=locale))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"notify_summary: {type(error).__name__}: {error}") from error


class FilterModule:
    """The filters of the messages."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "contacts_problems": contacts_problems,
            "contacts_warnings": contacts_warnings,
            "incident_texts": incident_texts,
            "notify_outcome": notify_outcome,
            "notify_summary": notify_summary,
        }
