# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before level 3 and after its undo the tree is the same: each byte, each mode, index and hidden edits."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import (
    _files,
    _ledger,
    _release,
    _release_info,
    _rescue,
)
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._git import GitFailed
from ansible_collections.kumon.runbook.plugins.module_utils._worktree import WorkTree

from tests.unit.plugins.other_encoding import run_elsewhere
from tests.unit.plugins.release_fakes import (
    ACL,
    CRASH,
    Killed,
    Repository,
    access_list,
    ensure,
    release_params,
)
from tests.unit.plugins.service_fakes import SERVICE


def snapshot(repository: Repository) -> dict:
    """Everything that a rollback could change of a tree."""
    found = {}
    for path in sorted(repository.directory.rglob("*")):
        name = path.relative_to(repository.directory)
        if name.parts[0] == ".git":
            continue
        status = path.lstat()
        content = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        kind, mode = stat.S_IFMT(status.st_mode), oct(stat.S_IMODE(status.st_mode))
        found[str(name)] = (kind, mode, status.st_uid, status.st_gid, content)
    for command in (("ls-files", "-v", "--stage", "-z"), ("status", "--porcelain", "-z"), ("rev-parse", "HEAD")):
        found[" ".join(command)] = repository.git(*command)
    found["branch"] = repository.branch
    return found


@pytest.fixture
def repository(tmp_path):
    """Two releases with a little of everything; the second one is in place."""
    found = Repository(tmp_path / "app")
    found.git("checkout", "--quiet", "-B", "stable")
    found.git("config", "commit.gpgsign", "false")
    for number in ("one", "two"):
        found.write("service.py", SERVICE + f"# {number}\n")
        found.write("settings.ini", f"release={number}\n")
        found.write("same.ini", "same\n")
        found.write(f"only-{number}/deep/file.txt", number)
        found.write("run.sh", f"#!/bin/sh\necho {number}\n")
        (found.directory / "run.sh").chmod(0o755 if number == "two" else 0o644)
        link = found.directory / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(number)
        found.commits[number] = found.commit(f"release {number}")
        if number == "one":
            found.git("rm", "-rq", "only-one")
    return found


@pytest.fixture
def change(tmp_path, repository, unit):
    def change(check_mode=False, **more):
        given = {"commit": repository.commits["one"], **more}
        return ensure(release_params(tmp_path, repository, **given), unit.host(), check_mode)

    return change


# -- twenty-odd kinds of tree, the way people leave them


def edited(tree):
    tree.write("settings.ini", "release=two\nlocal=1\n")


def edited_and_private(tree):
    edited(tree)
    (tree.directory / "settings.ini").chmod(0o600)


def private_without_an_edit(tree):
    (tree.directory / "settings.ini").chmod(0o600)
    (tree.directory / "same.ini").chmod(0o640)


def private_directory(tree):
    (tree.directory / "only-two").chmod(0o700)
    (tree.directory / "only-two" / "deep").chmod(0o2750)


def skip_worktree(tree):
    tree.write("settings.ini", "secret=only-here\n")
    tree.write("same.ini", "secret=only-there\n")
    tree.git("update-index", "--skip-worktree", "settings.ini", "same.ini")


def assume_unchanged(tree):
    tree.write("settings.ini", "secret=only-here\n")
    tree.write("same.ini", "secret=only-there\n")
    tree.git("update-index", "--assume-unchanged", "settings.ini", "same.ini", "run.sh")


def skip_worktree_and_deleted(tree):
    (tree.directory / "settings.ini").unlink()
    tree.git("update-index", "--skip-worktree", "settings.ini")


def sparse(tree):
    tree.git("sparse-checkout", "set", "--no-cone", "/*", "!/only-*", "!/same.ini")


def staged(tree):
    tree.write("settings.ini", "staged\n")
    tree.write("new.txt", "staged")
    tree.git("add", "-A")
    tree.write("settings.ini", "and edited\n")


def intent_to_add(tree):
    tree.write("new.txt", "soon")
    tree.git("add", "-N", "new.txt")


def removed(tree):
    (tree.directory / "settings.ini").unlink()
    tree.git("rm", "-q", "run.sh")


def removed_from_the_index_alone(tree):
    tree.git("rm", "-q", "--cached", "settings.ini", "same.ini")


def half_merged(tree):
    for number, text in ((1, "base\n"), (2, "ours\n"), (3, "theirs\n")):
        tree.write("blob", text)
        blob = tree.git("hash-object", "-w", "blob")
        (tree.directory / "blob").unlink()
        subprocess.run(
            ["git", "-c", "safe.directory=*", "update-index", "--index-info"],
            input=f"0 {'0' * 40}\tsettings.ini\n" * (number == 1) + f"100644 {blob} {number}\tsettings.ini\n",
            cwd=tree.directory,
            check=True,
            text=True,
        )
    tree.write("settings.ini", "<<<<<<<\n")


def untracked_data(tree):
    tree.write("conversations.db", "rows")
    tree.write("uploads/a.ogg", "sound")
    tree.write(".env", "TOKEN=1")
    (tree.directory / ".env").chmod(0o600)
    tree.write("service-account.json", "key")
    (tree.directory / "service-account.json").chmod(0o600)
    (tree.directory / "empty").mkdir()


def untracked_in_the_way(tree):
    tree.write("only-one/deep/file.txt", "mine")
    (tree.directory / "only-one/deep/file.txt").chmod(0o600)


def ignored_in_the_way(tree):
    tree.write(".git/info/exclude", "only-one\n")
    untracked_in_the_way(tree)


def file_in_the_way_of_a_directory(tree):
    tree.write("only-one", "a file")
    (tree.directory / "only-one").chmod(0o444)


def link_in_the_way_of_a_directory(tree):
    tree.write("elsewhere/kept.txt", "kept")
    (tree.directory / "only-one").symlink_to("elsewhere")


def link_out_of_the_index_in_the_way_of_a_directory(tree):
    (tree.directory / "only-one").symlink_to("elsewhere")
    tree.commits["two"] = tree.commit("release with a link")
    tree.git("rm", "-q", "--cached", "only-one")


def link_in_a_circle_in_the_way_of_a_directory(tree):
    (tree.directory / "only-one").symlink_to("only-one")
    tree.commits["two"] = tree.commit("release with a link in a circle")


def directory_in_the_way_of_a_file(tree):
    (tree.directory / "link").unlink()
    tree.write("link/deep/inside.txt", "inside")
    (tree.directory / "link").chmod(0o750)


def directory_in_the_way_of_a_file_that_the_release_lacks(tree):
    (tree.directory / "only-two/deep/file.txt").unlink()
    tree.write("only-two/deep/file.txt/inside.txt", "inside")


def gone_in_the_way_of_a_directory(tree):
    tree.write("only-one", "a file")
    tree.commits["two"] = tree.commit("release with a file in the place of a directory")
    (tree.directory / "only-one").unlink()


def file_made_a_link(tree):
    tree.write("elsewhere.ini", "shared\n")
    (tree.directory / "settings.ini").unlink()
    (tree.directory / "settings.ini").symlink_to("elsewhere.ini")


def link_in_a_circle(tree):
    (tree.directory / "settings.ini").unlink()
    (tree.directory / "settings.ini").symlink_to("settings.ini")


def directory_made_a_link(tree):
    (tree.directory / "only-two").rename(tree.directory / "shared")
    (tree.directory / "only-two").symlink_to("shared")


def executable_by_hand(tree):
    tree.git("config", "core.fileMode", "false")
    (tree.directory / "settings.ini").chmod(0o755)
    (tree.directory / "run.sh").chmod(0o700)


def windows_line_ends(tree):
    tree.git("config", "core.autocrlf", "true")
    tree.git("config", "core.safecrlf", "true")
    for name in ("settings.ini", "same.ini"):
        (tree.directory / name).write_bytes(b"release=two\r\nmixed\n" if name == "settings.ini" else b"same\r\n")
    tree.git("-c", "core.safecrlf=false", "add", "same.ini")


def filter_that_hides_a_secret(tree):
    tree.git("config", "filter.secret.clean", "sed s/^key=.*/release=two/")
    tree.git("config", "filter.secret.smudge", "cat")
    tree.write(".git/info/attributes", "settings.ini filter=secret\n")
    tree.write("settings.ini", "key=only-here\n")


def keywords(tree):
    tree.write(".git/info/attributes", "settings.ini ident\n")
    tree.write("settings.ini", "$Id: by hand $\nrelease=two\n")


def strange_names(tree):
    for name in (
        "only-two/with space",
        "only-two/ç ã",
        'only-two/"quoted"',
        "only-two/new\nline",
        "only-two/-rf",
        ":(x",
    ):
        tree.write(name, name)
    (tree.directory / os.fsdecode(b"only-two/latin-\xe7")).write_text("x")
    tree.git("add", "-A")
    tree.commits["two"] = tree.commit("release with strange names")
    tree.write('only-two/"quoted"', "edited")


def detached(tree):
    tree.git("checkout", "--quiet", "--detach")
    edited(tree)


def tag_named_like_the_branch(tree):
    tree.git("tag", "stable")


def index_taken_away(tree):
    (tree.directory / ".git/index").unlink()


def split_index(tree):
    tree.git("update-index", "--split-index")
    edited(tree)


def shared_by_a_group(tree):
    tree.git("config", "core.sharedRepository", "group")
    for path in ("settings.ini", "service.py"):
        (tree.directory / path).chmod(0o664)


def git_told_to_trust_it(tree):
    tree.git("config", "core.ignoreStat", "true")
    tree.git("update-index", "--really-refresh")
    tree.git("checkout", "--quiet", "--force", "HEAD", "--", "settings.ini", "same.ini")
    tree.write("settings.ini", "hidden by a setting\n")


def git_in_a_hurry(tree):
    tree.git("config", "feature.manyFiles", "true")
    tree.git("config", "submodule.recurse", "true")
    tree.git("update-index", "--untracked-cache", "--index-version", "4")
    edited(tree)


def read_only(tree):
    for path in ("settings.ini", "run.sh", "only-two/deep/file.txt"):
        (tree.directory / path).chmod(0o444)


def for_everybody(tree):
    tree.write("settings.ini", "release=two\nlocal=1\n")
    (tree.directory / "settings.ini").chmod(0o666)
    (tree.directory / "only-two/deep").chmod(0o1777)


def of_somebody_else(tree):
    """In a tree of root's."""
    deep = tree.directory / "only-two/deep"
    tree.write("settings.ini", "release=two\nlocal=1\n")
    for path in (deep, deep / "file.txt", tree.directory / "settings.ini", tree.directory / "link"):
        os.lchown(path, 1234, 1235)
    (deep / "file.txt").chmod(0o4750)


def renamed(tree):
    tree.git("mv", "settings.ini", "settings.old")
    tree.write("settings.ini", "new\n")


def case_of_a_name(tree):
    tree.git("mv", "settings.ini", "Settings.ini")


KINDS = [
    git_told_to_trust_it,
    git_in_a_hurry,
    read_only,
    for_everybody,
    renamed,
    case_of_a_name,
    edited,
    edited_and_private,
    private_without_an_edit,
    private_directory,
    skip_worktree,
    assume_unchanged,
    skip_worktree_and_deleted,
    sparse,
    staged,
    intent_to_add,
    removed,
    removed_from_the_index_alone,
    half_merged,
    untracked_data,
    untracked_in_the_way,
    ignored_in_the_way,
    file_in_the_way_of_a_directory,
    link_in_the_way_of_a_directory,
    link_out_of_the_index_in_the_way_of_a_directory,
    link_in_a_circle_in_the_way_of_a_directory,
    directory_in_the_way_of_a_file,
    directory_in_the_way_of_a_file_that_the_release_lacks,
    gone_in_the_way_of_a_directory,
    file_made_a_link,
    link_in_a_circle,
    directory_made_a_link,
    executable_by_hand,
    windows_line_ends,
    filter_that_hides_a_secret,
    keywords,
    strange_names,
    detached,
    tag_named_like_the_branch,
    index_taken_away,
    split_index,
    shared_by_a_group,
    *([of_somebody_else] if os.geteuid() == 0 else []),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_undo_brings_back_what_was_there(repository, change, kind):
    kind(repository)
    before = snapshot(repository)
    assert change(check_mode=True)["changed"]
    assert snapshot(repository) == before
    change()
    assert repository.head == repository.commits["one"]
    assert repository.read("service.py") == SERVICE + "# one\n"
    if kind is not skip_worktree_and_deleted:
        assert (repository.read("settings.ini") or "").replace("\r", "").startswith("release=one")
    assert not change(run_id="run-2")["changed"], "once is enough"
    change(run_id="run-3", state="undone")
    after = snapshot(repository)
    assert {
        name: (before.get(name), after.get(name)) for name in {*before, *after} if before.get(name) != after.get(name)
    } == {}
    assert not change(run_id="run-4", state="undone")["changed"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_release_that_does_not_come_up_leaves_what_was_there(repository, change, kind):
    # Broken, and otherwise the first release.
    repository.git("checkout", "--quiet", repository.commits["one"])
    repository.write("service.py", CRASH)
    broken = repository.commit("release broken")
    repository.git("checkout", "--quiet", "stable")
    kind(repository)
    before = snapshot(repository)
    with pytest.raises(Failed):
        change(commit=broken)
    assert snapshot(repository) == before


def test_what_is_staged_beside_a_conflict_is_not_cleaned_up(repository, change):
    repository.write("new.txt", "staged\n")
    repository.git("add", "new.txt")
    repository.write("new.txt", "edited since\n")
    half_merged(repository)
    before = snapshot(repository)
    change()
    repository.git("gc", "--quiet", "--prune=now")
    change(run_id="run-2", state="undone")
    assert snapshot(repository) == before
    assert repository.git("show", ":new.txt") == "staged"


# -- what stays, and who may read it


def test_a_private_file_is_private_in_the_repository(repository, change):
    untracked_data(repository)
    edited_and_private(repository)
    change()
    objects = repository.directory / ".git" / "objects"
    for name in ("service-account.json", "settings.ini"):
        blob = repository.git("rev-parse", f"refs/runbook/rescue/run-1:{name}")
        assert oct((objects / blob[:2] / blob[2:]).stat().st_mode & 0o077) == "0o0", name
    assert {oct(path.stat().st_mode & 0o777) for path in objects.iterdir()} == {oct(objects.stat().st_mode & 0o777)}
    # Who may read a file is not the release's to say.
    assert oct((repository.directory / "settings.ini").stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("shares", [True, False])
def test_a_group_that_shares_the_repository_by_its_modes_can_work_on_in_it(repository, change, shares):
    """As people do who have umask 002: without the rights to a directory of objects they cannot commit any more."""
    edited(repository)
    for path in (repository.directory, *repository.directory.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | 0o020 if shares else mode & ~0o020)
    change()
    closed = [path for path in repository.directory.rglob("*") if path.is_dir() and not path.stat().st_mode & 0o020]
    assert bool(closed) is not shares, closed
    assert bool((repository.directory / "only-one/deep/file.txt").stat().st_mode & 0o020) is shares


def test_who_may_read_a_file_beside_its_mode_may_in_the_release_and_after_the_undo(repository, change):
    edited(repository)
    settings = repository.directory / "settings.ini"
    os.setxattr(settings, ACL, access_list())
    before = snapshot(repository)
    change()
    assert os.getxattr(settings, ACL) == access_list()
    change(state="undone", run_id="run-2")
    assert os.getxattr(settings, ACL) == access_list()
    assert snapshot(repository) == before


def test_who_may_use_a_directory_beside_its_mode_may_after_the_undo(repository, change):
    gone, stays = repository.directory / "only-two", repository.directory / "only-two-stays"
    repository.write("only-two-stays/release.txt", "two")
    repository.commit("release with another directory")
    repository.write("only-two-stays/own.txt", "stays")
    if os.geteuid() == 0:
        give_away(repository)
    given = bytearray(access_list())
    given[6] = 7  # its owner may do everything in it
    for name in (ACL, _files.NEW_ACL, "user.note"):
        os.setxattr(gone, name, given)
        os.setxattr(stays, name, given)
    before = [_files.attributes(str(path)) for path in (gone, gone / "deep", stays)]
    change()
    assert not gone.exists() and not (stays / "release.txt").exists()
    change(run_id="run-2", state="undone")
    assert [_files.attributes(str(path)) for path in (gone, gone / "deep", stays)] == before
    assert before[0] == before[2] != before[1] == {} and ACL in before[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else's directory")
def test_a_directory_that_somebody_else_lets_the_owner_write_to(repository, change):
    give_away(repository)
    deep = repository.directory / "only-two" / "deep"
    repository.write("only-two/deep/own.txt", "stays")
    os.chown(deep, 0, 1234)
    deep.chmod(0o775)
    before = snapshot(repository)
    change()
    change(run_id="run-2", state="undone")
    assert snapshot(repository) == before


def test_a_file_whose_name_is_as_long_as_a_name_can_be(repository, change):
    repository.write("n" * 255, "3")
    before = repository.commit("release 3")
    repository.write("n" * 255, "4")
    repository.commit("release 4")
    change(commit=before)
    change(state="undone", run_id="run-2")
    assert repository.read("n" * 255) == "4"


def test_what_the_service_rewrites_is_neither_replaced_nor_kept(repository, change):
    before = {"settings.ini": "token=fresh\n", "only-two/deep/file.txt": "rewritten", "state/a.json": "a"}
    for name, content in before.items():
        repository.write(name, content)
    ignore = ["settings.ini", "only-two/*/*.txt", "state"]
    change(ignore=ignore)
    assert {name: repository.read(name) for name in before} == before
    assert "token=fresh" not in repository.git("show", "refs/runbook/rescue/run-1:settings.ini")
    assert "state" not in repository.git("ls-tree", "-r", "--name-only", "refs/runbook/rescue/run-1")
    repository.write("settings.ini", "token=fresher\n")
    assert not change(ignore=ignore, run_id="run-2")["changed"]
    change(state="undone", ignore=ignore, run_id="run-3")
    assert repository.read("settings.ini") == "token=fresher\n"
    assert repository.head == repository.commits["two"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "*", "."])
def test_what_is_ignored_lies_in_the_tree(repository, change, path):
    with pytest.raises(Refused, match="correct runbook_release_ignore"):
        change(ignore=[path])


def test_data_that_was_written_meanwhile_is_not_undone(repository, change):
    untracked_data(repository)
    change()
    repository.write("conversations.db", "more rows")
    (repository.directory / "uploads/a.ogg").unlink()
    change(state="undone", run_id="run-2")
    assert repository.read("conversations.db") == "more rows"
    assert repository.read("uploads/a.ogg") == "sound", "what is gone comes back"


def test_a_directory_that_took_a_files_place_meanwhile_stays_with_the_undo(repository, change):
    change()
    same = repository.directory / "same.ini"
    same.unlink()
    repository.write("same.ini/conversations.db", "rows")
    repository.write(".git/info/exclude", "*.db\n")
    change(run_id="run-2", state="undone")
    assert repository.head == repository.commits["two"]
    assert repository.read("same.ini/conversations.db") == "rows"


def test_a_run_to_another_release_after_one_that_was_killed(repository, change, monkeypatch):
    """What the first one kept is not all that the second one changes."""
    repository.write("more.txt", "more")
    more = repository.commit("release with more")
    repository.git("checkout", "--quiet", "-B", "stable", repository.commits["two"])
    edited_and_private(repository)
    before = snapshot(repository)

    def killed(*_arguments):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(_release.Act, "_prove", killed)
        with pytest.raises(Killed):
            change(commit=more)
    assert repository.head == more
    change(run_id="run-2")
    assert repository.read("more.txt") is None
    change(state="undone", run_id="run-3")
    assert snapshot(repository) == before


def test_a_tree_beside_the_repository(repository, change, tmp_path):
    beside = Repository.__new__(Repository)
    beside.directory, beside.commits = tmp_path / "beside", repository.commits
    repository.git("worktree", "add", "-q", "-b", "beside", str(beside.directory), repository.commits["two"])
    skip_worktree(beside)
    before = snapshot(beside)
    change(app_dir=str(beside.directory))
    assert beside.head == repository.commits["one"]
    change(app_dir=str(beside.directory), state="undone", run_id="run-2")
    assert snapshot(beside) == before


# -- what would go wrong is said before


def refused(repository, change, **more):
    before = snapshot(repository)
    for check_mode in (True, False):
        with pytest.raises(Refused) as caught:
            change(check_mode, run_id=f"run-{check_mode}", **more)
    assert snapshot(repository) == before
    return str(caught.value)


def large(repository, tmp_path, required="true"):
    """Two releases with a file that goes through a filter; its contents lie in tmp_path/large."""
    (tmp_path / "large").mkdir()
    clean, smudge = tmp_path / "clean", tmp_path / "smudge"
    clean.write_text("#!/bin/sh\nread -r _content number && echo oid-$number\n")
    smudge.write_text(f"#!/bin/sh\nread -r oid && cat {tmp_path}/large/$oid\n")
    for program, name in ((clean, "clean"), (smudge, "smudge")):
        program.chmod(0o755)
        repository.git("config", f"filter.large.{name}", str(program))
    repository.git("config", "filter.large.required", required)
    for number in ("3", "4"):
        repository.write(".gitattributes", "*.bin filter=large\n")
        repository.write("model.bin", f"content {number}\n")
        (tmp_path / "large" / f"oid-{number}").write_text(f"content {number}\n")
        repository.commits[number] = repository.commit(f"release {number}")


def test_a_large_file_whose_content_is_there(repository, change, tmp_path):
    large(repository, tmp_path)
    before = snapshot(repository)
    change(commit=repository.commits["3"])
    assert repository.read("model.bin") == "content 3\n"
    # Undoing needs no filter.
    (tmp_path / "large" / "oid-4").unlink()
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


def test_a_large_file_whose_content_is_gone(repository, change, tmp_path):
    large(repository, tmp_path)
    (tmp_path / "large" / "oid-3").unlink()
    assert "model.bin: smudge filter large failed" in refused(repository, change, commit=repository.commits["3"])


def test_a_filter_that_fails_without_a_word(repository, change, tmp_path):
    large(repository, tmp_path, required="false")
    (tmp_path / "large" / "oid-3").unlink()
    assert "would bring a pointer" in refused(repository, change, commit=repository.commits["3"])
    # Nor where nobody has set it up for the tree's owner.
    repository.git("config", "--remove-section", "filter.large")
    assert "would bring a pointer" in refused(repository, change, commit=repository.commits["3"])
    # Where the service lives without the filter already, it goes on.
    repository.git("config", "filter.large.smudge", "false")
    repository.git("config", "filter.large.clean", "cat")
    repository.write("model.bin", "oid-4\n")
    result = change(commit=repository.commits["3"], run_id="run-2")
    assert "only a pointer to the content of model.bin is there" in result["warnings"]


def test_a_file_that_is_too_large_to_be_held(repository, change, monkeypatch):
    monkeypatch.setattr(_rescue, "BLOCK", 20)
    repository.write("settings.ini", "release=two\n" * 10)
    repository.write("same.ini", "small\n")
    (repository.directory / "settings.ini").chmod(0o640)
    before = snapshot(repository)
    change()
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


@pytest.mark.parametrize("block", [20, _rescue.BLOCK])
def test_a_file_is_as_old_as_it_was(repository, change, monkeypatch, block):
    """Python would take the .pyc of a release of the same second for the restored file's."""
    monkeypatch.setattr(_rescue, "BLOCK", block)
    repository.write("settings.ini", "release=two\n" * 10)
    moment = (repository.directory / "settings.ini").stat().st_mtime_ns - 10**9
    os.utime(repository.directory / "settings.ini", ns=(moment, moment))
    change()
    change(state="undone", run_id="run-2")
    assert (repository.directory / "settings.ini").stat().st_mtime_ns == moment


def test_an_edit_that_only_its_age_tells_of_is_not_forgotten_with_the_undo(repository, change):
    for setting in ("core.trustctime", "false"), ("core.checkStat", "minimal"):
        repository.git("config", *setting)
    moment = (repository.directory / "settings.ini").stat().st_mtime_ns // 10**9 * 10**9 - 60 * 10**9

    def at_that_moment(name):
        os.utime(repository.directory / name, ns=(moment, moment))

    at_that_moment("settings.ini")
    repository.git("update-index", "--refresh")
    repository.write("settings.ini", "release=TWO\n")
    at_that_moment("settings.ini")
    at_that_moment(".git/index")
    change()
    change(state="undone", run_id="run-2")
    assert repository.read("settings.ini") == "release=TWO\n"
    assert "settings.ini" in repository.git("status", "--porcelain")


def test_a_pointer_in_the_place_of_a_large_file(repository, change):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n"
    for number in ("3", "4"):
        repository.write(".gitattributes", "*.bin filter=lfs\n")
        repository.write("model.bin", pointer.format(number * 64))
        repository.commits[number] = repository.commit(f"release {number}")
    repository.write("model.bin", "content 4")
    assert "would bring a pointer and not the content" in refused(repository, change, commit=repository.commits["3"])
    # A tree that has always lived with pointers goes on.
    repository.write("model.bin", pointer.format("4" * 64))
    result = change(commit=repository.commits["3"], run_id="run-2")
    assert "only a pointer to the content of model.bin is there" in result["warnings"]


def test_files_that_git_calls_changed_as_soon_as_they_are_written(repository, change):
    """Committed with the line ends of another system, before somebody declared text."""
    for number in ("3", "4"):
        (repository.directory / "page.html").write_bytes(f"<p>{number}</p>\r\n".encode())
        repository.commits[number] = repository.commit(f"release {number}")
    repository.write(".gitattributes", "*.html text\n")
    repository.git("add", ".gitattributes")
    for number in ("5", "6"):
        repository.write("number", number)
        repository.git("add", "number")
        repository.git("commit", "--quiet", "-m", number)
        repository.commits[number] = repository.head
    os.utime(repository.directory / "page.html")
    assert "page.html" in repository.git("status", "--porcelain")
    before = snapshot(repository)
    change(commit=repository.commits["5"])
    assert repository.read("number") == "5"
    assert not change(commit=repository.commits["5"], run_id="run-2")["changed"]
    change(state="undone", run_id="run-3")
    assert snapshot(repository) == before


@pytest.mark.parametrize(
    "rule, content",
    [
        ("text eol=crlf", b"same\r\n"),
        ("text working-tree-encoding=UTF-16LE", "same\n".encode("utf-16-le")),
        ("text=auto eol=lf", b"same\n"),
    ],
    ids=("line ends", "encoding", "nothing"),
)
def test_a_file_that_only_another_rule_writes_otherwise(repository, change, rule, content):
    same = repository.directory / "same.ini"
    repository.write(".gitattributes", f"*.ini {rule}\n")
    repository.git("add", ".gitattributes")
    repository.git("commit", "--quiet", "-m", "release with a rule")
    for name in ("same.ini", "settings.ini"):
        (repository.directory / name).unlink()
    repository.git("checkout", "--quiet", ".")
    # As old as after a while in service: git does not look into it again.
    os.utime(same, (10**9, 10**9))
    repository.git("update-index", "--refresh")
    before = snapshot(repository)
    assert same.read_bytes() == content
    change()
    assert same.read_bytes() == b"same\n"
    assert (same.stat().st_mtime == 10**9) is (content == b"same\n"), "what is the same is not touched"
    assert not change(run_id="run-2")["changed"], "once is enough"
    change(run_id="run-3", state="undone")
    assert snapshot(repository) == before and same.stat().st_mtime == 10**9


@pytest.fixture
def library(tmp_path, repository):
    """A submodule with a commit for each of two releases."""
    found = Repository(tmp_path / "library")
    config = ["-c", "protocol.file.allow=always"]
    repository.git(*config, "submodule", "add", "-q", str(found.directory), "lib")
    for number, name in (("3", "first"), ("4", "second")):
        subprocess.run(
            ["git", "-C", "lib", "checkout", "-q", found.commits[name]], cwd=repository.directory, check=True
        )
        repository.commits[number] = repository.commit(f"release {number}")
    return found


def test_a_submodule_goes_along_and_comes_back(repository, change, library):
    before = snapshot(repository)
    result = change(check_mode=True, commit=repository.commits["3"])
    assert "would move submodule lib" in result["planned"]
    change(commit=repository.commits["3"])
    assert not (repository.directory / "lib" / "second.txt").exists()
    assert repository.git("status", "--porcelain") == ""
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


def test_a_submodule_with_changes_stays_where_its_commit_is_the_same(repository, change, library):
    repository.write("number", "5")
    repository.commit("release 5")
    repository.write("lib/service.py", "changed")
    before = snapshot(repository)
    change(commit=repository.commits["4"])
    assert repository.read("lib/service.py") == "changed"
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


def test_a_submodule_whose_empty_directory_is_gone(repository, change, library):
    repository.write("number", "5")
    repository.commit("release 5")
    repository.git("submodule", "--quiet", "deinit", "--force", "lib")
    (repository.directory / "lib").rmdir()
    before = snapshot(repository)
    assert change(commit=repository.commits["4"])["changed"]
    assert repository.head == repository.commits["4"]
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


def test_a_submodule_that_would_lose_changes(repository, change, library):
    repository.write("lib/service.py", "changed")
    said = refused(repository, change, commit=repository.commits["3"])
    assert said.startswith("submodule lib has local changes")


def test_a_submodule_whose_commit_is_not_there(repository, change, library):
    for name in ("missing", "main"):
        if name == "missing":
            repository.git("update-index", "--cacheinfo", f"160000,{'1' * 40},lib")
            repository.git("commit", "--quiet", "-m", "release with another submodule")
            missing = repository.head
    repository.git("checkout", "--quiet", "--no-recurse-submodules", repository.commits["4"])
    assert refused(repository, change, commit=missing).startswith(f"submodule lib has no commit {'1' * 12}")


def test_a_submodule_that_is_a_file_in_the_release(repository, change, library):
    repository.git("checkout", "--quiet", "--no-recurse-submodules", "-B", "files", repository.commits["two"])
    (repository.directory / "lib").rename(repository.directory.parent / "aside")
    repository.write("lib", "a file")
    plain = repository.commit("release with a file")
    (repository.directory / "lib").unlink()
    (repository.directory.parent / "aside").rename(repository.directory / "lib")
    repository.git("checkout", "--quiet", "--force", repository.commits["4"])
    assert refused(repository, change, commit=plain).startswith("submodule lib is a file in commit")


def test_a_submodule_that_the_release_does_not_have(repository, change, library):
    before = snapshot(repository)
    change(commit=repository.commits["two"])
    assert repository.read("lib/second.txt") == "second", "it stays, and the release does not know of it"
    assert repository.read(".gitmodules") is None
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


def test_a_submodule_that_nobody_has_fetched(repository, change, library, tmp_path):
    subprocess.run(["git", "clone", "-q", repository.directory, tmp_path / "clone"], check=True)
    clone = Repository.__new__(Repository)
    clone.directory, clone.commits = tmp_path / "clone", repository.commits
    said = refused(clone, change, commit=repository.commits["3"], app_dir=str(clone.directory))
    assert said.startswith("submodule lib of commit")


def test_migrations_between_the_releases_are_named(repository, change):
    for path in ("db/migrations/0002_outbox.sql", "alembic/versions/ab12_outbox.py", "docs/versions.md"):
        repository.write(path, "x")
    repository.commit("release with migrations")
    warned = [text for text in change(check_mode=True)["warnings"] if "changes of the database" in text]
    assert len(warned) == 1
    assert "alembic/versions/ab12_outbox.py, db/migrations/0002_outbox.sql" in warned[0]
    assert "docs" not in warned[0]


def test_what_lies_below_a_link_of_the_hosts_own_stays_out_of_it(repository, change, tmp_path):
    (tmp_path / "data").mkdir()
    (repository.directory / "only-one").symlink_to(tmp_path / "data")
    result = change()
    assert list((tmp_path / "data").iterdir()) == []
    assert "files below a link of this host are left out: only-one/deep/file.txt" in result["warnings"]


def test_a_directory_that_was_moved_elsewhere_and_linked_stays_there_with_the_undo(repository, change, tmp_path):
    """As people do whose disk is full; what the service has written since lies there."""
    repository.write("uploads/deep/index.json", "3")
    repository.write("uploads/index.json", "3")
    repository.commits["3"] = repository.commit("release 3")
    repository.write("uploads/deep/index.json", "4")
    repository.write("uploads/index.json", "4")
    repository.commits["4"] = repository.commit("release 4")
    change(commit=repository.commits["3"])
    disk = (repository.directory / "uploads").rename(tmp_path / "disk")
    (repository.directory / "uploads").symlink_to(disk)
    (disk / "customer.ogg").write_text("voice")
    (disk / "deep").chmod(0o700)
    result = change(state="undone", run_id="run-2")
    assert repository.head == repository.commits["4"]
    assert os.readlink(repository.directory / "uploads") == str(disk)
    assert (repository.read("uploads/customer.ogg"), repository.read("uploads/index.json")) == ("voice", "3")
    assert stat.S_IMODE((disk / "deep").stat().st_mode) == 0o700
    left = "files below a link of this host are left out: uploads/deep/index.json, uploads/index.json"
    assert left in result["warnings"]


def test_nothing_is_taken_away_below_a_link_of_the_release(repository, change, tmp_path):
    """The release has a link, and what was there before had a file where a directory lies at the link's other end."""
    (tmp_path / "data/a.ini").mkdir(parents=True)
    (tmp_path / "data/a.ini/b").write_text("of the host")
    (repository.directory / "conf").symlink_to(tmp_path / "data")
    linked = repository.commit("release with a link")
    (repository.directory / "conf").unlink()
    repository.write("conf/a.ini", "of the release")
    repository.commit("release with a directory")
    before = snapshot(repository)
    change(commit=linked)
    change(state="undone", run_id="run-2")
    assert (tmp_path / "data/a.ini/b").read_text() == "of the host"
    assert snapshot(repository) == before


def test_a_hidden_edit_is_named(repository, change):
    skip_worktree(repository)
    warned = change()["warnings"]
    assert "settings.ini was edited here and hidden from git: the release has another one, the edit is kept" in warned
    assert "same.ini was edited here and hidden from git: it stays" in warned
    assert repository.read("same.ini") == "secret=only-there\n"
    for name, text in (("settings.ini", "only-here"), ("same.ini", "only-there")):
        assert text in repository.git("show", f"refs/runbook/rescue/run-1:{name}")


def give_away(repository):
    """To a user who can get there."""
    for one in (repository.directory, *repository.directory.rglob("*")):
        os.lchown(one, 1234, 1234)
    for one in (repository.directory, *repository.directory.parents):
        if one != Path("/"):
            one.chmod(one.stat().st_mode | 0o011)


@pytest.mark.parametrize("path", [".git/objects/aa", "only-two/deep", ".git/logs/HEAD"])
def test_a_directory_that_is_not_the_owners(repository, change, path):
    full = repository.directory / path
    if not full.exists():
        full.mkdir()
    if os.geteuid() == 0:
        give_away(repository)
        os.chown(full, 0, 0)
    else:
        full.chmod(0o555)
    assert f"{full} cannot be written to by " in refused(repository, change)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what lies below it")
def test_a_directory_that_its_owner_cannot_get_to(repository, change):
    give_away(repository)
    (repository.directory / "only-two").chmod(0o600)
    with pytest.raises(Refused, match="only-two/deep cannot be written to by "):
        change(check_mode=True)


def test_a_directory_in_a_files_place_that_its_owner_cannot_empty(repository, change):
    directory_in_the_way_of_a_file(repository)
    if os.geteuid() == 0:
        give_away(repository)
    (repository.directory / "link/deep").chmod(0o555)
    assert f"{repository.directory}/link/deep cannot be written to by " in refused(repository, change)


@pytest.mark.parametrize("ignore", ["link/deep", "link/deep/inside.txt", "link/*"])
def test_what_is_none_of_the_releases_in_a_directory_in_a_files_place(repository, change, ignore):
    directory_in_the_way_of_a_file(repository)
    said = refused(repository, change, ignore=[ignore])
    assert "is none of the release's, and the release has the file link: move it away" in said


@pytest.mark.parametrize("mode", [0o311, 0o333])
def test_a_directory_that_its_owner_may_not_list(repository, change, mode):
    deep = repository.directory / "only-two" / "deep"
    repository.write("only-two/deep/own.txt", "stays")
    if os.geteuid() == 0:
        give_away(repository)
    deep.chmod(0o311)
    before = snapshot(repository)
    change()
    deep.chmod(mode)
    change(run_id="run-2", state="undone")
    assert snapshot(repository) == before


@pytest.mark.parametrize(
    "path, bit, letter", [("settings.ini", 0x10, "i"), ("only-two/deep", 0x20, "a"), (".git/index", 0x10, "i")]
)
def test_what_an_attribute_keeps_from_being_replaced(repository, change, monkeypatch, path, bit, letter):
    full = str(repository.directory / path)

    def flags(handle, _request, _buffer):
        there = os.readlink(f"/proc/self/fd/{handle}") == full
        return (bit | 0x80000 if there else 0x80000).to_bytes(4, sys.byteorder) + bytes(4)

    monkeypatch.setattr(_files.fcntl, "ioctl", flags)
    assert f"{full} has an attribute by which nobody may replace it" in (said := refused(repository, change))
    assert f"(chattr -{letter} {full})" in said


def test_a_mount_point_that_the_release_would_replace(repository, change, monkeypatch):
    full = str(repository.directory / "settings.ini")
    monkeypatch.setattr(_files, "mounted", lambda: [("/", "ext4"), (full, "ext4")])
    assert f"{full} is a mount point" in refused(repository, change)
    assert change(ignore=["settings.ini"])["changed"]
    assert repository.read("settings.ini") == "release=two\n"


def test_a_mount_point_that_the_release_does_not_touch(repository, change, monkeypatch):
    monkeypatch.setattr(_files, "mounted", lambda: [(str(repository.directory / "same.ini"), "ext4")])
    assert change()["changed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_in_a_sticky_directory(repository, change):
    give_away(repository)
    deep = repository.directory / "only-two/deep"
    os.chown(deep, 0, 0)
    deep.chmod(0o1777)
    os.chown(deep / "file.txt", 0, 0)
    assert f"{deep}/file.txt cannot be replaced by " in refused(repository, change)
    os.chown(deep / "file.txt", 1234, 1234)
    assert change()["changed"]


@pytest.fixture
def shared(repository):
    """A tree of root's, and in it a directory of another user's, with a file of the release's and one of their own."""
    if os.geteuid() != 0:
        pytest.skip("only root has a tree with somebody else's directory in it")
    repository.write("uploads/rules.txt", "rules")
    repository.commits["ruled"] = repository.commit("release with rules")
    repository.write("uploads/rules.txt", "other rules")
    repository.commit("release with other rules")
    repository.write("uploads/own/picture", "a picture")
    for one in (repository.directory, *repository.directory.parents):
        if one != Path("/"):
            one.chmod(one.stat().st_mode | 0o011)
    uploads = repository.directory / "uploads"
    for one in (uploads, *uploads.rglob("*")):
        os.chown(one, 1234, 1234)
    return uploads


@pytest.fixture
def meanwhile(unit, repository, tmp_path):
    """Change the release, or undo it; when git is called with the words, somebody does something before."""

    def meanwhile(words, deed, **more):
        host = unit.host()
        real, left = host.run_as, [deed]

        def run_as(argv, *arguments, **options):
            if left and all(word in argv for word in words):
                left.pop()()
            return real(argv, *arguments, **options)

        host.run_as = run_as
        given = {"commit": repository.commits["ruled"], **more}
        try:
            return ensure(release_params(tmp_path, repository, **given), host)
        finally:
            assert not left, "nobody did anything"

    return meanwhile


def test_an_untracked_file_that_the_service_takes_away_while_it_is_kept(repository, change, monkeypatch):
    for name in ("goes", "stays"):
        repository.write(f"spool/{name}.json", name)
    real = _rescue.Rescue._hash

    def take_away(self, paths, *arguments):
        if "spool/goes.json" in paths:
            (repository.directory / "spool" / "goes.json").unlink(missing_ok=True)
        return real(self, paths, *arguments)

    monkeypatch.setattr(_rescue.Rescue, "_hash", take_away)
    assert change()["changed"]
    kept = repository.git("ls-tree", "-r", "--name-only", "refs/runbook/rescue/run-1", "spool")
    assert kept == "spool/stays.json"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secrets" / "secret"
    path.parent.mkdir(mode=0o755)
    path.write_text("root's alone")
    path.chmod(0o644)
    return path


def test_a_release_is_put_in_place_and_taken_back_beside_somebody_elses_files(repository, change, shared):
    before = snapshot(repository)
    change(commit=repository.commits["ruled"])
    assert repository.read("uploads/rules.txt") == "rules"
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


def test_a_program_of_somebody_elses_does_not_become_roots(repository, change, shared):
    program, settings = shared / "run", repository.directory / "settings.ini"
    program.write_text("their own")
    repository.write("settings.ini", "their own")
    for path in (program, settings):
        os.chown(path, 1234, 1234)
        path.chmod(0o6755)
    before = snapshot(repository)
    change()
    program.unlink()
    change(state="undone", run_id="run-2")
    assert snapshot(repository) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else's file")
def test_a_program_becomes_nobodys_whom_its_owner_cannot_give_it_to(repository, change):
    settings = repository.directory / "settings.ini"
    repository.write("settings.ini", "their own")
    give_away(repository)
    os.chown(settings, 1235, 1235)
    settings.chmod(0o6755)
    change()
    change(state="undone", run_id="run-2")
    status = settings.lstat()
    assert (status.st_uid, oct(stat.S_IMODE(status.st_mode))) == (1234, "0o755")


@pytest.mark.parametrize("kind", ["a directory", "a file that has other names too"])
def test_what_somebody_put_in_the_place_of_a_releases_file_and_leads_elsewhere(
    repository, change, shared, secret, kind
):
    rules = shared / "rules.txt"
    rules.unlink()
    if kind == "a directory":
        rules.mkdir()
        os.chown(rules, 1234, 1234)
    else:
        os.link(secret, rules)
    said = refused(repository, change, commit=repository.commits["ruled"])
    assert f"{rules} is {kind}, " in said and "can replace it, and the release has a file there: move it away" in said
    assert change(commit=repository.commits["ruled"], ignore=["uploads"])["changed"]


@pytest.mark.parametrize("made_by", [None, 0, 1234])
def test_root_writes_no_file_below_a_directory_that_somebody_else_can_replace(
    repository, change, shared, secret, made_by
):
    """The directory is not there yet, is root's in one of theirs, or is theirs."""
    deep = shared / "deep"
    repository.write("uploads/deep/rules.txt", "of the release")
    repository.commits["deep"] = repository.commit("release with a file further down")
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    assert not deep.exists()
    if made_by is not None:
        deep.mkdir()
        os.chown(deep, made_by, made_by)
    said = refused(repository, change, commit=repository.commits["deep"])
    assert "uploads/deep/rules.txt in " in said and "lies below a directory that " in said
    assert change(commit=repository.commits["deep"], ignore=["uploads"])["changed"]


@pytest.mark.parametrize("to", ["secret", "new"])
def test_a_link_to_a_secret_that_comes_while_git_writes_leads_nowhere(repository, meanwhile, shared, secret, to):
    rules = shared / "rules.txt"
    with pytest.raises(Failed, match="rules.txt already exists, no checkout"):
        meanwhile(("checkout-index", "--stdin"), lambda: rules.symlink_to(secret.parent / to))
    assert (secret.read_text(), os.listdir(secret.parent)) == ("root's alone", ["secret"])


def test_git_takes_away_no_directory_that_comes_while_it_writes(repository, meanwhile, shared):
    rules = shared / "rules.txt"
    with pytest.raises(Failed, match="rules.txt already exists, no checkout"):
        meanwhile(("checkout-index", "--stdin"), rules.mkdir)
    assert rules.read_text() == "other rules"


@pytest.mark.parametrize("call, name, content", [(1, "rules.txt", "other rules"), (2, "own/picture", "a picture")])
def test_a_link_to_a_secret_that_comes_while_a_file_is_kept_leads_nowhere(
    repository, change, shared, secret, monkeypatch, call, name, content
):
    real, calls = _rescue.Rescue._hash, []

    def with_a_link(self, *arguments):
        calls.append(arguments)
        if len(calls) == call:
            (shared / name).unlink()
            (shared / name).symlink_to(secret)
        return real(self, *arguments)

    monkeypatch.setattr(_rescue.Rescue, "_hash", with_a_link)
    change(commit=repository.commits["ruled"])
    assert repository.git("show", f"refs/runbook/rescue/run-1:uploads/{name}") == content
    assert secret.read_text() == "root's alone"


def test_another_name_of_a_secret_is_not_kept_beside(repository, change, shared, secret):
    os.link(secret, shared / "own" / "secret")
    change(commit=repository.commits["ruled"])
    kept = repository.git("ls-tree", "-r", "--name-only", "refs/runbook/rescue/run-1")
    assert "uploads/own/picture" in kept and "uploads/own/secret" not in kept


@pytest.mark.parametrize("block", [1, _rescue.BLOCK])
def test_a_link_that_comes_while_a_file_is_put_back_leads_nowhere(
    repository, change, shared, secret, monkeypatch, block
):
    monkeypatch.setattr(_rescue, "BLOCK", block)
    change(commit=repository.commits["ruled"])
    real = _rescue.Rescue._temporary

    def with_a_link(self, path):
        found = real(self, path)
        if path == "uploads/rules.txt":
            os.symlink(secret, found)
        return found

    monkeypatch.setattr(_rescue.Rescue, "_temporary", with_a_link)
    with pytest.raises(Failed):
        change(state="undone", run_id="run-2")
    assert secret.read_text() == "root's alone"


def test_a_directory_that_becomes_a_link_while_files_are_put_back_leads_nowhere(
    repository, change, shared, secret, monkeypatch
):
    change(commit=repository.commits["ruled"])
    own = shared / "own"
    (own / "picture").unlink()
    real = _rescue.Rescue._clear

    def swapped(self, *arguments):
        real(self, *arguments)
        own.rmdir()
        own.symlink_to(secret.parent)

    monkeypatch.setattr(_rescue.Rescue, "_clear", swapped)
    with pytest.raises(Failed, match="Permission denied"):
        change(state="undone", run_id="run-2")
    assert os.listdir(secret.parent) == ["secret"]


@pytest.fixture
def linked(repository, tmp_path):
    """The release in place has a link to a directory of the host's, where the commit `conf` has a directory."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.ini").write_text("of the host")
    repository.write("conf/a.ini", "of the release")
    repository.commits["conf"] = repository.commit("release with a directory")
    (repository.directory / "conf/a.ini").unlink()
    (repository.directory / "conf").rmdir()
    (repository.directory / "conf").symlink_to(data)
    repository.commits["link"] = repository.commit("release with a link")
    return data


def test_a_link_of_the_release_is_replaced_whatever_is_at_its_other_end(repository, change, linked):
    if os.geteuid() == 0:
        give_away(repository)
    (linked / "a.ini").chmod(0o600)
    linked.chmod(0o555)
    result = change(commit=repository.commits["conf"])
    assert (repository.read("conf/a.ini"), (linked / "a.ini").read_text()) == ("of the release", "of the host")
    assert stat.S_IMODE((repository.directory / "conf/a.ini").stat().st_mode) == 0o644
    assert not [text for text in result["warnings"] if "somebody else" in text]


def test_a_rerun_takes_nothing_away_at_the_other_end_of_a_link(repository, change, linked, monkeypatch):
    change(commit=repository.commits["conf"])

    def killed(*_arguments):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(_release.Act, "_prove", killed)
        with pytest.raises(Killed):
            change(commit=repository.commits["link"], run_id="run-2")
    change(commit=repository.commits["link"], run_id="run-3")
    assert (linked / "a.ini").read_text() == "of the host"
    change(state="undone", run_id="run-4")
    assert (linked / "a.ini").read_text() == "of the host"
    assert repository.read("conf/a.ini") == "of the release"


KEEP_OR_RESTORE = """
import os, sys
from ansible_collections.kumon.runbook.plugins.module_utils import _rescue, _worktree
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
git = _worktree.WorkTree(Host(), sys.argv[1])
rescue, reference = _rescue.Rescue(git, lambda path: False), _worktree.RESCUE + "x"
if sys.argv[2] == "restore":
    rescue.restore(git.head(), reference, [])
else:
    paths = git.status().changed
    assert all(os.path.lexists(os.path.join(git.directory, path)) for path in paths), paths
    rescue.keep(reference, git.head(), paths, set(paths), [], [], "note")
"""


def run_here(script: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": ":".join(sys.path)},
        check=True,
    )


@pytest.mark.parametrize(("keeps", "restores"), [(run_elsewhere, run_elsewhere), (run_here, run_elsewhere)])
def test_names_are_the_same_in_every_encoding(repository, keeps, restores):
    directory = os.fsencode(repository.directory)
    names = ["saudação.txt".encode(), b"latin-\xe7.txt", "Å…à".encode()]
    for name in names:
        Path(os.fsdecode(os.path.join(directory, name))).write_text("committed")
    os.symlink("to-ção".encode(), os.path.join(directory, b"way-\xe0"))
    repository.commit("names")
    for name in names:
        Path(os.fsdecode(os.path.join(directory, name))).write_text("the only copy")
    way = os.fsdecode(os.path.join(directory, b"way-\xe0"))
    os.unlink(way)
    os.symlink("changed-ção", way)
    keeps(KEEP_OR_RESTORE, str(repository.directory), "keep")
    repository.git("checkout", "--quiet", "--", ".")
    restores(KEEP_OR_RESTORE, str(repository.directory), "restore")
    for name in names:
        assert Path(os.fsdecode(os.path.join(directory, name))).read_text() == "the only copy"
    assert os.readlink(way) == "changed-ção"


@pytest.fixture
def stubborn(repository, change, monkeypatch):
    """Level 3 has failed, and the way back as well: one file can be neither replaced nor taken away."""
    edited(repository)
    before = snapshot(repository)
    full = str(repository.directory / "only-two/deep/file.txt")
    stopped = OSError(1, "Operation not permitted", full)
    rename = os.rename

    def refuse(_git, _paths):
        repository.write("only-two/deep/file.txt", "half")
        raise GitFailed(f"git rm failed ({stopped})")

    def renamed(source, target, **more):
        if target == full:
            raise stopped
        rename(source, target, **more)

    with monkeypatch.context() as patched:
        patched.setattr(WorkTree, "_remove", refuse)
        patched.setattr(os, "rename", renamed)
        with pytest.raises(Failed, match="The way back to .* failed as well"):
            change()
    return before


def test_what_can_be_put_back_is_where_one_file_cannot(repository, stubborn):
    now = snapshot(repository)
    differs = {name for name in {*now, *stubborn} if now.get(name) != stubborn.get(name)}
    assert differs == {"only-two/deep/file.txt", "status --porcelain -z"}


def test_a_way_back_that_failed_is_finished_by_the_undo(repository, change, stubborn):
    assert change(state="undone", run_id="run-2")["changed"]
    assert snapshot(repository) == stubborn
    assert not change(state="undone", run_id="run-3")["changed"]


def test_a_way_back_that_failed_is_finished_by_the_next_run(repository, change, stubborn):
    result = change(run_id="run-2")
    assert [text for text in result["warnings"] if text.startswith("run run-1 could not go back on its way to ")]
    assert (repository.head, repository.read("only-two/deep/file.txt")) == (repository.commits["one"], None)
    change(state="undone", run_id="run-3")
    assert snapshot(repository) == stubborn


def test_a_way_back_that_failed_is_still_to_be_finished_after_a_refusal(repository, change, stubborn, monkeypatch):
    def full(*_arguments):
        raise GitFailed("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(_rescue.Rescue, "keep", full)
        with pytest.raises(Refused, match="nothing was changed"):
            change(run_id="run-2")
    change(state="undone", run_id="run-3")
    assert snapshot(repository) == stubborn


def test_a_release_that_failed_is_not_chosen_because_the_way_back_failed_as_well(
    tmp_path, repository, unit, change, monkeypatch
):
    repository.git("checkout", "--quiet", "--detach")
    repository.write("service.py", CRASH)
    broken = repository.commit("release broken")
    repository.git("checkout", "--quiet", "stable")

    def lost(*_arguments):
        raise GitFailed("it cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(_rescue.Rescue, "restore", lost)
        with pytest.raises(Failed, match="The way back to .* failed as well"):
            change(commit=broken)
    assert repository.head == broken
    given = release_params(tmp_path, repository, commit=None)
    good = {"good": [{"commit": repository.commits["one"]}]}
    monkeypatch.setattr(_ledger, "read", lambda _directory, _service: good)
    assert _release_info.inspect(given, unit.host())["chosen"] == {"commit": repository.commits["one"], "why": "ledger"}
    change(state="undone", run_id="run-2")
    assert (repository.read("service.py"), repository.branch) == (SERVICE + "# two\n", "stable")
