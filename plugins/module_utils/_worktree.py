# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A git work tree in which another commit is put in place: whether that can be done, and doing it."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import (
    NAMED_BY_HEAD,
    Content,
    Git,
    GitFailed,
    Head,
    Status,
    branch_of,
    environment,
    first_line,
)
from ansible_collections.kumon.runbook.plugins.module_utils._owner import acting_as

RESCUE = "refs/runbook/rescue/"
# What git leaves in its directory while an operation of several steps is under way, and how to end that.
UNDER_WAY = {
    "rebase-merge": "rebase --abort",
    "rebase-apply": "rebase --abort",
    "MERGE_HEAD": "merge --abort",
    "CHERRY_PICK_HEAD": "cherry-pick --abort",
    "REVERT_HEAD": "revert --abort",
    "BISECT_LOG": "bisect reset",
}
# What stands in the place of a large file whose content was not brought along.
POINTER = b"version https://git-lfs.github.com/spec/"
# The attributes by which git writes a file in another way than the repository has it.
RULES = ("working-tree-encoding", "ident", "filter", "text", "crlf", "eol")
MIGRATION = re.compile(
    r"(?i)(\.sql$|(^|/)(migrations?|migrate|alembic|versions)/(.*/)?(?!__init__)[^/]*\.(py|js|ts|rb|php|xml|ya?ml)$)"
)


class Submodule(NamedTuple):
    """One that has to be moved."""

    path: str
    commit: str
    branch: str | None = None


class WorkTree(Git):
    """One work tree, and what level 3 does with it."""

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
