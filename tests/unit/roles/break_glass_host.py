# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host for the break-glass program: a /proc of files, and an nft and a systemctl that keep their state in files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "roles" / "go_live" / "files" / "runbook-break-glass"
TABLE = "kumon_runbook_kumon-assistant"
UNIT = "kumon-assistant.service"
GROUP = "/system.slice/kumon-assistant.service"

# One call at a time and whole, as the kernel and systemd answer two who ask at once.
ALONE = """#!{python} -SE
import fcntl, importlib.util, json, os, re, shutil, sys
os.chdir({state!r})
alone = open("lock", "w")
fcntl.flock(alone, fcntl.LOCK_EX)
"""

NFT = (
    ALONE
    + """
def tables():
    return json.load(open("tables.json"))
if os.path.exists("nft.fails"):
    sys.exit(open("nft.fails").read())
args = sys.argv[1:]
if args[:4] == ["-n", "list", "table", "inet"]:
    text = tables().get(args[4])
    if text is None:
        sys.exit("Error: No such file or directory\\nlist table inet " + args[4])
    # As nft 1.0.6 prints what it was given.
    text = re.sub(r"set (gateway.|source.) {{ type (ipv._addr);(?: (elements = .*?);)? }}",
                  lambda m: "set %s {{\\ntype %s\\n%s\\n}}\\n" % (m[1], m[2], m[3] or ""), text)
    text = text.replace("meta l4proto tcp tcp", "tcp").replace("l4proto tcp", "l4proto 6")
    text = re.sub(r"(6b756d6f|sport 27501) counter reject", r"\\1 counter packets 0 bytes 0 reject", text)
    print(text, end="")
elif args == ["-f", "-"]:
    given = sys.stdin.read()
    open("nft.log", "a").write(given + "\\0")
    name = given.split()[3]
    found = tables()
    found.pop(name, None)
    body = given.split("\\n", 2)[2]
    if body and not os.path.exists("nft.deaf"):
        found[name] = body
    json.dump(found, open("tables.json", "w"))
    open("calls", "a").write("nft\\n")
else:
    sys.exit("unplanned call: " + repr(args))
"""
)

SYSTEMCTL = (
    ALONE
    + """
spec = importlib.util.spec_from_file_location("envfile", {envfile!r})
envfile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(envfile)
unit = json.load(open("unit.json"))
call = " ".join(sys.argv[1:])
if sys.argv[1] == "show":
    if unit.get("deaf"):
        sys.exit("Failed to connect to bus")
    for name in sys.argv[3].split(","):
        # A list of files is told one a line.
        for value in unit["shown"].get(name, "").split("\\n"):
            print(name + "=" + value)
    sys.exit()
if sys.argv[1] == "is-enabled":
    sys.exit(unit.get("on_disk", "enabled"))
open("calls", "a").write("systemctl " + call + "\\n")
if call == "daemon-reload":
    unit["loaded"] = sorted(os.path.join(d, f) for d, _s, fs in os.walk({units!r}) for f in fs if f.endswith(".conf"))
    read = [open(path).read().partition("EnvironmentFile=-")[2].strip() for path in unit["loaded"]]
    files = [] if unit.get("resets") else [os.path.normpath(name) + " (ignore_errors=yes)" for name in read]
    unit["shown"].update(DropInPaths=" ".join(unit["loaded"]), EnvironmentFiles="\\n".join(files))
    unit["shown"].update({{"NeedDaemonReload": "no", **unit.get("read", {{}})}})
elif call == "restart --no-block -- {unit}" and unit.get("hangs"):
    stop = unit.pop("hangs")
    unit["shown"].update(ActiveState="deactivating", SubState="stop", ControlPID=str(stop), Job="7")
elif call == "restart --no-block -- {unit}" and unit.get("refuses"):
    sys.exit(unit["refuses"])
elif call == "restart --no-block -- {unit}":
    for pid in unit["pids"]:
        os.rename({proc!r} + "/" + str(pid), "gone")
        shutil.rmtree("gone")
    unit["pids"] = []
    if unit.get("start", "up") == "up":
        environ = dict(unit["environ"])
        for path in unit["loaded"]:
            name = open(path).read().partition("EnvironmentFile=-")[2].strip()
            data = open(name, "rb").read() if os.path.exists(name) else None
            environ.update(envfile.parse(data))
        environ.update(unit["override"])
        unit["next"] += 1
        unit["pids"] = [unit["next"]]
        home = "coming"
        os.makedirs(home + "/ns")
        zeros = " ".join(["0"] * 17)
        open(home + "/stat", "w").write("%d (a b) c) S 1 %s %d 0 0\\n" % (unit["next"], zeros, unit["next"] * 10))
        open(home + "/environ", "wb").write(b"".join(os.fsencode(k + "=" + v) + b"\\0" for k, v in environ.items()))
        open(home + "/cgroup", "w").write("12:cpu:/\\n1:name=systemd:{group}\\n0::/\\n")
        open(home + "/status", "w").write("Name:\\tx\\nUid:\\t%d\\t%d\\t%d\\t%d\\n" % ((unit["uid"],) * 4))
        os.rename(home, os.path.join({proc!r}, str(unit["next"])))
        unit["shown"].update(MainPID=str(unit["next"]), **unit.get("comes_up", {{"ActiveState": "active"}}))
    else:
        unit["shown"].update(MainPID="0", ActiveState=unit.get("ends", "failed"))
elif sys.argv[1] == "start" and unit.get("busy"):
    unit["busy"] -= 1
    json.dump(unit, open("unit.json", "w"))
    sys.exit("Unit failed to load properly: Device or resource busy")
elif sys.argv[1] not in ("reset-failed", "stop", "kill", "start"):
    sys.exit("unplanned call: " + call)
json.dump(unit, open("unit.json", "w"))
"""
)


class BreakGlassHost:
    """One host in a directory; `run` is the program on it."""

    def __init__(self, directory: Path, shell: list[str]):
        self.directory = directory
        self.shell = shell
        self.env_file = directory / "etc" / "runbook.env"
        self.state_dir = directory / "state"
        self.units = directory / "units"
        self.proc = directory / "proc"
        self.booted = directory / "booted"
        self.fakes = directory / "fakes"
        self.journal = self.state_dir / "journal.jsonl"
        self.drop_in = self.units / f"{UNIT}.d" / "zz-runbook.conf"
        self.keeper = self.units / "kumon-runbook-fence-kumon-assistant.service"
        for path in (self.units, self.proc / "sys/kernel/random", self.booted, self.fakes, directory / "bin"):
            path.mkdir(parents=True)
        (self.proc / "sys/kernel/random/boot_id").write_text("boot-1\n")
        (self.proc / "uptime").symlink_to("/proc/uptime")
        (self.fakes / "tables.json").write_text("{}")
        self.unit(
            shown={"Id": UNIT, "LoadState": "loaded", "ControlGroup": GROUP, "User": "kumon", "NeedDaemonReload": "no"},
            environ={"PATH": "/usr/bin", "OUTBOX_V2_ENFORCED": "true"},
            override={},
            loaded=[],
            pids=[],
            next=500,
            uid=998,
        )
        names = {
            "python": sys.executable,
            "state": str(self.fakes),
            "units": str(self.units),
            "proc": str(self.proc),
            "envfile": str(ROOT / "plugins/module_utils/_envfile.py"),
            "unit": UNIT,
            "group": GROUP,
        }
        self.tool("nft", NFT.format(**names))
        self.tool("systemctl", SYSTEMCTL.format(**names))
        self.tool("systemd-analyze", "#!/bin/sh\necho 'Conditions succeeded.' >&2\n")
        self.settings = {
            "service": "kumon-assistant",
            "env_file": str(self.env_file),
            "state_dir": str(self.state_dir),
            "gateway_name": "evolution.example.com",
            "gateway_port": "8080",
            "gateway_address": ["192.0.2.10", "2001:db8::10"],
            "uid": ["998"],
            "level1_flag": ["DELIVERY_DISABLE=true"],
            "level2_flag": ["OUTBOX_V2_ENFORCED=false", "ROUTER_V2_SHADOW=true"],
            "level1_seconds": "4",
            "level2_seconds": "4",
            "stop_timeout": "1",
            "lease_wait": "1",
        }
        self._start()

    def tool(self, name: str, text: str) -> None:
        path = self.directory / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def unit(self, **changes) -> dict:
        path = self.fakes / "unit.json"
        state = {**(json.loads(path.read_text()) if path.exists() else {}), **changes}
        path.write_text(json.dumps(state))
        return state

    def _start(self) -> None:
        """The unit as it was started before anybody came."""
        environment = {"PATH": os.environ["PATH"]}
        subprocess.run(
            [str(self.directory / "bin/systemctl"), "restart", "--no-block", "--", UNIT], check=True, env=environment
        )
        self.forget()

    def forget(self) -> None:
        for name in ("calls", "nft.log"):
            (self.fakes / name).unlink(missing_ok=True)

    def calls(self) -> list[str]:
        path = self.fakes / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def scripts(self) -> list[str]:
        """What nft was given, one a call."""
        path = self.fakes / "nft.log"
        return path.read_text().split("\0")[:-1] if path.exists() else []

    def table(self) -> str | None:
        return json.loads((self.fakes / "tables.json").read_text()).get(TABLE)

    def environ(self) -> dict[str, str]:
        (pid,) = self.unit()["pids"]
        raw = (self.proc / str(pid) / "environ").read_text()
        return dict(item.partition("=")[::2] for item in raw.split("\0") if item)

    def entries(self) -> list[dict]:
        return [json.loads(line) for line in self.journal.read_text().splitlines()] if self.journal.exists() else []

    def program(self) -> Path:
        """The program, with this directory's places in it."""
        text = PROGRAM.read_text(encoding="utf-8")
        conf = self.directory / "break-glass.conf"
        lines = [
            f"{name}={one}"
            for name, value in self.settings.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        conf.write_text("".join(line + "\n" for line in lines))
        conf.chmod(0o640)
        path = f"{self.directory}/bin:{os.pathsep.join(['/usr/sbin', '/usr/bin', '/sbin', '/bin'])}"
        for old, new in (
            ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"PATH={path}"),
            ("SETTINGS=/etc/kumon-assistant/break-glass.conf", f"SETTINGS={conf}"),
            ("UNITS=/etc/systemd/system", f"UNITS={self.units}"),
            ("BOOTED=/run/systemd/system", f"BOOTED={self.booted}"),
            ("PROC=/proc", f"PROC={self.proc}"),
            ("ROOT=0", f"ROOT={os.geteuid()}"),
        ):
            assert text.count(f"\n{old}\n") == 1, old
            text = text.replace(f"\n{old}\n", f"\n{new}\n")
        copy = self.directory / "runbook-break-glass"
        copy.write_text(text, encoding="utf-8")
        return copy

    def command(self, *verbs: str) -> list[str]:
        """The program's command. It finds itself among the host's processes."""
        own = f'ln -s /proc/$$ {self.proc}/$$ && exec "$@"'
        return ["/bin/sh", "-c", own, "sh", *self.shell, str(self.program()), *verbs]

    def run(
        self, *verbs: str, code: int | None = 0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        run = subprocess.run(
            self.command(*verbs),
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "SUDO_USER": "ana", **(env or {})},
            timeout=60,
            check=False,
        )
        assert code is None or run.returncode == code, run.stdout + run.stderr
        return run

    def function(self, call: str) -> bytes:
        """What one of the program's own functions prints."""
        copy = self.program()
        text = copy.read_text(encoding="utf-8")
        assert text.endswith('\n"$verb"\n')
        copy.write_text(text[: -len('"$verb"\n')] + call + "\n", encoding="utf-8")
        command = [*self.shell, str(copy), "status"]
        return subprocess.run(command, capture_output=True, check=True, env={"PATH": os.environ["PATH"]}).stdout

    def killed_after(self, verb: str, mark: Path, text: str) -> None:
        """Kill the program at once when a file has this text in it."""
        run = subprocess.Popen(
            self.command(verb),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "SUDO_USER": "ana"},
        )
        end = time.monotonic() + 20
        while not (mark.exists() and text in mark.read_text()) and run.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        run.kill()
        run.wait()

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
