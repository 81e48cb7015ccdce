# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules warn of, in their words, which are English ones."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

SENTENCES: tuple[Both, ...] = (
    # The fence.
    Both("a cerca fica: {why}", "the fence is left: {why}"),
    Both(
        "não se sabe se há uma cerca de rede: {why}",
        "whether a network fence stands is not known: {why}",
    ),
    Both(
        "o serviço roda como root, então a cerca barra todo processo do root a caminho de {url}",
        "the service runs as root, so the fence keeps every root process from {url}",
    ),
    Both(
        "o serviço tem {proxy} e envia por esse proxy, que a cerca não segura",
        "the service has {proxy} and sends through that proxy, which the fence does not hold",
    ),
    Both(
        "o que fica na bridge do contêiner não é barrado: este nft não tem tabelas de bridge",
        "what stays on the container's bridge is not turned away: nft has no tables of bridges",
    ),
    Both(
        "a cerca de rede não sobrevive a um reinício do host ({why}: {path})",
        "the network fence will not outlive a restart of the host ({why}: {path})",
    ),
    Both(
        "{unit} não pôde ser iniciado: os endereços do gateway não são consultados de novo",
        "{unit} could not be started: the gateway's addresses are not looked up again",
    ),
    Both(
        "{path} não pôde ser removido ({why}): a cerca volta quando o host reiniciar",
        "{path} could not be removed ({why}): the fence comes back with the host",
    ),
    # What is kept of a run.
    Both(
        "a anotação {phase} deste ato não está no journal ({why}): anote à mão",
        "the {phase} of this act is not in the journal ({why}): note it by hand",
    ),
    Both("{path} não pode ser lido ({why}): foi ignorado", "{path} cannot be read ({why}): it was ignored"),
    Both("está danificado", "it is damaged"),
    Both(
        "não foi possível devolver a reserva do host ({why}): ela termina sozinha",
        "the lease could not be given back ({why}): it ends by itself",
    ),
    Both(
        "não foi possível reservar este host ({why}): cuide que ninguém mais trabalhe nele",
        "the lease of this host could not be taken ({why}): see that nobody else works on it",
    ),
    Both("a reserva do host foi perdida durante este ato: {why}", "the lease was lost during this act: {why}"),
    Both("assumiu a reserva do host de {owner}", "took the lease over from {owner}"),
    Both(
        "como está agora, este ato esperaria ou seria recusado: {why}",
        "as things are now this act would wait or be refused: {why}",
    ),
    # The service.
    Both(
        "{units} rodam ao lado de {unit} e ficam como estão: {advice}",
        "{units} run beside {unit} and are left alone: {advice}",
    ),
    Both(
        "a linha {number} de {path} não é nada que um ambiente possa conter: {unit} inicia sem ela",
        "line {number} of {path} is nothing that an environment can hold: {unit} starts without it",
    ),
    Both(
        "{unit} foi iniciado sem o que tinha de {what}: um início feito daqui pode não dar isso",
        "{unit} was started without what it had of {what}: a start from here may not give it",
    ),
    Both(
        "{unit} rodava com um limite de capabilities que um início feito daqui não consegue dar",
        "{unit} ran with a limit to its capabilities that a start from here cannot give",
    ),
    Both(
        "{path} não pôde ser aberto ({why}): o que {unit} escreve ali se perde",
        "{path} could not be opened ({why}): what {unit} writes there is lost",
    ),
    Both(
        "a saída de {unit} passava por um pipe para {path}; agora vai direto para lá",
        "the output of {unit} went through a pipe to {path}; now it goes there",
    ),
    Both(
        "a saída de {unit} não ia para nenhum arquivo; daqui em diante vai para {path}",
        "the output of {unit} went to no file; it goes to {path} from now on",
    ),
    Both("o arquivo de pid {path} não pôde ser escrito ({why})", "pid file {path} could not be written ({why})"),
    Both("{path} não pôde ser escrito ({why})", "{path} could not be written ({why})"),
    Both(
        "{who}: se o iniciar de novo, será sem o que está declarado em {path}; encerre-o, ou declare os flags lá "
        "também",
        "{who}: where it starts it again, that is without what is declared in {path}; end it, or declare the flags "
        "there too",
    ),
    Both(
        "o processo {pids}, que tinha iniciado {unit}, ainda roda",
        "process {pids}, which had started {unit}, still runs",
    ),
    Both(
        "o processo {pid} é o de {unit}, que o systemd inicia sem o que {path} declara: {advice}",
        "process {pid} is that of {unit}, which systemd starts without what {path} declares: {advice}",
    ),
    Both(
        "declare os flags naquela unit também, ou torne-a uma do host",
        "declare the flags in that unit too, or make it one of the host's",
    ),
    Both("defina runbook_service_manager como systemd", "set runbook_service_manager to systemd"),
    Both(
        "os processos {pids} de {unit} rodam lado a lado, e nenhum iniciou outro: um reinício encerra todos e inicia "
        "um só, como o processo {pid} foi iniciado",
        "processes {pids} of {unit} run beside each other, and none has started another: a restart ends them all and "
        "starts one, as process {pid} was started",
    ),
    # The release.
    Both("do conteúdo de {path} só há um ponteiro", "only a pointer to the content of {path} is there"),
    Both("{path} foi editado aqui e escondido do git: {what}", "{path} was edited here and hidden from git: {what}"),
    Both("a versão traz outro, a edição é guardada", "the release has another one, the edit is kept"),
    Both("fica", "it stays"),
    Both(
        "mudanças locais são guardadas, e os arquivos da versão tomam o lugar: {paths}",
        "local changes are kept, and the release's files take their place: {paths}",
    ),
    Both("arquivos fora do git ficam onde estão: {paths}", "untracked files stay where they are: {paths}"),
    Both(
        "arquivos fora do git são guardados, e os da versão tomam o lugar: {paths}",
        "untracked files are kept, and the release's take their place: {paths}",
    ),
    Both(
        "arquivos fora do git são guardados, e a versão tem um arquivo no lugar do diretório deles: {paths}",
        "untracked files are kept, and the release has a file in the place of their directory: {paths}",
    ),
    Both(
        "arquivos abaixo de um link deste host ficam de fora: {paths}",
        "files below a link of this host are left out: {paths}",
    ),
    Both(
        "arquivos de outra pessoa passam a ser de {user}: {paths}",
        "files of somebody else will belong to {user}: {paths}",
    ),
    Both(
        "há mudanças do banco de dados entre as duas versões, e o código mais antigo pode não servir aos dados mais "
        "novos: {paths}",
        "changes of the database lie between the two releases, and the older code may not fit the newer data: {paths}",
    ),
    Both(
        "arquivos escritos nesse meio-tempo ficam como estão: {paths}",
        "files that were written to meanwhile stay as they are: {paths}",
    ),
    Both("{paths} e mais {count}", "{paths} and {count} more"),
    Both(
        "nada mostra que o processo {pid} tem os pacotes de {path}: veja com o que ele é iniciado, e corrija "
        "runbook_venv_dir",
        "nothing shows that process {pid} has its packages from {path}: see what it is started with, and correct "
        "runbook_venv_dir",
    ),
    Both(
        "a execução {run} {how} a caminho de {commit}; esta continua do que havia antes dela",
        "run {run} {how} on its way to {commit}; this one goes on from what was before it",
    ),
    Both("foi interrompida", "was killed"),
    Both("não conseguiu voltar", "could not go back"),
    Both(
        "o branch {branch} não está mais em {commit}, então o HEAD fica solto ali",
        "branch {branch} no longer stands at {commit}, so HEAD is detached there",
    ),
    Both(
        "o commit {commit} pediu ao gateway {count} envios para uma só mensagem",
        "commit {commit} asked the gateway {count} times for one message",
    ),
    Both(
        "o commit {commit} foi testado à parte, e {why}; isso não prova nada, pois o que ele precisa ao lado não se "
        "alcança dali",
        "commit {commit} was tried apart, and {why}; that proves nothing, for what it needs beside itself is not to be "
        "reached there",
    ),
    # Who is told.
    Both(
        "{path} não pôde ser lido ({why}); foi guardado como {aside}, e o incidente recomeça",
        "{path} could not be read ({why}); it was kept as {aside}, and the incident begins anew",
    ),
    Both(
        "{path} não pode ser escrito ({why}): quem foi avisado do quê não fica guardado, então a próxima execução pode "
        "avisar de novo, e nenhuma vem sozinha",
        "{path} cannot be written ({why}): who was told of what is not kept, so the next run may tell it again, and "
        "none comes by itself",
    ),
    Both(
        "o incidente {incident} continua aberto: em {hosts} algo foi feito e desde então nenhuma recuperação foi "
        "provada; rode validate_recovery lá, ou notify com -e notify_event=close",
        "the incident {incident} stays open: on {hosts} something was done and no recovery was proven since; run "
        "validate_recovery there, or notify with -e notify_event=close",
    ),
    Both(
        "{path} não pode ser escrito ({why}): falta à tendência o incidente {incident}",
        "{path} cannot be written ({why}): the trend lacks the incident {incident}",
    ),
    Both("runbook_programs: não avisado, {why}", "runbook_programs: not told, {why}"),
)
