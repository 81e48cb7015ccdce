# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""configure_awx.yml with the real modules of awx.awx against the stand-in for AWX (tests/awx).

A part of the description that has each kind once, since a module takes a second; `test_description.py` has the whole
of it taken by the same stand-in.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.awx.stand_in import StandIn
from tests.unit.awx.description import ROOT, description, posted

PLAYBOOK = [str(Path(sys.executable).with_name("ansible-playbook")), str(ROOT / "playbooks/configure_awx.yml")]
NODES = ("decide", "level1", "approve_level3", "report")
STARTED = ("Kumon: decide", "Kumon: rollback_level1", "Kumon: incident_report")


def part():
    """Each kind once, and a workflow that still has an approval and each way from node to node."""
    found = description()
    for kind in ("labels", "credentials", "inventories", "hosts", "groups"):
        found[f"controller_{kind}"] = found[f"controller_{kind}"][:1]
    found["controller_groups"][0]["hosts"] = [found["controller_hosts"][0]["name"]]
    found["controller_templates"] = [one for one in found["controller_templates"] if one["name"] in STARTED]
    label, credential = found["controller_labels"][0]["name"], found["controller_credentials"][0]["name"]
    for template in found["controller_templates"]:
        template.update(labels=[label], credentials=[credential])
    (workflow,) = found["controller_workflows"]
    nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"] if node["identifier"] in NODES}
    nodes["decide"].update(success_nodes=["level1"], failure_nodes=[])
    nodes["level1"].update(success_nodes=["report"], failure_nodes=["approve_level3"])
    nodes["approve_level3"].update(success_nodes=["report"], failure_nodes=[])
    asked = [one for one in workflow["survey_spec"]["spec"] if one["variable"] == "runbook_reason"]
    workflow.update(labels=[label], simplified_workflow_nodes=list(nodes.values()))
    workflow["survey_spec"]["spec"] = asked
    found["controller_schedules"] = [
        one for one in found["controller_schedules"] if one["unified_job_template"] == "Kumon: incident_report"
    ]
    return found


class _Dumper(yaml.SafeDumper):
    """What is a template for AWX stays one."""


def _unsafe(dumper, text):
    return dumper.represent_scalar("!unsafe" if "{{" in text else "tag:yaml.org,2002:str", text)


_Dumper.add_representer(str, _unsafe)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("description")
    for kind, items in part().items():
        if kind.startswith("controller_"):
            (path / f"{kind}.yml").write_text(
                yaml.dump({kind: items}, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
            )
    return path


def configure(where, directory, *arguments, token=StandIn.TOKEN, cwd=ROOT, **more):
    """Run the playbook; return its exit, result and output with all white space folded."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CONTROLLER_", "TOWER_"))}
    environment.update(
        CONTROLLER_HOST=where,
        CONTROLLER_OAUTH_TOKEN=token,
        ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
        ANSIBLE_SHOW_CUSTOM_STATS="true",
        ANSIBLE_CALLBACK_RESULT_FORMAT="json",
        ANSIBLE_NOCOLOR="1",
        **more,
    )
    command = [*PLAYBOOK, "-e", json.dumps({"awx_data_dir": str(directory), "runbook_locale": "en"}), *arguments]
    run = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    stats = run.stdout.partition("CUSTOM STATS: ")[2].partition("RUN: ")[2]
    result = json.JSONDecoder().raw_decode(stats.strip())[0]["runbook_result"] if stats else {}
    return run.returncode, result, " ".join((run.stdout + run.stderr).split())


def objects():
    found = part()
    nodes = found["controller_workflows"][0]["simplified_workflow_nodes"]
    return sum(len(items) for kind, items in found.items() if kind.startswith("controller_")) + len(nodes)


def _dry(awx, directory):
    code, result, text = configure(awx.url, directory, "--check")
    assert (code, result["status"], awx.writes) == (0, "planned", [])
    assert result["message"].startswith(f"DRY RUN: {objects()} objects, ")
    for name in (*STARTED, *NODES, "Kumon: emergency", "Kumon: daily report"):
        assert f'"- {name}"' in text, name


def _first(awx, directory):
    code, result, text = configure(awx.url, directory)
    assert (code, result["status"]) == (0, "ok"), text[-3000:]
    assert [awx.named("job_templates", name)["name"] for name in STARTED] == list(STARTED)
    template = awx.named("job_templates", "Kumon: rollback_level1")
    assert (template["timeout"], template["ask_job_type_on_launch"], template["allow_simultaneous"]) == (
        300,
        True,
        False,
    )
    assert awx.names_of("job_templates", "Kumon: rollback_level1", "credentials") == ["Kumon: SSH"]
    ways = {
        (name, field): awx.names_of("workflow_job_template_nodes", name, field)
        for name in NODES
        for field in ("success_nodes", "failure_nodes")
    }
    assert ways["level1", "failure_nodes"] == ["approve_level3"] and ways["decide", "failure_nodes"] == []
    # Whoever launches it half-way starts nothing that acts: this run may end at any task.
    assert awx.started == {"decide"}
    (approval,) = awx.objects["workflow_approval_templates"].values()
    assert (approval["name"], approval["timeout"]) == ("Kumon: approve level 3", 1800)
    # What is a template of AWX has reached it as one.
    assert awx.named("credential_types", "Kumon: Evolution API")["injectors"]["extra_vars"] == {
        "runbook_evolution_api_key": "{{ evolution_api_key | default('') }}"
    }
    assert awx.named("schedules", "Kumon: daily report")["extra_data"] == {"report_since": "24h"}


def test_a_dry_run_makes_nothing_the_first_run_all_and_the_second_what_differs(directory):
    # One story, and one test of it, for each run takes what the one before has made.
    with StandIn() as awx:
        _dry(awx, directory)
        _first(awx, directory)
        credential = next(one for one in awx.objects["credentials"].values() if one["name"] == "Kumon: SSH")
        credential["inputs"] = {"username": "somebody", "ssh_key_data": "entered by a person"}
        awx.answer("POST", "/api/v2/job_templates/", {}, {**_other(awx), "name": "Somebody else's"})
        group = awx.named("groups", "assistant")
        before = awx.names_of("groups", "assistant", "hosts")
        _status, host = awx.answer("POST", "/api/v2/hosts/", {}, {"name": "theirs", "inventory": group["inventory"]})
        awx.answer("POST", f"/api/v2/groups/{group['id']}/hosts/", {}, {"id": host["id"]})
        added = _people_add(awx)
        changed = _change(awx)
        awx.writes.clear()
        code, result, text = configure(awx.url, directory)
        assert (code, result["message"]) == (0, f"AWX is as described: {objects()} objects, 2 changed"), text[-3000:]
        # The project is looked at anew, what differed is put right, and that is all.
        written = [path for _method, path in awx.writes]
        assert sorted(written) == sorted([f"/api/v2/projects/{_id(awx)}/update/", *changed])
        assert (credential["inputs"]["ssh_key_data"], awx.deleted) == ("entered by a person", [])
        assert awx.named("job_templates", "Somebody else's")
        assert sorted(awx.names_of("groups", "assistant", "hosts")) == sorted([*before, "theirs"])
        assert _added(awx) == added
        way = f"{awx.named(STEPS, 'level1')['id']}/failure_nodes/{awx.named(STEPS, 'report')['id']}"
        assert awx.detached == [f"{STEPS}/{way}"]
        # Nobody has to look for it: what stays although it is not described is said, and no value of it.
        assert "Kumon: rollback_level1: what the description does not have stays, in labels: theirs" in text
        assert "Kumon: production: what the description does not have stays, in variables: go_live_programs" in text
        assert "a-program" not in text
        _is_as_described_beside_it(awx)
        awx.writes.clear()
        _code, result, _text = configure(awx.url, directory, "--check")
        assert (result["message"], awx.writes) == (f"DRY RUN: {objects()} objects, 0 would be changed", [])


def _people_add(awx):
    """What a team adds to objects of ours, in AWX; what is there of it."""

    def post(path, **data):
        return awx.answer("POST", f"/api/v2/{path}/", {}, data)[1]

    def number(kind, name):
        return awx.named(kind, name)["id"]

    organization, template = number("organizations", "Kumon"), number("job_templates", "Kumon: rollback_level1")
    workflow, inventory = awx.named("workflow_job_templates", "Kumon: emergency"), awx.named("inventories", INVENTORY)
    label = post("labels", name="theirs", organization=organization)
    vault = post("credentials", name="theirs", credential_type=number("credential_types", "Vault"), inputs={})
    mail = awx.named("notification_templates", "Kumon: technical")
    fields = ("organization", "notification_type", "notification_configuration")
    told = post("notification_templates", name="theirs", **{field: mail[field] for field in fields})
    for what, made in (("labels", label), ("credentials", vault), ("notification_templates_error", told)):
        post(f"job_templates/{template}/{what}", id=made["id"])
    post(f"workflow_job_templates/{workflow['id']}/notification_templates_approvals", id=told["id"])
    # A machine's credential of their own instead of ours: AWX takes one of a type.
    other = number("job_templates", "Kumon: decide")
    machine = number("credential_types", "Machine")
    theirs = post("credentials", name="their machine", credential_type=machine, inputs={})
    post(f"job_templates/{other}/credentials", id=number("credentials", "Kumon: SSH"), disassociate=True)
    post(f"job_templates/{other}/credentials", id=theirs["id"])
    awx.detached.clear()
    survey = awx.surveys["job_templates", template]
    question = {**survey["spec"][0], "variable": "rollback_serial", "question_name": "{{ theirs }}"}
    post(f"job_templates/{template}/survey_spec", **{**survey, "spec": [*survey["spec"], question]})
    # As a person writes it, with a comment.
    text = f"# ours\n{yaml.safe_dump(json.loads(inventory['variables']))}go_live_programs: ['{{{{ a-program }}}}']\n"
    awx.answer("PATCH", f"/api/v2/inventories/{inventory['id']}/", {}, {"variables": text})
    node = post(
        "workflow_job_template_nodes",
        identifier="theirs",
        workflow_job_template=workflow["id"],
        unified_job_template=template,
    )
    post(f"workflow_job_template_nodes/{number(STEPS, 'level1')}/success_nodes", id=node["id"])
    return _added(awx)


INVENTORY, STEPS = "Kumon: production", "workflow_job_template_nodes"


def _added(awx):
    """All that a team has added to."""
    template = "Kumon: rollback_level1"
    lists = ("labels", "credentials", "notification_templates_error")
    return (
        [awx.names_of("job_templates", template, one) for one in lists],
        awx.names_of("job_templates", "Kumon: decide", "credentials"),
        awx.names_of("workflow_job_templates", "Kumon: emergency", "notification_templates_approvals"),
        awx.surveys["job_templates", awx.named("job_templates", template)["id"]],
        awx.names_of(STEPS, "level1", "success_nodes"),
    )


def _change(awx):
    """Have two objects differ from what is described; the paths by which they are put right."""
    inventory, node = awx.named("inventories", INVENTORY), awx.named(STEPS, "level1")["id"]
    variables = {**yaml.safe_load(inventory["variables"]), "runbook_desk_host": "localhost"}
    awx.answer("PATCH", f"/api/v2/inventories/{inventory['id']}/", {}, {"variables": json.dumps(variables)})
    # A way between two nodes of ours, which could lead to an act unasked.
    awx.answer("POST", f"/api/v2/{STEPS}/{node}/failure_nodes/", {}, {"id": awx.named(STEPS, "report")["id"]})
    return [f"/api/v2/inventories/{inventory['id']}/", f"/api/v2/{STEPS}/{node}/failure_nodes/"]


def _is_as_described_beside_it(awx):
    """What is described is applied all the same where it differs, and what people have added stays beside it."""
    found = json.loads(awx.named("inventories", INVENTORY)["variables"])
    described = next(one for one in part()["controller_inventories"] if one["name"] == INVENTORY)
    assert found == {**described["variables"], "go_live_programs": ["{{ a-program }}"]}
    assert awx.names_of(STEPS, "level1", "failure_nodes") == ["approve_level3"]
    assert awx.names_of(STEPS, "level1", "success_nodes") == ["report", "theirs"]


def _id(awx):
    return next(iter(awx.objects["projects"]))


def _other(awx):
    return {"project": _id(awx), "playbook": "playbooks/notify.yml", "ask_inventory_on_launch": True}


def test_a_dry_run_by_name_and_password_tells_what_differs_and_changes_nothing(tmp_path):
    found = part()
    template = {**found["controller_templates"][0], "labels": [], "credentials": []}
    template.pop("execution_environment")
    kept = {
        "controller_organizations": found["controller_organizations"],
        "controller_projects": found["controller_projects"],
        "controller_inventories": [{"name": template["inventory"], "organization": "Kumon", "variables": {"a": 1}}],
        "controller_templates": [template],
    }
    for kind, items in kept.items():
        (tmp_path / f"{kind}.yml").write_text(
            yaml.dump({kind: items}, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
        )
    with StandIn() as awx:
        for kind, items in kept.items():
            for item in items:
                posted(awx, kind, {**item, **({"timeout": 1} if kind == "controller_templates" else {})})
        awx.writes.clear()
        person = {"CONTROLLER_USERNAME": awx.USER, "CONTROLLER_PASSWORD": awx.PASSWORD}
        code, result, text = configure(awx.url, tmp_path, "--check", token="", **person)
        assert (code, result["message"]) == (0, "DRY RUN: 4 objects, 1 would be changed"), text[-3000:]
        assert f'"- {template["name"]}"' in text and awx.PASSWORD not in text
        assert (awx.writes, awx.named("job_templates", template["name"])["timeout"]) == ([], 1)


# ------------------------------------------------------------------ one clear sentence


def test_a_wrong_token_is_one_sentence(directory):
    with StandIn() as awx:
        code, result, text = configure(awx.url, directory, token="a-wrong-token")
    assert (code != 0, result["status"]) == (True, "failed")
    assert result["message"].startswith("FAILED: AWX refuses access: correct awx_token")
    assert "a-wrong-token" not in text


def test_a_server_that_does_not_answer_is_one_sentence(directory):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        where = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        code, result, _text = configure(where, directory)
    assert (code != 0, result["status"]) == (True, "refused")
    assert f"AWX at {where} gives no answer: " in result["message"] and "refused" in result["message"]


def test_an_old_version_and_a_bad_description_are_refused_before_anything_is_made(directory, tmp_path):
    with StandIn(version="21.14.0") as old:
        _code, result, _text = configure(old.url, directory)
        assert result["message"].endswith(f"AWX at {old.url} is version 21.14.0, and 24.0 or newer is needed")
        (tmp_path / "controller_templates.yml").write_text("controller_templates: [{name: x, playbook: y.yml}]\n")
        code, result, _text = configure(old.url, tmp_path)
        assert (code != 0, result["status"], old.writes) == (True, "refused", [])
        assert "controller_templates, x: y.yml is no playbook of kumon.runbook" in result["message"]


def test_the_example_is_applied_by_no_job_and_with_no_image_that_cannot_work():
    """What is refused is refused before AWX is asked for anything."""
    with StandIn() as awx:
        code, result, _text = configure(awx.url, "", "-e", json.dumps({"awx_job_id": 7, "awx_ee_image": "x"}))
        assert (code != 0, result["status"], awx.writes) == (True, "refused", [])
        assert "in a job of AWX the example of the collection is not applied" in result["message"]
        assert result["message"].endswith("name the description in the project by awx_data_dir")
        code, result, _text = configure(awx.url, "")
        assert (code != 0, result["status"], awx.writes) == (True, "refused", [])
        assert "Kumon: execution environment: it has no image: build one by execution-environm" in result["message"]
        assert "name it by awx_ee_image" in result["message"]


def test_a_directory_is_looked_for_where_the_run_was_started(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/controller_templates.yml").write_text("controller_templates: [{name: x, playbook: y.yml}]\n")
    _code, result, _text = configure("http://127.0.0.1:9", "mine", cwd=tmp_path)
    assert "controller_templates, x: y.yml is no playbook of kumon.runbook" in result["message"]
    _code, result, _text = configure("http://127.0.0.1:9", "yours", cwd=tmp_path)
    assert result["status"] == "refused"
    assert "there is no directory /" in result["message"]
    assert result["message"].endswith("/yours: correct awx_data_dir")
