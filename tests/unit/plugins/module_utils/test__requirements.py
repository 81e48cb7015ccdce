# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements are read as pip reads them, and the same meaning is the same, however it is written."""

from __future__ import annotations

import codecs

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils import _requirements
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Refused

ONE = "fastapi[all,standard]>=0.100,<1  # web\nuvicorn==0.30.1 ; python_version >= '3.9'\n"


def needs(content, path="requirements.txt", environ=None, **others):
    files = {
        name.replace("__", "/").replace("_txt", ".txt").replace("_toml", ".toml"): text for name, text in others.items()
    }
    if content is not None:
        files[path] = content
    held = {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}
    return _requirements.needs(held.get, path, "R", environ or {})


@pytest.mark.parametrize(
    "other",
    [
        ONE.replace("\n", "\r\n"),
        codecs.BOM_UTF8 + ONE.encode(),
        ONE.encode("utf-16"),
        codecs.BOM_UTF16_BE + ONE.encode("utf-16-be"),
        ONE.encode("utf-32"),
        b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + ONE.encode(),
        "# a comment\n\n   \n" + ONE,
        "\n".join(reversed(ONE.strip().splitlines())),
        'FastAPI [standard, all] <1, >= 0.100\nuvicorn == 0.30.1; python_version>="3.9"',
        "fastapi[all,standard] \\\n  >=0.100,<1\nuvicorn==0.30.1 ; python_version >= '3.9'",
    ],
)
def test_the_same_in_other_words(other):
    assert needs(other).meaning == needs(ONE).meaning
    assert needs(other).problem is None


@pytest.mark.parametrize(
    "other",
    [
        ONE.replace("0.30.1", "0.30.2"),
        ONE.replace("<1", ""),
        ONE.replace(",standard", ""),
        ONE.replace("3.9", "3.10"),
        ONE + "more\n",
        ONE.replace("# web", "#web").replace("  #", "#"),
        ONE.replace("uvicorn==0.30.1 ", "uvicorn @ https://example.com/uvicorn.whl "),
        "--pre\n" + ONE,
        "-i https://example.com/simple\n" + ONE,
    ],
)
def test_another_meaning(other):
    assert needs(other).meaning != needs(ONE).meaning


def test_an_extra_has_one_name_however_it_is_written():
    assert needs("a[x_y]").meaning == needs("a[X-Y, x.y]").meaning != needs("a[xy]").meaning


def test_included_files_count_and_not_where_a_line_stands():
    parts = {"base_txt": "y\n", "more__c_txt": "--constraint=d.txt", "more__d_txt": "z<2\n"}
    found = needs("-r base.txt\n-cmore/c.txt\nx\n", **parts)
    assert sorted(found.files) == ["base.txt", "more/c.txt", "more/d.txt", "requirements.txt"]
    assert found.meaning == needs("x\ny\n-c other.txt", other_txt="z <2").meaning
    assert found.meaning != needs("x\ny\nz<2").meaning, "a constraint installs nothing"
    assert needs("-r base.txt", base_txt="-r requirements.txt\ny").meaning == ["y"]


@pytest.mark.parametrize(
    "line",
    [
        "-r base.txt",
        "-rbase.txt",
        "-r 'base.txt'",
        '--requirement "base.txt"',
        "--requirement=base.txt",
        "--requirement='base.txt'",
        "-r ${DIRECTORY}/base.txt",
        "-r base.txt  # the rest",
        "-r \\\nbase.txt",
        "-r ./base.txt",
        "--pre -r base.txt",
        "-i https://example.com/simple --requirement=base.txt",
        "-r base.txt -r other.txt --no-index",
        "-c other.txt -r base.txt",
    ],
)
def test_an_include_however_it_is_written(line):
    found = needs(line, environ={"DIRECTORY": "."}, base_txt="y")
    assert (found.meaning, found.problem) == (["y"], None)


def test_what_stands_before_an_editable_one_and_a_constraint():
    editable = "-e git+https://example.com/x/y.git"
    assert needs(f"--pre {editable} -r base.txt").meaning == needs(editable).meaning
    assert needs("--pre -c base.txt", base_txt="y").meaning == needs("-c base.txt", base_txt="y").meaning


def test_a_name_with_a_space():
    found = _requirements.needs(
        {"requirements.txt": b"-r 'my base.txt'", "my base.txt": b"y"}.get, "requirements.txt", "R", {}
    )
    assert (found.meaning, found.problem) == (["y"], None)


@pytest.mark.parametrize(
    "line",
    [
        "-e git+https://example.com/x/y.git@abc#egg=y",
        "--editable=git+ssh://git@example.com/x/y.git",
        "y @ git+https://example.com/x/y.git@abc",
        "git+https://example.com/x/y.git",
        "y @ https://example.com/y-1.whl",
        "https://example.com/y-1.tar.gz",
        "-r https://example.com/base.txt",
        "/srv/wheels/y-1-py3-none-any.whl",
        "y==1 --hash=sha256:aa --hash=sha256:bb",
    ],
)
def test_what_comes_from_elsewhere_is_no_problem(line):
    assert needs(line).problem is None
    assert needs(line).meaning == needs(line + "\r\n").meaning != needs("y").meaning


def test_the_order_of_hashes_means_nothing():
    one, other = (
        f"y==1 --hash=sha256:{first} \\\n  --hash sha256:{second}\n" for first, second in (("a", "b"), ("b", "a"))
    )
    assert needs(one).meaning == needs(other).meaning != needs(one.replace(":b", ":c")).meaning


def test_a_wheel_of_the_release_is_taken_along():
    found = _requirements.needs(
        {"requirements.txt": b"./wheels/y-1-py3-none-any.whl", "wheels/y-1-py3-none-any.whl": b"1"}.get,
        "requirements.txt",
        "R",
        {},
    )
    assert found.problem is None
    assert "wheels/y-1-py3-none-any.whl" in found.files


def test_a_file_that_is_a_constraint_and_requirements_is_both():
    both, one = "-c base.txt\n-r base.txt\nx\n", "-c base.txt\nx\n"
    assert needs(both, base_txt="y==1").meaning == ["constraint y==1", "x", "y==1"]
    assert needs(one, base_txt="y==1").meaning == ["constraint y==1", "x"]


@pytest.mark.parametrize(
    ("file", "links"),
    [
        ("requirements.txt", "--find-links ./vendor"),
        ("requirements.txt", "-fvendor"),
        ("deploy/all.txt", "-f ../vendor"),
    ],
)
def test_archives_of_the_release_are_a_part_of_what_is_wanted(file, links):
    def found(*blobs, below=True):
        names = {"vendor": {f"y-{blob}.whl": blob for blob in blobs} | {"README": "other"}}
        return _requirements.needs(
            {file: f"{links}\ny\n".encode()}.get, file, "R", {}, lambda path: names.get(path, {}) if below else {}
        )

    assert found("1").tree and not found(below=False).tree
    assert found("1").meaning == found("1").meaning != found("2").meaning
    assert [line for line in found("1").meaning if "vendor/" in line] == ["vendor/y-1.whl 1"]


@pytest.mark.parametrize("links", ["--find-links /srv/wheels", "-f https://example.com/w", "-f ../wheels", "-f none"])
def test_archives_from_elsewhere_are_none_of_the_release(links):
    found = _requirements.needs(
        {"requirements.txt": f"{links}\ny".encode()}.get,
        "requirements.txt",
        "R",
        {},
        lambda path: {"y.whl": "1"} if path in ("/srv/wheels", "../wheels") else {},
    )
    assert (found.problem, found.tree, len(found.meaning)) == (None, False, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("-r none.txt", "R has no none.txt: choose another release"),
        ("-r ../x.txt", "include ../x.txt, which is not in the release"),
        ("-r /etc/none.txt", "R has no /etc/none.txt"),
        ("-e .", "installs from the tree itself (.)"),
        ("./lib", "installs from the tree itself (./lib)"),
        (".[dev]", "installs from the tree itself (.[dev])"),
        ("lib @ file:lib", "installs from the tree itself (lib @ file:lib)"),
        ("-r 'base.txt", "cannot be read (No closing quotation)"),
    ],
)
def test_requirements_that_cannot_be_prepared(content, message):
    assert message in needs(content).problem


def test_what_installs_from_the_tree_means_what_the_project_says():
    def meaning(text):
        return needs("-e .", pyproject_toml=text).meaning

    project = (
        '[project]\nname = "x"\nversion = "1"\ndependencies = [\n  "a==1", # one\n]\n[tool.ruff]\nline-length = 1\n'
    )
    assert meaning(project) == meaning(project.replace('"1"', '"2"', 1).replace("line-length = 1", "line-length = 2"))
    assert meaning(project) != meaning(project.replace("a==1", "a==2"))


def test_the_version_of_a_dependency_with_a_table_of_its_own_counts():
    def meaning(own, dependency):
        project = f'[tool.poetry]\nversion = "{own}"\n[tool.poetry.dependencies.a]\nversion = "{dependency}"\n'
        return needs("-e .", pyproject_toml=project).meaning

    assert meaning("1", "3") == meaning("2", "3") != meaning("2", "4")


@pytest.mark.parametrize(
    ("name", "description"),
    [
        (
            "pyproject.toml",
            '[project]\ndynamic=["dependencies"]\n[tool.setuptools.dynamic]\ndependencies={file=["a/b.txt"]}',
        ),
        ("setup.cfg", "[options]\ninstall_requires = file: a/b.txt"),
        ("setup.py", "setup(install_requires=open('a/b.txt').read().split())"),
        ("setup.py", 'setup(install_requires=open(os.path.join(HERE, "a", "b.txt")).read().split())'),
    ],
)
def test_files_that_a_project_takes_its_requirements_from_count(name, description):
    def meaning(listed, **others):
        files = {name: description + "\nlong_description=open('README.txt')\n", "a/b.txt": listed, **others}
        held = {path: text.encode() for path, text in files.items()}
        return _requirements.needs(held.get, "requirements.txt", "R", {}).meaning

    assert meaning("y==1") == meaning("# one\ny==1\n") != meaning("y==2")
    assert meaning("y==1") == meaning("y==1", **{"README.txt": "as it is"})


@pytest.mark.parametrize("line", ["-r base.in", "-cbase.in", "--requirement=base.in", "-r ../more/base.in"])
def test_files_that_such_a_file_includes_count_too(line):
    setup = "install_requires = [str(one.req) for one in parse_requirements('requirements/prod.txt')]\n"

    def meaning(base):
        files = {"setup.py": setup, "requirements/prod.txt": f"{line}\nb==1\n"}
        files.update(dict.fromkeys(("requirements/base.in", "more/base.in"), base))
        held = {path: text.encode() for path, text in files.items()}
        return _requirements.needs(held.get, "requirements.txt", "R", {}).meaning

    assert meaning("a==1\n-r prod.txt\n-r 'torn\n") == meaning("a==1 # the same\n-r prod.txt\n-r 'torn\n")
    assert meaning("a==1\n") != meaning("a==2\n")


def test_a_project_alone():
    found = needs(None, pyproject_toml='[project]\ndependencies = ["a"]\n')
    assert found.project and found.problem is None
    assert found.meaning != needs(None, pyproject_toml='[project]\ndependencies = ["b"]\n').meaning


POETRY = """
[[package]]
name = "Kumon_Lib"
version = "1.0"
groups = ["main", "dev"]
files = [
    {file = "kumon_lib-1.0.whl", hash = "sha256:00"},
]

[package.dependencies.other]
version = "3"

[[package]]
name = "ruff"
version = "9"
groups = ["dev"]
[[package]]
name = "black"
version = "9"
category = "dev"
[metadata]
lock-version = "2.1"
"""
UV = """version = 1
requires-python = ">=3.9"

[[package]]
name = "kumon-lib"
version = "1.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "x"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "kumon-lib" },
]
"""
FORKED = """
[[packages]]
name = "kumon-lib"
version = "1.0"
[[packages]]
name = "kumon-lib"
version = "2.0"
"""


@pytest.mark.parametrize(
    ("lock", "text", "packages", "told"),
    [
        ("poetry.lock", POETRY, ["kumon-lib==1.0"], b"kumon-lib==1.0\n"),
        ("uv.lock", UV, ["kumon-lib==1.0"], b"kumon-lib==1.0\n"),
        # Which of them is wanted depends on the Python, as the project says.
        ("pylock.toml", FORKED, ["kumon-lib==1.0", "kumon-lib==2.0"], None),
    ],
)
def test_what_is_locked_counts_and_is_told_to_pip(lock, text, packages, told):
    project = {"pyproject.toml": b'[project]\ndependencies = ["kumon-lib"]\n'}
    found = _requirements.needs({**project, lock: text.encode()}.get, "requirements.txt", "R", {})
    bare = _requirements.needs(project.get, "requirements.txt", "R", {})
    assert sorted({*found.meaning} - {*bare.meaning}) == packages
    assert found.project and found.files.get(_requirements.LOCKED) == told
    # With requirements for pip nobody asks another tool.
    both = {**project, lock: text.encode(), "requirements.txt": b"a\n"}
    assert _requirements.needs(both.get, "requirements.txt", "R", {}).meaning == ["a"]


@pytest.mark.parametrize(("path", "more"), [("requirements.txt", {}), ("none.txt", {"pyproject_toml": "[project]"})])
def test_a_release_that_says_nothing(path, more):
    with pytest.raises(Refused, match=f"R has no {path}: correct runbook_requirements"):
        needs(None, path, **more)


@pytest.mark.parametrize("path", ["/etc/x.txt", "../x.txt"])
def test_a_file_outside_of_the_tree(path):
    with pytest.raises(Refused, match="correct runbook_requirements"):
        needs("", path)
