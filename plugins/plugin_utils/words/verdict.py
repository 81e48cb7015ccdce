# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verdict says: its reasons, and what would change it."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "rate": Both(
        "{rate} de {n} entregues (intervalo de 95 %: {low} a {high}{evidence}).",
        "{rate} of {n} delivered (95 % interval {low} to {high}{evidence}).",
    ),
    "no_rate": Both("Nenhuma entrega tem resultado{evidence}.", "No delivery has a result{evidence}."),
    "no_result": Both("Ainda não há resultado de entrega para julgar.", "There is no delivery result to judge yet."),
    "nothing_measured": Both(
        "Nada foi medido: não há registro na janela, e nenhuma mensagem era esperada.",
        "Nothing was measured: there is no trace in the window, and no messages were expected.",
    ),
    "gateway_down": Both(
        "A Evolution API está fora do ar ou a instância não está conectada.",
        "The Evolution API is down or its instance is not connected.",
    ),
    "level2_not_stable": Both(
        "Os flags do nível 2 estão ativos e ainda há incidentes.",
        "The flags of level 2 are in force and incidents are still seen.",
    ),
    "service_down": Both("O serviço não está em execução.", "The service is not running."),
    "service_silent": Both(
        "O serviço está em execução, mas o health não dá resposta válida.",
        "The service runs, but its health gives no sound answer.",
    ),
    "service_unknown": Both(
        "O serviço não pôde ser medido; um log bom nada prova dele.",
        "The service could not be measured; a good log proves nothing of it.",
    ),
    "until_service_unknown": Both("O serviço poder ser medido no servidor.", "The service being measured on the host."),
    "log_unreadable": Both(
        "Não há registros: o log ou journal não pôde ser lido.",
        "There are no traces: the log or journal could not be read.",
    ),
    "log_incomplete": Both(
        "Os registros estão incompletos: falta {missing}.",
        "The traces are incomplete: {missing} missing.",
    ),
    "no_timestamps": Both(
        "Foi pedida uma janela e o log não tem horários, então nada pode ser situado nela.",
        "A window was asked for and the log has no times, so nothing can be placed in it.",
    ),
    "no_data": Both(
        "Não há nenhum registro na janela, embora mensagens sejam esperadas.",
        "There is no trace of any kind in the window although messages are expected.",
    ),
    "guard": Both(
        "{guard} no nível CRITICAL: {types} ({incidents} ao todo).",
        "{guard} at level CRITICAL: {types} ({incidents} of all guards).",
    ),
    "lost_handoff": Both(
        "{handoffs} perdidas entre planner e delivery: planejadas, e vazias quando o delivery leu.",
        "{handoffs} lost: planned, and empty when the delivery read it.",
    ),
    "never_read": Both(
        "De {handoffs} planejadas, nenhuma foi lida pelo delivery.",
        "None of {handoffs} that were planned was ever read by the delivery.",
    ),
    "unread_handoff": Both(
        "{handoffs} planejadas e não lidas pelo delivery a tempo.",
        "{handoffs} planned and not read by the delivery in time.",
    ),
    "invalid_instance": Both("Instância inválida em uso: {names}.", "Invalid instance in use: {names}."),
    "state_mismatch": Both(
        "{handoffs} com estado diferente entre planner e delivery.",
        "{handoffs} whose state differs between planner and delivery.",
    ),
    "unexpected_instance": Both(
        "Outra instância que não a esperada em uso: {names}.",
        "Another instance than the expected one in use: {names}.",
    ),
    "kill_switch_ignored": Both(
        "A entrega está desligada e mesmo assim saíram {messages}.",
        "Delivery is switched off, and all the same {messages} went out.",
    ),
    "kill_switch": Both(
        "Modo seguro: a entrega está desligada; mensagens são planejadas e nenhuma é entregue.",
        "Safe mode: delivery is switched off, so messages are planned and none is delivered.",
    ),
    "evidence_rollback": Both("{rate} M chegou a {limit} (rollback).", "{rate} M has reached {limit} (rollback)."),
    "run": Both(
        "As últimas {failures} entregas falharam todas, para {recipients} destinatários. {rate}",
        "The last {failures} deliveries all failed, over {recipients} recipients. {rate}",
    ),
    "read_not_sent": Both(
        "O delivery leu {handoffs} e não enviou nenhuma.",
        "The delivery read {handoffs} and sent none.",
    ),
    "evidence_watch": Both("{rate} M chegou a {limit} (atenção).", "{rate} M has reached {limit} (watch)."),
    "evidence_lingers": Both(
        "{rate} M chegou a {limit} (atenção) e desde então não ficou 15 minutos abaixo de {leave}.",
        "{rate} M has reached {limit} (watch) and not stayed below {leave} for 15 minutes since.",
    ),
    "interval_below": Both(
        "{rate} Todo o intervalo está abaixo da meta de {target}; faltam horários para dizer mais.",
        "{rate} The whole interval is below the target of {target}; times are missing to say more.",
    ),
    "below_by_chance": Both(
        "{rate} Abaixo da meta de {target}, mas pode ser acaso (atenção a partir de M = {limit}).",
        "{rate} Below the target of {target}, but it may be chance (watch begins at M = {limit}).",
    ),
    "until_any_trace": Both("Qualquer registro na janela.", "Any trace in the window."),
    "until_incident": Both(
        "Qualquer incidente crítico, ou {failures} seguidas.",
        "Any critical incident, or {failures} in a row.",
    ),
    "until_rollback_ends": Both(
        "{deliveries} sem falha, ou uma janela que comece depois do reparo.",
        "{deliveries} without failure, or a window that begins after the repair.",
    ),
    "until_success": Both("Uma entrega com sucesso.", "A delivery that succeeds."),
    "until_times": Both(
        "Um log com horários, ou entregas com sucesso suficientes para trazer o intervalo até a meta.",
        "A log with times in it, or enough successes to bring the interval up to the target.",
    ),
    "until_quiet": Both("M ficar abaixo de {leave} por 15 minutos.", "M staying below {leave} for 15 minutes."),
    "until_watch_ends": Both(
        "{deliveries} sem falha e depois 15 minutos com M abaixo de {leave}.",
        "{deliveries} without failure and then 15 minutes with M below {leave}.",
    ),
    "until_after_incident": Both(
        "Uma janela que comece depois do último incidente e não tenha outro.",
        "A window that begins after the last incident and holds no new one.",
    ),
    "until_level2_not_stable": Both(
        "Uma janela que comece depois do rollback nível 3 e não tenha incidente.",
        "A window that begins after the level 3 rollback and holds no new incident.",
    ),
    "until_kill_switch_ignored": Both(
        "Uma janela que comece depois do rollback e em que nada seja enviado.",
        "A window that begins after the rollback and in which nothing is sent.",
    ),
    "until_gateway_down": Both(
        "A Evolution API respondendo com a instância conectada.",
        "The Evolution API answering with its instance connected.",
    ),
    "until_service_down": Both(
        "O serviço em execução, com um registro na janela.",
        "The service running, with a trace in the window.",
    ),
    "until_service_silent": Both(
        "O health respondendo JSON em runbook_health_url.",
        "Health answering as JSON at runbook_health_url.",
    ),
    "until_log_unreadable": Both(
        "Um log ou journal que possa ser lido no servidor.",
        "A log or journal that can be read on the host.",
    ),
    "until_no_timestamps": Both(
        "Um log com horários (o journal os tem), ou uma verificação sem janela.",
        "A log with times in it (the journal has them), or a check without a window.",
    ),
    "until_no_data": Both(
        "Um registro na janela: uma mensagem que o assistente trate.",
        "A trace in the window: a message that the assistant handles.",
    ),
    "until_kill_switch": Both(
        "Rodar roll_forward.yml, depois de reparada a causa do rollback.",
        "Running roll_forward.yml, once the cause of the rollback is repaired.",
    ),
    "until_unread_handoff": Both(
        "As mensagens planejadas serem lidas; 4 ou mais sem nenhuma lida significam rollback.",
        "The planned messages being read; 4 or more with none ever read mean rollback.",
    ),
    "until_unexpected_instance": Both(
        "Uma janela em que só a instância esperada seja usada.",
        "A window in which only the expected instance is used.",
    ),
}
