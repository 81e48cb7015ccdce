"""Play a go-live: prepare, rehearse, judge by the gate; and its crisis: measure, roll back, go forward, report.

What goes out is proven by the gateway's own counter.

No root, no container.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".cache" / "demo"
sys.path.insert(0, str(ROOT / "tests" / "assistant"))

from scene import Scene, git  # noqa: E402 - found by the line above

WATCH_SECONDS = 1.0
# Messages a second. A proof needs some three hundred of them: with more customers that is a matter of seconds.
USUAL_RATE = 30
BUSY_RATE = 70
STAGING_RATE = 10
# Beyond its budget a playbook still writes messages and evidence; what takes longer than this hangs.
AFTERWARDS_SECONDS = 180


@dataclass
class Run:
    """A playbook on its way."""

    command: list[str]
    budget: int
    exits: bool
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    timeline: Path
    begun: float

    @property
    def name(self) -> str:
        """The playbook with its options, as a row of the table names it."""
        return " ".join([Path(self.command[1]).stem, *self.command[2:]])

    def printed(self) -> str:
        """Return what it has printed by now; its own place in the file stays where it is."""
        file = self.output.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


class Pictures:
    """What draws the report's pictures. It takes seconds to install, and nothing needs it before the report."""

    def __init__(self) -> None:
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - it closes with the program
        self.process = subprocess.Popen(
            ["make", "--no-print-directory", ".venv-demo/.report"],
            cwd=ROOT,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Wait until it is there."""
        if self.process.wait(AFTERWARDS_SECONDS):
            self.output.seek(0)
            raise SystemExit(f"matplotlib was not installed: {self.output.read().decode(errors='replace')}")


class Demo:
    """The playbooks' runs against a scene, and what they were seen to do.

    As in an incident, whoever has seen what a playbook observed goes on, while its messages and evidence are written.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rows: list[tuple[str, float, int | None, str]] = []
        self.wrong: list[str] = []
        self.pictures = Pictures()
        self.running: list[subprocess.Popen[bytes]] = [self.pictures.process]

    def expect(self, holds: bool, what: str) -> None:
        """Note ``what`` as wrong unless it holds; the demo proves what it shows."""
        if not holds:
            self.wrong.append(what)
            print(f"    UNEXPECTED: not {what}")

    def playbook(self, name: str, budget: int, exits: bool, *options: str) -> str:
        """Run a playbook, show its report, and note its time; ``exits`` tells whether it should exit 0."""
        return self.finish(self.start(name, budget, exits, *options))

    def start(self, name: str, budget: int, exits: bool, *options: str) -> Run:
        """Start a playbook; `finish` shows what came of it."""
        command = ["ansible-playbook", f"playbooks/{name}.yml", *options]
        timeline = DEMO / f"timeline-{len(self.running):02}-{name}.json"
        # Not a pipe: it would stop a run that nobody reads yet.
        output = tempfile.TemporaryFile()  # noqa: SIM115 - it closes with the run
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("ansible-playbook")), *command[1:]],
            cwd=ROOT,
            env={
                **os.environ,
                "RUNBOOK_DEMO_DIR": str(DEMO),
                "KUMON_RUNBOOK_TIMELINE_JSON": str(timeline),
                "ANSIBLE_NOCOLOR": "1",
                "PYTHONUNBUFFERED": "1",
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        self.running.append(process)
        return Run(command, budget, exits, process, output, timeline, time.time())

    def observed(self, run: Run) -> None:
        """Wait until a playbook shows what it observed, or has ended."""
        while not self._report(run.printed()) and run.process.poll() is None:
            time.sleep(0.1)
            if time.time() - run.begun > run.budget + AFTERWARDS_SECONDS:
                raise SystemExit(f"{run.name} shows nothing")

    def finish(self, run: Run) -> str:
        """Wait for a playbook, show its report, and note its time."""
        print(f"\n$ {' '.join(run.command)}", flush=True)
        run.process.wait(run.budget + AFTERWARDS_SECONDS)
        output = run.printed()
        run.output.close()
        report = self._report(output)
        print("\n".join(f"    {line}" for line in report) or output)
        if not run.timeline.exists():
            raise SystemExit(f"{run.name} ended before it had begun, with exit {run.process.returncode}")
        told = json.loads(run.timeline.read_text(encoding="utf-8"))
        # The last that it does: here nobody may have waited for its end.
        in_all = run.timeline.stat().st_mtime - run.begun
        # The budget is of the observed effect; messages and evidence come after it.
        seconds = in_all - (told["seconds"] - told["observed_seconds"])
        code = run.process.returncode
        print(f"    exit {code}, observed after {seconds:.1f} s of {run.budget} s, {in_all:.1f} s in all")
        self.rows.append((run.name, seconds, run.budget, f"exit {code}"))
        self.expect((code == 0) == run.exits, f"exit {'0' if run.exits else 'other than 0'} of {run.name}")
        self.expect(seconds <= run.budget, f"{run.name} within its budget of {run.budget} s")
        return "\n".join(report)

    def end(self) -> None:
        """End what still runs."""
        for process in self.running:
            if process.poll() is None:
                process.terminate()
                process.wait()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """More customers write for a while."""
        customers = self.scene.traffic(rate=BUSY_RATE, seconds=120, conversations=200)
        try:
            yield
        finally:
            customers.terminate()
            customers.communicate()

    @staticmethod
    def _report(output: str) -> list[str]:
        """Return what the procedure says it observed, out of all that ansible-playbook prints."""
        found = re.search(r"Show what was observed\] \*+\n.*\n +msg:\n((?: +- .*\n(?: {6,}.*\n)*)+)", output)
        if not found:
            return []
        lines = re.sub(r"\n {6,}(?! *- )", " ", found.group(1)).splitlines()
        return [re.sub(r"^ +- (['\"]?)(.*)\1$", r"\2", line).replace("''", "'") for line in lines]

    def commit(self) -> str:
        """Return the commit that is in place."""
        return str(git(Path(self.scene.data["assistant"]["app_dir"]), "rev-parse", "HEAD"))

    def tell(self) -> None:
        """Show the messages that would have gone out, in their order, and where the report is."""
        desk = DEMO / "desk"
        incident = json.loads((desk / "dry_run" / "incident.json").read_text(encoding="utf-8"))
        print("\nMessages that would have gone out:")
        for message in incident["messages"]:
            text = (desk / "dry_run" / "outbox" / f"{message['id']}.txt").read_text(encoding="utf-8")
            print(f"\n  {message['time']} to {message['audience']}, tier {message['tier']}")
            print("\n".join(f"    {line}".rstrip() for line in text.splitlines()))
        told = {(message["audience"], message["kind"]) for message in incident["messages"]}
        wanted = {(audience, kind) for audience in ("technical", "business") for kind in ("first", "update", "end")}
        self.expect(wanted <= told, "first message, news and end for both audiences")
        report = json.loads((desk / "report.json").read_text(encoding="utf-8"))
        print(f"\nReport: {os.path.relpath(report['path'])} (and .md, .en.html, .en.md, .json beside it)")

    def sent(self, when: str) -> int:
        """Return how many messages the gateway is asked to send in the next seconds, by its own counter."""
        before = int(self.scene.counters()["asked"])
        time.sleep(WATCH_SECONDS)
        sent = int(self.scene.counters()["asked"]) - before
        print(f"    gateway's own counter: {sent} messages asked for in {WATCH_SECONDS:.0f} s")
        self.rows.append((f"messages sent {when}", WATCH_SECONDS, None, str(sent)))
        return sent


def go_live(demo: Demo, staging: Scene) -> None:
    """Play what comes before a go-live, until the gate says GO."""
    scene = demo.scene
    print("== Before a go-live: what is missing for it? A gate that observes tells it, and what mends it.")
    gate = demo.start("go_live_gate", 120, False)
    look1 = demo.start("health_check", 30, True, "-e", "health_mark_release=true")
    # Meanwhile a rollback is rehearsed, on another host that a person has marked as staging.
    Path(staging.data["assistant"]["env_file"]).with_name("staging").touch()
    Path(staging.data["assistant"]["control_file"]).write_text("{}", encoding="utf-8")
    drill = demo.start(
        "drill", 180, True, "--limit", "staging", "-e", "runbook_hosts=staging", "-e", "drill_faults=configuration"
    )
    demo.observed(look1)
    look2 = demo.start("health_check", 30, True, "-e", "health_mark_release=true")
    report = demo.finish(gate)
    demo.expect(report.startswith("NO-GO") and "Contatos confirmados: FALTA" in report, "no GO before all is there")

    print("\n== Traffic flows. The release in place is seen healthy for a while, so it is known to be good.")
    demo.observed(look2)
    prepare = demo.start("prepare_go_live", 120, True)
    demo.finish(look1)
    report = demo.finish(look2)
    demo.expect(report.startswith("SAUDÁVEL"), "a healthy verdict")
    demo.expect("comprovada como boa" in report, "the release in the ledger")

    print("\n== What is missing is prepared and rehearsed; then the release that shall go live is put in place.")
    report = demo.finish(prepare)
    demo.expect(report.startswith("PREPARADO"), "all prepared")
    scene.release("Release 2")
    scene.restart_assistant()
    report = demo.finish(drill)
    demo.expect("ENSAIO OK" in report and "[x] Restauração" in report, "the flags of V1 rehearsed, and all as before")
    staging.down()
    confirmed = ("-e", "confirm=contacts,channels,monitoring", "-e", "runbook_actor=ana")
    report = demo.playbook("go_live_gate", 120, True, *confirmed)
    demo.expect(report.startswith("GO"), "GO with all of it seen")


def play(demo: Demo, good: str) -> None:
    """Play the crisis, which ends with the commit in place that was seen to be good."""
    scene = demo.scene
    print("\n== Incident: a release goes live that loses what it plans. No guard line is logged, as in reality.")
    scene.release("Release 3", lost_handoff=True)
    scene.restart_assistant()
    incident = time.monotonic()
    look3 = demo.start("health_check", 30, False)
    demo.observed(look3)
    level1 = demo.start("rollback_level1", 30, True)
    report = demo.finish(look3)
    demo.expect("lost_handoff" in report, "the lost hand-offs found")

    print("\n== Level 1, by a person: the kill-switch.")
    demo.observed(level1)
    proven_off = time.monotonic() - incident
    # Its lease is what the next one waits for.
    recovery = demo.start("emergency_recovery", 480, True, "-e", "recovery_mode=auto")
    demo.finish(level1)
    demo.rows.append(("incident to delivery proven off", proven_off, None, ""))
    demo.expect(demo.sent("after rollback level 1") == 0, "no message at the gateway after the rollback")

    print("\n== Still failing. The rest by itself: level 2, still failing, level 3, stable.")
    demo.observed(recovery)
    stable = time.monotonic() - incident
    with demo.busy():
        proof = demo.start("validate_recovery", 60, True, "-e", "recovery_wait=true")
        report = demo.finish(recovery)
        demo.rows.append(("incident to stable", stable, None, ""))
        demo.expect("nível 2" in report and "ESTABILIZADO no nível 3" in report, "level 2, then level 3")
        demo.expect(demo.commit() == good, "the known-good release in place")
        demo.observed(proof)
        forward1 = demo.start("roll_forward", 30, True, "-e", "level=1")
        report = demo.finish(proof)
    demo.expect("MODO SEGURO" in report, "the recovery proven under the kill-switch")

    print("\n== Forward again: deliver, and with V2.")
    demo.observed(forward1)
    forward2 = demo.start("roll_forward", 120, True, "-e", "level=2")
    demo.finish(forward1)
    demo.observed(forward2)
    with demo.busy():
        # The window of the proof passes; a person looks in the meantime.
        proof = demo.start("validate_recovery", 60, True, "-e", "recovery_wait=true")
        demo.finish(forward2)
        demo.expect(demo.sent("after rolling forward") > 0, "messages at the gateway after rolling forward")
        report = demo.playbook("health_check", 30, True)
        demo.expect(report.startswith("SAUDÁVEL"), "a healthy verdict after rolling forward")
        report = demo.finish(proof)
    demo.expect(report.startswith("RECUPERAÇÃO PROVADA"), "the recovery proven with delivery on")

    print("\n== What is left for those who were not there.")
    demo.pictures.wait()
    demo.playbook("incident_report", 120, True)

    print(f"\n{'what':<46} {'seconds':>8} {'budget':>7}  result")
    for what, seconds, budget, result in demo.rows:
        print(f"{what:<46} {seconds:>8.1f} {budget or '-':>7}  {result}")
    demo.tell()


def main() -> int:
    """Run the demo; exit 0 only if everything went as it should."""
    begun = time.monotonic()
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    # What one process has compiled the next need not, whatever the shell says of it; the checkout stays clean.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(DEMO.with_name("bytecode"))
    with (
        Scene(DEMO, python=sys.executable, releases=True) as scene,
        Scene(DEMO / "staging", python=sys.executable, releases=True) as staging,
    ):
        # It ends with the scene; on a slow machine that is later.
        scene.traffic(rate=USUAL_RATE, seconds=600, conversations=200)
        staging.traffic(rate=STAGING_RATE, seconds=600)
        demo = Demo(scene)
        good = demo.commit()
        try:
            go_live(demo, staging)
            play(demo, good)
        finally:
            demo.end()
    wrong = demo.wrong
    print(f"\n{'Not as expected: ' + '; '.join(wrong) if wrong else 'Everything as expected.'}")
    print(f"{time.monotonic() - begun:.0f} s in all. Journal, logs and result: {os.path.relpath(DEMO)}")
    (DEMO / "result.json").write_text(json.dumps({"wrong": wrong}), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; every process of the demo has been ended")
