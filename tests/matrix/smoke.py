# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run on one version of ansible-core what tells versions apart: smoke.py CORE ANSIBLE_PLAYBOOK DIRECTORY.

A fresh desk's report, a full diagnosis without a smoke test on record, level 1 on the demo's scene, and each playbook's
refusal. `scripts/matrix` calls it with the Python that has what the scene needs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "assistant"))

from scene import Scene  # noqa: E402 - found by the line above

# What a playbook cannot begin without.
NEEDED = {"roll_forward": ["-e", "level=1"]}
REFUSAL = "este é o inventário da demonstração e a cena não está no ar"
# What touches no host of the inventory says what it lacks itself: here there is ansible-core alone.
REFUSALS = {"configure_awx": "a coleção awx.awx não está instalada", "replay": "log é o caminho de um log"}
# Of a run that hangs; the whole set takes half a minute on an idle machine.
LIMIT = 180


class Smoke:
    """The runs of one version, and what was wrong with them."""

    def __init__(self, core: str, program: str, directory: Path) -> None:
        self.core, self.program, self.directory = core, program, directory
        self.wrong: list[str] = []
        self.settings: dict[str, str] = {}
        """What somebody has set for Ansible."""

    def run(self, name: str, *options: str, scene: Path) -> tuple[int, str, dict[str, Any]]:
        """Run a playbook from its directory, as people type it; return exit, output and the result with its types."""
        kept = self.directory / "result.json"
        kept.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment |= {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.directory / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "matrix" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "kumon.runbook.timeline,keep_result",
            "COLUMNS": "1000",
            "KEEP_RESULT": str(kept),
            "RUNBOOK_DEMO_DIR": str(scene),
            **self.settings,
        }
        begun = time.monotonic()
        done = subprocess.run(
            [self.program, f"{name}.yml", *options],
            cwd=ROOT / "playbooks",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        print(f"{self.core}: {name} {' '.join(options)} exit {done.returncode}, {time.monotonic() - begun:.1f} s")
        result = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        return done.returncode, done.stdout, result.get("runbook_result") or {}

    def judge(self, output: str, *expected: tuple[bool, str]) -> None:
        """Note what does not hold, and show the run's output then."""
        wrong = [what for holds, what in expected if not holds]
        self.wrong += wrong
        if wrong:
            lines = [*(f"WRONG: not {what}" for what in wrong), *output.splitlines()[-40:]]
            print("\n".join(f"{self.core}:     {line}" for line in lines), flush=True)

    def works(self, name: str, *options: str, status: str, level: int, slow: str = "") -> None:
        """Run a playbook that has to reach its goal; `slow` is how it may end where its limits are too short."""
        code, output, result = self.run(name, *options, scene=self.directory)
        if slow and result.get("status") == slow:
            print(f"{self.core}: {name} found this machine too slow and ends as {slow}, which is right")
            code, status = int(code == 0), slow
        seen, budget = (result.get("status"), result.get("level")), result.get("budget_seconds")
        self.judge(
            output,
            (code == 0, f"exit 0 of {name}"),
            (seen == (status, level), f"{name} ends as {(status, level)} where it has {seen}"),
            (isinstance(budget, (int, float)), f"a number as the budget of {name}, where it has {budget!r}"),
            ("timeline is incomplete" not in output.lower(), f"a whole timeline of {name}"),
            ("[DEPRECATION" not in output, f"{name} without what a later version drops"),
        )

    def refusals(self) -> None:
        """Run each playbook on the demo inventory without a scene."""
        nowhere = self.directory / "no-scene"
        for path in sorted((ROOT / "playbooks").glob("[a-z]*.yml")):
            code, output, _result = self.run(path.stem, *NEEDED.get(path.stem, []), scene=nowhere)
            refused = code != 0 and REFUSALS.get(path.stem, REFUSAL) in " ".join(output.split())
            self.judge(output, (refused, f"{path.stem} says what to do"))


def main() -> int:
    """Run the set; exit 0 only when everything is as it should be."""
    core, program, directory = sys.argv[1], str(Path(sys.argv[2]).absolute()), Path(sys.argv[3]).absolute()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    smoke, begun = Smoke(core, program, directory), time.monotonic()
    with Scene(directory, python=sys.executable) as scene:
        scene.traffic(rate=20, seconds=600)
        smoke.works("incident_report", "-e", "report_since=1h", status="ok", level=0)
        smoke.works("diagnose", "-e", "depth=full", status="ok", level=0, slow="blind")
        # What a later ansible-core has as its default, and careful people today.
        smoke.settings = {"ANSIBLE_INJECT_FACT_VARS": "False"}
        # Nobody to tell: the messages have scenarios of their own.
        smoke.works("rollback_level1", "-e", '{"runbook_contacts": {}}', status="proven", level=1)
        # The way back has an include of its own at each step.
        forward = '{"runbook_contacts": {}, "level": "1", "roll_forward_force": true}'
        smoke.works("roll_forward", "-e", forward, status="proven", level=1)
        smoke.settings = {}
    smoke.refusals()
    outcome = "NOT AS EXPECTED" if smoke.wrong else "as expected"
    print(
        f"{core}: {outcome} after {time.monotonic() - begun:.0f} s" + "".join(f"\n  not {what}" for what in smoke.wrong)
    )
    return 1 if smoke.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
