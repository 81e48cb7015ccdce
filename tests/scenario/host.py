# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests see of a host with the assistant, and how they run a procedure against it as a person would."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "molecule/inventory/hosts.yml"
CONTAINERS = ROOT / "molecule/resources/containers"
CONNECTIONS = ROOT / ".ansible/containers"
ENV_FILE = "/etc/kumon-assistant/runbook.env"
DROP_INS = "/etc/systemd/system/kumon-assistant.service.d"
STATE = "/var/lib/kumon-runbook"
LOG = "/var/log/kumon-assistant/app.log"


@dataclass(frozen=True)
class Run:
    """A finished ansible-playbook: what it came to as data, and what it printed with all white space folded."""

    code: int
    text: str
    seconds: float
    result: dict[str, Any]
    """The run's `runbook_result`."""
    tasks: list[str] = field(default_factory=list)
    """Every task that began, in its order."""
    messages: dict[str, list[str]] = field(default_factory=dict)
    """By host: why tasks failed, rescued or not."""
    hosts: dict[str, dict[str, int]] = field(default_factory=dict)
    """By host: the numbers of the recap."""

    @property
    def status(self) -> str | None:
        """What the procedure says it came to."""
        return self.result.get("status")

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        return sum(numbers["changed"] for numbers in self.hosts.values())

    def of_task(self, name: str) -> str:
        """What was printed of a task."""
        return self.text.partition(f"{name}]")[2].partition(" TASK [")[0]

    @property
    def observed(self) -> float:
        """Seconds from the command's start to the observed effect; messages and evidence come after that."""
        told = re.search(r"([0-9.]+) s of [0-9.]+ s(?: OVER BUDGET)? \w+ in all ([0-9.]+) s", self.text)
        return self.seconds - (float(told[2]) - float(told[1])) if told else self.seconds


class Assistant:
    """The assistant on one host, by what can be observed of it."""

    PHONE = "5511977770001"  # smoke_test_phone of the inventory
    V2 = {
        "OUTBOX_V2_ENFORCED": "true",
        "TEMPLATE_VARIABLE_POLICY_V2": "true",
        "STRICT_ENUM_STAGESTEP": "true",
        "ROUTER_V2_SHADOW": "false",
    }
    V1 = {flag: "true" if value == "false" else "false" for flag, value in V2.items()}

    def __init__(self, host, variables: Mapping[str, Any] | None = None) -> None:
        self.host = host
        self.name: str = host.backend.hostname
        self.variables = dict(variables or {})
        """What the inventory says of this host beyond what it says of all."""
        self.others: tuple[Assistant, ...] = ()
        """The other hosts, where a module needs them."""

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
        before = self._asked()
        time.sleep(seconds)
        return self._asked() - before

    def asks(self, seconds: float = 15) -> bool:
        """Whether the gateway is asked to send anything in the next seconds."""
        before, until = self._asked(), time.monotonic() + seconds
        while self._asked() == before:
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
        return True

    def _asked(self) -> int:
        return json.loads(self.sh("curl -sS -m 3 http://127.0.0.1:8080/__stand_in/counters"))["asked"]

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
        """All that a procedure could change: files, process, firewall; not how a smoke test has ended, what a fence
        has counted, nor locks, which hold nothing."""
        seen = self.sh(
            "ls -lR --full-time --ignore=smoke_test.json --ignore=*.lock "
            "/etc/kumon-assistant /etc/systemd/system/kumon-assistant.service.d "
            f"{STATE} 2>/dev/null; nft list ruleset; echo {self.pid()}"
        )
        return re.sub(r"packets \d+ bytes \d+", "", seen)

    def fence(self) -> str:
        """The service's fence as nftables lists it, empty where there is none."""
        return self.sh("nft list table inet kumon_runbook_kumon-assistant 2>/dev/null || true")

    def lines(self, pattern: str) -> int:
        """How many lines of the assistant's log have this in them."""
        return int(self.sh(f"grep -ac %s {LOG} || true", pattern))

    def untouched(self) -> bool:
        """Whether this host is as one that no procedure has met."""
        paths = (ENV_FILE, f"{DROP_INS}/90-runbook.conf", f"{DROP_INS}/zz-runbook.conf", STATE)
        return not any(self.host.file(path).exists for path in paths) and self.environ("DELIVERY_DISABLE") is None

    def wait_for_deliveries(self, messages: int = 10) -> None:
        """Wait until so many messages have been delivered, so that there is something to measure."""
        deadline = time.monotonic() + 60
        while self.lines("action=result.*status=success") < messages:
            assert time.monotonic() < deadline, "no message goes out"
            time.sleep(0.2)

    # ---------------------------------------------------------------- acting

    def flood(self, seconds: int = 22) -> None:
        """Let many customers write: in its usual time enough for a proof at any time, which are 762 messages."""
        webhook = "http://127.0.0.1:8000/api/v1/evolution/webhook"
        traffic = f"python3 /opt/evolution/traffic.py --url {webhook} --rate 40 --conversations 5000"
        self.sh(f"{traffic} --seconds {seconds}")

    def restore(self) -> None:
        """Undo what a test did, without help of the collection, and see that messages go out again."""
        self.sh("/srv/host/restore")
        self.forget()

    def forget(self) -> None:
        """Let the controller forget the journal, which is a new one."""
        (ROOT / ".ansible/desk/journal_heads" / f"{self.name}.json").unlink(missing_ok=True)

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

    def fault(self, **faults: Any) -> None:
        """Inject faults into the assistant; without any, it is sound again."""
        self._control("assistant", faults)

    def lose_hand_offs(self, messages: int = 3, **more: Any) -> None:
        """Let hand-offs get lost until so many have been, and no longer; `more` are faults that stay."""
        lost, before = "phase=delivery.*count=0", self.lines("phase=delivery.*count=0")
        self.fault(lost_handoff=True, **more)
        deadline = time.monotonic() + 20
        while self.lines(lost) < before + messages:
            assert time.monotonic() < deadline, "no hand-off gets lost"
            time.sleep(0.2)
        self.fault(**more)

    def gateway(self, **faults: Any) -> None:
        """Inject faults into the gateway."""
        self._control("gateway", faults)

    def _control(self, name: str, faults: dict[str, Any]) -> None:
        path = f"/run/kumon-control/{name}"
        self.sh(f"echo %s > {path}.new && mv {path}.new {path}.json", json.dumps(faults))

    def inventory(self, hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Name further hosts that are this container, or the one of their `ansible_host`; the names say by which
        variables each differs."""

        def variables(own: Mapping[str, Any]) -> dict[str, Any]:
            reached = own.get("ansible_host", self.name)
            return {
                "ansible_host": reached,
                "ansible_ssh_common_args": f"-F {CONNECTIONS}/ssh_config",
                # Those of one container share its connection, so long as they log in as the same user.
                "ansible_control_path": f"{ROOT}/.ansible/cp/%%r@{reached}",
                **self.variables,
                **own,
            }

        directory = Path(tempfile.mkdtemp(prefix="kumon-inventory-"))
        path = directory / "hosts.json"
        path.write_text(
            json.dumps({"assistant": {"hosts": {name: variables(own) for name, own in hosts.items()}}}),
            encoding="utf-8",
        )
        return [f"--inventory={path}"]

    def command(self, name: str, *options: str, **variables: Any) -> list[str]:
        """Return the command of a procedure against this host only."""
        command = ["ansible-playbook", f"--inventory={INVENTORY}", f"--limit={self.name}"]
        if self.variables:
            command += self.inventory({self.name: {}})
        return [*command, f"--extra-vars={json.dumps(variables)}", *options, str(ROOT / f"playbooks/{name}.yml")]

    def playbook(self, name: str, *options: str, clock: str = "", **variables: Any) -> Run:
        """Run a procedure against this host only; ``clock`` is how far off the controller's is, such as ``+10m``."""
        command = self.command(name, *options, **variables)
        return run_command(["faketime", "-f", clock, *command] if clock else command)

    def module(self, name: str, *options: str, **arguments: Any) -> Run:
        """Run one module of the collection against this host, as root."""
        connection = [f"--inventory={INVENTORY}", "--become", "--module-name", f"kumon.runbook.{name}"]
        return run_command(["ansible", *connection, "--args", json.dumps(arguments), *options, self.name])

    def kill_at(self, task: int | str, seconds: float, name: str, **variables: Any) -> str | None:
        """Kill a procedure some seconds after its n-th task began, or the first of that name; the task's name, None if
        it ended before."""
        run = subprocess.Popen(
            self.command(name, **variables),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert run.stdout
        begun = (line for line in run.stdout if line.startswith("TASK ["))
        if isinstance(task, int):
            found = next(itertools.islice(begun, task, None), None)
        else:
            found = next((line for line in begun if task in line), None)
        if found:
            time.sleep(seconds)
            os.killpg(run.pid, signal.SIGKILL)
        run.stdout.close()
        run.wait()
        return found and found.strip(" *\n")

    def assert_refuses(self, procedure: str, sentence: str, **variables: Any) -> None:
        """The procedure ends non-zero with this sentence, and nothing on the host was changed."""
        before = self.fingerprint()
        run = self.playbook(procedure, **variables)
        assert run.code != 0
        assert sentence in run.text
        assert self.fingerprint() == before

    def assert_refuses_each(
        self, procedure: str, cases: Iterable[tuple[Mapping[str, Any], str]], *options: str, **variables: Any
    ) -> None:
        """Each of these variables alone makes the procedure fail with its sentence, and nothing on the host is changed.

        They are all hosts of one run, which is many times faster than a run for each.
        """
        wrong = {f"wrong{number:02d}": (given, sentence) for number, (given, sentence) in enumerate(cases)}
        hosts = self.inventory({name: given for name, (given, _sentence) in wrong.items()})
        before = self.fingerprint()
        run = self.playbook(procedure, *hosts, f"--limit={','.join(wrong)}", *options, **variables)
        assert run.code != 0
        told = run.result.get("hosts", {})
        # A wrong variable that is taken for "not set" would make that host act, and spoil what the others find.
        assert not run.changed, run.hosts
        for name, (given, sentence) in wrong.items():
            failed = " ".join((*run.messages.get(name, ["was not refused"]), str(told.get(name, ""))))
            assert sentence in re.sub(r"\s+", " ", failed), f"{given}: {failed}"
        assert self.fingerprint() == before


def environment(**more: str) -> dict[str, str]:
    """Return the environment that procedures run in."""
    return {
        **os.environ,
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(ROOT / ".ansible"),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        # The custom stats are what AWX keeps of a run; people are not shown them.
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def run_command(command: list[str], seconds: float = 600) -> Run:
    """Run ansible-playbook or ansible, and return what came of it."""
    with tempfile.NamedTemporaryFile(prefix="kumon-record-") as record:
        begun = time.monotonic()
        run = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(
                ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "tests/scenario/callback"),
                ANSIBLE_CALLBACKS_ENABLED="kumon.runbook.timeline,record",
                KUMON_RUNBOOK_RECORD=record.name,
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        ended = time.monotonic()
        print(f"$ {shlex.join(command)}\n{run.stdout}")  # pytest shows it when the test fails
        told = json.loads(record.read() or b"{}")
    return Run(
        run.returncode,
        re.sub(r"\s+", " ", run.stdout),
        ended - begun,
        told.get("stats", {}).get("runbook_result", {}),
        told.get("tasks", []),
        told.get("messages", {}),
        told.get("hosts", {}),
    )
