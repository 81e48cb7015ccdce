# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of an incident says."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "written": Both("Relatório escrito", "Report written"),
    "would_be_written": Both("SIMULAÇÃO: o relatório seria escrito", "DRY RUN: the report would be written"),
    "no_rollback": Both(
        "Nenhum rollback está nos journals: informe uma janela, por exemplo -e report_since=2h.",
        "No rollback is in the journals: name a window, for instance -e report_since=2h.",
    ),
    "no_such_run": Both(
        "Nenhum ato da execução {id} está nos journals.",
        "No act of the run {id} is in the journals.",
    ),
    "window_empty": Both(
        "A janela está vazia: {since} não vem antes de {until}.",
        "The window is empty: {since} is not before {until}.",
    ),
    "title": Both("Relatório do incidente {id}", "Report of incident {id}"),
    "status_ok": Both("Agora: saudável", "Now: healthy"),
    "status_quiet": Both("Agora: quieto, não provado", "Now: quiet, not proven"),
    "status_watch": Both("Agora: atenção, monitorar de perto", "Now: to be watched closely"),
    "status_rollback": Both("Agora: um rollback ainda é devido", "Now: a rollback is still due"),
    "status_blind": Both(
        "Agora: sem visão, nada prova que o sistema funciona",
        "Now: blind, nothing proves that the system works",
    ),
    "incident": Both("Incidente", "Incident"),
    "window": Both("Janela", "Window"),
    "hosts": Both("Hosts", "Hosts"),
    "generated": Both("Gerado em", "Generated"),
    "happened": Both("O que aconteceu", "What happened"),
    "detected": Both("O que foi detectado", "What was detected"),
    "decided": Both("O que foi decidido", "What was decided"),
    "done": Both("O que foi feito", "What was done"),
    "proven": Both("O que está provado", "What is proven"),
    "unknown": Both("O que ainda não se sabe", "What is still unknown"),
    "nothing": Both("Nada consta.", "Nothing on record."),
    "handoffs": Both(
        "{host}: {planned} mensagens planejadas, {read} lidas pela entrega, {lost} perdidas, {unread} não lidas.",
        "{host}: {planned} messages planned, {read} read by the delivery, {lost} lost, {unread} unread.",
    ),
    "delivered": Both(
        "{host}: {rate} de {n} entregues (intervalo de 95 %: {low} a {high}); {sent} envios, {success} com "
        "sucesso, {failed} falhas, {unconfirmed} sem resultado.",
        "{host}: {rate} of {n} delivered (95 % interval {low} to {high}); {sent} sent, {success} succeeded, "
        "{failed} failed, {unconfirmed} without result.",
    ),
    "none_delivered": Both("{host}: nenhum envio tem resultado.", "{host}: no send has a result."),
    "guarded": Both(
        "{host}: {n} {n:incidente|incidentes} de guarda em nível CRITICAL: {types}.",
        "{host}: {n} guard {n:incident|incidents} at level CRITICAL: {types}.",
    ),
    "by_http": Both("{host}: falhas de envio por código HTTP: {codes}.", "{host}: failed sends by HTTP code: {codes}."),
    "by_cause": Both(
        "{host}: o que o gateway disse das falhas: {causes}.", "{host}: what the gateway said of them: {causes}."
    ),
    "invalid_instance": Both(
        "{host}: instância inválida em uso: {names}.",
        "{host}: invalid instance in use: {names}.",
    ),
    "unexpected_instance": Both(
        "{host}: instância diferente da esperada em uso: {names}.",
        "{host}: another instance than the expected one in use: {names}.",
    ),
    "line": Both("{host}, {at}, linha do log:", "{host}, {at}, line of the log:"),
    "first_sign": Both("Primeiro sinal no minuto {at}: {what}.", "First sign in the minute {at}: {what}."),
    "to_first_act": Both(
        "Do início desse minuto até o primeiro ato: {age}.",
        "From the beginning of that minute to the first act: {age}.",
    ),
    "no_sign": Both(
        "Nenhum minuto da janela mostra falha, perda ou guarda.",
        "No minute of the window shows a failure, a loss or a guard.",
    ),
    "judged": Both(
        "{host}: veredito {status} ({cause}, nível {level}). {reasons}",
        "{host}: verdict {status} ({cause}, level {level}). {reasons}",
    ),
    "decision": Both(
        "{host}: nível {level} decidido por {procedure}, executado por {actor}.",
        "{host}: level {level} decided by {procedure}, run by {actor}.",
    ),
    "started": Both("{host}: {procedure} iniciado por {actor}.", "{host}: {procedure} started by {actor}."),
    "act": Both(
        "{number}. {at}, {host}: {procedure}, {act}{change}; {result}{took}.",
        "{number}. {at}, {host}: {procedure}, {act}{change}; {result}{took}.",
    ),
    "took": Both(" em {seconds} s", " in {seconds} s"),
    "not_ended": Both("não terminou", "did not end"),
    "noted": Both("anotado", "noted"),
    "took_effect": Both("concluído", "done"),
    "failed": Both("falhou", "failed"),
    "effect_of_act": Both(
        "{host}: o efeito do ato {number} ({procedure}) está provado pelo que o serviço fez em seguida.",
        "{host}: the effect of act {number} ({procedure}) is proven by what the service did next.",
    ),
    "effect_not_proven": Both(
        "{host}: o efeito do ato {number} ({procedure}) NÃO está provado: {why}.",
        "{host}: the effect of act {number} ({procedure}) is NOT proven: {why}.",
    ),
    "not_judged": Both("ninguém o julgou", "nobody judged it"),
    "not_verifiable": Both(
        "não verificável: o journal está quebrado antes",
        "not verifiable: the journal is broken before it",
    ),
    "proof_of_act": Both(
        "{host}: o efeito do ato {number} ({procedure}) foi observado pelo próprio ato.",
        "{host}: the effect of act {number} ({procedure}) was observed by the act itself.",
    ),
    "since_act": Both(
        "Nos {n} minutos depois do último ato: {success} conversas atendidas, {failed} com falha, {lost} "
        "mensagens perdidas, {guards} incidentes de guarda.",
        "In the {n} minutes after the last act: {success} conversations served, {failed} with a failure, "
        "{lost} messages lost, {guards} guard incidents.",
    ),
    "running": Both(
        "{host}: o processo {pid} roda desde {started}; health: {health}.",
        "{host}: process {pid} runs since {started}; health: {health}.",
    ),
    "flags": Both(
        "{host}: flags no ambiente do processo: {flags}.",
        "{host}: flags in the environment of the process: {flags}.",
    ),
    "release": Both("{host}: o código é {head}.", "{host}: the code is {head}."),
    "smoke_test": Both("{host}: teste de fumaça {status}, em {at}.", "{host}: smoke test {status}, at {at}."),
    "missing": Both("{host}: {source}: {why}.", "{host}: {source}: {why}."),
    "not_asked": Both("não foi obtido", "not obtained"),
    "broken": Both(
        "{host}: a cadeia do journal está quebrada ({reason}); o que vem depois não prova nada.",
        "{host}: the journal's chain is broken ({reason}); what comes after that proves nothing.",
    ),
    "unlike": Both(
        "{host}: o journal não é o que foi visto antes ({reason}).",
        "{host}: the journal is not the one that was seen before ({reason}).",
    ),
    "journal_head": Both(
        "{host}: a última entrada do journal é {seq} {hash}.", "{host}: the journal's last entry is {seq} {hash}."
    ),
    "no_evidence": Both("{host}: sem evidência de {source}: {why}.", "{host}: no evidence of {source}: {why}."),
    "open_act": Both(
        "{host}: não se sabe se o ato {number} ({procedure}) teve efeito; ele começou e não terminou.",
        "{host}: whether act {number} ({procedure}) took effect is not known; it began and did not end.",
    ),
    "no_acts": Both("Nenhum ato na janela.", "No act in the window."),
    "drill": Both(
        "Ninguém foi avisado: as {n} mensagens são de uma simulação (notify_dry_run) e nenhuma saiu.",
        "Nobody was told: the {n} messages are those of a drill (notify_dry_run), and none was sent.",
    ),
    "no_messages_known": Both(
        "Não se sabe quem foi avisado: não há registro de mensagens.",
        "Who was told is not known: there is no record of messages.",
    ),
    "root_cause": Both(
        "A causa raiz: as medições dizem o que se perdeu, e não por quê.",
        "The root cause: the measurements say what was lost, and not why.",
    ),
    "no_traces": Both(
        "{host}: o log não tem nenhum registro na janela.",
        "{host}: the log has no record in the window.",
    ),
    "no_times": Both(
        "{host}: o log não tem horários; nada pode ser situado no tempo.",
        "{host}: the log has no times; nothing can be placed in time.",
    ),
    "undated": Both(
        "{host}: {n} registros sem horário conhecido não contam.",
        "{host}: {n} records without a known time do not count.",
    ),
    "unparsed": Both(
        "{host}: {n} linhas de registro incompletas não contam.",
        "{host}: {n} incomplete record lines do not count.",
    ),
    "unconfirmed": Both(
        "{host}: de {n} envios não se conhece o resultado.",
        "{host}: of {n} sends the result is not known.",
    ),
    "unread": Both(
        "{host}: {n} {n:mensagem planejada não foi lida|mensagens planejadas não foram lidas} pela entrega; "
        "não se sabe o que houve.",
        "{host}: {n} planned {n:message was|messages were} not read by the delivery; what became of it is not known.",
    ),
    "of_budget": Both("{seconds} s de {budget} s", "{seconds} s of {budget} s"),
    "alt_rate": Both(
        "Taxa de entrega em {minutes} minutos, de {low} a {high}; {lost} mensagens perdidas.",
        "Delivery rate over {minutes} minutes, from {low} to {high}; {lost} messages lost.",
    ),
    "no_data": Both("Sem dados para esta figura.", "No data for this picture."),
    "no_pictures": Both(
        "Sem figuras: falta matplotlib no controlador.",
        "No pictures: matplotlib is missing on the controller.",
    ),
    "pictures": Both("Figuras", "Pictures"),
    "acts": Both("Atos", "Acts"),
    "acts_note": Both(
        "Os números são os da figura. Tempos dos journals dos hosts.",
        "The numbers are those of the picture. Times are those of the hosts' journals.",
    ),
    "runs_note": Both(
        "Do começo do primeiro ato até o efeito ser julgado, pelo journal.",
        "From the beginning of the first act until its effect was judged, by the journal.",
    ),
    "checklist": Both("Checklist de emergência", "Emergency checklist"),
    "messages": Both("Mensagens", "Messages"),
    "no_messages": Both("Nenhuma mensagem consta.", "No message on record."),
    "evidence": Both("Evidências", "Evidence"),
    "no_evidence_kept": Both("Nenhuma evidência foi guardada.", "No evidence was kept."),
    "minutes": Both("Por minuto", "By minute"),
    "minutes_note": Both(
        "{n} minutos no total; os dados completos estão no arquivo JSON ao lado.",
        "{n} minutes in all; the whole data are in the JSON file beside this one.",
    ),
    "truncated": Both("cortado", "cut"),
    "accepted": Both("aceita", "accepted"),
    "refused": Both("recusada", "refused"),
    "not_known": Both("não se sabe", "not known"),
    "columns_number": Both("Nº", "No."),
    "columns_at": Both("Hora (UTC)", "Time (UTC)"),
    "columns_host": Both("Host", "Host"),
    "columns_procedure": Both("Procedimento", "Procedure"),
    "columns_act": Both("Ato", "Act"),
    "columns_actor": Both("Por", "By"),
    "columns_change": Both("Mudança", "Change"),
    "columns_result": Both("Resultado", "Result"),
    "columns_ref": Both("Fonte", "Source"),
    "columns_hash": Both("Hash", "Hash"),
    "columns_item": Both("Item", "Item"),
    "columns_value": Both("Valor", "Value"),
    "columns_source": Both("Fonte", "Source"),
    "columns_age": Both("Idade", "Age"),
    "columns_audience": Both("Público", "Audience"),
    "columns_tier": Both("Nível", "Tier"),
    "columns_kind": Both("Mensagem", "Message"),
    "columns_channel": Both("Canal", "Channel"),
    "columns_ok": Both("Entrega", "Delivery"),
    "columns_detail": Both("Detalhe", "Detail"),
    "columns_name": Both("Arquivo", "File"),
    "columns_bytes": Both("Bytes", "Bytes"),
    "columns_sha256": Both("SHA-256", "SHA-256"),
    "columns_minute": Both("Minuto", "Minute"),
    "columns_rate": Both("Entregues", "Delivered"),
    "columns_interval": Both("Intervalo de 95 %", "95 % interval"),
    "columns_failed": Both("Falhas", "Failed"),
    "columns_lost": Both("Perdidas", "Lost"),
    "columns_guards": Both("Guardas", "Guards"),
    "audiences_technical": Both("técnico", "technical"),
    "audiences_business": Both("negócio", "business"),
    "kinds_first": Both("primeira", "first"),
    "kinds_update": Both("atualização", "update"),
    "kinds_escalation": Both("escalação", "escalation"),
    "kinds_acknowledged": Both("assumido", "acknowledged"),
    "kinds_end": Both("encerramento", "end"),
    "kinds_test": Both("teste", "test"),
    "charts_rate_title": Both("Taxa de entrega por minuto", "Delivery rate by minute"),
    "charts_rate": Both("taxa de entrega", "delivery rate"),
    "charts_interval": Both("intervalo de 95 %", "95 % interval"),
    "charts_target": Both("meta de 95 %", "target of 95 %"),
    "charts_percent": Both("entregues (%)", "delivered (%)"),
    "charts_messages": Both("por minuto", "per minute"),
    "charts_failed": Both("falhas", "failed"),
    "charts_lost": Both("perdidas", "lost"),
    "charts_guards": Both("guardas", "guards"),
    "charts_budgets_title": Both(
        "Tempo de cada rollback contra o orçamento",
        "Time of each rollback against its budget",
    ),
    "charts_of_budget": Both("% do orçamento", "% of the budget"),
    "charts_guards_title": Both("Guardas por tipo", "Guards by type"),
    "charts_lines": Both("linhas CRITICAL", "CRITICAL lines"),
}
