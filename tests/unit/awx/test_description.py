# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of AWX's objects fits the playbooks that it starts, and AWX would take each object of it."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.kumon.runbook.plugins.plugin_utils._awx import ACKNOWLEDGE, KINDS, asks, page, problems, united
from ansible_collections.kumon.runbook.plugins.plugin_utils._branch import branch
from ansible_collections.kumon.runbook.plugins.plugin_utils._playbook_variables import playbooks, variables
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import PROCEDURES

from tests.awx.stand_in import Refused, StandIn
from tests.unit.awx.description import DIRECTORY, ROOT, description, posted, templates

# How long a run of what has no one budget may take: the longest of its levels, its watches, its window.
LONGEST = {
    "diagnose": 60,
    "roll_forward": 300,
    "emergency_recovery": 30 + 120 + 300 + 3 * 180,
    "validate_recovery": 900,
    "prepare_go_live": 900,
    "watch_go_live": 7 * 86400,
    "replay": 900,
    "drill": 900,
    "configure_awx": 240,
}


def budget(playbook):
    row = PROCEDURES.get(playbook)
    return LONGEST.get(playbook) or (row.budget if row else None)


def test_nothing_is_wrong_with_it():
    assert problems(description()) == []


@pytest.mark.parametrize("playbook", playbooks())
def test_every_playbook_is_reachable_from_a_template(playbook):
    started = {template["playbook"] for template in templates().values()}
    assert f"playbooks/{playbook}.yml" in started, f"awx/controller_templates.yml has no template for {playbook}.yml"


@pytest.mark.parametrize("name", templates())
def test_a_job_ends_by_itself_long_before_awx_ends_it(name):
    template = templates()[name]
    playbook = template["playbook"].removeprefix("playbooks/").removesuffix(".yml")
    assert budget(playbook), f"add to LONGEST how long {playbook}.yml may take"
    # A watch ends by the clock, however slow the machine is: an hour is enough for what it does at its end.
    longest = budget(playbook) + 3600 if playbook == "watch_go_live" else 3 * budget(playbook) + 90
    assert template["timeout"] >= longest, name


@pytest.mark.parametrize("name", templates())
def test_no_two_jobs_of_one_template_and_the_type_is_asked(name):
    template = templates()[name]
    assert (template["allow_simultaneous"], template["job_slice_count"]) == (False, 1)
    assert template["ask_job_type_on_launch"] is True
    assert template["job_type"] == ("check" if name == "Kumon: configure_awx" else "run")


# Their failures are verdicts, which "Kumon: alert" tells where somebody has to get up for one.
VERDICTS = {"Kumon: health_check", "Kumon: diagnose", "Kumon: decide"}


def test_what_has_its_end_told_by_nobody_is_told_by_awx():
    # Whoever does not act either is waited for: a job that is cancelled or runs out of time says nothing itself.
    untold = {name for name, one in templates().items() if not one.get("notification_templates_error")}
    assert untold == VERDICTS
    (workflow,) = description()["controller_workflows"]
    assert workflow["notification_templates_approvals"] and workflow["notification_templates_error"]


def test_a_person_is_asked_for_what_only_a_person_knows():
    asked = {
        name: {
            question["variable"]: question["required"] for question in (one.get("survey_spec") or {}).get("spec", [])
        }
        for name, one in templates().items()
    }
    assert asked["Kumon: rollback_level3"] == {"rollback_commit": False, "runbook_reason": False}
    # Which of several releases level 3 goes back to is a person's to say, also where the level is decided by the cause.
    assert asked["Kumon: emergency_recovery"]["rollback_commit"] is False
    assert asked["Kumon: roll_forward"]["smoke_test_phone"] is True
    for level in ("Kumon: rollback_level1", "Kumon: rollback_level2"):
        assert asked[level] == {"runbook_reason": False}, "a kill-switch asks nothing that has to be answered"
    acts = {name for name, one in templates().items() if "kumon-act" in one["labels"]}
    assert [name for name in sorted(acts) if asked[name].get("runbook_reason") is not False] == []
    assert asked[ACKNOWLEDGE]["notify_by"] is True
    assert templates()[ACKNOWLEDGE]["extra_vars"] == {"notify_event": "acknowledge"}


def test_a_job_applies_what_the_command_line_applied():
    """Without these a job would set the project and the image back to the role's defaults."""
    template = templates()["Kumon: configure_awx"]
    (asked,) = template["survey_spec"]["spec"]
    assert (asked["variable"], asked["required"], asked["default"]) == ("awx_data_dir", True, "")
    found = description()
    (project,), (image,) = found["controller_projects"], found["controller_execution_environments"]
    assert template["extra_vars"] == {
        "awx_scm_url": project["scm_url"],
        "awx_scm_branch": project["scm_branch"],
        "awx_ee_image": image["image"],
    }


def test_the_workflow_acts_at_once_and_asks_before_the_rest():
    (workflow,) = description()["controller_workflows"]
    nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
    # At once only with permission; without it a person is asked, and only if the verdict still asks for it.
    assert nodes["decide"]["extra_data"] == {"decide_on": "rollback", "decide_act": "1"}
    assert nodes["decide_again"]["extra_data"] == {"decide_on": "rollback"}
    ways = {
        name: {field: nodes[name].get(field, []) for field in ("success_nodes", "failure_nodes", "always_nodes")}
        for name in ("decide", "decide_again", "approve_level1")
    }
    assert ways == {
        "decide": {"success_nodes": ["level1"], "failure_nodes": ["decide_again"], "always_nodes": []},
        # A verdict that does not ask for it leads nowhere.
        "decide_again": {"success_nodes": ["approve_level1"], "failure_nodes": [], "always_nodes": []},
        "approve_level1": {"success_nodes": ["level1"], "failure_nodes": ["report"], "always_nodes": []},
    }
    assert nodes["approve_level1"]["approval_node"]["timeout"] > 0
    leading = {
        target: [name for name, node in nodes.items() if target in node.get("success_nodes", [])]
        for target in ("level3", "forward")
    }
    for before in leading.values():
        assert len(before) == 1 and nodes[before[0]]["approval_node"]["timeout"] > 0
    assert nodes["validate"]["always_nodes"] == ["report"]


def test_the_desk_of_every_inventory_outlives_a_job():
    hosts = {(host["inventory"], host["name"]) for host in description()["controller_hosts"]}
    for inventory in description()["controller_inventories"]:
        desk = inventory["variables"]["runbook_desk_host"]
        assert desk != "localhost" and (inventory["name"], desk) in hosts
        assert set(inventory["variables"]) <= set(variables("health_check"))


def test_no_secret_is_in_it_and_ansible_leaves_the_injector_alone():
    text = (DIRECTORY / "controller_credential_types.yml").read_text(encoding="utf-8")
    assert '!unsafe "{{ evolution_api_key' in text
    for kind in ("controller_credentials", "controller_notifications"):
        for item in description()[kind]:
            # Made once: what a person enters is never touched again.
            assert item["state"] == "exists"
            given = {**item.get("inputs", {}), **item.get("notification_configuration", {})}
            assert not [name for name, value in given.items() if value and "pass" in name or "key" in name]


@pytest.mark.parametrize("path", sorted(DIRECTORY.glob("*.yml")), ids=lambda path: path.name)
def test_a_file_has_one_kind_and_is_called_after_it(path):
    kinds = [name for name in yaml.safe_load(path.read_text().replace("!unsafe", "")) if name.startswith("controller_")]
    assert kinds == [path.stem] and path.stem in KINDS


# By its dispatch, and controller_groups by its role controller_host_groups alone.
OWN_NAME_IN_INFRA = {"controller_organizations": "aap_organizations"}


def test_infra_aap_configuration_finds_every_kind_under_its_name():
    found = description()
    for kind in KINDS:
        assert found[OWN_NAME_IN_INFRA.get(kind, kind)] == found[kind]


# ------------------------------------------------------------------ what AWX would say


@pytest.fixture
def filled():
    awx = StandIn()
    for kind in KINDS:
        if kind != "controller_schedules":
            for item in description()[kind]:
                posted(awx, kind, item)
    return awx


def test_a_verdict_that_somebody_has_to_get_up_for_is_told():
    """AWX tells people of a job that failed, and of nothing that it said: one that fails by it is scheduled."""
    scheduled = {one["unified_job_template"] for one in description()["controller_schedules"]}
    alerts = [
        one["extra_vars"]["decide_on"]
        for name, one in templates().items()
        if name in scheduled and one["playbook"] == "playbooks/decide.yml" and one.get("notification_templates_error")
    ]
    assert alerts == ["ok,watch"]
    verdicts = [{"status": status, "cause": "none", "level": 0} for status in ("ok", "watch", "blind", "rollback")]
    taken = [branch({"a": verdict}, alerts[0].split(","))["taken"] for verdict in (*verdicts, None)]
    assert taken == [True, True, False, False, False]
    for name in ("Kumon: notify", "Kumon: drill"):
        assert name in scheduled and templates()[name]["notification_templates_error"]


def test_awx_takes_every_object(filled):
    for schedule in description()["controller_schedules"]:
        posted(filled, "controller_schedules", schedule)
    (workflow,) = description()["controller_workflows"]
    number = filled.named("workflow_job_templates", workflow["name"])["id"]
    for node in workflow["simplified_workflow_nodes"]:
        own = {
            name: value for name, value in node.items() if name in ("identifier", "unified_job_template", "extra_data")
        }
        made = posted(
            filled, "controller_workflow_job_template_nodes", {**own, "workflow_job_template": workflow["name"]}
        )
        assert made["workflow_job_template"] == number
    counts = filled.counts()
    assert counts["job_templates"] == len(templates()) and counts["schedules"] == 5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        # In AWX 24.6.1's own words.
        ({"extra_data": {}}, "variables_needed_to_start.*'report_since' value missing"),
        ({"extra_data": {"report_since": "24h" * 99}}, "variables_needed_to_start.*is too large"),
        ({"extra_data": {"report_since": "24h", "x": "1"}}, "extra_data.*Variables x are not allowed on launch"),
        ({"rrule": "DTSTART:20260101T000000 RRULE:FREQ=DAILY;INTERVAL=1"}, "DTSTART cannot be a naive datetime"),
        ({"rrule": "DTSTART;TZID=Mars/B:20260101T000000 RRULE:FREQ=DAILY;INTERVAL=1"}, "A valid TZID must be"),
        ({"rrule": "DTSTART:20260101T000000Z RRULE:FREQ=DAILY"}, "INTERVAL required in rrule"),
        ({"rrule": "DTSTART:20260101T000000Z RRULE:FREQ=SECONDLY;INTERVAL=1"}, "SECONDLY is not supported"),
        ({"rrules": ""}, "rrules"),
        ({"enabled": "true"}, "Not a valid bool"),
    ],
)
def test_the_stand_in_refuses_what_awx_refuses(filled, change, says):
    survey = filled.surveys["job_templates", filled.named("job_templates", "Kumon: incident_report")["id"]]
    for question in survey["spec"]:
        question["required"] = question["variable"] == "report_since"
    schedule = {**description()["controller_schedules"][2], **change}
    with pytest.raises((Refused, KeyError), match=says):
        posted(filled, "controller_schedules", schedule)


# ------------------------------------------------------------------ what is refused before AWX is asked


def changed(*path, to):
    """The description with one value changed; None takes it away."""
    found = part = description()
    for step in path[:-1]:
        part = part[step]
    if to is None:
        del part[path[-1]]
    else:
        part[path[-1]] = to
    return found


T, W, S = "controller_templates", "controller_workflows", "controller_schedules"
DECIDE = next(n for n, one in enumerate(description()[T]) if one["name"] == "Kumon: decide")
LEVEL3 = next(n for n, one in enumerate(description()[T]) if one["name"] == "Kumon: rollback_level3")
FIRST = (T, DECIDE, "survey_spec", "spec", 0)
NODES = (W, 0, "simplified_workflow_nodes")
NODE = {node["identifier"]: n for n, node in enumerate(description()[W][0]["simplified_workflow_nodes"])}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (changed(T, to=[]), "controller_templates is empty"),
        (
            changed("controller_execution_environments", 0, "image", to=""),
            "Kumon: execution environment: it has no image",
        ),
        (changed(T, 0, "name", to=None), "controller_templates, ?: it has no name"),
        (
            changed(T, 0, "job_slice_count", to=2),
            "controller_templates, Kumon: health_check: a job_slice_count above 1",
        ),
        (
            changed(T, 1, "name", to="Kumon: health_check"),
            "controller_templates, Kumon: health_check: it is there twice",
        ),
        (changed(T, DECIDE, "playbook", to="playbooks/decides.yml"), "playbooks/decides.yml is no playbook"),
        (changed(T, DECIDE, "time_out", to=1), "the field time_out is not applied"),
        (changed(T, DECIDE, "labels", to=["x"]), "labels names x, which is not described"),
        (changed(T, DECIDE, "extra_vars", to={"decides_on": "ok"}), "no task of decide reads decides_on"),
        (changed(*FIRST, "variable", to="health_textfile"), "no task of decide reads health_textfile"),
        # A variable of another level is read by another playbook.
        (changed(*FIRST, "variable", to="rollback_commit"), "no task of decide reads rollback_commit"),
        (changed(T, LEVEL3, "survey_spec", "spec", 0, "variable", to="recovery_mode"), "reads recovery_mode"),
        (changed(*FIRST, "type", to="choice"), "needs required and a type"),
        (changed(*FIRST, "required", to="yes"), "needs required and a type"),
        (changed(*FIRST, "question_name", to=""), "the question for decide_on has no text"),
        (changed(*FIRST, "choices", to=["ok", "all"]), "decide_on takes no all, only ok, watch, rollback, blind"),
        (changed(T, 0, "survey_spec", "spec", 0, "choices", to=["no", "yes"]), "health_mark_release takes no no"),
        (changed(T, 0, "survey_spec", "spec", 0, "default", to="maybe"), "the default maybe of health_mark_release"),
        (changed(W, 0, "survey_spec", "spec", 0, "variable", to="phone"), "no template of the workflow asks for phone"),
        (changed(*NODES, 0, "success_nodes", to=["x"]), "success_nodes names x"),
        (changed(*NODES, 0, "extra_data", to={"level": "1"}), "does not ask for level"),
        (
            changed(*NODES, NODE["approve_level1"], "approval_node", "timeout", to=0),
            "needs a name and a time limit",
        ),
        (changed(*NODES, 1, "identifier", to="decide"), "it is there twice"),
        (changed(*NODES, NODE["forward"], "extra_data", to={}), "the required answer level"),
        # Nothing acts without a person and unasked.
        (changed(*NODES, 0, "extra_data", to={"decide_on": "rollback"}), "emergency, level1: it would act without a"),
        (changed(*NODES, 0, "failure_nodes", to=["level1"]), "emergency, level1: it would act without a person"),
        (changed(*NODES, NODE["approve_level1"], "failure_nodes", to=["level1"]), "level1: it would act without a"),
        (
            changed(*NODES, NODE["level1"], "success_nodes", to=["forward"]),
            "forward: it would act without a person",
        ),
        (changed(*NODES, NODE["level1"], "failure_nodes", to=["level3"]), "level3: it would act without a person"),
        (changed(S, 0, "unified_job_template", to="Kumon: rollback_level1"), "a schedule does not act"),
        (changed(S, 0, "unified_job_template", to="Kumon: emergency_recovery"), "a schedule does not act"),
        (changed(S, 0, "extra_data", to=None), "the required answer health_mark_release"),
        (changed(S, 0, "extra_data", to={"health_mark_release": "yes"}), "health_mark_release takes no yes"),
        (changed(S, 0, "unified_job_template", to="x"), "unified_job_template names x"),
        (changed(S, 0, "rrule", to="DTSTART:20260101T000000 RRULE:FREQ=DAILY;INTERVAL=1"), "rrule needs one DTSTART"),
        (changed(S, 0, "rrule", to="DTSTART:20260101T000000Z RRULE:FREQ=SECONDLY;INTERVAL=9"), "nothing each second"),
        (changed(S, 0, "rrule", to="DTSTART:20260101T000000Z RRULE:FREQ=OFTEN;INTERVAL=9"), "rrule needs one DTSTART"),
        (
            changed(S, 0, "rrule", to="DTSTART;TZID=Mars/Base:20260101T000000 RRULE:FREQ=DAILY;INTERVAL=1"),
            "there is no time zone Mars/Base",
        ),
        # What a real AWX refused only half-way, or only as the answer.
        (
            changed(T, LEVEL3, "survey_spec", "spec", 1, "variable", to="rollback_commit"),
            "asks for rollback_commit twice",
        ),
        (
            changed(T, 0, "survey_spec", "spec", 0, "choices", to=[]),
            "health_mark_release needs choices",
        ),
        (changed(*FIRST, "default", to="x" * 201), "does not fit the limits of the question for decide_on"),
        (changed(*FIRST, "default", to=3), "3 does not fit the limits of the question for decide_on"),
        (
            changed(S, 2, "extra_data", to={"report_since": 24}),
            "24 does not fit the limits of the question",
        ),
        (changed(S, 0, "rrule", to="DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=1"), "nothing each minute"),
    ],
)
def test_what_would_not_work_is_named(wrong, says):
    for locale in ("en", "pt_BR"):
        assert problems(wrong, locale)
    assert [one for one in problems(wrong, "en") if says in one], problems(wrong, "en")


def registered(*answered):
    return {"results": [{"item": item, "ansible_facts": {"__awx_answer": answer}} for item, answer in answered]}


def test_what_is_not_known_of_awx_is_never_overwritten():
    """What people have added is kept (test_configure.py); what cannot be known of it ends the run before it begins."""
    with pytest.raises(ValueError, match=r"^AWX has more than 200 of /api/v2/job_templates/7/labels/: "):
        page('{"count": 201, "next": "/api/v2/job_templates/7/labels/?page=2", "results": []}')
    mine = {"controller_inventories": [{"name": "mine", "organization": "Kumon", "variables": {"a": 1}}]}
    (asked,) = asks(mine)
    assert asked["path"] == "/api/v2/inventories/?name=mine&organization__name=Kumon&page_size=200"
    with pytest.raises(ValueError, match=r"^The variables that AWX has of mine cannot be read\.$"):
        united(mine, registered((asked, [{"id": 3, "variables": "a: [secret"}])), {})
    # Not there yet, or there twice, which the module refuses.
    for answer in ([], [{"id": 3, "variables": "b: 2"}, {"id": 4, "variables": ""}]):
        assert united(mine, registered((asked, answer)), {}) == {"data": mine, "kept": []}


def test_a_schedule_may_recommend_and_start_the_workflow_that_asks():
    recommends = {"unified_job_template": "Kumon: emergency_recovery", "extra_data": {"recovery_mode": "recommend"}}
    starts = {"unified_job_template": "Kumon: emergency", "extra_data": {"smoke_test_phone": "5511999990000"}}
    for schedule in (recommends, starts):
        assert problems(changed(S, 0, to={**description()[S][0], **schedule}), "en") == []


def test_a_variable_is_known_by_the_tasks_that_take_it():
    for playbook, names in {
        "rollback_level3": {"rollback_commit", "rollback_serial", "runbook_hosts"},
        "roll_forward": {"level", "roll_forward_force", "smoke_test_phone"},
        "incident_report": {"report_since", "health_window"},
        "emergency_recovery": {"recovery_mode", "rollback_commit"},
    }.items():
        assert names <= set(variables(playbook)), playbook
    assert "rollback_commit" not in variables("rollback_level1")
    assert variables("diagnose")["depth"]["choices"] == ["quick", "full"]
    assert (ROOT / "playbooks" / f"{playbooks()[0]}.yml").is_file()
