#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Put another release of a service in place, and prove that it runs
version_added: 1.0.0
description:
  - Checks out a commit, gives the service an environment with that commit's requirements, restarts it, and waits until
    every process is a new one and health answers. One call, which either gets there or goes back by itself.
  - Everything is checked, and the environment is complete, before anything that runs is changed.
  - HEAD, the index and every file that is to be replaced are kept under C(refs/runbook/rescue/), byte for byte and with
    their modes, edits that are hidden from git (C(skip-worktree), C(assume-unchanged)) included. Undoing puts just that back.
  - Files that are in no commit stay where they are, and so does what a process of the service writes to and what lies
    below a link of the host's own. Small untracked files are kept as well.
  - With O(trial=auto) the release is tried first, beside the one that runs, in a room apart with a network, processes and
    files of its own. There it has to start, to answer, and to plan a reply to one message of ours. One that does not is
    refused before anything is changed, and the next candidate is named.
  - A submodule goes along where the commit that the release needs is there. Files that go through a filter, as large
    files do, are tried before anything is changed.
  - A service that does not come up healthy is returned to the release, branch, local changes and environment it came
    from, and the failure says so.
  - A second call changes nothing and restarts nothing. A call that was killed at any point, or whose way back failed, is
    finished by the next, and what was there before the first is what undoing returns to.
  - Flags that are declared and in force stay so.
extends_documentation_fragment:
  - kumon.runbook.release
  - kumon.runbook.service
  - kumon.runbook.service.health
  - kumon.runbook.service.journal
  - kumon.runbook.service.lease
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  state:
    description:
      - With V(present) O(commit) is in place when the module ends.
      - With V(undone) it is what was in place before the last act on the release, by the journal, with its branch, local
        changes and environment. Undoing twice changes nothing.
    type: str
    choices: [present, undone]
    default: present
  commit:
    description:
      - The release, as a commit id or an unambiguous beginning of one, a tag or a branch. Required with O(state=present).
    type: str
  venv:
    description:
      - The service's virtual environment. It becomes a symbolic link, moved at once to one of the environments in
        C(<venv>.d), of which there is one for each set of requirements. The environment that was there is kept.
      - Without it requirements are left alone.
    type: path
  requirements:
    description:
      - The requirements file, relative to O(app_dir).
    type: str
    default: requirements.txt
  wheelhouse:
    description:
      - Directory of wheels that requirements are installed from. What it does not hold comes from the package index that
        pip is set up with.
    type: path
  python:
    description:
      - The Python to make environments with. By default the one of the present environment.
    type: path
  system_site_packages:
    description:
      - Whether environments see the system's packages. By default as the present environment does.
    type: bool
  install_seconds:
    description:
      - Seconds that making an environment may take.
    type: float
    default: 120
  restart_timeout:
    description:
      - Seconds that a restart may take until health answers, from 1 to 600.
    type: float
    default: 60
  stop_timeout:
    description:
      - Seconds that the old processes have to end by themselves; then they are killed.
    type: float
    default: 8
  budget:
    description:
      - Seconds that the whole call may take. Installing, a restart and a restart on the way back have to fit in.
    type: float
    default: 280
  min_free_mb:
    description:
      - Megabytes that have to be free wherever something is written, beside what is known to be needed.
    type: int
    default: 200
  ignore:
    description:
      - Files and directories of O(app_dir) that the service rewrites while it runs, relative to it; C(*), C(?) and C([])
        stand for parts of a name. They are neither replaced nor kept.
    type: list
    elements: str
    default: []
  keep:
    description:
      - Flags that must stay what they are in the running process, declared or not.
    type: list
    elements: str
    default: []
  entries:
    description:
      - What releases are started as, by the kind of release; each has C(entry), one word of the service's command such as
        C(main:app), and C(marks), the words by which its code is known. Where the service is started with the word of another
        kind than that of O(commit), that is changed with the release, in a drop-in beside the unit with O(manager=systemd),
        and changed back by undoing.
    type: dict
    default: {}
  trial:
    description:
      - With V(auto) the release is tried before it is put in place. Nothing leaves the room that it is tried in, its own
        machine's other services and socket files are not to be reached from there, and what it writes to any file is gone
        with the room. With its database out of reach it may fall short of what it does in place; then the one in place is
        tried in the same way, and only what that one does there is asked of it.
      - It takes root, namespaces, overlayfs and C(ip). RV(trial) says so where it was not tried.
      - Not tried are an undo, what a killed run has begun, a release with another unit of systemd, to which the host has a
        link, and a service of which it is not known how it is started.
    type: str
    choices: [auto, never]
    default: auto
  webhook_url:
    description: The webhook that the message of the trial goes to. Without it the release only has to start and answer.
    type: str
  webhook_headers:
    description: HTTP headers that the webhook wants to see, for instance its key.
    type: dict
    default: {}
  phone:
    description: The phone that the message comes from. By default one that nobody has.
    type: str
  instance:
    description: The WhatsApp instance that the message comes in by.
    type: str
  gateway_url:
    description:
      - The Evolution API. In the room something else stands in its place and counts what is sent, where it is asked by plain
        HTTP.
    type: str
  log_paths:
    description: The service's own log files, which are empty in the room. Its output is read in any case.
    type: list
    elements: str
    default: []
requirements:
  - the venv module of Python and pip, with O(venv)
seealso:
  - module: kumon.runbook.release_info
  - module: kumon.runbook.release_ledger
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Put a release in place
  kumon.runbook.release:
    app_dir: /opt/kumon-assistant
    commit: 3b18e512
    venv: /opt/kumon-assistant/.venv
    wheelhouse: /srv/wheels
    service: kumon-assistant
    health_urls: [http://127.0.0.1:8000/health]

- name: Return to what was there before
  kumon.runbook.release:
    state: undone
    app_dir: /opt/kumon-assistant
    venv: /opt/kumon-assistant/.venv
    service: kumon-assistant
    health_urls: [http://127.0.0.1:8000/health]
"""

RETURN = r"""
before:
  description: The release that was found.
  returned: after validation
  type: dict
  contains: &state
    commit:
      description: The commit.
      type: str
    branch:
      description: The branch that is checked out, V(null) for none.
      type: str
    environment:
      description: The name of the environment in use, V(null) for none; V(original) for one that is not of our making.
      type: str
  sample: &sample
    commit: 3b18e512dba79e4c8300dd08aeb37f8e728b8dad
    branch: main
    environment: original
after:
  description: The release that is there now.
  returned: after validation
  type: dict
  contains: *state
  sample: *sample
target:
  description: The commit that was to be put in place.
  returned: after validation
  type: str
  sample: 3b18e512dba79e4c8300dd08aeb37f8e728b8dad
rescue:
  description: The reference under which HEAD, local changes and small untracked files are kept, V(null) when nothing was done.
  returned: after validation
  type: str
  sample: refs/runbook/rescue/20261122T101226Z-a1b2c3
requirements:
  description:
    - Where the requirements came from, in check mode would come from. V(wheelhouse), V(index), V(present) when an
      environment with them was there, V(null) when that is not known or without O(venv).
  returned: after validation
  type: str
  sample: wheelhouse
planned:
  description: Each change in order, for people. Empty when nothing is to be done.
  returned: after validation
  type: list
  elements: str
  sample: ["check out 3b18e512dba79e4c8300dd08aeb37f8e728b8dad", "restart kumon-assistant.service"]
steps:
  description: The same as data, RV(planned) in check mode, C(code) and C(fields) of each.
  returned: after validation
  type: list
  elements: dict
  sample: [{code: step_check_out, fields: {commit: 3b18e512dba79e4c8300dd08aeb37f8e728b8dad}}]
restarted:
  description: Whether the service was restarted.
  returned: after validation
  type: bool
  sample: true
kept:
  description: What each flag of O(keep) was in the process that ran before, and is now in the one that differs, if any.
  returned: after validation
  type: dict
  sample:
    DELIVERY_DISABLE:
      before: "true"
      after: "true"
returned:
  description: Whether the release did not come up, and the one before is in place again.
  returned: after validation
  type: bool
  sample: false
trial:
  description: What the release did where it was tried before.
  returned: after validation
  type: dict
  contains:
    tried:
      description: Whether it was tried.
      type: bool
    passed:
      description: Whether it did its work there, V(null) where that is not known.
      type: bool
    why:
      description: Why it was not tried, or what that does not say, as a code and what belongs to it; else empty.
      type: dict
    planned:
      description: How many replies it planned for the message, V(null) where none was sent to it.
      type: int
    sends:
      description: How often it asked the gateway's stand-in to send, V(null) where there was none.
      type: int
  sample:
    tried: true
    passed: true
    why: {}
    planned: 1
    sends: 1
proofs:
  description: What was looked at to prove the release.
  returned: after validation
  type: list
  elements: dict
  contains:
    proof:
      description:
        - V(commit) is HEAD and the files of its commit, V(requirements) is the environment in use, V(environment) is every
          process of the service, new and with the flags that are declared and were in force, V(health) is an answer of the
          health endpoint, V(reported) is that answer's agreement with the flags in force.
      type: str
    had:
      description: Whether it proves the release.
      type: bool
    detail:
      description: What was seen, as a code and what belongs to it; the controller has the words.
      type: dict
      contains:
        code:
          description: Which sentence is meant, for instance V(head).
          type: str
        fields:
          description: What is filled into it.
          type: dict
  sample:
    - proof: commit
      had: true
      detail:
        code: head
        fields:
          commit: 3b18e512dba7
phases:
  description: Seconds that each phase took; C(restart) and C(verify) with the way back, if there was one.
  returned: after validation
  type: dict
  sample:
    preflight: 0.21
    environment: 4.02
    trial: 3.1
    checkout: 0.11
    restart: 0.52
    verify: 0.31
seconds:
  description: How long the call took.
  returned: after validation
  type: float
  sample: 5.17
pid:
  description: The service's main process.
  returned: after validation
  type: int
  sample: 4127
pids:
  description: All processes of the service, the main one first.
  returned: after validation
  type: list
  elements: int
  sample: [4127, 4130]
started:
  description: When that process started, ISO 8601 in UTC.
  returned: after validation
  type: str
  sample: "2026-11-22T10:12:27.170000Z"
service:
  description: The unit's full name, or O(service).
  returned: after validation
  type: str
  sample: kumon-assistant.service
manager:
  description: As O(manager).
  returned: after validation
  type: str
  sample: systemd
"""

from ansible_collections.kumon.runbook.plugins.module_utils import _entry, _journal, _lease, _release, _service, _trial
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import run


def main() -> None:
    """Run the module."""
    spec = dict(
        _service.SERVICE_SPEC,
        state={"type": "str", "choices": ["present", "undone"], "default": "present"},
        app_dir={"type": "path", "required": True},
        commit={"type": "str"},
        venv={"type": "path"},
        requirements={"type": "str", "default": "requirements.txt"},
        wheelhouse={"type": "path"},
        python={"type": "path"},
        system_site_packages={"type": "bool"},
        install_seconds={"type": "float", "default": 120},
        restart_timeout={"type": "float", "default": 60},
        stop_timeout={"type": "float", "default": 8},
        budget={"type": "float", "default": 280},
        ignore={"type": "list", "elements": "str", "default": []},
        keep={"type": "list", "elements": "str", "default": []},
        min_free_mb={"type": "int", "default": 200},
        **_service.HEALTH_SPEC,
        **_journal.JOURNAL_SPEC,
        **_lease.LEASE_SPEC,
        **_entry.ENTRY_SPEC,
        **_trial.TRIAL_SPEC,
    )
    run(
        spec,
        lambda call: _release.ensure(call.params, Host(), call.check_mode),
        required_if=[("state", "present", ["commit"])],
    )


if __name__ == "__main__":
    main()
