# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verdict says to people, in English and in the Portuguese that operators read."""

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

    def _decimal(self, digits: str) -> str:
        return digits.replace(".", ",") if self._comma else digits
