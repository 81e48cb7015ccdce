# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A git work tree as its owner sees it: what is there, all of it kept in a commit, another commit put in place."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Finished, Host, Owner, acting_as, owner_of
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

RESCUE = "refs/runbook/rescue/"
LAST = 5
# Nobody waits at a terminal, no program of the repository's own is started, nothing is cleaned up in between.
SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "log.showSignature=false",
    "advice.detachedHead=false",
    "advice.addEmbeddedRepo=false",
)
IDENTITY = "kumon.runbook"
# What git leaves in its directory while an operation of several steps is under way, and how to end that.
UNDER_WAY = {
    "rebase-merge": "rebase --abort",
    "rebase-apply": "rebase --abort",
    "MERGE_HEAD": "merge --abort",
    "CHERRY_PICK_HEAD": "cherry-pick --abort",
    "REVERT_HEAD": "revert --abort",
    "BISECT_LOG": "bisect reset",
}
SUBJECT_LIMIT = 100


class GitFailed(Exception):
    """A git command failed; the message is its own first line."""


class Head(NamedTuple):
    commit: str
    branch: str | None  # None when detached


class Status(NamedTuple):
    """Paths that differ from HEAD, and paths that are in no commit; ignored ones are neither."""

    changed: list[str]
    untracked: list[str]


def environment(owner: Owner) -> dict[str, str]:
    """What the owner's commands get: nothing of ours that leads git or Python elsewhere."""
    foreign = ("GIT_", "XDG_", "PYTHON", "VIRTUAL_ENV", "SUDO_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return dict(env, LC_ALL="C.UTF-8", HOME=owner.home, USER=owner.name, LOGNAME=owner.name)


def first_line(done: Finished) -> str:
    """Why a command failed, fit for people."""
    lines = [line for line in (done.err.strip() or done.out.strip()).splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return redact(re.sub(r"^(fatal|error): ", "", said))[:300].rstrip(".") or f"exit code {done.rc}"


class Git:
    """One work tree. Raises Refused where it cannot be worked with."""

    def __init__(self, host: Host, directory: str, held: tuple[int, ...] = ()):
        self.host = host
        self.directory = os.path.realpath(directory)
        self.held = held
        self.reason = "runbook"  # what the reflog says
        if not os.path.isdir(directory):
            raise Refused(f"{directory} does not exist on this host: correct runbook_app_dir")
        self.owner = owner_of(self.directory)
        if host.uid not in (0, self.owner.uid):
            raise Refused(f"{directory} belongs to {self.owner.name}: run with become: true")
        top = self.call("rev-parse", "--show-toplevel", "--absolute-git-dir", "--is-shallow-repository")
        if top.rc == 127:
            raise Refused("git is not installed on this host: install it")
        if top.rc == 126:
            raise Refused(f"git cannot be run as {self.owner.name}, the owner of {directory} ({first_line(top)})")
        if top.rc != 0:
            raise Refused(f"{directory} is no git work tree ({first_line(top)}): correct runbook_app_dir")
        tree, self.git_dir, shallow = top.out.splitlines()
        self.shallow = shallow == "true"
        if os.path.realpath(tree) != self.directory:
            raise Refused(f"the work tree of {directory} is {tree}: set runbook_app_dir to that")
        if self.call("rev-parse", "--verify", "--quiet", "HEAD^{commit}").rc != 0:
            raise Refused(f"the git repository in {directory} has no commit that HEAD names: there is nothing to go by")

    # -- commands

    def call(
        self, *arguments: str, index: str | None = None, timeout: float = 60, stdin: str | None = None
    ) -> Finished:
        env = environment(self.owner)
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
        # The directory within it may be another user's: git would refuse to look at it.
        argv = ["git", "-c", f"safe.directory={self.directory}"]
        for setting in SETTINGS:
            argv += ["-c", setting]
        return self.host.run_as(
            [*argv, *arguments], self.owner, self.directory, env, timeout=timeout, stdin=stdin, held=self.held
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
        branch = self.call("symbolic-ref", "--quiet", "--short", "HEAD")
        return Head(self.text("rev-parse", "HEAD"), branch.out.strip() or None)

    def head_moved(self) -> float:
        """When HEAD was last moved, in seconds since the epoch: a process that is older runs other code."""
        times = []
        for name in ("HEAD", "logs/HEAD"):
            with contextlib.suppress(OSError):
                times.append(os.stat(os.path.join(self.git_dir, name)).st_mtime)
        return max(times, default=0.0)

    def commits(self, revision: str = "HEAD", count: int = LAST) -> list[dict[str, str]]:
        """`[{commit, short, subject, time}]`, newest first."""
        out = self.text("log", "-z", f"-{count}", "--no-color", "--format=%H%x1f%h%x1f%ct%x1f%s", revision, "--")
        commits = []
        for entry in filter(None, out.split("\0")):
            commit, short, seconds, subject = entry.split("\x1f", 3)
            time = datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            commits.append({"commit": commit, "short": short, "subject": redact(subject)[:SUBJECT_LIMIT], "time": time})
        return commits

    def find(self, wish: str) -> str:
        """The full id of a commit, from it or an unambiguous beginning of it. Raises Refused."""
        if not re.fullmatch(r"[0-9a-fA-F]{4,64}", wish):
            raise Refused(f"commit {wish!r} is no commit id: give 4 to 40 hexadecimal digits of it (git log)")
        done = self.call("rev-parse", "--verify", "--end-of-options", wish + "^{commit}")
        commit = done.out.strip()
        if done.rc == 0 and commit.startswith(wish.lower()):
            return commit
        if "ambiguous" in done.err:
            raise Refused(f"commit {wish} is ambiguous in {self.directory}: give more digits of it")
        if self.shallow:
            raise Refused(
                f"commit {wish} is not in {self.directory}, which is a shallow clone: fetch it (git fetch --unshallow) "
                "or choose another"
            )
        raise Refused(f"commit {wish} is not in {self.directory}: fetch it (git fetch) or choose another")

    def size(self, commit: str) -> tuple[int, bool]:
        """Bytes of all files of a commit, and whether it has submodules. Raises Refused when one is missing."""
        done = self.call("ls-tree", "-r", "-l", "-z", commit)
        total, whole, submodules = 0, done.rc == 0, False
        for entry in filter(None, done.out.split("\0")):
            _mode, kind, _blob, size = entry.partition("\t")[0].split()
            submodules = submodules or kind == "commit"
            whole = whole and size != "BAD"
            total += int(size) if size.isdigit() else 0
        if not whole:
            reason = first_line(done) if done.err else "a file of it is missing"
            raise Refused(
                f"commit {commit[:12]} is not whole in {self.directory} ({reason}): "
                "fetch it again (git fetch --refetch) or choose another"
            )
        return total, submodules

    def file(self, commit: str, path: str) -> bytes | None:
        """A file's content in a commit, None when it has no such file."""
        done = self.call("cat-file", "blob", f"{commit}:{path}")
        return done.out.encode("utf-8", "surrogateescape") if done.rc == 0 else None

    def exists(self, reference: str) -> str | None:
        """The commit that a full name of a reference stands for, None when there is none."""
        done = self.call("rev-parse", "--verify", "--quiet", "--end-of-options", reference + "^{commit}")
        return done.out.strip() if done.rc == 0 else None

    def status(self, leave: Iterable[str] = ()) -> Status:
        """`leave` are absolute paths that are none of the release's, whatever git thinks of them."""
        entries = self.paths(
            "status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--", ":/", *self._without(leave)
        )
        changed, untracked = [], []
        for entry in entries:
            if entry.startswith("? "):
                untracked.append(entry[2:])
            elif entry[:1] in ("1", "u"):
                # "1 XY sub mH mI mW hH hI path"; an unmerged one has two columns more.
                changed.append(entry.split(" ", 8 if entry[0] == "1" else 10)[-1])
        return Status(changed, untracked)

    def inside(self, path: str) -> str | None:
        """The path from the top of the work tree, None when it lies outside."""
        full = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return os.path.relpath(full, self.directory) if full.startswith(self.directory + os.sep) else None

    def _without(self, leave: Iterable[str]) -> list[str]:
        within = [path for path in map(self.inside, leave) if path]
        if not within:
            return []
        # Git complains about an ignored path even when it is told to leave it.
        ignored = self.call("check-ignore", "-z", "--stdin", stdin="".join(f"{path}\0" for path in within)).out.split(
            "\0"
        )
        return [f":(top,exclude,literal){path}" for path in within if path not in ignored]

    def in_the_way(self, commit: str) -> list[str]:
        """What a checkout of the commit would overwrite although no commit has it: ignored files, mostly."""
        paths = []
        for path in self.paths(
            "diff-index", "--cached", "--no-renames", "--diff-filter=D", "--name-only", "-z", commit
        ):
            parts = path.split("/")
            for depth in range(1, len(parts) + 1):
                upper = os.path.join(self.directory, *parts[:depth])
                if not os.path.lexists(upper):
                    break
                if depth == len(parts) or os.path.islink(upper) or not os.path.isdir(upper):
                    paths.append("/".join(parts[:depth]))
                    break
        known = set(self.paths("ls-files", "-z"))
        return sorted(set(paths) - known)

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

    def keep(self, reference: str, head: Head, leave: Iterable[str], also: list[str], note: str) -> None:
        """Keep HEAD, local changes and untracked files as a commit under a reference.

        The index goes in as a second parent where it differs from both. Nothing in the tree or the index is touched.
        `also` are paths to keep although they are ignored. Raises GitFailed.
        """
        index = os.path.join(self.git_dir, "runbook-index")
        # A killed run's.
        self._drop(index)
        self._drop(index + ".lock")
        try:
            staged = self.call("write-tree")
            with acting_as(self.owner):
                # With what git knows of the files already, it reads only those that differ. The copy is as old as the
                # index: by its age git sees that a file was changed in the moment in which the index was written.
                shutil.copy2(os.path.join(self.git_dir, "index"), index)
            self.text("add", "-A", "--", ":/", *self._without(leave), index=index, timeout=120)
            if also:
                self.text("update-index", "-z", "--add", "--replace", "--stdin", index=index, stdin=self._files(also))
            tree = self.text("write-tree", index=index)
        finally:
            self._drop(index)
        base = self.text("rev-parse", head.commit + "^{tree}")
        commit = head.commit
        if tree != base or (staged.rc == 0 and staged.out.strip() != base):
            parents = ["-p", head.commit]
            if staged.rc == 0 and staged.out.strip() not in (base, tree):
                second = self.text("commit-tree", staged.out.strip(), "-p", head.commit, "-m", f"index of {note}")
                parents += ["-p", second]
            commit = self.text("commit-tree", tree, *parents, "-m", note)
        self.text("update-ref", "-m", note, reference, commit)

    def _files(self, paths: list[str]) -> str:
        """Every file below the paths, as git reads them from its standard input."""
        files = []
        for path in paths:
            full = os.path.join(self.directory, path)
            if os.path.isdir(full) and not os.path.islink(full):
                for directory, _names, names in os.walk(full):
                    files += [os.path.relpath(os.path.join(directory, name), self.directory) for name in names]
            else:
                files.append(path)
        return "\0".join(files) + "\0"

    def _drop(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def check_out(self, commit: str) -> None:
        """Make every file of the commit, and HEAD, what the commit says. Raises GitFailed."""
        self.text("checkout", "--quiet", "--force", "--no-recurse-submodules", "--detach", commit, "--", timeout=120)

    def remove(self, paths: list[str], commit: str) -> None:
        """Take away files that are not in the commit, and directories that are empty then. Raises GitFailed."""
        tracked = set(self.paths("ls-tree", "-r", "--name-only", "-z", commit))
        # A repository within this one, which ends in a slash, stays: its own history is not ours to keep.
        gone = [path for path in paths if path not in tracked and not path.endswith("/")]
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

    def restore(self, head: Head, reference: str) -> str | None:
        """Put HEAD, branch, index and every file back to what a reference of keep() holds. Raises GitFailed.

        Returns a warning, None when all is as it was.
        """
        kept = self.text("rev-parse", reference)
        parents = self.text("rev-list", "--parents", "-n", "1", kept).split()[1:]
        self.check_out(kept)
        warning = None
        branch = head.branch
        if branch and self.exists(f"refs/heads/{branch}") != head.commit:
            warning = f"branch {branch} no longer stands at {head.commit[:12]}, so HEAD is detached there"
            branch = None
        if branch:
            self.text("symbolic-ref", "-m", self.reason, "HEAD", f"refs/heads/{branch}")
        else:
            self.text("update-ref", "-m", self.reason, "--no-deref", "HEAD", head.commit)
        self.text("read-tree", parents[1] if kept != head.commit and len(parents) > 1 else head.commit)
        self.call("update-index", "-q", "--refresh")
        return warning
