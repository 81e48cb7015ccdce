# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollback levels over SSH: from the command to the verified effect, beside a bare ssh script of the same steps.

Uses the containers of the molecule scenarios; ``make bench`` starts and removes them.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from results import BenchError, Limits

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "molecule/resources/containers"
SSH = ["ssh", "-F", str(ROOT / ".ansible/containers/ssh_config"), "assistant1"]
FLEET = 50
# No wait is longer. A script on a host stops by itself, an assistant that never answers included.
SCRIPT_SECONDS = 300
PLAYBOOK_SECONDS = 600
HOSTS_SECONDS = 900

# What the procedures do, without looking left or right: no validation, no journal, no lease, no fence, no undo.
WRITE = r"""
set -e
dropin=/etc/systemd/system/kumon-assistant.service.d
mkdir -p /etc/kumon-assistant $dropin
printf '[Service]\nEnvironmentFile=-/etc/kumon-assistant/runbook.env\n' > $dropin/zz-runbook.conf
log=/var/log/kumon-assistant/app.log
declare_and_restart() {
  printf '%s\n' "$@" > /etc/kumon-assistant/runbook.env
  systemctl daemon-reload
  systemctl restart kumon-assistant
  from=$(stat -c %s $log)
}
effective() {
  tr '\0' '\n' < /proc/$(systemctl show -p MainPID --value kumon-assistant)/environ | grep -qx "$1"
}
healthy() { until curl -sf --max-time 2 http://127.0.0.1:8000/health | grep -q "$1"; do sleep 0.05; done; }
read_again() { until tail -c +$from $log | grep -q 'OUTBOX_TRACE|phase=delivery'; do sleep 0.05; done; sleep 0.5; }
"""
BARE = {
    1: WRITE
    + r"""
declare_and_restart DELIVERY_DISABLE=true
healthy '"delivery_disabled":true'
effective DELIVERY_DISABLE=true
read_again
! tail -c +$from $log | grep -q '^INFO:app.core.observability.structured_logging:DELIVERY_TRACE|action=send'
""",
    2: WRITE
    + r"""
set -- OUTBOX_V2_ENFORCED=false TEMPLATE_VARIABLE_POLICY_V2=false STRICT_ENUM_STAGESTEP=false ROUTER_V2_SHADOW=true
declare_and_restart "$@"
healthy '"status":"healthy"'
effective OUTBOX_V2_ENFORCED=false
effective ROUTER_V2_SHADOW=true
read_again
! tail -c +$from $log | grep -q '^ERROR:app.core.observability.structured_logging:OUTBOX_GUARD'
""",
    3: r"""
set -e
cd /opt/kumon-assistant
good=$(runuser -u kumon -- git log --format=%H --grep='Release 2' -1)
runuser -u kumon -- git checkout -q --force --detach $good
"""
    + (
        PIP := r"""
cd /opt/kumon-assistant
runuser -u kumon -- python3 -m venv --system-site-packages .venv.bare
runuser -u kumon -- .venv.bare/bin/pip install -q --no-index --find-links /srv/wheels -r requirements.txt
"""
    )
    + r"""
mv .venv .venv.old
ln -s .venv.bare .venv
log=/var/log/kumon-assistant/app.log
systemctl restart kumon-assistant
from=$(stat -c %s $log)
until curl -sf --max-time 2 http://127.0.0.1:8000/health | grep -q '"status":"healthy"'; do sleep 0.05; done
until tail -c +$from $log | grep -q 'OUTBOX_TRACE|phase=delivery'; do sleep 0.05; done
""",
}
# Seconds beyond the service's own restart, and at level 3 beyond pip's own time.
LIMITS = {1: 2.5, 2: 5.0, 3: 15.0}
BUDGETS = {1: 30, 2: 120, 3: 300}
RESTART = """
systemctl restart kumon-assistant
until curl -sf --max-time 2 -o /dev/null http://127.0.0.1:8000/health; do sleep 0.02; done
"""
# What the runbooks and the bare scripts wrote, and nothing else: how a release is started is the host's own.
RESET = (
    """
set -e
dropin=/etc/systemd/system/kumon-assistant.service.d
fence=kumon-runbook-fence-kumon-assistant.service
if [ -e /etc/systemd/system/$fence ]; then
  systemctl stop $fence
  rm -f /etc/systemd/system/$fence /etc/systemd/system/multi-user.target.wants/$fence
fi
nft delete table inet kumon_runbook_kumon-assistant 2>/dev/null || true
rm -rf /etc/kumon-assistant/* $dropin/zz-runbook.conf $dropin/90-runbook.conf /var/lib/kumon-runbook
systemctl daemon-reload
"""
    + RESTART
)
RELEASES = "rm -rf /opt/kumon-assistant/.venv.old /opt/kumon-assistant/.venv.bare; /srv/host/releases" + RESTART


def run(
    what: str, command: list[str], seconds: float, script: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, for at most ``seconds``.

    :raises BenchError: when it fails or takes longer, with the end of what it printed
    """
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{what} has not ended after {seconds:g} s") from error
    if done.returncode:
        raise BenchError(f"{what} failed with exit {done.returncode}:\n{done.stdout[-3000:]}")
    return done


def on_host(what: str, script: str) -> float:
    """Run a script as root on the host and return its wall time in seconds."""
    begun = time.perf_counter()
    run(what, [*SSH, "sudo", "timeout", str(SCRIPT_SECONDS), "sh"], SCRIPT_SECONDS + 30, script)
    return time.perf_counter() - begun


def playbook(name: str, *options: str) -> tuple[float, float]:
    """Run a playbook; return the seconds until its effect was observed, and until it ended."""
    with tempfile.TemporaryDirectory() as directory:
        timeline = Path(directory) / "timeline.json"
        begun = time.perf_counter()
        command = [str(ROOT / ".venv/bin/ansible-playbook"), *options, str(ROOT / f"playbooks/{name}.yml")]
        run(name, command, PLAYBOOK_SECONDS, env={"KUMON_RUNBOOK_TIMELINE_JSON": str(timeline)})
        whole = time.perf_counter() - begun
        told = json.loads(timeline.read_text(encoding="utf-8"))
    # Messages and evidence come after the effect.
    return whole - (told["seconds"] - told["observed_seconds"]), whole


@contextmanager
def hosts() -> Iterator[Path]:
    """Fresh hosts with the assistant in service; the fleet is an inventory that names them over and over."""
    environment = {"CONTAINERS_CONF": str(ROOT / "molecule/resources/containers.conf")}
    try:
        run("containers up", [str(CONTAINERS), "up", "systemd"], HOSTS_SECONDS, env=environment)
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
        run("containers down", [str(CONTAINERS), "down"], SCRIPT_SECONDS, env=environment)


def level(limits: Limits, number: int, reset: str, times: int, *options: str) -> None:
    """One level on one host, as medians, everything in turn so that the machine's moods hit all alike."""
    one = [f"--inventory={ROOT}/molecule/inventory/hosts.yml", "--limit=assistant1", *options]
    starts, pips, bare, ours, whole = [], [], [], [], []
    for _n in range(times):
        on_host("the reset", reset)
        starts.append(on_host("the restart", RESTART))
        if number == 3:
            pips.append(on_host("pip", PIP))
            on_host("the reset", reset)
        bare.append(on_host("the bare script", BARE[number]))
        on_host("the reset", reset)
        verified, ended = playbook(f"rollback_level{number}", *one)
        ours.append(verified)
        whole.append(ended)
    start, script, effect = (statistics.median(values) for values in (starts, bare, ours))
    own = start + (statistics.median(pips) if pips else 0)
    print(f"level {number} over SSH, medians of {times}")
    limits.show("the service's own restart, to its first answer", start, None, " s")
    if pips:
        limits.show("venv and pip by themselves", statistics.median(pips), None, " s")
    limits.show("a bare ssh script of the same steps", script, None, " s")
    limits.show(f"rollback_level{number}.yml, command to verified effect", effect, None, " s")
    limits.show("verified effect beyond what is the service's and pip's", effect - own, LIMITS[number], " s")
    limits.show("verified effect / bare script", effect / script)
    limits.show("the whole command, with its report", statistics.median(whole), BUDGETS[number], " s")


def fleet_of(limits: Limits, fleet: Path) -> None:
    """Level 1 on many names at once."""
    # The kill-switch is in force on both hosts now or after the first run: names that share a host do not fight.
    playbook("rollback_level1", f"--inventory={ROOT}/molecule/inventory/hosts.yml")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _observed, seconds = playbook("rollback_level1", f"--inventory={fleet}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{FLEET} hosts in one run (two containers under {FLEET} names, kill-switch in force)")
    # Here the hosts share the controller's cores, so the budget is held against what is the controller's alone.
    limits.show("the whole command, controller and hosts on the same cores", seconds, None, " s")
    limits.show("the controller's CPU seconds a host", cpu / FLEET, None, " s")
    limits.show("the controller's CPU seconds, spread over its cores", cpu / (os.cpu_count() or 1), 30, " s")


def bench(limits: Limits) -> None:
    """Measure each level on one host, and level 1 on a fleet; one that fails does not keep the others from theirs."""
    venv = ["-e", "runbook_venv_dir=/opt/kumon-assistant/.venv", "-e", "rollback_wheelhouse=/srv/wheels"]
    with limits.part("hosts"), hosts() as fleet:
        with limits.part("level 1"):
            level(limits, 1, RESET, 5)
        with limits.part("level 2"):
            level(limits, 2, RESET, 5)
        with limits.part("fleet"):
            on_host("the reset", RESET)
            fleet_of(limits, fleet)
        # Last: whatever becomes of the releases, the others have their figures.
        with limits.part("level 3"):
            on_host("the reset", RESET)
            level(limits, 3, RELEASES, 3, *venv, "-e", "rollback_min_free_mb=20")
