# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is imported when it is called. Pure.

ansible-core compiles the Python of a collection anew in each run: what a rollback does not call it does not wait for.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

_PLUGINS = __name__.rpartition(".plugin_utils.")[0]


def named(path: str) -> Any:
    """Return what has that path below ``plugins``, such as ``plugin_utils._drill.drill_plan``."""
    module, _dot, name = path.rpartition(".")
    return getattr(importlib.import_module(f"{_PLUGINS}.{module}"), name)


class Late:
    """The function of that path, which is looked for when it is called or asked for its parameters."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, *args: Any, **options: Any) -> Any:
        return named(self._path)(*args, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(named(self._path))
