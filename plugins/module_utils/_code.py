# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release's code reads: a flag whose name stands in none of its files changes nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.kumon.runbook.plugins.module_utils import _trust
from ansible_collections.kumon.runbook.plugins.module_utils._owner import acting_as, owner_of

# What code is written in; a file that sets variables (.env, compose) reads none.
ENDINGS = (".py", ".pyi", ".js", ".ts", ".mjs", ".cjs", ".go", ".rb", ".java", ".kt", ".php", ".rs", ".sh")
FOREIGN = ("node_modules", "site-packages", "dist-packages", "__pycache__")
# A flag that was not found in so much was not looked for in all of it.
MOST_FILES, MOST_BYTES = 20000, 64 << 20


def unread(directory: str, flags: Iterable[str]) -> list[str] | None:
    """The flags that no file of the code reads, None where not all of it could be looked at."""
    flags = list(flags)
    named = named_in(directory, flags)
    return None if named is None else [flag for flag in flags if flag not in named]


def recognised(directory: str, marks: Mapping[str, Sequence[str]]) -> str | None:
    """The first kind of release of which all marks stand in the code, None where that is none or cannot be seen."""
    return kind_of(named_in(directory, [word for words in marks.values() for word in words]) or set(), marks)


def kind_of(named: set[str], marks: Mapping[str, Sequence[str]]) -> str | None:
    """The first kind of release of which all marks are among these words."""
    return next((name for name, words in marks.items() if words and set(words) <= named), None)


def named_in(directory: str, words: Iterable[str]) -> set[str] | None:
    """Those of the words that stand in the code, None where not all of it could be looked at.

    They are compared in any case, as settings classes read them.
    """
    wanted = {word: word.lower().encode() for word in words}
    named: set[str] = set()
    files = bytes_read = 0
    try:
        # As whose the tree is: what a link in it leads to is none of root's business.
        with acting_as(owner_of(directory)):
            for path in _sources(directory):
                files += 1
                content = _content(path)
                bytes_read += len(content)
                if files > MOST_FILES or bytes_read > MOST_BYTES:
                    return None
                text = content.lower()
                named |= {word for word, plain in wanted.items() if word not in named and plain in text}
                if len(named) == len(wanted):
                    return named
    except OSError:
        return None
    # A directory without code is not the release's.
    return named if files else None


def _sources(directory: str) -> Iterator[str]:
    for here, directories, names in os.walk(directory):
        directories[:] = sorted(
            name
            for name in directories
            if not name.startswith(".")
            and name not in FOREIGN
            and not os.path.lexists(os.path.join(here, name, "pyvenv.cfg"))
        )
        yield from (os.path.join(here, name) for name in sorted(names) if name.endswith(ENDINGS))


def _content(path: str) -> bytes:
    # In a tree of root's a directory may be somebody else's.
    with contextlib.suppress(_trust.NoFile):
        return _trust.read(path, MOST_BYTES) or b""
    return b""
