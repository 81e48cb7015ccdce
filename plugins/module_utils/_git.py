# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A git work tree as its owner sees it: what is there, all of it kept in a commit, another commit put in place."""

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

RESCUE = "refs/runbook/rescue/"
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
# What git leaves in its directory while an operation of several steps is under way, and how to end that.
UNDER_WAY = {
    "rebase-merge": "rebase --abort",
    "rebase-apply": "rebase --abort",
    "MERGE_HEAD": "merge --abort",
    "CHERRY_PICK_HEAD": "cherry-pick --abort",
    "REVERT_HEAD": "revert --abort",
    "BISECT_LOG": "bisect reset",
}
NAMED_BY_HEAD = ("symbolic-ref", "--quiet", "HEAD")
SUBJECT_LIMIT = 100
# Where the repository is takes git milliseconds: who waits longer waits for a pipe, or for a disk that is gone.
FIRST_SECONDS = 15
ID = re.compile(r"[0-9a-fA-F]{4,64}")
NAME = re.compile(r"(?!.*(\.\.|@\{))[^\W_][^\s~^:?*\[\\]*")
# Where a name that is no id is looked for.
NAMES = ("refs/tags", "refs/heads", "refs/remotes/origin")
# What stands in the place of a large file whose content was not brought along.
POINTER = b"version https://git-lfs.github.com/spec/"
# Larger files are not read to see whether they only look changed.
READ_LIMIT = 64 * 1024 * 1024
# The attributes by which git writes a file in another way than the repository has it.
RULES = ("working-tree-encoding", "ident", "filter", "text", "crlf", "eol")
# What of a commit is code.
CODE = (
    *(f":(top,glob)**/*{ending}" for ending in _code.ENDINGS),
    *(f":(top,exclude,glob)**/{name}/**" for name in _code.FOREIGN),
)
MIGRATION = re.compile(
    r"(?i)(\.sql$|(^|/)(migrations?|migrate|alembic|versions)/(.*/)?(?!__init__)[^/]*\.(py|js|ts|rb|php|xml|ya?ml)$)"
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


class Submodule(NamedTuple):
    """One that has to be moved."""

    path: str
    commit: str
    branch: str | None = None


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

    def differing(
        self, commit: str, content: Content, status: Status, leave: Iterable[str]
    ) -> tuple[set[str], set[str]]:
        """Files that have to be written or taken away for the tree to be the commit, and those below a host's link."""
        paths = self.paths(
            "diff-index", "--cached", "--no-renames", "--ignore-submodules=all", "--name-only", "-z", commit, "--"
        )
        modules = set(content.submodules) | set(self.submodules())
        left, links = self.left(leave), self.links()
        differing = {*paths, *status.changed}
        if any(path.rpartition("/")[2] == ".gitattributes" for path in differing):
            differing |= self._written_otherwise(commit, content)
        differing = {path for path in differing if path not in modules and not left(path)}
        below = {path for path in differing if links(path)}
        return differing - below, {*below, *status.linked}

    def _written_otherwise(self, commit: str, content: Content) -> set[str]:
        """Files that a commit has another rule for than what is there: the same content is then other bytes."""
        names = "".join(f"{path}\0" for path in sorted(content.files.intersection(self.paths("ls-files", "-z"))))
        if not names:
            return set()
        here = self._rules(names)
        with self.scratch() as scratch:
            index = os.path.join(scratch, "index")
            self.text("read-tree", commit, index=index)
            there = self._rules(names, "--cached", index=index)
        return {path for path, rule in here.items() if rule != there[path]}

    def _rules(self, names: str, *options: str, **more: Any) -> dict[str, list[str]]:
        """What of the attributes of each file decides how git writes it."""
        ends, eol = (self.call("config", "--get", name).out.strip() for name in ("core.autocrlf", "core.eol"))
        always = ends not in ("", "false", "input") or eol == "crlf"
        fields = self.text("check-attr", *options, "-z", "--stdin", *RULES, stdin=names, **more).split("\0")
        rules_of: dict[str, dict[str, str]] = {}
        for path, name, value in zip(fields[::3], fields[1::3], fields[2::3]):
            rules_of.setdefault(path, {})[name] = value
        return {
            # The others say how lines end, and without this they end as the repository has them.
            path: list(rules.values()) if always or rules["eol"] == "crlf" else [rules[name] for name in RULES[:3]]
            for path, rules in rules_of.items()
        }

    def submodules(self) -> dict[str, str]:
        """The commit of each submodule in the index."""
        entries = [entry.split("\t", 1) for entry in self.paths("ls-files", "--stage", "-z")]
        return {path: about.split()[1] for about, path in entries if about.startswith("160000")}

    def migrations(self, old: str, new: str) -> list[str]:
        """Files that look like changes to a database, and that only one of the commits has, or another form of."""
        return [entry[2:] for entry in self.changes(old, new) if MIGRATION.search(entry[2:])]

    def submodules_to_move(self, wanted: dict[str, str], aim: str, files: set[str]) -> list[Submodule]:
        """Submodules that have another commit checked out than is wanted. Raises Refused where one cannot be moved."""
        present, moves = self.submodules(), []
        for path in sorted(set(present) & files):
            raise Refused(f"submodule {path} is a file in {aim}: move it away by hand, or choose another release")
        for path, commit in sorted(wanted.items()):
            if not os.path.lexists(os.path.join(self.directory, path, ".git")):
                if present.get(path) == commit:
                    continue  # nobody has fetched it here, and the service runs without
                raise Refused(
                    f"submodule {path} of {aim} is not there: fetch it (git submodule update --init {path}), "
                    "or choose another release"
                )
            here = self._in_submodule(path, "rev-parse", "HEAD")
            if here.rc != 0:
                raise Refused(
                    f"submodule {path} cannot be looked at ({first_line(here)}): see git submodule status there"
                )
            if here.out.strip() == commit:
                continue
            if self._in_submodule(path, "cat-file", "-e", commit + "^{commit}").rc != 0:
                raise Refused(
                    f"submodule {path} has no commit {commit[:12]}, which {aim} needs: fetch it "
                    f"(git -C {path} fetch), or choose another release"
                )
            dirty = self._in_submodule(
                path, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=none"
            )
            if dirty.rc != 0 or dirty.out.strip():
                raise Refused(
                    f"submodule {path} has local changes, and {aim} needs another commit of it: commit or put them "
                    f"away (git -C {path} stash), and run again"
                )
            trees = [self._in_submodule(path, "ls-tree", "-r", tree).out.splitlines() for tree in ("HEAD", commit)]
            old, new = ({entry for entry in tree if " commit " in entry} for tree in trees)
            if old != new:
                raise Refused(
                    f"submodule {path} has submodules of its own, which {aim} needs in another commit: put them in "
                    "place by hand, or choose another release"
                )
            branch = branch_of(self._in_submodule(path, *NAMED_BY_HEAD))
            moves.append(Submodule(path, here.out.strip(), branch))
        return moves

    def _in_submodule(self, path: str, *arguments: str) -> Finished:
        full = os.path.join(self.directory, path)
        # A repository of its own, which in a tree of root's may be somebody else's.
        owner = _trust.runs_as(full) if self.owner.uid == _trust.ROOT else self.owner
        return self.call("-c", f"safe.directory={full}", "-C", full, *arguments, owner=owner)

    def move_submodule(self, module: Submodule) -> None:
        """Check its commit out. Raises GitFailed."""
        head = self._in_submodule(module.path, "rev-parse", "--verify", "--quiet", f"refs/heads/{module.branch or ''}")
        if module.branch and head.out.strip() == module.commit:
            done = self._in_submodule(module.path, "checkout", "--quiet", module.branch, "--")
        else:
            done = self._in_submodule(module.path, "checkout", "--quiet", "--detach", module.commit, "--")
        if done.rc != 0:
            raise GitFailed(f"submodule {module.path} cannot be moved to {module.commit[:12]} ({first_line(done)})")

    def try_filters(self, commit: str, paths: list[str], limit: float) -> list[str]:
        """Write the files that go through a filter outside of the tree. Raises Refused where one cannot be written.

        Returns files of which only a pointer is there.
        """
        if not paths:
            return []
        names, pointers = "".join(f"{path}\0" for path in paths), []
        with self.scratch() as scratch:
            index, tree = os.path.join(scratch, "index"), os.path.join(scratch, "tree")
            with acting_as(self.owner):
                os.mkdir(tree)
            self.text("read-tree", commit, index=index)
            fields = self.paths("check-attr", "--cached", "-z", "--stdin", "filter", index=index, stdin=names)
            drivers = {
                path: value
                for path, value in zip(fields[::3], fields[2::3])
                if value not in ("unspecified", "unset", "set")
            }
            filtered = list(drivers)
            if not filtered:
                return []
            done = self.call(
                *("checkout-index", "--quiet", "--force", "-z", "--stdin"),
                index=index,
                tree=tree,
                timeout=limit,
                stdin="".join(f"{path}\0" for path in filtered),
            )
            if done.rc != 0:
                # The last line names the file.
                why = first_line(done._replace(err="\n".join(reversed(done.err.splitlines()))))
                raise Refused(
                    f"a file of commit {commit[:12]} cannot be written as its filter wants it ({why}): "
                    "bring its content here (git lfs fetch, or what the filter needs), or choose another release"
                )
            # A filter that is not required fails without a word, and what the repository has is written as it is.
            failed = "external filter" in done.err
            unknown = {name for name in set(drivers.values()) if not self._knows_filter(name)}
            for path in filtered:
                staged, full = os.path.join(tree, path), os.path.join(self.directory, path)
                if self._is_pointer(staged):
                    wrong = os.path.isfile(full) and not self._is_pointer(full)
                elif (failed or drivers[path] in unknown) and self._is_bare(staged, f"{commit}:{path}"):
                    wrong = os.path.isfile(full) and not self._is_bare(full, f":0:{path}")
                else:
                    continue
                if wrong:
                    raise Refused(
                        f"of {path} commit {commit[:12]} would bring a pointer and not the content: bring the content "
                        f"here, set its filter up for {self.owner.name} (git lfs install), or choose another release"
                    )
                pointers.append(path)
        return pointers

    def _knows_filter(self, name: str) -> bool:
        return self.call("config", "--get-regexp", rf"^filter\.{re.escape(name)}\.").rc == 0

    def _is_bare(self, full: str, name: str) -> bool:
        """Whether a file is what the repository has under a name, without what a filter makes of it."""
        raw = self.call("rev-parse", "--verify", "--quiet", name)
        here = self.call("hash-object", "--no-filters", "--", full)
        return here.rc == 0 and here.out == raw.out

    def export(self, commit: str, directory: str) -> None:
        """Write every file of a commit below a directory, as who can change that. Raises GitFailed."""
        owner = (_trust.changer(directory) if self.owner.uid == _trust.ROOT else None) or self.owner
        with self.scratch(owner) as scratch:
            index = os.path.join(scratch, "index")
            self.text("read-tree", commit, index=index, owner=owner)
            more = {"index": index, "timeout": 120, "owner": owner}
            self.text("checkout-index", "--quiet", "--all", f"--prefix={directory}/", **more)

    def _is_pointer(self, full: str) -> bool:
        with contextlib.suppress(OSError):
            with acting_as(self.owner):
                handle = _trust.opened(full)
            with os.fdopen(handle, "rb") as file:
                return file.read(len(POINTER)) == POINTER
        return False

    def refuse_what_cannot_be_written(self, paths: list[str], wanted: set[str]) -> None:
        """Raises Refused where the owner could not change the tree or the repository, or not without danger.

        wanted: those of the paths that are files afterwards.
        """
        if self.owner.uid == _trust.ROOT:
            for path in paths:
                self._refuse_led_away(path)
        directories = {self.git_dir, *(os.path.join(self.git_dir, name) for name in ("refs", "logs"))}
        common = os.path.join(self.git_dir, "commondir")
        top = self.git_dir
        if os.path.exists(common):
            top = os.path.join(self.directory, self.text("rev-parse", "--git-common-dir"))
        objects = os.path.join(top, "objects")
        directories |= {objects, os.path.join(top, "refs", "runbook"), os.path.join(top, RESCUE.rstrip("/"))}
        with contextlib.suppress(OSError):
            directories |= {os.path.join(objects, name) for name in os.listdir(objects) if len(name) == 2}
        directories |= {os.path.join(self.directory, self._standing(path)) for path in paths}
        # A directory in a file's place goes away with all that is in it.
        for path in wanted.intersection(paths):
            if not self.below_link(f"{path}/"):
                inside = os.walk(os.path.join(self.directory, path))
                directories |= {directory for directory, names, files in inside if names or files}
        # What is at the other end of a link of a release's is none of its files.
        files = {os.path.join(self.directory, path) for path in paths if not self.below_link(path)}
        files |= {os.path.join(self.git_dir, name) for name in ("HEAD", "index")}
        mounts = [path for path, _kind in _files.mounted() if path.startswith(self.directory + os.sep)]
        log = os.path.join(self.git_dir, "logs", "HEAD")
        # The owner may not even get to one of them.
        directories = {directory for directory in directories if os.path.isdir(directory)}
        with acting_as(self.owner):
            # Each move of HEAD is noted at its end.
            if os.path.isfile(log) and not os.access(log, os.W_OK, effective_ids=True):
                raise Refused(self._not_the_owners(log, "written to"))
            for directory in sorted(directories):
                self._refuse_fixed(directory)
                if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
                    raise Refused(self._not_the_owners(directory, "written to"))
            for full in sorted(filter(os.path.lexists, files)):
                for mount in mounts:
                    if (mount + os.sep).startswith(full + os.sep):
                        raise Refused(
                            f"{mount} is a mount point, and the release has another file there: leave it out "
                            f"(runbook_release_ignore) or unmount it (umount {mount}), and run again"
                        )
                self._refuse_kept(full)

    def _refuse_led_away(self, path: str) -> None:
        """A file below a directory that somebody else can put a link in the place of: while it is written, that would
        lead root anywhere. Who can only change what is in the file's own directory leads root nowhere else, but for
        what has names or files elsewhere."""
        standing = self._standing(path)
        full = os.path.join(self.directory, standing)
        is_there = standing == path.rpartition("/")[0]
        other = (_trust.keeper(full) if is_there else _trust.changer(full)) if standing else None
        if other is not None:
            raise Refused(
                f"{path} in {self.directory} lies below a directory that {other.name} can replace, and root writes no "
                "file of a release there: give the tree to one user as a whole (chown -R), or leave it out "
                "(runbook_release_ignore)"
            )
        full = os.path.join(self.directory, path)
        # Nothing may be there, or a link above it that goes round in a circle.
        with contextlib.suppress(OSError):
            entry = os.lstat(full)
            # A link leads nowhere: it may as well go round in a circle.
            leads = stat.S_ISDIR(entry.st_mode) or stat.S_ISREG(entry.st_mode) and entry.st_nlink > 1
            other = _trust.keeper(full) if leads else None
            if other:
                what = "a directory" if stat.S_ISDIR(entry.st_mode) else "a file that has other names too"
                raise Refused(
                    f"{full} is {what}, {other.name} can replace it, and the release has a file there: move it away, "
                    "or leave it out (runbook_release_ignore)"
                )

    def _refuse_kept(self, full: str) -> None:
        """A file that is there, and that cannot be read or replaced."""
        entry, above = os.lstat(full), os.stat(os.path.dirname(full))
        if stat.S_ISREG(entry.st_mode):
            self._refuse_fixed(full)
            if not os.access(full, os.R_OK, effective_ids=True):
                raise Refused(self._not_the_owners(full, "read"))
        # In a sticky directory a file is for its own owner to replace, and for the directory's.
        if above.st_mode & stat.S_ISVTX and self.owner.uid not in (0, entry.st_uid, above.st_uid):
            raise Refused(self._not_the_owners(full, "replaced"))

    @staticmethod
    def _refuse_fixed(full: str) -> None:
        letter = _files.fixed(full)
        if letter:
            raise Refused(
                f"{full} has an attribute by which nobody may replace it: take that off (chattr -{letter} {full}), and "
                "run again"
            )

    @contextlib.contextmanager
    def acting_at(self, path: str) -> Iterator[None]:
        """File operations in the directory of a path of the tree's, as the tree's owner. In a tree of root's, below a
        directory that somebody else can replace, they are done with that user's rights."""
        owner = self.owner
        if owner.uid == _trust.ROOT:
            owner = _trust.keeper(os.path.dirname(os.path.join(self.directory, path))) or owner
        with acting_as(owner):
            yield

    def is_others(self, path: str) -> bool:
        """Whether in a tree of root's somebody else can put something in the place of a path."""
        return (
            self.owner.uid == _trust.ROOT
            and _trust.changer(os.path.dirname(os.path.join(self.directory, path))) is not None
        )

    def below_link(self, path: str) -> bool:
        """Whether a link is above a path in the tree."""
        above = path.rpartition("/")[0]
        return bool(above) and (os.path.islink(os.path.join(self.directory, above)) or self.below_link(above))

    def _standing(self, path: str) -> str:
        """The directory of the tree that a file, or the first directory to be made for it, is to lie in."""
        above = path.rpartition("/")[0]
        while above and (self.below_link(f"{above}/") or not os.path.isdir(os.path.join(self.directory, above))):
            above = above.rpartition("/")[0]
        return above

    def _not_the_owners(self, path: str, verb: str) -> str:
        return (
            f"{path} cannot be {verb} by {self.owner.name}, who {self.directory} belongs to: give it back "
            f"(chown -R {self.owner.name}: {self.directory}), and run again"
        )

    def changes(self, old: str, new: str) -> list[str]:
        """`A path`, `M path`, `D path` from one commit to the other."""
        fields = self.paths("diff-tree", "-r", "--no-renames", "--name-status", "-z", old, new)
        return [f"{kind} {path}" for kind, path in zip(fields[::2], fields[1::2])]

    def refuse_what_is_under_way(self, since: float | None) -> list[str]:
        """Raises Refused while another git operation is under way or was left half.

        since: when a run of ours was killed, None when none was. Returns lock files that can only be that run's.
        """
        for name, end in UNDER_WAY.items():
            if os.path.exists(os.path.join(self.git_dir, name)):
                raise Refused(
                    f"a {end.split()[0]} is under way in {self.directory}: finish it, or end it with git {end}"
                )
        locks = [os.path.join(self.git_dir, name) for name in ("index.lock", "HEAD.lock")]
        locks = [lock for lock in locks if os.path.lexists(lock)]
        if not locks:
            return []
        proc = self.host.proc
        for pid in proc.pids():
            with contextlib.suppress(PermissionError):
                argv, cwd = proc.argv(pid), proc.cwd(pid) or ""
                if os.path.basename(argv[0]) == "git" and (cwd + os.sep).startswith(self.directory + os.sep):
                    raise Refused(
                        f"git runs in {self.directory} (process {pid}): wait until it has ended, and run again"
                    )
        # Whoever changed the repository after our killed run began may have left it as well.
        if since is not None and all(os.lstat(lock).st_mtime >= since for lock in locks):
            return locks
        raise Refused(f"{locks[0]} was left by a git command that was killed: remove it (rm {locks[0]}) and run again")

    # -- writing

    def free_reference(self, name: str) -> str:
        """A reference below RESCUE that holds nothing yet."""
        clean = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "run"
        reference, number = RESCUE + clean, 1
        while self.exists(reference):
            number += 1
            reference = f"{RESCUE}{clean}-{number}"
        return reference

    def move(self, commit: str, content: Content, paths: list[str]) -> None:
        """Make each of the paths what the commit says, then index and HEAD; no other file is touched. Raises GitFailed.

        A file that stays one keeps who may read and write it.
        """
        modes = {}
        with acting_as(self.owner):
            for path in paths:
                if self.below_link(path):
                    continue
                full = os.path.join(self.directory, path)
                with contextlib.suppress(OSError):
                    status = os.lstat(full)
                    if stat.S_ISREG(status.st_mode):
                        modes[path] = status.st_mode & 0o666, _files.attributes(full)
        hidden = sorted(set(self.hidden()) & set(paths))
        if hidden:
            self._show(hidden)
        # The index alone, and what is not among the paths keeps what git knows of it.
        self.text("read-tree", "--reset", commit)
        self._remove([path for path in paths if path not in content.files])
        # A file that git was told to do without stays away.
        without = {entry[2:] for entry in self.paths("ls-files", "-v", "-z") if entry[0] in "Ss"}
        written = [path for path in paths if path in content.files and path not in without]
        self._forget(written)
        self.write(written)
        with acting_as(self.owner):
            for path, (mode, given) in modes.items():
                if path in content.files:
                    self._allow(path, mode, given)
        self.text("update-ref", "-m", self.reason, "--no-deref", "HEAD", commit)
        self.call("update-index", "-q", "--refresh")

    def _forget(self, paths: list[str]) -> None:
        """Have git write a file anew of which it knows that its content is the same: another rule may be for it now."""
        some = set(paths)
        entries = [entry for entry in self.paths("ls-files", "--stage", "-z") if entry.partition("\t")[2] in some]
        self.text("update-index", "-z", "--index-info", stdin="".join(f"{entry}\0" for entry in entries))

    def write(self, paths: list[str]) -> None:
        """Write files as the index has them. Raises GitFailed."""
        # What says how files are written comes first.
        rules = [path for path in paths if path.rpartition("/")[2] == ".gitattributes"]
        for some in (rules, [path for path in paths if path not in set(rules)]):
            others = set(filter(self.is_others, some))
            self._write([path for path in some if path not in others], "--force", "--quiet")
            # By --force git would take away whatever is there, with all that is below it; where somebody can swap that
            # meanwhile, it would be led elsewhere. Without, it writes where nothing is.
            self._make_way(sorted(others))
            self._write([path for path in some if path in others])

    def _write(self, paths: list[str], *options: str) -> None:
        if paths:
            names = "".join(f"{path}\0" for path in paths)
            self.text("checkout-index", *options, "-u", "-z", "--stdin", stdin=names, timeout=120)

    def _make_way(self, paths: list[str]) -> None:
        for path in paths:
            try:
                with self.acting_at(path), contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.directory, path))
            except OSError as exc:
                raise GitFailed(f"{path} in {self.directory} cannot be replaced ({exc.strerror})") from exc

    def _allow(self, path: str, mode: int, given: dict[str, bytes]) -> None:
        full = os.path.join(self.directory, path)
        with contextlib.suppress(OSError):
            present = os.lstat(full).st_mode
            if stat.S_ISREG(present):
                # Whether it can be run is the commit's to say.
                wanted = mode | (mode & 0o444) >> 2 if present & 0o100 else mode
                if given or wanted != present & 0o7777:
                    # What is there by now may be a pipe, or a link to a file that is not the release's.
                    with self.acting_at(path):
                        handle = _trust.opened_alone(full)
                        with os.fdopen(handle, "rb"):
                            if given:
                                _files.allow(handle, wanted, given)
                            else:
                                os.fchmod(handle, wanted)

    def _remove(self, paths: list[str]) -> None:
        """Take files away, and directories that are empty then. Raises GitFailed."""
        # Below a link there is nothing of the release's.
        here = {path: os.path.join(self.directory, path) for path in paths if not self.below_link(path)}
        gone = [path for path, full in here.items() if os.path.islink(full) or not os.path.isdir(full)]
        if not gone:
            return
        self._tool(["xargs", "-0", "rm", "-f", "--"], gone)
        above = sorted({path.rpartition("/")[0] for path in gone} - {""}, reverse=True)
        if above:
            self._tool(["xargs", "-0", "rmdir", "-p", "--ignore-fail-on-non-empty", "--"], above, fails=False)

    def _tool(self, argv: list[str], paths: list[str], fails: bool = True) -> None:
        done = self.host.run_as(
            argv,
            self.owner,
            self.directory,
            environment(self.owner),
            timeout=60,
            stdin="".join(f"./{path}\0" for path in paths),
            held=self.held,
        )
        if done.rc != 0 and fails:
            raise GitFailed(f"files cannot be removed in {self.directory} ({first_line(done)})")

    def set_head(self, head: Head) -> str | None:
        """Point HEAD to a commit, by its branch where that still stands there, else warn. Raises GitFailed."""
        warning, branch = None, head.branch
        if branch and self.exists(f"refs/heads/{branch}") != head.commit:
            warning = f"branch {branch} no longer stands at {head.commit[:12]}, so HEAD is detached there"
            branch = None
        if branch:
            self.text("symbolic-ref", "-m", self.reason, "HEAD", f"refs/heads/{branch}")
        else:
            self.text("update-ref", "-m", self.reason, "--no-deref", "HEAD", head.commit)
        return warning
