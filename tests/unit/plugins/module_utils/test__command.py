# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command surely needs is missed before a stop; what it may do without holds nothing up."""

from __future__ import annotations

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _command


@pytest.fixture
def app(tmp_path):
    for name in ("app/src/main.py", "app/venv/bin/uvicorn", "app/service.py", "elsewhere/other.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "app"


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("python service.py 8000 x.py", "service.py"),
        ("/usr/bin/python3.11 -u -W error -X dev service.py", "service.py"),
        ("venv/bin/uvicorn main:app", "venv/bin/uvicorn"),
        ("/usr/bin/python3 venv/bin/uvicorn main:app", "venv/bin/uvicorn"),
        ("gunicorn --chdir src main:app", "src"),
        ("gunicorn --chdir=src main:app", "src"),
        ("node -r dotenv/config.js --max-old-space-size=512 service.py", "service.py"),
        ("bash -x -o pipefail service.py", "service.py"),
    ],
)
def test_where_it_was_started_is_found_again(app, command, needed):
    argv, other = command.split(), str(app.parent / "elsewhere")
    assert _command.missing_in(argv, other) == [needed]
    assert _command.missing_in(argv, str(app)) == []
    assert _command.began_in(argv, other, ["", "app", str(app)]) == str(app)
    assert _command.began_in(argv, str(app), [other]) == str(app)
    assert _command.began_in(argv, other, [str(app.parent)]) == other


@pytest.mark.parametrize(
    "argv",
    [
        ["python", "-m", "app.main"],
        ["python", "-um", "app.main", "x.py"],
        ["python", "-cimport app", "x.py"],
        ["python", "-", "x.py"],
        ["sh", "-ec", "./run.sh; python x.py"],
        ["node", "dist/main"],
        ["node", "-pe", "x.js"],
        ["uvicorn", "main:app", "--log-config", "logging.py"],
        ["uwsgi", "--chdir", "%d/src"],
        ["celery", "-A", "app/x.py"],
        ["python"],
        [""],
    ],
)
def test_what_may_do_without_a_file_needs_none(app, argv):
    assert _command.missing_in(argv, str(app)) == []


def test_what_may_not_be_looked_at_may_be_there(app, monkeypatch):
    def denied(_path):
        raise PermissionError(13, "denied")

    monkeypatch.setattr("os.stat", denied)
    assert _command.missing_in(["python", "gone.py"], str(app)) == []


def test_another_release_may_bring_a_file_into_its_tree(app):
    assert not _command.may_come("gone.py", str(app))
    (app / ".git").mkdir()
    assert _command.may_come("gone.py", str(app))
    assert _command.may_come(str(app / "gone.py"), "/")
    # That one is there, and the process has gone below it.
    assert not _command.may_come("service.py", str(app / "src"))
    assert not _command.may_come("gone.py", str(app.parent / "elsewhere"))
