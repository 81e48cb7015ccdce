# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does around its own work: arguments in, one result or one sentence of failure out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kumon.runbook.plugins.module_utils._errors import Failed, Refused

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
    """
    module = AnsibleModule(
        argument_spec=spec, required_if=[list(item) for item in required_if], supports_check_mode=True
    )
    hidden: dict[str, Any] = {}
    if secrets is not None:
        module.no_log_values = set(secrets(module.params))
        hidden = {"invocation": {}}
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
    result = dict(result, **hidden)
    for warning in dict.fromkeys([*call.warnings, *result.pop("warnings", [])]):
        module.warn(warning)
    if not module._diff:
        result.pop("diff", None)
    if message is not None:
        module.fail_json(msg=message, **result)
    module.exit_json(**result)
