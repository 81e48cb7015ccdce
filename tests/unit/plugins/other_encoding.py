# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Python on a host that has another encoding than UTF-8; ASCII is the one for which no locale has to be there."""

from __future__ import annotations

import os
import subprocess
import sys

ELSEWHERE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}


def run_elsewhere(script: str, *arguments: str) -> str:
    """What a script prints there; it can import what this process can."""
    check = "import sys; assert sys.getfilesystemencoding() == 'ascii'\n"
    done = subprocess.run(
        [sys.executable, "-c", check + script, *arguments],
        env={**os.environ, **ELSEWHERE, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
