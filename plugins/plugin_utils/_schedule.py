# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the scheduled health check: the commands as this run was started, and where they work."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Commands, Words, prepare

# Without its proxy nobody would be told, and without its settings Ansible would look at other hosts or reach none.
_KEPT = re.compile(r"HOME|PATH|LANG|LC_ALL|LC_CTYPE|SSL_CERT_(?:FILE|DIR)|(?i:(?:https?|all|no)_proxy)|ANSIBLE_\w+")
# By its configuration, or by the environment, Ansible asks without a switch.
_ASKS = (
    ("DEFAULT_ASK_PASS", "--ask-pass"),
    ("DEFAULT_BECOME_ASK_PASS", "--ask-become-pass"),
    ("DEFAULT_ASK_VAULT_PASS", "--ask-vault-pass"),
)
# What a check may take of its interval, so that the next one never finds it at work; the rest is for telling people.
_SHARE = 0.6
WATCH_LIMIT = 180
"""Seconds after which nobody watches: a look takes one minute at most, and the watch starts anew within seconds."""


class Shell:
    """The shell in which this run was started: what a scheduled or a further run needs of it."""

    def __init__(self) -> None:
        self.cwd = os.getcwd()
        self.environment = {name: value for name, value in os.environ.items() if _travels(name, value)}
        if constants.CONFIG_FILE:
            self.environment["ANSIBLE_CONFIG"] = os.path.abspath(constants.CONFIG_FILE)
        # Cron has no environment of a person's: the program is named by its path.
        beside = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
        self.program = beside if os.access(beside, os.X_OK) else shutil.which("ansible-playbook") or "ansible-playbook"

    def argv(self, typed: str) -> list[str]:
        """Return the arguments of a command as it is typed."""
        return [self.program, *shlex.split(typed)[1:]]


def _travels(name: str, value: str) -> bool:
    """Whether a run without this shell needs it. Ansible's settings hold no key but in plug-ins' own."""
    return _KEPT.fullmatch(name) is not None and (not name.startswith("ANSIBLE_") or is_open(name, value))


def is_open(name: str, value: str) -> bool:
    """Return whether everybody may see what a variable is set to."""
    return redact(f"{name}={value}") == f"{name}={value}"


def asks(typed: str, words: Words) -> str:
    """Return why nobody is there to answer what a command asks, in one sentence; empty when it asks nothing."""
    switches = [word for word in shlex.split(typed) if word.startswith("--ask-")]
    switches += [switch for setting, switch in _ASKS if getattr(constants, setting, False)]
    return words.say("check_asks", switch=switches[0]) if switches else ""


def scheduled_check(
    settings: Mapping[str, Any], directory: str, locale: str = "en", commands: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return `{settings, problem, others}`: what the program is given, why it cannot work, in one sentence, and the
    hosts at which the check that is there looks, and these settings would not.

    :param settings: `minutes`, `textfile`, `dead_man_url`, `notifies`, `desk_here`, whether the desk is the controller,
        `watch`, the `mode` and the `hosts` of the watch that is kept running, where one is, `hosts` of this run, and
        `staging`, whether they are that
    :param directory: where its stamp and its lock are
    """
    run = Commands() if commands is None else commands
    minutes = number(settings["minutes"], "minutes")
    words, shell = Words(locale, prepare.TEXTS), Shell()
    problem = asks(run["health_check"], words)
    if not 1 <= minutes <= 59 or minutes != int(minutes):
        problem = words.say("check_minutes")
    watch = settings.get("watch") or {}
    # It is started anew each hour, so that nothing that it holds can grow old.
    asked = {"watch_go_live": f"watch_go_live -e watch_for=1h -e watch_mode={watch['mode']}"} if watch else {}
    asked |= {name: name for name in ("health_check", "notify")}
    hosts = sorted(map(str, settings.get("hosts") or []))
    return {
        "problem": problem,
        "others": _others(directory, hosts) if hosts else [],
        "settings": {
            "hosts": hosts,
            "staging": bool(settings.get("staging")),
            "commands": {name: shell.argv(run[typed]) for name, typed in asked.items()},
            "cwd": shell.cwd,
            "environment": shell.environment,
            "seconds": round(_SHARE * 60 * minutes),
            "notify_seconds": round((0.9 - _SHARE) * 60 * minutes),
            "every_seconds": round(60 * minutes),
            "stamp": f"{directory}/health-check.json",
            "lock": f"{directory}/health-check.lock",
            "textfile": str(settings["textfile"] or ""),
            "dead_man_url": str(settings["dead_man_url"] or ""),
            "notifies": bool(settings["notifies"]),
            "incident": f"{directory}/incident.json" if settings.get("desk_here") else "",
            "watch": {
                "stamps": {str(host): f"{directory}/watch/{host}.json" for host in watch["hosts"]},
                "limit_seconds": WATCH_LIMIT,
            }
            if watch
            else {},
        },
    }


def _others(directory: str, hosts: Sequence[str]) -> list[str]:
    """The hosts that the check in this directory looks at, and those of this run are not; of staging none counts."""
    try:
        with open(os.path.join(directory, "health-check.conf"), encoding="utf-8") as there:
            before = json.load(there)
        # One that an earlier release has written names those that are watched.
        known = before.get("hosts") or list((before.get("watch") or {}).get("stamps") or {})
        return [] if before.get("staging") else sorted({str(host) for host in known} - set(hosts))
    except (OSError, ValueError, AttributeError, TypeError):
        return []
