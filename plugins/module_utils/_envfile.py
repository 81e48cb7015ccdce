# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment file a service reads: systemd's own grammar, foreign lines kept byte for byte."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

FLAG = re.compile(r"[A-Z][A-Z0-9_]*")
_SPACE = b" \t\n\r"


class Assignment(NamedTuple):
    name: str
    value: str
    begin: int  # first byte of its line
    end: int  # one past its last byte, the line's end included


def truthy(value: object) -> bool:
    """Whether the assistant takes a flag's value for true: any case, nothing stripped. None is not."""
    return str(value).lower() in ("true", "1", "yes", "on")


def same(present: str | None, wanted: str | None) -> bool:
    """Whether a flag has the wanted value; for true and false any spelling that the assistant reads alike will do."""
    if present is None or wanted is None:
        return present is wanted
    if wanted.lower() in ("true", "false"):
        return truthy(present) == truthy(wanted)
    return present == wanted


def render(name: str, value: Any) -> str | None:
    """The flag's value as text, None for "no declaration". Raises ValueError with what to do."""
    if not FLAG.fullmatch(name):
        raise ValueError(f"flag name {name!r} is not valid: use capital letters, digits and _, e.g. DELIVERY_DISABLE")
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise ValueError(f"the value of flag {name} must be text, a number or a boolean, not {type(value).__name__}")
    text = str(value)
    if not _can_hold(text):
        raise ValueError(
            f"the value of flag {name} is not valid: "
            "it must hold no line break, control character, quote or backslash, and no blank at its ends"
        )
    return text


def _can_hold(text: str) -> bool:
    return text.isprintable() and text == text.strip() and not any(character in text for character in "'\"\\")


def restorable(value: str | None) -> str | None:
    """The value that a flag had, for an undo to declare it again: as it was, or as the assistant reads it where no
    declaration of ours can hold it. `env $(cat .env) …` hands the quotes of its file on to the process."""
    if value is None or _can_hold(value):
        return value
    return "true" if truthy(value) else "false"


def _scan(data: bytes) -> tuple[list[Assignment], str]:
    """Assignments and the state at the end; the same states as systemd's parse_env_file (252)."""
    assignments: list[Assignment] = []
    state, line, key, value, solid = "pre_key", 0, bytearray(), bytearray(), 0

    def push(end: int) -> None:
        # As the names and values of a process are read: the host may have another encoding than UTF-8.
        assignments.append(Assignment(os.fsdecode(bytes(key)).strip(), os.fsdecode(bytes(value)), line, end))

    for index in range(len(data)):
        char = data[index : index + 1]
        newline = char in (b"\n", b"\r")
        if state == "pre_key":
            if newline:
                line = index + 1
            elif char in (b"#", b";"):
                state = "comment"
            elif char not in _SPACE:
                state, key, value, solid = "key", bytearray(char), bytearray(), 0
        elif state == "key":
            if newline:
                state, line = "pre_key", index + 1
            elif char == b"=":
                state = "pre_value"
            else:
                key += char
        elif state in ("pre_value", "value"):
            if newline:
                # Blanks at the end of unquoted text do not belong to the value.
                del value[solid:]
                push(index + 1)
                state, line = "pre_key", index + 1
            elif state == "pre_value" and char in (b"'", b'"'):
                state = "single" if char == b"'" else "double"
            elif char == b"\\":
                state, solid = "value_escape", len(value)
            elif state == "value" or char not in _SPACE:
                state = "value"
                value += char
                solid = solid if char in _SPACE else len(value)
        elif state == "value_escape":
            state = "value"
            if not newline:
                value += char
                solid = len(value)
        elif state == "single":
            if char == b"'":
                state = "pre_value"
            else:
                value += char
            solid = len(value)
        elif state == "double":
            if char == b'"':
                state = "pre_value"
            elif char == b"\\":
                state = "double_escape"
            else:
                value += char
            solid = len(value)
        elif state == "double_escape":
            state = "double"
            if char in b'"\\`$':
                value += char
            elif char != b"\n":
                value += b"\\" + char
            solid = len(value)
        elif state == "comment":
            if char == b"\\":
                state = "comment_escape"
            elif newline:
                state, line = "pre_key", index + 1
        else:
            state = "comment"
    if state not in ("pre_key", "key", "comment", "comment_escape"):
        # A quote that has no end ends with the file.
        del value[solid:]
        push(len(data))
    return assignments, state


def parse(data: bytes | None) -> dict[str, str]:
    """Every assignment that an environment can hold, the last one of a name wins."""
    return {item.name: item.value for item in _scan(data or b"")[0] if _is_possible(item)}


def impossible(data: bytes | None) -> list[int]:
    """The lines whose assignments no environment can hold: nothing starts with them."""
    content = data or b""
    return [content.count(b"\n", 0, item.begin) + 1 for item in _scan(content)[0] if not _is_possible(item)]


def foreign(data: bytes | None) -> list[int]:
    """The lines that are no text in UTF-8: systemd reads nothing of a file that has one."""
    content = data or b""
    # A disk that lost its power may have left them.
    found = [content.count(b"\n", 0, content.index(b"\0")) + 1] if b"\0" in content else []
    for item in _scan(content)[0]:
        try:
            os.fsencode(item.name + item.value).decode()
        except UnicodeDecodeError:
            found.append(content.count(b"\n", 0, item.begin) + 1)
    return found


def _is_possible(item: Assignment) -> bool:
    return "=" not in item.name and "\0" not in item.name + item.value


def edit(data: bytes | None, flags: dict[str, str | None]) -> bytes | None:
    """The content with these flags, None a removal; unchanged (the same object) where they are right already.

    Raises ValueError when the file cannot be added to.
    """
    declared = parse(data)
    changes = {name: value for name, value in flags.items() if not same(declared.get(name), value)}
    if not changes:
        return data
    if _scan(data or b"")[1] in ("single", "double", "double_escape"):
        raise ValueError("a quoted value has no end: close the quote")
    content = data or b"# Flags that the service starts with; kumon.runbook keeps every other line as it is.\n"
    for name, value in changes.items():
        try:
            new = b"" if value is None else os.fsencode(f"{name}={value}\n")
        except UnicodeEncodeError:
            raise ValueError(f"the encoding of this host has no way to write the value of {name}") from None
        for item in reversed([item for item in _scan(content)[0] if item.name == name]):
            # The last assignment is the one that counts: it takes the new value, earlier ones are dropped.
            content = content[: item.begin] + new + content[item.end :]
            new = b""
        if new:
            state = _scan(content)[1]
            # An escaped line end would swallow the new line.
            gap = b"" if state == "pre_key" else b"\n\n" if state.endswith("_escape") else b"\n"
            content += gap + new
    return content
