# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not fit in the settings of a service, of its people and of its programs."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

SENTENCES: tuple[Both, ...] = (
    # The service.
    Both(
        "runbook_log_paths está vazio: informe os arquivos de log do assistente, ou defina runbook_log_source como "
        "journal",
        "runbook_log_paths is empty: name the log files of the assistant, or set runbook_log_source to journal",
    ),
    Both(
        "runbook_log_source journal precisa de runbook_service_manager systemd: informe runbook_log_paths",
        "runbook_log_source journal needs runbook_service_manager systemd: name runbook_log_paths instead",
    ),
    Both(
        "runbook_heartbeat_minutes é {minutes}: informe em quantos minutos um heartbeat tem que chegar",
        "runbook_heartbeat_minutes is {minutes}: name the minutes within which a heartbeat has to come",
    ),
    Both("{name} ({url}) não é uma URL http: {advice}", "{name} ({url}) is not an http URL: {advice}"),
    Both("corrija-a", "correct it"),
    Both(
        "corrija-a, ou defina-a como none para provar sem o health",
        "correct it, or set it to none to prove without health",
    ),
    Both(
        "runbook_profile tem que ser um de {known}; veio: {name}", "runbook_profile must be one of {known}, not {name}"
    ),
    Both(
        "runbook_profiles.{name} tem que ser um mapeamento de {keys}, cada um um mapeamento pelo nome do flag, e de "
        "{entry}, uma palavra do comando de início como main:app",
        "runbook_profiles.{name} must be a mapping of {keys}, each a mapping by the flag's name, and of {entry}, "
        "a word of the start command such as main:app",
    ),
    Both(
        "{given} não é nem uma idade como 15m ou 2h nem um horário ISO 8601 como 2026-11-22T10:12:00Z",
        "{given} is neither an age such as 15m or 2h nor an ISO 8601 time such as 2026-11-22T10:12:00Z",
    ),
    Both(
        "{given} é mais tempo atrás do que qualquer calendário conhece", "{given} is longer ago than any calendar knows"
    ),
    Both("{given} está além do que qualquer calendário conhece", "{given} is beyond what any calendar knows"),
    Both("{given} não é um horário válido: {why}", "{given} is no valid time: {why}"),
    # Times: of the day, of the rota and of a freeze.
    Both(
        "{name} é {zone}, e este controlador não conhece esse fuso; escreva como America/Sao_Paulo, e veja se o tzdata "
        "está instalado",
        "{name} is {zone}, and this controller knows no such zone; write it as America/Sao_Paulo, and see that tzdata "
        "is installed",
    ),
    Both(
        "{name} é {zone}, e este controlador não conhece esse fuso; escreva como America/Sao_Paulo, e veja se o tzdata "
        "está instalado.",
        "{name} is {zone}, and this controller knows no such zone; write it as America/Sao_Paulo, and see that tzdata "
        "is installed.",
    ),
    Both(
        "health_expected_hours não informa horas; escreva como {example}.",
        "health_expected_hours names no hours; write it as {example}.",
    ),
    Both(
        "health_expected_hours tem {given}, que não são horas; escreva como {example}.",
        "health_expected_hours has {given}, which is no hours; write it as {example}.",
    ),
    Both(
        "health_expected_hours tem {given}, que não é hora do dia; escreva como {example}.",
        "health_expected_hours has {given}, which is no time of a day; write it as {example}.",
    ),
    Both(
        "health_expected_hours tem {given}, que termina antes de começar; o que passa da meia-noite são duas entradas.",
        "health_expected_hours has {given}, which ends before it begins; write what goes past midnight as two entries.",
    ),
    Both(
        "health_expected_hours tem {given}, em que {day} não é um dia; os dias são mon tue wed thu fri sat sun, ou seg "
        "ter qua qui sex sab dom.",
        "health_expected_hours has {given}, in which {day} is no day; days are mon tue wed thu fri sat sun, or seg "
        "ter qua qui sex sab dom.",
    ),
    Both("{given} não é um horário: escreva 2026-11-22 10:12", "{given} is no time: write 2026-11-22 10:12"),
    Both("{name}: a linha {row} tem que ter from, to e {label}", "{name}: row {row} has to have from, to and {label}"),
    Both("{name}: a linha {row} não tem o nome de ninguém", "{name}: row {row} names nobody"),
    Both("{name}: a linha {row} termina antes de começar", "{name}: row {row} ends before it begins"),
    Both("{name}: linha {row}: {why}", "{name}: row {row}: {why}"),
    # The gate's list.
    Both("{name} é {given}: escreva como 4h ou 30d", "{name} is {given}: write it as 4h or 30d"),
    Both(
        "go_live_gate_items: {item} não é um nome: use a-z, 0-9 e _",
        "go_live_gate_items: {item} is no name: use a-z, 0-9 and _",
    ),
    Both(
        "go_live_gate_items.{item} tem {given}; os conhecidos são name, observe, max_age, mend e command",
        "go_live_gate_items.{item} has {given}; known are name, observe, max_age, mend and command",
    ),
    Both(
        "go_live_gate_items.{item}.observe tem que ser um de {known}",
        "go_live_gate_items.{item}.observe must be one of {known}",
    ),
    Both(
        "go_live_gate_items.{item}: observe command e command vão juntos",
        "go_live_gate_items.{item}: observe command and command belong together",
    ),
    Both(
        "go_live_hours é {hours}: um go-live dura mais de 0 horas e no máximo um mês",
        "go_live_hours is {hours}: a go-live lasts more than 0 hours and a month at most",
    ),
    Both("go_live_rota_ical {problem}", "go_live_rota_ical {problem}"),
    Both("não é nem uma URL http(s) nem um caminho absoluto", "is neither an http(s) URL nor an absolute path"),
    Both("não é uma URL utilizável: {why}", "is no usable URL: {why}"),
    # Whom to tell.
    Both(
        "runbook_contacts está vazio: informe a quem avisar, um mapeamento de technical e business para listas de "
        "níveis",
        "runbook_contacts is empty: name whom to tell, as a mapping of technical and business to lists of tiers",
    ),
    Both(
        "runbook_contacts tem o público desconhecido {name}; os conhecidos são {known}",
        "runbook_contacts has the unknown audience {name}; known are {known}",
    ),
    Both(
        "{audience} não tem níveis: informe ao menos uma pessoa ou grupo a avisar",
        "{audience} has no tiers: name at least one person or group to tell",
    ),
    Both(
        "{audience} não tem ninguém: só o lado {told} é avisado",
        "{audience} names nobody: only the {told} side is told",
    ),
    Both("{tier}, canal {channel}: {problem}", "{tier}, channel {channel}: {problem}"),
    Both("runbook_contacts.{audience}, nível {tier}", "runbook_contacts.{audience}, tier {tier}"),
    Both("{tier} não é um mapeamento: precisa de name e channels", "{tier} is no mapping: it needs name and channels"),
    Both("{tier} não tem name", "{tier} has no name"),
    Both(
        "{tier} não tem channels: informe ao menos um de {known}",
        "{tier} has no channels: name at least one of {known}",
    ),
    Both(
        "{tier}: acknowledge_minutes é {given}; tem que ser maior que 0",
        "{tier}: acknowledge_minutes is {given}; it must be above 0",
    ),
    Both(
        "{tier}: locale é {given}; os conhecidos são {known}",
        "{tier}: locale is {given}; known are {known}",
    ),
    # A channel, or a program.
    Both("runbook_programs, programa {number}: {problem}", "runbook_programs, program {number}: {problem}"),
    Both(
        "runbook_programs não é uma lista: informe cada programa com o seu type, {known}",
        "runbook_programs is no list: name each program with its type, {known}",
    ),
    Both(
        "source é {given}; tem que ser um URI ou uma parte de um, sem espaços",
        "source is {given}; it must be a URI or a part of one, without blanks",
    ),
    Both("o type {kind} é desconhecido; os conhecidos são {known}", "the type {kind} is unknown; known are {known}"),
    Both(
        "timeout é {given}; tem que ser maior que 0 e no máximo 60 segundos",
        "timeout is {given}; it must be above 0 and at most 60 seconds",
    ),
    Both(
        "headers tem que ser um mapeamento de textos; um número precisa de aspas",
        "headers must be a mapping of texts; a number needs quotes",
    ),
    Both("os headers não podem ser enviados: {why}", "headers cannot be sent: {why}"),
    Both(
        "routing_key está vazio ou não é um texto: informe a chave da integração, entre aspas",
        "routing_key is empty or no text: name the integration's key, in quotes",
    ),
    Both("url está vazio", "url is empty"),
    Both(
        "url não é um endereço do apprise, como tgram://TOKEN/CHAT",
        "url is no address of apprise, such as tgram://TOKEN/CHAT",
    ),
    Both(
        "suas mensagens passariam pela Evolution API do assistente, que pode ser o que falha: informe outro serviço",
        "its messages would go through the assistant's Evolution API, which may be what fails: name another service",
    ),
    Both(
        "suas mensagens passariam por uma Evolution API, que pode ser o que falha: informe outro serviço",
        "its messages would go through an Evolution API, which may be what fails: name another service",
    ),
    Both("to está vazio: informe ao menos um endereço de e-mail", "to is empty: name at least one e-mail address"),
    Both("{address} não é um endereço de e-mail", "{address} is no e-mail address"),
    Both("o e-mail precisa de runbook_smtp com host e sender", "e-mail needs runbook_smtp with host and sender"),
    Both(
        "runbook_smtp.security é {given}; os conhecidos são starttls, tls, none",
        "runbook_smtp.security is {given}; known are starttls, tls, none",
    ),
    Both(
        "runbook_smtp.host, username e password têm que ser textos; um número precisa de aspas",
        "runbook_smtp.host, username and password must be texts; a number needs quotes",
    ),
    Both(
        "runbook_smtp.port é {given}; tem que estar entre 1 e 65535",
        "runbook_smtp.port is {given}; it must be between 1 and 65535",
    ),
)
