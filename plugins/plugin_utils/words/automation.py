# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether automation may act by itself, and why."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "allowed": Both("A automação PODE agir sozinha: {reason}", "Automation MAY act by itself: {reason}"),
    "refused": Both("A automação NÃO age sozinha: {reason}", "Automation does NOT act by itself: {reason}"),
    "stopped": Both("parada por {by} até {until}", "stopped by {by} until {until}"),
    "overridden": Both("liberada por {name} até {until} ({reason})", "let loose by {name} until {until} ({reason})"),
    "earned": Both(
        "observou {days} de {needed} dias, {right} decisões marcadas certas, nenhuma errada desde então",
        "it has watched {days} of {needed} days, {right} decisions marked right, none wrong since",
    ),
    "unmarked": Both(
        "ninguém marcou ainda {unmarked} decisões que ela teria tomado",
        "nobody has marked yet {unmarked} decisions that it would have taken",
    ),
    "days": Both(
        "observou {days} de {needed} dias desde a última decisão errada",
        "it has watched {days} of {needed} days since the last wrong decision",
    ),
    "never_right": Both(
        "nenhuma decisão sua foi marcada certa até agora", "none of its decisions has been marked right so far"
    ),
    "record": Both(
        "Registro: {days} dias observados, {right} certas, {wrong} erradas, {unmarked} sem marca",
        "Record: {days} days watched, {right} right, {wrong} wrong, {unmarked} without a mark",
    ),
    "would": Both(
        "- {id}: {at} {host}, {cause}, teria feito o nível {level}",
        "- {id}: {at} {host}, {cause}, would have done level {level}",
    ),
    "more": Both("- e mais {n}", "- and {n} more"),
    "kept": Both("Anotado no posto da equipe", "Kept on the desk"),
    "would_be": Both("SIMULAÇÃO, com isto seria: {told}", "DRY RUN, with this it would be: {told}"),
    "planned": Both("SIMULAÇÃO: nada foi anotado", "DRY RUN: nothing was kept"),
    "problem": Both(
        "o registro na mesa não pôde ser lido: {problem}", "the record on the desk was not read: {problem}"
    ),
    "unread": Both(
        "linhas do registro na mesa não podem ser lidas ({lines})",
        "lines of the record on the desk cannot be read ({lines})",
    ),
    "switch_unread": Both(
        "a última linha da chave não pode ser lida, e pode ser uma parada ({lines})",
        "the newest line of the switch cannot be read, and may be a stop ({lines})",
    ),
    "torn": Both(
        "Não podem ser lidas: {lines}; uma execução morreu ao escrever. Diga de novo o que falta e apague-as",
        "Cannot be read: {lines}; a run died while it wrote. Say again what is missing and delete them",
    ),
    "next_mark": Both("{run[automation]} -e mark={id} -e right=true", "{run[automation]} -e mark={id} -e right=true"),
    "alone": Both(
        "{name} sozinho não diz nada: diga também mark ou override",
        "{name} alone says nothing: name mark or override too",
    ),
    "one_at_a_time": Both("{one} ou {other}, um de cada vez", "{one} or {other}, one at a time"),
    "stop_wrong": Both(
        "stop é um tempo até 7 dias, como 2h, ou false; {value} não é",
        "stop is a time up to 7 days, such as 2h, or false; {value} is not",
    ),
    "mark_unknown": Both(
        "não há decisão {id} no registro: {run[automation]} as lista",
        "there is no decision {id} in the record: {run[automation]} lists them",
    ),
    "right_missing": Both(
        "diga se foi certa: -e right=true ou -e right=false",
        "say whether it was right: -e right=true or -e right=false",
    ),
    "override_name": Both(
        "override é o nome de quem assume, não {value}", "override is the name of who answers for it, not {value}"
    ),
    "override_reason": Both("diga por quê: -e reason=…", "say why: -e reason=…"),
    "override_wrong": Both(
        "override_for é um tempo até 7 dias, como 24h; {value} não é",
        "override_for is a time up to 7 days, such as 24h; {value} is not",
    ),
}
