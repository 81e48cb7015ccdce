# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom the log is rotated: logrotate refuses a directory that others than root can write to, unless it is told."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

TEMPLATE = Path(__file__).resolve().parents[3] / "roles" / "go_live" / "templates" / "logrotate.j2"
ROOTS = {"uid": 0, "gid": 0, "pw_name": "root", "gr_name": "root", "wgrp": False, "woth": False}
GROUPS = {**ROOTS, "gid": 998, "gr_name": "kumon"}


@pytest.mark.parametrize(
    ("directory", "told"),
    [
        (ROOTS, None),
        ({**ROOTS, "wgrp": True}, None),
        (GROUPS, None),
        ({**GROUPS, "wgrp": True}, "su root kumon"),
        # Root has nothing to rename where everybody can put something.
        ({**ROOTS, "woth": True}, None),
        ({**GROUPS, "uid": 998, "pw_name": "kumon"}, "su kumon kumon"),
        ({"uid": 998, "gid": 998, "wgrp": False, "woth": False}, "su 998 998"),
        (None, None),
    ],
)
def test_a_directory_that_others_can_write_to_is_rotated_with_the_rights_to_it(directory, told):
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        __go_live_logs=["/var/log/kumon-assistant/app.log"],
        __go_live_log_directory={"stat": directory} if directory else {},
        __go_live={"rotate_keep": 14, "rotate_restart": False},
        __go_live_systemd=True,
        __go_live_service={"service": "kumon-assistant"},
    )
    lines = [line.strip() for line in text.splitlines()]
    assert [line for line in lines if line.startswith("su")] == ([told] if told else [])
    assert "/var/log/kumon-assistant/app.log {" in lines
