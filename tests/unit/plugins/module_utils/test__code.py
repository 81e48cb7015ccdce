# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A flag that nothing in the release reads is named, and nothing is said where it could not be looked for."""

from __future__ import annotations

import os

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _code

FLAGS = ["DELIVERY_DISABLE", "OUTBOX_V2_ENFORCED"]


@pytest.fixture
def tree(tmp_path):
    def write(**files):
        for name, text in {"app/main.py": "print()\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path)

    return write


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, FLAGS),
        ({"app/core/config.py": 'os.getenv("DELIVERY_DISABLE")'}, ["OUTBOX_V2_ENFORCED"]),
        # A settings class has the names in small letters.
        (
            {"app/config.py": "class Settings(BaseSettings):\n    outbox_v2_enforced: bool = False\n"},
            ["DELIVERY_DISABLE"],
        ),
        ({"a.py": "DELIVERY_DISABLE OUTBOX_V2_ENFORCED"}, []),
        # Where they are set, or written about, nothing reads them; nor do other people's packages.
        (
            {".env": "DELIVERY_DISABLE=1", "docker-compose.yml": "DELIVERY_DISABLE", "README.md": "DELIVERY_DISABLE"},
            FLAGS,
        ),
        ({"venv/pyvenv.cfg": "", "venv/lib/x.py": "DELIVERY_DISABLE", ".git/x.py": "DELIVERY_DISABLE"}, FLAGS),
    ],
)
def test_flags_that_nothing_reads(tree, files, found):
    assert _code.unread(tree(**files), FLAGS) == found


MARKS = {"procedures": ["DELIVERY_DISABLE"], "app_main": ["ROUTER_V2_SHADOW", "WORKFLOW_V2_ENABLED"]}


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({}, None),
        ({"a.py": "ROUTER_V2_SHADOW"}, None),
        ({"a.py": "ROUTER_V2_SHADOW", "b.py": "workflow_v2_enabled: bool"}, "app_main"),
        ({"a.py": "ROUTER_V2_SHADOW WORKFLOW_V2_ENABLED", "b.py": "DELIVERY_DISABLE"}, "procedures"),
        ({".env": "DELIVERY_DISABLE=true"}, None),
    ],
)
def test_a_release_is_recognised_by_all_the_words_of_its_kind(tree, files, kind):
    assert _code.recognised(tree(**files), MARKS) == kind
    assert _code.recognised("/nowhere", MARKS) is None
    assert _code.recognised(tree(**files), {"any": []}) is None


def test_where_it_cannot_be_looked_nothing_is_said(tree, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    assert _code.unread(str(tmp_path / "empty"), FLAGS) is None
    assert _code.unread(str(tmp_path / "none"), FLAGS) is None
    monkeypatch.setattr(_code, "MOST_BYTES", 3)
    assert _code.unread(tree(), FLAGS) is None


def test_what_is_no_file_does_not_hold_it_up(tree, tmp_path):
    at = tree()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "gone.py").symlink_to("nowhere")
    assert _code.unread(at, FLAGS) == FLAGS
