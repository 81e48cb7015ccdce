# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a health check shows."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "window": Both("Janela desde", "Window since"),
    "process": Both("início do processo", "start of process"),
    "handoff": Both("Planejadas / lidas / perdidas / não lidas", "Planned / read / lost / unread"),
    "delivery": Both("Envios / sucesso / falha / sem resultado", "Sent / success / failed / no result"),
    "causes": Both("Causas das falhas", "Causes of the failures"),
    "guards": Both("Incidentes críticos", "Critical incidents"),
    "declared": Both("declarado", "declared"),
    "effective": Both("no processo", "in the process"),
    "reported": Both("informado pelo health", "reported by health"),
    "service": Both("Serviço", "Service"),
    "stopped": Both("parado", "stopped"),
    # What the health endpoint answered, where that is no HTTP status. In English the module's own words say more.
    "answer_ill": Both("HTTP {http}, mas informa {said}", "HTTP {http}, but it says {said}"),
    "answer_not_set": Both("nenhuma URL de health configurada", "no health URL is set"),
    "answer_refused": Both("conexão recusada", "connection refused"),
    "answer_no_answer": Both("sem resposta", "no answer"),
    "answer_not_json": Both("não é o health do assistente", "not the assistant's health"),
    "would_change": Both("O que mudaria o veredito", "What would change the verdict"),
    "next_full": Both(
        "{run[diagnose -e depth=full]}",
        "{run[diagnose -e depth=full]}",
    ),
    "next_person": Both(
        "{run[health_check]} # em um minuto; se continuar, chame a equipe técnica",
        "{run[health_check]} # in a minute; if it stays, call the technical team",
    ),
    "fence": Both(
        "Cerca de rede: de pé desde {since}, {attempts} tentativas",
        "Network fence: stands since {since}, {attempts} attempts",
    ),
}
