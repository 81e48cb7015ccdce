# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an act on a release is about to change, kept in git byte for byte and mode for mode, and put back.

A reference below RESCUE is a commit of the tree as it was. Its second parent holds what a tree of git's cannot: the
index as it was, and who may read which file. Files are kept as they are on disk, without filters and text attributes,
so that nothing but their content is needed to put them back.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Optional

from ansible_collections.kumon.runbook.plugins.module_utils import _files, _trust
from ansible_collections.kumon.runbook.plugins.module_utils._git import GitFailed, Head, first_line
from ansible_collections.kumon.runbook.plugins.module_utils._owner import acting_as
from ansible_collections.kumon.runbook.plugins.module_utils._worktree import Submodule, WorkTree

ABOUT = ".runbook-state.json"
INDEX = "index"
STAGED = "staged"
# Untracked files stay where they are; small ones are kept as well, in case the other release does something to them.
BESIDE_FILE = 1024 * 1024
BESIDE_ALL = 32 * 1024 * 1024
BESIDE_FILES = 1000
BESIDE_TRIES = 5
# How much is read back at once; a larger file is written by git itself.
BLOCK = 16 * 1024 * 1024
# What git takes in and gives back in a second, at the least.
SPEED = 10 * 1024 * 1024

# {kind: file|link|directory|none, mode, owner, group, size, mtime, attributes, blob}; a mode is of the kind that chmod
# takes, and owner and group are numbers.
Entry = dict[str, Any]
Entries = dict[str, Entry]
Modes = dict[str, Optional[int]]  # of directories, None for one that is not there
Attributes = dict[str, str]  # in base64


def quoted(path: str) -> str:
    """A path as git reads it from a line."""
    plain = all(character.isprintable() and character not in '"\\' for character in path) and path.isascii()
    if plain:
        return path
    return '"' + "".join(f"\\{byte:03o}" for byte in os.fsencode(path)) + '"'


def _as_kept(state: Any) -> Any:
    """The state with its names in UTF-8, whatever encoding this run has: the one that restores may have another."""
    return json.loads(os.fsencode(json.dumps(state, ensure_ascii=False)).decode("utf-8", "surrogateescape"))


def _as_here(state: Any) -> Any:
    """The state with its names as this run's calls give them."""
    return json.loads(_files.named_here(json.dumps(state, ensure_ascii=False)))


class _Failures:
    """Goes on where something cannot be put back, and has the first of the reasons."""

    first: OSError | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, reason: BaseException | None, _traceback: object) -> bool:
        if not isinstance(reason, OSError):
            return False
        self.first = self.first or reason
        return True


class Rescue:
    """Keeps and restores the tree of one repository. `left` tells which paths are none of the release's."""

    def __init__(self, git: WorkTree, left: Callable[[str], bool]):
        self.git = git
        self.left = left

    # -- what is there

    def _full(self, path: str) -> str:
        return os.path.join(self.git.directory, path)

    def _is_directory(self, path: str) -> bool:
        return os.path.isdir(self._full(path)) and not os.path.islink(self._full(path))

    def _seen(self, path: str) -> Entry:
        """What is at a path; the content has no blob yet. Raises GitFailed for what cannot be kept."""
        full = self._full(path)
        try:
            status = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            return {"kind": "none"}
        entry = {
            "mode": stat.S_IMODE(status.st_mode),
            "owner": status.st_uid,
            "group": status.st_gid,
            "size": status.st_size,
        }
        if stat.S_ISLNK(status.st_mode):
            return {"kind": "link", **entry}
        if stat.S_ISREG(status.st_mode):
            given = self._attributes(full)
            return {"kind": "file", **entry, "mtime": status.st_mtime_ns, **({"attributes": given} if given else {})}
        raise GitFailed(f"{path} is neither a file nor a link, and the release has a file there")

    def _attributes(self, full: str) -> Attributes:
        with acting_as(self.git.owner):
            return {name: base64.b64encode(value).decode() for name, value in _files.attributes(full).items()}

    def _look(self, paths: Iterable[str], files: set[str]) -> tuple[Entries, Modes]:
        """What is at the paths, in their place (a file above one), and below them where the release has a file."""
        entries: Entries = {}
        directories: Modes = {}
        for path in paths:
            above, blocked = path.rpartition("/")[0], False
            while above:
                full = self._full(above)
                if os.path.lexists(full) and (os.path.islink(full) or not os.path.isdir(full)):
                    entries[above], blocked = self._seen(above), True
                    directories.pop(above, None)
                elif above not in directories and entries.get(above, {"kind": "none"})["kind"] == "none":
                    # Where a file was taken away the release may make a directory.
                    directories[above] = stat.S_IMODE(os.stat(full).st_mode) if os.path.isdir(full) else None
                above = above.rpartition("/")[0]
            full = self._full(path)
            if blocked:
                entries[path] = {"kind": "none"}
            elif self._is_directory(path):
                if path in files:
                    self._look_below(path, entries, directories)
            else:
                entries[path] = self._seen(path)
        return entries, directories

    def _look_below(self, path: str, entries: Entries, directories: Modes) -> None:
        """A directory that the release has a file in the place of."""
        for directory, names, loose in os.walk(self._full(path)):
            here = os.path.relpath(directory, self.git.directory)
            if ".git" in (*names, *loose):
                raise GitFailed(f"{here} is a repository of its own, and the release has the file {path}: move it away")
            for name in sorted([*names, *loose]):
                if self.left(f"{here}/{name}"):
                    raise GitFailed(
                        f"{here}/{name} is none of the release's, and the release has the file {path}: move it away"
                    )
            directories[here] = stat.S_IMODE(os.stat(directory).st_mode)
            links = [name for name in names if os.path.islink(os.path.join(directory, name))]
            for name in (*loose, *links):
                entries[f"{here}/{name}"] = self._seen(f"{here}/{name}")
        entries[path] = {"kind": "directory"}

    def _about(self, directories: Modes) -> dict[str, dict[str, Any]]:
        """Whose the directories are, and what says beside their mode who may do something in them."""
        seen = {path: os.lstat(self._full(path)) for path, mode in directories.items() if mode is not None}
        return {
            "owners": {path: [status.st_uid, status.st_gid] for path, status in seen.items()},
            "lists": {path: self._attributes(self._full(path)) for path in seen},
        }

    def unknown(self, paths: Iterable[str], files: set[str]) -> list[str]:
        """Files in the place of a release's, or above or below it, that git does not know. Raises GitFailed."""
        entries, _directories = self._look(paths, files)
        known = self.git.known()
        return sorted(path for path in entries if entries[path]["kind"] in ("file", "link") and path not in known)

    def size(self, paths: Iterable[str], files: set[str], beside: Iterable[str]) -> int:
        """Bytes that keeping them may take. Raises GitFailed."""
        entries, _directories = self._look(paths, files)
        return sum(entry.get("size", 0) for entry in (*entries.values(), *self._beside(beside).values()))

    def _beside(self, paths: Iterable[str]) -> Entries:
        """Untracked files that are small and can be read."""
        entries: Entries = {}
        total = 0
        with acting_as(self.git.owner):
            for path in paths:
                if path.endswith("/"):
                    continue  # a repository of its own
                with contextlib.suppress(GitFailed, OSError):
                    entry = self._seen(path)
                    link = entry["kind"] == "link"
                    if entry["kind"] == "none" or not (
                        link or os.access(self._full(path), os.R_OK, effective_ids=True)
                    ):
                        continue
                    # It may as well be root's secret by another name, which somebody put into a directory of theirs.
                    if not link and self.git.is_others(path):
                        with self.git.acting_at(path):
                            os.close(_trust.opened_alone(self._full(path)))
                    if (
                        entry["size"] <= BESIDE_FILE
                        and len(entries) < BESIDE_FILES
                        and total + entry["size"] <= BESIDE_ALL
                    ):
                        entries[path] = entry
                        total += entry["size"]
        return entries

    # -- keeping

    def keep(
        self,
        reference: str,
        head: Head,
        paths: Iterable[str],
        files: set[str],
        beside: Iterable[str],
        modules: list[Submodule],
        note: str,
    ) -> None:
        """Keep HEAD, index, and what is at the paths, under a reference. Nothing in tree or index is touched.

        files: what the release that comes has. beside: what stays in place and is kept all the same. Raises GitFailed.
        """
        entries, directories = self._look(paths, files)
        self._store(entries)
        more = self._store_beside(path for path in beside if path not in entries)
        state = {
            "paths": entries,
            "beside": more,
            "directories": directories,
            **self._about(directories),
            "submodules": {module.path: [module.commit, module.branch] for module in modules},
        }
        with self.git.scratch() as scratch:
            index = self.git.copy_index(scratch)
            if self.git.text("rev-parse", "--shared-index-path"):
                self.git.text("update-index", "--no-split-index", index=index)
            parts = {INDEX: self._blob(index)}
            # By its age git sees that a file was changed while it was written.
            with contextlib.suppress(FileNotFoundError):
                state["index_mtime"] = os.stat(index).st_mtime_ns
            staged = self.git.call("write-tree", index=index)
            if staged.rc == 0:
                parts[STAGED] = staged.out.strip()
            else:
                # Left half merged: what it names must not be cleaned up.
                here = {entry.split()[2] for entry in self.git.paths("ls-tree", "-r", "-z", head.commit)}
                index_has = [entry.split()[:2] for entry in self.git.paths("ls-files", "--stage", "-z")]
                blobs = {blob for mode, blob in index_has if mode != "160000"}
                parts.update({f"unmerged-{number}": blob for number, blob in enumerate(sorted(blobs - here))})
        self._commit(reference, head.commit, head.commit, {**entries, **more}, state, parts, note)

    def extend(self, reference: str, paths: Iterable[str], files: set[str], modules: list[Submodule]) -> None:
        """Keep under a reference of keep() what else is about to be changed on from there. Raises GitFailed."""
        state = self.read(reference)
        if state is None:
            return
        entries, directories = self._look(paths, files)
        entries = {path: entry for path, entry in entries.items() if path not in state["paths"]}
        new = [module for module in modules if module.path not in state["submodules"]]
        if not entries and not new:
            return
        self._store(entries)
        state["paths"].update(entries)
        state["directories"] = {**directories, **state["directories"]}
        for name, of_directories in self._about(directories).items():
            state[name] = {**of_directories, **state.get(name, {})}
        state["submodules"].update({module.path: [module.commit, module.branch] for module in new})
        parts = {}
        for line in self.git.paths("ls-tree", "-z", f"{reference}^2"):
            about, name = line.split("\t", 1)
            parts[name] = about.split()[2]
        base, note = self.git.text("rev-parse", f"{reference}^1"), self.git.text("log", "-1", "--format=%s", reference)
        self._commit(reference, base, f"{reference}^{{tree}}", entries, state, parts, note)

    def _commit(
        self, reference: str, head: str, base: str, entries: Entries, state: Any, parts: dict[str, str], note: str
    ) -> None:
        with self.git.scratch() as scratch:
            index = os.path.join(scratch, "index")
            self.git.text("read-tree", base, index=index)
            nothing = "0" * len(head)
            lines = [f"0 {nothing}\t{path}\0" for path, entry in entries.items() if "blob" not in entry]
            for path, entry in entries.items():
                if "blob" in entry:
                    mode = "120000" if entry["kind"] == "link" else "100755" if entry["mode"] & 0o100 else "100644"
                    lines.append(f"{mode} {entry['blob']}\t{path}\0")
            self.git.text("update-index", "-z", "--index-info", index=index, stdin="".join(lines))
            tree = self.git.text("write-tree", index=index)
            about = os.path.join(scratch, "about")
            with acting_as(self.git.owner), open(about, "w", encoding="utf-8") as handle:
                json.dump(_as_kept(state), handle)
            parts = {**parts, ABOUT: self._blob(about)}
        listed = [
            f"{'040000 tree' if name == STAGED else '100644 blob'} {blob}\t{name}\0" for name, blob in parts.items()
        ]
        second = self.git.text("mktree", "-z", stdin="".join(listed))
        second = self.git.text("commit-tree", second, "-p", head, "-m", f"state of {note}")
        commit = self.git.text("commit-tree", tree, "-p", head, "-p", second, "-m", note)
        self.git.text("update-ref", "-m", note, reference, commit)

    def _blob(self, full: str) -> str:
        return self.git.text("hash-object", "-w", "--no-filters", "--", full)

    def _store(self, entries: Entries) -> None:
        """Put the contents into the repository; what not everybody may read is not for everybody to read there."""
        files = [path for path, entry in entries.items() if entry["kind"] == "file"]
        for private in (False, True):
            some = [path for path in files if (entries[path]["mode"] & 0o004 == 0) is private]
            if some:
                with self.git.scratch() as scratch:
                    paths = [self._to_hash(path, entries[path], scratch) for path in some]
                    blobs = self._hash(paths, private, sum(entries[path]["size"] for path in some))
                for path, blob in zip(some, blobs):
                    entries[path]["blob"] = blob
        for path, entry in entries.items():
            if entry["kind"] == "link":
                target = os.readlink(self._full(path))
                entry["blob"] = self.git.text("hash-object", "-w", "--stdin", stdin=target)

    def _store_beside(self, paths: Iterable[str]) -> Entries:
        """The same of what stays in place, as far as it is still there: files of the service come and go meanwhile."""
        entries = self._beside(paths)
        for _again in range(BESIDE_TRIES):
            stored = {path: dict(entry) for path, entry in entries.items()}
            try:
                self._store(stored)
                return stored
            except (GitFailed, OSError):
                there = self._beside(entries)
                if there == entries:
                    raise
                entries = there
        return {}

    def _to_hash(self, path: str, entry: Entry, scratch: str) -> str:
        """Where git is to read a file, as it follows every link: a copy of what somebody else can replace meanwhile."""
        if not self.git.is_others(path):
            return path
        copy = os.path.join(scratch, str(len(os.listdir(scratch))))
        try:
            with self.git.acting_at(path):
                handle = _trust.opened_alone(self._full(path))
            with os.fdopen(handle, "rb") as source, open(copy, "xb") as target:
                if stat.S_IMODE(os.fstat(handle).st_mode) != entry["mode"]:
                    raise GitFailed(f"{path} was replaced while it was kept")
                shutil.copyfileobj(source, target)
        except OSError as exc:
            raise GitFailed(f"{path} cannot be kept ({exc.strerror})") from exc
        return copy

    def _hash(self, paths: list[str], private: bool, size: int) -> list[str]:
        lines = "".join(f"{quoted(path)}\n" for path in paths)
        # Making them smaller is what takes the time.
        quick = ("-c", "core.looseCompression=0", "-c", "core.bigFileThreshold=16m") if size > BLOCK else ()
        argv = (*quick, "hash-object", "-w", "--no-filters", "--stdin-paths")
        objects = self.git.text("rev-parse", "--git-path", "objects")
        objects = os.path.join(self.git.directory, objects)
        before = set(os.listdir(objects))
        umask, limit = 0o077 if private else None, 120 + size / SPEED
        blobs = self.git.text(*argv, stdin=lines, timeout=limit, umask=umask).split("\n")
        if len(blobs) != len(paths):
            raise GitFailed("git hash-object did not keep every file")
        if private:
            # A directory that was made for them is for other objects as well.
            with acting_as(self.git.owner):
                mode = stat.S_IMODE(os.stat(objects).st_mode)
                for name in set(os.listdir(objects)) - before:
                    os.chmod(os.path.join(objects, name), mode)
        return blobs

    # -- putting back

    def read(self, reference: str) -> Any:
        """What is kept under a reference, None where it is one of an older form."""
        content = self.git.file(f"{reference}^2", ABOUT)
        try:
            return _as_here(json.loads(content)) if content else None
        except ValueError:
            return None

    def restore(self, head: Head, reference: str, others: Iterable[str]) -> str | None:
        """Put files, index, branch and HEAD back to what is kept. Raises GitFailed, OSError.

        A file that cannot be put back is raised at the end, when all the others are.
        others: what may be written besides, where it was changed since: it is kept elsewhere. Returns a warning, None
        when all is as it was.
        """
        state = self.read(reference)
        if state is None:
            raise GitFailed(f"{reference} holds no state of the tree")
        # Somebody may have moved a directory elsewhere since, and linked it.
        links = self.git.links(also=state["paths"])
        paths = {path: entry for path, entry in state["paths"].items() if not self.left(path) and not links(path)}
        directories = {path: mode for path, mode in state["directories"].items() if not links(f"{path}/")}
        gone = {
            path: entry
            for path, entry in state["beside"].items()
            if not self.left(path) and not links(path) and not os.path.lexists(self._full(path))
        }
        failed = _Failures()
        self._clear(paths, failed)
        self._make_directories(paths, directories, failed)
        wanted = {**paths, **gone}
        for path, entry in wanted.items():
            if entry["kind"] == "file" and entry["size"] > BLOCK:
                with failed:
                    self._write_large(path, entry)
        for block in self._blocks(wanted):
            contents = self._contents([entry["blob"] for _path, entry in block])
            for (path, entry), content in zip(block, contents):
                with failed, self.git.acting_at(path):
                    self._write(path, entry, content)
        self._set_directories(directories, state, failed)
        for path, (commit, branch) in state["submodules"].items():
            self.git.move_submodule(Submodule(path, commit, branch))
        self._restore_index(reference, state.get("index_mtime"))
        # What was changed since in a file that was not touched then. A directory in its place is kept nowhere.
        free = set(others).intersection(self.git.paths("ls-files", "-z")) - {*state["paths"], *state["submodules"]}
        changed = [path for path in self.git.status().changed if path in free and not self.left(path)]
        self.git.write([path for path in changed if not self._is_directory(path)])
        warning = self.git.set_head(head)
        self.git.call("update-index", "-q", "--refresh")
        if failed.first:
            raise failed.first
        return warning

    def _clear(self, paths: Entries, failed: _Failures) -> None:
        """Take away what was not there, or stands in the way of what was."""
        for path, entry in sorted(paths.items(), reverse=True):
            full = self._full(path)
            if self.git.below_link(path):
                continue
            with failed, self.git.acting_at(path):
                if os.path.islink(full) or os.path.isfile(full):
                    if entry["kind"] in ("none", "directory"):
                        os.unlink(full)
                elif os.path.isdir(full) and entry["kind"] in ("file", "link"):
                    shutil.rmtree(full)

    def _make_directories(self, paths: Entries, directories: Modes, failed: _Failures) -> None:
        for path in sorted(path for path, mode in directories.items() if mode is not None):
            full = self._full(path)
            if not os.path.isdir(full) or os.path.islink(full):
                with failed, self.git.acting_at(path):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(full)
                    os.mkdir(full)
        # Files above were directories meanwhile.
        for path, entry in paths.items():
            if entry["kind"] in ("file", "link"):
                with failed, self.git.acting_at(path):
                    os.makedirs(os.path.dirname(self._full(path)), exist_ok=True)

    def _set_directories(self, directories: Modes, state: Any, failed: _Failures) -> None:
        # An older version has kept neither.
        owners, lists = state.get("owners", {}), state.get("lists", {})
        for path, mode in sorted(directories.items(), reverse=True):
            full = self._full(path)
            if not os.path.isdir(full) or os.path.islink(full):
                continue
            if mode is None:
                with contextlib.suppress(OSError), self.git.acting_at(path):
                    os.rmdir(full)  # only when it is empty
                continue
            with failed, self.git.acting_at(path), self._held(full, stat.S_ISDIR) as there:
                self._own(there, *owners.get(path, (-1, -1)))
                present = self._attributes(full)
                wanted = lists.get(path, present)
                # It may be somebody else's, and then it is not the owner's to say who may do what in it.
                if (stat.S_IMODE(os.stat(there).st_mode), present) != (mode, wanted):
                    _files.allow(there, mode, self._given(wanted))

    @staticmethod
    def _given(attributes: Attributes) -> dict[str, bytes]:
        return {name: base64.b64decode(value) for name, value in attributes.items()}

    @staticmethod
    @contextlib.contextmanager
    def _held(full: str, is_kind: Callable[[int], bool]) -> Iterator[str]:
        """A name of what is at a path, whatever takes its place meanwhile; its owner need not be allowed to read it."""
        handle = os.open(full, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not is_kind(os.fstat(handle).st_mode):
                raise OSError(errno.ESTALE, "it was replaced meanwhile", full)
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)

    @staticmethod
    def _blocks(entries: Entries) -> Iterator[list[tuple[str, Entry]]]:
        """What there is to write, in blocks that are small enough to be held."""
        block: list[tuple[str, Entry]] = []
        size = 0
        for path, entry in sorted(entries.items()):
            if "blob" not in entry or entry["kind"] == "file" and entry["size"] > BLOCK:
                continue
            if block and size + entry["size"] > BLOCK:
                yield block
                block, size = [], 0
            block.append((path, entry))
            size += entry["size"]
        if block:
            yield block

    def _write(self, path: str, entry: Entry, content: bytes) -> None:
        temporary = self._temporary(path)
        if entry["kind"] == "link":
            os.symlink(content, os.fsencode(temporary))
            with self._held(temporary, stat.S_ISLNK) as there:
                self._own(there, entry.get("owner", -1), entry["group"])
        else:
            with self._new(temporary) as handle:
                with os.fdopen(handle, "wb", closefd=False) as stream:
                    stream.write(content)
                self._allow(handle, entry)
        self._put(temporary, path)

    @staticmethod
    @contextlib.contextmanager
    def _new(path: str) -> Iterator[int]:
        """A descriptor of a file where nothing is, not even a link."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)

    def _put(self, temporary: str, path: str) -> None:
        """In the file's place; where that fails, nothing is left beside it."""
        try:
            os.rename(temporary, self._full(path))
        except OSError:
            os.unlink(temporary)
            raise

    def _write_large(self, path: str, entry: Entry) -> None:
        limit = 120 + entry["size"] / SPEED
        with contextlib.ExitStack() as stack:
            with self.git.acting_at(path):
                temporary = self._temporary(path)
                handle = stack.enter_context(self._new(temporary))
            self.git.text("cat-file", "blob", entry["blob"], output=handle, timeout=limit)
            with self.git.acting_at(path):
                self._allow(handle, entry)
                self._put(temporary, path)

    def _temporary(self, path: str) -> str:
        """A name beside the file that nothing has; what a killed run has left is taken away."""
        directory = os.path.dirname(self._full(path))
        os.makedirs(directory, exist_ok=True)
        # The file's own name may be as long as a name can be.
        temporary = os.path.join(directory, ".runbook-new")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        return temporary

    @staticmethod
    def _own(handle: int | str, uid: int, gid: int) -> None:
        # Only root can give what is another's; the group is one that the owner is in, or was not the owner's to give.
        for given in ((-1, gid), (uid, -1)):
            with contextlib.suppress(OSError):
                os.chown(handle, *given)

    def _allow(self, handle: int, entry: Entry) -> None:
        uid, gid = entry.get("owner", -1), entry["group"]
        self._own(handle, uid, gid)
        status, mode = os.fstat(handle), entry["mode"]
        # A program runs as its owner or its group only where it is that one's who made it so.
        if status.st_uid != uid or status.st_gid != gid:
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
        _files.allow(handle, mode, self._given(entry.get("attributes", {})))
        # Python takes a .pyc for the file's where size and second fit, and a return may fall into the release's second.
        if "mtime" in entry:
            os.utime(handle, ns=(entry["mtime"], entry["mtime"]))

    def _contents(self, blobs: list[str]) -> list[bytes]:
        done = self.git.call("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs), timeout=120)
        out, at, contents = os.fsencode(done.out), 0, []
        for blob in blobs:
            end = out.find(b"\n", at)
            about = out[at:end].split()
            if end < 0 or len(about) != 3 or about[0].decode() != blob:
                raise GitFailed(f"{blob} cannot be read from the repository ({first_line(done)})")
            size = int(about[2])
            contents.append(out[end + 1 : end + 1 + size])
            at = end + 2 + size
        return contents

    def _restore_index(self, reference: str, mtime: int | None) -> None:
        content = self.git.file(f"{reference}^2", INDEX)
        if content is None:
            raise GitFailed(f"{reference} holds no index")
        index = os.path.join(self.git.git_dir, "index")
        with acting_as(self.git.owner):
            mode = 0o644
            with contextlib.suppress(FileNotFoundError):
                mode = stat.S_IMODE(os.stat(index).st_mode)
            # Git's own way to say that it is being written.
            handle = os.open(index + ".lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fchmod(handle, mode)
                os.rename(index + ".lock", index)
                # As a lock it would be taken for another run's, which was killed long ago.
                if mtime:
                    os.utime(handle, ns=(mtime, mtime))
