# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome_notify import notify_outcome

notify_summary = FilterModule().filters()["notify_summary"]
OPEN = {"id": "r1", "opened": "2026-11-20T12:00Z", "closed": None, "acknowledged": None}
LAUNCHED = {"ansible_job_id": "j1", "started": 1, "finished": 0}
AGAIN = (
    "ansible-playbook kumon.runbook.notify # again once the channel is repaired; -e notify_event=test tests all of them"
)


def judged(given, **how):
    return notify_outcome(given, **{"detached": False, "dry_run": False, "check": False, "locale": "en", **how})


def message(**given):
    return {
        "audience": "technical", "tier": 1, "name": "dev", "kind": "first", "ok": True, "channel": "slack",
        "detail": "", "subject": "subject", "text": "one\n\ntwo", **given,
    }  # fmt: skip


def told(*messages, **given):
    return {
        "incident": given.get("incident", OPEN),
        "messages": list(messages),
        "sent": sum(one["ok"] is True for one in messages),
        "unsent": sum(one["ok"] is False for one in messages),
    }


UNSENT = message(audience="business", kind="update", ok=False, channel=None, detail="email: refused")


@pytest.mark.parametrize(
    ("given", "how", "ok", "status", "headline"),
    [
        (told(message()), {}, True, "ok", "Messages sent"),
        (told(message(), UNSENT), {}, False, "failed", "Not all messages went out: email: refused"),
        (told(message(ok=None)), {"check": True}, True, "planned", "DRY RUN: these messages are due"),
        (told(), {"check": True}, True, "planned", "Nothing is due now"),
        (told(message()), {"dry_run": True}, True, "ok", "Dry run: these messages would have gone out"),
        (told(message(kind="test"), incident=None), {}, True, "ok", "Messages sent"),
        (told(), {}, True, "ok", "Nothing is due now"),
        (told(incident=None), {}, True, "ok", "No incident is open, nothing to send"),
        (told(incident={**OPEN, "closed": "later"}), {}, True, "ok", "No incident is open, nothing to send"),
        ({"msg": "no contacts", "failed": True, "refused": True}, {}, False, "refused", "no contacts"),
        ({"msg": "a traceback", "failed": True}, {}, False, "failed", "a traceback"),
        ({"unreachable": True}, {}, False, "failed", "The host that sends was not reached"),
        (LAUNCHED, {"detached": True}, False, "unproven", "The messages go out in the background"),
        ({"msg": "no async", "failed": True}, {"detached": True}, False, "failed", "no async"),
    ],
)
def test_a_run_is_what_became_of_its_messages(given, how, ok, status, headline):
    outcome = judged(given, locale="en", **how)
    assert (outcome["ok"], outcome["status"], outcome["message"]) == (ok, status, headline)
    assert outcome["lines"][0] == headline


@pytest.mark.parametrize(
    ("given", "how", "next_step"),
    [
        (told(message()), {}, ""),
        (told(UNSENT), {}, AGAIN),
        ({"unreachable": True}, {}, AGAIN),
        # The sentence itself says what to correct.
        ({"msg": "no contacts", "refused": True}, {}, ""),
        (
            LAUNCHED,
            {"detached": True},
            "ansible-playbook kumon.runbook.notify # again: it sends what did not go out and says what is due",
        ),
    ],
)
def test_what_to_do_next_is_said_where_something_is_left_to_do(given, how, next_step):
    assert judged(given, locale="en", **how)["next_step"] == next_step


@pytest.mark.parametrize(
    ("locale", "lines"),
    [
        (
            "en",
            [
                "Incident r1, since 2026-11-20T12:00Z, acknowledged by ana, closed at 13:00Z",
                "[x] Technical 1 (dev): first message, slack",
                "[ ] Business 1 (dev): update, email: refused",
            ],
        ),
        (
            "pt_BR",
            [
                "Incidente r1, desde 2026-11-20T12:00Z, assumido por ana, encerrado em 13:00Z",
                "[x] Técnico 1 (dev): primeira mensagem, slack",
                "[ ] Negócio 1 (dev): atualização, email: refused",
            ],
        ),
    ],
)
def test_the_lines_name_the_incident_and_each_message(locale, lines):
    incident = {**OPEN, "acknowledged": {"by": "ana"}, "closed": "13:00Z"}
    assert judged(told(message(), UNSENT, incident=incident), locale=locale)["lines"][1:] == lines


def test_a_dry_run_shows_each_message():
    given = told(message(channel="dry_run", detail="not sent"))
    for locale, first in (
        ("en", "[x] Technical 1 (dev): first message, dry run, not sent"),
        ("pt_BR", "[x] Técnico 1 (dev): primeira mensagem, simulação, não enviada"),
    ):
        lines = judged(given, dry_run=True, locale=locale)["lines"]
        assert lines[2:] == [first, "subject", "  one", "  ", "  two"]


def test_in_check_mode_there_is_no_text_to_show_yet():
    due = {name: value for name, value in message(ok=None, channel=None).items() if name not in ("subject", "text")}
    assert judged(told(due), dry_run=True, check=True, locale="en")["lines"][2:] == [
        "[ ] Technical 1 (dev): first message"
    ]


@pytest.mark.parametrize(
    ("given", "detached", "summary"),
    [
        (told(message(), UNSENT), False, (1, 1)),
        (told(), False, (0, 0)),
        (LAUNCHED, True, (0, 0)),
        ({"msg": "no contacts", "refused": True}, False, (0, 1)),
        ({"msg": "no contacts", "refused": True}, True, (0, 1)),
        ({"unreachable": True}, True, (0, 1)),
    ],
)
def test_an_act_is_told_how_many_messages_it_has_caused(given, detached, summary):
    found = notify_summary(given, detached=detached, locale="en")
    assert (found["sent"], found["unsent"]) == summary
    assert found["lines"][0] == judged(given, detached=detached, locale="en")["message"]


def test_a_warning_is_among_what_an_act_is_told():
    assert notify_summary(told(message()), locale="en", warning="It ends.")["lines"][-1] == "It ends."


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^notify_summary: KeyError: 'unsent'$"):
        notify_summary({"messages": []})
    with pytest.raises(AnsibleFilterError, match="^locale must be pt_BR or en"):
        notify_summary(told(), locale="fr")
