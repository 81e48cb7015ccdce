# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of the collection this is."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def version(root: Path = ROOT) -> str:
    """Return the collection's version, or ``unknown`` where no file tells it.

    An installed collection has it in ``MANIFEST.json`` and no ``galaxy.yml``; a checkout the other way round.
    """
    try:
        number = json.loads((root / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        try:
            number = yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))["version"]
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
            number = ""
    return str(number or "unknown")
