#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke_test_message
short_description: Send the assistant one message of our own and follow it through its log
version_added: 1.0.0
description:
  - Notes the end of the log, posts a C(messages.upsert) event with a message id of its own to the assistant's webhook, and
    counts what the log says of that phone from there on, until the outcome is known.
  - No clock is needed, so logs without times serve as well. Rotation and truncation meanwhile do not matter. The log is only
    read.
  - The assistant handles the message as a customer's. Unless its kill-switch holds, its answer reaches O(phone).
  - A message that fails is a result. Judge it with P(kumon.runbook.smoke_test_result#filter).
options:
  webhook_url:
    description: The assistant's webhook, as this host reaches it. A proxy of the environment is never used.
    type: str
    required: true
  headers:
    description: HTTP headers that the webhook wants to see, for instance its key.
    type: dict
    default: {}
  phone:
    description: The phone that the message comes from and the answer goes to, 10 to 15 digits with the country's code.
    type: str
    required: true
  instance:
    description: The WhatsApp instance that the message comes in by, and that the answer should go out by.
    type: str
    required: true
  text:
    description: The message. C({id}) is replaced by its id.
    type: str
    default: "Teste de fumaça {id}"
  source:
    description: Where the log is.
    type: str
    choices: [file, journal]
    default: file
  paths:
    description: Log files for O(source=file), names and globs. Compressed ones are passed over.
    type: list
    elements: str
    default: []
  unit:
    description: The systemd unit whose journal is read, for O(source=journal).
    type: str
  wait:
    description: Seconds until the outcome has to be known, 1 to 600.
    type: float
    default: 20
  quiet:
    description:
      - Seconds without a send after which a message that was read counts as not sent. Without it that is known only at the
        end of O(wait).
    type: float
attributes:
  check_mode:
    description: Checks its input and the log, and sends nothing.
    support: full
  diff_mode:
    description: There is nothing to show; nothing on the host is changed.
    support: none
seealso:
  - plugin: kumon.runbook.smoke_test_result
    plugin_type: filter
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Send a message and see what becomes of it
  kumon.runbook.smoke_test_message:
    webhook_url: http://127.0.0.1:8000/api/v1/evolution/webhook
    phone: "5511999999999"
    instance: kumon_assistant
    paths: [/var/log/kumon-assistant/app.log]
  register: sent

- name: Judge it
  ansible.builtin.debug:
    msg: "{{ sent | kumon.runbook.smoke_test_result('full', 'kumon_assistant') }}"
"""

RETURN = r"""
message:
  description: The message.
  returned: success
  type: dict
  contains:
    id: {description: Its id., type: str, returned: always}
    phone: {description: The last four digits of the phone., type: str, returned: always}
    sent: {description: Whether it was posted; not in check mode., type: bool, returned: always}
    sent_at: {description: When it was posted by this host's clock (ISO 8601 in UTC)., type: str, returned: always}
    accepted: {description: Whether the webhook took it., type: bool, returned: always}
    http: {description: The HTTP status of the webhook's answer., type: int, returned: always}
    keyed: {description: 'Whether it had a header with a key, which assistants want to see.', type: bool, returned: always}
    detail: {description: The webhook's answer for people., type: str, returned: always}
traces:
  description:
    - What the log says of this message, as M(kumon.runbook.trace_log_info) returns it; C(lines) and C(bytes) are all that was
      written meanwhile. V(null) in check mode.
  returned: success
  type: dict
strays:
  description: Sends and deliveries to the same phone of messages that were planned before this one.
  returned: success
  type: int
settled:
  description: Whether the outcome was known before O(wait) was over.
  returned: success
  type: bool
quiet_seconds:
  description: Seconds without a trace of the message at the end.
  returned: success
  type: float
seconds:
  description: How long the call took.
  returned: success
  type: float
"""

from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils import _smoke
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def send(call: Call) -> dict[str, Any]:
    """Send the message and follow it. What it changes is a conversation, nothing of the host."""
    if call.params["source"] == "file" and not call.params["paths"]:
        raise Refused("no log is named; set paths (runbook_log_paths), or source: journal with unit")
    return dict(_smoke.send(call.params, Host(), call.check_mode), changed=False)


def main() -> None:
    """Run the module."""
    spec: Spec = {
        "webhook_url": {"type": "str", "required": True},
        "headers": {"type": "dict", "default": {}, "no_log": True},
        "phone": {"type": "str", "required": True, "no_log": True},
        "instance": {"type": "str", "required": True},
        "text": {"type": "str", "default": "Teste de fumaça {id}"},
        "source": {"type": "str", "choices": ["file", "journal"], "default": "file"},
        "paths": {"type": "list", "elements": "str", "default": []},
        "unit": {"type": "str"},
        "wait": {"type": "float", "default": 20},
        "quiet": {"type": "float"},
    }
    run(spec, send, required_if=[("source", "journal", ["unit"])])


if __name__ == "__main__":
    main()
