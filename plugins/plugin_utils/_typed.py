# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the variables that a person typed with `-e` is misspelt, and which was cut. Ansible takes any name, and what
stands behind a blank has none: nobody reads either."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import PurePath

from ansible.parsing.splitter import parse_kv
from ansible.parsing.utils.yaml import from_yaml
from ansible_collections.kumon.runbook.plugins.plugin_utils._playbook_variables import playbooks, variables

# As difflib measures it: `confrim` is 0.86 like `confirm`, a site's own `stage` 0.8 like `state`.
_LIKENESS = 0.85
# What Ansible calls the words of `-e` that have no name.
_NAMELESS = "_raw_params"


def typed(extra_vars: Iterable[str]) -> set[str]:
    """Return the names in `-e name=value` and `-e '{"name": …}'`; a file of variables is a site's own."""
    names: set[str] = set()
    for text in extra_vars:
        if not text.startswith("@"):
            given = from_yaml(text) if text.startswith(("{", "[")) else parse_kv(text)
            names.update(str(name) for name in given if isinstance(given, Mapping))
    return names - {_NAMELESS}


def cut(extra_vars: Iterable[str]) -> str:
    """Return the first variable whose value Ansible has cut at a blank, `-e notify_eta=15 min`; or nothing.

    The shell takes the quotes of `-e notify_eta='15 min'`, so that they have to stand within others.
    """
    for text in extra_vars:
        names = [] if text.startswith(("@", "{", "[")) else list(parse_kv(text))
        if len(names) > 1 and names[-1] == _NAMELESS:
            return str(names[-2])
    return ""


def misspelt(names: Collection[str], arguments: Iterable[str]) -> dict[str, str]:
    """Return `{name, near}` of the first name that no playbook reads and that is nearly one that this run's do; or {}.

    :param arguments: what ansible-playbook was given as playbooks; one that is not ours may read what it likes
    """
    if not names:
        return {}
    run = [PurePath(argument).name.removesuffix(".yml").split(".")[-1] for argument in arguments]
    ours = set(playbooks())
    if not ours.issuperset(run):
        return {}
    read = set().union(*(variables(playbook) for playbook in run))
    for name in sorted(set(names) - read):
        near: list[str] = get_close_matches(name, read, 1, _LIKENESS)
        if near and not any(name in variables(playbook) for playbook in ours):
            return {"name": name, "near": near[0]}
    return {}
