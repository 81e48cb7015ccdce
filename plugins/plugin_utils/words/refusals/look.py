# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of looking, of sending and of keeping, in the words of modules, which are English ones."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

SENTENCES: tuple[Both, ...] = (
    # Logs.
    Both(
        "nenhum log informado; defina runbook_log_paths, ou source: journal com unit",
        "no log is named; set paths (runbook_log_paths), or source: journal with unit",
    ),
    Both(
        "nenhum arquivo corresponde a {pattern}; corrija runbook_log_paths",
        "no file matches {pattern}; correct runbook_log_paths",
    ),
    Both(
        "o log {path} não existe; corrija runbook_log_paths", "the log {path} does not exist; correct runbook_log_paths"
    ),
    Both(
        "{number} arquivos e mais correspondem a {pattern}: este host não deixa um programa abrir tantos; informe "
        "menos em runbook_log_paths",
        "{number} files and more match {pattern}: this host lets no program open so many; name fewer in "
        "runbook_log_paths",
    ),
    Both(
        "o log {path} não é um arquivo comum; corrija runbook_log_paths",
        "the log {path} is not a regular file; correct runbook_log_paths",
    ),
    Both("o log {path} não pode ser lido: {why}", "cannot read the log {path}: {why}"),
    Both("os logs {paths} não podem ser lidos: {why}", "cannot read the logs {paths}: {why}"),
    Both("o log não pode ser lido: {why}", "cannot read the log: {why}"),
    Both(
        "permissão negada; rode com become: true, ou deixe o usuário de login lê-lo",
        "permission denied; run with become: true, or let the login user read it",
    ),
    Both(
        "nenhuma linha de {paths} diz quando foi escrita; não dá para reproduzir",
        "no line of {paths} says when it was written; it cannot be replayed",
    ),
    Both(
        "nenhum arquivo de {paths} fica parado; ele muda de nome antes que se consiga ler",
        "no file of {paths} stays; it is renamed faster than it can be read",
    ),
    Both(
        "{paths} só tem logs comprimidos; acrescente aquele em que se escreve",
        "{paths} names compressed logs only; add the one that is written to",
    ),
    Both(
        "este usuário não pode ler o journal de {unit}; rode com become: true, ou ponha o usuário no grupo "
        "systemd-journal",
        "this user may not read the journal of {unit}; run with become: true, or add the user to the group "
        "systemd-journal",
    ),
    Both("o journal de {unit} não pode ser lido: {why}", "cannot read the journal of {unit}: {why}"),
    Both("{program} não roda: {why}; use source: file", "cannot run {program}: {why}; use source: file"),
    Both("{name} é {number}; não pode ser negativo", "{name} is {number}; it must not be negative"),
    Both("{name} é {number}; tem que ser maior que 0", "{name} is {number}; it must be more than 0"),
    Both("o journal", "the journal"),
    Both("um pipe que ninguém lê", "a pipe nobody reads"),
    # What answers over HTTP.
    Both("conexão recusada", "connection refused"),
    Both("sem resposta em {seconds} s", "no answer within {seconds} s"),
    Both("sem resposta ({why})", "no answer ({why})"),
    Both("HTTP {status} com HTML", "HTTP {status} with HTML"),
    Both(
        "um redirecionamento (HTTP {status}), que não é seguido", "a redirection (HTTP {status}), which is not followed"
    ),
    Both("o certificado não é confiável aqui", "its certificate is not trusted here"),
    Both("só um corpo vazio", "nothing but an empty body"),
    Both("algo que não é um objeto JSON", "something that is not a JSON object"),
    Both("uma resposta que um cache guardou por {seconds} s", "an answer that a cache has kept for {seconds} s"),
    # The Evolution API.
    Both("o número não tem WhatsApp", "the number is not on WhatsApp"),
    Both("a URL não pode ser usada: {why}", "url cannot be used: {why}"),
    Both("não começa com http:// nem https://", "it does not start with http:// or https://"),
    Both("não informa nenhum host", "it names no host"),
    Both("a porta não está entre 1 e 65535", "its port is not between 1 and 65535"),
    Both("o host ou a porta não podem ser lidos", "its host or port cannot be read"),
    Both("a instância está vazia: informe a instância do WhatsApp", "instance is empty: name the WhatsApp instance"),
    Both(
        "a chave da API não pode ser enviada: {why}; defina runbook_evolution_api_key",
        "api_key cannot be sent: {why}; set runbook_evolution_api_key",
    ),
    Both("um nome está malformado", "a name is malformed"),
    Both(
        "um valor tem quebra de linha, ou um caractere que nenhum cabeçalho aceita",
        "a value has a line break, or a character that no header can have",
    ),
    Both("samples é {number}; tem que ser 1 ou mais", "samples is {number}; it must be 1 or more"),
    Both("nada foi feito: {why}", "nothing was done: {why}"),
    Both(
        "nada foi feito: nem GET / nem a lista de instâncias diz a versão; tente de novo",
        "nothing was done: neither GET / nor the list of instances tells the version; try again",
    ),
    Both("a Evolution API não responde ({why})", "the Evolution API gives no answer ({why})"),
    Both(
        "a Evolution API não tem licença ou não está pronta (503)",
        "the Evolution API has no licence or is not ready (503)",
    ),
    Both(
        "a Evolution API não aceita mais perguntas por ora ({why})",
        "the Evolution API takes no more questions for now ({why})",
    ),
    Both(
        "a chave da API foi recusada (401); defina runbook_evolution_api_key como a chave global do servidor",
        "the API key is refused (401); set runbook_evolution_api_key to the server's global key",
    ),
    Both(
        "o que responde não é a Evolution API ({why}); verifique runbook_evolution_url",
        "what answers is not the Evolution API ({why}); check runbook_evolution_url",
    ),
    Both(
        "{message} (HTTP {status}); veja em evolution_instance_info o nome mais parecido",
        "{message} (HTTP {status}); see evolution_instance_info for the nearest name",
    ),
    Both("{verb} {path} falhou: {why}; {advice}", "{verb} {path} failed: {why}; {advice}"),
    Both(
        "a instância está {state} {seconds} s {after}; {advice}",
        "the instance is {state} {seconds} s {after}; {advice}",
    ),
    Both("{state}, mas não de modo estável", "{state}, but not steadily"),
    Both("depois de {call}", "after {call}"),
    Both(
        "mensagens ainda podem sair: pare o serviço, ou a própria Evolution API",
        "messages may still go out: stop the service, or the Evolution API itself",
    ),
    Both(
        "uma instância desconectada espera o QR code: leia-o com o telefone, no painel da Evolution API, e rode "
        "isto de novo",
        "an instance that was logged out waits for its QR code: read it with the phone, in the manager of the "
        "Evolution API, and run this again",
    ),
    Both(
        "uma instância desconectada precisa de um novo QR code, no painel da Evolution API",
        "an instance that was logged out needs a new QR code, in the manager of the Evolution API",
    ),
    Both("veja de novo em um minuto; se continuar, reinicie-a", "look again in a minute; if it stays, restart it"),
    Both(
        "a instância está {state}, mas o gateway não tem mais o webhook que tinha ({url}): defina-o de novo no "
        "painel da Evolution API",
        "the instance is {state}, but the gateway has no longer the webhook that it had ({url}): set it again in "
        "the manager of the Evolution API",
    ),
    # The smoke test.
    Both(
        "a URL do webhook {url} não é válida ({why}): corrija runbook_webhook_url",
        "webhook URL {url} is not valid ({why}): correct runbook_webhook_url",
    ),
    Both(
        "smoke_test_phone não é um telefone: informe de 10 a 15 dígitos, começando pelo código do país",
        "smoke_test_phone is no phone number: give 10 to 15 digits, the country's code first",
    ),
    Both(
        "{name} não é nome de instância: corrija runbook_evolution_instance",
        "{name} is no name of an instance: correct runbook_evolution_instance",
    ),
    Both(
        "o texto da mensagem está vazio: defina smoke_test_text",
        "the text of the message is empty: set smoke_test_text",
    ),
    Both(
        "a espera tem que ficar entre 1 e {most} segundos, não {seconds}",
        "wait must be between 1 and {most} seconds, not {seconds}",
    ),
    Both(
        "quiet tem que ser maior que 0 e no máximo a espera ({most} s), não {seconds}",
        "quiet must be above 0 and at most wait ({most} s), not {seconds}",
    ),
    Both(
        "um cabeçalho do webhook está malformado: corrija smoke_test_webhook_headers",
        "a header of the webhook is malformed: correct smoke_test_webhook_headers",
    ),
    Both(
        "nada escuta em {url}: inicie o serviço, ou {advice}",
        "nothing listens at {url}: start the service, or {advice}",
    ),
    Both("corrija runbook_webhook_url", "correct runbook_webhook_url"),
    Both(
        "{url} responde HTML, não é o webhook do assistente: {advice}",
        "{url} answers HTML, it is not the assistant's webhook: {advice}",
    ),
    Both(
        "{url} responde HTTP {status}, não há webhook ali: {advice}",
        "{url} answers HTTP {status}, there is no webhook: {advice}",
    ),
    Both(
        "{url} redireciona (HTTP {status}): defina runbook_webhook_url para onde está o webhook",
        "{url} redirects (HTTP {status}): set runbook_webhook_url to where the webhook is",
    ),
    Both(
        "{url} responde HTTP {status}: informe o que ele exige em smoke_test_webhook_headers",
        "{url} answers HTTP {status}: give what it wants to see in smoke_test_webhook_headers",
    ),
    Both(
        "a mensagem foi enviada e não dá mais para acompanhá-la: {why}",
        "the message was sent and cannot be followed any more: {why}",
    ),
    # The calendar of who is on call.
    Both(
        "este controlador não conhece o fuso {zone}: veja se tzdata está instalado",
        "this controller knows no time zone {zone}: see that tzdata is installed",
    ),
    Both(
        "o endereço do calendário responde com o que não é calendário: {why}",
        "the calendar's address answers with what is no calendar: {why}",
    ),
    Both("o calendário não pôde ser buscado: {why}", "the calendar could not be fetched: {why}"),
    Both("o arquivo do calendário tem mais de {most} MiB", "the calendar's file has more than {most} MiB"),
    Both(
        "não é um calendário: não começa com BEGIN:VCALENDAR",
        "it is no calendar: it does not begin with BEGIN:VCALENDAR",
    ),
    Both("o calendário tem uma entrada sem início", "the calendar has an entry without a begin"),
    Both(
        "o calendário tem uma entrada que termina antes de começar",
        "the calendar has an entry that ends before it begins",
    ),
    Both("o calendário não pôde ser lido em {seconds} s", "the calendar could not be read within {seconds} s"),
    Both("o arquivo do calendário não pode ser lido ({why})", "the calendar's file cannot be read ({why})"),
    Both(
        "falta a biblioteca {library} no controlador: pip install {package}",
        "the controller lacks the library {library}: pip install {package} there",
    ),
    Both(
        "o calendário tem uma entrada que não pode ser lida ({why})",
        "the calendar has an entry that cannot be read ({why})",
    ),
    Both(
        "o calendário tem um fuso que ninguém conhece: {zone}", "the calendar has a time zone that nobody knows: {zone}"
    ),
    # Evidence, the desk and drills.
    Both(
        "run_id é {id}; só pode ter letras, dígitos, pontos e hifens",
        "run_id is {id}; it may have letters, digits, dots, dashes",
    ),
    Both("app_dir não está definido", "app_dir is not set"),
    Both("o serviço não é uma unit do systemd", "the service is no systemd unit"),
    Both("{name} é {number}; tem que ser maior que 0", "{name} is {number}; it must be above 0"),
    Both("{name} é {number}; tem que ser no mínimo 1", "{name} is {number}; it must be at least 1"),
    Both(
        "{path} não pode ser escrito ({why}): nada foi guardado; rode com become: true",
        "{path} cannot be written ({why}): nothing was kept; run with become: true",
    ),
    Both("paths está vazio", "paths is empty"),
    Both("{path} não é um caminho absoluto", "{path} is not an absolute path"),
    Both(
        "add tem {field}, que todo registro recebe do módulo",
        "add holds {field}, which every record gets from the module",
    ),
    Both("{path} está com outra execução: rode de novo", "{path} is held by another run: run again"),
    Both(
        "{path} não pode ser usado ({why}): corrija runbook_desk_dir",
        "{path} cannot be used ({why}): correct runbook_desk_dir",
    ),
    Both(
        "notify_by está vazio: informe quem assume, p. ex. -e notify_by=ana",
        "notify_by is empty: name who acknowledges, e.g. -e notify_by=ana",
    ),
    Both(
        "{path} não pode ser escrito ({why}): defina runbook_desk_dir",
        "{path} cannot be written ({why}): set runbook_desk_dir",
    ),
    Both(
        "outra execução está enviando as mensagens dela; a notícia desta foi anotada, e a próxima execução a conta",
        "another run is sending its messages; this one's news is noted, and the next run tells it",
    ),
    Both(
        "{path} não existe: só se injeta falha num host de staging",
        "{path} does not exist: a fault is injected on a host of staging only",
    ),
    Both("{what} não pôde ser retirado", "{what} could not be taken away"),
    Both("{path}: {why}; retire-o à mão", "{path}: {why}; take it away by hand"),
    Both("{service} não foi iniciado de novo: {why}", "{service} was not started again: {why}"),
)
