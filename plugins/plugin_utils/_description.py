# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managed service as its variables describe it, for the modules that need to find it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils._contacts import (
    contacts_problems,
    contacts_warnings,
    programs_problems,
)
from ansible_collections.kumon.runbook.plugins.module_utils._redact import shown
from ansible_collections.kumon.runbook.plugins.plugin_utils._profiles import entries, profile

_URL = re.compile(r"https?://[^/?#\s]+")


def assistant_description(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the modules' options are, and what does not fit together.

    :param settings: the variables ``runbook_*``, by their names without that prefix
    :returns: ``{service, health, log, heartbeat, state}``, the options by the action groups of these names
        without those that are empty; ``profile``, the release's flags; ``entries``, what releases are started as;
        ``webhook_url``; ``problems``, ``contacts`` and ``programs``, what is wrong with them in one sentence each
    """
    # Empty is not set, as everywhere; `none` proves without health.
    health_url = "" if settings["health_url"] == "none" else settings["health_url"]
    base = (_URL.match(health_url) or [""])[0]
    health_urls = list(dict.fromkeys([health_url, f"{base}/api/v1/health"])) if health_url else []
    contacts = settings["contacts"]
    chosen, unknown = profile(settings["profile"], settings["profiles"])
    fields = settings["health_fields"] or chosen.get("health_fields") or {}
    return {
        "service": _given(
            service=settings["service_name"],
            manager=settings["service_manager"],
            env_file=settings["env_file"],
            state_dir=settings["state_dir"],
            port=_port(base),
            process_user=settings["process_user"],
            pid_file=settings["process_pid_file"],
            command=settings["process_command"],
            chdir=settings["process_chdir"],
            log_file=settings["process_log_file"],
        ),
        "health": {"health_urls": health_urls, "health_fields": fields},
        "profile": chosen,
        "entries": entries(settings["profiles"]),
        "log": {
            "source": settings["log_source"],
            "paths": settings["log_paths"],
            "unit": settings["service_name"],
        },
        "heartbeat": {
            "heartbeat_conversation": settings["heartbeat_conversation"],
            "heartbeat_minutes": settings["heartbeat_minutes"],
        }
        if settings["heartbeat_conversation"]
        else {},
        "state": {"state_dir": settings["state_dir"]},
        "webhook_url": settings["webhook_url"] or (f"{base}/api/v1/evolution/webhook" if base else ""),
        "problems": [*_problems(settings), *([unknown] if unknown else [])],
        "contacts": contacts_problems(contacts, settings["smtp"], settings["evolution_url"] or "")
        or contacts_warnings(contacts),
        "programs": programs_problems(settings["programs"]),
    }


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, "", [])}


def _port(base: str) -> int | None:
    if not base:
        return None
    try:
        parts = urlsplit(base)
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None  # the module that asks the URL says what is wrong with it


def _problems(settings: Mapping[str, Any]) -> list[str]:
    """What does not fit together, beyond what the argument specification checks."""
    problems = []
    if settings["log_source"] == "file" and not settings["log_paths"]:
        problems.append(
            "runbook_log_paths is empty: name the log files of the assistant, or set runbook_log_source to journal"
        )
    if settings["log_source"] == "journal" and settings["service_manager"] != "systemd":
        problems.append(
            "runbook_log_source journal needs runbook_service_manager systemd: name runbook_log_paths instead"
        )
    if settings["heartbeat_conversation"] and settings["heartbeat_minutes"] <= 0:
        problems.append(
            f"runbook_heartbeat_minutes is {settings['heartbeat_minutes']:g}: name the minutes within which a "
            "heartbeat has to come"
        )
    named = {**settings, "health_url": "" if settings["health_url"] == "none" else settings["health_url"]}
    for name, advice in (
        ("health_url", "correct it, or set it to none to prove without health"),
        ("webhook_url", "correct it"),
        ("evolution_url", "correct it"),
    ):
        if named[name] and not _URL.match(named[name]):
            problems.append(f"runbook_{name} ({shown(named[name])}) is not an http URL: {advice}")
    return problems
