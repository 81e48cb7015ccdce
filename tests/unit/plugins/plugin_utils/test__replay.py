# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso, parse_when
from ansible_collections.kumon.runbook.plugins.module_utils.log.files import SourceError
from ansible_collections.kumon.runbook.plugins.module_utils.log.measure import DEFAULTS, measure
from ansible_collections.kumon.runbook.plugins.module_utils.log.past import Past
from ansible_collections.kumon.runbook.plugins.plugin_utils._outcome import outcome
from ansible_collections.kumon.runbook.plugins.plugin_utils._replay import replay

from tests.unit.records import NOON, as_json, outbox_guard, turn

HOUR = 3600.0
WINDOW = 4 * HOUR


def traffic(minutes, bad=(), begin=NOON):
    """Two messages a minute by customers of their own; in the bad minutes they fail."""
    for minute in range(minutes):
        for number in range(2):
            at = begin + 60 * minute + 25 * number
            status = "failed" if minute in bad else "success"
            for line in turn(f"c{minute}_{number}", status=status):
                yield at, as_json(line, at)


def in_time(rows):
    """In the order of their times, and else as they are."""
    return sorted(rows, key=lambda row: row[0])


def written(path, rows):
    path.write_text("".join(line + "\n" for _at, line in in_time(rows)))
    return Past([f"{path}*"], NOON + 24 * HOUR)


def replayed(past):
    return replay(past.minutes(), lambda at, not_before: past.look(at, WINDOW, not_before))


def by_minute(found):
    return {row["minute"][11:16]: row for row in found}


@pytest.fixture
def incident(tmp_path):
    """Half an hour in which the assistant has refused to lose a message in the eleventh minute."""
    guard = (NOON + 610, as_json(outbox_guard("c9"), NOON + 610))
    return written(tmp_path / "app.log", [*traffic(30), guard])


def test_healthy_traffic_is_a_line_a_minute_and_no_act(tmp_path):
    found = replayed(written(tmp_path / "app.log", traffic(20)))
    assert [row["minute"] for row in found] == [f"2026-11-20T12:{minute:02d}Z" for minute in range(20)]
    assert {row["status"] for row in found} == {"ok"}
    assert not any(row["level"] or row["held"] or row["spared"] for row in found)


def test_a_guard_is_acted_upon_in_its_minute_and_what_that_costs_is_counted(incident):
    found = by_minute(replayed(incident))
    assert (found["12:09"]["status"], found["12:09"]["level"]) == ("ok", None)
    assert (found["12:10"]["status"], found["12:10"]["cause"], found["12:10"]["level"]) == (
        "rollback",
        "outbox_guard",
        1,
    )
    assert [row["level"] for row in found.values()].count(1) == 1
    # Kept back until all is seen to be well since the act, five minutes at least.
    in_force = [minute for minute, row in found.items() if row["in_force"]]
    assert in_force[0] == "12:11" and 4 <= len(in_force) <= 15
    assert {found[minute]["held"] for minute in in_force} == {2}
    assert found["12:29"]["in_force"] is None and found["12:29"]["status"] == "ok"


def test_what_would_have_been_spared_is_counted(tmp_path):
    rows = [*traffic(40, bad=range(12, 20)), (NOON + 610, as_json(outbox_guard("c9"), NOON + 610))]
    found = replayed(written(tmp_path / "app.log", rows))
    assert sum(row["spared"] for row in found) == 16


def test_what_comes_later_is_not_known_yet(incident, tmp_path):
    """Each look is what the live module measures of a log that ends there."""
    lines = (tmp_path / "app.log").read_text().splitlines()
    for minutes in (5, 10, 11, 25):
        at = NOON + 60 * minutes
        short = tmp_path / f"until-{minutes}"
        short.write_text("".join(line + "\n" for line in lines if line < f'{{"timestamp": "{iso(at)[:-1]}'))
        live = measure({**DEFAULTS, "paths": [str(short)], "since": "4h", "max_samples": 0, "max_unanswered": 0}, at)
        past = incident.look(at, WINDOW)
        for name in ("delivery", "handoff", "guards", "minutes", "stages", "critical"):
            assert past[name] == live[name], (minutes, name)


def test_a_window_that_is_read_on_is_the_one_that_is_read_anew(tmp_path):
    past = written(tmp_path / "app.log", [*traffic(60), (NOON + 610, as_json(outbox_guard("c9"), NOON + 610))])
    window = 900.0
    for minute in range(1, 61):
        at = NOON + 60 * minute
        read_on = past.look(at, window)
        more = at - parse_when(read_on["window"]["since"], at) - window
        assert more <= 600
        anew = Past([str(tmp_path / "app.log")], NOON + 24 * HOUR).look(at, window + max(0.0, more))
        for name in ("delivery", "handoff", "guards", "minutes", "stages", "critical", "window"):
            assert read_on[name] == anew[name], (minute, name)


def test_a_quoted_guard_at_the_turn_of_a_minute_is_none(tmp_path):
    """What was read before is known when the next lines are read."""
    said = f"Processing message for 5511900000001: {outbox_guard('c9')}"[:60]
    lines = [line for _at, line in in_time(traffic(10))]
    quoted = [as_json(said, NOON + 599.9), "OUTBOX_GUARD|level=CRITICAL|type=x|conv=a|idem=b..."]
    path = tmp_path / "app.log"
    path.write_text(
        "".join(line + "\n" for line in [*lines, *quoted, *(line for _at, line in traffic(5, begin=NOON + 600))])
    )
    found = replayed(Past([str(path)], NOON + 24 * HOUR))
    assert "rollback" not in {row["status"] for row in found}


def test_rotated_and_packed_files_are_one_log(tmp_path):
    rows = in_time(traffic(20))
    half = [line + "\n" for at, line in rows if at < NOON + 600]
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress("".join(half).encode()))
    past = written(tmp_path / "app.log", [row for row in rows if row[0] >= NOON + 600])
    found = replayed(past)
    assert len(found) == 20 and {row["status"] for row in found} == {"ok"}
    assert past.lines == len(rows)


def test_a_part_of_it_can_be_chosen(incident):
    moments = list(incident.minutes(NOON + 300, NOON + 420))
    assert moments == [NOON + 360, NOON + 420, NOON + 480]


def test_a_customer_who_quotes_a_guard_makes_no_act(tmp_path):
    quoted = f"Processing message for 5511900000001: {outbox_guard('c9')}"[:90] + "..."
    rows = [*traffic(20), (NOON + 610, as_json(quoted, NOON + 610)), (NOON + 611, outbox_guard("c9"))]
    path = tmp_path / "app.log"
    path.write_text("".join(line + "\n" for _at, line in in_time(rows)))
    found = replayed(Past([str(path)], NOON + 24 * HOUR))
    assert not any(row["level"] for row in found) and "rollback" not in {row["status"] for row in found}


def test_a_log_that_does_not_say_when_is_refused(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("".join(f"INFO:app:{line}\n" for line in turn("c1")))
    with pytest.raises(SourceError, match="says when it was written"):
        Past([str(path)], NOON)


def test_minutes_in_which_nothing_could_be_judged_are_told(incident):
    minutes = replayed(incident)
    lines = outcome("replay", {"replayed": {"minutes": minutes, "incomplete": None}})["lines"]
    assert not any("blind" in line for line in lines)
    for one in minutes[:3]:
        one.update(status="blind", cause="not_understood", level=None)
    lines = outcome("replay", {"replayed": {"minutes": minutes, "incomplete": None}})["lines"]
    assert lines[1].startswith("In 3 of 30 minutes the log let nothing be judged")


def test_the_outcome_is_a_line_a_minute_and_the_sum(incident):
    ended = outcome("replay", {"replayed": {"minutes": replayed(incident), "incomplete": None}})
    assert (ended["ok"], ended["status"], len(ended["lines"])) == (True, "ok", 31)
    assert "acted 1 time," in ended["message"]
    assert ended["lines"][11].startswith("2026-11-20T12:10Z rollback (outbox_guard) → automation would do level 1")
