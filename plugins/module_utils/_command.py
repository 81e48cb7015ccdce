# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a command has to be there for it to start, and whether a process is one that it has started: that may have
gone elsewhere since, and files may be gone."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

INTERPRETER = re.compile(r"(?:python|pypy|node|nodejs|sh|bash|dash)[\d.]*")
SHELLS = ("sh", "bash", "dash")
# Those that people work in.
PEOPLES = (*SHELLS, "ash", "ksh", "zsh", "fish", "csh", "tcsh", "su", "sudo")
# What stands behind these is code or the name of a module, and no script follows.
NO_SCRIPT = re.compile(r"-(?![-WX])[A-Za-z]*[cm]|(?:-[ep]+|--eval|--print)(?:=|$)")
# Options of interpreters that take the next word.
VALUED = (
    *("-W", "-X", "-o", "-r", "-C", "--require", "--import", "--loader", "--experimental-loader", "--conditions"),
    *("--check-hash-based-pycs", "--env-file", "--env-file-if-exists", "--title", "--rcfile", "--init-file"),
)
# What a server goes to before it looks for the rest; other characters it may take for placeholders.
PORT = "--port"
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
    for given in _values(argv, CHDIR):
        if PLAIN.fullmatch(given):
            yield given


def _values(argv: Sequence[str], option: str) -> list[str]:
    """What an option is given, behind an equals sign or as the next word."""
    pairs = [(*word.partition("="), following) for word, following in zip(argv, [*argv[1:], ""])]
    return [value if equals else following for name, equals, value, following in pairs if name == option]


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


def fits(argv: Sequence[str], command: Sequence[str], arguments: bool = True) -> bool:
    """Whether a process with these words may be what the command has started: its program, behind whatever interpreter,
    has to be in the command, and so has all that it was told by position, unless `arguments` is off."""
    if not argv:
        return False
    program, rest = _program(argv)
    wanted, lines = _program(command)[0], list(_lines(command))
    if INTERPRETER.fullmatch(program):
        # One that runs nothing that can be told.
        return program == wanted
    known = {name for line in lines for word in line for name in (word, os.path.basename(word))}
    if program != wanted and program not in known:
        return False
    its, ports = _values(argv, PORT), [port for line in lines for port in _values(line, PORT)]
    if its and ports and all(map(str.isdigit, ports)) and its[-1] not in ports:
        return False
    # What stands behind an option may be its value, and be another one since; what a shell fills in is not known.
    positional = [word for word, before in zip(rest, [program, *rest]) if "-" not in (word[:1], before[:1])]
    filled = any("$" in word for word in known)
    return not arguments or filled or all(word in known or os.path.basename(word) in known for word in positional)


def scripts_in(command: Sequence[str]) -> list[str]:
    """The files of a command that may be scripts of a shell."""
    return list(_needed(command)) if command else []


def is_shell(text: str, command: Sequence[str]) -> bool:
    """Whether the text of a script that a command runs is a shell's."""
    return bool(re.match(r"#!\s*/.*\b(?:|ba|da|k|z)sh\b", text)) or os.path.basename(command[0]) in SHELLS


def _program(argv: Sequence[str]) -> tuple[str, list[str]]:
    """What a command runs, and with which words: behind an interpreter its script, module or text."""
    name, words = os.path.basename(argv[0]), list(argv[1:])
    if not INTERPRETER.fullmatch(name):
        return name, words
    while words:
        word = words.pop(0)
        inside = NO_SCRIPT.match(word)
        if inside and word != "-":
            return word[inside.end() :] or (words.pop(0) if words else name), words
        if word[:1] not in ("-", "+"):
            return os.path.basename(word), words
        if word in VALUED and words:
            words.pop(0)
    return name, []


def _lines(command: Sequence[str]) -> Iterator[Sequence[str]]:
    """The words of a command, and those of each line of shell in it: what stands before the program is gone from a
    process that became it."""
    yield command
    for word in command:
        if not re.search(r"\s", word):
            continue
        lexer = shlex.shlex(word, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            inner = list(lexer)
        except ValueError:
            inner = word.split()
        if inner != [word]:
            yield from _lines(inner)


def _is_missing(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False  # what may not be looked at may be there
    return False
