# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a recovery is proven: a sentence for each criterion."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "proof_service_down": Both("O serviço não está em execução.", "The service is not running."),
    "proof_service_unknown": Both(
        "Não se sabe se o serviço está em execução.",
        "It is not known whether the service runs.",
    ),
    "proof_service_silent": Both(
        "O serviço está em execução, mas o health não dá resposta válida.",
        "The service runs, but its health gives no sound answer.",
    ),
    "proof_sent": Both(
        "A entrega está desligada e mesmo assim saíram {messages}.",
        "Delivery is switched off, and all the same {messages} went out.",
    ),
    "proof_leaks": Both(
        "A cerca de rede está de pé e mesmo assim passaram {messages}.",
        "The network fence stands, and all the same {messages} got through.",
    ),
    "proof_going_on": Both(
        "Os eventos críticos continuam: o último há {age}.",
        "Critical events go on: the last one {age} ago.",
    ),
    "proof_safe_mode": Both(
        "Modo seguro: a entrega está desligada; julga-se o que pode ser julgado sem entregas.",
        "Safe mode: delivery is switched off; what can be judged without deliveries is judged.",
    ),
    "proof_none_critical": Both("Nenhum evento crítico na janela.", "No critical event in the window."),
    "proof_critical": Both(
        "Eventos críticos na janela: {events}; o último há {age}. A janela recomeça ali.",
        "Critical events in the window: {events}; the last one {age} ago. The window begins again there.",
    ),
    "proof_critical_undated": Both(
        "Eventos críticos na janela: {events}; não se sabe quando.",
        "Critical events in the window: {events}; when is unknown.",
    ),
    "proof_delivered_met": Both(
        "{rate} de {n} entregues: pelo menos {target} está provado (no mínimo {low}).",
        "{rate} of {n} delivered: at least {target} is proven (at least {low}).",
    ),
    "proof_delivered_unmet": Both(
        "{rate} de {n} entregues: menos de {target} está provado (no máximo {high}).",
        "{rate} of {n} delivered: less than {target} is proven (at most {high}).",
    ),
    "proof_delivered_recipients": Both(
        "{rate} de {n} entregues, mas a apenas {recipients} destinatário(s): o que chega a menos de três números "
        "não prova nada das famílias.",
        "{rate} of {n} delivered, but to {recipients} recipient(s) only: what reaches fewer than three phones "
        "proves nothing of the families.",
    ),
    "proof_delivered_insufficient": Both(
        "{rate} de {n} entregues: são necessários {needed} resultados para provar {target}. Estenda a janela "
        "ou envie mensagens de teste identificadas.",
        "{rate} of {n} delivered: {needed} results are needed to prove {target}. Extend the window or send "
        "labelled test messages.",
    ),
    "proof_delivered_none": Both(
        "Nenhuma entrega tem resultado: são necessários {needed} para provar {target}. Estenda a janela ou "
        "envie mensagens de teste identificadas.",
        "No delivery has a result: {needed} are needed to prove {target}. Extend the window or send labelled "
        "test messages.",
    ),
    "proof_safe_unplanned": Both(
        "Nenhuma mensagem foi planejada: nada mostra que nenhuma sairia. Envie uma mensagem de teste identificada.",
        "No message was planned: nothing shows that none would go out. Send a labelled test message.",
    ),
    "log_foreign": Both(
        "O log não é o que os processos deste serviço escrevem: ele não prova nada.",
        "The log is not the one that this service's processes write: it proves nothing.",
    ),
    "log_not_understood": Both(
        "O log não foi compreendido por inteiro: o que ele não mostra não prova nada.",
        "The log was not understood as a whole: what it does not show proves nothing.",
    ),
    "log_without_traces": Both(
        "O log não tem nenhum trace: nenhuma mensagem chegou, ou a gramática dele não é conhecida.",
        "The log has no trace: no message has come, or its grammar is not known.",
    ),
    "proof_dropped": Both(
        "O assistente descartou mais do que algumas mensagens sem que ninguém tivesse resposta.",
        "The assistant dropped more than a few messages, and nobody got an answer.",
    ),
    "proof_outage": Both(
        "Pelo mesmo log as mensagens falham ou ficam presas neste momento, e o veredito é rollback.",
        "By the same log messages fail or get stuck at this moment, and the verdict is rollback.",
    ),
    "proof_stale": Both(
        "O evento mais novo do log é velho demais para este tráfego: o silêncio não prova nada.",
        "The newest event of the log is too old for this traffic: silence proves nothing.",
    ),
    "proof_not_covered": Both(
        "O log não mostra a janela inteira: do que falta nada se sabe.",
        "The log does not show the whole window: of what is missing nothing is known.",
    ),
    "proof_guards_unread": Both(
        "Há linhas que começam como um guard e não foram compreendidas: nada mostra que não houve evento crítico.",
        "There are lines that begin as a guard does and were not understood: nothing shows that no event was critical.",
    ),
    "proof_unplanned": Both(
        "Para mais de uma mensagem em vinte nada foi planejado: ficaram sem resposta.",
        "For more than one message in twenty nothing was planned: they remained unanswered.",
    ),
    "proof_sent_in_part": Both(
        "Mais de uma mensagem em vinte não foi enviada: respostas saíram só em parte.",
        "More than one message in twenty was not sent: answers went out in part only.",
    ),
    "proof_copies": Both(
        "Mais de uma resposta em vinte é cópia: saiu mais vezes do que o planejado.",
        "More than one answer in twenty is a copy: it was sent more often than planned.",
    ),
    "proof_lost_met": Both(
        "{lost} de {n} mensagens perdidas: menos de {target} está provado (no máximo {high}).",
        "{lost} of {n} hand-offs lost: less than {target} is proven (at most {high}).",
    ),
    "proof_lost_unmet": Both(
        "{lost} de {n} mensagens perdidas: {target} ou mais está provado (no mínimo {low}).",
        "{lost} of {n} hand-offs lost: {target} or more is proven (at least {low}).",
    ),
    "proof_lost_insufficient": Both(
        "{lost} de {n} mensagens perdidas: são necessárias {needed} para provar menos de {target}. Estenda a "
        "janela ou envie mensagens de teste identificadas.",
        "{lost} of {n} hand-offs lost: {needed} hand-offs are needed to prove less than {target}. Extend the "
        "window or send labelled test messages.",
    ),
    "proof_lost_none": Both(
        "Nenhuma mensagem foi lida: são necessárias {needed} para provar menos de {target} de perda. Estenda "
        "a janela ou envie mensagens de teste identificadas.",
        "No hand-off was read: {needed} are needed to prove less than {target} lost. Extend the window or "
        "send labelled test messages.",
    ),
    "proof_stable_met": Both("Estável por {quiet} (necessário: {window}).", "Stable for {quiet} (needed: {window})."),
    "proof_stable_insufficient": Both(
        "Estável por {quiet}, são necessários {window}: faltam {wait}.",
        "Stable for {quiet}, needed are {window}: {wait} more.",
    ),
}
