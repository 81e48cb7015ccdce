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
    "newest": Both(
        "Evento mais recente há {age}.",
        "Newest event {age} ago.",
    ),
    "part": Both(
        "Servidor {host}: {reason}",
        "Host {host}: {reason}",
    ),
    "quiet": Both(
        "Quieto, não provado: o silêncio está fora do horário esperado, e isso não prova nada.",
        "Quiet, not proven: the silence lies outside the expected hours, and that proves nothing.",
    ),
    "quiet_restarted": Both(
        "Quieto, não provado: desde que o processo começou, fora do horário esperado, ele não deixou trace.",
        "Quiet, not proven: since the process began, outside the expected hours, it has left no trace.",
    ),
    "quiet_nothing": Both(
        "Quieto, não provado: não há registro na janela, e nenhuma mensagem era esperada.",
        "Quiet, not proven: there is no trace in the window, and no messages were expected.",
    ),
    "quiet_heartbeat": Both(
        "Quieto, não provado: nenhuma outra mensagem, mas o sinal de vida de há {age} entrou.",
        "Quiet, not proven: no other message, but the heartbeat of {age} ago came in.",
    ),
    "heartbeat_missing": Both(
        "Nenhum sinal de vida entrou nos últimos {limit}: o silêncio não é de quem nada tem a dizer.",
        "No heartbeat has come in within {limit}: this is not the silence of people who have nothing to say.",
    ),
    "stale": Both(
        "O evento mais recente tem {age}; depois de {rate} por minuto, mais de {limit} de silêncio é demais.",
        "The newest event is {age} old; after {rate} a minute more than {limit} of silence is too long.",
    ),
    "not_owned": Both(
        "O log não é o que os processos deste serviço escrevem: {reason}.",
        "The log is not the one that the processes of this service write: {reason}.",
    ),
    "not_understood": Both(
        "O log tem {n} {n:linha|linhas} e nenhum evento de gramática conhecida: a gramática não foi reconhecida.",
        "The log has {n} {n:line|lines} and no event of a known grammar: its grammar is not recognised.",
    ),
    "unparsed_guards": Both(
        "{n} {n:linha começa como um guard e não cabe|linhas começam como um guard e não cabem} em nenhuma gramática.",
        "{n} {n:line begins as a guard does and fits|lines begin as a guard does and fit} no grammar.",
    ),
    "partly_understood": Both(
        "Só {share} das linhas que citam um trace foram entendidas.",
        "Only {share} of the lines that name a trace were understood.",
    ),
    "ambiguous": Both(
        "{n} registros podem ser texto de um cliente; por eles ninguém age.",
        "{n} records may be a customer's text; nobody acts on them.",
    ),
    "not_covered_process": Both(
        "O processo presente não deixou nenhum trace no log.",
        "The present process has left no trace in the log.",
    ),
    "incomplete": Both(
        "A medição está incompleta: {why}.",
        "The measurement is incomplete: {why}.",
    ),
    "gap_unreadable": Both(
        "Arquivos que talvez sejam da janela não puderam ser lidos: {names}.",
        "Files that may belong to the window could not be read: {names}.",
    ),
    "gap_suppressed": Both(
        "O journal descartou {n} linhas do serviço.",
        "The journal has suppressed {n} lines of the service.",
    ),
    "gap_undated_guards": Both(
        "{n} {n:guard|guards} de nível CRITICAL sem horário, talvez da janela.",
        "{n} {n:guard|guards} of level CRITICAL without a time, which may belong to the window.",
    ),
    "gap_undated": Both(
        "{n} registros não têm horário e não podem ser situados na janela.",
        "{n} records have no time and cannot be placed in the window.",
    ),
    "gap_future": Both(
        "{n} registros têm horário no futuro, e nenhum é de agora.",
        "{n} records carry times of the future, and none is of now.",
    ),
    "gap_unknown": Both(
        "O log não cobre a janela toda.",
        "The log does not cover the whole window.",
    ),
    "covered_for": Both(
        "O log cobre só {covered} dos {window} pedidos: começa em {since}.",
        "The log covers only {covered} of the {window} asked for: it begins at {since}.",
    ),
    "mostly_undated": Both(
        "{undated} registros não têm horário, e só {records} têm: quase nada pode ser situado na janela.",
        "{undated} records have no time and only {records} have one: hardly anything can be placed in the window.",
    ),
    "no_message": Both(
        "Nenhuma mensagem foi planejada, lida ou entregue na janela, embora mensagens sejam esperadas.",
        "No message was planned, read or delivered in the window although messages are expected.",
    ),
    "planning_wrong": Both(
        "Para {wrong} de {n} mensagens nada foi planejado ({m}).",
        "For {wrong} of {n} messages nothing was planned ({m}).",
    ),
    "reading_wrong": Both(
        "{wrong} de {n} mensagens planejadas não foram lidas pelo delivery a tempo ({m}).",
        "{wrong} of {n} planned messages were not read by the delivery in time ({m}).",
    ),
    "sending_wrong": Both(
        "{wrong} de {n} mensagens lidas não foram enviadas a tempo ({m}).",
        "{wrong} of {n} messages that were read were not sent in time ({m}).",
    ),
    "few_recipients": Both(
        "{rate} M chegou a {limit}, mas só para destinatários de menos ({n}): o rollback pede 3.",
        "{rate} M has reached {limit}, but for too few recipients ({n}): a rollback takes 3.",
    ),
    "none_went_well": Both(
        "{rate} Nenhuma foi adiante.",
        "{rate} None went on.",
    ),
    "many_of_few": Both(
        "{rate} De tão poucas, são demais para ser acaso.",
        "{rate} Of so few that is too many to be chance.",
    ),
    "unsent_handoff": Both(
        "{handoffs} lidas e não enviadas a tempo.",
        "{handoffs} read and not sent in time.",
    ),
    "few_failed": Both(
        "Nada foi entregue: {failures}, e são poucas para dizer mais.",
        "Nothing was delivered: {failures}, too few to say more.",
    ),
    "results_contradict": Both(
        "{n} de {results} resultados se contradizem: sucesso com erro HTTP. Não contam como nenhum dos dois.",
        "{n} of {results} results contradict themselves: success with an HTTP error. They count as neither.",
    ),
    "results_without_send": Both(
        "{n} de {results} resultados não têm envio: a mensagem foi lida e concluída, e o log não mostra o envio.",
        "{n} of {results} results have no send: the message was read and settled, and the log shows no send.",
    ),
    "dropped": Both(
        "O assistente diz que descartou {n} {n:mensagem|mensagens} sem que ninguém tivesse resposta; entraram {of}.",
        "The assistant says that it dropped {n} {n:message|messages} for which nobody got an answer; {of} came in.",
    ),
    "repeated_sends": Both(
        "{n} de {answers} respostas são cópias: enviadas mais vezes do que planejadas.",
        "{n} of {answers} answers are copies: sent more often than planned.",
    ),
    "sent_in_part": Both(
        "{n} de {of} mensagens não saíram, de respostas que só saíram em parte.",
        "{n} of {of} messages were not sent, of answers that went out in part only.",
    ),
    "repeated_to_one": Both(
        "A mesma resposta saiu {n} vezes para uma família.",
        "The same answer went out {n} times to one family.",
    ),
    "delivery_late": Both(
        "As mensagens chegam tarde: em mais de 60 s {read} foram lidas e {settled} concluídas.",
        "Messages are late: {read} were read and {settled} settled after more than 60 s.",
    ),
    "held_by_fence": Both(
        "Retido pela cerca de rede desde {since}: {attempts} tentativas.",
        "Held by the fence since {since}: {attempts} attempts.",
    ),
    "until_not_owned": Both(
        "O log que os processos do serviço têm aberto, em runbook_log_paths.",
        "The log that the service's processes have open, named in runbook_log_paths.",
    ),
    "until_not_understood": Both(
        "Um log numa gramática que o runbook conheça.",
        "A log in a grammar that the runbook knows.",
    ),
    "until_partly_understood": Both(
        "Um log numa gramática que o runbook conheça.",
        "A log in a grammar that the runbook knows.",
    ),
    "until_not_covered_process": Both(
        "Um trace do processo presente.",
        "A trace by the present process.",
    ),
    "until_incomplete": Both(
        "Uma medição que chegue ao fim: uma janela menor, ou mais tempo.",
        "A measurement that comes to its end: a smaller window, or more time.",
    ),
    "until_not_covered": Both(
        "Um log que cubra a janela, ou uma janela menor.",
        "A log that covers the window, or a smaller window.",
    ),
    "until_quiet": Both(
        "Uma mensagem que o assistente trate.",
        "A message that the assistant handles.",
    ),
    "until_stale": Both(
        "Uma mensagem que o assistente trate.",
        "A message that the assistant handles.",
    ),
    "until_few_failed": Both(
        "Uma entrega com sucesso; 4 falhas seguidas para 3 destinatários significam rollback.",
        "A delivery that succeeds; 4 failures in a row over 3 recipients mean rollback.",
    ),
    "until_many_of_few": Both(
        "Mais mensagens que cheguem ao cliente; a partir de {n} decide o teste.",
        "More messages that reach their customer; from {n} on the test decides.",
    ),
    "until_held_by_fence": Both(
        "O assistente obedecer ao kill-switch, ou a cerca ser desfeita por roll_forward.yml.",
        "The assistant obeying its kill-switch, or roll_forward.yml lifting the fence.",
    ),
    "until_results_contradict": Both(
        "Uma janela em que os resultados não se contradigam.",
        "A window in which no results contradict themselves.",
    ),
    "until_results_without_send": Both(
        "Uma janela em que cada resultado tenha o seu envio.",
        "A window in which each result has its send.",
    ),
    "until_sent_in_part": Both(
        "Uma janela em que cada resposta saia inteira.",
        "A window in which each answer goes out whole.",
    ),
    "until_dropped": Both(
        "Uma janela em que quem escreve tenha resposta; veja por que ele as descarta: a chave do webhook, a trava.",
        "A window in which whoever writes is answered; look why it drops them: the webhook's key, its lock.",
    ),
    "until_repeated_sends": Both(
        "Uma janela em que cada resposta seja enviada uma vez.",
        "A window in which each answer is sent once.",
    ),
    "until_delivery_late": Both(
        "Uma janela em que as mensagens sejam lidas e concluídas em 60 s.",
        "A window in which messages are read and settled within 60 s.",
    ),
    "until_ambiguous": Both(
        "Um log em JSON, em que o texto de um cliente não passe por registro.",
        "A log in JSON lines, in which a customer's text cannot pass for a record.",
    ),
    "until_planning_degraded": Both(
        "As mensagens que chegam serem planejadas.",
        "The messages that arrive being planned.",
    ),
    "until_sending_degraded": Both(
        "As mensagens lidas serem enviadas.",
        "The messages that were read being sent.",
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
    "service_ill": Both(
        "O próprio health diz que o serviço não está bem: {said}.",
        "Health itself says that the service is not well: {said}.",
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
    "until_delivery_failing": Both("Uma entrega com sucesso.", "A delivery that succeeds."),
    "until_times": Both(
        "Um log com horários, ou entregas com sucesso suficientes para trazer o intervalo até a meta.",
        "A log with times in it, or enough successes to bring the interval up to the target.",
    ),
    "until_low": Both("M ficar abaixo de {leave} por 15 minutos.", "M staying below {leave} for 15 minutes."),
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
    "until_service_ill": Both("O health dizendo que o serviço está bem.", "Health saying that the service is well."),
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
