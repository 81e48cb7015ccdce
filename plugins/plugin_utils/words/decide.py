# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the verdict asks for what a workflow does next."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "taken": Both("SIM, o veredito é {found}; perguntado: {asked}", "YES, the verdict is {found}; asked for: {asked}"),
    "not_taken": Both(
        "NÃO, o veredito é {found}; perguntado: {asked}", "NO, the verdict is {found}; asked for: {asked}"
    ),
    "verdict": Both("{status} ({cause}, nível {level}) em {host}", "{status} ({cause}, level {level}) on {host}"),
    "of_cause": Both("causa {causes}", "cause {causes}"),
    "of_level": Both("nível {level}", "level {level}"),
    "not_permitted": Both(
        "NÃO POR SI SÓ, uma pessoa aprova: o veredito é {found}; {reason}",
        "NOT BY ITSELF, a person approves it: the verdict is {found}; {reason}",
    ),
    "permitted": Both("O nível {level} pode seguir: {reason}", "Level {level} may follow: {reason}"),
    "person": Both("{name} iniciou", "{name} launched it"),
    "not_measured": Both("o que não foi medido não é motivo", "what was not measured is no reason"),
    "unknown_cause": Both(
        "{cause} não é causa de um veredito: corrija decide_cause",
        "{cause} is no cause of a verdict: correct decide_cause",
    ),
}
