# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the description of AWX's objects, and what applying it came to."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "nothing": Both(
        "controller_templates está vazio: indique em awx_data_dir um diretório com a descrição",
        "controller_templates is empty: name a directory with the description by awx_data_dir",
    ),
    "no_image": Both(
        "{where}: falta a imagem: construa uma com o execution-environment.yml da coleção (ansible-core 2.18 ou mais "
        "novo) e indique-a em awx_ee_image",
        "{where}: it has no image: build one by execution-environment.yml of the collection (ansible-core 2.18 or "
        "newer) and name it by awx_ee_image",
    ),
    "no_name": Both("{where}: falta o nome", "{where}: it has no name"),
    "twice": Both("{where}: existe duas vezes", "{where}: it is there twice"),
    "unknown_field": Both(
        "{where}: o campo {field} não é aplicado, e seria perdido sem aviso",
        "{where}: the field {field} is not applied, and would be lost without a word",
    ),
    "unknown_name": Both(
        "{where}: {field} cita {name}, que não está descrito", "{where}: {field} names {name}, which is not described"
    ),
    "no_playbook": Both(
        "{where}: {playbook} não é um playbook de kumon.runbook",
        "{where}: {playbook} is no playbook of kumon.runbook",
    ),
    "not_read": Both(
        "{where}: nenhuma tarefa de {playbook} lê {variable}", "{where}: no task of {playbook} reads {variable}"
    ),
    "not_taken": Both(
        "{where}: nenhum modelo do workflow pergunta por {variable}",
        "{where}: no template of the workflow asks for {variable}",
    ),
    "question": Both(
        "{where}: a pergunta por {variable} precisa de required e de um tipo: {types}",
        "{where}: the question for {variable} needs required and a type: {types}",
    ),
    "no_question": Both(
        "{where}: a pergunta por {variable} não tem texto", "{where}: the question for {variable} has no text"
    ),
    "default": Both(
        "{where}: o padrão {default} de {variable} não está entre as opções",
        "{where}: the default {default} of {variable} is not among its choices",
    ),
    "no_choices": Both(
        "{where}: a pergunta por {variable} precisa de opções", "{where}: the question for {variable} needs choices"
    ),
    "asked_twice": Both("{where}: pergunta por {variable} duas vezes", "{where}: it asks for {variable} twice"),
    "limits": Both(
        "{where}: {value} não cabe nos limites da pergunta por {variable}, e o AWX o recusa",
        "{where}: {value} does not fit the limits of the question for {variable}, and AWX refuses it",
    ),
    "choice": Both(
        "{where}: {variable} não aceita {choice}, só {allowed}", "{where}: {variable} takes no {choice}, only {allowed}"
    ),
    "approval": Both(
        "{where}: uma aprovação precisa de nome e de limite de tempo",
        "{where}: an approval needs a name and a time limit",
    ),
    "rrule": Both(
        "{where}: rrule precisa de um DTSTART com fuso horário e de RRULE com FREQ e INTERVAL, nada a cada segundo",
        "{where}: rrule needs one DTSTART with a time zone and RRULE with FREQ and INTERVAL, nothing each second",
    ),
    "zone": Both("{where}: não existe o fuso horário {zone}", "{where}: there is no time zone {zone}"),
    "sliced": Both(
        "{where}: job_slice_count maior que 1 parte o job em vários, e cada um julga só a sua parte: deixe 1",
        "{where}: a job_slice_count above 1 splits the job into several, and each judges its part only: leave it 1",
    ),
    "each_minute": Both(
        "{where}: um job leva de 12 a 19 segundos, e o AWX o faz esperar pelo anterior: nada a cada minuto",
        "{where}: a job takes 12 to 19 seconds, and AWX lets it wait for the one before: nothing each minute",
    ),
    "not_asked": Both(
        "{where}: o modelo {template} não pergunta por {variable}, e o AWX a recusa",
        "{where}: the template {template} does not ask for {variable}, and AWX refuses it",
    ),
    "unanswered": Both(
        "{where}: falta a resposta obrigatória {variable} do modelo {template}",
        "{where}: the required answer {variable} of the template {template} is missing",
    ),
    "unasked": Both(
        "{where}: agiria sem pessoa e sem perguntar: ponha antes uma aprovação, ou decide com decide_act",
        "{where}: it would act without a person and unasked: put an approval before it, or decide with decide_act",
    ),
    "scheduled_act": Both(
        "{where}: um agendamento não age: agende o workflow, que pergunta antes",
        "{where}: a schedule does not act: schedule the workflow, which asks first",
    ),
    # Whether AWX can be asked at all.
    "no_collection": Both(
        "a coleção awx.awx não está instalada: ansible-galaxy collection install awx.awx",
        "the collection awx.awx is not installed: ansible-galaxy collection install awx.awx",
    ),
    "no_host": Both(
        "o endereço do AWX não foi informado: defina awx_host ou a variável de ambiente CONTROLLER_HOST",
        "the address of AWX is not given: set awx_host or the environment variable CONTROLLER_HOST",
    ),
    "example": Both(
        "num job do AWX o exemplo da coleção não é aplicado sobre o que a equipe tem: indique em awx_data_dir a "
        "descrição que está no projeto",
        "in a job of AWX the example of the collection is not applied over what the team has: name the description in "
        "the project by awx_data_dir",
    ),
    "no_directory": Both(
        "não há o diretório {directory}: corrija awx_data_dir",
        "there is no directory {directory}: correct awx_data_dir",
    ),
    "no_answer": Both("o AWX em {host} não responde: {why}", "AWX at {host} gives no answer: {why}"),
    "not_awx": Both("em {host} não responde um AWX", "what answers at {host} is no AWX"),
    "too_old": Both(
        "o AWX em {host} é da versão {version}; é preciso {oldest} ou mais nova",
        "AWX at {host} is version {version}, and {oldest} or newer is needed",
    ),
    "no_access": Both(
        "o AWX recusa o acesso: corrija awx_token, ou no ambiente CONTROLLER_OAUTH_TOKEN, CONTROLLER_USERNAME e "
        "CONTROLLER_PASSWORD",
        "AWX refuses access: correct awx_token, or in the environment CONTROLLER_OAUTH_TOKEN, CONTROLLER_USERNAME and "
        "CONTROLLER_PASSWORD",
    ),
    # What it came to.
    "applied": Both(
        "AWX como descrito: {objects} objetos, {n} alterados", "AWX is as described: {objects} objects, {n} changed"
    ),
    "kept": Both(
        "{name}: fica o que não está na descrição, em {field}: {names}",
        "{name}: what the description does not have stays, in {field}: {names}",
    ),
    "planned": Both(
        "SIMULAÇÃO: {objects} objetos, {n} seriam alterados", "DRY RUN: {objects} objects, {n} would be changed"
    ),
}
