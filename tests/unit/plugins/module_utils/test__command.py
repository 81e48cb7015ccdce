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


@pytest.mark.parametrize(
    ("command", "process"),
    [
        (
            "/srv/venv/bin/uvicorn main:app --port 8000",
            "/usr/bin/python3.11 /srv/venv/bin/uvicorn main:app --port 8000",
        ),
        ("uvicorn main:app --workers 4", "python3 /srv/venv/bin/uvicorn main:app --workers 2"),
        ("uvicorn main:app", "python3 -u -W error -m uvicorn main:app --port 8000"),
        ("venv/bin/python -m uvicorn main:app", "/srv/venv/bin/python3 /srv/venv/bin/uvicorn main:app"),
        ("python -m uvicorn --workers 4 main:app --port=8000", "python -m uvicorn main:app --port 8000"),
        ("python3 /srv/app/service.py 8000", "./service.py 8000"),
        ("python3 service.py 8000 --new", "/usr/bin/python3 -u service.py 8000"),
        ("python -cimport app", "python -cimport app"),
        ("node dist/main", "/usr/bin/node dist/main"),
        ("/usr/bin/env -i A=1 nice -n 5 uvicorn main:app", "python3 /usr/bin/uvicorn main:app"),
        ("/srv/app/run.sh --quiet", "/bin/sh /srv/app/run.sh --quiet"),
        ("./server", "/srv/app/server"),
        ("python3", "/usr/bin/python3"),
    ],
)
def test_what_a_command_has_started_fits(command, process):
    assert _command.fits(process.split(), command.split())


@pytest.mark.parametrize(
    ("line", "process"),
    [
        ("cd /srv/app && exec venv/bin/uvicorn main:app", "python3 venv/bin/uvicorn main:app"),
        ("set -e;. ./env;python -m uvicorn main:app 2>&1|tee -a app.log", "python -m uvicorn main:app"),
        ("su kumon -c 'exec uvicorn main:app' # for ever", "python3 /usr/bin/uvicorn main:app"),
        ("exec python3 service.py $MODE --port $PORT", "python3 service.py quick --port 8000"),
        ("it's no shell: uvicorn main:app", "uvicorn main:app"),
    ],
)
def test_what_a_line_of_shell_has_started_fits(line, process):
    assert _command.fits(process.split(), ["/bin/sh", "-ec", line])
    assert _command.fits(["sh", "-ec", line], ["/bin/sh", "-ec", line])


@pytest.mark.parametrize(
    ("command", "process"),
    [
        ("python3 service.py 8000", "python3 other.py 8000"),
        ("python3 service.py 8000", "python3 service.py 9000"),
        ("python3 service.py 8000", "python3"),
        ("python3 service.py", "python3 -m http.server"),
        ("python3 -m uvicorn main:app", "python3 -m gunicorn main:app"),
        ("uvicorn main:app --port 8000", "python3 /usr/bin/uvicorn other:app --port 8000"),
        ("uvicorn main:app --port 8000", "uvicorn main:app --port=9000"),
        ("bash run.sh", "bash"),
        ("bash run.sh", "bash -c run"),
        ("uvicorn main:app", ""),
    ],
)
def test_a_word_in_common_is_not_enough(command, process):
    assert not _command.fits(process.split(), command.split())


def test_of_a_process_in_the_right_place_the_program_counts():
    """Level 3 has started it with another word for the code."""
    command = ["uvicorn", "main:app", "--port", "8000"]
    assert _command.fits(["python3", "/bin/uvicorn", "app.main:app", "--port", "8000"], command, arguments=False)
    assert not _command.fits(["python3", "other.py"], command, arguments=False)
    assert not _command.fits(["uvicorn", "app.main:app", "--port", "9000"], command, arguments=False)
