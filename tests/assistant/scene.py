# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole scene as plain processes on free loopback ports: stand-in assistant, stand-in gateway, customers.

    python scene.py up DIR [--log-format basic|asctime|json|bare] [--version 1|2] [--python PATH]
    python scene.py fault DIR lost_handoff=true fail=500 fail_rate=0.3     (fault DIR clear: none any more)
    python scene.py counters DIR
    python scene.py down DIR

`up` writes DIR/scene.json: where everything is. The assistant is started as an operator would, detached
(`nohup python -m uvicorn main:app … >> app.log 2>&1 & echo $! > app.pid`), so a runbook can stop it and start it anew.
As root the assistant is another user's: none is root's.
`down` ends exactly the scene's own processes, an assistant that a runbook started in the meantime included.

For a program, `with Scene(directory) as scene:` does both; it also ends the scene on SIGINT, SIGTERM and SIGHUP.
Needs Linux (/proc) and the standard library; `--python` names an interpreter that has FastAPI, uvicorn and httpx.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

import control
import traffic

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
# Whoever answers no sooner does not answer; a busy machine takes its time for an interpreter alone.
START_SECONDS = 60
# How long a process may take to end by itself before it is killed.
STOP_SECONDS = 3
# Whose the assistant is where root plays the scene.
OTHER_USER = 65534
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

DETACHED = 'nohup "$@" >> "$LOG" 2>&1 < /dev/null & echo $! > "$PID_FILE"'


class SceneError(Exception):
    pass


# ---------------------------------------------------------------- the assistant's user


def assistant_user() -> str:
    uid = os.geteuid() or OTHER_USER
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def as_assistant_user(command: list[str]) -> list[str]:
    """The command as that user. What it needs may lie where only root comes to, as in root's home."""
    if os.geteuid() != 0:
        return command
    ids = [f"--reuid={OTHER_USER}", f"--regid={OTHER_USER}", "--clear-groups"]
    return ["setpriv", *ids, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", *command]


# ---------------------------------------------------------------- processes


def bytecode() -> dict[str, str]:
    """Where a process keeps what it has compiled: beside the program it would be a change of the release."""
    kept = os.environ.get("PYTHONPYCACHEPREFIX")
    return {"PYTHONPYCACHEPREFIX": kept} if kept else {"PYTHONDONTWRITEBYTECODE": "1"}


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (field 3); None when there is no such process, or a dead one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and can itself hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields


def start_ticks(pid: int) -> int | None:
    """When the process was started, in clock ticks since boot: with the pid it names one process for good."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else None


def processes(command: list[str], directory: str | Path) -> list[int]:
    """Running processes with this working directory whose arguments end like `command`."""
    wanted = b"\0".join(part.encode() for part in command) + b"\0"
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        # Gone in the meantime, or somebody else's and so not ours.
        with contextlib.suppress(OSError):
            if os.readlink(entry / "cwd") == str(directory) and (entry / "cmdline").read_bytes().endswith(wanted):
                found.append(int(entry.name))
    return found


def signal_process(pid: int, ticks: int, number: int) -> None:
    """Signals this very process, and no other one that has got its pid since."""
    if start_ticks(pid) == ticks:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def end(victims: dict[int, int]) -> None:
    """Ends the processes {pid: start ticks}: TERM to all, and KILL to those that are still there after a while."""
    for pid, ticks in victims.items():
        signal_process(pid, ticks, signal.SIGTERM)
    if not gone_within(victims, STOP_SECONDS):
        for pid, ticks in victims.items():
            signal_process(pid, ticks, signal.SIGKILL)
        if not gone_within(victims, STOP_SECONDS):
            raise SceneError(f"processes {sorted(victims)} do not end, not even by KILL; end them by hand.")


def gone_within(victims: dict[int, int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(start_ticks(pid) == ticks for pid, ticks in victims.items()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def git(directory: Path, *command: str) -> str:
    """What git prints; of its configuration only what is given here counts."""
    settings = ["-c", "user.name=Kumon", "-c", "user.email=dev@kumon.invalid", "-c", "init.defaultBranch=main"]
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    run = subprocess.run(
        ["git", "-C", str(directory), *settings, *command], env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    return run.stdout.strip()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _unused in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def get_json(url: str, timeout: float = 2) -> dict[str, Any]:
    with traffic.OPENER.open(url, timeout=timeout) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


# ---------------------------------------------------------------- the scene


class Scene:
    """One scene in one directory. `data` is what scene.json holds:

    directory, started (ticks since boot), python
    assistant: url, webhook_url, health_url, host, port, app_dir, command, user, env_file, pid_file, pid, log,
               control_file
    gateway:   url, counters_url, port, version, instance, api_key, pid, log, control_file
    traffic:   [pid and start ticks of every traffic generator that was started]
    """

    def __init__(
        self,
        directory: str | Path,
        log_format: str = "basic",
        version: int = 2,
        python: str = sys.executable,
        env: dict[str, str] | None = None,
        releases: bool = False,
    ) -> None:
        self.directory = Path(directory).resolve()
        self.file = self.directory / "scene.json"
        self.log_format = log_format
        self.version = version
        self.python = python
        self.env = env or {}
        self.releases = releases
        self.data: dict[str, Any] = {}
        self.handlers: dict[int, Any] = {}
        if self.file.exists():
            self.data = json.loads(self.file.read_text(encoding="utf-8"))

    # As a context manager the scene ends with its program, however that ends (KILL alone excepted).

    def __enter__(self) -> Scene:
        for number in SIGNALS:
            self.handlers[number] = signal.signal(number, self.interrupted)
        try:
            return self.up()
        except BaseException:
            self.restore_handlers()
            raise

    def __exit__(self, *_details: object) -> None:
        try:
            self.down()
        finally:
            self.restore_handlers()

    def restore_handlers(self) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers.clear()

    @staticmethod
    def interrupted(number: int, _frame: FrameType | None) -> None:
        # One is enough: a second ^C must not interrupt the clearing up.
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    def up(self) -> Scene:
        """Starts gateway and assistant and returns when both answer; leaves nothing behind when it fails."""
        if self.data:
            self.down()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.describe()
        try:
            if self.releases:
                Path(self.data["assistant"]["app_dir"]).mkdir()
                self.release("Release 1")
            self.start_gateway()
            self.start_assistant()
            self.wait_for("gateway", self.data["gateway"]["counters_url"])
            self.set_webhook()
            self.wait_for("assistant", self.data["assistant"]["health_url"])
        except BaseException:
            self.down()
            raise
        return self

    def describe(self) -> None:
        assistant_port, gateway_port = free_ports(2)
        at = self.directory
        url, gateway_url = f"http://{HOST}:{assistant_port}", f"http://{HOST}:{gateway_port}"
        self.data = {
            "directory": str(at),
            # Of this very process: everything that the scene starts is younger.
            "started": start_ticks(os.getpid()),
            "python": self.python,
            "assistant": {
                "url": url,
                "webhook_url": f"{url}/api/v1/evolution/webhook",
                "health_url": f"{url}/health",
                "host": HOST,
                "port": assistant_port,
                # With releases a git work tree of its own.
                "app_dir": str(at / "app" if self.releases else HERE),
                "command": [self.python, *arguments("main:app", assistant_port)],
                "user": assistant_user(),
                "env_file": str(at / "assistant.env"),
                "pid_file": str(at / "app.pid"),
                "pid": None,
                "log": str(at / "app.log"),
                "control_file": str(at / "assistant.control.json"),
            },
            "gateway": {
                "url": gateway_url,
                "counters_url": f"{gateway_url}/__stand_in/counters",
                "port": gateway_port,
                "version": self.version,
                "instance": "kumon_assistant",
                "api_key": "stand-in-" + secrets.token_hex(8),
                "pid": None,
                "log": str(at / "gateway.log"),
                "control_file": str(at / "gateway.control.json"),
            },
            "traffic": [],
        }
        for faults in (self.data["assistant"]["control_file"], self.data["gateway"]["control_file"]):
            Path(faults).unlink(missing_ok=True)
        settings = {
            "DATABASE_URL": "postgresql://kumon:planted-db-password@127.0.0.1:5432/kumon",
            "EVOLUTION_API_URL": gateway_url,
            "EVOLUTION_API_KEY": self.data["gateway"]["api_key"],
            "EVOLUTION_INSTANCE": "kumon_assistant",
            "EVOLUTION_VERSION": str(self.version),
            "LOG_FORMAT": self.log_format,
            "KUMON_CONTROL_FILE": self.data["assistant"]["control_file"],
            # V2 as it goes live.
            "OUTBOX_V2_ENFORCED": "true",
            "TEMPLATE_VARIABLE_POLICY_V2": "true",
            "STRICT_ENUM_STAGESTEP": "true",
            "ROUTER_V2_SHADOW": "false",
            **self.env,
        }
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        Path(self.data["assistant"]["env_file"]).write_text(text, encoding="utf-8")
        self.save()

    def save(self) -> None:
        temporary = self.file.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.data, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.file)

    def base_env(self) -> dict[str, str]:
        """An environment of its own: a DELIVERY_DISABLE or a proxy of the person's shell must not reach the scene."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        return {"LANG": "C.UTF-8", **kept, **bytecode()}

    def start_gateway(self) -> None:
        gateway = self.data["gateway"]
        env = {
            **self.base_env(),
            "EVOLUTION_VERSION": str(self.version),
            "EVOLUTION_API_KEY": gateway["api_key"],
            "EVOLUTION_INSTANCE": gateway["instance"],
            "KUMON_GATEWAY_CONTROL": gateway["control_file"],
        }
        command = [self.python, *arguments("gateway:app", gateway["port"]), "--no-access-log"]
        gateway["pid"] = self.start_detached(command, env, gateway["log"], self.directory / "gateway.pid", HERE)
        self.save()

    def set_webhook(self) -> None:
        """Tells the gateway where the assistant is, as whoever installs it does."""
        gateway, url = self.data["gateway"], self.data["assistant"]["webhook_url"]
        webhook = {"url": url, "enabled": True, "events": ["MESSAGES_UPSERT"]}
        body = json.dumps(webhook if self.version == 1 else {"webhook": webhook}).encode()
        headers = {"apikey": gateway["api_key"], "Content-Type": "application/json"}
        set_url = f"{gateway['url']}/webhook/set/{gateway['instance']}"
        with traffic.OPENER.open(urllib.request.Request(set_url, body, headers), timeout=10):
            pass

    def start_assistant(self) -> None:
        """Starts the assistant as `up` does, for instance after a runbook or a crash has ended it."""
        assistant = self.data["assistant"]
        lines = Path(assistant["env_file"]).read_text(encoding="utf-8").splitlines()
        env = {**self.base_env(), **dict(line.split("=", 1) for line in lines if "=" in line)}
        assistant["pid"] = self.start_detached(
            assistant["command"], env, assistant["log"], assistant["pid_file"], assistant["app_dir"]
        )
        self.save()

    def restart_assistant(self) -> None:
        """Restarts the assistant with its env file as it stands, as after a repair; returns when it answers."""
        end(dict(self.own_assistant()))
        self.start_assistant()
        self.wait_for("assistant", self.data["assistant"]["health_url"])

    def release(self, subject: str, **defects: object) -> str:
        """Commits a release of the assistant with faults of its own, as its developers would; returns the commit."""
        app = Path(self.data["assistant"]["app_dir"])
        for program in HERE.glob("*.py"):
            shutil.copy(program, app)
        control.write(app / "defects.json", defects, control.ASSISTANT_FAULTS)
        # Something changes with every release.
        (app / "RELEASE").write_text(subject + "\n", encoding="utf-8")
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", subject]):
            git(app, *command)
        return git(app, "rev-parse", "HEAD")

    def start_detached(
        self, command: list[str], env: dict[str, Any], log: str, pid_file: str | Path, cwd: str | Path
    ) -> int:
        # By a shell which ends at once: the process is nobody's child, and who stops it finds no zombie of ours.
        env = {**env, "LOG": str(log), "PID_FILE": str(pid_file)}
        command = as_assistant_user(command) if "main:app" in command else command
        shell = ["sh", "-c", DETACHED, "sh", *command]
        subprocess.run(shell, cwd=cwd, env=env, start_new_session=True, check=True)
        return int(Path(pid_file).read_text(encoding="ascii"))

    def wait_for(self, name: str, url: str, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                get_json(url)
                return
            except (OSError, ValueError) as error:
                reason = error
            ended = start_ticks(self.data[name]["pid"]) is None
            if ended or time.monotonic() > deadline:
                what = "ended at its start" if ended else f"does not answer after {seconds:g} s ({reason})"
                log = Path(self.data[name]["log"])
                tail = log.read_text(encoding="utf-8", errors="replace")[-1500:] if log.exists() else ""
                raise SceneError(f"The stand-in {name} {what}; its log ends with:\n{tail}")
            time.sleep(0.05)

    def assistant_pids(self) -> list[int]:
        """The running assistant; also one that a runbook started, and one that hangs in its stop beside a new one."""
        return [pid for pid, _ticks in self.own_assistant()]

    def own_assistant(self) -> list[tuple[int, int]]:
        assistant = self.data["assistant"]
        return self.own(arguments("main:app", assistant["port"]), assistant["app_dir"])

    def own(self, command: list[str], directory: str | Path) -> list[tuple[int, int]]:
        found = ((pid, start_ticks(pid)) for pid in processes(command, directory))
        return [(pid, ticks) for pid, ticks in found if ticks is not None and ticks >= self.data["started"]]

    def traffic(
        self, rate: float = 5, seconds: float = 30, conversations: int = 20, forge: bool = False
    ) -> subprocess.Popen[str]:
        """Starts the traffic generator in the background; returns its Popen, whose stdout gets the summary."""
        command = [self.python, str(HERE / "traffic.py"), "--url", self.data["assistant"]["webhook_url"]]
        command += ["--rate", str(rate), "--seconds", str(seconds), "--conversations", str(conversations)]
        if forge:
            command.append("--forge")
        # In a session of its own: a ^C at the terminal is for the program that holds the scene, which ends the traffic.
        process = subprocess.Popen(
            command, cwd=HERE, env=self.base_env(), stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.data["traffic"].append([process.pid, start_ticks(process.pid)])
        self.save()
        return process

    def down(self) -> None:
        """Ends exactly the scene's processes; does nothing when they have ended already."""
        if not self.data:
            return
        victims = {pid: ticks for pid, ticks in self.data["traffic"] if ticks is not None}
        victims.update(self.own([*arguments("gateway:app", self.data["gateway"]["port"]), "--no-access-log"], HERE))
        victims.update(self.own_assistant())
        end(victims)
        self.file.unlink(missing_ok=True)
        self.data = {}

    def fault(self, clear: bool = False, **faults: object) -> None:
        """Sets faults of the assistant and the gateway, by name; the others stay as they are, unless `clear`."""
        known = {**control.ASSISTANT_FAULTS, **control.GATEWAY_FAULTS}
        control.check(faults, known)
        for part, own in (("assistant", control.ASSISTANT_FAULTS), ("gateway", control.GATEWAY_FAULTS)):
            path = self.data[part]["control_file"]
            present = dict(own) if clear else control.read(path, own)
            present.update({name: value for name, value in faults.items() if name in own})
            control.write(path, present, own)

    def counters(self) -> dict[str, Any]:
        return get_json(self.data["gateway"]["counters_url"], timeout=5)

    def health(self) -> dict[str, Any]:
        return get_json(self.data["assistant"]["health_url"], timeout=5)


def arguments(app: str, port: int) -> list[str]:
    """The command line behind the interpreter's path."""
    return ["-m", "uvicorn", app, "--host", HOST, "--port", str(port)]


# ---------------------------------------------------------------- command line


def pair(text: str) -> tuple[str, object]:
    """`name=value`; the value is JSON where it is such, text otherwise. `clear` alone stands for all other faults."""
    if text == "clear":
        return text, True
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def main(given_arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The stand-in assistant, its gateway and its faults.")
    commands = parser.add_subparsers(dest="verb", required=True)
    for verb in ("up", "down", "fault", "counters"):
        command = commands.add_parser(verb)
        command.add_argument("directory")
        if verb == "up":
            command.add_argument("--log-format", choices=("basic", "asctime", "json", "bare"), default="basic")
            command.add_argument("--version", type=int, choices=(1, 2), default=2, help="of the Evolution API (2)")
            command.add_argument("--python", default=sys.executable, help="interpreter that has FastAPI")
        if verb == "fault":
            command.add_argument("faults", nargs="+", type=pair, metavar="clear|name=value")
    given = parser.parse_args(given_arguments)
    try:
        if given.verb == "up":
            Scene(given.directory, given.log_format, given.version, given.python).up()
            return 0
        scene = Scene(given.directory)
        if given.verb == "down":
            scene.down()
        elif not scene.data:
            parser.error(f"there is no scene in {given.directory}; start one with: up {given.directory}")
        elif given.verb == "fault":
            scene.fault(**dict(given.faults))
        else:
            print(json.dumps(scene.counters()))
    except (SceneError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
