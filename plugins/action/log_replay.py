# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of kumon.runbook.log_replay; see the module of that name for its documentation."""

from __future__ import annotations

import glob
import os
import time
from typing import Any, cast

from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.past import Past
from ansible_collections.kumon.runbook.plugins.plugin_utils._calendar import span
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import plain
from ansible_collections.kumon.runbook.plugins.plugin_utils._replay import replay
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import replay as _texts


class ActionModule(ActionBase):
    """Reads a past log on the controller and decides upon each of its minutes."""

    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the minutes, or fail with one sentence."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            return {**result, **cast("dict[str, Any]", wrap_var(_replayed(plain(self._task.args))))}
        except (SourceError, ValueError, OSError) as error:
            return {**result, "failed": True, "refused": True, "msg": " ".join(str(error).split())}


def _replayed(args: dict[str, Any]) -> dict[str, Any]:
    """The minutes of the log. Raises SourceError, ValueError with a sentence."""
    locale = str(args.get("locale") or "en")
    words = Words(locale, _texts.TEXTS)
    if not args.get("log"):
        raise ValueError(words.say("missing"))
    path = os.path.abspath(os.path.expanduser(str(args["log"])))
    if not any(map(os.path.isfile, glob.glob(path))):
        raise ValueError(words.say("not_there", path=path))
    window = span(str(args.get("window") or "4h"))
    if not window:
        raise ValueError(words.say("window_wrong", value=repr(args["window"])))
    past = Past([path], time.time(), args.get("expected_instance") or None)
    since, until = (parse_when(str(args[name]), past.last) if args.get(name) else None for name in ("since", "until"))
    minutes = replay(
        past.minutes(since, until),
        lambda at, not_before: cast(Any, past.look(at, window, not_before)),
        locale,
        args.get("judge") or {},
    )
    if not minutes:
        raise ValueError(words.say("empty", first=iso(past.first, "seconds"), last=iso(past.last, "seconds")))
    return {"minutes": minutes, "incomplete": past.incomplete, "lines": past.lines}
