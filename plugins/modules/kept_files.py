#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kept_files
short_description: Write the files that a procedure leaves behind, in one call
version_added: 1.0.0
description:
  - Writes each file whole or not at all, in the given order. Directories that are missing are made.
  - M(ansible.builtin.copy) takes two round trips for each file; a report has six of them.
extends_documentation_fragment:
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  files:
    description:
      - The files, the one that refers to the others last.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where it is to be, an absolute path.
        type: path
        required: true
      content:
        description: Its text.
        type: str
        required: true
  mode:
    description:
      - The mode of a file that is written. A directory that is made has the same, and can be entered by who may read it.
    type: str
    choices: ["0600", "0640"]
    default: "0640"
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Write a report, and note which one is the newest
  kumon.runbook.kept_files:
    files:
      - path: /var/lib/kumon-runbook/reports/r1.md
        content: "{{ report }}"
      - path: /var/lib/kumon-runbook/report.json
        content: "{{ {'id': 'r1'} | to_nice_json }}"
"""

RETURN = r"""
written:
  description: The paths of the files that were not yet as they should be; in check mode those that would be written.
  returned: success
  type: list
  elements: str
refused:
  description: V(true) where a path is not absolute, and so nothing was written.
  returned: failure
  type: bool
"""

import os
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _trust
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def keep(call: Call) -> dict[str, Any]:
    """Write the files that are not yet as they should be."""
    files = [(entry["path"], entry["content"].encode()) for entry in call.params["files"]]
    for path, _content in files:
        if not os.path.isabs(path):
            raise Refused(f"{path} is not an absolute path")
    written = [path for path, content in files if _trust.read_ours(path) != content]
    mode = int(call.params["mode"], 8)
    for path, content in files:
        if path in written and not call.check_mode:
            os.makedirs(os.path.dirname(path), mode=mode | (mode & 0o444) >> 2, exist_ok=True)
            _trust.replace_ours(path, content, mode)
    return {"changed": bool(written), "written": written}


def main() -> None:
    """Run the module. What the files say is not logged, and not given back at -vvv."""
    spec: Spec = {
        "files": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "no_log": True,
            "options": {
                "path": {"type": "path", "required": True},
                "content": {"type": "str", "required": True},
            },
        },
        "mode": {"type": "str", "choices": ["0600", "0640"], "default": "0640"},
    }
    run(spec, keep, secrets=lambda _params: ())


if __name__ == "__main__":
    main()
