# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A git work tree as its owner sees it: what is there, and what is in a commit. It is changed by nothing here."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from time import time as clock
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _code, _files, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.module_utils._owner import Owner, acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

LAST = 5
# Nobody waits at a terminal, no program of the repository's own is started, nothing is cleaned up in between.
SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "submodule.recurse=false",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "log.showSignature=false",
    "advice.detachedHead=false",
    "advice.addEmbeddedRepo=false",
)
IDENTITY = "kumon.runbook"
# What commands of another user's get of our environment: how programs, time and other hosts are found.
PASSED_ON = {
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "TMPDIR",
    *(f"{name}_proxy" for name in ("http", "https", "no", "all")),
    *(f"{name}_PROXY" for name in ("HTTP", "HTTPS", "NO", "ALL")),
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
}
NAMED_BY_HEAD = ("symbolic-ref", "--quiet", "HEAD")
SUBJECT_LIMIT = 100
# Where the repository is takes git milliseconds: who waits longer waits for a pipe, or for a disk that is gone.
FIRST_SECONDS = 15
ID = re.compile(r"[0-9a-fA-F]{4,64}")
NAME = re.compile(r"(?!.*(\.\.|@\{))[^\W_][^\s~^:?*\[\\]*")
# Where a name that is no id is looked for.
NAMES = ("refs/tags", "refs/heads", "refs/remotes/origin")
# Larger files are not read to see whether they only look changed.
READ_LIMIT = 64 * 1024 * 1024
# What of a commit is code.
CODE = (
    *(f":(top,glob)**/*{ending}" for ending in _code.ENDINGS),
    *(f":(top,exclude,glob)**/{name}/**" for name in _code.FOREIGN),
)


class GitFailed(Exception):
    """A git command failed; the message is its own first line."""


class Head(NamedTuple):
    commit: str
    branch: str | None  # None when detached


class Status(NamedTuple):
    """Paths that differ from HEAD, and paths that are in no commit; ignored ones are neither."""

    changed: list[str]
    untracked: list[str]
    hidden: list[str] = []  # changed, and git was told not to look (assume-unchanged, skip-worktree)
    linked: list[str] = []  # below a link of the host's own that stands where the release has a directory


class Content(NamedTuple):
    """What a commit consists of."""

    size: int
    files: set[str]
    submodules: dict[str, str]  # the commit of each


def environment(owner: Owner, *also: str) -> dict[str, str]:
    """What the owner's commands get: nothing of ours that leads git or Python elsewhere, and nothing of root's that
    another user is not meant to see. `also`: how further names begin that they get."""
    if owner.uid == os.geteuid():
        foreign = ("GIT_", "XDG_", "PYTHON", "VIRTUAL_ENV", "SUDO_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    else:
        # Filters and hooks of the owner's run in it, and root may have passwords there.
        env = {
            name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(("LC_", *also))
        }
    return dict(env, LC_ALL="C.UTF-8", HOME=owner.home, USER=owner.name, LOGNAME=owner.name)


def first_line(done: Finished) -> str:
    """Why a command failed, fit for people."""
    lines = [line for line in (done.err.strip() or done.out.strip()).splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return redact(re.sub(r"^(fatal|error): ", "", _files.for_people(first)))[:300].rstrip(".") or f"exit code {done.rc}"


def branch_of(named: Finished) -> str | None:
    """The branch that HEAD names, by its whole name: git's short one is another where a tag is called the same."""
    return re.sub(r"^refs/heads/", "", named.out.rstrip("\n")) or None


class Git:
    """One work tree. Raises Refused where it cannot be worked with."""

    def __init__(self, host: Host, directory: str, held: tuple[int, ...] = ()):
        self.host = host
        self.directory = os.path.realpath(directory)
        self.held = held
        self.reason = "runbook"  # what the reflog says
        self.umask = 0o022
        if not os.path.isdir(directory):
            raise Refused(f"{directory} does not exist on this host: correct runbook_app_dir")
        self.owner = _trust.runs_as(directory)
        if host.uid not in (0, self.owner.uid):
            raise Refused(f"{directory} belongs to {self.owner.name}: run with become: true")
        ask = ("rev-parse", "--show-toplevel", "--absolute-git-dir", "--is-shallow-repository")
        top = self.call(*ask, timeout=FIRST_SECONDS)
        if top.rc == 124:
            raise Refused(f"git gives no answer in {directory}: does its disk hang, or does a pipe stand in its .git?")
        if top.rc == 127:
            raise Refused("git is not installed on this host: install it")
        if top.rc == 126:
            raise Refused(f"git cannot be run as {self.owner.name}, the owner of {directory} ({first_line(top)})")
        if top.rc != 0:
            raise Refused(f"{directory} is no git work tree ({first_line(top)}): correct runbook_app_dir")
        tree, self.git_dir, shallow = top.out.rstrip("\n").split("\n")
        self.shallow = shallow == "true"
        # A group that shares a repository by its modes has to be able to write where git has written.
        with contextlib.suppress(OSError):
            self.umask = 0o002 if os.stat(self.git_dir).st_mode & stat.S_IWGRP else 0o022
        if os.path.realpath(tree) != self.directory:
            raise Refused(f"the work tree of {directory} is {tree}: set runbook_app_dir to that")
        if self.call("rev-parse", "--verify", "--quiet", "HEAD^{commit}").rc != 0:
            raise Refused(f"the git repository in {directory} has no commit that HEAD names: there is nothing to go by")

    # -- commands

    def call(
        self,
        *arguments: str,
        index: str | None = None,
        tree: str | None = None,
        timeout: float = 60,
        stdin: str | None = None,
        umask: int | None = None,
        output: int | None = None,
        owner: Owner | None = None,
    ) -> Finished:
        """`index` is another index file than the repository's, `tree` another work tree, `output` the descriptor of a
        file that takes what is printed, `owner` another user to run as."""
        owner = owner or self.owner
        env = environment(owner)
        env.update(
            GIT_TERMINAL_PROMPT="0",
            GIT_OPTIONAL_LOCKS="0",
            GIT_LITERAL_PATHSPECS="0",
            GIT_REFLOG_ACTION=self.reason,
            GIT_AUTHOR_NAME=IDENTITY,
            GIT_AUTHOR_EMAIL="runbook@localhost",
            GIT_COMMITTER_NAME=IDENTITY,
            GIT_COMMITTER_EMAIL="runbook@localhost",
        )
        if index:
            env["GIT_INDEX_FILE"] = index
        if tree:
            env.update(GIT_DIR=self.git_dir, GIT_WORK_TREE=tree)
        # The directory within it may be another user's: git would refuse to look at it.
        argv = ["git", "-c", f"safe.directory={self.directory}"]
        for setting in SETTINGS:
            argv += ["-c", setting]
        if index:
            # A part of it would be written beside the repository's own; and it is whole.
            argv += ["-c", "core.splitIndex=false", "-c", "core.sparseCheckout=false"]
        umask = self.umask if umask is None else umask
        more: dict[str, Any] = {} if umask == 0o022 else {"umask": umask}
        if output is not None:
            more["output"] = output
        return self.host.run_as(
            [*argv, *arguments],
            owner,
            tree or self.directory,
            env,
            timeout=timeout,
            stdin=stdin,
            held=self.held,
            **more,
        )

    def text(self, *arguments: str, **more: Any) -> str:
        """A command's output without its last line feed. Raises GitFailed."""
        done = self.call(*arguments, **more)
        if done.rc != 0:
            raise GitFailed(f"git {arguments[0]} failed in {self.directory} ({first_line(done)})")
        return done.out.rstrip("\n")

    def paths(self, *arguments: str, **more: Any) -> list[str]:
        """The NUL-separated paths that a command prints."""
        return [path for path in self.text(*arguments, **more).split("\0") if path]

    # -- reading

    def head(self) -> Head:
        return Head(self.text("rev-parse", "HEAD"), branch_of(self.call(*NAMED_BY_HEAD)))

    def head_moved(self) -> float:
        """When HEAD was last moved or code of it written, in seconds since the epoch: an older process runs other code.

        A file that was edited, and put back to what the commit says, moves nothing.
        """
        paths = [os.path.join(self.git_dir, name) for name in ("HEAD", "logs/HEAD")]
        branch = self.call(*NAMED_BY_HEAD).out.strip()
        if branch:
            # Where no log is written, the branch alone tells that it was reset.
            paths.append(os.path.join(self.directory, self.text("rev-parse", "--git-path", branch)))
        code = self._modified(os.path.join(self.directory, path) for path in self.paths("ls-files", "-z", "--", *CODE))
        # A time that is yet to come was brought along with a file, and does not say when it was written.
        now = clock()
        return max([*self._modified(paths), *(moment for moment in code if moment <= now)], default=0.0)

    @staticmethod
    def _modified(paths: Iterable[str]) -> list[float]:
        times = []
        for path in paths:
            with contextlib.suppress(OSError):
                times.append(os.lstat(path).st_mtime)
        return times

    def commits(self, revision: str = "HEAD", count: int = LAST) -> list[dict[str, str]]:
        """`[{commit, short, subject, time}]`, newest first."""
        out = self.text("log", "-z", f"-{count}", "--no-color", "--format=%H%x1f%h%x1f%ct%x1f%s", revision, "--")
        commits = []
        for entry in filter(None, out.split("\0")):
            commit, short, seconds, subject = entry.split("\x1f", 3)
            time = datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            commits.append(
                {
                    "commit": commit,
                    "short": short,
                    "subject": redact(_files.for_people(subject))[:SUBJECT_LIMIT],
                    "time": time,
                }
            )
        return commits

    def find(self, wish: str) -> str:
        """The full id of a commit, from it, an unambiguous beginning of it, a tag or a branch. Raises Refused."""
        names = [f"{kind}/{wish}" for kind in NAMES if NAME.fullmatch(wish)]
        named = {commit for commit in map(self.exists, names) if commit}
        done = self.call("rev-parse", "--verify", "--end-of-options", wish + "^{commit}")
        commit = done.out.strip()
        if ID.fullmatch(wish):
            if done.rc == 0 and commit.startswith(wish.lower()):
                named.add(commit)
            elif "ambiguous" in done.err:
                raise Refused(f"commit {wish} is ambiguous in {self.directory}: give more digits of it")
        if len(named) == 1:
            return named.pop()
        if named:
            raise Refused(f"{wish} names more than one commit in {self.directory}: give the commit's id (git log)")
        if not ID.fullmatch(wish):
            raise Refused(
                f"{wish!r} is no commit, tag or branch of the repository: give one, or 4 to 40 hexadecimal digits of a "
                "commit id (git log)"
            )
        if self.shallow:
            raise Refused(
                f"commit {wish} is not in {self.directory}, which is a shallow clone: fetch it (git fetch --unshallow) "
                "or choose another"
            )
        raise Refused(f"commit {wish} is not in {self.directory}: fetch it (git fetch) or choose another")

    def content(self, commit: str) -> Content:
        """What a commit consists of. Raises Refused when something of it is missing."""
        done = self.call("ls-tree", "-r", "-l", "-z", commit)
        whole, total, files, submodules = done.rc == 0, 0, set(), {}
        for entry in filter(None, done.out.split("\0")):
            about, path = entry.split("\t", 1)
            _mode, kind, name, size = about.split()
            if kind == "commit":
                submodules[path] = name
                continue
            files.add(path)
            whole = whole and size != "BAD"
            total += int(size) if size.isdigit() else 0
        if not whole:
            reason = first_line(done) if done.err else "a file of it is missing"
            raise Refused(
                f"commit {commit[:12]} is not whole in {self.directory} ({reason}): "
                "fetch it again (git fetch --refetch) or choose another"
            )
        return Content(total, files, submodules)

    def file(self, commit: str, path: str) -> bytes | None:
        """A file's content in a commit, also behind links within it, None when it has no such file."""
        answer = self.call("cat-file", "--batch-check", "--follow-symlinks", stdin=f"{commit}:{path}\n").out
        if answer.startswith(("symlink ", "dangling ", "loop ", "notdir ")):
            return None
        blob = re.match(r"([0-9a-f]+) blob ", answer)
        done = self.call("cat-file", "blob", blob[1] if blob else f"{commit}:{path}")
        return os.fsencode(done.out) if done.rc == 0 else None

    def below(self, commit: str, path: str) -> dict[str, str]:
        """The files in a directory of a commit, by name, with git's name of the content; none without a directory."""
        done = self.call("ls-tree", "-z", f"{commit}:{'' if path == '.' else path}")
        blobs = {}
        for entry in filter(None, done.out.split("\0") if done.rc == 0 else []):
            about, name = entry.split("\t", 1)
            _mode, kind, blob = about.split()
            if kind == "blob":
                blobs[name] = blob
        return blobs

    def names(self, commit: str, words: Iterable[str]) -> set[str]:
        """Those of the words that stand in the code of a commit, in any case."""
        options = ("grep", "--quiet", "--ignore-case", "--fixed-strings", "-e")
        return {word for word in words if self.call(*options, word, commit, "--", *CODE).rc == 0}

    def exists(self, reference: str) -> str | None:
        """The commit that a full name of a reference stands for, None when there is none."""
        done = self.call("rev-parse", "--verify", "--quiet", "--end-of-options", reference + "^{commit}")
        return done.out.strip() if done.rc == 0 else None

    def status(self, leave: Iterable[str] = ()) -> Status:
        """`leave` are absolute paths that are none of the release's, whatever git thinks of them; they may have *."""
        hidden = self.hidden()
        if not hidden:
            return self._status(leave, None, set())
        with self.scratch() as scratch:
            index = self.copy_index(scratch)
            self._show(hidden, index=index)
            return self._status(leave, index, set(hidden))

    def _status(self, leave: Iterable[str], index: str | None, hidden: set[str]) -> Status:
        leave = list(leave)
        # Commits of submodules count; what was changed in one is its own affair.
        kinds = ["--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"]
        entries = self.paths("status", "--porcelain=v2", "-z", *kinds, "--", ":/", *self._without(leave), index=index)
        changed, untracked, veiled, linked = [], [], [], []
        left, links = self.left(leave), self.links(index)
        for entry in entries:
            if entry.startswith("? "):
                untracked.append(entry[2:])
                continue
            # "1 XY sub mH mI mW hH hI path"; an unmerged one has two columns more.
            fields = entry.split(" ", 8 if entry[0] == "1" else 10)
            path = fields[-1]
            if entry[:1] not in ("1", "u") or left(path):
                continue
            if fields[1:3] == [".D", "S..."]:
                continue  # nobody has fetched the submodule, or its directory is in a link's place
            if links(path):
                linked.append(path)
            elif entry[:1] == "1" and fields[1] == ".M" and fields[4] == fields[5] and self._as_git_writes(path, index):
                continue
            elif path in hidden and fields[1][0] == ".":
                veiled.append(path)
            else:
                changed.append(path)
        return Status(changed, [path for path in untracked if not left(path)], veiled, linked)

    def hidden(self) -> list[str]:
        """Files that are there and that git was told not to look at."""
        entries = self.paths("ls-files", "-v", "-z")
        paths = [entry[2:] for entry in entries if entry[0].islower() or entry[0] == "S"]
        return [path for path in paths if os.path.lexists(os.path.join(self.directory, path))]

    def _show(self, paths: list[str], index: str | None = None) -> None:
        """Have git look at them."""
        names = "".join(f"{path}\0" for path in paths)
        for option in ("--no-assume-unchanged", "--no-skip-worktree"):
            self.text("update-index", option, "-z", "--stdin", index=index, stdin=names)

    def known(self, index: str | None = None) -> set[str]:
        """The files that the index has, or the release in place."""
        released = self.paths("ls-tree", "-r", "--name-only", "-z", "HEAD")
        return {*self.paths("ls-files", "-z", index=index), *released}

    def links(self, index: str | None = None, also: Iterable[str] = ()) -> Callable[[str], str | None]:
        """Tells which link of the host's own a path lies below; what git knows is not, nor what `also` names."""
        link_of: dict[str, str | None] = {"": None}
        known: list[set[str]] = []

        def link(path: str) -> str | None:
            above = path.rpartition("/")[0]
            if above not in link_of:
                link_of[above] = link(above)
                if link_of[above] is None and os.path.islink(os.path.join(self.directory, above)):
                    known[:] = known or [{*also, *self.known(index)}]
                    link_of[above] = above if above not in known[0] else None
            return link_of[above]

        return link

    def _as_git_writes(self, path: str, index: str | None) -> bool:
        """Whether a file is what a checkout makes of it, though git calls it changed: text attributes do that."""
        full = os.path.join(self.directory, path)
        try:
            if os.path.islink(full):
                return False
            with acting_as(self.owner):
                present = _trust.read(full, READ_LIMIT)
        except OSError:
            return False
        done = self.call("cat-file", "--filters", f":0:{path}", index=index)
        return done.rc == 0 and os.fsencode(done.out) == present

    @contextlib.contextmanager
    def scratch(self, owner: Owner | None = None) -> Iterator[str]:
        """A directory of the owner's outside of the tree, for as long as it is needed."""
        owner = owner or self.owner
        directory = tempfile.mkdtemp(prefix="runbook-")
        try:
            if os.geteuid() == 0:
                os.chown(directory, owner.uid, owner.gid)
            yield directory
        finally:
            with acting_as(owner):
                shutil.rmtree(directory, ignore_errors=True)
            shutil.rmtree(directory, ignore_errors=True)

    def copy_index(self, directory: str) -> str:
        """A copy of the index, which is as old: by its age git sees that a file was changed while it was written."""
        index = os.path.join(directory, "index")
        with acting_as(self.owner), contextlib.suppress(FileNotFoundError):
            shutil.copy2(os.path.join(self.git_dir, "index"), index)
        if not os.path.lexists(index):
            # Somebody took it away: to git that is an empty one.
            self.text("read-tree", "--empty", index=index)
        return index

    def left(self, leave: Iterable[str]) -> Callable[[str], bool]:
        """Tells whether a path from the top of the work tree is one of these, or below one."""
        patterns = [path.split("/") for path in map(self.inside, leave) if path]

        def is_left(path: str) -> bool:
            parts = path.rstrip("/").split("/")
            return any(
                len(parts) >= len(pattern) and all(map(fnmatch.fnmatchcase, parts, pattern)) for pattern in patterns
            )

        return is_left

    def inside(self, path: str) -> str | None:
        """The path from the top of the work tree, None when it lies outside."""
        full = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return os.path.relpath(full, self.directory) if full.startswith(self.directory + os.sep) else None

    def _without(self, leave: Iterable[str]) -> list[str]:
        within = [path for path in map(self.inside, leave) if path and not re.search(r"[*?[]", path)]
        if not within:
            return []
        # Git complains about an ignored path even when it is told to leave it.
        ignored = self.call("check-ignore", "-z", "--stdin", stdin="".join(f"{path}\0" for path in within)).out.split(
            "\0"
        )
        return [f":(top,exclude,literal){path}" for path in within if path not in ignored]

    def submodules(self) -> dict[str, str]:
        """The commit of each submodule in the index."""
        entries = [entry.split("\t", 1) for entry in self.paths("ls-files", "--stage", "-z")]
        return {path: about.split()[1] for about, path in entries if about.startswith("160000")}

    def export(self, commit: str, directory: str) -> None:
        """Write every file of a commit below a directory, as who can change that. Raises GitFailed."""
        owner = (_trust.changer(directory) if self.owner.uid == _trust.ROOT else None) or self.owner
        with self.scratch(owner) as scratch:
            index = os.path.join(scratch, "index")
            self.text("read-tree", commit, index=index, owner=owner)
            more = {"index": index, "timeout": 120, "owner": owner}
            self.text("checkout-index", "--quiet", "--all", f"--prefix={directory}/", **more)

    def changes(self, old: str, new: str) -> list[str]:
        """`A path`, `M path`, `D path` from one commit to the other."""
        fields = self.paths("diff-tree", "-r", "--no-renames", "--name-status", "-z", old, new)
        return [f"{kind} {path}" for kind, path in zip(fields[::2], fields[1::2])]
