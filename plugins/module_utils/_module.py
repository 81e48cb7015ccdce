# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does around its own work: arguments in, one result or one sentence of failure out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact, redact_data, shown, visible

_DEEPEST = 50

Spec = dict[str, dict[str, Any]]


@dataclass
class Call:
    """One call of a module: what it was given, and what it warns of."""

    params: dict[str, Any]
    check_mode: bool
    warnings: list[str] = field(default_factory=list)


def run(
    spec: Spec,
    function: Callable[[Call], dict[str, Any]],
    *,
    required_if: Sequence[tuple[str, Any, list[str]]] = (),
    secrets: Callable[[dict[str, Any]], Collection[str]] | None = None,
) -> None:
    """Run a module and leave.

    `function` returns the module's result, `changed` among it; its `diff` is shown where one is asked for, and its
    `warnings` are warned of like the call's. It raises Refused before the first change, Failed with what was reached
    after it; a failure that has changed nothing says `refused`. `secrets` says what must never be shown; then nothing
    that the module was given is.

    Here all texts are made clean on their way out: what a service, a log or a repository says may hold what no terminal
    and no encoder takes, and what Ansible shows of the call may hold a key in a URL.
    """
    module = AnsibleModule(
        argument_spec=spec,
        required_if=[list(item) for item in required_if],
        supports_check_mode=True,
        # The target's syslog gets no list of the arguments: URLs may have keys in them. What is done is in our journal.
        no_log=True,
    )
    invocation: dict[str, Any] = {"module_args": _told(module.params)}
    if secrets is not None:
        module.no_log_values = set(secrets(module.params))
        invocation = {}
    call = Call(module.params, module.check_mode)
    message = None
    try:
        result = function(call)
    except Failed as exc:
        message, result = str(exc), exc.result
    except Refused as exc:
        message, result = str(exc), {"refused": True}
    except OSError as exc:
        if not exc.filename:
            raise
        message, result = f"{exc.filename} cannot be used ({exc.strerror}): run with become: true", {}
    result = dict(_clean(result), invocation=_clean(invocation))
    for warning in dict.fromkeys([*call.warnings, *result.pop("warnings", [])]):
        module.warn(redact(_without(warning, module.no_log_values)))
    if not module._diff:
        result.pop("diff", None)
    if message is not None:
        module.fail_json(msg=redact(message), **result)
    module.exit_json(**result)


def _without(warning: str, secrets: Iterable[str]) -> str:
    """A warning without what must not be shown, which Ansible hides in results and not in warnings."""
    for secret in sorted(secrets, key=len, reverse=True):
        warning = warning.replace(secret, "********")
    return warning


def _told(params: dict[str, Any]) -> Any:
    """What the module was given, as it may be shown."""
    return redact_data(_mapped(params, _without_keys))


def _without_keys(text: str) -> str:
    return shown(text) if text.startswith(("http://", "https://")) else text


def _clean(data: Any) -> Any:
    return _mapped(data, visible)


def _mapped(data: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    """The data with each text in it changed, keys too. What nobody reads at such a depth is cut off."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        inside = {} if depth > _DEEPEST else data
        return {_mapped(key, change, depth): _mapped(value, change, depth + 1) for key, value in inside.items()}
    if isinstance(data, (list, tuple)):
        return [] if depth > _DEEPEST else [_mapped(item, change, depth + 1) for item in data]
    return data
