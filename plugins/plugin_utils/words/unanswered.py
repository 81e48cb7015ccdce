# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for an answer: what is told, and the columns of the list."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "none": Both("Ninguém está sem resposta desde {since}", "Nobody is without an answer since {since}"),
    "unknown": Both(
        "NÃO SE SABE se alguém está sem resposta",
        "NOT KNOWN whether anybody is without an answer",
    ),
    "waiting": Both("Sem resposta: {conversations}", "Without an answer: {conversations}"),
    "at_least": Both(
        "Sem resposta: pelo menos {conversations}; o log não mostra tudo",
        "Without an answer: at least {conversations}; the log does not show everything",
    ),
    "planned": Both(
        "SIMULAÇÃO: a lista seria escrita. Sem resposta: {conversations}",
        "DRY RUN: the list would be written. Without an answer: {conversations}",
    ),
    "not_listed": Both(
        "A lista NÃO foi escrita; sem resposta: {conversations}",
        "The list was NOT written; without an answer: {conversations}",
    ),
    "longest": Both(
        "Espera mais longa: {age}; escreveram de novo: {again}",
        "Longest wait: {age}; wrote again: {again}",
    ),
    "person": Both(
        "Se uma pessoa respondeu desde então o log não diz",
        "Whether a person has answered since the log does not tell",
    ),
    "list": Both(
        "Lista com os telefones, só para quem vai retornar: {path}",
        "List with the phone numbers, only for those who call back: {path}",
    ),
    "unlisted": Both("{n} não couberam na lista", "{n} did not fit into the list"),
    "since": Both("Medido desde {since}", "Measured since {since}"),
    "next_list": Both(
        "retorne às conversas de {path}, a espera mais longa primeiro, e depois apague o arquivo",
        "call back the conversations in {path}, the longest wait first, and delete the file afterwards",
    ),
    "next_unknown": Both("{run[health_check]}", "{run[health_check]}"),
    "separator": Both(";", ","),
    "column_host": Both("servidor", "host"),
    "column_conversation": Both("conversa", "conversation"),
    "column_phone": Both("telefone", "phone"),
    "column_since": Both("sem_resposta_desde", "waiting_since"),
    "column_minutes": Both("espera_minutos", "wait_minutes"),
    "column_messages": Both("mensagens", "messages"),
    "column_again": Both("escreveu_de_novo", "wrote_again"),
    "column_person": Both("pessoa_respondeu", "person_answered"),
    "yes": Both("sim", "yes"),
    "no": Both("nao", "no"),
    "not_known": Both("nao se sabe", "not known"),
}
