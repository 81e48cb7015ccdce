# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service's virtual environment as a symbolic link, and beside it one environment for each set of requirements.

`<venv>.d/<key>` is built whole before it is used, and the link is moved at once: what runs never sees half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _git, _requirements, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._names import NEW
from ansible_collections.kumon.runbook.plugins.module_utils._owner import Owner, acting_as, owner_of

MARK = ".runbook-environment.json"
ORIGINAL = "original"
# Of which rules the keys are.
RULES = 2
# Where in an environment lies what it was made from.
FILES = ".requirements"
Export = Callable[[str], None]
PYTHON = "import sys; print(sys.implementation.cache_tag, sys.platform)"


class Wanted(NamedTuple):
    """What an environment is made from: its requirements files by path, and the key that stands for what they mean."""

    files: dict[str, bytes]
    key: str
    problem: str | None = None  # why one cannot be made
    project: bool = False  # the release itself is what is installed
    tree: bool = False  # what is installed lies in the release, beside its requirements files


def _read(path: str) -> bytes | None:
    try:
        return _trust.read(path, _trust.MOST_OF_A_PACKAGE)
    except OSError:
        return None


class Environments:
    """The environments of one service. Raises Refused where they cannot be handled."""

    def __init__(
        self, host: Host, owner: Owner, venv: str, python: str | None, system: bool | None, held: tuple[int, ...] = ()
    ):
        self.host = host
        self.venv = venv.rstrip("/")
        self.directory = self.venv + ".d"
        self.held = held
        above = os.path.dirname(self.venv)
        if not os.path.isdir(above):
            raise Refused(f"{above} does not exist on this host: correct runbook_venv_dir")
        if os.path.lexists(self.venv) and not os.path.isdir(self.venv):
            raise Refused(f"{self.venv} is no virtual environment: correct runbook_venv_dir")
        if os.path.islink(self.venv) and os.path.dirname(os.path.realpath(self.venv)) != os.path.realpath(
            self.directory
        ):
            raise Refused(
                f"{self.venv} is a link to {os.path.realpath(self.venv)}, which is not of the runbook's making: "
                "set runbook_venv_dir to that"
            )
        self.python = python or self._present_python()
        root = os.geteuid() == _trust.ROOT
        # A tree of root's with an environment that somebody else can change: what runs there is that user's.
        if owner.uid == _trust.ROOT and root:
            owner = _trust.first_changer(self._leading()) or owner
        self.owner = owner
        # Where the directory is the owner's, root must not follow what the owner puts there.
        parent = (_trust.changer(above) if root else None) or owner_of(above)
        self.keeper = owner if parent.uid == owner.uid else parent
        self._refuse_what_cannot_be_written(above)
        done = self._run([self.python, "-c", PYTHON], "/", 20)
        if done.rc != 0:
            raise Refused(f"{self.python} cannot be run ({_git.first_line(done)}): set rollback_python")
        self.tag = done.out.strip()
        self.system = self._present_system() if system is None else system

    def _leading(self) -> Iterator[str]:
        """Yield the paths that decide what is run in making and using environments."""
        yield self.venv
        yield self.directory
        name = self.current
        if name:
            yield from _trust.leading_python(self.path(name))
        if os.path.isabs(self.python):
            yield self.python

    def _refuse_what_cannot_be_written(self, path: str) -> None:
        with acting_as(self.keeper):
            if os.access(path, os.W_OK | os.X_OK, effective_ids=True):
                return
        if self.keeper.uid == _trust.ROOT or os.geteuid() != _trust.ROOT:
            raise Refused(f"{path} cannot be written, so no environment can be made in it: run with become: true")
        raise Refused(
            f"{path} cannot be written by {self.keeper.name}, who can change what stands in "
            f"{os.path.dirname(self.venv)}: give both to one user, or to root alone"
        )

    def refuse_what_cannot_be_moved(self) -> None:
        """Raises Refused where another environment could not take the place of one that is not of our making: that one
        is put aside, for which it has to be written to."""
        if os.path.isdir(self.venv) and not os.path.islink(self.venv):
            self._refuse_what_cannot_be_written(self.venv)

    def _environ(self) -> dict[str, str]:
        # Where the host's packages come from is often told to pip in this way alone.
        return _git.environment(self.owner, "PIP_")

    def _run(self, argv: list[str], cwd: str, timeout: float) -> Finished:
        # Some systems' pip refuses to look at what it may not install: only tried installations ever meet that.
        env = dict(self._environ(), PIP_BREAK_SYSTEM_PACKAGES="1")
        return self.host.run_as(argv, self.owner, cwd, env, timeout=timeout, held=self.held)

    # -- reading

    @property
    def current(self) -> str | None:
        """The name of the environment in use, None when there is none; `original` before the first of ours."""
        link = self.venv
        if not os.path.lexists(link) and os.path.islink(link + NEW):
            # A run was killed after it had put the original aside: its link waits to take the place.
            link += NEW
        if os.path.islink(link):
            return os.path.basename(os.readlink(link))
        return self._free(ORIGINAL) if os.path.isdir(link) else None

    def is_led_to(self, words: Sequence[str], directory: str) -> bool:
        """Whether one of the words of a process that was started in a directory leads to one of the environments."""
        ours = tuple(os.path.realpath(path) + "/" for path in (self.venv, self.directory))
        paths = [os.path.join(directory, word) for word in words]
        # Its Python itself is a link to the host's.
        return any(
            (os.path.realpath(one) + "/").startswith(ours) for path in paths for one in (path, os.path.dirname(path))
        )

    def path(self, name: str) -> str:
        if name == self.current and not os.path.islink(self.venv) and os.path.isdir(self.venv):
            return self.venv
        return os.path.join(self.directory, name)

    def _free(self, name: str) -> str:
        number, free = 1, name
        while os.path.lexists(os.path.join(self.directory, free)):
            number += 1
            free = f"{name}-{number}"
        return free

    def _present_python(self) -> str:
        name = self.current
        python = os.path.join(self.path(name), "bin", "python") if name else ""
        return os.path.realpath(python) if python and os.access(python, os.X_OK) else "python3"

    def _present_system(self) -> bool:
        name = self.current
        if name is None:
            return False
        try:
            config = _trust.read(os.path.join(self.path(name), "pyvenv.cfg")) or b""
        except OSError:
            return False
        return bool(re.search(rb"(?im)^include-system-site-packages\s*=\s*true\s*$", config))

    def wanted(
        self, read: _requirements.Read, path: str, release: str, below: _requirements.Below = lambda path: {}
    ) -> Wanted:
        def anywhere(name: str) -> bytes | None:
            if not os.path.isabs(name):
                return read(name)
            with acting_as(self.owner):
                return _read(name)

        needs = _requirements.needs(anywhere, path, release, self._environ(), below)
        digest = hashlib.sha256(f"{self.tag} {self.system}\0".encode())
        for part in needs.meaning:
            digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
        return Wanted(needs.files, digest.hexdigest()[:16], needs.problem, needs.project, needs.tree)

    def _packages(self, name: str) -> str:
        """What is installed in it, as a hash: whoever installs by hand makes it another environment."""
        packages = []
        library = os.path.join(self.path(name), "lib")
        with contextlib.suppress(OSError):
            for python in os.listdir(library):
                site = os.path.join(library, python, "site-packages")
                if os.path.isdir(site):
                    packages += [
                        item for item in os.listdir(site) if item.endswith((".dist-info", ".egg-info", ".egg-link"))
                    ]
        return hashlib.sha256("\0".join(sorted(packages)).encode()).hexdigest()

    def key(self, name: str | None) -> str | None:
        """The key of a whole environment that is as it was when it got its mark, else None."""
        if name is None:
            return None
        try:
            mark = json.loads(_trust.read(os.path.join(self.path(name), MARK)) or b"")
            # What an older version has marked says of the files and not of what they mean.
            return mark["key"] if mark["rules"] == RULES and mark["packages"] == self._packages(name) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def find(self, key: str) -> str | None:
        """The name of a whole environment with this key, the one in use first."""
        names = [name for name in (self.current, *self._all()) if name]
        return next((name for name in names if self.key(name) == key), None)

    def has(self, name: str) -> bool:
        """Whether there is an environment that was whole once; what somebody has changed in it since does not count."""
        whole = os.path.exists(os.path.join(self.path(name), MARK)) or name.startswith(ORIGINAL)
        return whole and os.path.isdir(self.path(name))

    def _all(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.directory) if not name.startswith("."))
        except FileNotFoundError:
            return []

    # -- writing; what fails here has changed nothing that is in use

    def tidy(self) -> None:
        """Finish what a killed run has left: its link, and environments that were never whole."""
        with acting_as(self.keeper):
            if not os.path.lexists(self.venv) and os.path.islink(self.venv + NEW):
                os.rename(self.venv + NEW, self.venv)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.venv + NEW)
        for name in self._all():
            if name != self.current and not self.has(name):
                self._remove(os.path.join(self.directory, name))

    def _remove(self, path: str) -> None:
        with acting_as(self.owner):
            shutil.rmtree(path, ignore_errors=True)

    def discard(self, name: str) -> None:
        """Take an environment away that nothing has used."""
        if name != self.current:
            self._remove(os.path.join(self.directory, name))

    def mark(self, name: str, key: str) -> None:
        """Say that an environment is whole, and of which requirements. Raises OSError."""
        content = json.dumps({"key": key, "rules": RULES, "packages": self._packages(name)}).encode()
        _trust.replace(os.path.join(self.path(name), MARK), content, 0o644)

    def _make_directory(self) -> None:
        if os.path.isdir(self.directory):
            return
        with acting_as(self.keeper):
            os.mkdir(self.directory, 0o755)
        if os.geteuid() == 0 and self.keeper.uid != self.owner.uid:
            # The keeper may have put something else in its place: a link, or another name of root's file.
            handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(handle).st_uid == self.keeper.uid:
                    os.fchown(handle, self.owner.uid, self.owner.gid)
            finally:
                os.close(handle)

    def _write_files(self, directory: str, wanted: Wanted) -> None:
        with acting_as(self.owner):
            os.makedirs(directory, exist_ok=True)
            for name, content in wanted.files.items():
                if os.path.isabs(name):
                    continue  # pip finds it where it is
                path = os.path.join(directory, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                # What pip has left running may put a pipe there.
                handle = _trust.opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)

    def sources(self, wheelhouse: str | None) -> list[tuple[str, list[str]]]:
        """Where requirements come from, in the order they are tried, with pip's options for it. Raises Refused."""
        index = ("index", ["--retries", "1", "--timeout", "15"])
        if wheelhouse and os.path.isdir(wheelhouse):
            self._refuse_what_others_put_into(wheelhouse)
            links = ["--find-links", wheelhouse]
            return [("wheelhouse", ["--no-index", *links]), (index[0], [*index[1], *links])]
        return [index]

    def _refuse_what_others_put_into(self, wheelhouse: str) -> None:
        """Pip runs what it installs, and what an archive brings to build itself: not as root what is not root's."""
        if self.owner.uid != _trust.ROOT or os.geteuid() != _trust.ROOT:
            return
        who = _trust.first_changer([wheelhouse, *(os.path.join(wheelhouse, name) for name in os.listdir(wheelhouse))])
        if who is not None:
            raise Refused(
                f"{who.name} can change what lies in {wheelhouse}, and {self.venv} is root's: give rollback_wheelhouse "
                f"to root with all that lies in it, or {self.venv} to {who.name}"
            )

    def build(
        self, wanted: Wanted, path: str, wheelhouse: str | None, limit: float, export: Export | None = None
    ) -> tuple[str, str]:
        """Make a whole environment of the requirements: its name, and where they came from. Raises Refused.

        export: writes the release into a directory, for one from whose files something is installed.
        """
        end = self.host.clock() + limit
        self._make_directory()
        name = self._free(wanted.key)
        target = os.path.join(self.directory, name)
        failed = []
        try:
            for source, options in self.sources(wheelhouse):
                self._remove(target)
                self._create(target, end, limit)
                self._prepare(target, wanted, export)
                done = self._pip(os.path.join(target, "bin", "python"), target, wanted, path, options, end)
                if done.rc == 0:
                    self.mark(name, wanted.key)
                    return name, source
                failed.append(self._why(source, done, limit))
                if self.host.clock() >= end:
                    break
        except OSError as exc:
            self._remove(target)
            raise Refused(
                f"an environment cannot be made in {self.directory} ({exc.strerror}): free space there"
            ) from exc
        except (Refused, _git.GitFailed):
            self._remove(target)
            raise
        self._remove(target)
        raise Refused(self._unavailable(failed))

    def _create(self, target: str, end: float, limit: float) -> None:
        options = ["--system-site-packages"] if self.system else []
        done = self._run([self.python, "-m", "venv", *options, target], "/", max(1.0, end - self.host.clock()))
        if done.rc == 124:
            raise Refused(f"an environment was not made within {limit:g} s: set rollback_install_seconds higher")
        if done.rc != 0:
            advice = "install python3-venv" if "ensurepip" in done.out + done.err else "see that directory"
            raise Refused(f"an environment cannot be made in {self.directory} ({_git.first_line(done)}): {advice}")

    def _prepare(self, directory: str, wanted: Wanted, export: Export | None) -> None:
        directory = os.path.join(directory, FILES)
        if export and (wanted.project or wanted.tree):
            with acting_as(self.owner):
                os.makedirs(directory, exist_ok=True)
            export(directory)
        if not wanted.tree:
            self._write_files(directory, wanted)

    def _pip(
        self,
        python: str,
        directory: str,
        wanted: Wanted,
        path: str,
        options: list[str],
        end: float,
        *more: str,
        command: str = "install",
    ) -> Finished:
        directory = os.path.join(directory, FILES)
        if wanted.project:
            what = [".", *(word for name in wanted.files for word in ("--constraint", name))]
        else:
            what = ["--requirement", os.path.join(directory, os.path.normpath(path))]
        argv = [
            python,
            "-m",
            "pip",
            command,
            "--quiet",
            "--no-input",
            "--no-cache-dir",
            "--disable-pip-version-check",
            *more,
            *options,
        ]
        return self._run([*argv, *what], directory, max(1.0, end - self.host.clock()))

    @staticmethod
    def _why(source: str, done: Finished, limit: float) -> str:
        if done.rc == 124:
            return f"{source}: not within {limit:g} s"
        lines = [line.strip() for line in done.err.splitlines() if line.startswith("ERROR:")]
        # The last one names the requirement; those before say the same at length.
        return f"{source}: {_git.first_line(Finished(done.rc, '', lines[-1][6:].strip() if lines else done.err))}"

    @staticmethod
    def _unavailable(failed: list[str]) -> str:
        return (
            f"the requirements cannot be had ({'; '.join(failed)}): put their wheels into rollback_wheelhouse "
            "(pip download), or choose another release"
        )

    def offline(
        self, wanted: Wanted, path: str, wheelhouse: str, limit: float, export: Export | None = None
    ) -> bool | None:
        """Whether the wheelhouse alone has the requirements; None when this cannot be told. Raises Refused if not."""
        if not os.path.isdir(wheelhouse):
            raise Refused(f"{wheelhouse} does not exist: correct rollback_wheelhouse")
        sources = self.sources(wheelhouse)[:1]
        return None if self.available(wanted, path, wheelhouse, limit, export, sources) is None else True

    def fetch(
        self,
        wanted: Wanted,
        path: str,
        wheelhouse: str,
        scratch: str,
        wheels: str,
        limit: float,
        export: Export | None = None,
    ) -> None:
        """Have the wheels of the requirements made in a directory, of what lies in the wheelhouse and the index.

        Raises Refused.
        """
        self._prepare(scratch, wanted, export)
        end = self.host.clock() + limit
        _source, options = self.sources(wheelhouse)[-1]
        done = self._pip(self._builder(), scratch, wanted, path, options, end, "--wheel-dir", wheels, command="wheel")
        if done.rc != 0:
            raise Refused(self._unavailable([self._why("index", done, limit)]))

    def _builder(self) -> str:
        """The Python whose pip makes wheels: the one in use, which need not be able to make environments."""
        name = self.current
        present = os.path.join(self.path(name), "bin", "python") if name else ""
        return present if present and self._run([present, "-m", "pip", "--version"], "/", 20).rc == 0 else self.python

    def available(
        self,
        wanted: Wanted,
        path: str,
        wheelhouse: str | None,
        limit: float,
        export: Export | None = None,
        sources: list[tuple[str, list[str]]] | None = None,
    ) -> str | None:
        """Where the requirements would come from, without writing anything that stays; None when this cannot be told.

        sources: where to look, by default all of them. Raises Refused when they cannot be had.
        """
        end = self.host.clock() + limit
        # What the new environment will see without installing it: the system's packages, or none.
        more = ["--dry-run"] if self.system else ["--dry-run", "--ignore-installed"]
        name = self.current
        pythons = [self.python]
        if name and not self.system:
            pythons.append(os.path.join(self.path(name), "bin", "python"))
        # Older ones cannot try without doing.
        recent = "import sys, pip; sys.exit(int(pip.__version__.split('.')[0]) < 23)"
        python = next((item for item in pythons if self._run([item, "-c", recent], "/", 20).rc == 0), None)
        if python is None:
            return None
        failed = []
        directory = tempfile.mkdtemp(prefix="runbook-")
        try:
            if os.geteuid() == 0:
                os.chown(directory, self.owner.uid, self.owner.gid)
            self._prepare(directory, wanted, export)
            for source, options in sources or self.sources(wheelhouse):
                done = self._pip(python, directory, wanted, path, options, end, *more)
                if done.rc == 0:
                    return source
                failed.append(self._why(source, done, limit))
        finally:
            self._remove(directory)
            shutil.rmtree(directory, ignore_errors=True)
        raise Refused(self._unavailable(failed))

    def use(self, name: str | None) -> None:
        """Make this environment the one in use, None for none at all. Raises OSError."""
        if name == self.current:
            return
        if name is not None:
            self._make_directory()
        with acting_as(self.keeper):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.venv + NEW)
            if name is None:
                os.unlink(self.venv)
            else:
                os.symlink(os.path.join(os.path.basename(self.directory), name), self.venv + NEW)
                if not os.path.islink(self.venv) and os.path.isdir(self.venv):
                    os.rename(self.venv, os.path.join(self.directory, self._free(ORIGINAL)))
                os.rename(self.venv + NEW, self.venv)
            _files.sync_directory(os.path.dirname(self.venv))
