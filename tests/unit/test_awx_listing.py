# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX offers every file of a project that looks like a playbook to its rule; only procedures may."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOOKS_LIKE_A_PLAYBOOK = re.compile(r"\s*-?\s*(?:hosts|include|(?:ansible\.builtin\.)?import_playbook):")


def listed(directory: Path, names: list[str]) -> set[str]:
    """Return what AWX would offer of these files, by its rule.

    A `.yml` or `.yaml` file with a line that begins with `hosts:`, `include:` or `import_playbook:`, or an encrypted
    one, but none below `roles`, `tasks`, `group_vars`, `host_vars` or a folder with a dot. It follows no links.
    """
    offered = set()
    for name in names:
        path = Path(name)
        parts = set(path.parts)
        if path.suffix not in (".yml", ".yaml") or parts & {"roles", "tasks", "group_vars", "host_vars"}:
            continue
        file = directory / path
        if any(part.startswith(".") for part in parts) or not file.is_file():
            continue
        lines = file.read_text(encoding="utf-8", errors="ignore").splitlines()
        if lines[:1] and lines[0].startswith("$ANSIBLE_VAULT;") or any(map(LOOKS_LIKE_A_PLAYBOOK.match, lines)):
            offered.add(name)
    return offered


def test_awx_lists_the_procedures_and_nothing_else() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip("not a git checkout: what belongs to the project is not known")
    names = made.stdout.splitlines()
    playbooks = {name for name in names if re.fullmatch(r"playbooks/[^/]+\.yml", name) and (ROOT / name).exists()}
    assert listed(ROOT, names) == playbooks


@pytest.mark.parametrize(
    ("name", "text", "offered"),
    [
        ("a.yml", "- hosts: all\n", True),
        ("a.yml", "- name: A\n  hosts: all\n", True),
        ("inventory/hosts.yaml", "all:\n  hosts:\n    one:\n", True),
        ("a.yml", "- import_playbook: b.yml\n", True),
        ("a.yml", "- ansible.builtin.import_playbook: b.yml\n", True),
        ("a.yml", "$ANSIBLE_VAULT;1.1;AES256\n33\n", True),
        ("a.yml", "all: {hosts: {one: }}\n", False),
        ("a.yml", 'all:\n  "hosts":\n    one:\n', False),
        ("a.json", "  hosts:\n", False),
        (".config/a.yml", "- hosts: all\n", False),
        ("roles/a/tasks/main.yml", "- hosts: all\n", False),
        ("inventory/group_vars/all.yml", "hosts: x\n", False),
    ],
)
def test_the_rule(tmp_path: Path, name: str, text: str, offered: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert listed(tmp_path, [name]) == ({name} if offered else set())
