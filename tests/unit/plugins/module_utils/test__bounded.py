# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands end in time, say no more than can be kept, and leave nothing behind where they are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import SimpleNamespace

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _bounded
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import run_as
from ansible_collections.kumon.runbook.plugins.module_utils._owner import owner_of
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc


def test_commands_run_in_the_c_locale_with_a_limit():
    assert _bounded.run(["sh", "-c", "echo $LC_ALL; cat; echo x >&2; exit 3"], stdin="in") == (3, "C\nin", "x\n")
    assert _bounded.run(["sleep", "5"], timeout=0.1) == (124, "", "sleep 5 did not end within 0.1 s")
    assert _bounded.run(["no-such-command"]) == (127, "", "no-such-command is not installed on this host")


def test_every_byte_of_a_commands_output_survives(tmp_path):
    me = owner_of(str(tmp_path))
    script = "printf 'a\\r\\nb\\377' ; printf 'no' >&2; cat; exit 3"
    done = run_as(["sh", "-c", script], me, str(tmp_path), {"PATH": os.environ["PATH"]}, stdin="\udcfe")
    assert (done.rc, os.fsencode(done.out), done.err) == (3, b"a\r\nb\xff\xfe", "no")


def test_what_a_command_leaves_behind_is_not_waited_for(tmp_path):
    me = owner_of(str(tmp_path))
    begun = time.monotonic()
    done = run_as(
        ["sh", "-c", "setsid sleep 20 & echo done"], me, str(tmp_path), {"PATH": os.environ["PATH"]}, timeout=15
    )
    assert (done.rc, done.out) == (0, "done\n")
    assert time.monotonic() - begun < 10


# -- the bounds of a command


@pytest.fixture(params=["run", "run_as"])
def command(request, tmp_path):
    """Run a shell script by one of the two ways, in a directory of its own."""

    def command(script, timeout=600, stdin=None):
        argv = ["sh", "-c", f"cd {tmp_path} || exit; {script}"]
        if request.param == "run":
            return _bounded.run(argv, timeout, stdin)
        return run_as(argv, owner_of(str(tmp_path)), "/", {"PATH": os.environ["PATH"]}, timeout, stdin)

    return command


# A child, one that has left the session, one that has lost its parent too, and one without our environment; each tells
# its number when it is what it will be.
FAMILY = """
child() { "$@" sh -c 'echo $$ > .'$name' && mv .'$name' '$name' && exec sleep 1000'; }
name=one child & name=two child setsid & (name=three child setsid &) &
(PATH=$PATH; name=four; child env -i) & wait; sleep 1000
"""
NAMES = ("one", "two", "three", "four")


@pytest.fixture
def family(tmp_path):
    """The processes of FAMILY, once they are all there."""

    def family():
        return [int((tmp_path / name).read_text()) for name in NAMES if (tmp_path / name).exists()]

    yield family
    for pid in family():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def lives(pid):
    stat = Proc().stat(pid)
    return stat is not None and stat.state not in "ZX"


def when(monkeypatch, happened, then):
    """A clock that stands until something has happened, and does `then`."""
    real = time.monotonic

    def clock():
        return then(real()) if happened() else real()

    monkeypatch.setattr(_bounded, "time", SimpleNamespace(**{**vars(time), "monotonic": clock}))


def test_a_command_that_runs_out_of_time_ends_with_all_that_it_has_started(command, family, monkeypatch):
    when(monkeypatch, lambda: len(family()) == len(NAMES), lambda now: now + 1000)
    done = command(FAMILY, timeout=500)
    assert (done.rc, done.out) == (124, "")
    assert "did not end within 500 s" in done.err
    assert [lives(pid) for pid in family()] == [False] * len(NAMES)


def test_a_command_that_is_interrupted_ends_with_all_that_it_has_started(command, family, monkeypatch):
    interrupts = [KeyboardInterrupt()]

    def interrupted(now):
        if interrupts:
            raise interrupts.pop()
        return now

    when(monkeypatch, lambda: len(family()) == len(NAMES), interrupted)
    with pytest.raises(KeyboardInterrupt):
        command(FAMILY)
    assert [lives(pid) for pid in family()] == [False] * len(NAMES)


def test_what_a_command_leaves_behind_is_neither_waited_for_nor_ended(command, tmp_path):
    done = command("sleep 1000 & echo $! > left; echo done; echo told >&2; exit 3", timeout=60)
    left = int((tmp_path / "left").read_text())
    try:
        assert done == (3, "done\n", "told\n")
        assert lives(left)
    finally:
        os.kill(left, signal.SIGKILL)


def test_a_command_that_never_stops_printing_is_ended(command, monkeypatch):
    monkeypatch.setattr(_bounded, "OUTPUT_LIMIT", 1 << 20)
    done = command("echo $$; exec yes")
    assert (done.rc, len(done.out)) == (125, 1 << 20)
    assert done.err.endswith("printed more than 1 MiB and was ended")
    assert not lives(int(done.out.split()[0]))
    done = command("echo kept; exec yes >&2")
    assert (done.rc, done.out) == (125, "kept\n")


def test_long_input_and_output_pass_one_another(command):
    text = "a line of text\n" * 100_000
    assert command("cat", stdin=text) == (0, text, "")
    assert command("exec <&-; sleep 0.1; echo done", stdin=text) == (0, "done\n", "")


def test_what_cannot_be_run_is_told(tmp_path):
    (tmp_path / "closed").write_text("")
    assert _bounded.run([str(tmp_path / "closed")]).rc == 126
    done = run_as(["true"], owner_of(str(tmp_path)), str(tmp_path / "gone"), {"PATH": os.environ["PATH"]})
    assert (done.rc, "gone" in done.err) == (126, True)
