# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps the network fence where systemd runs: one small unit, that puts the table up before the network is.

While it runs it adds the addresses that the gateway's name has got, and puts the table back should a restart of the
firewall have flushed it.
"""

from __future__ import annotations

import contextlib
import os
import re
from urllib.parse import urlsplit

from ansible_collections.kumon.runbook.plugins.module_utils import _files
from ansible_collections.kumon.runbook.plugins.module_utils._proc import Host

EVERY = 20  # seconds between two looks

# Read by the shell as its standard input, so that it is one file with the unit.
SCRIPT = """\
keep() {{
nft list table inet {table} >/dev/null 2>&1 || nft -f - <<'TABLE'
{rules}TABLE
}}
renew() {{
for a in $(getent ahosts {name} | cut -d' ' -f1 | cut -d% -f1 | sort -u); do
case $a in *:*) s=gateway6 ;; *) s=gateway4 ;; esac
nft add element inet {table} $s "{{ $a }}"
done
}}
keep
[ "$1" = once ] && exit 0
while :; do {renew}sleep {every}; keep; done
"""

# TimeoutStopSec: the service is ordered after this unit, so that its next start waits for a stop of it. In a container
# systemd can miss that the last process has gone, and would wait for 90 s.
UNIT = """\
# Written by kumon.runbook with the network fence, and taken away with it: roll_forward.yml -e level=1.
[Unit]
Description=Network fence of {service}
DefaultDependencies=no
After=local-fs.target nftables.service
Before=network-pre.target {before}
Wants=network-pre.target

[Service]
StandardInput=data
{script}
ExecStartPre=/bin/sh -s once
ExecStart=/bin/sh -s
Restart=always
RestartSec=5
TimeoutStopSec=1

[Install]
WantedBy=multi-user.target
"""


class Keeper:
    """The unit of one table. Where there is no systemd, or no right to write its files, nothing keeps the fence."""

    def __init__(self, host: Host, table: str, service: str):
        self.host = host
        self.table = table
        self.service = re.sub(r"[^A-Za-z0-9:_.@-]", "_", service)
        self.name = "kumon-runbook-fence-" + table[len("kumon_runbook_") :] + ".service"
        self.path = os.path.join(host.systemd_units, self.name)
        self.wanted_by = os.path.join(host.systemd_units, "multi-user.target.wants", self.name)

    @property
    def possible(self) -> bool:
        return self.host.uid == 0 and os.path.isdir(self.host.systemd_booted)

    def unit(self, rules: str, url: str) -> str | None:
        """The unit's text, None where there can be none."""
        if not self.possible:
            return None
        name = urlsplit(url).hostname or ""
        # A literal address has nothing to look up again.
        named = bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z]", name))
        text = SCRIPT.format(
            table=self.table, rules=rules, name=name if named else "", renew="renew; " if named else "", every=EVERY
        )
        if not named:
            text = re.sub(r"renew\(\) \{\n.*?\n\}\n", "", text, flags=re.DOTALL)
        lines = [f"StandardInputText={line.replace('%', '%%')}" for line in text.splitlines()]
        before = self.service if self.service.endswith(".service") else self.service + ".service"
        return UNIT.format(service=self.service, before=before, script="\n".join(lines))

    def _present(self) -> str | None:
        with contextlib.suppress(OSError):
            return (_files.read(self.path) or b"").decode(errors="replace") or None
        return None

    def differs(self, wanted: str | None) -> bool:
        """Whether it is not as it shall be; None is none at all."""
        return self._present() != wanted or os.path.lexists(self.wanted_by) != (wanted is not None)

    def stands(self, wanted: str | None) -> bool:
        return wanted is not None and not self.differs(wanted)

    def begin(self, wanted: str, warnings: list[str]) -> None:
        """Write the unit and start it; systemd reads the link at the next boot by itself."""
        known = self._present() is not None
        try:
            if known and self._present() != wanted:
                self.host.run(["systemctl", "stop", "--", self.name])
            _files.replace(self.path, wanted.encode(), 0o644)
            os.makedirs(os.path.dirname(self.wanted_by), mode=0o755, exist_ok=True)
            if not os.path.lexists(self.wanted_by):
                os.symlink(self.path, self.wanted_by)
        except OSError as exc:
            warnings.append(f"the network fence will not outlive a restart of the host ({exc.strerror}: {self.path})")
            return
        if known:
            self.host.run(["systemctl", "daemon-reload"])
        # Not waited for: the fence stands already.
        done = self.host.run(["systemctl", "start", "--no-block", "--", self.name])
        if done.rc != 0:
            warnings.append(f"{self.name} could not be started: the gateway's addresses are not looked up again")

    def end(self, warnings: list[str]) -> None:
        """Stop it and take its files away."""
        if self._present() is None and not os.path.lexists(self.wanted_by):
            return
        self.host.run(["systemctl", "stop", "--", self.name])
        for path in (self.wanted_by, self.path):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
            except OSError as exc:
                warnings.append(f"{path} could not be removed ({exc.strerror}): the fence comes back with the host")
