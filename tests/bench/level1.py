# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill-switch over SSH: from the command to its verified effect, beside a bare ssh script of the same steps.

Uses the containers of the molecule scenarios; ``make bench`` starts and removes them.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "molecule/resources/containers"
SSH = ["ssh", "-F", str(ROOT / ".ansible/containers/ssh_config"), "assistant1"]
FLEET = 50

# What rollback_level1.yml does, without looking left or right: no validation, no journal, no fence, no undo.
BARE = r"""
set -e
dropin=/etc/systemd/system/kumon-assistant.service.d
mkdir -p /etc/kumon-assistant $dropin
echo DELIVERY_DISABLE=true > /etc/kumon-assistant/runbook.env
printf '[Service]\nEnvironmentFile=-/etc/kumon-assistant/runbook.env\n' > $dropin/90-runbook.conf
systemctl daemon-reload
systemctl restart kumon-assistant
log=/var/log/kumon-assistant/app.log
from=$(stat -c %s $log)
until curl -sf --max-time 2 http://127.0.0.1:8000/health | grep -q '"delivery_disabled":true'; do sleep 0.05; done
tr '\0' '\n' < /proc/$(systemctl show -p MainPID --value kumon-assistant)/environ | grep -qx DELIVERY_DISABLE=true
until tail -c +$from $log | grep -q 'OUTBOX_TRACE|phase=delivery'; do sleep 0.05; done
sleep 0.5
! tail -c +$from $log | grep -q '^INFO:app.core.observability.structured_logging:DELIVERY_TRACE|action=send'
"""
RESTART = """
systemctl restart kumon-assistant
until curl -sf --max-time 2 -o /dev/null http://127.0.0.1:8000/health; do sleep 0.02; done
"""
RESET = (
    """
rm -rf /etc/kumon-assistant/* /etc/systemd/system/kumon-assistant.service.d /var/lib/kumon-runbook
systemctl daemon-reload
"""
    + RESTART
)


def on_host(script: str) -> float:
    """Run a script as root on the host and return its wall time in seconds."""
    begun = time.perf_counter()
    subprocess.run([*SSH, "sudo", "sh"], input=script, text=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def playbook(name: str, *options: str) -> tuple[float, float]:
    """Run a playbook; return the seconds until its effect was verified, and until it ended."""
    with tempfile.NamedTemporaryFile("r") as log:
        begun = time.time()
        run = subprocess.run(
            [str(ROOT / ".venv/bin/ansible-playbook"), *options, str(ROOT / f"playbooks/{name}.yml")],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_LOG_PATH": log.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        ended = time.time()
        if run.returncode:
            raise SystemExit(f"{name} failed:\n{run.stdout}")
        # The effect is verified when the task after the judgement begins.
        found = re.search(
            r"^(\S+ \S+),(\d{3}) .*TASK \[\S+ : Outcome \| Note what was proven", log.read(), re.MULTILINE
        )
    verified = ended
    if found:
        verified = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").timestamp() + int(found[2]) / 1000
    return verified - begun, ended - begun


@contextmanager
def hosts() -> Iterator[Path]:
    """Fresh hosts with the assistant in service; the fleet is an inventory that names them over and over."""
    environment = {**os.environ, "CONTAINERS_CONF": str(ROOT / "molecule/resources/containers.conf")}
    subprocess.run([str(CONTAINERS), "up"], check=True, env=environment)
    try:
        subprocess.run(
            [
                str(ROOT / ".venv/bin/ansible-playbook"),
                f"--inventory={ROOT}/molecule/inventory/hosts.yml",
                str(ROOT / "molecule/resources/prepare.yml"),
            ],
            check=True,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        with tempfile.TemporaryDirectory() as directory:
            fleet = Path(directory) / "fleet.yml"
            lines = ["assistant:", "  hosts:"]
            for n in range(FLEET):
                lines += [f"    host{n:02d}:", f"      ansible_host: assistant{1 + n % 2}"]
            config = ROOT / ".ansible/containers/ssh_config"
            lines += [
                "  vars:",
                f"    ansible_ssh_common_args: -F '{config}'",
                f"    ansible_control_path: {directory}/%%n-{{{{ inventory_hostname }}}}",
            ]
            lines += ["    ansible_ssh_retries: 5"]
            fleet.write_text("\n".join(lines) + "\n", encoding="utf-8")
            yield fleet
    finally:
        subprocess.run([str(CONTAINERS), "down"], check=True, env=environment)


def bench(limits) -> None:
    """Measure one host, and a fleet."""
    one = [f"--inventory={ROOT}/molecule/inventory/hosts.yml", "--limit=assistant1"]
    with hosts() as fleet:
        starts, bare, ours, whole = [], [], [], []
        for _n in range(5):
            on_host(RESET)
            starts.append(on_host(RESTART))
            on_host(RESET)
            bare.append(on_host(BARE))
            on_host(RESET)
            verified, ended = playbook("rollback_level1", *one)
            ours.append(verified)
            whole.append(ended)
        start, script, effect = (statistics.median(values) for values in (starts, bare, ours))
        print("level 1 over SSH, medians of 5")
        limits.show("the service's own restart, to its first answer", start, None, " s")
        limits.show("a bare ssh script of the same steps", script, None, " s")
        limits.show("rollback_level1.yml, command to verified effect", effect, None, " s")
        limits.show("verified effect beyond the service's own restart", effect - start, 2.5, " s")
        limits.show("verified effect / bare script", effect / script)
        limits.show("the whole command, with its report", statistics.median(whole), 30, " s")

        # The kill-switch is in force on both hosts now or after the first run: names that share a host do not fight.
        playbook("rollback_level1", f"--inventory={ROOT}/molecule/inventory/hosts.yml")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _verified, seconds = playbook("rollback_level1", f"--inventory={fleet}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{FLEET} hosts in one run (two containers under {FLEET} names, kill-switch in force)")
        # Here the hosts share the controller's cores, so the budget is held against what is the controller's alone.
        limits.show("the whole command, controller and hosts on the same cores", seconds, None, " s")
        limits.show("the controller's CPU seconds a host", cpu / FLEET, None, " s")
        limits.show("the controller's CPU seconds, spread over its cores", cpu / (os.cpu_count() or 1), 30, " s")
