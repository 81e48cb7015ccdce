# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the automatic recovery decided and did, and how a recovery is validated."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "decision": Both("Decisão", "Decision"),
    "act": Both("Ato", "Act"),
    "verdict": Both("Veredito", "Verdict"),
    "next_step": Both("Próximo passo", "Next step"),
    "levels_0": Both("nada a fazer", "nothing to do"),
    "levels_1": Both("nível 1, kill-switch", "level 1, kill-switch"),
    "levels_2": Both("nível 2, flags V1", "level 2, V1 flags"),
    "levels_3": Both("nível 3, código anterior", "level 3, previous code"),
    "levels_none": Both("nenhum passo automático, uma pessoa decide", "no automatic step, a person decides"),
    "results_planned": Both(
        "SIMULAÇÃO: nada foi alterado; seria feito o nível {level} (--diff mostra o quê)",
        "DRY RUN: nothing was changed; level {level} would be done (--diff shows what)",
    ),
    "results_stable": Both("ESTABILIZADO no nível {level}", "STABLE at level {level}"),
    "results_unproven": Both(
        "O nível {level} foi feito, mas seu efeito não está provado",
        "Level {level} was done, but its effect is not proven",
    ),
    "results_unstable": Both("NÃO ESTABILIZADO depois do nível {level}", "NOT STABLE after level {level}"),
    "results_safe": Both("MODO SEGURO, nada a fazer", "SAFE MODE, nothing to do"),
    "results_nothing": Both("NADA A FAZER", "NOTHING TO DO"),
    "results_due": Both("NÍVEL {level} NECESSÁRIO, nada foi feito", "LEVEL {level} IS DUE, nothing was done"),
    "results_blind": Both("SEM VISÃO, uma pessoa decide", "BLIND, a person decides"),
    "results_watch": Both("ATENÇÃO, monitorar de perto", "WATCH closely"),
    "results_person": Both(
        "UMA PESSOA DECIDE, não resta passo automático",
        "A PERSON DECIDES, no automatic step is left",
    ),
    "proof_proven": Both("RECUPERAÇÃO PROVADA", "RECOVERY PROVEN"),
    "proof_safe_mode": Both(
        "MODO SEGURO PROVADO, a entrega continua desligada",
        "SAFE MODE PROVEN, delivery stays switched off",
    ),
    "proof_insufficient": Both(
        "INSUFICIENTE, a recuperação ainda não está provada",
        "INSUFFICIENT, the recovery is not proven yet",
    ),
    "proof_failed": Both("A RECUPERAÇÃO FALHOU", "THE RECOVERY FAILED"),
    "criteria_critical": Both("0 ocorrências CRITICAL", "0 occurrences of CRITICAL"),
    "criteria_delivered": Both("pelo menos 95 % entregues", "at least 95 % delivered"),
    "criteria_lost": Both("menos de 1 % perdidas", "less than 1 % lost"),
    "criteria_stable": Both("estável", "stable"),
    "status_met": Both("atendido", "met"),
    "status_unmet": Both("NÃO atendido", "NOT met"),
    "status_insufficient": Both("insuficiente", "insufficient"),
    "status_not_applicable": Both("não se aplica", "does not apply"),
    "value": Both("valor", "value"),
    "sample": Both("amostra", "sample"),
    "needed": Both("necessário", "needed"),
    "age": Both("idade", "age"),
    "window": Both("Janela", "Window"),
    "since": Both("medida desde", "measured since"),
    "measured": Both("até", "until"),
    "next_proven": Both("", ""),
    "next_safe_mode": Both(
        "reparada a causa: {run[roll_forward -e level=1]}",
        "once the cause is repaired: {run[roll_forward -e level=1]}",
    ),
    "next_insufficient": Both(
        "{run[validate_recovery -e recovery_wait=true]} # ou uma janela maior (-e recovery_window=SEGUNDOS), ou "
        "mensagens de teste",
        "{run[validate_recovery -e recovery_wait=true]} # or a longer window (-e recovery_window=SECONDS), or test "
        "messages",
    ),
    "next_failed": Both(
        "{run[emergency_recovery]}",
        "{run[emergency_recovery]}",
    ),
}
