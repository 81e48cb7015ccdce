#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: desk_record
short_description: Add to what is kept for the team on the desk, and read it
version_added: 1.0.0
description:
  - Keeps records as JSON lines in C(KIND.jsonl) below O(dir), with mode C(0600). Nothing that is there is ever changed or taken away.
  - A record is on the disk when the module returns. One run writes at a time; a line that a killed run has left half stays, is told
    in RV(torn), and hinders nothing.
  - Phone numbers and secrets are masked.
extends_documentation_fragment:
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  dir:
    description:
      - The directory on the desk, an absolute path; made with mode C(0700) where it is missing.
    type: path
    required: true
  kind:
    description:
      - What the records are. V(drill) are drills with their times, V(incident) incidents that are over with theirs, V(confirmation)
        what a person has confirmed, V(would_act) what automation would have done, V(mark) what a person says of that, V(automation)
        the switch of automatic acts, V(look) looks.
    type: str
    choices: [automation, confirmation, drill, incident, look, mark, would_act]
    required: true
  add:
    description:
      - A record to be added. C(at) (ISO 8601 in UTC, by the desk's clock), C(actor) and C(run_id) are put into it.
    type: dict
  also:
    description:
      - Further kinds that are read in the same call, and returned in RV(also).
    type: list
    elements: str
    choices: [automation, confirmation, drill, incident, look, mark, would_act]
    default: []
  since:
    description:
      - Return what was added at or after this time. An age such as V(15m) or V(14d), or ISO 8601 (UTC where no zone is given).
    type: str
  max_records:
    description:
      - How many records are returned at most, the newest ones. RV(left_out) says how many more there are.
    type: int
    default: 1000
  run_id:
    description:
      - Identifier of the run.
    type: str
  actor:
    description:
      - Who adds it. By default the user behind C(sudo), else the user.
    type: str
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Keep that the test message has arrived
  kumon.runbook.desk_record:
    dir: ~/.local/share/kumon-runbook
    kind: confirmation
    add:
      item: test_message
    actor: maria
  delegate_to: "{{ runbook_desk_host }}"

- name: Read the drills of the last 30 days
  kumon.runbook.desk_record:
    dir: ~/.local/share/kumon-runbook
    kind: drill
    since: 30d
  delegate_to: "{{ runbook_desk_host }}"
  register: drills
"""

RETURN = r"""
records:
  description: The records, oldest first, with what was added; in check mode without it.
  returned: success
  type: list
  elements: dict
added:
  description: The record that was added, or would be in check mode; V(null) where there was none to add.
  returned: success
  type: dict
torn:
  description: The numbers of the lines that cannot be read, of all the file; of the files of O(also) after those.
  returned: success
  type: list
  elements: int
unread:
  description:
    - For each kind that has such lines their numbers (C(lines)), and whether the file's newest line is one of them (C(newest)).
  returned: success
  type: dict
also:
  description: The records of each kind of O(also).
  returned: success
  type: dict
left_out:
  description: How many records since O(since) are not returned because there are more than O(max_records).
  returned: success
  type: int
refused:
  description: V(true) where the input does not fit, and so nothing was added.
  returned: failure
  type: bool
"""

import os
import time
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _desk_records, _journal
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import parse_when


def keep(call: Call) -> dict[str, Any]:
    """Add the record, if there is one, and return what is kept."""
    params = call.params
    if not os.path.isabs(params["dir"]):
        raise Refused(f"{params['dir']} is not an absolute path")
    if params["max_records"] < 1:
        raise Refused(f"max_records is {params['max_records']}; it must be at least 1")
    try:
        moment = None if params["since"] is None else parse_when(params["since"], time.time())
    except ValueError as exc:
        raise Refused(f"since: {exc}") from exc
    fields = params["add"]
    taken = [name for name in _desk_records.STAMPED if name in (fields or {})]
    if taken:
        raise Refused(f"add holds {taken[0]}, which every record gets from the module")
    paths = {kind: _desk_records.path_in(params["dir"], kind) for kind in (params["kind"], *params["also"])}
    path = paths[params["kind"]]
    added = None
    try:
        if fields is not None:
            actor = params["actor"] or _journal.who()
            added = redact_data(_desk_records.stamped(fields, actor, params["run_id"]))
            if not call.check_mode:
                _desk_records.add(path, added)
        files = {kind: _desk_records.read(paths[kind]) for kind in paths}
    except BlockingIOError as exc:
        raise Refused(f"{path} is held by another run: run again") from exc
    except OSError as exc:
        raise Refused(f"{path} cannot be used ({exc.strerror}): correct runbook_desk_dir") from exc
    unread = {kind: unread for kind, (_records, unread) in files.items()}
    records = {
        kind: records if moment is None else _desk_records.since(records, moment)
        for kind, (records, _unread) in files.items()
    }
    newest = {kind: records[kind][-params["max_records"] :] for kind in records}
    return {
        "changed": added is not None,
        "records": newest[params["kind"]],
        "added": added,
        "also": {kind: newest[kind] for kind in params["also"]},
        "torn": [line for lines in unread.values() for line in lines["lines"]],
        "unread": {kind: lines for kind, lines in unread.items() if lines["lines"]},
        "left_out": len(records[params["kind"]]) - len(newest[params["kind"]]),
    }


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "dir": {"type": "path", "required": True},
        "kind": {"type": "str", "choices": list(_desk_records.KINDS), "required": True},
        "add": {"type": "dict"},
        "also": {"type": "list", "elements": "str", "choices": list(_desk_records.KINDS), "default": []},
        "since": {"type": "str"},
        "max_records": {"type": "int", "default": 1000},
        **{name: _journal.JOURNAL_SPEC[name] for name in ("run_id", "actor")},
    }
    run(spec, keep)


if __name__ == "__main__":
    main()
