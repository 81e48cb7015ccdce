#!/usr/bin/python
# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_notification
short_description: Tell the technical and the business people of an incident, and keep on telling them
version_added: 1.0.0
description:
  - Runs on the host that sends, as a rule the controller. There its state lies, so that it survives a restart of the controller.
  - Sends what is due and nothing else. The first message, one every so often while the incident is open, also when nothing changed,
    one when somebody has acknowledged it, and one at its end. Within an audience the next tier is told when the last one did not
    acknowledge in its time.
  - Within a tier the channels are tried in order until one has taken the message; all tiers are told at once.
  - A message is claimed in the state before it is sent and its outcome noted after. Of a run that was killed in between the next one
    sends the message again under the same id (C(Message-ID), C(Idempotency-Key), the event's C(dedup_key)).
options:
  event:
    description:
      - V(open) opens an incident, or tells news of the open one; the same news again is held back. V(update)
        tells news of an open one, and does nothing where none is open. V(tick) sends what is due now.
      - V(acknowledge) stops the escalation. V(close) ends the incident. V(test) sends a labelled test over every channel of every tier
        and keeps no state.
    type: str
    choices: [open, update, tick, acknowledge, close, test]
    default: tick
  contacts:
    description:
      - C(technical) and C(business), or one of them, each a list of tiers with C(name), C(channels), C(acknowledge_minutes) (15) and C(locale).
      - A channel has C(type), V(slack), V(webhook), V(email), V(pagerduty) or V(apprise), and C(url) (and C(headers)), C(to), or
        C(routing_key), and C(timeout) (10 seconds). With C(always) it is used also when an earlier one has taken the message.
      - V(apprise) is for what the library of this name knows (Telegram, ntfy, Discord, Microsoft Teams, SMS and others) and needs it on
        the host that sends. Its C(url) is an address of the library, C(tgram://TOKEN/CHAT). An Evolution API is refused, for it may be what fails.
    type: dict
    required: true
  smtp:
    description: For e-mail, C(host), C(port), C(username), C(password), C(sender), C(security) (V(starttls), V(tls) or V(none)).
    type: dict
    default: {}
  facts:
    description: What happened. They are redacted, and part of what webhooks get.
    type: dict
    default: {}
  texts:
    description:
      - The text of each message, by audience, locale and kind (V(first), V(update), V(escalation), V(acknowledged), V(end), V(test)). Its first
        line is the subject. The marks ⟦elapsed⟧, ⟦by⟧, ⟦tier⟧ and ⟦eta:given at|what stands there without one⟧ are filled in when it is sent.
    type: dict
    default: {}
  locale:
    description: The language of tiers that name none.
    type: str
    choices: [pt_BR, en]
    default: pt_BR
  by:
    description: Who acknowledges.
    type: str
  eta:
    description:
      - When it is expected to be over, in a person's words, C(15 min). One line, redacted, 80 characters at most.
      - A new one is news of the open incident, and is kept until another one is given.
    type: str
  every:
    description: Seconds after which those who were told are told again.
    type: float
    default: 900
  seconds:
    description: How long sending may take in all, in seconds.
    type: float
    default: 20
  state_dir:
    description: Directory of the state, on the host that sends.
    type: path
    required: true
  run_id:
    description: Identifier of the run; it becomes that of the incident.
    type: str
  dry_run:
    description: Send nothing. Each message is written as a file below C(dry_run/outbox) in O(state_dir), with a state of its own.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what is due, and neither sends nor writes.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
author:
  - Kumon runbook contributors (@kumon)
"""

EXAMPLES = r"""
- name: Send what is due now
  kumon.runbook.incident_notification:
    contacts: "{{ runbook_contacts }}"
    smtp: "{{ runbook_smtp }}"
    state_dir: /var/lib/kumon-runbook/notify
  delegate_to: localhost
"""

RETURN = r"""
incident:
  description: The incident as it stands, V(null) where there is none.
  returned: success
  type: dict
  contains:
    id: {description: The run that opened it., type: str, returned: always}
    opened: {description: When (ISO 8601 in UTC)., type: str, returned: always}
    closed: {description: 'When it ended, or null.', type: str, returned: always}
    acknowledged: {description: 'By whom and when, or null.', type: dict, returned: always}
    eta: {description: 'C(text), what a person expects, and C(time), when that was said; or null.', type: dict, returned: always}
    facts: {description: 'The newest facts, redacted.', type: dict, returned: always}
    messages:
      description: All of its messages, each with C(id), C(time), C(kind), C(audience), C(tier), C(channel), C(ok) and C(detail).
      type: list
      elements: dict
      returned: always
messages:
  description: The messages of this run, with C(subject) and C(text) as well. C(detail) says what each channel that failed answered.
  returned: success
  type: list
  elements: dict
sent: {description: How many a channel has taken., type: int, returned: success}
unsent: {description: How many none has taken., type: int, returned: success}
held_back: {description: Whether the event told nothing new., type: bool, returned: success}
refused: {description: 'V(true) where contacts, event or directory do not fit, and so nobody was told.', type: bool, returned: failure}
"""

from collections.abc import Collection
from typing import Any, cast

from ansible_collections.kumon.runbook.plugins.module_utils import _contacts, _incident_state, _notify
from ansible_collections.kumon.runbook.plugins.module_utils._module import Call, Spec, run


def secrets(params: dict[str, Any]) -> Collection[str]:
    """What must not be shown. A person's name is no secret, and would blank out every text that has it in it."""
    return _contacts.secrets_of(params["contacts"], params["smtp"])


def send(call: Call) -> dict[str, Any]:
    """Do what the event asks for."""
    return _notify.run(cast(_notify.Params, call.params), call.check_mode, call.warnings)


def main() -> None:
    """Run the module. Whom to tell, and how, is nobody's to read back at -vvv."""
    spec: Spec = {
        "event": {"type": "str", "choices": list(_incident_state.EVENTS), "default": "tick"},
        "contacts": {"type": "dict", "required": True, "no_log": True},
        "smtp": {"type": "dict", "no_log": True, "default": {}},
        "facts": {"type": "dict", "default": {}},
        "texts": {"type": "dict", "default": {}},
        "locale": {"type": "str", "choices": list(_contacts.LOCALES), "default": "pt_BR"},
        "by": {"type": "str"},
        "eta": {"type": "str"},
        "every": {"type": "float", "default": 900},
        "seconds": {"type": "float", "default": 20},
        "state_dir": {"type": "path", "required": True},
        "run_id": {"type": "str"},
        "dry_run": {"type": "bool", "default": False},
    }
    run(spec, send, secrets=secrets)


if __name__ == "__main__":
    main()
