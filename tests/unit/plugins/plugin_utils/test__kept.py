# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.kumon.runbook.plugins.plugin_utils._kept import kept

NOTHING = {"smoke_test": None, "notifications": None, "report": None}


def slurped(data, **more):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return {"content": base64.b64encode(text).decode(), "encoding": "base64", **more}


def desk(**files):
    return {"results": [slurped(data, item=name.replace("__", "/")) for name, data in files.items()]}


def test_what_earlier_runs_left_is_read():
    found = kept(slurped({"status": "passed"}), desk(incident={"id": "r1"}, report={"path": "/r"}))
    assert found == {"smoke_test": {"status": "passed"}, "notifications": {"id": "r1"}, "report": {"path": "/r"}}


@pytest.mark.parametrize("nothing", [None, "", [], {}, {"failed": True, "msg": "not found"}, {"skipped": True}])
def test_where_nothing_is_left_nothing_is_known(nothing):
    assert kept(nothing, nothing) == NOTHING
    assert kept(nothing, {"results": [nothing, {"item": "incident", "failed": True}]}) == NOTHING


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'"text"', b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_cannot_be_understood_is_none(text):
    assert kept(slurped(text), desk(incident=text, report=text)) == NOTHING


def test_content_that_is_no_base64_is_none():
    assert kept({"content": "é"}, {"results": [{"item": "report", "content": "a"}]}) == NOTHING


def test_messages_of_a_drill_count_only_where_there_are_no_others():
    assert kept({}, desk(dry_run__incident={"id": "d1"}))["notifications"] == {"id": "d1", "drill": True}
    both = desk(dry_run__incident={"id": "d1"}, incident={"id": "r1"})
    assert kept({}, both)["notifications"] == {"id": "r1"}
