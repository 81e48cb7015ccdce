#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Read which release is in place, which ones are known to be good, and which one would be chosen
version_added: 1.0.0
description:
  - Reads the git work tree, the ledger of known-good releases and the journal on the target. Changes nothing.
  - That no release can be chosen is a result, not a failure.
extends_documentation_fragment:
  - kumon.runbook.release
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  commit:
    description:
      - The release that is wished for, as a commit id or an unambiguous beginning of one, a tag or a branch. It is a
        failure when it is not in the repository.
      - Empty to choose by the ledger.
    type: str
  state_dir:
    description:
      - Directory of the journal C(journal.jsonl) and the ledger C(releases.json).
    type: path
    default: /var/lib/kumon-runbook
  service:
    description:
      - The service whose acts in the journal count, where several assistants of a host share O(state_dir). Empty for all.
    type: str
    version_added: 1.1.0
  venv:
    description:
      - The service's virtual environment. It counts as no change to the work tree.
    type: path
  ignore:
    description:
      - Files and directories of O(app_dir) that the service rewrites while it runs, relative to it; C(*), C(?) and C([])
        stand for parts of a name. They count as no change.
    type: list
    elements: str
    default: []
seealso:
  - module: kumon.runbook.release
  - module: kumon.runbook.release_ledger
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: See what rolling back would choose
  kumon.runbook.release_info:
    app_dir: /opt/kumon-assistant
  register: found
"""

RETURN = r"""
release:
  description: The release in place, and those it could be replaced by.
  returned: success
  type: dict
  contains:
    head:
      description: The commit in place.
      type: str
    branch:
      description: The branch that is checked out, V(null) for none.
      type: str
    detached:
      description: Whether none is.
      type: bool
    dirty:
      description: Whether a file of the commit was changed.
      type: bool
    untracked:
      description: How many files are in no commit and not ignored.
      type: int
    hidden:
      description: Files that were changed and that git was told not to look at.
      type: list
      elements: str
    shallow:
      description: Whether the clone is shallow.
      type: bool
    commits:
      description: The last five commits, newest first.
      type: list
      elements: dict
      contains:
        commit:
          description: The commit.
          type: str
        short:
          description: An unambiguous beginning of it.
          type: str
        subject:
          description: The first line of its message, redacted.
          type: str
        time:
          description: When it was committed, ISO 8601 in UTC.
          type: str
        known:
          description: What is known of it, each as a code and what belongs to it; the controller has the words.
          type: list
          elements: dict
    ledger:
      description: As M(kumon.runbook.release_ledger) returns it.
      type: dict
    chosen:
      description: The release that a rollback would put in place, V(null) for none.
      type: dict
      contains:
        commit:
          description: The commit.
          type: str
        why:
          description:
            - V(asked) by O(commit); V(unfinished) when a rollback to it was killed; V(in_place) when a rollback has put it in
              place already, so that running it twice does not go back further; V(ledger) for the newest known-good one that
              is not in place.
          type: str
    reason:
      description: Why none would be chosen, as a code and what belongs to it, else empty; the controller has the words.
      type: dict
      contains:
        code:
          description: V(no_good_release) or V(good_not_in_repository).
          type: str
        fields:
          description: C(commits), the last five in short.
          type: dict
    previous:
      description: What undoing the last rollback would return to, V(null) when there is nothing to undo.
      type: dict
      contains:
        commit:
          description: The commit that was in place.
          type: str
        branch:
          description: The branch that was checked out, V(null) for none.
          type: str
        environment:
          description: The environment that was in use, V(null) for none.
          type: str
        rescue:
          description: The reference that holds its local changes and untracked files.
          type: str
        entry:
          description: What it was started as, where that differs by release.
          type: str
        run_id:
          description: The run that replaced it.
          type: str
  sample:
    head: 3b18e512dba79e4c8300dd08aeb37f8e728b8dad
    branch: main
    detached: false
    dirty: false
    untracked: 0
    hidden: []
    shallow: false
    commits: []
    ledger:
      good: []
      candidate:
    chosen:
    reason:
      code: no_good_release
      fields:
        commits: ["3b18e51 (Read the outbox once)"]
    previous:
"""

from ansible_collections.kumon.runbook.plugins.module_utils import _release_info
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Spec, run


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "app_dir": {"type": "path", "required": True},
        "commit": {"type": "str"},
        "state_dir": {"type": "path", "default": "/var/lib/kumon-runbook"},
        "service": {"type": "str"},
        "venv": {"type": "path"},
        "ignore": {"type": "list", "elements": "str", "default": []},
    }
    run(spec, lambda call: {"changed": False, "release": _release_info.inspect(call.params, Host())})


if __name__ == "__main__":
    main()
