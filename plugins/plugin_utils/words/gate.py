# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GO or NO-GO, item by item: its name, what was seen of it, and what mends it."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "go": Both("GO: tudo visto ou confirmado, vale até {until}", "GO: all of it seen or confirmed, until {until}"),
    "go_of_less": Both(
        "GO: visto ou confirmado o que foi pedido, sem {off}; vale até {until}",
        "GO: seen or confirmed is what was asked for, without {off}; until {until}",
    ),
    "no_go": Both("NO-GO ({n}): {items}; primeiro: {mend}", "NO-GO ({n}): {items}; first: {mend}"),
    "written": Both("Escrito em {path}", "Written to {path}"),
    "status_ok": Both("ok", "ok"),
    "status_missing": Both("FALTA", "MISSING"),
    "status_expired": Both("VENCIDO", "EXPIRED"),
    "status_failed": Both("ERRADO", "WRONG"),
    "status_off": Both("não pedido", "not asked for"),
    "ago": Both("há {age}", "{age} ago"),
    "column_item": Both("Item", "Item"),
    "column_status": Both("Estado", "Status"),
    "column_evidence": Both("Evidência", "Evidence"),
    "column_at": Both("Visto em", "Seen"),
    "column_expires": Both("Vence em", "Expires"),
    "column_mend": Both("Como resolver", "What mends it"),
    "item_rehearsed_level1": Both("Kill-switch ensaiado", "Kill-switch rehearsed"),
    "item_rehearsed_level2": Both("Flags V1 ensaiadas", "V1 flags rehearsed"),
    "item_rehearsed_level3": Both("Código anterior ensaiado", "Previous code rehearsed"),
    "item_trained": Both("Equipe treinada", "Team trained"),
    "item_dry_run": Both("Simulação em produção", "Dry run on production"),
    "item_procedures": Both("Procedimentos prontos onde são digitados", "Procedures ready where they are typed"),
    "item_contacts": Both("Contatos confirmados", "Contacts confirmed"),
    "item_channels": Both("Canais abertos", "Channels open"),
    "item_on_call": Both("Plantão", "On call"),
    "item_known_good": Both("Commit comprovado como bom", "Known-good commit"),
    "item_offline": Both("Instalável sem rede", "Installable offline"),
    "item_monitoring": Both("Alerta de teste visto", "Test alert seen"),
    "item_scheduled_check": Both("Verificação agendada", "Scheduled health check"),
    "item_watched": Both("Vigia ativo", "Somebody watches"),
    "item_gateway": Both("Instância e webhook", "Instance and webhook"),
    "item_flags": Both("Flags de go-live no processo", "Go-live flags in the process"),
    "item_log": Both("Log legível", "Log readable"),
    "item_verdict": Both("Veredito agora", "Verdict now"),
    "item_disk": Both("Disco", "Disk"),
    "item_clock": Both("Relógio", "Clock"),
    "item_privileges": Both("Privilégios", "Privileges"),
    "item_state_debt": Both("Sem pendências", "No state debt"),
    "item_freeze": Both("Calendário de congelamento", "Freeze calendar"),
    "not_looked": Both("não foi visto", "was not looked at"),
    "then": Both("{first}, e depois que alguém responder: {second}", "{first}, and once somebody answered: {second}"),
    "confirmed": Both("confirmado por {by}", "confirmed by {by}"),
    "not_confirmed": Both("ninguém confirmou", "nobody has confirmed it"),
    "never_rehearsed": Both("nunca ensaiado em staging", "never rehearsed on staging"),
    "rehearsal": Both("{fault} em {host}, {seconds} s, por {by}", "{fault} on {host}, {seconds} s, by {by}"),
    "drill_left": Both("o ensaio não terminou como começou", "the drill was not restored"),
    "rehearsal_failed": Both(
        "o último ensaio falhou ({fault} em {host}, {seconds} s, por {by}): {why}",
        "the last rehearsal failed ({fault} on {host}, {seconds} s, by {by}): {why}",
    ),
    "no_drill": Both("nenhum ensaio no registro", "no drill in the ledger"),
    "last_drill": Both("último ensaio por {by}", "last drill by {by}"),
    "clean": Both("{procedures} com --check", "{procedures} with --check"),
    "not_clean": Both("{procedure} --check: {why}", "{procedure} --check: {why}"),
    "typed": Both("{n} playbooks lidos em {where}", "{n} playbooks read in {where}"),
    "acknowledged": Both("incidente assumido por {by}", "incident acknowledged by {by}"),
    "not_acknowledged": Both("nenhuma mensagem respondida", "no message acknowledged"),
    "no_rota": Both("go_live_rota vazio para {begin} – {end}", "go_live_rota is empty for {begin} – {end}"),
    "rota_gaps": Both("ninguém em {gaps}", "nobody in {gaps}"),
    "rota": Both("{names}, {begin} – {end}", "{names}, {begin} – {end}"),
    "rota_unread": Both(
        "calendário de go_live_rota_ical não lido: {why}", "calendar of go_live_rota_ical not read: {why}"
    ),
    "window_over": Both(
        "go_live_from e go_live_hours são de um go-live que já acabou ({begin} – {end})",
        "go_live_from and go_live_hours are of a go-live that is over ({begin} – {end})",
    ),
    "write_window": Both("corrija go_live_from no inventário", "correct go_live_from in the inventory"),
    "mend_ical": Both(
        "corrija go_live_rota_ical no inventário, ou o calendário",
        "correct go_live_rota_ical in the inventory, or the calendar",
    ),
    "write_ical": Both("complete o calendário do plantão", "complete the on-call calendar"),
    "write_rota": Both("complete go_live_rota no inventário", "complete go_live_rota in the inventory"),
    "no_good_release": Both("nenhum para o nível 3 voltar", "none for level 3 to go back to"),
    "good_release": Both("nível 3 voltaria a {commit}", "level 3 would go back to {commit}"),
    "start_release": Both(
        "reinicie o serviço com a versão que está no diretório, ou volte o diretório à que está rodando",
        "restart the service with the release that is in place, or put back the one that runs",
    ),
    "nothing_to_install": Both(
        "runbook_venv_dir vazio: nada a instalar", "runbook_venv_dir is empty: nothing to install"
    ),
    "no_wheelhouse": Both("rollback_wheelhouse vazio", "rollback_wheelhouse is empty"),
    "name_wheelhouse": Both("defina rollback_wheelhouse no inventário", "set rollback_wheelhouse in the inventory"),
    "not_offline": Both("faltam pacotes na pasta", "packages are missing in the directory"),
    "offline_unknown": Both("este pip não sabe ensaiar", "this pip cannot rehearse"),
    "offline": Both(
        "pip achou os pacotes de {commit} sem rede", "pip found the packages of {commit} without a network"
    ),
    "no_alert_seen": Both("ninguém viu um alerta de teste chegar", "nobody has seen a test alert arrive"),
    "let_fire": Both("dispare um alerta de teste, e depois: {confirm}", "let a test alert fire, and then: {confirm}"),
    "no_stamp": Both("nenhum sinal na mesa", "no stamp on the desk"),
    "stamp": Both("último sinal há {age}, a cada {every}", "last stamp {age} ago, every {every}"),
    "check_of_others": Both("olha só para {hosts}", "it looks at {hosts} only"),
    "scheduled_elsewhere": Both(
        "agendada em outro lugar (go_live_check none)", "scheduled elsewhere (go_live_check none)"
    ),
    "gateway_not_asked": Both("sem runbook_evolution_api_key", "without runbook_evolution_api_key"),
    "gateway_unknown": Both("não verificado: {checks}", "not checked: {checks}"),
    "gateway_open": Both("{state}, webhook {webhook}", "{state}, webhook {webhook}"),
    "not_running": Both("o serviço não está rodando", "the service does not run"),
    "unreadable": Both("o ambiente do processo não pode ser lido", "the process's environment cannot be read"),
    "flags_wrong": Both("no processo: {flags}", "in the process: {flags}"),
    "flags": Both("pid {pid}: {flags}", "pid {pid}: {flags}"),
    "no_records": Both("nenhum registro reconhecido", "no record recognised"),
    "no_times": Both("linhas sem horário", "lines without a time"),
    "evidence_bad": Both("evidência fraca: {parts}", "weak evidence: {parts}"),
    "part_fresh": Both("não é recente", "not fresh"),
    "part_covered": Both("não cobre a janela", "does not cover the window"),
    "part_owned": Both("não é deste processo", "not this process's"),
    "part_understood": Both("não foi entendido", "not understood"),
    "log": Both("{records} registros, {grammars}", "{records} records, {grammars}"),
    "free": Both("{mb} MB livres em {path}, precisa de {wanted}", "{mb} MB free at {path}, needed {wanted}"),
    "disk_read_only": Both("{path} só pode ser lido", "{path} is read-only"),
    "disk_files": Both(
        "em {path} quase nenhum arquivo pode ser criado (inodes)", "hardly a file can be made at {path} (inodes)"
    ),
    "make_room": Both("libere espaço em disco", "make room on the disk"),
    "clock": Both("{seconds} s do controlador", "{seconds} s from the controller's"),
    "set_clock": Both("acerte o relógio: timedatectl set-ntp true", "set the clock: timedatectl set-ntp true"),
    "root": Both("root", "root"),
    "no_root": Both("uid {uid}", "uid {uid}"),
    "need_root": Both("runbook_become true, com sudo para a conta", "runbook_become true, with sudo for the account"),
    "no_debt": Both("nada ficou de antes", "nothing is left from before"),
    "debt_switch": Both("kill-switch declarado ({flags})", "kill-switch declared ({flags})"),
    "debt_fence": Both("cerca de pé desde {since}", "fence standing since {since}"),
    "debt_flags": Both("flags V1 declaradas", "V1 flags declared"),
    "debt_incident": Both("incidente {id} aberto", "incident {id} is open"),
    "debt_torn": Both(
        "o incidente na mesa não pode ser lido ({why})", "the incident on the desk cannot be read ({why})"
    ),
    "debt_drills_torn": Both(
        "a última linha do registro de ensaios não pode ser lida (drill.jsonl:{line})",
        "the last line of the drill ledger cannot be read (drill.jsonl:{line})",
    ),
    "debt_drill": Both("ensaio sem restauração em {host}", "a drill not restored on {host}"),
    "debt_frozen": Both("automação parada sem dono ({by}, {at})", "automation frozen without an owner ({by}, {at})"),
    "debt_unread": Both(
        "linhas do registro da automação não podem ser lidas ({lines})",
        "lines of automation's record cannot be read ({lines})",
    ),
    "no_freeze": Both("nenhum congelamento agora nem no go-live", "no freeze now or during the go-live"),
    "frozen": Both("{reason}, até {until}", "{reason}, until {until}"),
    "wait_freeze": Both("espere, ou mude go_live_freeze", "wait, or change go_live_freeze"),
    "forward_frozen": Both(
        "congelado até {until} ({reason}): espere, mude go_live_freeze, ou decida com roll_forward_force=true",
        "frozen until {until} ({reason}): wait, change go_live_freeze, or decide with roll_forward_force=true",
    ),
    "exit": Both("saída {rc}", "exit {rc}"),
    "unknown_item": Both("não há item {item}; há {items}", "there is no item {item}; there are {items}"),
    "observed_item": Both(
        "{item} é observado: a palavra de ninguém vale por isso", "{item} is observed: nobody's word stands for it"
    ),
    "confirm_name": Both("diga quem confirma: -e runbook_actor=ana", "name who confirms it: -e runbook_actor=ana"),
}
