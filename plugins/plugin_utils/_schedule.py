# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the scheduled health check: the commands as this run was started, and where they work."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import number
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Commands, Words, prepare

_KEPT = ("HOME", "PATH", "LANG", "ANSIBLE_HOME", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_VAULT_PASSWORD_FILE")
# What a check may take of its interval, so that the next one never finds it at work; the rest is for telling people.
_SHARE = 0.6
WATCH_LIMIT = 180
"""Seconds after which nobody watches: a look takes one minute at most, and the watch starts anew within seconds."""


def scheduled_check(
    settings: Mapping[str, Any], directory: str, locale: str = "en", commands: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return `{settings, problem}`: what the program is given, and why it cannot work, in one sentence.

    :param settings: `minutes`, `textfile`, `dead_man_url`, `notifies`, `desk_here`, whether the desk is the controller,
        and `watch`, the `mode` and the `hosts` of the watch that is kept running, where one is
    :param directory: where its stamp and its lock are
    """
    run = Commands() if commands is None else commands
    minutes = number(settings["minutes"], "minutes")
    typed = {name: shlex.split(run[name]) for name in ("health_check", "notify")}
    words = Words(locale, prepare.TEXTS)
    asks = [word for word in typed["health_check"] if word.startswith("--ask-")]
    problem = ""
    if not 1 <= minutes <= 59 or minutes != int(minutes):
        problem = words.say("check_minutes")
    elif asks:
        problem = words.say("check_asks", switch=asks[0])
    watch = settings.get("watch") or {}
    if watch:
        # It is started anew each hour, so that nothing that it holds can grow old.
        typed["watch_go_live"] = shlex.split(run[f"watch_go_live -e watch_for=1h -e watch_mode={watch['mode']}"])
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if constants.CONFIG_FILE:
        environment["ANSIBLE_CONFIG"] = os.path.abspath(constants.CONFIG_FILE)
    # Cron has no environment of a person's: the program is named by its path.
    beside = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    program = beside if os.access(beside, os.X_OK) else shutil.which("ansible-playbook") or "ansible-playbook"
    return {
        "problem": problem,
        "settings": {
            "commands": {name: [program, *argv[1:]] for name, argv in typed.items()},
            "cwd": os.getcwd(),
            "environment": environment,
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
