# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate's look at a host's disks prints, run as the target runs it, with a df that answers as the test says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DF = """#!/bin/sh
echo Filesystem
case "$*" in
  *gone*) ;;
  -Pi*full*) echo "/dev/a 1000 1000 0 100% /full" ;;
  -Pi*) echo "/dev/a 0 0 0 - /" ;;
  *full*) echo "/dev/a 90 1 8000 1% /full" ;;
  *) echo "/dev/a 90 1 9000 1% /" ;;
esac
"""


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("nowhere/below", ["/dev/a 90 1 9000 1% /"]),
        ("full", ["/dev/a 90 1 8000 1% /full", "files /full"]),
        ("gone", ["unknown {at}/gone"]),
    ],
)
def test_each_place_has_its_disk_or_is_told_as_unknown(tmp_path, path, lines):
    (tmp_path / "df").write_text(DF)
    (tmp_path / "df").chmod(0o755)
    for name in ("full", "gone"):
        (tmp_path / name).mkdir()
    tasks = yaml.safe_load((ROOT / "roles/go_live/tasks/gate_host.yml").read_text(encoding="utf-8"))
    (task,) = [one for one in tasks if one["name"].endswith("disk, clock and privileges")]
    script = task["ansible.builtin.command"]["argv"][2]
    run = subprocess.run(
        ["sh", "-c", script, "sh", "12.5", str(tmp_path / path)],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    head, *rest = run.stdout.splitlines()
    assert (head.split()[0], head.split()[2]) == ("12.5", str(os.getuid()))
    assert rest == [line.format(at=tmp_path) for line in lines]
