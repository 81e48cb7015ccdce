# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a next step, so that it works when it is pasted: on the hosts and with the settings of this run.

`started` tells how this run was started, `command` writes one command line, and `Typed` has those that texts name.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Commands

COLLECTION = "kumon.runbook"
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"

# What a person decided for one run, and what names one run's subject. It does not travel into the next command:
# what was approved or forced once must not be so again by pasting.
OF_ONE_RUN = frozenset(
    {
        "confirm",
        "decide_act",
        "decide_cause",
        "decide_level",
        "decide_on",
        "depth",
        "drill_faults",
        "drill_list",
        "health_mark_release",
        "level",
        "log",
        "mark",
        "notify_by",
        "notify_eta",
        "notify_event",
        "output",
        "override",
        "override_for",
        "prepare_state",
        "reason",
        "recovery_approved",
        "recovery_mark_release",
        "recovery_mode",
        "recovery_wait",
        "replay_since",
        "replay_until",
        "report_run_id",
        "report_since",
        "right",
        "roll_forward_force",
        "rollback_commit",
        "rollback_forward_force",
        "runbook_reason",
        "smoke_test_phone",
        "stop",
        "watch_every",
        "watch_for",
        "watch_mode",
    }
)

# How the hosts are reached: option of the command line, its name in context.CLIARGS, the setting that is its default.
_SWITCHES = (
    ("--user", "remote_user", "DEFAULT_REMOTE_USER"),
    ("--connection", "connection", "DEFAULT_TRANSPORT"),
    ("--private-key", "private_key_file", "DEFAULT_PRIVATE_KEY_FILE"),
    ("--ssh-common-args", "ssh_common_args", ""),
    ("--ssh-extra-args", "ssh_extra_args", ""),
    ("--ask-pass", "ask_pass", "DEFAULT_ASK_PASS"),
    ("--connection-password-file", "connection_password_file", "CONNECTION_PASSWORD_FILE"),
    ("--become", "become", "DEFAULT_BECOME"),
    ("--become-user", "become_user", "DEFAULT_BECOME_USER"),
    ("--become-method", "become_method", "DEFAULT_BECOME_METHOD"),
    ("--ask-become-pass", "become_ask_pass", "DEFAULT_BECOME_ASK_PASS"),
    ("--become-password-file", "become_password_file", "BECOME_PASSWORD_FILE"),
    ("--vault-id", "vault_ids", ""),
    ("--vault-password-file", "vault_password_files", ""),
    ("--ask-vault-pass", "ask_vault_pass", "DEFAULT_ASK_VAULT_PASS"),
)

# Settings that are keys whatever they look like.
_KEYS = frozenset({"go_live_check_url", "go_live_rota_ical"})
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,~-]+\Z")


@dataclass(frozen=True)
class Started:
    """How a run was started, as far as the next command has to say the same.

    `playbook_dir_style` is the directory of the playbook as it was typed (``playbooks``, or empty for the present one),
    or None for a run by its name in the collection. `extra_vars` are the texts behind each ``-e``, in their order.
    """

    playbook_dir_style: str | None = None
    inventory_sources: Sequence[str] = ()
    limit: str = ""
    extra_vars: Sequence[str] = ()
    switches: Sequence[str] = ()


def command(
    procedure: str,
    *,
    playbook_dir_style: str | None = None,
    inventory_sources: Sequence[str] = (),
    limit: str = "",
    extra_vars: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    switches: Sequence[str] = (),
) -> str:
    """Return the command line that starts `procedure`, quoted for a POSIX shell.

    :param options: the variables that this procedure needs; they replace those of the same name in `extra_vars`
    :param switches: further arguments, such as ``--ask-become-pass``
    """
    own = dict(options or {})
    words = ["ansible-playbook"]
    for source in inventory_sources:
        words += ["-i", source]
    words.append(_playbook(procedure, playbook_dir_style))
    if limit:
        words += ["--limit", limit]
    words += switches
    for text in extra_vars:
        words += [word for kept in _travelling(text, own) for word in ("-e", kept)]
    for name, value in own.items():
        words += ["-e", _variable(name, value if isinstance(value, (Mapping, list, bool)) else str(value))]
    return " ".join(shlex.quote(word) for word in words)


class Typed(Commands):
    """The commands of this run's user, by procedure and options: `commands["roll_forward -e level=1"]`.

    `commands["drill --limit staging"]` is for those hosts instead of this run's.
    """

    def __init__(self, run: Started) -> None:
        super().__init__()
        self._run = run

    def __missing__(self, key: str) -> str:
        procedure, *options = key.split(" -e ")
        # Other hosts than this run's: what is rehearsed is rehearsed on staging.
        procedure, _switch, limit = procedure.partition(" --limit ")
        return command(
            procedure,
            playbook_dir_style=self._run.playbook_dir_style,
            inventory_sources=self._run.inventory_sources,
            limit=limit or self._run.limit,
            extra_vars=self._run.extra_vars,
            switches=self._run.switches,
            options=dict(option.split("=", 1) for option in options),
        )


def started(cliargs: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Started:
    """Return how the present run was started, from the command line that Ansible read.

    A job of AWX has paths that exist in its container only, and nobody pastes there: it gets the short form.
    """
    given = context.CLIARGS if cliargs is None else cliargs
    if "AWX_HOST" in (os.environ if environment is None else environment):
        return Started()
    playbooks = given.get("args") or ()
    inventory = given.get("inventory") or ()
    default = constants.DEFAULT_HOST_LIST  # made at run time from the configuration
    return Started(
        playbook_dir_style=_style(str(playbooks[0])) if playbooks else None,
        inventory_sources=() if list(inventory) == list(default) else tuple(_shown(str(one)) for one in inventory),
        limit=str(given.get("subset") or ""),
        extra_vars=tuple(str(one) for one in given.get("extra_vars") or ()),
        switches=tuple(_switches(given)),
    )


def _playbook(procedure: str, style: str | None) -> str:
    return f"{COLLECTION}.{procedure}" if style is None else os.path.join(style, f"{procedure}.yml")


def _style(playbook: str) -> str | None:
    """A playbook of somebody else's that imports ours has none of ours beside it: only the full name is left."""
    directory = os.path.dirname(playbook)
    ours = playbook.endswith((".yml", ".yaml")) and os.path.realpath(directory or ".") == str(PLAYBOOKS)
    return directory if ours else None


def _shown(source: str) -> str:
    """Ansible has made paths absolute; below the present directory the short one is what a person typed."""
    here = os.getcwd()
    return os.path.relpath(source, here) if source.startswith(here + os.sep) else source


def _switches(given: Mapping[str, Any]) -> Iterator[str]:
    for switch, name, setting in _SWITCHES:
        value = given.get(name)
        if not value or (setting and value == getattr(constants, setting, None)):
            continue
        if value is True:
            yield switch
            continue
        for one in [value] if isinstance(value, str) else value:
            if redact(f"{switch} {one}") == f"{switch} {one}":
                yield from (switch, str(one))


def _travelling(text: str, own: Mapping[str, Any]) -> Iterator[str]:
    """Yield of one ``-e`` what the next command gets as well: as it was typed where all of it does."""
    if text.startswith("@"):
        yield text
        return
    variables = _parsed(text)
    kept = {
        name: value
        for name, value in variables.items()
        if name not in OF_ONE_RUN and name not in own and not _secret(name, value)
    }
    if kept == variables:
        if kept:
            yield text
        return
    for name, value in kept.items():
        yield _variable(name, value)


def _parsed(text: str) -> dict[str, Any]:
    """What Ansible makes of one ``-e``; it has refused by now what it could not read."""
    try:
        variables = yaml.safe_load(text) if text[:1] in "{[" else parse_kv(text)
    except (yaml.YAMLError, AnsibleError):
        return {}
    return (
        {str(name): value for name, value in variables.items() if name != "_raw_params"}
        if isinstance(variables, dict)
        else {}
    )


def _secret(name: str, value: Any) -> bool:
    """Whether anything in it is of the kind that is never shown."""
    shown = json.dumps({name: value}, ensure_ascii=False, default=str)
    plain = f"{name}={value}"
    return name in _KEYS or redact(shown) != shown or redact(plain) != plain


def _variable(name: str, value: Any) -> str:
    if isinstance(value, str) and _PLAIN.match(value):
        return f"{name}={value}"
    return json.dumps({name: value}, ensure_ascii=False, default=str)


def for_anybody(run: Started) -> Started:
    """The run as another person would start it: who this one acted for is not who pastes a command of it."""
    kept = [one for text in run.extra_vars for one in _travelling(text, {"runbook_actor": None})]
    return replace(run, extra_vars=tuple(kept))


def as_typed(function: Callable[..., Any], *, anybody: bool = False) -> Callable[..., Any]:
    """Return a filter's function with the commands of this run's user, or of `anybody` who is told of the run."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        run = for_anybody(started()) if anybody else started()
        return function(*args, commands=Typed(run), **options)

    return call
