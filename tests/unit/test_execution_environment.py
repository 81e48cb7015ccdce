# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-builder makes of the descriptions of an execution environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILDER = str(Path(sys.executable).with_name("ansible-builder"))


def built(directory, name):
    """The recipe that ansible-builder writes, beside a tarball; its stages by their names."""
    (directory / name).write_text((ROOT / name).read_text(encoding="utf-8"))
    (directory / "kumon-runbook-1.2.3.tar.gz").touch()
    command = [BUILDER, "create", "-f", name, "-c", "context", "--output-filename", "Containerfile"]
    run = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (directory / "context/_build/collections/kumon-runbook-1.2.3.tar.gz").exists()
    parts = (directory / "context" / "Containerfile").read_text(encoding="utf-8").split("\nFROM ")
    return {"args": parts[0], **{part.split("\n")[0].split()[-1]: part for part in parts[1:]}}


def test_the_collection_says_what_it_needs_on_each_platform():
    command = [BUILDER, "introspect", str(ROOT / "playbooks" / "collections")]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    needed = yaml.safe_load(run.stdout)
    assert [line.split()[0] for line in needed["python"]] == ["matplotlib>=3.9,<4"]
    assert [line.partition("  #")[0] for line in needed["system"]] == [
        "openssh-client [platform:dpkg]",
        "openssh-clients [platform:rpm]",
    ]


@pytest.mark.parametrize(
    ("name", "manager", "brings_pip"),
    [
        ("execution-environment.yml", "/usr/bin/microdnf", True),
        ("execution-environment-debian.yml", "/usr/bin/apt-get", False),
    ],
)
def test_a_description_makes_an_image_with_the_collection_and_what_it_needs(tmp_path, name, manager, brings_pip):
    stages = built(tmp_path, name)
    assert f'ARG PKGMGR="{manager}"' in stages["args"]
    assert "ansible-core>=2.18" in stages["args"]
    assert ("/pip_install" in stages["base"]) == brings_pip
    # The tarball is found by its name of every version.
    galaxy = stages["galaxy"]
    assert galaxy.index("RUN mv /tmp/collections/kumon-runbook-*.tar.gz") < galaxy.index("collection install")
    # By which a job of configure_awx talks to AWX.
    wanted = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())["collections"]
    assert [one["name"] for one in wanted] == ["/tmp/collections/kumon-runbook.tar.gz", "awx.awx"]
    # What the collection asks for is looked up and installed.
    assert "introspect.py introspect" in stages["builder"]
    assert "install-from-bindep" in stages["final"]
