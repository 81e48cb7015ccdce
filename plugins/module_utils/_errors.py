# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an act on a host ends that does not reach its goal."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Input or host do not fit; nothing has been changed."""


class Stopped(Exception):
    """The service cannot come to the wanted state any more; the message names the state it is in."""


class Failed(Exception):
    """The act did not reach its goal; `result` holds what was reached."""

    def __init__(self, message: str, result: dict[str, Any]):
        super().__init__(message)
        self.result = result
