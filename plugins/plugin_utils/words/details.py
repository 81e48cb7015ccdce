# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of the service and its releases: the words of every `{code, fields}` that modules and proofs give."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    # What is declared.
    "declared": Both("{path}", "{path}"),
    "undeclared": Both("falta: {missing}", "missing: {missing}"),
    # The processes of the service.
    "no_process": Both("nenhum processo em execução", "no process runs"),
    "processes": Both("processo {pids}", "process {pids}"),
    "processes_hidden": Both(
        "o processo {pids} sobrescreveu o seu ambiente, ele não mostra nada",
        "process {pids} has written over its environment, which shows nothing",
    ),
    "processes_lack": Both("processo {pids} não tem {flags}", "process {pids} lacks {flags}"),
    # What its health answers.
    "no_health_url": Both("nenhuma URL de health configurada", "no health URL is set"),
    "health_not_asked": Both("sem resposta: não foi consultado", "no answer: it was not asked"),
    "health_answers": Both("{url}", "{url}"),
    "health_ill": Both("{url} responde {said}", "{url} answers {said}"),
    "health_refused": Both("sem resposta: ninguém escuta em {url}", "no answer: nobody listens at {url}"),
    "health_silent": Both("sem resposta: {url} não respondeu", "no answer: {url} gave none"),
    "health_not_json": Both(
        "sem resposta: {url} responde HTTP {http}, mas não é o health do assistente",
        "no answer: {url} answers HTTP {http}, but not the assistant's health",
    ),
    "health_status": Both("sem resposta: {url}: HTTP {http}", "no answer: {url}: HTTP {http}"),
    "not_reported": Both("não informado", "not reported"),
    "reports": Both("informa {value}", "reports {value}"),
    "reports_each": Both("informa {values}", "reports {values}"),
    # The release in place.
    "head": Both("HEAD é {commit}", "HEAD is {commit}"),
    "head_changed": Both(
        "HEAD é {commit} com {files} arquivos alterados", "HEAD is {commit} with {files} files changed"
    ),
    "no_environment": Both("nenhum ambiente", "environment none"),
    "environment": Both("ambiente {name}", "environment {name}"),
    "environment_from": Both("ambiente {name}, origem {source}", "environment {name} from the {source}"),
    # Why a release is not known to be good yet.
    "not_healthy": Both("não está saudável", "it is not healthy"),
    "local_changes": Both(
        "a árvore de trabalho tem alterações locais, então o que executa não é este commit",
        "the work tree has local changes, so what runs is not this commit",
    ),
    "not_running": Both("o serviço não está em execução", "the service does not run"),
    "started_before": Both(
        "o serviço foi iniciado antes de este commit ser colocado no lugar ou de o código dele ser gravado",
        "the service was started before this commit was put in place or its code was written",
    ),
    "newest_good": Both("já é a versão boa mais recente do registro", "it is the newest known-good release already"),
    "needs_longer": Both(
        "precisa continuar saudável por mais {seconds} s", "it has to stay healthy for another {seconds} s"
    ),
    # Why no release can be chosen.
    "no_good_release": Both(
        "nenhuma versão comprovada como boa está no registro além da atual: defina rollback_commit; "
        "os últimos cinco commits são {commits}",
        "no known-good release is in the ledger besides the current one: set rollback_commit; "
        "the last five commits are {commits}",
    ),
    "good_not_in_repository": Both(
        "nenhuma das versões comprovadas como boas, além da atual, está no repositório: defina rollback_commit; "
        "os últimos cinco commits são {commits}",
        "none of the known-good releases is in the repository besides the current one: set rollback_commit; "
        "the last five commits are {commits}",
    ),
    # What is known of a release that could be chosen.
    "known_in_place": Both("está no lugar", "it is in place"),
    "known_good": Both("comprovada como boa em {at}", "known to be good since {at}"),
    "known_failed": Both("não ficou no lugar em {at}", "did not stay in place at {at}"),
    "known_left": Both("estava no lugar até {at}", "was in place until {at}"),
    # What a release did where it was tried before.
    "trial_unasked": Both(
        "iniciou e respondeu; sem webhook nenhuma mensagem foi planejada",
        "it started and answered; without a webhook no message was planned",
    ),
    "trial_unclear": Both(
        "não fez tudo ali, onde nada do que ela precisa ao lado pode ser alcançado; isso não prova nada",
        "it did not do all of it there, where nothing that it needs beside itself is in reach; that proves nothing",
    ),
    # What level 3 would do, in check mode.
    "step_install": Both("instalaria {files} em {directory}", "would install {files} into {directory}"),
    "step_install_from": Both(
        "instalaria {files} em {directory} a partir de: {source}",
        "would install {files} into {directory} from the {source}",
    ),
    "step_try": Both(
        "testaria {commit} à parte da rede e dos arquivos deste host e o encerraria",
        "would try {commit} apart from the network and the files of this host, and stop it again",
    ),
    "step_keep": Both(
        "guardaria {commit}, {changed} alterações locais e {untracked} arquivos não rastreados em {rescue}",
        "would keep {commit}, {changed} local changes and {untracked} untracked files under {rescue}",
    ),
    "step_check_out": Both("colocaria {commit} no lugar", "would check out {commit}"),
    "step_submodule": Both("moveria o submódulo {path}", "would move submodule {path}"),
    "step_put_back": Both(
        "traria de volta as alterações locais de {rescue}", "would put back the local changes of {rescue}"
    ),
    "step_point": Both("apontaria {venv} para {name}", "would point {venv} to {name}"),
    "step_point_to_it": Both("apontaria {venv} para esse ambiente", "would point {venv} to it"),
    "step_entry": Both("iniciaria como {entry} em vez de {was}", "would start it as {entry} in place of {was}"),
    "step_restart": Both("reiniciaria {service}", "would restart {service}"),
    "step_restart_of": Both("reiniciaria {service} (processo {pids})", "would restart {service} (process {pids})"),
    "trial_ended": Both("o processo terminou ao iniciar, código {exit}", "its process ended at start with code {exit}"),
    "trial_silent": Both("não respondeu em {seconds} s", "it did not answer within {seconds} s"),
    "trial_webhook": Both("o webhook responde HTTP {http}", "its webhook answers HTTP {http}"),
    "trial_no_plan": Both(
        "iniciou em {started} s, respondeu e não planejou nada",
        "it started in {started} s, answered and planned nothing",
    ),
    "trial_not_wanted": Both("rollback_trial=never", "rollback_trial=never"),
    "trial_of_an_undo": Both("desfazer não testa nada", "an undo is not tried"),
    "trial_other_unit": Both("a versão traz outra unidade do systemd", "the release brings another unit of systemd"),
    "trial_resumed": Both("uma execução interrompida é concluída", "a run that was killed is finished"),
    "trial_not_running": Both(
        "o serviço não está em execução, e como iniciá-lo não se sabe",
        "the service does not run, and how it is started is not known",
    ),
    "trial_set_id": Both(
        "o processo tem os direitos de um programa set-uid, e não só os do usuário do serviço",
        "its process has the rights of a set-uid program, and not the service's user's alone",
    ),
    "trial_unreadable": Both(
        "o processo sobrescreveu o que mostra como foi iniciado",
        "its process has written over what shows how it was started",
    ),
    "trial_socket": Both("o systemd abre a sua porta", "systemd opens its port for it"),
    "trial_elsewhere": Both(
        "{url} não é o próprio serviço, e de onde ele responde não se sabe",
        "{url} is not the service itself, and where that answers is not known",
    ),
    "trial_no_time": Both("não resta tempo do orçamento", "the budget leaves no time"),
    "room_no_rights": Both(
        "é preciso ser root neste host, com o direito de montar (CAP_SYS_ADMIN)",
        "it takes root on this host, with the right to mount (CAP_SYS_ADMIN)",
    ),
    "room_no_ip": Both("o ip (iproute2) não está instalado neste host", "ip (iproute2) is not installed on this host"),
    "room_fails": Both("{reason}", "{reason}"),
    "room_full": Both("não há memória para o que ela escreve", "there is no memory for what it writes"),
    "room_ended": Both("não terminou em {seconds} s", "it did not end within {seconds} s"),
    # What the log and the fence show of an act; these come from the controller's own proofs.
    "log_unread": Both("não foi possível ler o log", "the log could not be read"),
    "log_foreign": Both(
        "o log não é o que os processos deste serviço escrevem",
        "the log is not the one that this service's processes write",
    ),
    "log_not_understood": Both(
        "o log não foi compreendido por inteiro, ele não prova nada",
        "the log was not understood as a whole, it proves nothing",
    ),
    "log_without_traces": Both(
        "o log não tem nenhum trace: nenhuma mensagem chegou, ou a gramática dele não é conhecida",
        "the log has no trace: no message has come, or its grammar is not known",
    ),
    "log_guards_unread": Both(
        "há no log linhas que começam como um guard e não foram compreendidas",
        "the log has lines that begin as a guard does and were not understood",
    ),
    "log_tried": Both("{sent} tentadas, {succeeded} entregues", "{sent} tried, {succeeded} delivered"),
    "log_planned": Both("{planned} planejadas, {sent} enviadas", "{planned} planned, {sent} sent"),
    "log_service": Both(
        "{planned} planejadas, {read} lidas, {sent} enviadas, {success} entregues, {failed} com falha, "
        "{unanswered} paradas no caminho, {invalid} por instância inválida, {incidents} incidentes críticos",
        "{planned} planned, {read} read, {sent} sent, {success} delivered, {failed} failed, "
        "{unanswered} stuck on the way, {invalid} by an invalid instance, {incidents} critical incidents",
    ),
    "fence_stands": Both("usuário {uid} para {addresses} porta {port}", "user {uid} to {addresses} port {port}"),
    "fence_held_container": Both(
        "desde {since}, {attempts} tentativas; contêiner {sources} para {addresses} porta {port}",
        "since {since}, {attempts} attempts; container {sources} to {addresses} port {port}",
    ),
    "fence_held": Both(
        "desde {since}, {attempts} tentativas; usuário {uid} para {addresses} porta {port}",
        "since {since}, {attempts} attempts; user {uid} to {addresses} port {port}",
    ),
    "fence_proxied": Both(
        "o serviço envia por um proxy, que a cerca de rede não detém",
        "the service sends through a proxy, which the network fence does not hold",
    ),
    # What a release says of its flags when it starts, which by itself proves nothing.
    "says_at_start": Both("a versão diz ao iniciar: {said}", "the release says at its start: {said}"),
    "denies_at_start": Both(
        "a versão diz ao iniciar outra coisa: {said}", "the release says something else at its start: {said}"
    ),
    # Why there is no fence.
    "fence_no_nft": Both("o nft não está instalado neste host", "nft is not installed on this host"),
    "fence_no_rights": Both("é preciso ser root neste host", "it takes root on this host"),
    "fence_no_url": Both("runbook_evolution_url não está definida", "runbook_evolution_url is not set"),
    "fence_unresolved": Both("{name} não tem endereço neste host", "{name} has no address on this host"),
    "fence_nobody": Both("o serviço não está em execução", "the service does not run"),
    "fence_container": Both(
        "o assistente roda em um contêiner que daqui não se encontra; o que ele envia não tem usuário neste host",
        "the assistant runs in a container that cannot be found from here; what it sends has no user on this host",
    ),
    "fence_rootless": Both(
        "o contêiner do assistente é de um usuário (rootless): o que ele envia sai junto com tudo o mais desse usuário",
        "the assistant's container is a user's own (rootless): what it sends leaves with all else of that user's",
    ),
    "fence_no_source": Both("o contêiner não tem endereço", "the container has no address"),
    "fence_loopback": Both(
        "de dentro do contêiner {url} é o próprio contêiner: defina runbook_evolution_url com o endereço que ele usa",
        "from inside the container {url} is the container itself: set runbook_evolution_url to the address it uses",
    ),
    "fence_fails": Both("{reason}", "{reason}"),
    # An act beside what was before it.
    "compared_better": Both(
        "melhor: {missed} não respondidas e {success} entregues, {sent} envios de {messages} mensagens; "
        "antes {missed_before} e {success_before}, {sent_before} de {messages_before}",
        "better: {missed} unanswered and {success} delivered, {sent} sends for {messages} messages; "
        "before {missed_before} and {success_before}, {sent_before} for {messages_before}",
    ),
    "compared_same": Both(
        "igual: {missed} não respondidas e {success} entregues, {sent} envios de {messages} mensagens; "
        "antes {missed_before} e {success_before}, {sent_before} de {messages_before}",
        "the same: {missed} unanswered and {success} delivered, {sent} sends for {messages} messages; "
        "before {missed_before} and {success_before}, {sent_before} for {messages_before}",
    ),
    "compared_worse": Both(
        "PIOR: {missed} não respondidas e {success} entregues, {sent} envios de {messages} mensagens; "
        "antes {missed_before} e {success_before}, {sent_before} de {messages_before}",
        "WORSE: {missed} unanswered and {success} delivered, {sent} sends for {messages} messages; "
        "before {missed_before} and {success_before}, {sent_before} for {messages_before}",
    ),
    "compared_nothing": Both("nada foi visto antes, nada a comparar", "nothing was seen before, nothing to compare"),
    # Why a host does not allow a drill's fault.
    "drill_root": Both("o serviço roda como root", "the service runs as root"),
    "drill_no_manager": Both("ninguém iniciaria o processo de novo", "nobody would start the process again"),
    "drill_no_configuration": Both(
        "go_live_drill_configuration não diz que arquivo", "go_live_drill_configuration names no file"
    ),
    "drill_no_file": Both("{path} não existe", "{path} does not exist"),
    "drill_file": Both("{path}: {reason}", "{path}: {reason}"),
    "drill_no_directory": Both("{path} não é uma pasta", "{path} is no directory"),
    "drill_disk_large": Both(
        "{free} MB livres em {path}, enche-se no máximo {most}", "{free} MB free at {path}, at most {most} are filled"
    ),
    # What is wrong with the gateway: in English the module's own sentences.
    "gateway_untrusted": Both(
        "O que responde em {where} não é confiável ({why}): acrescente a autoridade dele às deste host.",
        "What answers at {where} cannot be trusted: {why}; add its authority to this host's own.",
    ),
    "gateway_silent": Both(
        "A Evolution API em {where} não responde: {why}; se ela está no ar, confira runbook_evolution_url.",
        "The Evolution API at {where} gives no answer: {why}; if it is up, check runbook_evolution_url.",
    ),
    "gateway_unlicensed": Both(
        "A Evolution API está sem licença (503 LICENSE_REQUIRED): ative-a.",
        "The Evolution API has no licence (503 LICENSE_REQUIRED): activate it.",
    ),
    "key_missing": Both(
        "Falta a chave da API ({http}): defina runbook_evolution_api_key com a chave global do servidor.",
        "No API key is given ({http}): set runbook_evolution_api_key to the server's global key.",
    ),
    "key_refused": Both(
        "A chave da API é recusada ({http}): defina runbook_evolution_api_key com a chave global do servidor.",
        "The API key is refused ({http}): set runbook_evolution_api_key to the server's global key.",
    ),
    "key_of_others": Both(
        "A chave da API não é a da instância {instance!r} (401) e lista outras: defina a chave global.",
        "The API key is not the one for the instance {instance!r} (401), and lists others: set the global key.",
    ),
    "gateway_busy": Both(
        "A Evolution API não aceita mais perguntas por enquanto ({answer}): consulte de novo mais tarde.",
        "The Evolution API takes no more questions for now ({answer}): look again later.",
    ),
    "gateway_foreign": Both(
        "O que responde não é a Evolution API, ou um proxy ou o caminho está errado: {answer}; "
        "confira runbook_evolution_url.",
        "What answers is not the Evolution API, or a proxy or path is wrong: {answer}; check runbook_evolution_url.",
    ),
    "gateway_no_list": Both(
        "O que deveria listar as instâncias responde {answer}, mas {why}; verifique.",
        "What should list the instances answers {answer}, but {why}; look into it.",
    ),
    "instance_misnamed": Both(
        "A instância {instance!r} não existe; a mais parecida que existe é {near!r}.",
        "The instance {instance!r} does not exist; the nearest that exists is {near!r}.",
    ),
    "instance_missing": Both(
        "A instância {instance!r} não existe; o servidor não tem nenhuma parecida.",
        "The instance {instance!r} does not exist; the server has no similar one.",
    ),
    "instance_missing_of_many": Both(
        "A instância {instance!r} não existe; há instâncias demais para procurar uma parecida.",
        "The instance {instance!r} does not exist; it has too many to look for a similar one.",
    ),
    "instance_flapping": Both(
        "A instância oscila: {samples}; ela reconecta sem parar.",
        "The instance is flapping: {samples}; it is reconnecting again and again.",
    ),
    "instance_connecting": Both(
        "A instância não sai de connecting ({times} de {of} amostras): reinicie-a.",
        "The instance is stuck in connecting ({times} of {of} samples): restart it.",
    ),
    "instance_refused": Both(
        "O WhatsApp recusa a instância ({times} de {of} amostras): é preciso ler um novo QR code.",
        "WhatsApp refuses the instance ({times} of {of} samples): it needs a new QR code.",
    ),
    "instance_not_open": Both(
        "A instância está em {state!r} ({times} de {of} amostras), não em open: verifique.",
        "The instance is {state!r} ({times} of {of} samples), not open: look into it.",
    ),
    "instance_without_state": Both(
        "Falta o estado, como logo após um reinício do servidor: consulte de novo em um minuto.",
        "The state is missing, as right after a server restart: look again in a minute.",
    ),
    "instance_logged_out": Both(
        "A sessão da instância foi encerrada (401 device_removed): é preciso ler um novo QR code.",
        "The instance was logged out (401 device_removed): it needs a new QR code.",
    ),
    "instance_closed": Both(
        "A instância está fechada ({times} de {of} amostras): conecte-a.",
        "The instance is closed ({times} of {of} samples): connect it.",
    ),
    "sources_disagree": Both(
        "As duas fontes discordam: connectionState diz {state}, a lista de instâncias diz {listed}.",
        "The two sources disagree: connectionState says {state}, the list of instances says {listed}.",
    ),
    "webhook_unset": Both(
        "Nenhum webhook está definido: o assistente não fica sabendo de nenhuma mensagem.",
        "No webhook is set: the assistant is told of no message.",
    ),
    "webhook_off": Both(
        "O webhook está desligado: o assistente não fica sabendo de nenhuma mensagem.",
        "The webhook is switched off: the assistant is told of no message.",
    ),
    "webhook_without_messages": Both(
        "Falta {event} nos eventos do webhook: o assistente não fica sabendo de nenhuma mensagem.",
        "The webhook's events lack {event}: the assistant is told of no message.",
    ),
    "webhook_elsewhere": Both(
        "O webhook aponta para {there}, não para {wanted}.", "The webhook points at {there}, not at {wanted}."
    ),
    "probe_unknown": Both(
        "Não se sabe se a mensagem de teste foi aceita: {answer}.",
        "Whether the test message was accepted is not known: {answer}.",
    ),
    "probe_refused": Both("A mensagem de teste foi recusada: {answer}.", "The test message was refused: {answer}."),
}
