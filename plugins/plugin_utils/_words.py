# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verdict, a proof and a decision say to people, in English and in the Portuguese that operators read."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact

LOCALES = ("en", "pt_BR")
_NAMES = 5

# One and many of each thing that is counted.
_NOUNS = {
    "en": {
        "handoff": ("hand-off", "hand-offs"),
        "incident": ("incident", "incidents"),
        "message": ("message", "messages"),
        "failure": ("failed delivery", "failed deliveries"),
        "delivery": ("delivery", "deliveries"),
        "time": ("time", "times"),
    },
    "pt_BR": {
        "handoff": ("mensagem", "mensagens"),
        "incident": ("incidente", "incidentes"),
        "message": ("mensagem", "mensagens"),
        "failure": ("falha", "falhas"),
        "delivery": ("entrega", "entregas"),
        "time": ("vez", "vezes"),
    },
}

_SENTENCES = {
    "en": {
        "rate": "{rate} of {n} delivered (95 % interval {low} to {high}{evidence}).",
        "no_rate": "No delivery has a result{evidence}.",
        "no_result": "There is no delivery result to judge yet.",
        "nothing_measured": "Nothing was measured: there is no trace in the window, and no messages were expected.",
        "gateway_down": "The Evolution API is down or its instance is not connected.",
        "level2_not_stable": "The flags of level 2 are in force and incidents are still seen.",
        "service_down": "The service is not running.",
        "service_silent": "The service runs, but its health gives no sound answer.",
        "log_unreadable": "There are no traces: the log or journal could not be read.",
        "log_incomplete": "The traces are incomplete: {missing} missing.",
        "no_timestamps": "A window was asked for and the log has no times, so nothing can be placed in it.",
        "no_data": "There is no trace of any kind in the window although messages are expected.",
        "guard": "{guard} at level CRITICAL: {types} ({incidents} of all guards).",
        "lost_handoff": "{handoffs} lost: planned, and empty when the delivery read it.",
        "never_read": "None of {handoffs} that were planned was ever read by the delivery.",
        "unread_handoff": "{handoffs} planned and not read by the delivery in time.",
        "invalid_instance": "Invalid instance in use: {names}.",
        "state_mismatch": "{handoffs} whose state differs between planner and delivery.",
        "unexpected_instance": "Another instance than the expected one in use: {names}.",
        "kill_switch_ignored": "Delivery is switched off, and all the same {messages} went out.",
        "kill_switch": "Safe mode: delivery is switched off, so messages are planned and none is delivered.",
        "evidence_rollback": "{rate} M has reached {limit} (rollback).",
        "run": "The last {failures} deliveries all failed, over {recipients} recipients. {rate}",
        "read_not_sent": "The delivery read {handoffs} and sent none.",
        "evidence_watch": "{rate} M has reached {limit} (watch).",
        "evidence_lingers": "{rate} M has reached {limit} (watch) and not stayed below {leave} for 15 minutes since.",
        "interval_below": "{rate} The whole interval is below the target of {target}; times are missing to say more.",
        "below_by_chance": "{rate} Below the target of {target}, but it may be chance (watch begins at M = {limit}).",
        "more_names": "{n} more",
        # What would change the verdict.
        "until_any_trace": "Any trace in the window.",
        "until_incident": "Any critical incident, or {failures} in a row.",
        "until_rollback_ends": "{deliveries} without failure, or a window that begins after the repair.",
        "until_success": "A delivery that succeeds.",
        "until_times": "A log with times in it, or enough successes to bring the interval up to the target.",
        "until_quiet": "M staying below {leave} for 15 minutes.",
        "until_watch_ends": "{deliveries} without failure and then 15 minutes with M below {leave}.",
        "until_after_incident": "A window that begins after the last incident and holds no new one.",
        "until_level2_not_stable": "A window that begins after the level 3 rollback and holds no new incident.",
        "until_kill_switch_ignored": "A window that begins after the rollback and in which nothing is sent.",
        "until_gateway_down": "The Evolution API answering with its instance connected.",
        "until_service_down": "The service running, with a trace in the window.",
        "until_service_silent": "Health answering as JSON at runbook_health_url.",
        "until_log_unreadable": "A log or journal that can be read on the host.",
        "until_no_timestamps": "A log with times in it (the journal has them), or a check without a window.",
        "until_no_data": "A trace in the window: a message that the assistant handles.",
        "until_kill_switch": "Running roll_forward.yml, once the cause of the rollback is repaired.",
        "until_unread_handoff": "The planned messages being read; 4 or more with none ever read mean rollback.",
        "until_unexpected_instance": "A window in which only the expected instance is used.",
        # Whether a recovery is proven.
        "proof_service_down": "The service is not running.",
        "proof_service_unknown": "It is not known whether the service runs.",
        "proof_service_silent": "The service runs, but its health gives no sound answer.",
        "proof_sent": "Delivery is switched off, and all the same {messages} went out.",
        "proof_leaks": "The network fence stands, and all the same {messages} got through.",
        "proof_going_on": "Critical events go on: the last one {age} ago.",
        "proof_safe_mode": "Safe mode: delivery is switched off; what can be judged without deliveries is judged.",
        "proof_none_critical": "No critical event in the window.",
        "proof_critical": "Critical events in the window: {events}; the last one {age} ago. The window begins again "
        "there.",
        "proof_critical_undated": "Critical events in the window: {events}; when is unknown.",
        "proof_delivered_met": "{rate} of {n} delivered: at least {target} is proven (at least {low}).",
        "proof_delivered_unmet": "{rate} of {n} delivered: less than {target} is proven (at most {high}).",
        "proof_delivered_insufficient": "{rate} of {n} delivered: {needed} results are needed to prove {target}. "
        "Extend the "
        "window or send labelled test messages.",
        "proof_delivered_none": "No delivery has a result: {needed} are needed to prove {target}. Extend the window "
        "or send "
        "labelled test messages.",
        "proof_lost_met": "{lost} of {n} hand-offs lost: less than {target} is proven (at most {high}).",
        "proof_lost_unmet": "{lost} of {n} hand-offs lost: {target} or more is proven (at least {low}).",
        "proof_lost_insufficient": "{lost} of {n} hand-offs lost: {needed} hand-offs are needed to prove less than "
        "{target}. "
        "Extend the window or send labelled test messages.",
        "proof_lost_none": "No hand-off was read: {needed} are needed to prove less than {target} lost. Extend the "
        "window or "
        "send labelled test messages.",
        "proof_stable_met": "Stable for {quiet} (needed: {window}).",
        "proof_stable_insufficient": "Stable for {quiet}, needed are {window}: {wait} more.",
        # What to do about a verdict.
        "decide_nothing": "Nothing to do: the verdict is {status} ({cause}).",
        "decide_safe": "Nothing to do: the kill-switch holds and nothing else is wrong.",
        "decide_contained": "The process ignores the kill-switch, and the network fence keeps its messages in.",
        "decide_level": "{cause} calls for level {level}.",
        "decide_in_effect": "Level {level} is in effect already, and {cause} is still seen.",
        "decide_then": "So level {level} is due.",
        "decide_spent": "Level {level} was done automatically {age} ago; it is not repeated within {limit}.",
        "decide_below": "Level {level} lies below what was done automatically.",
        "decide_unfinished": "Level {level} was decided {age} ago by run {run_id} and not finished: it is finished "
        "first.",
        "decide_no_release": "Level 3 is due, and there is no known-good release to return to.",
        "decide_exhausted": "No automatic step is left for {cause}.",
        "decide_blind": "Nothing can be decided without seeing: {cause}.",
        "decide_persists": "{cause} persists after an automatic act.",
        "decide_recommend": "Mode recommend: nothing is done.",
        "decide_not_approved": "Mode approve: level {level} is not approved.",
        "decide_other_approved": "Mode approve: level {approved} is approved, and level {level} is due.",
        "decide_approved": "Mode approve: level {level} is approved.",
        "decide_auto": "Mode auto: level {level} is done now.",
        "decide_next_none": "",
        "decide_next_watch": "ansible-playbook kumon.runbook.health_check, in a minute",
        "decide_next_validate": "ansible-playbook kumon.runbook.validate_recovery",
        "decide_next_act": "level {level} is done, then watched",
        "decide_next_recommend": "ansible-playbook kumon.runbook.rollback_level{level}",
        "decide_next_approve": "ansible-playbook kumon.runbook.emergency_recovery -e recovery_mode=approve "
        "-e recovery_approved={level}",
        "decide_next_person": "a person decides: call the technical team; {what}",
        "decide_next_person_any": "see what is wrong and roll back by hand, rollback_level3 at the worst",
        "decide_next_person_blind": "see that service and log can be read, then run it again",
        "decide_next_person_contained": "repair the assistant or run rollback_level3; the fence holds meanwhile",
    },
    "pt_BR": {
        "rate": "{rate} de {n} entregues (intervalo de 95 %: {low} a {high}{evidence}).",
        "no_rate": "Nenhuma entrega tem resultado{evidence}.",
        "no_result": "Ainda não há resultado de entrega para julgar.",
        "nothing_measured": "Nada foi medido: não há registro na janela, e nenhuma mensagem era esperada.",
        "gateway_down": "A Evolution API está fora do ar ou a instância não está conectada.",
        "level2_not_stable": "Os flags do nível 2 estão ativos e ainda há incidentes.",
        "service_down": "O serviço não está em execução.",
        "service_silent": "O serviço está em execução, mas o health não dá resposta válida.",
        "log_unreadable": "Não há registros: o log ou journal não pôde ser lido.",
        "log_incomplete": "Os registros estão incompletos: falta {missing}.",
        "no_timestamps": "Foi pedida uma janela e o log não tem horários, então nada pode ser situado nela.",
        "no_data": "Não há nenhum registro na janela, embora mensagens sejam esperadas.",
        "guard": "{guard} no nível CRITICAL: {types} ({incidents} ao todo).",
        "lost_handoff": "{handoffs} perdidas entre planner e delivery: planejadas, e vazias quando o delivery leu.",
        "never_read": "De {handoffs} planejadas, nenhuma foi lida pelo delivery.",
        "unread_handoff": "{handoffs} planejadas e não lidas pelo delivery a tempo.",
        "invalid_instance": "Instância inválida em uso: {names}.",
        "state_mismatch": "{handoffs} com estado diferente entre planner e delivery.",
        "unexpected_instance": "Outra instância que não a esperada em uso: {names}.",
        "kill_switch_ignored": "A entrega está desligada e mesmo assim saíram {messages}.",
        "kill_switch": "Modo seguro: a entrega está desligada; mensagens são planejadas e nenhuma é entregue.",
        "evidence_rollback": "{rate} M chegou a {limit} (rollback).",
        "run": "As últimas {failures} entregas falharam todas, para {recipients} destinatários. {rate}",
        "read_not_sent": "O delivery leu {handoffs} e não enviou nenhuma.",
        "evidence_watch": "{rate} M chegou a {limit} (atenção).",
        "evidence_lingers": "{rate} M chegou a {limit} (atenção) e desde então não ficou 15 minutos abaixo de {leave}.",
        "interval_below": "{rate} Todo o intervalo está abaixo da meta de {target}; faltam horários para dizer mais.",
        "below_by_chance": "{rate} Abaixo da meta de {target}, mas pode ser acaso (atenção a partir de M = {limit}).",
        "more_names": "mais {n}",
        "until_any_trace": "Qualquer registro na janela.",
        "until_incident": "Qualquer incidente crítico, ou {failures} seguidas.",
        "until_rollback_ends": "{deliveries} sem falha, ou uma janela que comece depois do reparo.",
        "until_success": "Uma entrega com sucesso.",
        "until_times": "Um log com horários, ou entregas com sucesso suficientes para trazer o intervalo até a meta.",
        "until_quiet": "M ficar abaixo de {leave} por 15 minutos.",
        "until_watch_ends": "{deliveries} sem falha e depois 15 minutos com M abaixo de {leave}.",
        "until_after_incident": "Uma janela que comece depois do último incidente e não tenha outro.",
        "until_level2_not_stable": "Uma janela que comece depois do rollback nível 3 e não tenha incidente.",
        "until_kill_switch_ignored": "Uma janela que comece depois do rollback e em que nada seja enviado.",
        "until_gateway_down": "A Evolution API respondendo com a instância conectada.",
        "until_service_down": "O serviço em execução, com um registro na janela.",
        "until_service_silent": "O health respondendo JSON em runbook_health_url.",
        "until_log_unreadable": "Um log ou journal que possa ser lido no servidor.",
        "until_no_timestamps": "Um log com horários (o journal os tem), ou uma verificação sem janela.",
        "until_no_data": "Um registro na janela: uma mensagem que o assistente trate.",
        "until_kill_switch": "Rodar roll_forward.yml, depois de reparada a causa do rollback.",
        "until_unread_handoff": "As mensagens planejadas serem lidas; 4 ou mais sem nenhuma lida significam rollback.",
        "until_unexpected_instance": "Uma janela em que só a instância esperada seja usada.",
        "proof_service_down": "O serviço não está em execução.",
        "proof_service_unknown": "Não se sabe se o serviço está em execução.",
        "proof_service_silent": "O serviço está em execução, mas o health não dá resposta válida.",
        "proof_sent": "A entrega está desligada e mesmo assim saíram {messages}.",
        "proof_leaks": "A cerca de rede está de pé e mesmo assim passaram {messages}.",
        "proof_going_on": "Os eventos críticos continuam: o último há {age}.",
        "proof_safe_mode": "Modo seguro: a entrega está desligada; julga-se o que pode ser julgado sem entregas.",
        "proof_none_critical": "Nenhum evento crítico na janela.",
        "proof_critical": "Eventos críticos na janela: {events}; o último há {age}. A janela recomeça ali.",
        "proof_critical_undated": "Eventos críticos na janela: {events}; não se sabe quando.",
        "proof_delivered_met": "{rate} de {n} entregues: pelo menos {target} está provado (no mínimo {low}).",
        "proof_delivered_unmet": "{rate} de {n} entregues: menos de {target} está provado (no máximo {high}).",
        "proof_delivered_insufficient": "{rate} de {n} entregues: são necessários {needed} resultados para provar "
        "{target}. "
        "Estenda a janela ou envie mensagens de teste identificadas.",
        "proof_delivered_none": "Nenhuma entrega tem resultado: são necessários {needed} para provar {target}. "
        "Estenda a "
        "janela ou envie mensagens de teste identificadas.",
        "proof_lost_met": "{lost} de {n} mensagens perdidas: menos de {target} está provado (no máximo {high}).",
        "proof_lost_unmet": "{lost} de {n} mensagens perdidas: {target} ou mais está provado (no mínimo {low}).",
        "proof_lost_insufficient": "{lost} de {n} mensagens perdidas: são necessárias {needed} para provar menos de "
        "{target}. Estenda a janela ou envie mensagens de teste identificadas.",
        "proof_lost_none": "Nenhuma mensagem foi lida: são necessárias {needed} para provar menos de {target} de "
        "perda. "
        "Estenda a janela ou envie mensagens de teste identificadas.",
        "proof_stable_met": "Estável por {quiet} (necessário: {window}).",
        "proof_stable_insufficient": "Estável por {quiet}, são necessários {window}: faltam {wait}.",
        "decide_nothing": "Nada a fazer: o veredito é {status} ({cause}).",
        "decide_safe": "Nada a fazer: o kill-switch está ativo e nada mais está errado.",
        "decide_contained": "O processo ignora o kill-switch, e a cerca de rede retém as mensagens.",
        "decide_level": "{cause} pede o nível {level}.",
        "decide_in_effect": "O nível {level} já está em vigor, e {cause} continua.",
        "decide_then": "Então o nível {level} é o devido.",
        "decide_spent": "O nível {level} foi feito automaticamente há {age}; não se repete em {limit}.",
        "decide_below": "O nível {level} fica abaixo do que foi feito automaticamente.",
        "decide_unfinished": "O nível {level} foi decidido há {age} pela execução {run_id} e não terminou: primeiro "
        "termina.",
        "decide_no_release": "O nível 3 é devido, e não há versão boa conhecida para onde voltar.",
        "decide_exhausted": "Não resta passo automático para {cause}.",
        "decide_blind": "Nada pode ser decidido sem ver: {cause}.",
        "decide_persists": "{cause} persiste depois de um ato automático.",
        "decide_recommend": "Modo recommend: nada é feito.",
        "decide_not_approved": "Modo approve: o nível {level} não está aprovado.",
        "decide_other_approved": "Modo approve: o nível {approved} está aprovado, e o nível {level} é o devido.",
        "decide_approved": "Modo approve: o nível {level} está aprovado.",
        "decide_auto": "Modo auto: o nível {level} é feito agora.",
        "decide_next_none": "",
        "decide_next_watch": "ansible-playbook kumon.runbook.health_check, em um minuto",
        "decide_next_validate": "ansible-playbook kumon.runbook.validate_recovery",
        "decide_next_act": "o nível {level} é feito e depois observado",
        "decide_next_recommend": "ansible-playbook kumon.runbook.rollback_level{level}",
        "decide_next_approve": "ansible-playbook kumon.runbook.emergency_recovery -e recovery_mode=approve "
        "-e recovery_approved={level}",
        "decide_next_person": "uma pessoa decide: chame a equipe técnica; {what}",
        "decide_next_person_any": "ver o que está errado e reverter à mão, no pior caso rollback_level3",
        "decide_next_person_blind": "fazer com que serviço e log possam ser lidos e rodar de novo",
        "decide_next_person_contained": "reparar o assistente ou rodar rollback_level3; enquanto isso a cerca retém",
    },
}


class Words:
    """Sentences in one language."""

    def __init__(self, locale: str) -> None:
        if locale not in LOCALES:
            raise ValueError(f"locale must be {' or '.join(LOCALES)}, not {redact(repr(locale))[:40]}.")
        self._comma = locale == "pt_BR"
        self._nouns, self._sentences = _NOUNS[locale], _SENTENCES[locale]

    def say(self, key: str, **fields: object) -> str:
        """Return the sentence of ``key``."""
        return self._sentences[key].format(**fields)

    def until(self, cause: str) -> str:
        """Return what would change a verdict of this cause."""
        return self._sentences.get(f"until_{cause}", self._sentences["until_after_incident"])

    def many(self, n: int, noun: str) -> str:
        """Return ``n`` with its noun in the right number."""
        return f"{n} {self._nouns[noun][n != 1]}"

    def percent(self, rate: float) -> str:
        """Return a rate between 0 and 1 in percent."""
        return self._decimal(f"{100 * rate:.1f}") + " %"

    def evidence(self, evidence: float) -> str:
        """Return M of the e-detector."""
        digits = f"{evidence:.1f}" if evidence < 1000 else f"{evidence:.0f}" if evidence < 1e6 else f"{evidence:.0e}"
        return f"M = {self._decimal(digits)}"

    def names(self, counts: dict[str, int]) -> str:
        """Return the most frequent names with their counts. They come from a log, so they are redacted and cut."""
        by_count = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
        shown = [f"'{redact(str(name))[:60]}' {self.many(times, 'time')}" for name, times in by_count[:_NAMES]]
        if len(by_count) > _NAMES:
            shown.append(self.say("more_names", n=len(by_count) - _NAMES))
        return ", ".join(shown)

    def duration(self, seconds: float) -> str:
        """Return a time span, in the two largest units that it needs."""
        whole = max(0, int(seconds))
        if whole < 60:
            return f"{whole} s"
        if whole < 3600:
            return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")

    def _decimal(self, digits: str) -> str:
        return digits.replace(".", ",") if self._comma else digits
