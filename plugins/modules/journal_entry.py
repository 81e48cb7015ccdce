#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: journal_entry
short_description: Write an entry to the journal of acts on the target
version_added: 1.0.0
description:
  - Appends one line to C(journal.jsonl) below O(state_dir), chained to the one before by its hash.
  - The modules of this collection that change something write their own entries; this one is for what a procedure or a person
    decides. Phone numbers and secrets are masked.
extends_documentation_fragment:
  - kumon.runbook.service.attributes
  - kumon.runbook.seen
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  state_dir:
    description:
      - Directory on the target that holds the journal.
    type: path
    default: /var/lib/kumon-runbook
  act:
    description:
      - What is done, for instance V(decision).
    type: str
    required: true
  phase:
    description:
      - A V(note) stands by itself. V(begin) and V(outcome) of the same run, procedure and act belong together.
    type: str
    choices: [note, begin, outcome]
    default: note
  before:
    description:
      - What was found.
    type: dict
  after:
    description:
      - What is to be, or has become.
    type: dict
  ok:
    description:
      - Whether it succeeded.
    type: bool
  msg:
    description:
      - One sentence for people.
    type: str
    default: ""
  repeat:
    description:
      - Whether a note is appended also when the newest one on the same procedure, act and level says the same, whichever run wrote
        it, and nothing was done since that no such note judges.
    type: bool
    default: true
  release_lease:
    description: Give the lease of O(run_id) back in the same call, whatever becomes of the entry. Somebody else's stays.
    type: bool
    default: false
  run_id:
    description:
      - Identifier of the run.
    type: str
  actor:
    description:
      - Who acts. By default the user behind C(sudo), else the user.
    type: str
  procedure:
    description:
      - Name of the procedure.
    type: str
seealso:
  - module: kumon.runbook.journal_info
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Write down a decision before it is carried out
  kumon.runbook.journal_entry:
    phase: begin
    act: decision
    after:
      level: 2
    run_id: "{{ run_id }}"
    procedure: emergency_recovery
"""

RETURN = r"""
entry:
  description: What identifies the entry, V(null) in check mode and when there was none to write.
  returned: success
  type: dict
  contains:
    seq: {description: Its number., type: int, returned: always}
    time: {description: When by the host's clock (ISO 8601 in UTC)., type: str, returned: always}
    hash: {description: Its SHA-256., type: str, returned: always}
journal:
  description: The journal with the entry in it, as M(kumon.runbook.journal_info) returns it, without its acts.
  returned: success
  type: dict
"""

from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _journal, _lease
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data


def enter(call: Call) -> dict[str, Any]:
    """Append the entry, redacted, unless it is a note that would only repeat one."""
    fields = dict(call.params)
    path, seen = _journal.path_in(fields.pop("state_dir")), fields.pop("seen")
    for name in ("seen_dir", "release_lease"):
        fields.pop(name)
    fields["actor"] = fields["actor"] or _journal.who()
    redacted = redact_data({name: fields.pop(name) for name in ("before", "after", "msg")})
    if not fields.pop("repeat") and fields["phase"] == "note" and _journal.is_noted(path, {**fields, **redacted}):
        return {"changed": False, "entry": None, "journal": _journal.verify(path, seen)}
    if call.check_mode:
        return {"changed": True, "entry": None, "journal": _journal.verify(path, seen)}
    try:
        entry = _journal.append(path, **fields, **redacted)
    except OSError as exc:
        raise Refused(
            f"{path} cannot be written ({exc.strerror}): run with become: true, or set runbook_state_dir"
        ) from exc
    kept = {key: entry[key] for key in ("seq", "time", "hash")}
    return {"changed": True, "entry": kept, "journal": _journal.verify(path, seen)}


def enter_and_go(call: Call) -> dict[str, Any]:
    """Append the entry, and give the lease back whatever came of it."""
    try:
        return enter(call)
    finally:
        if call.params["release_lease"]:
            _lease.release(call.params["state_dir"], call.params["run_id"], Host(), call.warnings, call.check_mode)


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "state_dir": {"type": "path", "default": "/var/lib/kumon-runbook"},
        "act": {"type": "str", "required": True},
        "phase": {"type": "str", "choices": ["note", "begin", "outcome"], "default": "note"},
        "before": {"type": "dict"},
        "after": {"type": "dict"},
        "ok": {"type": "bool"},
        "msg": {"type": "str", "default": ""},
        "repeat": {"type": "bool", "default": True},
        "release_lease": {"type": "bool", "default": False},
        **_journal.JOURNAL_SPEC,
        **_journal.SEEN_SPEC,
    }
    run(spec, enter_and_go)


if __name__ == "__main__":
    main()
