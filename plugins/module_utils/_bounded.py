# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands within bounds of time and output."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._owner import Owner
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Proc

# What is kept of each stream of a command: a listing of many files, and no more than a small host can hold.
OUTPUT_LIMIT = 64 << 20
# As much as a pipe can hold.
PIPE_SIZE = 1 << 20
# How often a command is looked at whose output is kept open, and how long its processes may take to end when killed.
LOOK, ENDING = 0.05, 2.0
# In the environment of a command and all that it starts.
MARK = "KUMON_RUNBOOK_COMMAND"


class Finished(NamedTuple):
    """What a command gave. `rc` is 127 when there is no such command, 126 when it cannot be run, 125 when it printed
    too much (`out` is the beginning) and 124 when it ran out of time."""

    rc: int
    out: str
    err: str


def run(argv: list[str], timeout: float = 20, stdin: str | None = None) -> Finished:
    """Run a command in the C locale; never raises for what the command does."""
    env = dict(os.environ, LC_ALL="C", SYSTEMD_COLORS="0", SYSTEMD_PAGER="", PAGER="cat")
    # sbin is missing from the path of many login shells, and nft lives there.
    env["PATH"] = env.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    given = None if stdin is None else stdin.encode("utf-8", "replace")
    return _finished(argv, env, given, timeout, " ".join(argv), lambda output: output.decode("utf-8", "replace"))


def run_as(
    argv: list[str],
    owner: Owner,
    cwd: str,
    env: dict[str, str],
    timeout: float = 60,
    stdin: str | None = None,
    held: Sequence[int] = (),
    umask: int = 0o022,
    output: int | None = None,
) -> Finished:
    """Run a command as the owner, with exactly this environment; every byte of its output survives.

    `held` are open file descriptors that the command keeps, `output` is that of a file which takes what it prints.
    """
    identity: dict[str, Any] = {"umask": umask}
    if os.geteuid() == 0 and owner.uid != 0:
        identity.update(user=owner.uid, group=owner.gid, extra_groups=owner.groups)
    return _finished(
        argv,
        env,
        None if stdin is None else os.fsencode(stdin),
        timeout,
        os.path.basename(argv[0]),
        # As names are decoded everywhere else: these are taken for the names of files.
        os.fsdecode,
        cwd=cwd,
        start_new_session=True,
        pass_fds=held,
        stdout=subprocess.PIPE if output is None else output,
        **identity,
    )


class _TooMuch(Exception):
    """A command has printed more than is kept of it."""


def _finished(
    argv: list[str],
    env: dict[str, str],
    stdin: bytes | None,
    timeout: float,
    name: str,
    decode: Callable[[bytes], str],
    stdout: int = subprocess.PIPE,
    **how: Any,
) -> Finished:
    """What became of a command, within bounds of time and output; beyond them it ends with all that it has started."""
    mark = f"{MARK}={secrets.token_hex(16)}"
    try:
        child = subprocess.Popen(
            argv,
            env={**env, MARK: mark.partition("=")[2]},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            bufsize=0,
            **how,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        if isinstance(exc, FileNotFoundError) and exc.filename == argv[0]:
            return Finished(127, "", f"{argv[0]} is not installed on this host")
        return Finished(126, "", f"{argv[0]} cannot be run: {exc}")
    streams = [stream for stream in (child.stdout, child.stderr) if stream is not None]
    outputs = {stream.fileno(): bytearray() for stream in streams}
    try:
        _attend(child, stdin or b"", outputs, time.monotonic() + timeout)
    except subprocess.TimeoutExpired:
        _end_tree(child, mark)
        return Finished(124, "", f"{name} did not end within {timeout:g} s")
    except _TooMuch:
        _end_tree(child, mark)
        out = decode(bytes(outputs[streams[0].fileno()][:OUTPUT_LIMIT]))
        return Finished(125, out, f"{name} printed more than {OUTPUT_LIMIT >> 20} MiB and was ended")
    except BaseException:
        # What the interrupted run leaves must not go on behind the next one's back.
        _end_tree(child, mark)
        raise
    finally:
        for stream in (child.stdin, *streams):
            if stream is not None:
                stream.close()
    # What went into a file is none of it.
    *printed, err = (decode(bytes(each)) for each in outputs.values())
    return Finished(child.returncode, "".join(printed), err)


def _attend(child: subprocess.Popen[bytes], stdin: bytes, outputs: dict[int, bytearray], end: float) -> None:
    """Give a command its input and take what it says, until it has ended; what it leaves behind may keep its pipes open
    for ever, and is not waited for. Raises TimeoutExpired and _TooMuch."""
    left = memoryview(stdin)
    with selectors.DefaultSelector() as ready:
        for number in outputs:
            ready.register(number, selectors.EVENT_READ)
        if child.stdin is not None:
            ready.register(child.stdin, selectors.EVENT_WRITE)
        while ready.get_map() and child.poll() is None:
            rest = end - time.monotonic()
            if rest <= 0:
                raise subprocess.TimeoutExpired(child.args, rest)
            for key, _events in ready.select(min(rest, LOOK)):
                if key.fd in outputs:
                    over = not _take(key.fd, outputs[key.fd])
                else:
                    try:
                        left = left[os.write(key.fd, left[: select.PIPE_BUF]) :]
                    except BrokenPipeError:
                        left = left[:0]
                    over = not left
                if over:
                    ready.unregister(key.fileobj)
                    if child.stdin is not None and key.fileobj is child.stdin:
                        child.stdin.close()
        child.wait(max(0.0, end - time.monotonic()))
        for number in outputs.keys() & ready.get_map().keys():
            os.set_blocking(number, False)
            with contextlib.suppress(BlockingIOError):
                _take(number, outputs[number])


def _take(number: int, output: bytearray) -> bool:
    """Read what a pipe holds; false at its end. Raises _TooMuch."""
    block = os.read(number, PIPE_SIZE)
    output += block
    if len(output) > OUTPUT_LIMIT:
        raise _TooMuch
    return bool(block)


def _end_tree(child: subprocess.Popen[bytes], mark: str) -> None:
    """Kill a command with all that it has started. What has left its session and lost its parent is known by the mark
    in its environment; what cannot be killed is not waited for."""
    proc, end = Proc(), time.monotonic() + ENDING
    while True:
        # Looked for before the first one ends: its children would have another parent then.
        tree = proc.tree([child.pid, *proc.marked(mark)]) if proc.is_own() else []
        for pid, start in tree:
            with contextlib.suppress(OSError):
                proc.kill(pid, start, signal.SIGKILL)
        if child.poll() is None:
            child.kill()
        elif not tree:
            return
        if time.monotonic() > end:
            return
        time.sleep(0.01)
