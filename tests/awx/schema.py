# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API of AWX 24.6.1 takes, recorded from its OPTIONS and serializers: the writable fields of what we make.

Only names, types, choices and defaults; what AWX takes without a word although it knows no such field is refused by the
stand-in all the same, for it would be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Field:
    """One field: its type, or the kind that it names by an id."""

    type: type | str
    default: Any = None
    required: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of object: its fields, by what it is unique, what it is associated with, and its surveys."""

    type: str
    fields: dict[str, Field]
    unique: tuple[str, ...] = ("name",)
    associations: tuple[str, ...] = ()
    survey: bool = False


def _text(default: str = "", required: bool = False) -> Field:
    return Field(str, default, required)


NAME = {"name": _text(required=True), "description": _text()}
ORGANIZATION = {"organization": Field("organizations")}
NOTIFIED = tuple(f"notification_templates_{event}" for event in ("started", "success", "error"))
ASKS = (
    *("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory"),
    *("credential", "execution_environment", "labels", "forks", "job_slice_count", "timeout", "instance_groups"),
)
# What a schedule or a node of a workflow may say beforehand.
LAUNCH = {
    "unified_job_template": Field("unified_job_templates"),
    "extra_data": Field(dict, {}),
    "inventory": Field("inventories"),
    "job_type": Field(str, None, choices=("run", "check", "")),
    "limit": Field(str),
    "timeout": Field(int),
}

KINDS: dict[str, Kind] = {
    "organizations": Kind("organization", {**NAME}),
    "labels": Kind("label", {"name": NAME["name"], "organization": Field("organizations", required=True)}),
    "credential_types": Kind(
        "credential_type",
        {
            **NAME,
            "kind": Field(str, required=True, choices=("cloud", "net")),
            "inputs": Field(dict, {}),
            "injectors": Field(dict, {}),
            "managed": Field(bool, False),
        },
    ),
    "execution_environments": Kind(
        "execution_environment",
        {
            **NAME,
            **ORGANIZATION,
            "image": _text(required=True),
            "pull": Field(str, "", choices=("", "always", "missing", "never")),
            "credential": Field("credentials"),
        },
    ),
    "credentials": Kind(
        "credential",
        {
            **NAME,
            **ORGANIZATION,
            "credential_type": Field("credential_types", required=True),
            "inputs": Field(dict, {}),
        },
    ),
    "projects": Kind(
        "project",
        {
            **NAME,
            **ORGANIZATION,
            "scm_type": Field(str, "", choices=("", "git", "svn", "insights", "archive")),
            "scm_url": _text(),
            "scm_branch": _text(),
            "scm_clean": Field(bool, False),
            "scm_update_on_launch": Field(bool, False),
            "scm_update_cache_timeout": Field(int, 0),
            "allow_override": Field(bool, False),
            "credential": Field("credentials"),
            "timeout": Field(int, 0),
        },
        associations=NOTIFIED,
    ),
    "inventories": Kind(
        "inventory",
        {
            **NAME,
            "organization": Field("organizations", required=True),
            "variables": _text(),
            "kind": Field(str, "", choices=("", "smart", "constructed")),
            "host_filter": Field(str),
        },
    ),
    "hosts": Kind(
        "host",
        {
            **NAME,
            "inventory": Field("inventories", required=True),
            "enabled": Field(bool, True),
            "variables": _text(),
        },
        unique=("name", "inventory"),
    ),
    "groups": Kind(
        "group",
        {**NAME, "inventory": Field("inventories", required=True), "variables": _text()},
        unique=("name", "inventory"),
        associations=("hosts", "children"),
    ),
    "notification_templates": Kind(
        "notification_template",
        {
            **NAME,
            "organization": Field("organizations", required=True),
            "notification_type": Field(
                str,
                required=True,
                choices=(
                    *("awssns", "email", "grafana", "irc", "mattermost", "pagerduty", "rocketchat", "slack", "twilio"),
                    "webhook",
                ),
            ),
            "notification_configuration": Field(dict, {}),
            "messages": Field(dict),
        },
    ),
    "job_templates": Kind(
        "job_template",
        {
            **NAME,
            **ORGANIZATION,
            "job_type": Field(str, "run", choices=("run", "check")),
            "inventory": Field("inventories"),
            "project": Field("projects", required=True),
            "playbook": _text(required=True),
            "execution_environment": Field("execution_environments"),
            "extra_vars": _text(),
            "limit": _text(),
            "timeout": Field(int, 0),
            "job_slice_count": Field(int, 1),
            "allow_simultaneous": Field(bool, False),
            "survey_enabled": Field(bool, False),
            **{f"ask_{what}_on_launch": Field(bool, False) for what in ASKS},
        },
        unique=("organization", "name"),
        associations=("credentials", "labels", "instance_groups", *NOTIFIED),
        survey=True,
    ),
    "workflow_job_templates": Kind(
        "workflow_job_template",
        {
            **NAME,
            **ORGANIZATION,
            "extra_vars": _text(),
            "inventory": Field("inventories"),
            "limit": Field(str),
            "allow_simultaneous": Field(bool, False),
            "survey_enabled": Field(bool, False),
            **{
                f"ask_{what}_on_launch": Field(bool, False)
                for what in ("inventory", "limit", "scm_branch", "variables", "labels", "tags", "skip_tags")
            },
        },
        associations=("labels", *NOTIFIED, "notification_templates_approvals"),
        survey=True,
    ),
    "workflow_job_template_nodes": Kind(
        "workflow_job_template_node",
        {
            "identifier": _text(required=True),
            "workflow_job_template": Field("workflow_job_templates", required=True),
            "all_parents_must_converge": Field(bool, False),
            **LAUNCH,
        },
        unique=("identifier", "workflow_job_template"),
        associations=("success_nodes", "failure_nodes", "always_nodes", "credentials", "labels", "instance_groups"),
    ),
    "workflow_approval_templates": Kind("workflow_approval_template", {**NAME, "timeout": Field(int, 0)}, unique=()),
    "schedules": Kind(
        "schedule",
        {
            **NAME,
            **LAUNCH,
            "unified_job_template": Field("unified_job_templates", required=True),
            "rrule": _text(required=True),
            "enabled": Field(bool, True),
        },
        associations=("credentials", "labels", "instance_groups"),
    ),
}

# Which kind an association is of, where its own name does not say so.
ASSOCIATED = {
    "children": "groups",
    **dict.fromkeys(("success_nodes", "failure_nodes", "always_nodes"), "workflow_job_template_nodes"),
    **dict.fromkeys((*NOTIFIED, "notification_templates_approvals"), "notification_templates"),
}

# The configuration that a notification by mail has to have.
EMAIL = {
    "host": str,
    "port": int,
    "username": str,
    "password": str,
    "use_tls": bool,
    "use_ssl": bool,
    "sender": str,
    "recipients": list,
    "timeout": int,
}

SURVEY_TYPES = {
    **dict.fromkeys(("text", "textarea", "password", "multiplechoice", "multiselect"), str),
    "integer": int,
    "float": (float, int),
}
