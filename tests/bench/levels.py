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
import shlex
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from results import BenchError, Limits

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "molecule/resources/containers"
HOSTS = ("assistant1", "assistant2")
SSH = ["ssh", "-F", str(ROOT / ".ansible/containers/ssh_config")]
FLEETS = (1, 10, 50, 100)
COUNTERS = "curl -sS -m 3 http://127.0.0.1:8080/__stand_in/counters"
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
# Verified effect, as a multiple of the bare script's.
LIMITS = {1: 1.6, 2: 1.5, 3: 1.3}
# Seconds after the command began in which the last message may leave, over a kept connection; a first one costs more.
LAST_OUT, FIRST_CONNECTION = 1.2, 0.6
# The same of a fleet, as multiples of break-glass over as many connections of bare ssh at once.
FLEET_LAST_OUT, FLEET_EFFECT = 1.5, 4.0
BREAK_GLASS = "/usr/local/sbin/runbook-break-glass"
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
find /etc/kumon-assistant -mindepth 1 ! -name break-glass.conf -delete 2>/dev/null || true
rm -rf $dropin/zz-runbook.conf $dropin/90-runbook.conf /var/lib/kumon-runbook
systemctl daemon-reload
"""
    + RESTART
)
# How long the service gives no answer, while anything is done to it.
OUTAGE = """
import os, sys, time, urllib.request
stop, last, longest = "/run/bench-outage-over", time.monotonic(), 0.0
open("/run/bench-outage-begun", "w").close()
while not os.path.exists(stop):
    try:
        urllib.request.urlopen("http://127.0.0.1:8000/health", timeout=2).read()
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    except OSError:
        pass
    time.sleep(0.02)
print(longest)
"""
# With the trial, as a multiple of without: what is tried is tried while the service runs.
OUTAGE_GROWS = 1.25
RELEASES = "rm -rf /opt/kumon-assistant/.venv.old /opt/kumon-assistant/.venv.bare; /srv/host/releases" + RESTART


def run(
    what: str, command: list[str], seconds: float, script: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, for at most ``seconds``.

    :raises BenchError: when it fails or takes longer, with the first that failed and the end of what it printed
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
        first = next((line for line in done.stdout.splitlines() if line.startswith(("fatal: ", "[ERROR]"))), "")
        told = "\n".join(filter(None, (first[:1000], done.stdout[-1000:])))
        raise BenchError(f"{what} failed with exit {done.returncode}:\n{told}")
    return done


def on_host(what: str, script: str, host: str = HOSTS[0]) -> float:
    """Run a script as root on the host and return its wall time in seconds."""
    begun = time.perf_counter()
    run(what, [*SSH, host, "sudo", "timeout", str(SCRIPT_SECONDS), "sh"], SCRIPT_SECONDS + 30, script)
    return time.perf_counter() - begun


def connection(kept: bool, host: str = HOSTS[0]) -> None:
    """Have a connection that the next command finds, or have none."""
    if kept:
        # As the project's ansible.cfg keeps them.
        run("connection", [*SSH, "-o", "ControlMaster=auto", "-o", "ControlPersist=60s", host, "true"], 30)
    else:
        run("connection", ["sh", "-c", f"{shlex.join([*SSH, '-O', 'exit', host])} || true"], 30)


def last_out(begun: float, hosts: Iterable[str] = HOSTS[:1]) -> float:
    """Seconds from ``begun`` until the gateways of these hosts were asked for the last time, by their own clock."""
    told = [run("the gateway's counter", [*SSH, host, COUNTERS], 30).stdout for host in hosts]
    return max(float(json.loads(answer)["last"]) for answer in told) - begun


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


def floor(directory: Path) -> float:
    """Seconds that Ansible takes by itself for one raw command over a kept connection: no procedure is faster."""
    path = directory / "floor.yml"
    path.write_text("- hosts: all\n  gather_facts: false\n  tasks:\n    - raw: 'true'\n", encoding="utf-8")
    begun = time.perf_counter()
    one = [f"--inventory={ROOT}/molecule/inventory/hosts.yml", f"--limit={HOSTS[0]}"]
    run("an empty play", [str(ROOT / ".venv/bin/ansible-playbook"), *one, str(path)], PLAYBOOK_SECONDS)
    return time.perf_counter() - begun


def outage(name: str, *options: str) -> tuple[float, float]:
    """Run a playbook; return the seconds until its effect was observed, and for how long the service did not answer."""
    on_host("the outage's marks", "rm -f /run/bench-outage-*")
    watch = subprocess.Popen(
        [*SSH, HOSTS[0], "sudo", "timeout", str(PLAYBOOK_SECONDS), "python3", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watch.stdin
        watch.stdin.write(OUTAGE)
        watch.stdin.close()
        watch.stdin = None
        on_host("the outage's begin", "until [ -e /run/bench-outage-begun ]; do sleep 0.05; done")
        effect, _whole = playbook(name, *options)
        on_host("the outage's end", "touch /run/bench-outage-over")
        told, _none = watch.communicate(timeout=30)
    finally:
        watch.kill()
        watch.wait()
    return effect, float(told)


def trial(limits: Limits, times: int, *options: str) -> None:
    """What it costs to try a release before it is put in place, in turn with not trying it."""
    one = [f"--inventory={ROOT}/molecule/inventory/hosts.yml", f"--limit={HOSTS[0]}", *options]
    seen: dict[str, list[tuple[float, float]]] = {"never": [], "auto": []}
    for _n in range(times):
        for wish, rows in seen.items():
            on_host("the reset", RELEASES)
            connection(kept=True)
            rows.append(outage("rollback_level3", *one, "-e", f"rollback_trial={wish}"))

    def median(wish: str, column: int) -> float:
        return statistics.median(row[column] for row in seen[wish])

    print(f"level 3 with the release tried first, medians of {times}")
    limits.show("command to verified effect, not tried", median("never", 0), None, " s")
    limits.show("command to verified effect, tried first", median("auto", 0), BUDGETS[3], " s")
    limits.show("what the trial costs", median("auto", 0) - median("never", 0), None, " s")
    limits.show("the service gives no answer for, not tried", median("never", 1), None, " s")
    limits.show("the service gives no answer for, tried first", median("auto", 1), None, " s")
    limits.show("tried first / not tried", median("auto", 1) / median("never", 1), OUTAGE_GROWS)


@contextmanager
def hosts() -> Iterator[Path]:
    """Fresh hosts with the assistant in service, and a directory for what is needed meanwhile."""
    environment = {"CONTAINERS_CONF": str(ROOT / "molecule/resources/containers.conf")}
    try:
        run("containers up", [str(CONTAINERS), "up", "systemd", *HOSTS], HOSTS_SECONDS, env=environment)
        with tempfile.TemporaryDirectory() as directory:
            yield Path(directory)
    finally:
        run("containers down", [str(CONTAINERS), "down"], SCRIPT_SECONDS, env=environment)


def inventory(directory: Path, number: int) -> Path:
    """So many names for the few hosts, each with a connection of its own."""
    lines = ["assistant:", "  hosts:"]
    for n in range(number):
        lines += [f"    host{n:02d}:", f"      ansible_host: {HOSTS[n % len(HOSTS)]}"]
    lines += [
        "  vars:",
        f"    ansible_ssh_common_args: -F '{ROOT}/.ansible/containers/ssh_config'",
        f"    ansible_control_path: {directory}/{number}-{{{{ inventory_hostname }}}}",
        "    ansible_ssh_retries: 5",
    ]
    path = directory / f"fleet{number}" / "hosts.yml"
    path.parent.mkdir()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (path.parent / "group_vars").symlink_to(ROOT / "molecule/inventory/group_vars")
    return path


def level(limits: Limits, directory: Path, number: int, reset: str, times: int, *options: str) -> None:
    """One level on one host, as medians, everything in turn so that the machine's moods hit all alike."""
    one = [f"--inventory={ROOT}/molecule/inventory/hosts.yml", f"--limit={HOSTS[0]}", *options]
    starts: list[float] = []
    pips: list[float] = []
    ratios: list[float] = []
    floors: list[float] = []
    own: list[float] = []
    seen: dict[tuple[str, bool], list[tuple[float, float, float]]] = {}
    for _n in range(times):
        on_host("the reset", reset)
        starts.append(on_host("the restart", RESTART))
        if number == 3:
            pips.append(on_host("pip", PIP))
        for kept in (False, True) if number == 1 else (True,):
            on_host("the reset", reset)
            connection(kept)
            begun = time.time()
            script = on_host("the bare script", BARE[number])
            seen.setdefault(("bare", kept), []).append((script, last_out(begun), script))
            on_host("the reset", reset)
            connection(kept)
            begun = time.time()
            effect, whole = playbook(f"rollback_level{number}", *one)
            seen.setdefault(("ours", kept), []).append((effect, last_out(begun), whole))
            if kept:
                ratios.append(effect / script)
                floors.append(floor(directory))
                own.append((effect - floors[-1]) / script)

    def median(who: str, kept: bool, column: int) -> float:
        return statistics.median(row[column] for row in seen[who, kept])

    print(f"level {number} over SSH, one host, medians of {times}")
    limits.show("the service's own restart, to its first answer", statistics.median(starts), None, " s")
    if pips:
        limits.show("venv and pip by themselves", statistics.median(pips), None, " s")
    if number == 1:
        for kept, limit in ((False, LAST_OUT + FIRST_CONNECTION), (True, LAST_OUT)):
            by = "kept" if kept else "first"
            limits.show(f"last message out, bare ssh script, {by} connection", median("bare", kept, 1), None, " s")
            limits.show(f"last message out, rollback_level1.yml, {by} connection", median("ours", kept, 1), limit, " s")
        limits.show("a bare ssh script of the same steps, first connection", median("bare", False, 0), None, " s")
        limits.show("command to verified effect, first connection", median("ours", False, 0), None, " s")
    limits.show("a bare ssh script of the same steps", median("bare", True, 0), None, " s")
    limits.show(f"rollback_level{number}.yml, command to verified effect", median("ours", True, 0), None, " s")
    limits.show("verified effect / bare script", statistics.median(ratios), LIMITS[number])
    limits.show("Ansible's own share: a play of one raw command", statistics.median(floors), None, " s")
    limits.show("verified effect / bare script, without that share", statistics.median(own), None)
    limits.show("the whole command, with its report", median("ours", True, 2), BUDGETS[number], " s")


def install_break_glass() -> None:
    """On each host, as people prepare it. Other items are missing there, so that the preparation fails all the same."""
    given = [f"--inventory={ROOT}/molecule/inventory/hosts.yml", "-e", "go_live_check=none"]
    command = [str(ROOT / ".venv/bin/ansible-playbook"), *given, str(ROOT / "playbooks/prepare_go_live.yml")]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PLAYBOOK_SECONDS, check=False)
    for host in HOSTS:
        on_host("break-glass", f"test -x {BREAK_GLASS}", host)


def bare_fleet(directory: Path, number: int) -> float:
    """Break-glass on all names at once over connections that are kept; seconds until the last one has ended."""
    begun = time.perf_counter()
    ways = [["-o", f"ControlPath={directory}/{number}-host{n:02d}", HOSTS[n % len(HOSTS)]] for n in range(number)]
    command = ["sudo", BREAK_GLASS, "level1"]
    calls = [subprocess.Popen([*SSH, *way, *command], stdout=subprocess.DEVNULL) for way in ways]
    for call in calls:
        if call.wait(timeout=SCRIPT_SECONDS):
            raise BenchError(f"break-glass over ssh failed with exit {call.returncode}")
    return time.perf_counter() - begun


def fleet_of(limits: Limits, directory: Path, number: int) -> None:
    """Level 1 on many names at once, the kill-switch off before; then over kept connections, beside bare ssh."""
    hosts = inventory(directory, number)
    options = (f"--inventory={hosts}", "-e", "rollback_break_glass_from=1", "-e", "rollback_lease_wait=120")
    print(f"level 1 over SSH, {number} hosts in one run ({len(HOSTS)} containers under {number} names)")
    for kept in (False, True):
        if kept:
            for host in HOSTS:
                on_host("the reset", RESET, host)
            begun = time.time()
            bare = bare_fleet(directory, number)
            bare_last = last_out(begun, HOSTS[:number])
            limits.show("bare parallel ssh of break-glass, last message out of all", bare_last, None, " s")
            limits.show("bare parallel ssh of break-glass, to its end", bare, None, " s")
        for host in HOSTS:
            on_host("the reset", RESET, host)
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
        effect, whole = playbook("rollback_level1", *options)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        by = "kept" if kept else "first"
        last = last_out(begun, HOSTS[:number])
        # The hosts share the controller's cores here, so that only the controller's own part has a limit.
        limits.show(f"last message out of all, {by} connections", last, None, " s")
        limits.show(f"command to verified effect, {by} connections", effect, None, " s")
    limits.show("last message out of all / bare ssh", last / bare_last, FLEET_LAST_OUT)
    limits.show("command to verified effect / bare ssh", effect / bare, FLEET_EFFECT)
    limits.show("the whole command, controller and hosts on the same cores", whole, None, " s")
    limits.show("the controller's CPU seconds a host", cpu / number, None, " s")
    limits.show("the controller's CPU seconds, spread over its cores", cpu / (os.cpu_count() or 1), BUDGETS[1], " s")


def bench(limits: Limits) -> None:
    """Measure each level on one host, and level 1 on a fleet; one that fails does not keep the others from theirs."""
    venv = ["-e", "runbook_venv_dir=/opt/kumon-assistant/.venv", "-e", "rollback_wheelhouse=/srv/wheels"]
    with limits.part("hosts"), hosts() as directory:
        install_break_glass()
        with limits.part("level 1"):
            level(limits, directory, 1, RESET, 5)
        with limits.part("level 2"):
            level(limits, directory, 2, RESET, 5)
        for number in FLEETS:
            with limits.part(f"{number} hosts"):
                fleet_of(limits, directory, number)
        # Last: whatever becomes of the releases, the others have their figures.
        with limits.part("level 3"):
            # The bare script tries nothing; what that costs is told beside it.
            fresh = {"CONTAINERS_CONF": str(ROOT / "molecule/resources/containers.conf")}
            run("a host with releases", [str(CONTAINERS), "fresh", HOSTS[0], "releases"], HOSTS_SECONDS, env=fresh)
            venv += ["-e", "rollback_min_free_mb=20"]
            level(limits, directory, 3, RELEASES, 3, *venv, "-e", "rollback_trial=never")
            trial(limits, 3, *venv)
