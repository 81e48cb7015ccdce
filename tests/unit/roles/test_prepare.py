# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preparation takes from what it has seen, by the expressions of its tasks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TASKS = Path(__file__).parents[3] / "roles" / "go_live" / "tasks"


def task(file, ending):
    tasks = yaml.safe_load((TASKS / file).read_text(encoding="utf-8"))
    return next(one for one in tasks if one["name"].endswith(ending))


def rendered(text, **variables):
    return Templar(DataLoader(), variables=variables).template(trust_as_template(text))


@pytest.mark.parametrize(
    ("line", "rotates"),
    [
        ("/var/log/kumon/app.log {", True),
        ('"/var/log/kumon/app.log"', True),
        ("/var/log/other.log /var/log/kumon/app.log", True),
        ("/var/log/kumon/app.log*{", True),
        ("/var/log/kumon/*.log {", True),
        ("  /var/log/kumon/*", True),
        ("# /var/log/kumon/app.log is rotated by hand", False),
        ("    # once: /var/log/kumon/*.log {", False),
        ("/var/log/kumon/app.log.1 {", False),
        ("/var/log/kumon/app.logs {", False),
        ("/srv/var/log/kumon/app.log {", False),
        ("/var/log/kumon/sub/app.log {", False),
    ],
)
def test_who_names_the_log_rotates_it(line, rotates):
    contains = task("prepare_look.yml", "rotates the log already")["ansible.builtin.find"]["contains"]
    pattern = rendered(contains, __go_live_logs=["/var/log/kumon/app.log"])
    assert bool(re.match(pattern, f"{line}\n")) is rotates


@pytest.mark.parametrize(
    ("chosen", "commit"),
    [({"commit": "old", "why": "ledger"}, "old"), (None, "new")],
)
def test_the_packages_are_those_of_the_release_that_level_3_goes_back_to(chosen, commit):
    variables = task("prepare_release.yml", "packages of the known-good commit")["vars"]
    release = {"chosen": chosen, "ledger": {"good": [{"commit": "old"}, {"commit": "new"}]}}
    assert rendered(variables["__go_live_good"], __go_live_release={"release": release})["commit"] == commit
    assert rendered(variables["__go_live_good"], __go_live_release={"failed": True}) == {}


@pytest.mark.parametrize(
    ("asked", "systemd", "crontab", "way"),
    [
        ("auto", True, True, "systemd"),
        ("auto", False, True, "cron"),
        ("auto", False, False, ""),
        ("cron", True, True, "cron"),
        # Nothing would start it.
        ("cron", True, False, ""),
        ("none", True, True, "none"),
    ],
)
def test_the_check_is_started_by_what_is_there(asked, systemd, crontab, way):
    text = yaml.safe_load((TASKS.parent / "vars" / "main.yml").read_text(encoding="utf-8"))["__go_live_check_way"]
    there = {"__go_live_check_on_systemd": systemd, "__go_live_check_crontab": crontab}
    assert rendered(text, __go_live={"check": asked}, **there) == way


def test_the_check_is_started_from_wherever_it_lies():
    text = yaml.safe_load((TASKS.parent / "vars" / "main.yml").read_text(encoding="utf-8"))["__go_live_check_job"]
    where = {"ansible_playbook_python": "/home/ana lima/venv/bin/python", "__go_live_check_dir": "/srv/50% desk"}
    job = rendered(text, **where)
    words = ["/home/ana lima/venv/bin/python", "/srv/50% desk/runbook-health-tick", "/srv/50% desk/health-check.conf"]
    assert shlex.split(job) == words
    cron = task("prepare_check.yml", "on the controller")["block"]
    line = next(one for one in cron if "ansible.builtin.cron" in one)["ansible.builtin.cron"]["job"]
    typed = rendered(line, __go_live_check_job=job)
    assert typed.count("%") == typed.count("\\%") == 2 and typed.replace("\\%", "%") == job
