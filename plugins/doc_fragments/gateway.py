# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules that speak to the Evolution API have in common."""

    DOCUMENTATION = r"""
options:
  url:
    description: Base URL of the Evolution API.
    type: str
    required: true
  instance:
    description: The WhatsApp instance.
    type: str
    required: true
  api_key:
    description: The server's global key, or the instance's own. Without it little can be known.
    type: str
    default: ""
  samples:
    description: How many samples of the state have to be V(open). It flaps while an instance reconnects.
    type: int
    default: 3
  interval:
    description: The time between two samples, in seconds.
    type: float
    default: 0.5
  timeout:
    description: How long all requests together may take, in seconds.
    type: float
    default: 10
"""
