# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen of a diagnosis."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "newest": Both("Mais recente", "Newest event"),
    "measured": Both("medido há {age}", "measured {age} ago"),
    "delivery": Both("Entrega", "Delivery"),
    "delivered": Both(
        "{rate} de {n} (intervalo de 95 %: {low} a {high}); {unconfirmed} sem resultado",
        "{rate} of {n} (95 % interval {low} to {high}); {unconfirmed} without result",
    ),
    "no_delivery": Both("nenhum resultado para julgar", "no result to judge"),
    "critical": Both("Críticos", "Critical"),
    "no_critical": Both("nenhum na janela", "none in the window"),
    "invalid_instances": Both("instâncias inválidas: {names}", "invalid instances: {names}"),
    "more": Both("e mais {n}", "and {n} more"),
    "service": Both("Serviço", "Service"),
    "running": Both(
        "pid {pid} desde {started}; health {health} ({detail})",
        "pid {pid} since {started}; health {health} ({detail})",
    ),
    "stopped": Both("parado; health {health} ({detail})", "stopped; health {health} ({detail})"),
    "flags": Both("Flags", "Flags"),
    "declared": Both("declarado", "declared"),
    "effective": Both("no processo", "in process"),
    "reported": Both("no health", "in health"),
    "last_act": Both("Último ato", "Last act"),
    "no_act": Both("nenhum no journal", "none in the journal"),
    "act_open": Both("não terminou", "did not end"),
    "act_ok": Both("comprovado", "proven"),
    "act_done": Both("concluído", "done"),
    "act_unjudged": Both("feito, o efeito não foi julgado", "done, its effect was not judged"),
    "act_failed": Both("falhou", "failed"),
    "journal_broken": Both("journal adulterado: {reason}", "the journal was tampered with: {reason}"),
    "ago": Both("há {age}", "{age} ago"),
    "handoff": Both("Hand-off", "Hand-off"),
    "handoffs": Both(
        "{planned} planejadas, {read} lidas, {lost} perdidas, {unread} não lidas",
        "{planned} planned, {read} read, {lost} lost, {unread} unread",
    ),
    "state": Both("Estado", "State"),
    "mismatches": Both(
        "{n} com estado diferente entre planner e delivery",
        "{n} whose state differs between planner and delivery",
    ),
    "instances": Both("Instâncias", "Instances"),
    "invalid": Both("inválidas: {names}", "invalid: {names}"),
    "unexpected": Both("inesperadas: {names}", "unexpected: {names}"),
    "no_instance": Both("nenhuma vista", "none seen"),
    "failures": Both("Falhas", "Failures"),
    "by_http": Both("por HTTP: {names}", "by HTTP: {names}"),
    "by_cause": Both("o que o gateway disse: {names}", "what the gateway said: {names}"),
    "by_conversation": Both("por conversa: {names}", "by conversation: {names}"),
    "no_failures": Both("nenhuma", "none"),
    "rise": Both("Aumento", "Rise"),
    "rises": Both(
        "{failed} de {n} falharam em 15 min, {before_failed} de {before_n} na hora anterior: {judged}",
        "{failed} of {n} failed in 15 min, {before_failed} of {before_n} in the hour before: {judged}",
    ),
    "sudden": Both("SÚBITO", "SUDDEN"),
    "not_sudden": Both("sem aumento provado", "no rise proven"),
    "not_comparable": Both("não há o que comparar", "nothing to compare"),
    "gateway": Both("Evolution API", "Evolution API"),
    "gateway_is": Both(
        "versão {version}, instância {state}: {healthy}",
        "version {version}, instance {state}: {healthy}",
    ),
    "healthy": Both("saudável", "healthy"),
    "unhealthy": Both("NÃO saudável", "NOT healthy"),
    "unknown": Both("desconhecido", "unknown"),
    "not_told": Both("desconhecida", "unknown"),
    "checklist": Both("Checklist", "Checklist"),
    "next": Both("A seguir", "Next"),
    "nothing": Both("nada a fazer", "nothing to do"),
    "not_asked": Both("não foi perguntado", "was not asked"),
    "timed_out": Both("sem resposta no prazo", "no answer in time"),
    "undated": Both(
        "{n} registros sem horário, nenhum pode ser contado na janela",
        "{n} records without a time, none can be counted in the window",
    ),
}
