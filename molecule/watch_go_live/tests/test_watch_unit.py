# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that keeps the watch running, under a real systemd: the host is its own controller here."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenario.host import CONNECTIONS, LOG, ROOT, Assistant

UNIT = "kumon-runbook-watch.service"
FILE = f"/etc/systemd/system/{UNIT}"
DESK = "/var/lib/runbook-desk"
STAMP = f"{DESK}/watch/assistant.json"
PAGE = 60.0
"""Seconds from a guard line to the page, as promised."""
# Each works without what of it is compiled, so that it is the same for whichever Python the host has.
LIBRARIES = {
    "ansible": "ansible_core",
    "jinja2": "jinja2",
    "markupsafe": "markupsafe",
    "packaging": "packaging",
    "resolvelib": "resolvelib",
    "yaml": "pyyaml",
}
SITE = "usr/local/lib/python3.11/dist-packages"
COLLECTION = ("galaxy.yml", "meta", "playbooks", "plugins", "roles")


def _without(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = Path(info.name).name
    # The playbooks' link to the checkout itself is for the checkout.
    left_out = name.endswith(".so") or name == "__pycache__" or info.name.endswith("/playbooks/collections")
    return None if left_out else info


@pytest.fixture(scope="module")
def controller(assistant: Assistant) -> Assistant:
    """The host with Ansible, the collection and an inventory of itself."""
    ssh = ["ssh", f"-F{CONNECTIONS / 'ssh_config'}", assistant.name, "sudo tar x --no-same-owner -C /"]
    with subprocess.Popen(ssh, stdin=subprocess.PIPE) as unpacking:
        with tarfile.open(fileobj=unpacking.stdin, mode="w|") as packed:
            for name, distribution in LIBRARIES.items():
                spec = importlib.util.find_spec(name)
                assert spec and spec.submodule_search_locations
                package = Path(spec.submodule_search_locations[0])
                (about,) = (
                    one for one in package.parent.iterdir() if re.match(rf"(?i){distribution}-.*info\Z", one.name)
                )
                for part in (package, about):
                    packed.add(part, f"{SITE}/{part.name}", filter=_without)
            for name in COLLECTION:
                where = f"usr/share/ansible/collections/ansible_collections/kumon/runbook/{name}"
                packed.add(ROOT / name, where, filter=_without)
        assert unpacking.stdin
        unpacking.stdin.close()
    assert unpacking.returncode == 0
    known = yaml.safe_load((ROOT / "molecule/inventory/group_vars/all.yml").read_text())
    known |= {
        "ansible_connection": "local",
        "runbook_desk_dir": DESK,
        "runbook_locale": "en",
        "runbook_contacts": {
            "technical": [{"name": "Dev", "channels": [{"type": "slack", "url": "https://x.example"}]}]
        },
        "notify_dry_run": True,
        "go_live_check": "systemd",
        "go_live_rotate": False,
    }
    hosts = json.dumps({"all": {"hosts": {"assistant": known}}})
    assistant.sh("mkdir -p /srv/controller && echo %s > /srv/controller/hosts.yml", hosts)
    program = "#!/usr/bin/python3\nfrom ansible.cli.playbook import main\nmain()\n"
    assistant.sh("printf %s > /usr/local/bin/ansible-playbook && chmod 755 /usr/local/bin/ansible-playbook", program)
    return assistant


def prepare(controller: Assistant, *options: str) -> str:
    """Run prepare_go_live.yml on the host for itself. Of what else it finds missing other scenarios tell."""
    command = "cd /srv/controller && LC_ALL=C.UTF-8 ansible-playbook -i hosts.yml kumon.runbook.prepare_go_live"
    run = controller.host.run(" ".join((command, *options)))
    assert "PLAY RECAP" in run.stdout, run
    return str(run.stdout)


def shown(controller: Assistant, name: str) -> str:
    """A property of the unit."""
    return controller.sh(f"systemctl show --value -p {name} {UNIT}").strip()


def process(controller: Assistant) -> str:
    """The unit's process."""
    pid = shown(controller, "MainPID")
    assert pid != "0", controller.host.run(f"systemctl status {UNIT}").stdout
    return pid


def within(seconds: float, what: Callable[[], Any], why: Callable[[], str]) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(why())


def stamp_after(controller: Assistant, moment: float, seconds: float = 120) -> dict[str, Any]:
    """The stamp of a look that was made after this moment."""

    def stamped() -> dict[str, Any] | None:
        found = controller.host.run(f"stat -c %Y {STAMP} && cat {STAMP}")
        at, _newline, told = found.stdout.partition("\n")
        return json.loads(told) if found.rc == 0 and int(at) > moment else None

    def why() -> str:
        return str(controller.host.run(f"systemctl status {UNIT}; journalctl -u {UNIT} | tail -40").stdout)

    return dict(within(seconds, stamped, why))


def test_the_unit_that_is_installed_starts_and_sees_the_service(controller: Assistant) -> None:
    controller.wait_for_deliveries()
    began = time.time()
    told = prepare(controller)
    assert controller.host.file(FILE).exists, told
    # It is as systemd wants it, also what it would only warn of.
    checked = controller.host.run(f"systemd-analyze verify {FILE}")
    assert (checked.rc, UNIT in checked.stdout + checked.stderr) == (0, False), checked
    assert [shown(controller, name) for name in ("ActiveState", "UnitFileState")] == ["active", "enabled"], told
    seen = stamp_after(controller, began)
    assert (seen["host"], seen["status"], seen["mode"]) == ("assistant", "ok", "page")


def test_a_watch_that_is_killed_is_started_again_and_looks_again(controller: Assistant) -> None:
    pid = process(controller)
    controller.sh(f"kill -KILL {pid}")
    killed = time.time()
    within(30, lambda: shown(controller, "MainPID") not in ("0", pid), lambda: shown(controller, "ActiveState"))
    print(f"started again after {time.time() - killed:.1f} s")
    assert stamp_after(controller, killed)["status"] == "ok"


def test_a_guard_line_is_paged_within_a_minute(controller: Assistant) -> None:
    controller.fault(lost_handoff=True, guard=True)
    line = within(
        20, lambda: controller.host.run(f"""grep -am1 'OUTBOX_GUARD|level=CRITICAL' {LOG}""").stdout, lambda: "no guard"
    )
    written = time.time()
    outbox = f"{DESK}/dry_run/outbox"

    def paged() -> list[str]:
        times: list[str] = controller.host.run(f"stat -c %Y {outbox}/*").stdout.split()
        return times

    told = within(
        PAGE + 30,
        paged,
        lambda: controller.sh(f"journalctl -u {UNIT} | tail -40"),
    )
    controller.fault()
    print(f"from a guard line to the page: {int(min(told)) - written:.0f} s ({line.strip()[:60]})")
    assert int(min(told)) - written <= PAGE
    assert "assistant: rollback (" in controller.sh(f"cat {outbox}/*")
    assert shown(controller, "ActiveState") == "active"


def test_taken_away_it_is_gone_and_nothing_of_it_runs(controller: Assistant) -> None:
    pid = process(controller)
    prepare(controller, "-e prepare_state=absent")
    assert not controller.host.file(FILE).exists and not controller.host.file(STAMP).exists
    # Ended by a signal it counts as failed, and runs as little.
    assert shown(controller, "ActiveState") in ("inactive", "failed") and shown(controller, "MainPID") == "0"
    assert controller.host.run(f"kill -0 {pid}").rc != 0
