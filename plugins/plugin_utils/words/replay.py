# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A past log, decided upon minute by minute."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "sum": Both(
        "{minutes} minutos relidos: a automação teria agido {acts}, "
        "retido {held} que foram bem e poupado {spared} que foram mal",
        "{minutes} minutes replayed: automation would have acted {acts}, "
        "held back {held} that went well and spared {spared} that went wrong",
    ),
    "acts": Both("→ a automação faria o nível {level}", "→ automation would do level {level}"),
    "in_force": Both(
        "→ nível {level} em vigor, reteria {held}, pouparia {spared}",
        "→ level {level} in force, would hold back {held}, spare {spared}",
    ),
    "unjudged": Both(
        "Em {minutes} de {all} minutos o log não deixou julgar nada (blind): o que houve neles não é sabido",
        "In {minutes} of {all} minutes the log let nothing be judged (blind): what happened in them is not known",
    ),
    "incomplete": Both(
        "O log não foi lido inteiro: só os 256 MiB mais novos",
        "The log was not read whole: only the newest 256 MiB",
    ),
    "missing": Both("log é o caminho de um log: -e log=CAMINHO", "log is the path of a log: -e log=PATH"),
    "not_there": Both("não há log em {path}: corrija -e log=CAMINHO", "there is no log at {path}: correct -e log=PATH"),
    "empty": Both(
        "o log vai de {first} a {last}: nada dele está entre replay_since e replay_until",
        "the log goes from {first} to {last}: nothing of it is between replay_since and replay_until",
    ),
    "window_wrong": Both(
        "health_window é um tempo como 4h; {value} não é", "health_window is a time such as 4h; {value} is not"
    ),
}
