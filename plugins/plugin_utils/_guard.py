# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One guard for every filter: what its input lacks is one sentence, and what it returns is never a template."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.kumon.runbook.plugins.plugin_utils._core_types import KEEPS_TYPES, retyped


def plain(value: Any) -> Any:
    """Return data as plain containers: those of ansible-core template their items when they are looked at.

    Of a task that ran out of time ansible-core warns of a deprecation when it is asked more than that it did.
    """
    if isinstance(value, Mapping):
        return {key: True if key == "timedout" else plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` as the filter `name`.

    A `ValueError` is a sentence for people, shown as it is. Any other of these errors means input of another shape, and
    names its kind.
    What comes back may quote a log, a journal or a health answer, so it is marked as no template.
    """

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            given = [plain(argument) for argument in args]
            named = {option: plain(value) for option, value in options.items()}
            if not KEEPS_TYPES:
                given = [retyped(argument) for argument in given]
                named = {option: retyped(value, option) for option, value in named.items()}
            return wrap_var(plain(function(*given, **named)))
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error
        except (AttributeError, KeyError, TypeError) as error:
            raise AnsibleFilterError(f"{name}: {type(error).__name__}: {error}") from error

    return call


def filters(functions: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Return what a `FilterModule` has to return: each function behind the guard, by the filter's name."""
    return {name: guarded(name, function) for name, function in functions.items()}
