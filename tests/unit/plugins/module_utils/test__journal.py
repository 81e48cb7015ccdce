# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal: nothing can be taken out or changed unseen, and what an undo restores is read from it."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _files, _journal
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused

FLAG = "DELIVERY_DISABLE"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "state" / "journal.jsonl")


def write(path, phase="begin", before=None, after="true", **more):
    return _journal.append(
        path,
        **{
            "run_id": "r1",
            "actor": "ana",
            "procedure": "rollback_level1",
            "act": "service_flags",
            "phase": phase,
            "before": {FLAG: before},
            "after": {FLAG: after},
            "ok": None if phase == "begin" else True,
            "msg": "",
            **more,
        },
    )


def lines(path):
    with open(path, "rb") as handle:
        return handle.read().splitlines(keepends=True)


def test_an_entry_has_the_documented_keys_and_mode(path):
    entry = write(path)
    assert json.loads(lines(path)[0]) == entry
    keys = "act actor after before hash host msg ok phase prev procedure run_id seq time"
    assert " ".join(sorted(entry)) == keys
    assert (entry["seq"], entry["prev"]) == (1, "0" * 64)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o750


def test_entries_are_chained(path):
    first, second = write(path), write(path, "outcome", msg="ação \udcff")
    assert second["prev"] == first["hash"]
    assert second["seq"] == 2
    whole = {"ok": True, "entries": 2, "torn": [], "line": None, "reason": None, "as_seen": None, "unlike": None}
    assert _journal.verify(path) == {**whole, "head": {"seq": 2, "hash": second["hash"]}}


def test_no_journal_is_no_entry(path):
    assert _journal.verify(path)["entries"] == 0
    assert _journal.last_act(path) is None
    assert _journal.undo_values(path, [FLAG], {FLAG: "true"}) == {FLAG: None}


def test_a_changed_entry_is_named(path):
    for _turn in range(3):
        write(path)
    broken = lines(path)
    broken[1] = broken[1].replace(b'"ana"', b'"eva"')
    with open(path, "wb") as handle:
        handle.writelines(broken)
    found = _journal.verify(path)
    assert (found["ok"], found["line"]) == (False, 2)
    assert found["reason"] == "the entry was changed: its hash does not fit its content"


def test_a_missing_entry_is_named(path):
    for _turn in range(3):
        write(path)
    kept = lines(path)
    with open(path, "wb") as handle:
        handle.writelines([kept[0], kept[2]])
    found = _journal.verify(path)
    assert (found["ok"], found["line"]) == (False, 2)
    assert found["reason"] == "an entry is missing before it: seq 3 follows 1"


def test_a_journal_that_was_made_longer_from_an_earlier_entry_on_is_another_one(path):
    first, seen, *_later = [write(path) for _turn in range(3)]
    kept = lines(path)[:1]
    with open(path, "wb") as handle:
        handle.writelines(kept)
    for _turn in range(5):
        write(path, after="false")
    fork = _journal.verify(path, seen)
    assert (fork["ok"], fork["as_seen"], fork["unlike"]) == (True, False, "entry 2 is another one")
    assert _journal.verify(path, first)["as_seen"] is True
    # One that is empty, as it is after `truncate`, has lost it as one that is gone.
    with open(path, "wb"):
        pass
    assert _journal.verify(path, seen)["unlike"] == "entry 2 is gone, the last one is 0"


def test_a_head_that_was_read_before_is_looked_for(path):
    seen = [write(path) for _turn in range(3)][1]
    assert _journal.verify(path, seen)["as_seen"] is True
    kept = lines(path)[:1]
    with open(path, "wb") as handle:
        handle.writelines(kept)
    cut = _journal.verify(path, seen)
    assert (cut["ok"], cut["as_seen"], cut["unlike"]) == (True, False, "entry 2 is gone, the last one is 1")
    os.unlink(path)
    assert _journal.verify(path, seen)["unlike"] == "entry 2 is gone, the last one is 0"
    for _turn in range(3):
        write(path, after="false")
    anew = _journal.verify(path, seen)
    assert (anew["ok"], anew["as_seen"], anew["unlike"]) == (True, False, "entry 2 is another one")


def test_an_undo_rests_on_what_the_chain_vouches_for(path):
    write(path, before="from the unit", after="true")
    assert _journal.undo_values(path, [FLAG], {FLAG: "true"}) == {FLAG: "from the unit"}
    forged = json.loads(lines(path)[0])
    forged.update(seq=9, before={FLAG: "true"}, after={FLAG: "false"})
    forged["hash"] = _journal._hash(forged)
    with open(path, "a") as handle:
        handle.write(json.dumps(forged) + "\n")
    assert _journal.undo_values(path, [FLAG], {FLAG: "false"}) == {FLAG: None}


@pytest.mark.parametrize(
    "torn", [b'{"seq": 2, "ha', b'{"seq": 2, "ha\n', b"\x00\x00\x00", b'{"seq": 2}', b"[" * 200_000]
)
def test_the_chain_goes_on_below_a_line_that_was_written_half(path, torn):
    first = write(path)
    with open(path, "ab") as handle:
        handle.write(torn)
    second = write(path)
    assert (second["prev"], second["seq"]) == (first["hash"], 2)
    found = _journal.verify(path)
    assert (found["ok"], found["entries"], found["torn"], found["line"]) == (True, 2, [2], None)


@pytest.mark.parametrize(
    "odd",
    [
        *({"time": time} for time in (None, 5, ["x"], "soon", "9999-12-31T23:59:59-14:00")),
        *({name: {"a": 1}} for name in ("run_id", "procedure", "act", "phase", "service", "actor", "msg")),
        *({name: 3} for name in ("before", "after", "prev")),
    ],
)
def test_an_entry_with_a_field_of_another_kind_is_passed_over_though_its_hash_fits(path, odd):
    first = write(path)
    forged = {**first, "seq": 2, "prev": first["hash"], **odd}
    with open(path, "a") as handle:
        handle.write(json.dumps({**forged, "hash": _journal._hash(forged)}) + "\n")
    second = write(path, "outcome")
    assert (second["prev"], second["seq"]) == (first["hash"], 2)
    found = _journal.verify(path)
    assert (found["entries"], found["torn"], found["line"]) == (2, [2], None)
    assert [act["outcome_seq"] for act in _journal.acts(path, 0.0)] == [2]
    assert _journal.last_act(path)["time"] == _journal.last_change(path) == second["time"]
    assert _journal.undo_values(path, [FLAG], {FLAG: "true"}) == {FLAG: None}


def test_two_writers_do_not_break_the_chain(path):
    threads = [threading.Thread(target=lambda: [write(path) for _turn in range(20)]) for _writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _journal.verify(path)["entries"] == 80


def test_a_full_disk_leaves_no_half_line(path, monkeypatch):
    write(path)
    before = lines(path)
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:10]))
    with pytest.raises(OSError) as caught:
        write(path)
    assert caught.value.errno == errno.ENOSPC
    assert lines(path) == before


def test_last_act_is_the_newest_outcome_or_an_act_after_it_that_has_none(path):
    write(path, "outcome", run_id="r1")
    write(path, "begin", run_id="r2")
    ended = write(path, "outcome", run_id="r2")
    last = {"time": ended["time"], "procedure": "rollback_level1", "run_id": "r2", "ended": True}
    assert _journal.last_act(path) == last
    # What was decided is no act yet.
    write(path, "begin", run_id="r3", act="decision")
    assert _journal.last_act(path) == last
    # Nor is it one to know a release as good, while people have not heard of what was done.
    write(path, "begin", run_id="r3", act="release_ledger")
    write(path, "outcome", run_id="r3", act="release_ledger")
    assert _journal.last_act(path) == last
    # Its run was ended in the midst of it: nobody else knows.
    begun = write(path, "begin", run_id="r4")
    assert _journal.last_act(path) == {**last, "time": begun["time"], "run_id": "r4", "ended": False}
    # The next run has finished it.
    done = write(path, "outcome", run_id="r5")
    assert _journal.last_act(path) == {**last, "time": done["time"], "run_id": "r5"}


def test_only_an_act_that_changed_something_and_succeeded_is_a_change(path):
    assert _journal.last_change(path) is None
    write(path, "begin", run_id="r1", before={FLAG: None}, after={FLAG: "true"})
    done = write(path, "outcome", run_id="r1", ok=True)
    write(path, "begin", run_id="r2", before={FLAG: "true"}, after={FLAG: "true"})
    write(path, "outcome", run_id="r2", ok=True)
    write(path, "begin", run_id="r3", before={FLAG: None}, after={FLAG: "true"})
    write(path, "outcome", run_id="r3", ok=False)
    write(path, "outcome", run_id="r4", act="proof", ok=True)
    # The service is as it was: what came before is not answered by it.
    good = {"act": "release_ledger", "before": {"good": None}, "after": {"good": "a" * 40}}
    write(path, "begin", run_id="r5", **good)
    write(path, "outcome", run_id="r5", ok=True, **good)
    assert _journal.last_change(path) == done["time"]


@pytest.mark.parametrize(
    ("steps", "declared", "undo"),
    [
        ([(None, "true")], "true", None),
        ([("false", "true")], "true", "false"),
        # killed before it wrote, then run again
        ([(None, "true"), (None, "true")], "true", None),
        # killed after it wrote, then run again
        ([("false", "true"), ("true", "true")], "true", "false"),
        ([("false", "true"), ("true", "true"), ("true", "true")], "true", "false"),
        # two acts with different values: back to what was before the last
        ([(None, "false"), ("false", "true")], "true", "false"),
        ([(None, "false"), ("false", "true"), ("true", "false")], "false", "false"),
        ([("true", "true")], "true", "true"),
        # undone, and asked again: stays as it is
        ([("false", "true"), ("true", "false")], "false", "false"),
        ([(None, "true"), ("true", None)], None, None),
        # an undo that was killed before it wrote
        ([("false", "true"), ("true", "false")], "true", "false"),
        ([(None, "true"), ("true", None), ("true", None)], None, None),
        # an undo that was killed after it wrote
        ([("false", "true"), ("true", "false"), ("false", "false")], "false", "false"),
        # a second incident, after the first was undone
        ([("false", "true"), ("true", "false"), ("false", "true")], "true", "false"),
        # set by hand after the undo, or with no entry of ours at all
        ([(None, "true"), ("true", None)], "true", None),
        ([], "true", None),
        # changed by hand between two acts: back to what the hand has set
        ([(None, "true"), ("false", "true")], "true", "false"),
    ],
)
def test_what_an_undo_restores(path, steps, declared, undo):
    for before, after in steps:
        write(path, before=before, after=after)
    assert _journal.undo_values(path, [FLAG, "OTHER"], {FLAG: declared}) == {FLAG: undo, "OTHER": None}


@pytest.mark.parametrize(
    ("before", "steps", "declared", "undo"),
    [
        ([], [("true", "false")], "true", "true"),
        ([(None, "true"), ("true", None)], [("false", "true")], "false", "false"),
        # killed twice, and the second time after it wrote
        ([], [("false", "true"), ("false", "true")], "true", "false"),
        # the assistant reads it alike, so it was not written
        ([], [("1", "true")], "1", "1"),
        # changed by hand since
        ([], [("false", "true")], "no", None),
    ],
)
def test_an_act_that_was_killed_before_it_wrote_leaves_what_somebody_else_declared(path, before, steps, declared, undo):
    for present, after in [*before, *steps]:
        write(path, before=present, after=after)
    assert _journal.undo_values(path, [FLAG], {FLAG: declared}) == {FLAG: undo}


def test_an_undo_of_what_somebody_else_declared_goes_on_when_it_was_killed(path):
    for _time in range(2):
        write(path, before="true", after=None, procedure="roll_forward")
        assert _journal.undo_values(path, [FLAG], {FLAG: "true"}) == {FLAG: None}


def test_entries_of_other_acts_do_not_matter_for_an_undo(path):
    write(path, before="false", after="true")
    fence = {"before": {"network_fence": "absent"}, "after": {"network_fence": "present"}}
    _journal.append(path, act="network_fence", phase="begin", **fence)
    _journal.append(path, act="note", phase="begin", before=None, after=None)
    assert _journal.undo_values(path, [FLAG], {FLAG: "true"}) == {FLAG: "false"}


def test_when_the_fence_was_lifted_last(path):
    assert _journal.last_lift(path) is None
    for after, ok in (("absent", True), ("present", True), ("absent", False)):
        _journal.append(path, act="network_fence", phase="outcome", after={"network_fence": after}, ok=ok)
    first = next(entry["time"] for entry in _journal.entries(path))
    assert _journal.last_lift(path) == first


def test_assistants_that_share_a_journal_have_each_their_own_acts_in_it(path, tmp_path):
    params = {"state_dir": os.path.dirname(path), "run_id": "r1", "actor": None, "procedure": "rollback_level1"}
    old = write(path, "outcome", run_id="old")
    for service, before in (("a.service", "false"), ("b", None)):
        for phase in ("begin", "outcome"):
            _journal.record(
                {**params, "service": service},
                [],
                act="service_flags",
                phase=phase,
                before={FLAG: before},
                after={FLAG: "true"},
                ok=phase == "outcome" or None,
                msg="",
            )
    assert [entry.get("service") for entry in _journal.entries(path)] == [None, "a", "a", "b", "b"]
    assert _journal.verify(path)["ok"]
    undo = {one: _journal.undo_values(path, [FLAG], {FLAG: "true"}, one)[FLAG] for one in ("a", "a.service", "b")}
    assert undo == {"a": "false", "a.service": "false", "b": None}
    times = [entry["time"] for entry in _journal.entries(path)]
    assert [_journal.last_change(path, one) for one in ("a", "b", "c")] == [times[2], times[4], times[0]]
    assert [_journal.last_act(path, one)["time"] for one in ("a", "b", "c")] == [times[2], times[4], old["time"]]


def test_two_of_one_run_end_each_their_own_act(path):
    for phase in ("begin", "outcome"):
        for service in ("a", "b"):
            write(path, phase, service=service, msg=f"{service} {phase}")
    assert [(act["seq"], act["outcome_seq"], act["msg"]) for act in _journal.acts(path, 0.0)] == [
        (2, 4, "b outcome"),
        (1, 3, "a outcome"),
    ]


def record(tmp_path, phase, warnings):
    params = {"state_dir": str(tmp_path), "run_id": None, "actor": None, "procedure": None}
    _journal.record(params, warnings, act="x", phase=phase, before={}, after={}, ok=None, msg="")


def failing(number):
    def append(*_args, **_fields):
        raise OSError(number, os.strerror(number))

    return append


def test_a_journal_that_cannot_be_written_stops_a_begin(tmp_path, monkeypatch):
    monkeypatch.setattr(_journal, "append", failing(errno.EACCES))
    with pytest.raises(Refused) as caught:
        record(tmp_path, "begin", [])
    assert str(caught.value) == (
        f"the journal in {tmp_path} cannot be written (Permission denied): "
        "run with become: true, or set runbook_state_dir"
    )


@pytest.mark.parametrize(("phase", "number"), [("begin", errno.ENOSPC), ("outcome", errno.EACCES)])
def test_a_full_disk_or_a_lost_outcome_only_warns(tmp_path, monkeypatch, phase, number):
    monkeypatch.setattr(_journal, "append", failing(number))
    warnings: list[str] = []
    record(tmp_path, phase, warnings)
    assert warnings == [f"the {phase} of this act is not in the journal ({os.strerror(number)}): note it by hand"]


@pytest.mark.parametrize("put", ["pipe", "directory", "socket"])
def test_what_others_put_in_its_place_holds_no_act_back(tmp_path, put):
    path = tmp_path / "journal.jsonl"
    if put == "directory":
        path.mkdir()
    else:
        os.mknod(path, {"pipe": stat.S_IFIFO, "socket": stat.S_IFSOCK}[put] | 0o600)
    warnings: list[str] = []
    record(tmp_path, "begin", warnings)
    assert "the begin of this act is not in the journal" in warnings[0]


def test_who_acts_is_the_person_behind_sudo(monkeypatch):
    monkeypatch.setenv("SUDO_USER", "ana")
    assert _journal.who() == "ana"


def test_a_journal_that_somebody_keeps_to_himself_holds_no_act_back(tmp_path, monkeypatch):
    monkeypatch.setattr(_journal, "LOCK_SECONDS", 0.05)
    params = {"state_dir": str(tmp_path), "run_id": "r", "actor": "ana", "procedure": "rollback_level1"}
    fields = {"act": "service_flags", "before": {}, "after": {}, "ok": None, "msg": ""}
    warnings: list[str] = []
    with _files.locked(_journal.path_in(str(tmp_path)), 0):
        _journal.record(params, warnings, phase="begin", **fields)
    assert warnings == [
        "the begin of this act is not in the journal (Resource temporarily unavailable): note it by hand"
    ]
    _journal.record(params, warnings, phase="outcome", **fields)
    assert len(list(_journal.entries(_journal.path_in(str(tmp_path))))) == len(warnings) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has more rights than the directory's owner")
def test_root_writes_through_no_link_in_a_directory_of_somebody_else(tmp_path):
    theirs, roots = tmp_path / "theirs", tmp_path / "profile.sh"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    roots.touch()
    entry = dict.fromkeys(("run_id", "actor", "procedure", "act", "phase", "before", "after", "ok", "msg"))
    for put in (os.symlink, os.link):
        put(roots, theirs / "journal.jsonl")
        with pytest.raises(OSError, match="symbolic links|other names"):
            _journal.append(str(theirs / "journal.jsonl"), **entry)
        os.unlink(theirs / "journal.jsonl")
    assert roots.read_text() == ""
    os.symlink(tmp_path / "nologin", theirs / "lease.lock")
    with pytest.raises(OSError, match="symbolic links"), _files.locked(str(theirs / "lease.lock"), 1):
        pass
    assert not (tmp_path / "nologin").exists()
    # Root's own goes on, there and by a link of root's.
    _journal.append(str(theirs / "journal.jsonl"), **entry)
    os.symlink(roots, tmp_path / "journal.jsonl")
    _journal.append(str(tmp_path / "journal.jsonl"), **entry)
    assert len(roots.read_text().splitlines()) == 1
