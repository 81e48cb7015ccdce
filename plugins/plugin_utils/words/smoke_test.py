# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a smoke test."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "refused": Both("TESTE DE FUMAÇA não feito", "SMOKE TEST not done"),
    "phone_missing": Both(
        "smoke_test_phone não foi informado: dê com -e smoke_test_phone=5511999999999 o telefone do teste, "
        "que recebe a resposta; nunca o de um cliente",
        "smoke_test_phone is not set: give with -e smoke_test_phone=5511999999999 the test's phone, which "
        "gets the answer; never a customer's",
    ),
    "phone_malformed": Both(
        "smoke_test_phone não é um telefone: dê de 10 a 15 dígitos com o código do país, e nada mais",
        "smoke_test_phone is no phone number: give 10 to 15 digits, the country's code first, and nothing else",
    ),
    "webhook_missing": Both(
        "runbook_webhook_url está vazio e não há runbook_health_url de onde deduzi-lo: informe o webhook do assistente",
        "runbook_webhook_url is empty and there is no runbook_health_url to derive it from: name the "
        "assistant's webhook",
    ),
    "not_running": Both(
        "o serviço não está em execução: inicie-o, ou ansible-playbook kumon.runbook.rollback_level3",
        "the service is not running: start it, or ansible-playbook kumon.runbook.rollback_level3",
    ),
    "kill_switch_on": Both(
        "o processo tem o kill-switch e nada pode sair: use smoke_test_mode=processed_only (ou auto), ou "
        "antes roll_forward.yml",
        "the process has the kill-switch and nothing can go out: use smoke_test_mode=processed_only (or "
        "auto), or roll_forward.yml first",
    ),
    "kill_switch_off": Both(
        "o processo não tem o kill-switch e a mensagem sairia: use smoke_test_mode=full (ou auto), ou antes "
        "rollback_level1.yml",
        "the process does not have the kill-switch and the message would go out: use smoke_test_mode=full (or"
        " auto), or rollback_level1.yml first",
    ),
    "mode": Both("Modo", "Mode"),
    "modes_full": Both("completo, a resposta tem de ser entregue", "full, the answer has to be delivered"),
    "modes_processed_only": Both(
        "só processamento (kill-switch ativo), nada pode ser enviado",
        "processing only (kill-switch in force), nothing may be sent",
    ),
    "message": Both("Mensagem", "Message"),
    "steps_accepted": Both("aceita pelo webhook", "accepted by the webhook"),
    "steps_planned": Both("planejada", "planned"),
    "steps_read": Both("lida pelo delivery", "read by delivery"),
    "steps_instance": Both("instância", "instance"),
    "steps_sent": Both("envio", "send"),
    "steps_result": Both("resultado", "result"),
    "reasons_planned": Both("SIMULAÇÃO: nenhuma mensagem foi enviada", "DRY RUN: no message was sent"),
    "reasons_delivered": Both(
        "TESTE DE FUMAÇA PASSOU, a mensagem foi planejada, lida e entregue",
        "SMOKE TEST PASSED, the message was planned, read and delivered",
    ),
    "reasons_not_sent": Both(
        "TESTE DE FUMAÇA PASSOU, a mensagem foi planejada e lida, e nada foi enviado",
        "SMOKE TEST PASSED, the message was planned and read, and nothing was sent",
    ),
    "reasons_not_accepted": Both(
        "TESTE DE FUMAÇA FALHOU, o webhook não aceitou a mensagem",
        "SMOKE TEST FAILED, the webhook did not accept the message",
    ),
    "reasons_not_planned": Both(
        "TESTE DE FUMAÇA FALHOU, a mensagem não foi planejada",
        "SMOKE TEST FAILED, the message was not planned",
    ),
    "reasons_lost_handoff": Both(
        "TESTE DE FUMAÇA FALHOU, a mensagem planejada chegou vazia ao delivery",
        "SMOKE TEST FAILED, what was planned was empty when delivery read it",
    ),
    "reasons_guard": Both(
        "TESTE DE FUMAÇA FALHOU, um OUTBOX_GUARD parou a mensagem",
        "SMOKE TEST FAILED, an OUTBOX_GUARD stopped the message",
    ),
    "reasons_not_read": Both(
        "TESTE DE FUMAÇA FALHOU, a mensagem planejada não foi lida",
        "SMOKE TEST FAILED, the planned message was not read",
    ),
    "reasons_state_mismatch": Both(
        "TESTE DE FUMAÇA FALHOU, o estado difere entre planner e delivery",
        "SMOKE TEST FAILED, the state differs between planner and delivery",
    ),
    "reasons_wrong_instance": Both("TESTE DE FUMAÇA FALHOU, instância errada", "SMOKE TEST FAILED, wrong instance"),
    "reasons_no_instance": Both(
        "TESTE DE FUMAÇA FALHOU, nenhuma instância foi resolvida",
        "SMOKE TEST FAILED, no instance was resolved",
    ),
    "reasons_nothing_sent": Both(
        "TESTE DE FUMAÇA FALHOU, a mensagem não foi enviada",
        "SMOKE TEST FAILED, the message was not sent",
    ),
    "reasons_sent_under_kill_switch": Both(
        "TESTE DE FUMAÇA FALHOU, o processo tem o kill-switch e ENVIOU a mensagem",
        "SMOKE TEST FAILED, the process has the kill-switch and SENT the message",
    ),
    "reasons_delivery_failed": Both(
        "TESTE DE FUMAÇA FALHOU, a entrega falhou",
        "SMOKE TEST FAILED, the delivery failed",
    ),
    "reasons_no_result": Both(
        "TESTE DE FUMAÇA FALHOU, o envio não teve resultado a tempo",
        "SMOKE TEST FAILED, the send had no result in time",
    ),
    "reasons_log_silent": Both(
        "NADA PROVADO, o log não recebeu nenhuma linha desde o envio",
        "NOTHING PROVEN, no line has come to the log since the message was sent",
    ),
    "reasons_too_short": Both(
        "NADA PROVADO, a mensagem ainda podia sair quando o tempo acabou",
        "NOTHING PROVEN, the message could still have gone out when the time was over",
    ),
    "next_not_accepted": Both(
        "veja o health e o log do assistente; confira runbook_webhook_url e smoke_test_webhook_headers",
        "see the assistant's health and log; check runbook_webhook_url and smoke_test_webhook_headers",
    ),
    "next_not_planned": Both(
        "ansible-playbook kumon.runbook.health_check; mais tempo com -e smoke_test_wait_seconds=40",
        "ansible-playbook kumon.runbook.health_check; more time with -e smoke_test_wait_seconds=40",
    ),
    "next_lost_handoff": Both(
        "ansible-playbook kumon.runbook.rollback_level1",
        "ansible-playbook kumon.runbook.rollback_level1",
    ),
    "next_guard": Both(
        "ansible-playbook kumon.runbook.rollback_level1",
        "ansible-playbook kumon.runbook.rollback_level1",
    ),
    "next_not_read": Both(
        "ansible-playbook kumon.runbook.rollback_level1",
        "ansible-playbook kumon.runbook.rollback_level1",
    ),
    "next_state_mismatch": Both(
        "ansible-playbook kumon.runbook.rollback_level1",
        "ansible-playbook kumon.runbook.rollback_level1",
    ),
    "next_wrong_instance": Both(
        "ansible-playbook kumon.runbook.rollback_level1; confira runbook_evolution_instance",
        "ansible-playbook kumon.runbook.rollback_level1; check runbook_evolution_instance",
    ),
    "next_no_instance": Both(
        "ansible-playbook kumon.runbook.health_check",
        "ansible-playbook kumon.runbook.health_check",
    ),
    "next_nothing_sent": Both(
        "ansible-playbook kumon.runbook.health_check",
        "ansible-playbook kumon.runbook.health_check",
    ),
    "next_sent_under_kill_switch": Both(
        "ansible-playbook kumon.runbook.rollback_level1 -e rollback_fence=always",
        "ansible-playbook kumon.runbook.rollback_level1 -e rollback_fence=always",
    ),
    "next_delivery_failed": Both(
        "confira a Evolution API; ansible-playbook kumon.runbook.health_check",
        "check the Evolution API; ansible-playbook kumon.runbook.health_check",
    ),
    "next_no_result": Both(
        "confira a Evolution API; mais tempo com -e smoke_test_wait_seconds=40",
        "check the Evolution API; more time with -e smoke_test_wait_seconds=40",
    ),
    "next_log_silent": Both(
        "confira runbook_log_paths e runbook_log_source",
        "check runbook_log_paths and runbook_log_source",
    ),
    "next_too_short": Both(
        "mais tempo com -e smoke_test_wait_seconds=40",
        "more time with -e smoke_test_wait_seconds=40",
    ),
}
