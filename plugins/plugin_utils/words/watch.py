# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch: its screen, and what is told when something calls for an act."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "stages": Both("Mensagens", "Messages"),
    "stage_received": Both("recebidas", "received"),
    "stage_planned": Both("planejadas", "planned"),
    "stage_read": Both("lidas", "read"),
    "stage_sent": Both("enviadas", "sent"),
    "stage_success": Both("entregues", "delivered"),
    "stage_failed": Both("falharam", "failed"),
    "rate": Both("Entrega", "Delivery"),
    "rate_of": Both("{rate} ({low} a {high}, n = {n})", "{rate} ({low} to {high}, n = {n})"),
    "no_rate": Both("nenhum resultado na janela", "no result in the window"),
    "budget": Both("margem de erro", "error budget left"),
    "budget_left": Both("{share} ({failed} de {allowed} falhas)", "{share} ({failed} of {allowed} failures)"),
    "guards": Both("guardas", "guards"),
    "lost": Both("perdidas", "lost"),
    "acts": Both("Últimos atos", "Last acts"),
    "act_done": Both("feito", "done"),
    "act_failed": Both("falhou", "failed"),
    "act_open": Both("sem fim no diário", "without an end in the journal"),
    "unseen": Both("{clock} {host} não pôde ser visto: {reason}", "{clock} {host} could not be seen: {reason}"),
    "calls": Both("{host}: {status} ({cause}): {reason}", "{host}: {status} ({cause}): {reason}"),
    "waits": Both(
        "A automação ainda espera ou deixa a decisão a uma pessoa; as pessoas são avisadas",
        "Automation still waits, or leaves it to a person; people are told",
    ),
    "not_allowed": Both(
        "A automação não age sozinha: {reason}; as pessoas são avisadas",
        "Automation does not act by itself: {reason}; people are told",
    ),
    "not_read": Both(
        "A automação não age sozinha: {reason}; {run[automation]} diz o que fazer",
        "Automation does not act by itself: {reason}; {run[automation]} says what to do",
    ),
    "recovers": Both("A automação age agora: {reason}", "Automation acts now: {reason}"),
    "proposal": Both("Proposta: {command}", "Proposal: {command}"),
    "would": Both(
        "Decisão {id} da automação; diga se foi certa: {command}",
        "Automation's decision {id}; say whether it was right: {command}",
    ),
    "ended": Both("Observado por {span}, {looks} leituras", "Watched for {span}, {looks} looks"),
    "ended_called": Both(
        "Observado por {span}, {looks} leituras; algo exigiu rollback",
        "Watched for {span}, {looks} looks; something called for a rollback",
    ),
    "ended_gap": Both("; por {span} seguidos nada pôde ser julgado", "; for {span} on end nothing could be judged"),
    "last_look": Both("Última leitura", "Last look"),
    "unseen_now": Both("não pôde ser visto: {reason}", "it could not be seen: {reason}"),
    "next_called": Both("{run[diagnose]}", "{run[diagnose]}"),
    "for_wrong": Both(
        "watch_for é um tempo até 7 dias, como 2h; {value} não é",
        "watch_for is a time up to 7 days, such as 2h; {value} is not",
    ),
    "every_wrong": Both(
        "watch_every é de 0,5 a 30 segundos; {value} não é", "watch_every is 0.5 to 30 seconds; {value} is not"
    ),
}
