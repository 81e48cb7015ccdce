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
from ansible_collections.kumon.runbook.plugins.module_utils._container import Container
from ansible_collections.kumon.runbook.plugins.module_utils._host import Host

EVERY = 20  # seconds between two looks
# A container that is started anew sends within a second or two, perhaps from another address.
OFTEN = 1

# Read by the shell as its standard input, so that it is one file with the unit.
SCRIPT = """\
keep() {{
nft list table inet {table} >/dev/null 2>&1 || nft -f - <<'TABLE'
{rules}TABLE
{bridge}}}
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
# In the place of its last lines: which processes of the container's control group are in another network than this one,
# and the addresses there. Those of before stay until others are seen.
FOLLOW = """\
follow() {{
all=$(find -L /proc/[0-9]*/ns/net -maxdepth 0 ! -samefile /proc/self/ns/net 2>/dev/null | sed 's,/ns/net$,/cgroup,')
now=$(for p in $(grep -lF {groups} /dev/null $all 2>/dev/null); do
awk '$1 == "|--" {{ at = $2 }}
$2 == "host" && $3 == "LOCAL" && at !~ /^127[.]/ {{ print at }}' ${{p%/cgroup}}/net/fib_trie 2>/dev/null
awk '$4 != "10" && $4 != "20" {{ gsub(/..../, "&:", $1)
print substr($1, 1, 39) }}' ${{p%/cgroup}}/net/if_inet6 2>/dev/null
done | sort -u)
[ -n "$now" ] && [ "$now" != "$known" ] || return 0
into inet && known=$now
into bridge 2>/dev/null || :
}}
into() {{
{{
echo flush set $1 {table} source4
echo flush set $1 {table} source6
for a in $now; do
case $a in *:*) s=source6 ;; *) s=source4 ;; esac
echo add element $1 {table} $s "{{ $a }}"
done
}} | nft -f -
}}
keep
[ "$1" = once ] && exit 0
n=0 known=
while :; do
nft list table inet {table} >/dev/null 2>&1 || known=
keep
follow
[ $n -gt 0 ] || {{ {renew}n={every}; }}
n=$((n-1))
sleep {often}
done
"""

BRIDGE = """\
nft list table bridge {table} >/dev/null 2>&1 || nft -f - 2>/dev/null <<'BRIDGE'
{rules}BRIDGE
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

    @property
    def exists(self) -> bool:
        return self._present() is not None and os.path.lexists(self.wanted_by)

    def unit(self, rules: str, url: str, container: Container | None = None, bridge: str = "") -> str | None:
        """The unit's text, None where there can be none."""
        if not self.possible:
            return None
        name = urlsplit(url).hostname or ""
        # A literal address has nothing to look up again.
        named = bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z]", name))
        script = SCRIPT
        if container and container.groups:
            script = SCRIPT[: SCRIPT.index("keep\n[")] + FOLLOW
        text = script.format(
            table=self.table,
            rules=rules,
            bridge=BRIDGE.format(table=self.table, rules=bridge) if bridge else "",
            name=name if named else "",
            renew="renew; " if named else "",
            every=EVERY,
            often=OFTEN,
            groups=" ".join(f"-e ':{group}'" for group in container.groups) if container else "",
        )
        if bridge:
            # The bridge's table has the gateway's addresses too.
            more = f'nft add element inet {self.table} $s "{{ $a }}"\n'
            text = text.replace(more, more + more.replace("inet", "bridge", 1).replace("\n", " 2>/dev/null\n"))
        if not named:
            text = re.sub(r"renew\(\) \{\n.*?\n\}\n", "", text, flags=re.DOTALL)
        # As systemd reads it, which knows specifiers and C's escapes.
        lines = ["StandardInputText=" + re.sub(r"([%\\])", r"\1\1", line) for line in text.splitlines()]
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
                self._stop()
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
        start = ["systemctl", "start", "--no-block", "--", self.name]
        if self.host.run(start).rc == 0:
            return
        # While systemd loads its units anew, it cannot start one.
        self.host.run(["systemctl", "daemon-reload"])
        if self.host.run(start).rc != 0:
            warnings.append(f"{self.name} could not be started: the gateway's addresses are not looked up again")

    def _stop(self) -> None:
        """Its stop waits for one of the service that hangs, and it would put back what is taken away meanwhile. What is
        ended while its stop is asked for stays down."""
        self.host.run(["systemctl", "stop", "--no-block", "--", self.name])
        self.host.run(["systemctl", "kill", "--", self.name])

    def end(self, warnings: list[str]) -> None:
        """Stop it and take its files away."""
        if self._present() is None and not os.path.lexists(self.wanted_by):
            return
        self._stop()
        for path in (self.wanted_by, self.path):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
            except OSError as exc:
                warnings.append(f"{path} could not be removed ({exc.strerror}): the fence comes back with the host")
