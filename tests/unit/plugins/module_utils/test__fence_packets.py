# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fence by the kernel's own packets, around users and containers, in namespaces that end with the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).with_name("fenced_hosts.py")
ALONE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a network of its own to make")
def test_no_packet_leaves(request, tmp_path):
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", str(TESTS)]
    # In the usual place pytest would shut the directory that the tests beside it are in.
    argv.append(f"--basetemp={tmp_path / 'fenced'}")
    run = {"cwd": request.config.rootpath, "capture_output": True, "text": True, "timeout": 240}
    done = subprocess.run([*ALONE, *argv], check=False, **run)
    assert done.returncode == 0, done.stdout + done.stderr
