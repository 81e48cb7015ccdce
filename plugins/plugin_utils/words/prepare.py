# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emergency needs, item by item: its name, its state, and what stands in its way."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "ready": Both(
        "PREPARADO: o que uma emergência precisa está no lugar", "PREPARED: what an emergency needs is there"
    ),
    "planned": Both("SIMULAÇÃO: nada foi alterado", "DRY RUN: nothing was changed"),
    "incomplete": Both("Preparação INCOMPLETA, falta: {items}", "NOT fully prepared, missing: {items}"),
    "gone": Both("RETIRADO: o que prepare_go_live instalou", "TAKEN AWAY: what prepare_go_live had installed"),
    "not_gone": Both("NÃO retirado: {items}", "NOT taken away: {items}"),
    "state_present": Both("no lugar", "there"),
    "state_installed": Both("instalado agora", "installed now"),
    "state_planned": Both("seria alterado", "would be changed"),
    "state_removed": Both("retirado agora", "taken away now"),
    "state_absent": Both("não há", "not there"),
    "state_missing": Both("FALTA", "MISSING"),
    "state_said": Both("a fazer à mão", "to be done by hand"),
    "state_foreign": Both("de outros, deixado como está", "somebody else's, left as it is"),
    "state_off": Both("não pedido", "not asked for"),
    "item_state_dir": Both("Pasta de estado", "State directory"),
    "item_flags": Both("Flags ligadas ao serviço", "Flags wired to the service"),
    "item_known_good": Both("Commit comprovado como bom", "Known-good commit"),
    "item_wheelhouse": Both("Pacotes desse commit, sem rede", "Packages of that commit, without a network"),
    "item_log_rotation": Both("Rotação do log", "Log rotation"),
    "item_log_times": Both("Horários no log", "Times in the log"),
    "item_break_glass": Both("Break-glass", "Break-glass"),
    "item_user": Both("Conta dos playbooks", "The playbooks' account"),
    "item_people": Both("Quem pode usar o break-glass", "Who may use break-glass"),
    "item_health_check": Both("Verificação agendada", "Scheduled health check"),
    "item_watch": Both("Observação permanente", "Watch that is kept running"),
    "watch_nowhere": Both(
        "o controlador não tem systemd (como root) ou verificação agendada: deixe {run[watch_go_live]} rodando",
        "the controller has no systemd (as root) or no scheduled check: keep {run[watch_go_live]} running",
    ),
    "watch_kept": Both("kumon-runbook-watch, modo {mode}", "kumon-runbook-watch, mode {mode}"),
    "not_looked": Both("nada foi feito nem visto", "nothing was done or seen"),
    "needs_root": Both("precisa de root: runbook_become true", "it needs root: runbook_become true"),
    "needs_tool": Both("{tool} não está instalado no host", "{tool} is not installed on the host"),
    "start_command": Both(
        "o comando de início tem que ler {env_file}: set -a; . {env_file}; set +a",
        "the start command has to read {env_file}: set -a; . {env_file}; set +a",
    ),
    "in_force": Both("um rollback está em vigor: roll_forward primeiro", "a rollback is in force: roll_forward first"),
    "fence_only": Both(
        "põe a cerca e declara as flags; o reinício fica com quem inicia o processo",
        "it puts up the fence and declares the flags; the restart stays with whoever starts the process",
    ),
    "fence_contained": Both(
        "declara as flags; a cerca em volta de um contêiner é só do playbook",
        "it declares the flags; the fence around a container is the playbook's alone",
    ),
    "no_good": Both(
        "nenhum: {run[health_check -e health_mark_release=true]} até completar runbook_good_after",
        "none: {run[health_check -e health_mark_release=true]} until runbook_good_after is over",
    ),
    "no_venv": Both("runbook_venv_dir vazio: nada a instalar", "runbook_venv_dir is empty: nothing to install"),
    "no_wheelhouse": Both(
        "rollback_wheelhouse vazio: diga a pasta", "rollback_wheelhouse is empty: name the directory"
    ),
    "no_commit_to_fetch": Both(
        "sem commit comprovado não há o que buscar", "without a known-good commit there is none"
    ),
    "offline": Both("pip os achou sem rede", "pip found them without a network"),
    "offline_unknown": Both(
        "este pip não sabe ensaiar: não provado, use pip 22.2 ou mais novo em runbook_venv_dir",
        "this pip cannot rehearse: not proven, have pip 22.2 or newer in runbook_venv_dir",
    ),
    "check_minutes": Both(
        "go_live_check_minutes tem que ser um número inteiro de 1 a 59",
        "go_live_check_minutes must be a whole number from 1 to 59",
    ),
    "check_asks": Both(
        "uma execução agendada não responde a {switch}; use uma chave ou um arquivo de senha",
        "a scheduled run cannot answer {switch}; use a key or a password file",
    ),
    "check_nowhere": Both(
        "o controlador não tem systemd (como root) nem crontab: agende health_check, ou go_live_check none",
        "the controller has neither systemd (as root) nor crontab: schedule health_check, or set go_live_check to none",
    ),
    "check_no_cron": Both(
        "go_live_check é cron e o controlador não tem crontab: instale o cron nele ou use outro go_live_check",
        "go_live_check is cron and the controller has no crontab: install cron there or set another go_live_check",
    ),
    "check_others": Both(
        "a verificação instalada olha para {hosts}, que esta execução não tem: rode com eles também, ou apague {path} "
        "se não existem mais",
        "the check that is there looks at {hosts}, which this run does not have: run it with them too, or delete "
        "{path} where they are gone",
    ),
    "check_every": Both("a cada {minutes} min, por {way}", "every {minutes} min, by {way}"),
    "journald": Both("o journald cuida", "journald sees to it"),
    "truncated": Both(
        "{path} corta o arquivo (copytruncate): linhas se perdem; tire essa linha",
        "{path} cuts the file off (copytruncate): lines get lost; take that line out",
    ),
    "rotated_by": Both("{path}", "{path}"),
    "glob": Both(
        "nome de log com curinga no meio ({path}): rotação à mão",
        "a log named with a wildcard ({path}): rotate by hand",
    ),
    "not_followed": Both(
        "runbook_log_paths não lê os arquivos rodados: escreva {path}*",
        "runbook_log_paths does not read the rotated files: write {path}*",
    ),
    "until_start": Both(
        "até o próximo início o assistente escreve no arquivo rodado (go_live_rotate_restart)",
        "until its next start the assistant writes into the rotated file (go_live_rotate_restart)",
    ),
    "times_own": Both("cada linha tem o seu", "each line has its own"),
    "times_inherited": Both("de linhas vizinhas", "from the lines around"),
    "times_none": Both(
        "sem horário: ligue horários ou linhas JSON na configuração do assistente, ou use runbook_log_source journal",
        "none: switch times or JSON lines on in the assistant's own configuration, or use runbook_log_source journal",
    ),
    "times_unknown": Both("o log não pôde ser lido", "the log could not be read"),
    "not_ours": Both("a conta {user} já existia", "the account {user} was there before"),
    "people_wrong": Both(
        "go_live_people: {name} não é nome de usuário nem %grupo",
        "go_live_people: {name} is no user's name and no %group",
    ),
    "user_wrong": Both("go_live_user: {name} não é nome de usuário", "go_live_user: {name} is no user's name"),
}
