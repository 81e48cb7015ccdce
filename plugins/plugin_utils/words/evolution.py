# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the gateway's instance that was taken offline or back."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "stopped": Both(
        "INSTÂNCIA FORA DO AR no gateway: nenhuma mensagem sai por ela",
        "INSTANCE OFFLINE at the gateway: no message goes out by it",
    ),
    "connected": Both("INSTÂNCIA DE VOLTA no gateway", "INSTANCE BACK at the gateway"),
    "planned": Both(
        "SIMULAÇÃO: nada foi alterado; seria chamado {call}", "DRY RUN: nothing was changed; {call} would be called"
    ),
    "nothing_to_do": Both(
        "SIMULAÇÃO: nada a fazer, já está assim no gateway", "DRY RUN: nothing to do, it is so already at the gateway"
    ),
    "states": Both(
        "Estado no gateway: {after} ({samples}); antes: {before}",
        "State at the gateway: {after} ({samples}); before: {before}",
    ),
    "state": Both("Estado no gateway: {before}", "State at the gateway: {before}"),
    "webhook_kept": Both("O webhook continua como era", "The webhook is as it was"),
    "webhook_untold": Both("De um webhook o gateway nada disse", "Of a webhook the gateway said nothing"),
    "way_back": Both(
        "De volta: {run[evolution_instance -e stop=false]}; alguém terá de ler um novo QR code com o telefone",
        "Back: {run[evolution_instance -e stop=false]}; somebody will have to read a new QR code with the phone",
    ),
}
