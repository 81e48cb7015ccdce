# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an act of rollback or its undoing came to, its proofs, and what to do next."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "declared": Both("Declarado", "Declared"),
    "effective": Both("no processo", "in the process"),
    "before": Both("antes", "before"),
    "planned": Both(
        "SIMULAÇÃO: nada foi alterado; com --diff se vê o que seria escrito",
        "DRY RUN: nothing was changed; with --diff you see what would be written",
    ),
    "nothing_planned": Both(
        "SIMULAÇÃO: nada seria alterado, já está assim", "DRY RUN: nothing would change, it is so already"
    ),
    "undo_planned": Both(
        "SIMULAÇÃO: nada foi alterado; com --diff se vê o que seria desfeito",
        "DRY RUN: nothing was changed; with --diff you see what would be undone",
    ),
    "lifted": Both(
        "KILL-SWITCH RETIRADO, o processo voltou a entregar",
        "KILL-SWITCH LIFTED, the process delivers again",
    ),
    "level2": Both("FLAGS V1 ATIVOS no processo", "V1 FLAGS ACTIVE in the process"),
    "level2_undone": Both(
        "FLAGS DE VOLTA ao que eram antes do rollback",
        "FLAGS BACK to what they were before the rollback",
    ),
    "level3": Both(
        "CÓDIGO ANTERIOR NO LUGAR, o serviço responde com ele",
        "PREVIOUS CODE IN PLACE, the service answers with it",
    ),
    "level3_begun": Both("O rollback para o código anterior começou", "The rollback to the previous code has begun"),
    "level3_undone": Both(
        "CÓDIGO DE VOLTA ao que era antes do rollback",
        "CODE BACK to what it was before the rollback",
    ),
    "no_release": Both("Não há versão para a qual voltar", "There is no release to go back to"),
    "nothing_to_do": Both("nada a fazer, já está assim", "nothing to do, it is so already"),
    "release": Both("Versão", "Release"),
    "chosen": Both("Escolhida", "Chosen"),
    "why_asked": Both("pedida por rollback_commit", "asked for by rollback_commit"),
    "why_ledger": Both("a mais recente comprovada como boa", "the newest one known to be good"),
    "why_in_place": Both("um rollback já a colocou no lugar", "a rollback has put it in place already"),
    "why_unfinished": Both("um rollback para ela foi interrompido", "a rollback to it was interrupted"),
    "tried": Both("Testada antes, isolada do host: {what}", "Tried first, apart from the host: {what}"),
    "not_tried": Both("NÃO TESTADA antes: {why}", "NOT TRIED first: {why}"),
    "trial_passed": Both(
        "iniciou, respondeu, respostas planejadas para uma mensagem: {planned}",
        "it started, answered, replies planned for one message: {planned}",
    ),
    "trial_sends": Both(
        ", envios pedidos ao substituto do gateway: {sends}", ", sends asked of the gateway's stand-in: {sends}"
    ),
    "rescue": Both("O que havia antes está guardado em", "What was there before is kept under"),
    "gate_smoke_test": Both(
        "O teste de fumaça não passou, nada foi desfeito (roll_forward_force=true desfaz mesmo assim)",
        "The smoke test did not pass, nothing was undone (roll_forward_force=true undoes all the same)",
    ),
    "gate_verdict": Both(
        "O veredito não é ok, nada foi desfeito (roll_forward_force=true desfaz mesmo assim)",
        "The verdict is not ok, nothing was undone (roll_forward_force=true undoes all the same)",
    ),
    "kept_on": Both(
        "Kill-switch: ativo, como estava antes; para retirar: {run[roll_forward -e level=1]}",
        "Kill-switch: active, as it was found; to lift it: {run[roll_forward -e level=1]}",
    ),
    "kept_off": Both("Kill-switch: desligado, como estava antes", "Kill-switch: off, as it was found"),
    "proofs_commit": Both("código", "code"),
    "proofs_requirements": Both("dependências", "requirements"),
    "proofs_declared": Both("declarado em", "declared in"),
    "proofs_environment": Both("no ambiente de", "in the environment of"),
    "proofs_health": Both("health responde", "health answers"),
    "proofs_reported": Both("informado pelo health", "reported by health"),
    "proofs_log": Both("log desde o reinício", "log since the restart"),
    "proofs_before": Both("comparado com antes do ato", "compared with before the act"),
    "proofs_said": Both("testemunha, que sozinha não prova nada", "witness, which alone proves nothing"),
    "proofs_fence": Both("cerca de rede", "network fence"),
    "proofs_proxy": Both("caminho até o gateway", "way to the gateway"),
    "reasons_reported": Both(
        "KILL-SWITCH INFORMADO pelo health; nenhuma mensagem o provou ainda",
        "KILL-SWITCH REPORTED by health; no message has proven it yet",
    ),
    "reasons_answering": Both(
        "O serviço responde; nenhuma mensagem provou o efeito ainda",
        "The service answers; no message has proven the effect yet",
    ),
    "reasons_observed": Both(
        "KILL-SWITCH ATIVO, confirmado pelo processo e pelo log (planejadas, nenhuma enviada)",
        "KILL-SWITCH ACTIVE, confirmed by the process and by the log (messages planned, none sent)",
    ),
    "reasons_fenced": Both(
        "KILL-SWITCH IGNORADO pelo processo; a cerca de rede impede os envios",
        "KILL-SWITCH IGNORED by the process; the network fence keeps it from sending",
    ),
    "reasons_fence_holds": Both(
        "ENVIOS IMPEDIDOS pela cerca de rede; o que o processo faz do kill-switch ainda não foi visto",
        "SENDS HELD by the network fence; what the process makes of the kill-switch was not seen yet",
    ),
    "reasons_fence_untried": Both(
        "A cerca de rede está de pé, mas nada a provou ainda",
        "The network fence stands, but nothing has proven it yet",
    ),
    "reasons_fence_unread": Both(
        "A cerca de rede está de pé, mas o log não foi lido: não se sabe se algo saiu",
        "The network fence stands, but the log was not read: whether something went out is not known",
    ),
    "unread": Both(
        "nenhum arquivo desta versão lê {flags}: defini-los não muda nada",
        "no file of this release reads {flags}: setting them changes nothing",
    ),
    "no_profile": Both(
        "o código não diz quais flags esta versão tem: indique runbook_profile ou rollback_level2_flags",
        "the code does not tell which flags this release has: set runbook_profile or rollback_level2_flags",
    ),
    "no_v1": Both(
        "esta versão não tem flags de V1 para as quais voltar: {run[rollback_level3]}",
        "this release has no flags of V1 to go back to: {run[rollback_level3]}",
    ),
    "no_fence": Both("SEM CERCA DE REDE ({why})", "NO NETWORK FENCE ({why})"),
    "fence_since": Both(
        "Cerca de rede: de pé desde {since}; para retirar: {run[roll_forward -e level=1]}",
        "Network fence: stands since {since}; to lift it: {run[roll_forward -e level=1]}",
    ),
    "fence_until_reboot": Both(
        "A cerca de rede cai se o host reiniciar: aqui não há systemd que a mantenha",
        "The network fence falls when the host restarts: there is no systemd here that keeps it",
    ),
    "not_restarted": Both("O reinício com o flag não foi concluído", "The restart with the flag was not completed"),
    "reasons_not_in_process": Both("O processo não tem o kill-switch", "The process does not have the kill-switch"),
    "reasons_flags_not_in_process": Both("O processo não tem os flags", "The process does not have the flags"),
    "reasons_still_sending": Both(
        "O processo tem o kill-switch e CONTINUA ENVIANDO",
        "The process has the kill-switch and GOES ON SENDING",
    ),
    "reasons_reports_false": Both(
        "O health diz que a entrega NÃO está desligada",
        "Health says that delivery is NOT switched off",
    ),
    "reasons_fence_leaks": Both(
        "A cerca de rede não impede os envios",
        "The network fence does not keep messages from going out",
    ),
    "reasons_no_message_seen": Both(
        "O processo tem os flags, mas nenhuma mensagem chegou para prová-lo",
        "The process has the flags, but no message came to prove it",
    ),
    "reasons_too_soon": Both(
        "O processo tem os flags, mas as mensagens vistas são recentes demais para prová-lo",
        "The process has the flags, but the messages seen are too recent to prove it",
    ),
    "reasons_wrong_instance": Both(
        "As mensagens saem por uma INSTÂNCIA INVÁLIDA, ou por outra que a esperada",
        "Messages go out through an INVALID INSTANCE, or another than the expected one",
    ),
    "reasons_delivery_failing": Both(
        "O processo envia, e entregas demais FALHAM",
        "The process sends, and too many deliveries FAIL",
    ),
    "reasons_sends_copies": Both(
        "O processo envia a mesma resposta MAIS DE UMA VEZ",
        "The process sends the same answer MORE THAN ONCE",
    ),
    "reasons_worse_delivery": Both(
        "PIOR DO QUE ANTES do ato: mais mensagens ficam sem resposta",
        "WORSE THAN BEFORE the act: more messages remain unanswered",
    ),
    "reasons_worse_sends": Both(
        "PIOR DO QUE ANTES do ato: cada mensagem é enviada mais vezes",
        "WORSE THAN BEFORE the act: each message is sent more often",
    ),
    "reasons_still_failing": Both(
        "O processo tem os flags e CONTINUA PERDENDO mensagens, ou elas param no caminho",
        "The process has the flags and GOES ON LOSING messages, or they get stuck on their way",
    ),
    "reasons_not_lifted": Both(
        "O kill-switch ainda está ativo no processo",
        "The kill-switch is still active in the process",
    ),
    "next_1_not_in_process": Both("{run[rollback_level3]} # código anterior", "{run[rollback_level3]} # previous code"),
    "next_1_still_sending": Both(
        "{run[rollback_level3]} # código anterior, ou -e rollback_fence=auto",
        "{run[rollback_level3]} # previous code, or -e rollback_fence=auto",
    ),
    "next_1_reports_false": Both(
        "{run[rollback_level3]} # código anterior, ou -e rollback_fence=auto",
        "{run[rollback_level3]} # previous code, or -e rollback_fence=auto",
    ),
    "next_1_fence_leaks": Both("{run[rollback_level3]} # código anterior", "{run[rollback_level3]} # previous code"),
    "next_contained_fence_leaks": Both(
        "{run[evolution_instance -e stop=true]} # tira a instância do ar no gateway",
        "{run[evolution_instance -e stop=true]} # takes the instance offline at the gateway",
    ),
    "next_unfenced_no_message_seen": Both(
        "{run[smoke_test]} # se ainda sai mensagem, {run[evolution_instance -e stop=true]}",
        "{run[smoke_test]} # if messages still go out, {run[evolution_instance -e stop=true]}",
    ),
    "next_unfenced_reported": Both(
        "{run[smoke_test]} # se ainda sai mensagem, {run[evolution_instance -e stop=true]}",
        "{run[smoke_test]} # if messages still go out, {run[evolution_instance -e stop=true]}",
    ),
    "next_unfenced_still_sending": Both(
        "{run[evolution_instance -e stop=true]} # tira a instância do ar no gateway",
        "{run[evolution_instance -e stop=true]} # takes the instance offline at the gateway",
    ),
    "next_unfenced_reports_false": Both(
        "{run[evolution_instance -e stop=true]} # tira a instância do ar no gateway",
        "{run[evolution_instance -e stop=true]} # takes the instance offline at the gateway",
    ),
    "next_unfenced_not_in_process": Both(
        "{run[evolution_instance -e stop=true]} # tira a instância do ar no gateway",
        "{run[evolution_instance -e stop=true]} # takes the instance offline at the gateway",
    ),
    "next_1_fence_untried": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_1_fence_unread": Both(
        "{run[health_check]} # a cerca continua de pé",
        "{run[health_check]} # the fence goes on standing",
    ),
    "next_1_no_message_seen": Both(
        "{run[smoke_test]} # ou -e rollback_fence=always",
        "{run[smoke_test]} # or -e rollback_fence=always",
    ),
    "next_1_reported": Both(
        "{run[smoke_test]} # ou -e rollback_fence=always",
        "{run[smoke_test]} # or -e rollback_fence=always",
    ),
    "next_1_too_soon": Both(
        "{run[rollback_level1 -e rollback_observe_seconds=20]} # mede por mais tempo",
        "{run[rollback_level1 -e rollback_observe_seconds=20]} # measures for longer",
    ),
    "next_2_answering": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_2_too_soon": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_2_wrong_instance": Both("{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"),
    "next_2_delivery_failing": Both(
        "{run[diagnose]} # se o gateway está bem, {run[rollback_level3]} (código anterior)",
        "{run[diagnose]} # if the gateway is well, {run[rollback_level3]} (previous code)",
    ),
    "next_2_sends_copies": Both("{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"),
    "next_worse": Both("{undo} # desfaz este ato", "{undo} # undoes this act"),
    "next_2_not_in_process": Both("{run[rollback_level3]} # código anterior", "{run[rollback_level3]} # previous code"),
    "next_2_still_failing": Both("{run[rollback_level3]} # código anterior", "{run[rollback_level3]} # previous code"),
    "next_2_still_sending": Both("{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"),
    "next_2_no_message_seen": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_3_answering": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_3_too_soon": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_3_wrong_instance": Both("{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"),
    "next_3_delivery_failing": Both(
        "{run[diagnose]} # se o gateway está bem, -e rollback_commit=… (uma versão mais antiga)",
        "{run[diagnose]} # if the gateway is well, -e rollback_commit=… (an older release)",
    ),
    "next_3_sends_copies": Both("{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"),
    "next_3_not_in_process": Both(
        "{run[health_check]} # veja o que mais define os flags na unidade",
        "{run[health_check]} # see what else sets the flags in the unit",
    ),
    "next_3_still_failing": Both(
        "{run[rollback_level1]} # kill-switch, ou -e rollback_commit=… (uma versão mais antiga)",
        "{run[rollback_level1]} # kill-switch, or -e rollback_commit=… (an older release)",
    ),
    "next_3_still_sending": Both("{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"),
    "next_3_no_message_seen": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_roll_forward_answering": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_roll_forward_too_soon": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_roll_forward_wrong_instance": Both(
        "{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"
    ),
    "next_roll_forward_delivery_failing": Both("{run[diagnose]}", "{run[diagnose]}"),
    "next_roll_forward_sends_copies": Both(
        "{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"
    ),
    "next_roll_forward_not_in_process": Both(
        "{run[rollback_level3]} # código anterior",
        "{run[rollback_level3]} # previous code",
    ),
    "next_roll_forward_still_failing": Both(
        "{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"
    ),
    "next_roll_forward_still_sending": Both(
        "{run[rollback_level1]} # kill-switch", "{run[rollback_level1]} # kill-switch"
    ),
    "next_roll_forward_no_message_seen": Both("{run[smoke_test]}", "{run[smoke_test]}"),
    "next_roll_forward_not_lifted": Both(
        "{run[health_check]} # veja o que mais define o flag na unidade",
        "{run[health_check]} # see what else sets the flag in the unit",
    ),
}
