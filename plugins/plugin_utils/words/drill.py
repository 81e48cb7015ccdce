# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill: which faults, how long each phase took, and whether all is as it was before."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "fault_configuration": Both("Configuração do assistente", "The assistant's configuration"),
    "fault_gateway": Both("Gateway recusa", "Gateway refuses"),
    "fault_network": Both("Rede cortada", "Network cut"),
    "fault_process": Both("Processo morto", "Process killed"),
    "fault_disk": Both("Disco cheio", "Disk full"),
    "passed": Both("ENSAIO OK: {n} falhas, {procedures}", "DRILL PASSED: {n} faults, {procedures}"),
    "failed": Both("ENSAIO FALHOU ({faults})", "DRILL FAILED ({faults})"),
    "planned": Both("SIMULAÇÃO: nada foi alterado", "DRY RUN: nothing was changed"),
    "listed": Both("{n} ensaios no registro", "{n} rehearsals in the ledger"),
    "nothing_rehearsed": Both("NADA foi ensaiado: o host não permite", "NOTHING was rehearsed: the host allows none"),
    "next_nothing": Both(
        "escolha falhas que este host permite em go_live_drill_faults",
        "choose faults that this host allows in go_live_drill_faults",
    ),
    "times": Both(
        "vista em {detect} s, decidida em {decide} s, ato e prova {act} s de {budget} s, restauração {restore} s",
        "seen after {detect} s, decided in {decide} s, act and proof {act} s of {budget} s, restored in {restore} s",
    ),
    "not_allowed": Both("não ensaiada: {why}", "not rehearsed: {why}"),
    "would_inject": Both("seria injetada, e depois {procedure}", "would be injected, and then {procedure}"),
    "cleared": Both("Um ensaio anterior tinha deixado: {faults}", "An earlier drill had left: {faults}"),
    "restoration": Both("Restauração", "Restoration"),
    "as_before": Both("tudo como antes, entregas vistas", "all as before, deliveries seen"),
    "not_detected": Both("não foi vista", "it was not seen"),
    "late_detected": Both("vista tarde: {seconds} s de {budget} s", "seen late: {seconds} s of {budget} s"),
    "clock_set_back": Both(
        "o relógio do controlador voltou durante o ensaio", "the controller's clock was set back during the rehearsal"
    ),
    "late_decided": Both("decidida tarde: {seconds} s de {budget} s", "decided late: {seconds} s of {budget} s"),
    "late_acted": Both("ato fora do prazo: {seconds} s de {budget} s", "act over budget: {seconds} s of {budget} s"),
    "not_proven": Both("ato não provado: {told}", "act not proven: {told}"),
    "not_restored": Both("não restaurado: {told}", "not restored: {told}"),
    "fault_left": Both("a falha continua: {faults}", "the fault is still there: {faults}"),
    "level_left": Both("o rollback nível {level} continua", "rollback level {level} is still in force"),
    "other_commit": Both("está em {commit}, antes {before}", "{commit} is in place, before it was {before}"),
    "not_sound": Both("não está saudável: {told}", "it is not healthy: {told}"),
    "in_force": Both(
        "um rollback de nível {level} está em vigor aqui: {undo} primeiro",
        "a rollback of level {level} is in force here: {undo} first",
    ),
    "not_ready": Both("o staging não está saudável: {told}", "staging is not healthy: {told}"),
    "not_staging": Both(
        "não é staging: só em um host com runbook_staging true no inventário",
        "this is not staging: only on a host with runbook_staging true in the inventory",
    ),
    "not_marked": Both(
        "não é staging: falta o arquivo {mark} no host, que uma pessoa cria ali",
        "this is not staging: the file {mark} is missing on the host, which a person puts there",
    ),
    "unknown_fault": Both("não há falha {fault}; há {faults}", "there is no fault {fault}; there are {faults}"),
    "trend_of_drills": Both("Ensaios", "Drills"),
    "trend_of_incidents": Both("Incidentes reais", "Real incidents"),
    "trend_detect": Both("até ver", "time to see"),
    "trend_acknowledge": Both("até alguém assumir", "time to acknowledge"),
    "trend_stop": Both("até parar", "time to stop"),
    "trend_recover": Both("até recuperar", "time to recover"),
    "trend": Both(
        "mediana {median} s, pior {worst} s, última {last} s (n = {n})",
        "median {median} s, worst {worst} s, last {last} s (n = {n})",
    ),
}
