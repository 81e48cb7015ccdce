#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: journal_info
short_description: Read the journal of acts on the target, and verify its chain
version_added: 1.0.0
description:
  - Reads C(journal.jsonl) below O(state_dir) and verifies that no line was changed or taken out. It changes nothing.
  - The chain alone cannot tell that the newest lines were cut off or all of it was written anew. With O(seen_dir) the controller keeps
    what it has read, and RV(journal.as_seen) says whether that is still there.
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
  run_id:
    description:
      - Return the acts of this run only.
    type: str
  max_age:
    description:
      - Return only acts that began at most so many seconds ago, by the host's clock.
    type: float
  max_entries:
    description:
      - Return at most so many acts.
    type: int
    default: 200
  fail_on_broken:
    description:
      - Whether a broken chain is a failure. It names the line.
    type: bool
    default: true
seealso:
  - module: kumon.runbook.journal_entry
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Verify the journal, and see what was done in the last half hour
  kumon.runbook.journal_info:
    max_age: 1800
  register: read
"""

RETURN = r"""
journal:
  description: The journal. One that does not exist is sound and empty.
  returned: always, but when it cannot be read
  type: dict
  contains:
    path: {description: The file., type: str, returned: always}
    exists: {description: Whether it exists., type: bool, returned: always}
    ok: {description: Whether the chain is whole., type: bool, returned: always}
    entries: {description: 'Entries up to the end, or to where the chain breaks.', type: int, returned: always}
    torn: {description: Lines that a killed run has left half., type: list, elements: int, returned: always}
    line: {description: The line that breaks the chain., type: int, returned: always}
    reason: {description: What is wrong with it., type: str, returned: always}
    head: {description: 'C(seq) and C(hash) of the last entry of what is whole; C(seq) is 0 without any.', type: dict, returned: always}
    as_seen: {description: Whether O(seen) is in the chain; V(null) without it., type: bool, returned: always}
    unlike: {description: Why it is not., type: str, returned: always}
    acts:
      description:
        - What was done, newest first. Begin and outcome of an act are put together; C(seq) and C(outcome_seq) name the two
          entries, C(hash) is that of the newer one.
        - C(age) is in seconds since it began, C(ended) and C(ok) are V(null) for an act without outcome.
      type: list
      elements: dict
      returned: always
      sample:
        - run_id: 20261122T101226Z-1f0c3a
          actor: ana
          host: assistant1
          procedure: rollback_level1
          act: service_flags
          seq: 41
          outcome_seq: 42
          hash: 5e0c0b3f0e5a1e6f6f2f0c9c1a1f2f64c8ad6f9a3b0bd2f4a93cbf2dc2f6a7d1
          began: "2026-11-22T10:12:27.170000Z"
          ended: "2026-11-22T10:12:28.020000Z"
          age: 61.2
          ok: true
          before: {DELIVERY_DISABLE: null}
          after: {DELIVERY_DISABLE: "true"}
          msg: ""
"""

import os
import time
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _journal
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def look(call: Call) -> dict[str, Any]:
    """Check the chain and put begin and outcome of each act together."""
    params = call.params
    path = _journal.path_in(params["state_dir"])
    try:
        journal = dict(_journal.verify(path, params["seen"]), path=path, exists=os.path.exists(path))
        acts = _journal.acts(path, time.time())
    except OSError as exc:
        raise Refused(f"{path} cannot be read ({exc.strerror}): run with become: true") from exc
    journal["acts"] = [
        act
        for act in acts
        if (params["run_id"] is None or act["run_id"] == params["run_id"])
        and (params["max_age"] is None or act["age"] <= params["max_age"])
    ][: max(0, params["max_entries"])]
    if not journal["ok"] and params["fail_on_broken"]:
        raise Failed(
            f"{path} is broken at line {journal['line']} ({journal['reason']}): keep a copy and find out who wrote there",
            {"journal": journal},
        )
    return {"changed": False, "journal": journal}


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "state_dir": {"type": "path", "default": "/var/lib/kumon-runbook"},
        "run_id": {"type": "str"},
        "max_age": {"type": "float"},
        "max_entries": {"type": "int", "default": 200},
        "fail_on_broken": {"type": "bool", "default": True},
        **_journal.SEEN_SPEC,
    }
    run(spec, look)


if __name__ == "__main__":
    main()
