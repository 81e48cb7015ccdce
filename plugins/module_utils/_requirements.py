# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release wants installed, read as pip reads it: the files, what they mean, and what cannot be prepared."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import os
import re
import shlex
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused

Read = Callable[[str], "bytes | None"]
Below = Callable[[str], "dict[str, str]"]

# Longer ones first: one begins like another.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
COMMENT = re.compile(r"(^|\s+)#.*$")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links"}
VCS = re.compile(r"(?:[\w.-]+(?:\[[^\]]*\])?\s*@\s*)?(?:git|hg|svn|bzr)\+")
ARCHIVE = (".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz")
DEFAULT = "requirements.txt"
# A project of its own, and what of its description says what is to be installed.
PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")
SECTIONS = re.compile(r"(build-system|project|dependency-groups|tool\.(poetry|pdm|flit|hatch|setuptools|uv))(\.|$)")
# Where other tools than pip keep which versions belong to a project. Pip reads none of them: it is told by constraints.
LOCKS = ("poetry.lock", "uv.lock", "pdm.lock", "pylock.toml")
LOCKED = "runbook-locked.txt"
# What differs between any two releases and installs nothing, and where it says that of the project itself: of a
# dependency with a table of its own the version counts.
TOLD_IN = ("", "project", "tool.poetry", "metadata")
TOLD = re.compile(r"(version|description|readme|authors|maintainers|keywords|classifiers|license)\s*=")
# A file that a description may take its requirements from, by itself or as the last of two words of a path.
LISTED = re.compile(r"[\w./-]+\.(?:txt|in|req|pip|lock|toml|json|ya?ml|cfg|ini)\b")
JOINED = re.compile(r"""["']([\w./-]+)["']\s*[,/]\s*["']([\w./-]+)["']""")
NO_LIST = re.compile(
    r"(readme|chang|history|news|licen[cs]e|copying|authors|contributors|version|manifest)", re.IGNORECASE
)


class Needs(NamedTuple):
    """What a release wants installed."""

    files: dict[str, bytes]
    meaning: list[str]  # sorted; the same meaning is the same environment
    problem: str | None  # why it cannot be prepared beside the tree
    project: bool  # the release itself is what pip installs
    tree: bool = False  # what is installed lies in the release, beside its requirements files


def text_of(content: bytes) -> str:
    """A requirements file as text, by pip's rules."""
    for mark, name in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace")
    for line in content.split(b"\n")[:2]:
        coding = CODING.search(line) if line.startswith(b"#") else None
        if coding:
            try:
                return content.decode(coding[1].decode("ascii", "replace"), "replace")
            except LookupError:
                break
    return content.decode("utf-8", "surrogateescape")


def lines_of(text: str) -> Iterator[str]:
    """Its lines as they count: continued ones are one, without comments, none of them empty."""
    waiting = ""
    for line in [*text.splitlines(), ""]:
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            waiting += line[:-1]
            continue
        whole = COMMENT.sub("", waiting + (" " if comment else "") + line).strip()
        waiting = ""
        if whole:
            yield whole


def words_of(line: str) -> list[str]:
    """An option line in words, each option by its long name and apart from its value. Raises ValueError."""
    words = []
    for word in shlex.split(line):
        short = next((name for name in SHORT if word.startswith(name) and not word.startswith("--")), None)
        if short:
            words += [SHORT[short], *([word[2:].lstrip("=")] if len(word) > 2 else [])]
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            words += [name, value] if equals else [name]
        else:
            words.append(word)
    return [word for word in words if word not in ("", "=")]


def value_of(option: str, words: list[str]) -> str:
    """The value of an option of a line, whatever stands before it; of several the first. Empty without one."""
    return next((value for word, value in zip(words, words[1:]) if word == option), "")


def _name(text: str) -> str:
    """A name of a package or an extra in its one form."""
    return re.sub(r"[-_.]+", "-", text).lower()


def requirement(line: str) -> str:
    """A requirement, so that what is the same to pip is the same text."""
    option = re.search(r"\s--?[a-z]", line)
    line, options = (line[: option.start()], line[option.start() :]) if option else (line, "")
    words = words_of(options)
    pairs = sorted(" ".join(words[at : at + 2]) for at in range(0, len(words), 2))
    what, _semicolon, marker = line.partition(";")
    marker = re.sub(r"\s*([()<>=!~,]+)\s*", r"\1", " ".join(marker.replace("'", '"').split()))
    named = re.fullmatch(r"\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*(?:(@)\s*(\S+)|\(?([^()/:@]*)\)?)\s*", what)
    if not named:
        return " ".join([" ".join(line.split()), *pairs])
    name = _name(named[1])
    extras = sorted({_name(one) for one in re.split(r"[\s,\[\]]+", named[2] or "") if one})
    versions = sorted(filter(None, (re.sub(r"\s+", "", part) for part in (named[5] or "").split(","))))
    what = name + (f"[{','.join(extras)}]" if extras else "") + (f" @ {named[4]}" if named[3] else ",".join(versions))
    return " ".join([what + (f";{marker}" if marker else ""), *pairs])


def project(read: Read, directory: str) -> list[str]:
    """What a project's description says is to be installed; empty where there is no project."""
    described = []
    for name in PROJECT:
        content = read(os.path.normpath(os.path.join(directory, name)))
        if content is None:
            continue
        kept, lines, section = name != "pyproject.toml", [], ""
        for line in text_of(content).splitlines():
            heading = re.match(r"\s*\[+\s*([^\[\]]+?)\s*\]+\s*(#.*)?$", line)
            if heading and name != "setup.py":
                section = heading[1]
                kept = name == "setup.cfg" or bool(SECTIONS.match(section))
            bare = " ".join(COMMENT.sub("", line).split())
            if kept and bare and not (section in TOLD_IN and TOLD.match(bare)):
                # Where it is indented matters in a program alone.
                lines.append(line.rstrip() if name == "setup.py" else bare)
        described.append(f"{name}\n" + "\n".join(lines))
        described += _listed(read, directory, "\n".join(lines))
    return described


def _listed(read: Read, directory: str, description: str) -> list[str]:
    """What the files say that a project's description names, for it may take from them what is to be installed."""
    names = {*LISTED.findall(description), *("/".join(pair) for pair in JOINED.findall(description))}
    paths = sorted(
        os.path.normpath(os.path.join(directory, name))
        for name in names
        if name not in PROJECT and not os.path.isabs(name) and LISTED.fullmatch(name)
    )
    listed = []
    for path in paths:
        if path.startswith("../") or NO_LIST.match(os.path.basename(path)):
            continue
        content = read(path)
        if content is not None:
            lines = list(lines_of(text_of(content)))
            listed.append(f"{path}\n" + "\n".join(lines))
            # Those that it includes in turn come after it.
            paths += [one for one in _included(os.path.dirname(path), lines) if one not in paths]
    return listed


def locked(read: Read, directory: str) -> list[str]:
    """The packages of a project's locks with their versions, without those that only its developers need."""
    packages = set()
    for name in LOCKS:
        text = text_of(read(os.path.normpath(os.path.join(directory, name))) or b"")
        for part in re.split(r"^\[\[packages?\]\]", text, flags=re.M)[1:]:
            # What follows in tables of its own is about other packages.
            package = part.partition("\n[")[0]
            told = dict(re.findall(r'^(name|version|category) = "([^"]*)"', package, re.M))
            groups = re.search(r"^groups = \[([^\]]*)\]", package, re.M)
            developers = told.get("category") == "dev" or (groups and not re.search('"(main|default)"', groups[1]))
            # The project itself stands there too.
            own = re.search(r"^source = \{ (editable|virtual) ", package, re.M)
            if "name" in told and "version" in told and not developers and not own:
                packages.add(f"{_name(told['name'])}=={told['version']}")
    return sorted(packages)


def constraints(packages: list[str]) -> dict[str, bytes]:
    """The file by which pip installs these; of a package with several versions the project says which."""
    names = [package.partition("==")[0] for package in packages]
    lines = [package for package, name in zip(packages, names) if names.count(name) == 1]
    return {LOCKED: "".join(f"{line}\n" for line in lines).encode()} if lines else {}


def _included(directory: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        with contextlib.suppress(ValueError):
            words = words_of(line) if line.startswith("-") else []
            path = value_of("--requirement", words) or value_of("--constraint", words)
            if path and not os.path.isabs(path):
                yield os.path.normpath(os.path.join(directory, path))


def _local(what: str) -> str | None:
    """The path of a requirement that is one, None for one from elsewhere."""
    what = re.split(r"\s--?[a-z]|\s*;\s", what)[0].strip()
    named = re.match(r"[\w.-]+(?:\[[^\]]*\])?\s*@\s*(.+)$", what)
    if named:
        what = named[1].strip()
    if what.startswith("file:"):
        return unquote(re.sub(r"^file:(//[^/]*)?", "", what).partition("#")[0])
    if "://" in what or VCS.match(what) or named:
        return None
    what = re.sub(r"\[[^\]]*\]$", "", what)
    path = what.startswith((".", "/")) or "/" in what or what.endswith(ARCHIVE)
    return what if path else None


class _Reader:
    def __init__(self, read: Read, below: Below, release: str, environ: dict[str, str]):
        self.read = read
        self.below = below
        self.release = release
        self.environ = environ
        self.files: dict[str, bytes] = {}
        self.done: set[tuple[str, bool]] = set()  # a file may be both: as a constraint it installs nothing
        self.tree = False
        self.meaning: set[str] = set()
        self.problems: list[str] = []

    def file(self, name: str, content: bytes, constraint: bool) -> None:
        self.files[name] = content
        self.done.add((name, constraint))
        for line in lines_of(text_of(content)):
            try:
                if line.startswith("-"):
                    self._options(name, words_of(line), constraint)
                else:
                    self._requirement(name, line, constraint, editable=False)
            except ValueError as exc:
                self.meaning.add(line)
                self.problems.append(f"{name} of {self.release} cannot be read ({exc}): {line}")

    def _options(self, name: str, words: list[str], constraint: bool) -> None:
        # What else stands on such a line is nothing to pip.
        editable, included = value_of("--editable", words), value_of("--requirement", words)
        constraints = value_of("--constraint", words)
        if editable:
            self._requirement(name, editable, constraint, editable=True)
        elif included or constraints:
            self._include(name, included or constraints, constraint or not included)
        else:
            self.meaning.add(" ".join(words))
            for value in (value for word, value in zip(words, words[1:]) if word == "--find-links"):
                self._links(name, VARIABLE.sub(lambda variable: self.environ.get(variable[1], variable[0]), value))

    def _links(self, name: str, value: str) -> None:
        """Archives that lie in the release: pip takes what fits, so what they are is what is wanted."""
        if "://" in value or value.startswith("file:") or os.path.isabs(value):
            return
        # From the file that names it, else from where pip is started.
        for path in (os.path.normpath(os.path.join(os.path.dirname(name), value)), os.path.normpath(value)):
            if path.startswith("../"):
                continue
            marks = {os.path.join(path, one): mark for one, mark in self.below(path).items() if one.endswith(ARCHIVE)}
            page = self.read(path)
            if page is not None:
                marks[path] = hashlib.sha256(page).hexdigest()
            if marks:
                self.tree = True
                self.meaning.update(f"{one} {mark}" for one, mark in marks.items())
                return

    def _include(self, name: str, value: str, constraint: bool) -> None:
        value = VARIABLE.sub(lambda variable: self.environ.get(variable[1], variable[0]), value)
        if value.startswith("file:"):
            value = _local(value) or value
        if "://" in value:
            self.meaning.add(f"{'constraints' if constraint else 'requirements'} of {value}")
            return
        path = os.path.normpath(os.path.join(os.path.dirname(name), value))
        kind = "constraint " if constraint else ""
        if path.startswith("../"):
            self.meaning.add(f"{kind}{path}")
            self.problems.append(
                f"the requirements of {self.release} include {path}, which is not in the release: put it there"
            )
            return
        if (path, constraint) in self.done:
            return
        content = self.read(path)
        if content is None:
            self.meaning.add(f"{kind}{path}")
            self.problems.append(f"{self.release} has no {path}: choose another release")
            return
        self.file(path, content, constraint)

    def _requirement(self, name: str, line: str, constraint: bool, editable: bool) -> None:
        kind = ("constraint " if constraint else "") + ("editable " if editable else "")
        local = _local(line)
        self.meaning.add(kind + requirement(line))
        if local is None or os.path.isabs(local):
            return
        # From the directory that pip is started in, the tree's own.
        path = os.path.normpath(local)
        content = None if path.startswith("../") else self.read(path)
        if content is not None and not editable:
            self.files[path] = content
            self.meaning.add(f"{path} {content!r}")
            return
        self.meaning.update(f"{path}/{told}" for told in project(self.read, path))
        self.problems.append(
            f"{name} of {self.release} installs from the tree itself ({line}), which cannot be prepared "
            "beside it: install such packages by hand, and set runbook_venv_dir empty"
        )


def needs(read: Read, path: str, release: str, environ: dict[str, str], below: Below = lambda path: {}) -> Needs:
    """What a release wants installed. Raises Refused where it says nothing of that.

    read: a file of the release, None when it has none. release: how to name it to people. environ: pip's environment.
    below: the files in a directory of the release, each with git's name of its content; none where it has no such.
    """
    name = os.path.normpath(path)
    if name.startswith(("/", "../")):
        raise Refused(f"{name} is not in the release: correct runbook_requirements, which is relative to the work tree")
    content = None if name in PROJECT else read(name)
    if content is None:
        described = [] if name not in (DEFAULT, *PROJECT) else project(read, os.path.dirname(name))
        if not described:
            raise Refused(
                f"{release} has no {name}: correct runbook_requirements, or set runbook_venv_dir empty to leave "
                "packages alone"
            )
        packages = locked(read, os.path.dirname(name))
        return Needs(constraints(packages), sorted([*described, *packages]), None, True)
    reader = _Reader(read, below, release, environ)
    reader.file(name, content, constraint=False)
    return Needs(reader.files, sorted(reader.meaning), next(iter(reader.problems), None), False, reader.tree)
