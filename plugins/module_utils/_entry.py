# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release is started as: one word of the service's command, `main:app` say, that differs by release.

Which one a release has is known by its code. It is changed only where the command has another release's word, and where
the release has the file that its own one names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

ENTRY_SPEC: dict[str, dict[str, Any]] = {"entries": {"type": "dict", "default": {}}}


def words_of(entries: Mapping[str, Any]) -> list[str]:
    """The words of all releases that are known."""
    return [str(release["entry"]) for release in entries.values() if release.get("entry")]


def in_command(command: Iterable[str], words: Sequence[str]) -> str | None:
    """Which of the words the command has; None where that is none, or more than one."""
    present = {word for word in command if word in words}
    return present.pop() if len(present) == 1 else None


def swapped(command: Sequence[str], words: Sequence[str], entry: str) -> list[str]:
    """The command with this word in the place of another one."""
    return [entry if word in words else word for word in command]


def of_release(kind: str | None, entries: Mapping[str, Any], files: Collection[str]) -> str | None:
    """The word of a kind of release, None where it is not known or the release lacks the file."""
    entry = str((entries.get(kind or "") or {}).get("entry") or "")
    path = entry.partition(":")[0].replace(".", "/")
    return entry if entry and ({f"{path}.py", f"{path}/__init__.py"} & set(files)) else None


# -- of a unit, as systemctl shows its files


def lines_of(shown: str, besides: str) -> list[str]:
    """The commands of `systemctl cat`, without those of one file."""
    commands: list[str] = []
    path, waiting = "", ""
    for line in shown.splitlines():
        if line.startswith("# /") and not waiting:
            path = line[2:].strip()
        if line.lstrip().startswith(("#", ";")):
            continue
        waiting += line
        if waiting.endswith("\\"):
            waiting = waiting[:-1] + " "
            continue
        whole, waiting = waiting.strip(), ""
        exec_start = re.match(r"ExecStart\s*=\s*(.*)$", whole)
        if exec_start and path != besides:
            commands = [*commands, exec_start[1].strip()] if exec_start[1].strip() else []
    return commands


def in_line(command: str, words: Sequence[str]) -> str | None:
    return in_command((word.strip("\"'") for word in command.split()), words)


def swapped_line(command: str, words: Sequence[str], entry: str) -> str:
    """The same for a command as it stands in a unit: all else in it stays as it is written."""
    either = "|".join(map(re.escape, words))
    return re.sub(rf"(?<![^\s\"'])(?:{either})(?![^\s\"'])", lambda _found: entry, command)
