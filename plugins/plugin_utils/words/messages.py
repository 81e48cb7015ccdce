# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the technical and the business side read of an incident."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "test_body_technical": Both(
        "Este é um teste dos canais de emergência. Nada aconteceu.",
        "This is a test of the emergency channels. Nothing has happened.",
    ),
    "test_body_business": Both(
        "Este é um teste dos canais de aviso. Nada aconteceu.",
        "This is a test of the channels. Nothing has happened.",
    ),
    # The technical side.
    "technical_subject": Both("[Kumon Assistant] {title}: {headline}", "[Kumon Assistant] {title}: {headline}"),
    "technical_first": Both("🚨 Incidente", "🚨 Incident"),
    "technical_update": Both("Atualização", "Update"),
    "technical_escalation": Both("🚨 ESCALADO (nível {tier})", "🚨 ESCALATED (tier {tier})"),
    "technical_acknowledged": Both("Assumido por {by}", "Acknowledged by {by}"),
    "technical_end": Both("✅ Encerrado", "✅ Closed"),
    "technical_test": Both("TESTE, ignore", "TEST, please ignore"),
    "headline_test": Both("mensagem de teste", "test message"),
    "headline_open": Both("incidente aberto", "incident open"),
    "state": Both("Situação: {status}; procedimento {procedure}", "State: {status}; procedure {procedure}"),
    "state_level": Both(
        "Situação: {status}; procedimento {procedure}, nível {level}",
        "State: {status}; procedure {procedure}, level {level}",
    ),
    "why": Both("Por quê:", "Why:"),
    "journal": Both("Journal de {host}: {seq} {hash}", "Journal of {host}: {seq} {hash}"),
    "journal_broken": Both("a cadeia está quebrada", "its chain is broken"),
    "journal_unlike": Both("não é o que foi visto antes", "it is not the one that was seen before"),
    "open_for": Both(
        "Aberto há: {elapsed}; por: {actor}; execução: {run_id}", "Open for: {elapsed}; by: {actor}; run: {run_id}"
    ),
    "eta": Both("Previsão: {eta}", "ETA: {eta}"),
    "eta_step": Both("o passo em andamento leva no máximo {budget}", "the step in progress takes {budget} at most"),
    "eta_given_at": Both("informada às", "given at"),
    "eta_none": Both("ainda não há", "none yet"),
    "eta_how": Both(
        "para informar: {run[notify]} -e notify_eta=15min",
        "to give one: {run[notify]} -e notify_eta=15min",
    ),
    "eta_awx": Both(
        "para informar: modelo «{template}» no AWX, notify_eta", "to give one: template «{template}» in AWX, notify_eta"
    ),
    "next_step": Both("A seguir: {next_step}", "Next: {next_step}"),
    "next_begun": Both(
        "o passo em andamento termina e o resultado é avisado", "the step in progress ends, and its result is told"
    ),
    "next_proven": Both("{run[validate_recovery]}", "{run[validate_recovery]}"),
    "next_proven_level1": Both(
        "{run[validate_recovery]} # depois de reparada a causa, {run[roll_forward -e level=1]}",
        "{run[validate_recovery]} # once the cause is repaired, {run[roll_forward -e level=1]}",
    ),
    "next_person": Both("nenhum passo automático; uma pessoa decide", "no automatic step; a person decides"),
    "acknowledge": Both(
        "Para assumir: {run[notify]} -e notify_event=acknowledge -e notify_by=SEU_NOME",
        "To acknowledge: {run[notify]} -e notify_event=acknowledge -e notify_by=YOUR_NAME",
    ),
    "acknowledge_awx": Both(
        "Para assumir: inicie o modelo «{template}» no AWX com o seu nome",
        "To acknowledge: launch the template «{template}» in AWX with your name",
    ),
    # Where the state of the incident ends with the job.
    "no_next_message": Both(
        "Nenhuma outra mensagem sai sozinha e ninguém pode assumir: o estado do aviso acabou com o job do AWX "
        "(runbook_desk_host). Acompanhe até o fim.",
        "No other message comes by itself, and nobody can acknowledge: what was told ended with the job of AWX "
        "(runbook_desk_host). Follow it to its end.",
    ),
    "no_next_message_business": Both(
        "Nenhuma outra mensagem sai sozinha; pergunte à equipe técnica.",
        "No other message comes by itself; ask the technical team.",
    ),
    "next_message": Both(
        "Próxima mensagem: em {minutes} minutos, também se nada mudar.",
        "Next message: in {minutes} minutes, also if nothing changes.",
    ),
    # The business side, which reads no technical words.
    "business_subject": Both("Assistente Kumon no WhatsApp: {title}", "Kumon assistant on WhatsApp: {title}"),
    "business_first": Both("Problema no atendimento", "Service problem"),
    "business_update": Both("Atualização do problema no atendimento", "Update on the service problem"),
    "business_escalation": Both(
        "Problema no atendimento (aviso ao nível {tier})", "Service problem (tier {tier} is told)"
    ),
    "business_acknowledged": Both("Problema no atendimento: {by} assumiu", "Service problem: {by} has taken over"),
    "business_end": Both("Problema no atendimento encerrado", "Service problem over"),
    "business_test": Both("TESTE, ignore", "TEST, please ignore"),
    "over": Both("O problema foi encerrado depois de {elapsed}.", "The problem is over after {elapsed}."),
    "over_measured": Both(
        "As respostas voltaram a ser entregues; isso foi medido, não suposto.",
        "Answers are delivered again; this was measured, not assumed.",
    ),
    "over_report": Both("O relatório vem da equipe técnica.", "The technical team will send its report."),
    "impact": Both("Impacto: {impact}", "Impact: {impact}"),
    "impact_off": Both(
        "o envio está desligado por segurança: as mensagens das famílias são recebidas e processadas, "
        "mas nenhuma resposta sai.",
        "sending is switched off for safety: messages from families are received and processed, "
        "but no answer goes out.",
    ),
    "impact_on": Both("o envio está ligado.", "sending is switched on."),
    "impact_failing": Both(
        "o envio está ligado, mas há falhas: parte das respostas pode não chegar.",
        "sending is switched on, but there are failures: some answers may not arrive.",
    ),
    "impact_unknown": Both("está sendo apurado.", "being looked into."),
    "measure": Both("Medida: {measure}: {result}.", "Measure: {measure}: {result}."),
    "measure_1": Both("desligar o envio", "switch sending off"),
    "measure_2": Both(
        "voltar ao comportamento anterior do assistente (V1)", "go back to the earlier behaviour of the assistant (V1)"
    ),
    "measure_3": Both("voltar à versão anterior do sistema", "go back to the earlier version of the system"),
    "measure_forward": Both("voltar ao funcionamento normal", "go back to normal operation"),
    "result_proven": Both("feito e comprovado", "done and proven"),
    "result_begun": Both("em andamento", "under way"),
    "result_rollback": Both("necessário, ainda não feito", "due, not done yet"),
    "result_other": Both(
        "ainda sem efeito comprovado; a equipe técnica está nisso",
        "its effect is not proven yet; the technical team is on it",
    ),
    "known": Both("O que se sabe: {headline}", "What is known: {headline}"),
    "since": Both("Desde: {elapsed} atrás.", "Since: {elapsed} ago."),
}
