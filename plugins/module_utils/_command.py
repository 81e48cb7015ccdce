# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a command has to be there for it to start: a process may have gone elsewhere since, and files may be gone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

INTERPRETER = re.compile(r"(?:python|pypy|node|nodejs|sh|bash|dash)[\d.]*")
# What stands behind these is code or the name of a module, and no script follows.
NO_SCRIPT = re.compile(r"-(?![-WX])[A-Za-z]*[cm]|(?:-[ep]+|--eval|--print)(?:=|$)")
# Options of interpreters that take the next word.
VALUED = (
    *("-W", "-X", "-o", "-r", "-C", "--require", "--import", "--loader", "--experimental-loader", "--conditions"),
    *("--check-hash-based-pycs", "--env-file", "--env-file-if-exists", "--title", "--rcfile", "--init-file"),
)
# What a server goes to before it looks for the rest; other characters it may take for placeholders.
CHDIR, PLAIN = "--chdir", re.compile(r"[\w./@+-]+")


def missing_in(argv: Sequence[str], directory: str) -> list[str]:
    """The words that name a file without which the command surely does not start from the directory."""
    return [word for word in _needed(argv) if _is_missing(os.path.join(directory, word))]


def began_in(argv: Sequence[str], cwd: str, others: Iterable[str]) -> str:
    """The directory in which a command was started: `cwd`, unless it lacks something that another one has."""
    if missing_in(argv, cwd):
        for other in others:
            if os.path.isabs(other) and os.path.isdir(other) and not missing_in(argv, other):
                return other
    return cwd


def may_come(word: str, cwd: str) -> bool:
    """Whether another release may bring what is missing: the place for it is in a work tree, and it is in no other."""
    above = os.path.dirname(os.path.join(cwd, word))
    while above != os.path.dirname(above):
        if not _is_missing(os.path.join(above, word)):
            return False
        if os.path.lexists(os.path.join(above, ".git")):
            return True
        above = os.path.dirname(above)
    return False


def _needed(argv: Sequence[str]) -> Iterator[str]:
    if "/" in argv[0]:
        yield argv[0]
    if INTERPRETER.fullmatch(os.path.basename(argv[0])):
        script = _script(argv)
        if script:
            yield script
    for word, value in zip(argv, [*argv[1:], ""]):
        name, equals, given = word.partition("=")
        given = given if equals else value
        if name == CHDIR and PLAIN.fullmatch(given):
            yield given


def _script(argv: Sequence[str]) -> str:
    """The file that an interpreter runs, empty where it runs none."""
    words = iter(argv[1:])
    for word in words:
        if word[:1] not in ("-", "+"):
            # Node may be told to run app.js by `app`.
            return "" if os.path.basename(argv[0]).startswith("node") and not os.path.splitext(word)[1] else word
        if word in VALUED:
            next(words, None)
        elif word == "-" or NO_SCRIPT.match(word):
            return ""
    return ""


def _is_missing(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False  # what may not be looked at may be there
    return False
