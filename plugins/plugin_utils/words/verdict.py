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
    "until_incident": Both(
        "Qualquer incidente crítico, ou {failures} seguidas.",
        "Any critical incident, or {failures} in a row.",
    ),
    "until_rollback_ends": Both(
        "{messages} sem falha, ou uma janela que comece depois do reparo.",
        "{messages} without failure, or a window that begins after the repair.",
    ),
    "until_quiet": Both("M ficar abaixo de {leave} por 15 minutos.", "M staying below {leave} for 15 minutes."),
    "until_watch_ends": Both(
        "{messages} sem falha e depois 15 minutos com M abaixo de {leave}.",
        "{messages} without failure and then 15 minutes with M below {leave}.",
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
    "newest": Both(
        "Último evento há {age}.",
        "Newest event {age} ago.",
    ),
    "part": Both(
        "Servidor {host}: {reason}",
        "Host {host}: {reason}",
    ),
    "covered_for": Both(
        "O log cobre só {covered} de {window}, desde {since}: vale para esse tempo.",
        "The log covers only {covered} of {window}, since {since}: this is good for that time only.",
    ),
    "not_owned": Both(
        "Nenhum processo deste serviço escreve o log lido; eles escrevem em: {reason}.",
        "No process of this service writes the log that was read; they write to: {reason}.",
    ),
    "not_understood": Both(
        "O log tem {n} linhas e nenhuma em gramática conhecida: não reconhecido, o que não diz que nada chegou.",
        "The log has {n} lines and none of a known grammar: not recognised, which does not mean that nothing arrived.",
    ),
    "unparsed_guards": Both(
        "{n} registros começam como um guard e não são entendidos.",
        "{n} records begin as a guard and are not understood.",
    ),
    "partly_understood": Both(
        "Só {share} dos registros que nomeiam uma mensagem foram entendidos.",
        "Only {share} of the records that name a message were understood.",
    ),
    "ambiguous": Both(
        "{n} registros podem ser reais ou texto de cliente; não se age por eles.",
        "{n} records may be real or a customer's text; nothing is done because of them.",
    ),
    "not_covered_process": Both(
        "O processo em execução não deixou nenhum registro; o que está no log é de outro, anterior.",
        "The process that runs has not left a single trace; what is in the log is another one's, of before.",
    ),
    "incomplete": Both(
        "A leitura não chegou ao fim: {why}.",
        "The reading did not come to its end: {why}.",
    ),
    "stale": Both(
        "Silêncio há {age}: com {rate} mensagens por minuto, mais de {limit} não é acaso.",
        "Silent for {age}: at {rate} messages a minute more than {limit} is no chance.",
    ),
    "quiet": Both(
        "Quieto, não comprovado: fora do horário em que se esperam mensagens.",
        "Quiet, not proven: outside of the hours in which messages are expected.",
    ),
    "quiet_nothing": Both(
        "Quieto, não comprovado: não há registro na janela, e nenhuma mensagem era esperada.",
        "Quiet, not proven: there is no trace in the window, and no messages were expected.",
    ),
    "gap_unreadable": Both(
        "Partes do log não puderam ser lidas: {names}.",
        "Parts of the log could not be read: {names}.",
    ),
    "gap_suppressed": Both(
        "O journald descartou {n} mensagens do serviço.",
        "journald dropped {n} messages of the service.",
    ),
    "gap_undated": Both(
        "{n} registros não têm horário e não podem ser situados.",
        "{n} records have no time and cannot be placed.",
    ),
    "gap_future": Both(
        "{n} registros têm horário no futuro.",
        "{n} records carry times of the future.",
    ),
    "gap_unknown": Both(
        "O log não mostra toda a janela.",
        "The log does not show the whole window.",
    ),
    "mostly_undated": Both(
        "{undated} registros sem horário, contra {records} que podem ser situados na janela.",
        "{undated} records have no time, against {records} that can be placed in the window.",
    ),
    "no_message": Both(
        "Nenhuma mensagem foi planejada, lida ou entregue na janela: não há o que julgar.",
        "No message was planned, read or delivered in the window: there is nothing to judge.",
    ),
    "held_by_fence": Both(
        "Retido pela cerca de rede desde {since}: {attempts} tentativas, nada saiu.",
        "Held by the network fence since {since}: {attempts} attempts, nothing got out.",
    ),
    "results_contradict": Both(
        "{n} de {results} resultados dizem sucesso e um código de erro HTTP: não se acredita em nenhum dos dois.",
        "{n} of {results} results say success and an HTTP error code: neither is believed.",
    ),
    "repeated_sends": Both(
        "{n} de {answers} envios são cópias: foi enviado mais do que o planejado.",
        "{n} of {answers} sends are copies: more was sent than planned.",
    ),
    "delivery_late": Both(
        "Respostas atrasadas em mais de um minuto: {read} lidas tarde, {settled} com resultado tardio.",
        "Answers more than a minute late: {read} read late, {settled} with a late result.",
    ),
    "planning_wrong": Both(
        "{wrong} de {n} mensagens ficaram sem resposta planejada ({m}).",
        "For {wrong} of {n} messages nothing was planned ({m}).",
    ),
    "reading_wrong": Both(
        "{wrong} de {n} mensagens planejadas não foram lidas pelo delivery ({m}).",
        "{wrong} of {n} planned messages were not read by the delivery ({m}).",
    ),
    "sending_wrong": Both(
        "{wrong} de {n} mensagens lidas não foram enviadas ({m}).",
        "{wrong} of {n} messages that were read were not sent ({m}).",
    ),
    "few_recipients": Both(
        "{rate} M chegou a {limit} (rollback), mas só {n} destinatários são afetados.",
        "{rate} M has reached {limit} (rollback), but only {n} recipients are concerned.",
    ),
    "none_went_well": Both(
        "{rate} Nenhuma foi adiante.",
        "{rate} None went on.",
    ),
    "few_failed": Both(
        "Nenhuma entrega deu certo: {failures}.",
        "No delivery succeeded: {failures}.",
    ),
    "unsent_handoff": Both(
        "{handoffs} lidas pelo delivery e não enviadas a tempo.",
        "{handoffs} read by the delivery and not sent in time.",
    ),
    "until_stale": Both(
        "Um registro novo: uma mensagem que o assistente trate.",
        "A new trace: a message that the assistant handles.",
    ),
    "until_cause_quiet": Both(
        "Qualquer registro na janela.",
        "Any trace in the window.",
    ),
    "until_not_owned": Both(
        "runbook_log_paths apontando para o log em que o serviço escreve.",
        "runbook_log_paths naming the log that the service writes.",
    ),
    "until_not_understood": Both(
        "Um log em formato conhecido, ou uma gramática nova para ele.",
        "A log of a known grammar, or a new grammar for it.",
    ),
    "until_not_covered_process": Both(
        "Uma mensagem tratada pelo processo em execução.",
        "A message handled by the process that runs.",
    ),
    "until_incomplete": Both(
        "Uma janela menor, ou mais tempo para ler.",
        "A smaller window, or more time to read.",
    ),
    "until_not_covered": Both(
        "Um log que cubra a janela, ou uma janela menor.",
        "A log that covers the window, or a smaller window.",
    ),
    "until_few_failed": Both(
        "Uma entrega com sucesso.",
        "A delivery that succeeds.",
    ),
}
