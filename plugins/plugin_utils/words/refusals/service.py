# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of an act on the service, in the words of modules, which are English ones."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

SENTENCES: tuple[Both, ...] = (
    # What stands in the way, in parts of a sentence.
    Both("rode com become: true", "run with become: true"),
    Both("rode como o usuário dele ou com become: true", "run as its user or with become: true"),
    Both("falta CAP_SYS_PTRACE aqui", "CAP_SYS_PTRACE is missing here"),
    # Units of systemd.
    Both(
        "{unit} não é um nome de unit válido: corrija runbook_service_name",
        "{unit} is no valid unit name: correct runbook_service_name",
    ),
    Both(
        "env_file {path} tem um caractere que num arquivo de unit tem outro sentido: escolha outro caminho",
        "env_file {path} holds a character that a unit file gives a meaning: choose another path",
    ),
    Both("o systemctl não consegue ler a unit {unit}: {why}", "systemctl cannot read unit {unit}: {why}"),
    Both(
        "o systemd não roda neste host: defina runbook_service_manager como process",
        "systemd does not run on this host: set runbook_service_manager to process",
    ),
    Both(
        "a unit {unit} não existe neste host{near}: corrija runbook_service_name",
        "unit {unit} does not exist on this host{near}: correct runbook_service_name",
    ),
    Both(
        "o arquivo da unit {unit}, que está rodando, sumiu: reponha-o antes",
        "the file of unit {unit}, which runs, is gone: put it back first",
    ),
    Both(" (parecidas: {units})", " (near matches: {units})"),
    Both(
        "a unit {unit} está mascarada: rode antes systemctl unmask {again}",
        "unit {unit} is masked: run systemctl unmask {again} first",
    ),
    Both(
        "a unit {unit} não pode ser carregada ({state}): veja systemctl status {again}",
        "unit {unit} cannot be loaded ({state}): see systemctl status {again}",
    ),
    Both("{unit} não é um serviço: corrija runbook_service_name", "{unit} is no service: correct runbook_service_name"),
    Both(
        "mudar a unit {unit} exige root: rode com become: true",
        "changing unit {unit} needs root: run with become: true",
    ),
    Both(
        "UnsetEnvironment= de {unit} tira {flags} de tudo o que ela inicia: retire isso de lá",
        "UnsetEnvironment= of {unit} takes {flags} from whatever it starts: take it out there",
    ),
    Both(
        "um drop-in de {unit} que é lido depois de {path} zera EnvironmentFile=: retire isso de lá",
        "a drop-in of {unit} that is read after {path} resets EnvironmentFile=: take that out there",
    ),
    Both(
        "{path}, que {unit} lê ao iniciar, não está lá: reponha-o antes",
        "{path}, which {unit} reads at its start, is not there: put it back first",
    ),
    Both(
        "o comando de {unit} define {flag} por conta própria: retire isso de ExecStart=",
        "the command of {unit} sets {flag} itself: take it out of ExecStart=",
    ),
    Both(
        "o systemd não iniciaria {unit}, {condition} não é atendida: corrija isso antes",
        "systemd would not start {unit}, {condition} is not met: mend that first",
    ),
    Both("{unit} é um modelo de unit{instances}", "{unit} is a template{instances}"),
    Both("; em execução: {units}: {advice}", "; running are {units}: {advice}"),
    Both(", sem nenhuma instância em execução: informe uma", ", of which no instance runs: name one"),
    Both(
        "dê a cada uma um nome próprio no inventário, com seu runbook_service_name e runbook_env_file",
        "give each a name of its own in the inventory, with its runbook_service_name and runbook_env_file",
    ),
    Both(
        "o ambiente dos processos de {unit} não pode ser lido: {need}",
        "the environment of {unit}'s processes may not be read: {need}",
    ),
    Both("systemctl daemon-reload falhou: {why}", "systemctl daemon-reload failed: {why}"),
    Both(
        "não dá para mudar o comando de início de {unit}: a unit não tem um único comando para isso",
        "what {unit} is started as cannot be changed: its unit has no single command for it",
    ),
    Both("systemctl restart {unit} falhou: {why}", "systemctl restart {unit} failed: {why}"),
    Both("a unit {unit} está {state} ({sub}){result}", "unit {unit} is {state} ({sub}){result}"),
    Both(", resultado {result}", ", result {result}"),
    # Plain processes.
    Both(
        "runbook_process_user não está definido, e como root nada mais diz de quem são os processos do serviço: "
        "informe o usuário próprio do serviço (nunca root), ou rode como ele, sem become",
        "runbook_process_user is not set, and as root nothing else tells whose processes are the service's: name "
        "the service's own user (never root), or run as that user without become",
    ),
    Both(
        "o usuário {user} não existe no host: corrija runbook_process_user",
        "user {user} is not known on the host: correct runbook_process_user",
    ),
    Both(
        "runbook_process_user é root; nenhum processo do serviço é do root: informe o usuário próprio do serviço",
        "runbook_process_user is root; no service's process is root's: name the service's own user",
    ),
    Both(
        "runbook_process_user é {user} e isto roda como {other}: rode como o usuário dele ou com become: true",
        "runbook_process_user is {user} and this runs as {other}: run as its user or with become: true",
    ),
    Both(
        "sem systemd o serviço é encontrado pela porta ou pelo arquivo de pid: defina runbook_service_port",
        "the process manager finds the service by its port or pid file: set runbook_service_port",
    ),
    Both("a porta {port} não está entre 1 e 65535: corrija", "port {port} is not between 1 and 65535: correct it"),
    Both(
        "o nome {name} em runbook_health_url não se resolve neste host, e não se sabe se leva ao que escuta na "
        "porta {port}: use o endereço",
        "the name {name} in runbook_health_url does not resolve on this host, so that whether it leads to what "
        "listens on port {port} cannot be told: put the address there",
    ),
    Both(
        "a porta {port} é de um processo de outro usuário: rode como o usuário dele ou com become: true",
        "port {port} is held by another user's process: run as its user or with become: true",
    ),
    Both(
        "a porta {port} é do processo {pid} ({program}) de {users}, que {why}: corrija o que identifica o "
        "serviço, ou pare esse processo",
        "port {port} is held by process {pid} ({program}) of {users}, which {why}: correct what names the "
        "service, or stop that process",
    ),
    Both("um usuário desconhecido", "a user who is not known"),
    Both(
        "não foi iniciado por runbook_process_command ({command})",
        "was not started by runbook_process_command ({command})",
    ),
    Both("não é de {user} (runbook_process_user)", "is not {user}'s (runbook_process_user)"),
    Both(
        "o processo {pid} de {service} é de outro usuário: rode como o usuário dele ou com become: true",
        "process {pid} of {service} belongs to another user: run as its user or with become: true",
    ),
    Both(
        "{where} leva ao processo {pid}, {engine}: {service} roda num contêiner, e daqui ele não é reiniciado "
        "lá. Pare as mensagens pelo próprio contêiner, p. ex. docker compose stop ou podman stop, ou tire a "
        "instância do ar no gateway: evolution_instance.yml -e stop=true",
        "{where} leads to process {pid}, {engine}: {service} runs in a container, and restarting it there is not "
        "done from here. Stop its messages by its engine, e.g. docker compose stop or podman stop, or take its "
        "instance offline at the gateway: evolution_instance.yml -e stop=true",
    ),
    Both("que está dentro de um contêiner", "which is inside a container"),
    Both(
        "{where} leva ao processo {pid}, sob o qual esta própria sessão roda: corrija",
        "{where} leads to process {pid}, which this session itself runs under: correct it",
    ),
    Both(
        "{processes} escutam na porta {port}, e não se sabe qual deles é {service}: ponha o endereço em "
        "runbook_health_url, ou defina runbook_process_command",
        "{processes} listen on port {port}, and which of them is {service} cannot be told: put the address into "
        "runbook_health_url, or set runbook_process_command",
    ),
    Both(
        "{service} não está rodando (nada se encontra por {where}) e não se sabe como iniciá-lo: inicie-o uma "
        "vez, ou defina runbook_process_command e runbook_process_chdir",
        "{service} does not run (nothing is found by {where}) and how to start it is not known: start it once, "
        "or set command and chdir",
    ),
    Both(
        "só restam workers de {service}, que não iniciam sozinhos: defina runbook_process_command",
        "only workers of {service} are left, which cannot be started by themselves: set command",
    ),
    Both(
        "o diretório de trabalho {directory} de {service} não existe: defina runbook_process_chdir",
        "the working directory {directory} of {service} does not exist: set chdir",
    ),
    Both(
        "o usuário de {service} não pode entrar no diretório de trabalho {directory} ({why}): defina "
        "runbook_process_chdir",
        "the working directory {directory} of {service} cannot be entered by its user ({why}): set chdir",
    ),
    Both(
        "o comando de {service}, {command}, não foi encontrado: defina runbook_process_command",
        "the command of {service}, {command}, cannot be found: set command",
    ),
    Both(
        "o comando de {service} precisa de {path}, que não existe: defina runbook_process_command",
        "the command of {service} needs {path}, which does not exist: set runbook_process_command",
    ),
    Both(
        "o comando de {service} precisa de {path}, que não está no diretório de trabalho {directory}: defina "
        "runbook_process_chdir como o diretório em que ele é iniciado",
        "the command of {service} needs {path}, which is not in its working directory {directory}: set "
        "runbook_process_chdir to the directory in which it is started",
    ),
    Both(
        "o log {path} de {service} não pode ser escrito: defina runbook_process_log_file",
        "the log {path} of {service} cannot be written: set log_file",
    ),
    Both(
        "{path} não pode ser escrito: defina runbook_state_dir como um diretório seu",
        "{path} cannot be written: set runbook_state_dir to a directory of yours",
    ),
    Both(
        "{service} roda no diretório raiz {directory}, e um início daqui ficaria fora dele: defina "
        "runbook_process_command com o que o inicia lá",
        "{service} runs in the root directory {directory}, and a start from here would be outside of it: set "
        "runbook_process_command to what starts it there",
    ),
    Both(
        "{service} roda com {privileges}, que um início daqui não pode dar: {or_root}defina "
        "runbook_process_command com o que os dá",
        "{service} runs with {privileges}, which a start from here cannot give: {or_root}set "
        "runbook_process_command to what gives it",
    ),
    Both("rode com become: true, ou ", "run with become: true, or "),
    Both(
        "o processo {pid} de {service} acabou de terminar: rode de novo",
        "process {pid} of {service} has just ended: run again",
    ),
    Both(
        "o processo {pid} de {service} escreveu por cima do próprio ambiente e não pode ser reiniciado com o que "
        "sobrou: defina runbook_process_command, e o que ele precisa em {path}",
        "process {pid} of {service} has written over its environment and cannot be started again from what is "
        "left: set runbook_process_command, and what it needs in {path}",
    ),
    Both(
        "{path} não pode ser lido ({why}), por isso não foi reiniciado",
        "{path} cannot be read ({why}), so it was not restarted",
    ),
    Both(
        "nenhum processo aceita um valor tão longo como o de {flag} em {path}, por isso não foi reiniciado",
        "no process can be given a value as long as that of {flag} in {path}, so it was not restarted",
    ),
    Both(
        "o processo {pid} tomou {where} quando {service} foi parado: outra coisa o inicia; pare-a, ou administre "
        "o serviço por ela",
        "process {pid} took {where} when {service} was stopped: something else starts it; stop that, or manage "
        "the service there",
    ),
    Both("{command} não pode ser iniciado: {why}", "{command} cannot be started: {why}"),
    Both("{service} não voltou ({state})", "{service} did not come back ({state})"),
    Both("{service} não voltou em {seconds} s ({state})", "{service} did not come back within {seconds} s ({state})"),
    Both(
        "{service} não voltou, ninguém escuta em {url} ({state})",
        "{service} did not come back, nobody listens at {url} ({state})",
    ),
    Both("{service} não ficou no ar ({state})", "{service} did not stay up ({state})"),
    Both(
        "o processo {pid} de {service} iniciou sem o declarado em {flags}: outra coisa o define",
        "process {pid} of {service} was started without the declared {flags}, something else sets it",
    ),
    Both(
        "o processo terminou ao iniciar, com {how} {code}{more}", "its process ended at start with {how} {code}{more}"
    ),
    Both("código de saída", "exit code"),
    Both("o sinal", "signal"),
    Both("o processo {pid} ainda não terminou{more}", "process {pid} has not ended yet{more}"),
    Both("nenhum processo se encontra por {where}{more}", "no process is found by {where}{more}"),
    # Flags.
    Both(
        "{message} A cerca de rede está de pé: nenhuma mensagem sai.",
        "{message} The network fence stands: no message leaves.",
    ),
    Both(
        "nenhuma flag informada: defina flags, p. ex. DELIVERY_DISABLE: true",
        "no flag is given: set flags, e.g. DELIVERY_DISABLE: true",
    ),
    Both(
        "{flags} não podem ser definidas e mantidas ao mesmo tempo: tire de flags ou de keep",
        "{flags} cannot both be set and be kept: take it out of flags or of keep",
    ),
    Both(
        "budget tem que ficar entre 1 e 600 segundos, não {seconds}",
        "budget must be between 1 and 600 seconds, not {seconds}",
    ),
    Both(
        "stop_timeout tem que ser no mínimo 0 e menor que o budget ({budget} s), não {seconds}",
        "stop_timeout must be at least 0 and below the budget ({budget} s), not {seconds}",
    ),
    Both(
        "health_wait tem que ficar entre 0 e o budget ({budget} s), não {seconds}",
        "health_wait must be between 0 and the budget ({budget} s), not {seconds}",
    ),
    Both(
        "health_timeout tem que ser maior que 0 e no máximo 60 segundos, não {seconds}",
        "health_timeout must be above 0 and at most 60 seconds, not {seconds}",
    ),
    Both(
        "a linha {line} de {path} não é texto em UTF-8, e o systemd não lê nada do arquivo: corrija",
        "line {line} of {path} is no text in UTF-8, so that systemd reads nothing of it: correct it",
    ),
    Both("não dá para acrescentar a {path}, {why}", "{path} cannot be added to, {why}"),
    Both(
        "{path} não pode ser escrito: rode com become: true, ou veja se o sistema de arquivos é só de leitura",
        "{path} cannot be written: run with become: true, or see whether its file system is read-only",
    ),
    Both(
        "{path} não pode ser escrito ({why}), nada foi mudado: {advice} e rode de novo, ou pare as mensagens "
        "pela cerca de rede",
        "{path} cannot be written ({why}), nothing was changed: {advice} and run again, or stop the messages by "
        "the network fence",
    ),
    Both("libere espaço lá", "free space there"),
    Both("{name} tem que ser um caminho absoluto, não {path}", "{name} must be an absolute path, not {path}"),
    Both(
        "{url} responde {answer}, não a saúde do assistente: corrija runbook_health_url",
        "{url} answers {answer}, not the assistant's health: correct runbook_health_url",
    ),
    Both(
        "nada responde em {url}; o serviço escuta em {ports}: corrija runbook_health_url, ou deixe-o vazio para "
        "comprovar sem a saúde",
        "nothing answers at {url}; the service listens on {ports}: correct runbook_health_url, or set it empty "
        "to prove without health",
    ),
    Both(
        "a URL de saúde {url} não é válida ({why}): corrija runbook_health_url",
        "health URL {url} is not valid ({why}): correct runbook_health_url",
    ),
    # Fence, lease and journal.
    Both(
        "a URL {url} não é válida ({why}): corrija runbook_evolution_url",
        "url {url} is not valid ({why}): correct runbook_evolution_url",
    ),
    Both("o usuário {user} não existe neste host: corrija", "user {user} does not exist on this host: correct it"),
    Both(
        "o journal em {directory} não pode ser escrito ({why}): rode com become: true, ou defina runbook_state_dir",
        "the journal in {directory} cannot be written ({why}): run with become: true, or set runbook_state_dir",
    ),
    Both(
        "{path} não pode ser escrito ({why}): rode com become: true, ou defina runbook_state_dir",
        "{path} cannot be written ({why}): run with become: true, or set runbook_state_dir",
    ),
    Both(
        "{path} está rompido na linha {line} ({why}): guarde uma cópia e descubra quem escreveu ali",
        "{path} is broken at line {line} ({why}): keep a copy and find out who wrote there",
    ),
    Both(
        "a entrada foi mudada: o hash não corresponde ao conteúdo",
        "the entry was changed: its hash does not fit its content",
    ),
    Both(
        "falta uma entrada antes: seq {seq} vem depois de {last}",
        "an entry is missing before it: seq {seq} follows {last}",
    ),
    Both("a entrada {seq} sumiu, a última é {last}", "entry {seq} is gone, the last one is {last}"),
    Both("a entrada {seq} é outra", "entry {seq} is another one"),
    Both("não é um arquivo comum", "it is not a regular file"),
    Both("tem também outros nomes", "it has other names too"),
    Both("tem mais de {number} bytes", "it is larger than {number} bytes"),
    Both(
        "a reserva em {directory} não pode ser escrita ({why}): rode com become: true, ou defina runbook_state_dir",
        "the lease in {directory} cannot be written ({why}): run with become: true, or set runbook_state_dir",
    ),
    Both(
        "uma reserva precisa da execução que a detém: defina run_id", "a lease needs the run that holds it: set run_id"
    ),
    Both(
        "uma reserva dura entre 1 e {most} segundos, não {seconds}",
        "a lease lasts between 1 and {most} seconds, not {seconds}",
    ),
    Both(
        "a espera por uma reserva fica entre 0 e {most} segundos, não {seconds}",
        "the wait for a lease is between 0 and {most} seconds, not {seconds}",
    ),
    Both(
        "este host está com {run} até {time}, por mais {seconds} s: espere, {higher}ou encerre a reserva de uma "
        "execução morta com target_lease state=released run_id={id}",
        "this host is held by {run} until {time}, for another {seconds} s: wait, {higher}or end a dead run's "
        "lease with target_lease state=released run_id={id}",
    ),
    Both("rode um nível mais alto, ", "run a higher level, "),
    Both("o processo ainda não escuta na porta {port}{more}", "its process does not listen on port {port} yet{more}"),
    Both("o processo está rodando{more}", "its process runs{more}"),
    Both("veja o diretório", "see its directory"),
    Both(
        "{path} não pode ser usado ({why}): rode com become: true",
        "{path} cannot be used ({why}): run with become: true",
    ),
    Both(
        "{path} não pode ser lido ({why}): rode com become: true",
        "{path} cannot be read ({why}): run with become: true",
    ),
    Both("o nft recusou a cerca de rede ({why}). {next}", "nft refused the network fence ({why}). {next}"),
    Both(
        "o nft aceitou a cerca de rede, mas ela não se lê de volta como {state}. {next}",
        "nft took the network fence, but it does not read back as {state}. {next}",
    ),
)

SYSTEM: tuple[Both, ...] = (
    Both("permissão negada", "Permission denied"),
    Both("operação não permitida", "Operation not permitted"),
    Both("não existe", "No such file or directory"),
    Both("é um diretório", "Is a directory"),
    Both("não é um diretório", "Not a directory"),
    Both("não há espaço no disco", "No space left on device"),
    Both("cota de disco esgotada", "Disk quota exceeded"),
    Both("o sistema de arquivos é só de leitura", "Read-only file system"),
    Both("erro de entrada e saída", "Input/output error"),
    Both("links demais em sequência", "Too many levels of symbolic links"),
)
