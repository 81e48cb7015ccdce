# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests see of a host, and how they run a procedure as a person would."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
ENV_FILE = "/etc/kumon-assistant/runbook.env"
DROP_IN = "/etc/systemd/system/kumon-assistant.service.d/90-runbook.conf"
STATE = "/var/lib/kumon-runbook"
# The custom stats are what AWX keeps of a run; people are not shown them.
ENVIRONMENT = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_SHOW_CUSTOM_STATS": "1"}


class Run(NamedTuple):
    """A finished ansible-playbook: its exit code, and what it printed with all white space folded."""

    code: int
    text: str
    seconds: float

    @property
    def observed(self) -> float:
        """Seconds from the command's start to the observed effect; messages and evidence come after that."""
        told = re.search(r"([0-9.]+) s of [0-9.]+ s(?: OVER BUDGET)? \w+ in all ([0-9.]+) s", self.text)
        return self.seconds - (float(told[2]) - float(told[1])) if told else self.seconds


class Assistant:
    """The assistant on one host, by what can be observed of it."""

    PHONE = "5511977770001"  # smoke_test_phone of the scenarios' inventory
    V2 = {
        "OUTBOX_V2_ENFORCED": "true",
        "TEMPLATE_VARIABLE_POLICY_V2": "true",
        "STRICT_ENUM_STAGESTEP": "true",
        "ROUTER_V2_SHADOW": "false",
    }
    V1 = {flag: "true" if value == "false" else "false" for flag, value in V2.items()}

    def __init__(self, host) -> None:
        self.host = host
        self.name = host.backend.hostname

    def sh(self, command: str, *arguments: str) -> str:
        """Run a shell command as root and return its output; it has to succeed."""
        run = self.host.run(command, *arguments)
        assert run.rc == 0, f"{command}: {run.stderr or run.stdout}"
        return run.stdout

    # ------------------------------------------------------------- observing

    def pid(self) -> int:
        """The process that listens on the assistant's port, 0 if there is none."""
        found = re.search(r"pid=(\d+)", self.sh("ss -ltnpH 'sport = :8000'"))
        return int(found.group(1)) if found else 0

    def environment(self) -> dict[str, str]:
        """The running process's own environment."""
        lines = self.sh(f"tr '\\0' '\\n' < /proc/{self.pid()}/environ").splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def environ(self, flag: str) -> str | None:
        """A flag in the running process's own environment."""
        return self.environment().get(flag)

    def flags(self) -> dict[str, str | None]:
        """The flags that tell V1 from V2, in the running process's own environment."""
        found = self.environment()
        return {flag: found.get(flag) for flag in self.V2}

    def health(self, path: str = "/health") -> dict:
        """What the health endpoint answers."""
        return json.loads(self.sh(f"curl -sS --max-time 3 http://127.0.0.1:8000{path}"))

    def asked(self) -> int:
        """How many messages the gateway has been asked to send, by its own count."""
        return json.loads(self.sh("curl -sS --max-time 3 http://127.0.0.1:8080/__stand_in/counters"))["asked"]

    def sends_to(self, phone: str) -> int:
        """How many sends to one phone the assistant's log shows."""
        pattern = f"DELIVERY_TRACE|action=send|.*|phone={phone}|"
        return int(self.sh(f"grep -c {shlex.quote(pattern)} /var/log/kumon-assistant/app.log || true"))

    def asked_within(self, seconds: float) -> int:
        """How many messages the gateway is asked to send in the next seconds."""
        before = self.asked()
        time.sleep(seconds)
        return self.asked() - before

    def journal(self) -> list[dict]:
        """The entries of the runbook's journal on what was done; see `proofs`."""
        return [entry for entry in self._entries() if entry["act"] != "proof"]

    def proofs(self) -> list[tuple]:
        """What the journal has of what was judged: procedure, status."""
        return [(entry["procedure"], entry["after"]["status"]) for entry in self._entries() if entry["act"] == "proof"]

    def _entries(self) -> list[dict]:
        if not self.host.file(f"{STATE}/journal.jsonl").exists:
            return []
        return [json.loads(line) for line in self.sh(f"cat {STATE}/journal.jsonl").splitlines()]

    def git(self, *arguments: str) -> str:
        """What git prints for the assistant's own user, in its work tree."""
        command = " ".join(shlex.quote(argument) for argument in arguments)
        return self.sh(f"runuser -u kumon -- git -C /opt/kumon-assistant {command}").strip()

    def commit(self, subject: str, branch: str = "main") -> str:
        """The commit with this subject."""
        return self.git("log", "--format=%H", "--grep", f"^{subject}$", branch)

    def release(self) -> tuple[str, str | None]:
        """The subject of the commit in place, and the branch that is checked out, if there is one."""
        branch = self.git("branch", "--show-current")
        return self.git("log", "-1", "--format=%s"), branch or None

    def tree(self) -> str:
        """The work tree: every file but environments, and what git says of it."""
        return self.sh(
            "cd /opt/kumon-assistant && find . \\( -path ./.git -o -path './.venv*' -o -name __pycache__ \\) -prune "
            "-o -type f -print0 | sort -z | xargs -0 sha256sum"
        ) + self.git("status", "--porcelain", "--branch")

    def fingerprint(self) -> str:
        """All that a procedure could change: files, process, firewall; not how a smoke test has ended."""
        return self.sh(
            "ls -lR --full-time --ignore=smoke_test.json "
            "/etc/kumon-assistant /etc/systemd/system/kumon-assistant.service.d "
            f"{STATE} 2>/dev/null; nft list ruleset; echo {self.pid()}"
        )

    # ---------------------------------------------------------------- acting

    def restore(self) -> None:
        """Undo what a test did, without help of the collection."""
        self.fault()
        self.gateway()
        self.sh("nft delete table inet kumon_runbook 2>/dev/null || true")
        self.sh(f"rm -rf {ENV_FILE} {DROP_IN} {STATE} /etc/kumon-assistant/filler")
        if self.host.file("/etc/systemd/system/kumon-assistant.service").exists:
            self.sh(
                "systemctl daemon-reload; systemctl reset-failed kumon-assistant; "
                "systemctl kill -s KILL kumon-assistant || true"
            )
            self.sh("truncate -s 0 /var/log/kumon-assistant/app.log; systemctl restart kumon-assistant")
        else:
            self.sh(
                "for p in $(pgrep -u kumon python3); do kill -KILL $p; done; "
                "truncate -s 0 /var/log/kumon-assistant/app.log"
            )
            self.sh("/srv/host/install process")
        self.sh("systemctl start kumon-traffic")
        deadline = time.monotonic() + 15
        while self.asked_within(0.3) == 0:
            assert time.monotonic() < deadline, "the assistant does not send after it was restored"

    def hold(self, owner: str, seconds: int, level: int = 1) -> None:
        """Hold the host as another run would, and as the modules see it."""
        lease = {"run_id": "other", "actor": owner, "procedure": "drill", "level": level, "host": self.name}
        lease |= {"acquired": "2026-01-01T00:00:00Z", "expires": "2026-01-01T00:00:00Z", "pid": 0, "start": 0}
        script = (
            "import json, sys, time; lease = json.loads(sys.argv[1]); now = time.monotonic(); "
            "boot = open('/proc/sys/kernel/random/boot_id').read().strip(); "
            "lease.update(boot=boot, since=now, until=now + int(sys.argv[2])); "
            f"json.dump(lease, open('{STATE}/lease.json', 'w'))"
        )
        self.sh(
            f"mkdir -p {STATE} && touch {STATE}/lease.lock && python3 -c %s %s %s",
            script,
            json.dumps(lease),
            str(seconds),
        )

    def fault(self, **faults) -> None:
        """Inject faults into the assistant; without any, it is sound again."""
        self._control("assistant", faults)

    def gateway(self, **faults) -> None:
        """Inject faults into the gateway."""
        self._control("gateway", faults)

    def _control(self, name: str, faults: dict) -> None:
        text = shlex.quote(json.dumps(faults))
        self.sh(
            f"echo {text} > /run/kumon-control/.{name} && mv /run/kumon-control/.{name} /run/kumon-control/{name}.json"
        )

    def command(self, name: str, *options: str, **variables) -> list[str]:
        """The command of a procedure against this host only."""
        command = ["ansible-playbook", f"--inventory={ROOT}/molecule/inventory/hosts.yml", f"--limit={self.name}"]
        inventory = os.environ.get("MOLECULE_EPHEMERAL_DIRECTORY")
        if inventory:  # what the scenario's molecule.yml sets for its hosts
            command.append(f"--inventory={inventory}/inventory")
        return [*command, f"--extra-vars={json.dumps(variables)}", *options, str(ROOT / f"playbooks/{name}.yml")]

    def playbook(self, name: str, *options: str, **variables) -> Run:
        """Run a procedure against this host only."""
        command = self.command(name, *options, **variables)
        begun = time.monotonic()
        run = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        print(run.stdout)  # pytest shows it when the test fails
        return Run(run.returncode, re.sub(r"\s+", " ", run.stdout), time.monotonic() - begun)

    def kill_at(self, task: int, seconds: float, name: str, **variables) -> str | None:
        """Kill a procedure some seconds after its n-th task began; the task's name, None if it ended before."""
        run = subprocess.Popen(
            self.command(name, **variables),
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert run.stdout
        begun = (line for line in run.stdout if line.startswith("TASK ["))
        found = next(itertools.islice(begun, task, None), None)
        if found:
            time.sleep(seconds)
            os.killpg(run.pid, signal.SIGKILL)
        run.stdout.close()
        run.wait()
        return found and found.strip(" *\n")

    def assert_refuses(self, procedure: str, sentence: str, **variables) -> None:
        """The procedure ends non-zero with this sentence, and nothing on the host was changed."""
        before = self.fingerprint()
        run = self.playbook(procedure, **variables)
        assert run.code != 0
        assert sentence in run.text
        assert self.fingerprint() == before


def host_in(nodeid: str) -> str:
    """The host that a test is for, as it stands in the test's name."""
    return re.search(r"\[(ssh://[\w.-]+?)(?=-|\])", nodeid)[1]


class ByHost(LoadScopeScheduling):
    """Leaves a host's tests to one process, so that the hosts are tested side by side."""

    def _split_scope(self, nodeid):
        return host_in(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Distribute the tests over the processes by their host."""
    return ByHost(config, log)


def pytest_collection_modifyitems(items):
    """Choose each test's host.

    A module with ``testinfra_hosts`` has its own; what molecule passes would come before them. One with ``SPREAD`` has
    tests that need any host, and they are dealt out to all.
    """
    kept, dealt = [], {}
    for item in items:
        host = host_in(item.nodeid)
        own = getattr(item.module, "testinfra_hosts", None)
        if getattr(item.module, "SPREAD", False):
            turn = dealt.setdefault(item.nodeid.replace(host, ""), (len(dealt), []))
            turn[1].append(item)
        elif own is None or host in own:
            kept.append(item)
    kept += [copies[number % len(copies)] for number, copies in dealt.values()]
    items[:] = kept


@pytest.fixture(autouse=True)
def _beside_others(request):
    """A test that works on all hosts is alone; the others run beside each other."""
    with open(Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "hosts.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if request.node.get_closest_marker("all_hosts") else fcntl.LOCK_SH)
        yield


@pytest.fixture
def assistant(host):
    """The assistant on the host under test."""
    return Assistant(host)


@pytest.fixture
def sound(assistant):
    """The assistant without a kill-switch, fence or fault before a test, and again after it."""
    assistant.restore()
    yield assistant
    assistant.restore()
