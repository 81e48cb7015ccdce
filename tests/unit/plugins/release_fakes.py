# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real git repository of a small real service: two good releases, a broken one; and wheels made on the spot."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import struct
import subprocess
import time
import zipfile
from pathlib import Path

from ansible_collections.kumon.runbook.plugins.module_utils import _journal, _release
from ansible_collections.kumon.runbook.plugins.module_utils._bounded import Finished, run_as
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host
from ansible_collections.kumon.runbook.plugins.plugin_utils._details import in_words

from tests.unit.plugins.service_fakes import SERVICE, FakeSystemd, RealService, module_params

ACL = "system.posix_acl_access"
CRASH = 'raise SystemExit("RuntimeError: no database, password=hunter2secret")\n'
IGNORED = "mode\n*.log\n.env\n.venv\n.venv.d/\n__pycache__/\n"


def ensure(params: dict[str, object], host: Host, check_mode: bool = False) -> dict[str, object]:
    """What the module does. What it would do it tells twice, and both say the same."""
    result = _release.ensure(params, host, check_mode)
    if check_mode:
        assert [in_words(step, "en") for step in result["steps"]] == result["planned"]
    return result


def wheel(directory: Path, version: str, name: str = "kumonlib") -> Path:
    """A wheel with one module that knows its version."""
    directory.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f'VERSION = "{version}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    target = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return target


def access_list() -> bytes:
    """As setfacl makes it: user::rw-, user:12345:r--, group::---, mask::r--, other::---."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, 4, 12345), (0x04, 0, nobody), (0x10, 4, nobody), (0x20, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


class Repository:
    """Commits by name: `first` and `second` are good, `broken` does not start; `broken` is checked out on `main`."""

    def __init__(self, directory: Path, requirements: dict[str, str] | None = None):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.commits: dict[str, str] = {}
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(".gitignore", IGNORED)
        for name, code in (("first", SERVICE), ("second", SERVICE + "# second\n"), ("broken", CRASH)):
            self.write("service.py", code)
            self.write("requirements.txt", (requirements or {}).get(name, ""))
            self.write(f"{name}.txt", name)
            self.commits[name] = self.commit(f"release {name}")

    def git(self, *arguments: str) -> str:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "safe.directory=*"]
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.directory,
            check=True,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env=env,
        )
        return done.stdout.strip()

    def write(self, path: str, content: str) -> None:
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def read(self, path: str) -> str | None:
        target = self.directory / path
        return target.read_text() if target.exists() else None

    def commit(self, subject: str) -> str:
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def branch(self) -> str | None:
        return self.git("rev-parse", "--abbrev-ref", "HEAD").replace("HEAD", "") or None

    def rescues(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname)", "refs/runbook/rescue").split()

    def files(self) -> dict[str, str]:
        """Every file that is not git's and not an environment's."""
        found = {}
        for path in sorted(self.directory.rglob("*")):
            parts = path.relative_to(self.directory).parts
            if path.is_file() and not {".git", ".venv", ".venv.d", "__pycache__"} & set(parts):
                found["/".join(parts)] = path.read_text(errors="replace")
        return found


def release_params(directory: Path, repository: Repository, **more) -> dict:
    """The module's parameters with its defaults, every path below the directory."""
    return module_params(
        directory,
        **{
            "state": "present",
            "app_dir": str(repository.directory),
            "commit": repository.commits["second"],
            "venv": None,
            "requirements": "requirements.txt",
            "wheelhouse": None,
            "python": None,
            "system_site_packages": None,
            "install_seconds": 60.0,
            "restart_timeout": 8.0,
            "stop_timeout": 2.0,
            "budget": 120.0,
            "min_free_mb": 1,
            "trial": "never",
            "webhook_url": None,
            "webhook_headers": {},
            "phone": None,
            "instance": None,
            "gateway_url": None,
            "log_paths": [],
            "procedure": "rollback_level3",
            **more,
        },
    )


class RealRelease:
    """The repository with its service as plain processes."""

    def __init__(self, directory: Path, **more):
        self.directory = directory
        self.repository = Repository(directory / "app", **more)
        self.service = RealService(directory / "app")
        # Making the fake writes the program, which is the repository's here.
        self.repository.git("checkout", "--quiet", "--force", "main")
        self.service.log = directory / "service.log"

    def serve(self, name: str = "first", **environ: str) -> int:
        """Run the service as another release than the one that is checked out, as if it had been started before."""
        self.repository.git("checkout", "--quiet", self.repository.commits[name])
        pid = self.service.start(**environ)
        self.repository.git("checkout", "--quiet", "main")
        return pid

    def params(self, **more) -> dict:
        given = {"manager": "process", "port": self.service.port, "health_urls": [self.service.url]}
        return release_params(self.directory, self.repository, **{**given, **more})


class Killed(BaseException):
    """The run ends here, as by a signal that nothing can catch."""


class FakeUnit(FakeSystemd):
    """A unit whose process comes up when the code in the work tree is sound, on the machine's own clock of files."""

    def __init__(self, directory: Path, repository: Repository):
        super().__init__(directory)
        self.repository = repository
        self.proc.started = lambda start: self.births.get(start, 0.0)
        self.births: dict[int, float] = {}
        self.base["CODE"] = ""

    def _start(self) -> None:
        code = self.repository.read("service.py") or ""
        self.base["CODE"] = hashlib.sha256(code.encode()).hexdigest()
        self.starts = ["crash" if code == CRASH else "up"]
        super()._start()

    def spawn(self, environ=None) -> int:
        pid = super().spawn(environ)
        self.births[self.proc.stat(pid).start] = time.time()
        return pid

    def runs(self, code: str) -> bool:
        """Whether the running process was started from this code."""
        found = self.proc.process(self.pid) if self.pid in self.proc.pids() else None
        return found is not None and found.environ["CODE"] == hashlib.sha256(code.encode()).hexdigest()


# Commands that only read: before and after them is the same moment.
READS = re.compile(r"git (rev-parse|symbolic-ref --quiet|diff-index|diff-tree|ls-|check-|status|cat-file|log)|.* show ")


class Steps:
    """Counts commands and changes of directory entries, and kills the run before a given one."""

    def __init__(self, monkeypatch, at: int = 0):
        self.at, self.count = at, 0
        self.begun = 0  # the last step before the journal had it
        self.names: list[str] = []
        append = _journal.append

        def noted(path, **fields):
            self.begun = self.begun or self.count
            return append(path, **fields)

        monkeypatch.setattr(_journal, "append", noted)
        for name in ("rename", "symlink", "unlink", "mkdir"):
            monkeypatch.setattr(os, name, self.step(f"os.{name}", getattr(os, name)))

    def moments(self) -> list[int]:
        """The steps to kill a run at: those that follow a change, and the first one after the journal has the begin.

        Every fourth of them, each of which takes seconds; `make chaos` takes them all.
        """
        numbers = range(self.begun + 1, self.count + 1)
        found = [at for at in numbers if at == self.begun + 1 or not READS.match(self.names[at - 2])]
        assert len(found) > 15
        return found[:: int(os.environ.get("KUMON_KILL_EVERY", "4"))]

    def step(self, name, function):
        def stepped(*args, **more):
            self.count += 1
            argv = args[0] if args and isinstance(args[0], list) else [name, *map(str, args)]
            self.names.append(" ".join(item for item in argv if "=" not in item and item != "-c"))
            if self.count == self.at:
                raise Killed
            return function(*args, **more)

        return stepped

    def host(self, unit: FakeUnit, runner=run_as) -> Host:
        host = unit.host()
        host.run, host.run_as = self.step("run", unit.run), self.step("run_as", runner)
        return host


def fake_installer(argv: list[str], owner, cwd: str, env: dict[str, str], **more) -> Finished:
    """run_as, but an environment is an empty directory and pip notes what it was asked for."""
    if argv[1:3] == ["-m", "venv"]:
        site = Path(argv[-1]) / "lib" / "python3" / "site-packages"
        site.mkdir(parents=True)
        (Path(argv[-1]) / "bin").mkdir()
        return Finished(0, "", "")
    if argv[1:3] == ["-m", "pip"]:
        wanted = Path(argv[-1]).read_text().strip()
        (Path(cwd).parent / "lib" / "python3" / "site-packages" / f"{wanted.replace('==', '-')}.dist-info").mkdir()
        return Finished(0, "", "")
    return run_as(argv, owner, cwd, env, **more)
