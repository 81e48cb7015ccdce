#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_wheels
short_description: Have the wheels of a release's requirements on the target, so that it can be installed without a network
version_added: 1.0.0
description:
  - Tries with pip whether O(wheelhouse) alone has what a release wants installed. Only if not, pip makes the wheels from what lies
    there and from the package index that it is set up with, and tries again.
  - Pip runs as the owner of the work tree. Nothing of the release in place or of its environment is changed.
extends_documentation_fragment:
  - kumon.runbook.release
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  wheelhouse:
    description:
      - The directory of wheels.
    type: path
    required: true
  state:
    description:
      - With V(absent) those wheels are taken away that this module has brought, and no others.
    type: str
    choices: [present, absent]
    default: present
  commit:
    description:
      - The release, as a commit id or an unambiguous beginning of one, a tag or a branch. Required with O(state=present).
    type: str
  venv:
    description:
      - The service's virtual environment. Required with O(state=present).
    type: path
  requirements:
    description:
      - The requirements file, relative to O(app_dir).
    type: str
    default: requirements.txt
  python:
    description:
      - The Python that environments are made with. By default the one of the present environment.
    type: path
  system_site_packages:
    description:
      - Whether environments see the system's packages. By default as the present environment does.
    type: bool
  seconds:
    description:
      - Seconds that each call of pip may take.
    type: float
    default: 600
seealso:
  - module: kumon.runbook.release
  - module: kumon.runbook.release_info
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Have the wheels of the known-good release
  kumon.runbook.release_wheels:
    app_dir: /opt/kumon-assistant
    venv: /opt/kumon-assistant/.venv
    wheelhouse: /opt/kumon-wheels
    commit: 3b18e51
"""

RETURN = r"""
commit:
  description: The release's commit, V(null) with O(state=absent).
  returned: success
  type: str
  sample: 3b18e512dba79e4c8300dd08aeb37f8e728b8dad
fetched:
  description: The wheels that were brought.
  returned: success
  type: list
  elements: str
  sample: [fastapi-0.115.5-py3-none-any.whl]
offline:
  description:
    - V(true) when pip was seen to find all of it in O(wheelhouse) alone, V(null) when that cannot be told, because this pip cannot try
      without doing or in check mode.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.kumon.runbook.plugins.module_utils import _wheelhouse
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Spec, run


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "app_dir": {"type": "path", "required": True},
        "wheelhouse": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "commit": {"type": "str"},
        "venv": {"type": "path"},
        "requirements": {"type": "str", "default": "requirements.txt"},
        "python": {"type": "path"},
        "system_site_packages": {"type": "bool"},
        "seconds": {"type": "float", "default": 600},
    }
    run(
        spec,
        lambda call: _wheelhouse.ensure(call.params, Host(), call.check_mode),
        required_if=[("state", "present", ["commit", "venv"])],
    )


if __name__ == "__main__":
    main()
