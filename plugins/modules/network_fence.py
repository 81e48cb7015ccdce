#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_fence
short_description: Keep the service's user from the Evolution API
version_added: 1.0.0
description:
  - Rejects every packet of the service's user to the Evolution API, for an assistant that goes on sending although its
    kill-switch is on. Open connections end as well.
  - The rules stand in an nftables table of the service's own, C(inet kumon_runbook_SERVICE), which is replaced in one
    transaction and read back as proof. They come before destination NAT, so that a gateway that a container engine
    publishes is fenced too.
  - An assistant in a container has no user on its host. It is fenced in by its addresses, where they come in, and these
    are looked up again at each start of it. That takes a container of root's; in one of a user's own (rootless) the user
    is fenced in where the assistant runs as nobody else, and else there can be no fence, see
    M(kumon.runbook.evolution_instance).
  - The fence outlives a restart of the service. Where systemd runs, a unit C(kumon-runbook-fence-SERVICE) puts it up again
    when the host starts or its firewall was flushed, and adds the addresses that the gateway's name gets meanwhile.
  - What stands is tried, by a connection of our own as that user.
extends_documentation_fragment:
  - kumon.runbook.service
  - kumon.runbook.service.journal
  - kumon.runbook.service.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  state:
    description:
      - Whether the fence stands.
    type: str
    choices: [present, absent]
    default: present
  url:
    description:
      - Base URL of the Evolution API. Its host is resolved on the target, and each of its addresses is fenced. Addresses
        that a standing fence has already are kept.
      - Required with O(state=present).
    type: str
  user:
    description:
      - The user to fence in, a name or a number. By default the one that the running service has, else the unit's.
    type: str
requirements:
  - nft (nftables 1.0 or later) and CAP_NET_ADMIN on the target
seealso:
  - module: kumon.runbook.service_flags
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Fence the assistant off
  kumon.runbook.network_fence:
    service: kumon-assistant
    url: http://evolution.example.com:8080

- name: Lift the fence
  kumon.runbook.network_fence:
    service: kumon-assistant
    state: absent
"""

RETURN = r"""
present:
  description: Whether the fence stands, read back from nftables.
  returned: after validation
  type: bool
  sample: true
addresses:
  description: The fenced addresses, in check mode those that would be.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.10, "2001:db8::10"]
port:
  description: The fenced TCP port, V(null) with O(state=absent).
  returned: success
  type: int
  sample: 8080
uid:
  description: The fenced user, V(null) with O(state=absent).
  returned: success
  type: int
  sample: 998
uids:
  description: All fenced users, should the service's processes have several.
  returned: success
  type: list
  elements: int
  sample: [998]
sources:
  description: What a container that is fenced in sends from; empty where the fence is about users.
  returned: success
  type: list
  elements: str
  sample: [172.18.0.2]
packets:
  description: How many packets the fence has turned away; with O(state=absent) and a fence that was lifted, none.
  returned: after validation
  type: int
  sample: 4
attempts:
  description: How many packets of the service the fence has turned away, without those of our own attempts.
  returned: success
  type: int
  sample: 4
attempts_before:
  description:
    - How many of these were turned away before the processes that run now were started by M(kumon.runbook.service_flags).
      What came after that is tried by processes that have the kill-switch.
  returned: success
  type: int
  sample: 1
attempt:
  description:
    - What became of a connection of our own, as the fenced user or out of the container. V(refused) by the fence, V(passed), V(unknown) where
      neither was seen, V(none) where none was made.
  returned: success
  type: str
  sample: refused
proxied:
  description:
    - Whether a process of the service has a proxy for the gateway in its environment. What goes through it does not run into the
      fence, so that RV(attempt) proves nothing. V(null) where that is not known.
  returned: success
  type: bool
  sample: false
since:
  description: Since when the fence stands, ISO 8601 in UTC; V(null) where there is none.
  returned: success
  type: str
  sample: "2026-11-22T10:12:27.170000Z"
survives_reboot:
  description: Whether a unit puts it up again when the host starts.
  returned: success
  type: bool
  sample: true
read_back:
  description: When the state was read back, ISO 8601 in UTC. What is sent after this time passes or meets the fence.
  returned: success
  type: str
  sample: "2026-11-22T10:12:27.170000Z"
"""

from ansible_collections.kumon.runbook.plugins.module_utils import _fence, _journal, _service
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import run


def main() -> None:
    """Run the module."""
    spec = dict(
        _service.SERVICE_SPEC,
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        url={"type": "str"},
        user={"type": "str"},
        **_journal.JOURNAL_SPEC,
    )
    run(spec, lambda call: _fence.ensure(call.params, Host(), call.check_mode))


if __name__ == "__main__":
    main()
