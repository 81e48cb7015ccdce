# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
from ansible import constants
from ansible_collections.kumon.runbook.plugins.plugin_utils._command import (
    PLAYBOOKS,
    Started,
    Typed,
    as_typed,
    command,
    for_anybody,
    started,
)


def test_by_its_name_in_the_collection():
    assert command("health_check") == "ansible-playbook kumon.runbook.health_check"


@pytest.mark.parametrize(
    ("style", "path"), [("playbooks", "playbooks/notify.yml"), ("", "notify.yml"), ("../x y", "'../x y/notify.yml'")]
)
def test_by_path_as_this_run(style, path):
    assert command("notify", playbook_dir_style=style) == f"ansible-playbook {path}"


def test_with_the_hosts_and_settings_of_this_run():
    assert (
        command(
            "roll_forward",
            inventory_sources=["hosts.yml", "localhost,"],
            limit="kumon-1:&prod",
            extra_vars=["@site.yml", "runbook_locale=en runbook_service_name=wa"],
            switches=["--ask-become-pass"],
            options={"level": 1},
        )
        == "ansible-playbook -i hosts.yml -i localhost, kumon.runbook.roll_forward --limit 'kumon-1:&prod'"
        " --ask-become-pass -e @site.yml -e 'runbook_locale=en runbook_service_name=wa' -e level=1"
    )


@pytest.mark.parametrize("hostile", ["a b", "$(reboot)", "a'b", "`id`", "a;b", "a\nb", "!x", "~", "*"])
def test_a_shell_reads_back_what_was_meant(hostile):
    line = command(
        "notify",
        inventory_sources=[hostile],
        limit=hostile,
        extra_vars=["@" + hostile],
        options={"notify_by": hostile},
    )
    script = line.replace("ansible-playbook", "printf '%s\\0'", 1)
    read = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout.split("\0")[:-1]
    assert read[:2] == ["-i", hostile]
    assert read[read.index("--limit") + 1] == hostile
    assert "@" + hostile in read
    assert read[-1] in (f"notify_by={hostile}", json.dumps({"notify_by": hostile}))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("level=1", []),
        ("level=1 runbook_locale=en", ["-e", "runbook_locale=en"]),
        ("roll_forward_force=true recovery_approved=2 recovery_mode=auto", []),
        ('{"level": 1, "rollback_serial": [1, 2]}', ["-e", '{"rollback_serial": [1, 2]}']),
        ("runbook_evolution_api_key=abcdef runbook_locale=en", ["-e", "runbook_locale=en"]),
        ('{"runbook_smtp": {"host": "m", "password": "x1"}}', []),
        ("probe=5511977770001", []),
        # Keys by what they are for, however plain they look.
        ("go_live_rota_ical=https://cal.example.com/team/basic.ics a=1", ["-e", "a=1"]),
        ('{"go_live_check_url": "https://hc.example.com/ping"}', []),
        ("x='a b' level=2", ["-e", '{"x": "a b"}']),
        ("x='a b'", ["-e", "x='a b'"]),
        ("", []),
        ("{broken", []),
    ],
)
def test_what_was_decided_for_one_run_and_secrets_do_not_travel(given, kept):
    assert shlex.split(command("health_check", extra_vars=[given]))[2:] == kept


def test_what_the_procedure_needs_replaces_what_this_run_had():
    line = command("smoke_test", extra_vars=["smoke_test_wait_seconds=5 a=1"], options={"smoke_test_wait_seconds": 40})
    assert line == "ansible-playbook kumon.runbook.smoke_test -e a=1 -e smoke_test_wait_seconds=40"


@pytest.mark.parametrize(
    ("value", "word"),
    [(True, '{"x": true}'), ([1], '{"x": [1]}'), (2, "x=2"), ("", '{"x": ""}'), ("é ü", '{"x": "é ü"}')],
)
def test_a_variable_keeps_its_meaning(value, word):
    assert shlex.split(command("notify", options={"x": value}))[-1] == word


def test_a_text_takes_its_commands_as_this_run_would_be_typed():
    run = Started(playbook_dir_style="playbooks", inventory_sources=("my hosts",), limit="a", extra_vars=("level=3",))
    approved = "emergency_recovery -e recovery_mode=approve -e recovery_approved=2"
    text = f"{{run[health_check]}}, em um minuto; ou {{run[{approved}]}}"
    assert text.format(run=Typed(run)) == (
        "ansible-playbook -i 'my hosts' playbooks/health_check.yml --limit a, em um minuto; ou "
        "ansible-playbook -i 'my hosts' playbooks/emergency_recovery.yml --limit a"
        " -e recovery_mode=approve -e recovery_approved=2"
    )


def test_a_run_of_which_nothing_is_known_keeps_the_short_form():
    line = "notify -e notify_event=acknowledge -e notify_by=SEU_NOME"
    assert Typed(Started())[line] == f"ansible-playbook kumon.runbook.{line}"


def cliargs(**given):
    base = {
        "args": ("kumon.runbook.health_check",),
        "inventory": tuple(constants.DEFAULT_HOST_LIST),
        "connection": constants.DEFAULT_TRANSPORT,
        "become": False,
        "become_method": constants.DEFAULT_BECOME_METHOD,
        "vault_ids": (),
    }
    return {**base, **given}


def test_what_is_a_default_is_left_out():
    assert started(cliargs(), {}) == Started()


def test_how_the_run_was_started(monkeypatch):
    monkeypatch.chdir(PLAYBOOKS)
    run = started(
        cliargs(
            args=("health_check.yml",),
            inventory=(str(PLAYBOOKS / "hosts.yml"), "/etc/hosts.yml", "h,"),
            subset="kumon-1",
            extra_vars=("a=1", "@b.yml"),
            remote_user="ops",
            become=True,
            become_ask_pass=True,
            vault_ids=("prod@prompt",),
            ssh_common_args="-o ProxyCommand='x password=hunter2'",
        ),
        {},
    )
    assert run == Started(
        playbook_dir_style="",
        inventory_sources=("hosts.yml", "/etc/hosts.yml", "h,"),
        limit="kumon-1",
        extra_vars=("a=1", "@b.yml"),
        switches=("--user", "ops", "--become", "--ask-become-pass", "--vault-id", "prod@prompt"),
    )


def test_a_playbook_of_somebody_elses_has_none_of_ours_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert started(cliargs(args=("site.yml",)), {}).playbook_dir_style is None
    (tmp_path / "link").symlink_to(PLAYBOOKS)
    assert started(cliargs(args=("link/health_check.yml",)), {}).playbook_dir_style == "link"


def test_a_job_of_awx_gets_the_short_form():
    given = cliargs(args=("playbooks/health_check.yml",), inventory=("/runner/inventory/hosts",), subset="a")
    assert started(given, {"AWX_HOST": "https://awx"}) == Started()


def test_who_acted_is_not_who_pastes_what_others_are_told():
    run = Started(limit="a", extra_vars=("runbook_actor=ana runbook_locale=en", '{"runbook_actor": "ana"}', "@b.yml"))
    told = Started(limit="a", extra_vars=("runbook_locale=en", "@b.yml"))
    assert for_anybody(run) == told


def test_a_filter_for_others_gets_the_commands_of_anybody(monkeypatch):
    given = cliargs(args=("playbooks/health_check.yml",), extra_vars=("runbook_actor=ana",))
    monkeypatch.setattr("ansible.context.CLIARGS", given)
    monkeypatch.delenv("AWX_HOST", raising=False)

    def named(commands):
        return commands["notify"]

    assert as_typed(named)().endswith(" -e runbook_actor=ana")
    assert "runbook_actor" not in as_typed(named, anybody=True)()
