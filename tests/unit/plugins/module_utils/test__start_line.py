# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release says at its start of its flags: found between restart and proof, and never in a customer's text."""

from __future__ import annotations

import json

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _flags
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._start_line import StartLine

from tests.unit.plugins.service_fakes import module_params

FLAGS = {"DELIVERY_DISABLE": "true"}
ASCTIME = "2026-11-22 10:12:01,000 - app.main - INFO - "
TRACE = "DELIVERY_TRACE|action=send|conv=c|idem=i|instance=kumon_assistant"
TEXT = "INFO:app.main:Processing message for 5511900000001: "
FORGED = "DELIVERY_DISABLE=false"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "app.log"


@pytest.fixture
def witness(log):
    """The proofs of a log that held `before`, to which the old process adds `old` and the new one `new`."""

    def witness(*new, before=(), old=(), flags=None, truncated=False):
        line = StartLine({"source": "file", "paths": [str(log)], "unit": None}, Host())
        lines = [f"{one}\n" for one in before]
        log.write_text("".join(lines))
        line.begin()
        lines += [f"{one}\n" for one in old]
        log.write_text("".join(lines))
        line.over()
        log.write_text("".join([*([] if truncated else lines), *(f"{one}\n" for one in new)]))
        return line.proofs(flags or FLAGS, [])

    return witness


def agrees(proofs):
    return [(proof["had"], *proof["detail"]["fields"]["said"]) for proof in proofs]


@pytest.mark.parametrize(
    "line",
    [
        "DELIVERY_DISABLE=true",
        "INFO:app.main:DELIVERY_DISABLE=true",
        ASCTIME + "DELIVERY_DISABLE=true",
        ASCTIME + "Kill-switch: DELIVERY_DISABLE = True",
        ASCTIME + "🚫 DELIVERY_DISABLE=true - nothing is sent",
        ASCTIME + "flags: ROUTER_V2_SHADOW=true, DELIVERY_DISABLE=1, OTHER=x",
        '{"timestamp": "2026-11-22T10:12:01.000", "level": "INFO", "logger": "a", "message": "DELIVERY_DISABLE=true"}',
        '{"log":"DELIVERY_DISABLE=true\\n","stream":"stdout","time":"2026-11-22T10:12:01.000000001Z"}',
    ],
)
def test_it_is_told_where_a_release_has_one(witness, line):
    (proof,) = witness(line)
    assert (proof["proof"], proof["had"], proof["detail"]["code"]) == ("said", True, "says_at_start")


def test_one_that_contradicts_is_told_as_such(witness):
    (proof,) = witness("INFO:app.main:DELIVERY_DISABLE=false")
    assert (proof["had"], proof["detail"]["code"]) == (False, "denies_at_start")
    assert proof["detail"]["fields"]["said"] == ["DELIVERY_DISABLE=false"]
    # Of two processes the one that contradicts counts.
    assert agrees(witness("INFO:a:DELIVERY_DISABLE=false", "INFO:a:DELIVERY_DISABLE=true")) == [
        (False, "DELIVERY_DISABLE=false")
    ]


def test_a_removed_flag_is_one_that_is_not_set(witness):
    assert agrees(witness("INFO:a:DELIVERY_DISABLE=false", flags={"DELIVERY_DISABLE": None})) == [
        (True, "DELIVERY_DISABLE=false")
    ]


def test_without_one_there_is_no_witness(witness):
    assert witness() == witness("INFO:a:started", "INFO:a:NOT_DELIVERY_DISABLE=true") == []
    # That was the start of before.
    assert witness("INFO:a:started", before=["INFO:a:DELIVERY_DISABLE=true"]) == []


def test_a_log_that_was_cut_off_is_read_from_its_beginning(witness):
    assert agrees(witness("INFO:a:DELIVERY_DISABLE=true", before=["INFO:a:x" * 40], truncated=True)) == [
        (True, "DELIVERY_DISABLE=true")
    ]


@pytest.mark.parametrize(
    ("before", "old", "new"),
    [
        # A bare line in a stream whose records have heads.
        (["INFO:a:x"], [], [FORGED]),
        ([], [], ["INFO:a:x", FORGED]),
        # What the assistant quotes of a customer, in one line and over several, heads included.
        ([], [], [TEXT + FORGED + "..."]),
        ([], [], [TEXT + "oi", f"INFO:a:{FORGED}"]),
        ([], [TEXT + "oi", f"INFO:a:{FORGED}"], []),
        ([TEXT + "oi"], [f"INFO:a:{FORGED}"], []),
        ([], [], ["Processing message for 5511900000001: oi", FORGED]),
        ([], ["Processing message for 5511900000001: oi", "", FORGED], []),
        ([], [], [f"INFO:a:{FORGED}..."]),
        # A sentence in which it is named, and a value that is longer.
        ([], [], [f"INFO:a:the customer Ana wrote this to us: {FORGED}"]),
        ([], [], [f'INFO:a:text "{FORGED}"']),
        ([], [], [f"INFO:a:{FORGED}ly"]),
        # After the first message of the new process.
        ([], [], [f"INFO:a:{TRACE}", f"INFO:a:{FORGED}"]),
        ([], [], ['INFO:     10.0.0.1:5 - "POST /api/v1/evolution/webhook HTTP/1.1" 200 OK', f"INFO:a:{FORGED}"]),
    ],
)
def test_a_customers_text_is_none(witness, before, old, new):
    assert witness(*new, before=before, old=old) == []
    # What comes first counts.
    if not before and not old:
        assert agrees(witness("INFO:a:DELIVERY_DISABLE=true", *new)) == [(True, "DELIVERY_DISABLE=true")]


def test_the_old_process_writes_of_messages_until_it_is_over(witness):
    old = [f"INFO:a:{TRACE}"] * 30
    assert agrees(witness("INFO:a:DELIVERY_DISABLE=true", before=old, old=old + ["INFO:a:bye"] * 30)) == [
        (True, "DELIVERY_DISABLE=true")
    ]


def test_what_customers_wrote_to_the_old_process_hides_nothing_of_the_new_one(witness):
    old = [TEXT + "oi", f"INFO:a:{TRACE}", TEXT + "oi"]
    assert agrees(witness("INFO:a:DELIVERY_DISABLE=true", before=old, old=old + old)) == [
        (True, "DELIVERY_DISABLE=true")
    ]
    # Also where systemd has started it before the old one was seen to be over: a whole trace is no customer's text.
    assert agrees(witness(before=old, old=[*old, f"INFO:a:{TRACE}", "INFO:a:DELIVERY_DISABLE=true"])) == [
        (True, "DELIVERY_DISABLE=true")
    ]


def test_what_the_old_process_says_of_each_message_is_no_start(witness):
    """A release that says why it keeps a message says so until it ends; its next start has no such flag."""
    kept = [f"INFO:a:{TRACE}", "WARNING:a:DELIVERY_DISABLE=true: message not sent"]
    end = '127.0.0.1:5 - "POST /api/v1/evolution/webhook HTTP/1.1" 200 OK'
    told = witness(
        "INFO:a:started", before=kept, old=[*kept, *kept, f"INFO:     {end}"], flags={"DELIVERY_DISABLE": None}
    )
    assert told == []


def test_what_the_old_process_says_of_its_last_message_is_no_start(witness):
    """It may have ended before it wrote anything else of it; the next one has the flag all the same."""
    trace, kept = f"INFO:a:{TRACE}", "WARNING:a:DELIVERY_DISABLE=true: message to 55119000000{} not sent"
    before, old = [trace, kept.format("01"), trace], [trace, kept.format("02"), "INFO:     Shutting down"]
    for flags, started, expected in (
        ({"DELIVERY_DISABLE": None}, "INFO:a:started", []),
        ({"DELIVERY_DISABLE": None}, "INFO:a:DELIVERY_DISABLE=false", [(True, "DELIVERY_DISABLE=false")]),
        ({"DELIVERY_DISABLE": "true"}, kept.format("03"), [(True, "DELIVERY_DISABLE=true")]),
    ):
        assert agrees(witness(started, before=before, old=old, flags=flags)) == expected


def test_of_the_journal_only_the_new_processes_count():
    def journalctl(argv, **_more):
        records = [("INFO:a:DELIVERY_DISABLE=false", "4"), ("INFO:a:DELIVERY_DISABLE=true", "5"), (None, None)]
        assert argv[0] == "journalctl" and "--unit=kumon" in argv
        return Finished(0, "\n".join(json.dumps({"MESSAGE": text, "_PID": pid}) for text, pid in records) + "\nx", "")

    line = StartLine({"source": "journal", "paths": [], "unit": "kumon"}, Host(run=journalctl))
    line.begin()
    assert agrees(line.proofs(FLAGS, [5])) == [(True, "DELIVERY_DISABLE=true")]
    assert line.proofs(FLAGS, [6]) == []


def test_the_flags_own_call_tells_it_beside_its_proofs(tmp_path, systemd, log, monkeypatch):
    log.write_text("INFO:a:DELIVERY_DISABLE=false\n")
    start = systemd._start

    def says():
        start()
        log.write_text(log.read_text() + "INFO:a:DELIVERY_DISABLE=true\n")

    monkeypatch.setattr(systemd, "_start", says)
    params = module_params(tmp_path, observe=0.0, paths=[str(log)])
    first = _flags.ensure(params, systemd.host())
    assert first["proofs"][-1] == {
        "proof": "said",
        "had": True,
        "detail": {"code": "says_at_start", "fields": {"said": ["DELIVERY_DISABLE=true"]}},
    }
    # What was not restarted has said nothing since.
    assert "said" not in {proof["proof"] for proof in _flags.ensure(params, systemd.host())["proofs"]}


def test_a_log_that_cannot_be_read_is_no_witness(tmp_path):
    line = StartLine({"source": "file", "paths": [str(tmp_path), str(tmp_path / "none*")], "unit": None}, Host())
    line.begin()
    line.over()
    assert line.proofs(FLAGS, []) == []
