# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sending of messages came to."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "sent": Both("Mensagens enviadas", "Messages sent"),
    "dry_run": Both("Simulação: estas mensagens teriam saído", "Dry run: these messages would have gone out"),
    "planned": Both("SIMULAÇÃO: estas mensagens são devidas", "DRY RUN: these messages are due"),
    "not_sent": Both("simulação, não enviada", "dry run, not sent"),
    "failed": Both("Nem todas as mensagens saíram", "Not all messages went out"),
    "unreachable": Both("O host que envia não foi alcançado", "The host that sends was not reached"),
    "nothing_open": Both("Nenhum incidente aberto, nada a enviar", "No incident is open, nothing to send"),
    "nothing_due": Both("Nada é devido agora", "Nothing is due now"),
    "detached": Both("As mensagens saem em segundo plano", "The messages go out in the background"),
    "next": Both(
        "{run[notify]} # de novo, depois de corrigir o canal; -e notify_event=test testa todos",
        "{run[notify]} # again once the channel is repaired; -e notify_event=test tests all of them",
    ),
    "next_detached": Both(
        "{run[notify]} # de novo: envia o que não saiu e diz o que é devido",
        "{run[notify]} # again: it sends what did not go out and says what is due",
    ),
    "incident": Both("Incidente", "Incident"),
    "since": Both("desde", "since"),
    "by": Both("assumido por", "acknowledged by"),
    "closed": Both("encerrado em", "closed at"),
    "audiences_technical": Both("Técnico", "Technical"),
    "audiences_business": Both("Negócio", "Business"),
    "kinds_first": Both("primeira mensagem", "first message"),
    "kinds_update": Both("atualização", "update"),
    "kinds_escalation": Both("escalação", "escalation"),
    "kinds_acknowledged": Both("assumido", "acknowledged"),
    "kinds_end": Both("encerramento", "end"),
    "kinds_test": Both("teste", "test"),
}
