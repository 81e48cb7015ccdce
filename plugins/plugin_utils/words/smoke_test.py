# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a smoke test."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    # An example in digits would be told as a number that is nobody's to read.
    "phone_missing": Both(
        "smoke_test_phone não foi informado: dê com -e smoke_test_phone=TELEFONE o telefone do teste, com 55 e DDD, "
        "que recebe a resposta; nunca o de um cliente",
        "smoke_test_phone is not set: give with -e smoke_test_phone=PHONE the test's phone, the country's code first, "
        "which gets the answer; never a customer's",
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
        "o serviço não está em execução: inicie-o, ou {run[rollback_level3]}",
        "the service is not running: start it, or {run[rollback_level3]}",
    ),
    "kill_switch_on": Both(
        "o processo tem o kill-switch e nada pode sair: use smoke_test_mode=processed_only (ou auto), ou "
        "antes {run[roll_forward -e level=1]}",
        "the process has the kill-switch and nothing can go out: use smoke_test_mode=processed_only (or "
        "auto), or {run[roll_forward -e level=1]} first",
    ),
    "kill_switch_off": Both(
        "o processo não tem o kill-switch e a mensagem sairia: use smoke_test_mode=full (ou auto), ou antes "
        "{run[rollback_level1]}",
        "the process does not have the kill-switch and the message would go out: use smoke_test_mode=full (or"
        " auto), or {run[rollback_level1]} first",
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
    "reasons_no_key": Both(
        "TESTE DE FUMAÇA FALHOU, a mensagem não foi planejada: ela não tinha o cabeçalho apikey, sem o qual o "
        "assistente a descarta",
        "SMOKE TEST FAILED, the message was not planned: it had no header apikey, without which the assistant drops it",
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
        "{run[health_check]} # mais tempo com -e smoke_test_wait_seconds=40",
        "{run[health_check]} # more time with -e smoke_test_wait_seconds=40",
    ),
    "next_no_key": Both(
        "defina smoke_test_webhook_headers com a chave da Evolution API em apikey; se ela não é exigida, "
        "{run[health_check]}",
        "set smoke_test_webhook_headers with the Evolution API's key in apikey; if none is wanted, {run[health_check]}",
    ),
    "next_lost_handoff": Both(
        "{run[rollback_level1]}",
        "{run[rollback_level1]}",
    ),
    "next_guard": Both(
        "{run[rollback_level1]}",
        "{run[rollback_level1]}",
    ),
    "next_not_read": Both(
        "{run[rollback_level1]}",
        "{run[rollback_level1]}",
    ),
    "next_state_mismatch": Both(
        "{run[rollback_level1]}",
        "{run[rollback_level1]}",
    ),
    "next_wrong_instance": Both(
        "{run[rollback_level1]} # confira runbook_evolution_instance",
        "{run[rollback_level1]} # check runbook_evolution_instance",
    ),
    "next_no_instance": Both(
        "{run[health_check]}",
        "{run[health_check]}",
    ),
    "next_nothing_sent": Both(
        "{run[health_check]}",
        "{run[health_check]}",
    ),
    "next_sent_under_kill_switch": Both(
        "{run[rollback_level1 -e rollback_fence=always]}",
        "{run[rollback_level1 -e rollback_fence=always]}",
    ),
    "next_delivery_failed": Both(
        "{run[diagnose -e depth=full]} # pergunta à Evolution API",
        "{run[diagnose -e depth=full]} # asks the Evolution API",
    ),
    "next_no_result": Both(
        "{run[diagnose -e depth=full]} # pergunta à Evolution API; mais tempo com -e smoke_test_wait_seconds=40",
        "{run[diagnose -e depth=full]} # asks the Evolution API; more time with -e smoke_test_wait_seconds=40",
    ),
    "next_log_silent": Both(
        "confira runbook_log_paths e runbook_log_source",
        "check runbook_log_paths and runbook_log_source",
    ),
    "next_too_short": Both(
        "{run[smoke_test -e smoke_test_wait_seconds=40]}",
        "{run[smoke_test -e smoke_test_wait_seconds=40]}",
    ),
    # What was seen at each step.
    "detail_planned": Both("{n} planejadas, de {lines} linhas novas", "planned {n}, of {lines} new lines"),
    "detail_read": Both("{n} de {planned} lidas, {lost} perdidas", "read {n} of {planned}, lost {lost}"),
    "detail_mismatches": Both("{n} com estado diferente", "state mismatches {n}"),
    "detail_guards": Both("{name} {types}", "{name} {types}"),
    "detail_instances": Both("{names}", "{names}"),
    "detail_instance_not_traced": Both("não consta no log", "not traced"),
    "detail_instance_errors": Both("{n} erros", "errors {n}"),
    "detail_sent_and_quiet": Both(
        "{n} enviadas, {seconds} s sem outro registro", "{n} sent, {seconds} s without another trace"
    ),
    "detail_sent_something_else": Both("{n} enviadas, não o que foi planejado", "{n} sent, not what was planned"),
    "detail_sent": Both("{n} enviadas", "{n} sent"),
    "detail_not_asked_for": Both("não se aplica", "not asked for"),
    "detail_result_of_something_else": Both(
        "{success} com sucesso, não do que foi planejado", "success {success}, not of what was planned"
    ),
    "detail_result": Both("{success} com sucesso, {failed} falhas", "success {success}, failed {failed}"),
    "detail_failed_by_http": Both("por HTTP: {codes}", "by HTTP: {codes}"),
    "detail_without_result": Both("{n} sem resultado", "without result {n}"),
}
