#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_ledger
short_description: Take an observation of the running release into the ledger of known-good releases
version_added: 1.0.0
description:
  - A release becomes known-good by being observed healthy for a set time in the same running process, never by having been
    deployed.
  - The first healthy observation makes the release in place a candidate. An unhealthy one takes that away, and does not
    touch releases that are known to be good.
  - A work tree with local changes, and a process that was started before the release was put in place, prove nothing
    about it.
extends_documentation_fragment:
  - kumon.runbook.release
  - kumon.runbook.service
  - kumon.runbook.service.journal
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  healthy:
    description:
      - Whether the service was just observed to be healthy.
    type: bool
    required: true
  seconds:
    description:
      - How long the same process of a release has to be healthy, from its first healthy observation, at most 86400.
    type: float
    default: 900
  proven_seconds:
    description:
      - The length of a window, ended just now, in which the service was proven healthy throughout. It counts by itself, as
        far as the process has lived through it.
    type: float
  ignore:
    description:
      - Files and directories of O(app_dir) that the service rewrites while it runs, relative to it; C(*), C(?) and C([])
        stand for parts of a name. They count as no change.
    type: list
    elements: str
    default: []
seealso:
  - module: kumon.runbook.release
  - module: kumon.runbook.release_info
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Note that the service is healthy
  kumon.runbook.release_ledger:
    app_dir: /opt/kumon-assistant
    service: kumon-assistant
    healthy: true
"""

RETURN = r"""
commit:
  description: The release in place.
  returned: success
  type: str
  sample: 3b18e512dba79e4c8300dd08aeb37f8e728b8dad
good:
  description: Whether it is known to be good.
  returned: success
  type: bool
  sample: false
marked:
  description: Whether it became so by this observation.
  returned: success
  type: bool
  sample: false
reason:
  description: Why it did not, as a code and what belongs to it, else empty; the controller has the words.
  returned: success
  type: dict
  contains:
    code:
      description:
        - V(not_healthy), V(local_changes), V(not_running), V(started_before), V(newest_good) or V(needs_longer) with the
          seconds.
      type: str
    fields:
      description: What is filled into the sentence.
      type: dict
  sample:
    code: needs_longer
    fields:
      seconds: 840
ledger:
  description: The ledger as it is now, in check mode as it would be.
  returned: success
  type: dict
  contains:
    good:
      description: Known-good releases of O(service), oldest first, at most 50.
      type: list
      elements: dict
      contains:
        commit:
          description: The commit.
          type: str
        subject:
          description: The first line of its message, redacted.
          type: str
        proven:
          description: When it was proven, ISO 8601 in UTC.
          type: str
        seconds:
          description: For how long.
          type: float
        by:
          description: Who ran the observation.
          type: str
        run_id:
          description: The run.
          type: str
        service:
          description: Whose release it is, where several assistants share O(state_dir).
          type: str
    candidate:
      description: The release of O(service) that is being observed, V(null) for none.
      type: dict
      contains:
        commit:
          description: The commit.
          type: str
        since:
          description: When it was first observed healthy, ISO 8601 in UTC.
          type: str
        at:
          description: The same in seconds since boot, which is what counts.
          type: float
        boot:
          description: The boot it counts in.
          type: str
        pid:
          description: The process it counts for.
          type: int
        start:
          description: When that process started, in clock ticks since boot.
          type: int
        service:
          description: Whose release it is.
          type: str
  sample:
    good: []
    candidate:
"""

from ansible_collections.kumon.runbook.plugins.module_utils import _journal, _ledger, _service
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import run


def main() -> None:
    """Run the module."""
    spec = dict(
        _service.SERVICE_SPEC,
        app_dir={"type": "path", "required": True},
        healthy={"type": "bool", "required": True},
        seconds={"type": "float", "default": 900},
        proven_seconds={"type": "float"},
        ignore={"type": "list", "elements": "str", "default": []},
        **_journal.JOURNAL_SPEC,
    )
    run(spec, lambda call: _ledger.observe(call.params, Host(), call.check_mode))


if __name__ == "__main__":
    main()
