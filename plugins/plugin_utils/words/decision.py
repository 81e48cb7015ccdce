# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about a verdict, and why."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "decide_nothing": Both(
        "Nada a fazer: o veredito é {status} ({cause}).",
        "Nothing to do: the verdict is {status} ({cause}).",
    ),
    "decide_safe": Both(
        "Nada a fazer: o kill-switch está ativo e nada mais está errado.",
        "Nothing to do: the kill-switch holds and nothing else is wrong.",
    ),
    "decide_contained": Both(
        "O processo ignora o kill-switch, e a cerca de rede retém as mensagens.",
        "The process ignores the kill-switch, and the network fence keeps its messages in.",
    ),
    "decide_total": Both(
        "{cause}: nada é entregue, então o kill-switch nada ganha; uma pessoa precisa ver o provedor.",
        "{cause}: nothing is delivered, so the kill-switch gains nothing; a person has to see to the provider.",
    ),
    "decide_waits": Both(
        "{cause} dura {held} de {looks} olhadas (minutos com tráfego); sozinho só age depois de mais {more}.",
        "{cause} has held {held} of {looks} looks (minutes with traffic); nothing is done by itself for {more} more.",
    ),
    "decide_ended": Both(
        "{cause}: na última olhada nada falhou, então nada é feito sozinho.",
        "{cause}: in the newest look nothing failed, so nothing is done by itself.",
    ),
    "decide_level": Both("{cause} pede o nível {level}.", "{cause} calls for level {level}."),
    "decide_in_effect": Both(
        "O nível {level} já está em vigor, e {cause} continua.",
        "Level {level} is in effect already, and {cause} is still seen.",
    ),
    "decide_then": Both("Então o nível {level} é o devido.", "So level {level} is due."),
    "decide_spent": Both(
        "O nível {level} foi feito automaticamente há {age}; não se repete em {limit}.",
        "Level {level} was done automatically {age} ago; it is not repeated within {limit}.",
    ),
    "decide_below": Both(
        "O nível {level} fica abaixo do que foi feito automaticamente.",
        "Level {level} lies below what was done automatically.",
    ),
    "decide_unfinished": Both(
        "O nível {level} foi decidido há {age} pela execução {run_id} e não terminou: primeiro termina.",
        "Level {level} was decided {age} ago by run {run_id} and not finished: it is finished first.",
    ),
    "decide_no_release": Both(
        "O nível 3 é devido, e não há versão boa conhecida para onde voltar.",
        "Level 3 is due, and there is no known-good release to return to.",
    ),
    "decide_exhausted": Both("Não resta passo automático para {cause}.", "No automatic step is left for {cause}."),
    "decide_blind": Both("Nada pode ser decidido sem ver: {cause}.", "Nothing can be decided without seeing: {cause}."),
    "decide_persists": Both(
        "{cause} persiste depois de um ato automático.",
        "{cause} persists after an automatic act.",
    ),
    "decide_recommend": Both("Modo recommend: nada é feito.", "Mode recommend: nothing is done."),
    "decide_not_approved": Both(
        "Modo approve: o nível {level} não está aprovado.",
        "Mode approve: level {level} is not approved.",
    ),
    "decide_other_approved": Both(
        "Modo approve: o nível {approved} está aprovado, e o nível {level} é o devido.",
        "Mode approve: level {approved} is approved, and level {level} is due.",
    ),
    "decide_approved": Both("Modo approve: o nível {level} está aprovado.", "Mode approve: level {level} is approved."),
    "decide_auto": Both("Modo auto: o nível {level} é feito agora.", "Mode auto: level {level} is done now."),
    "decide_next_none": Both("", ""),
    "decide_next_watch": Both(
        "{run[health_check]} # em um minuto",
        "{run[health_check]} # in a minute",
    ),
    "decide_next_validate": Both(
        "{run[validate_recovery]}",
        "{run[validate_recovery]}",
    ),
    "decide_next_act": Both("o nível {level} é feito e depois observado", "level {level} is done, then watched"),
    "decide_next_recommend": Both(
        "{command}",
        "{command}",
    ),
    "decide_next_approve": Both(
        "{command}",
        "{command}",
    ),
    "decide_next_person": Both(
        "uma pessoa decide: chame a equipe técnica; {what}",
        "a person decides: call the technical team; {what}",
    ),
    "decide_next_person_any": Both(
        "ver o que está errado e reverter à mão, no pior caso rollback_level3",
        "see what is wrong and roll back by hand, rollback_level3 at the worst",
    ),
    "decide_next_person_blind": Both(
        "fazer com que serviço e log possam ser lidos e rodar de novo",
        "see that service and log can be read, then run it again",
    ),
    "decide_next_person_total": Both(
        "ver a Evolution API, a instância e o número; rollback_level1 se envios parciais fizerem mal",
        "see to the Evolution API, its instance and the number; rollback_level1 if partial sends do harm",
    ),
    "decide_next_person_contained": Both(
        "reparar o assistente ou rodar rollback_level3; enquanto isso a cerca retém",
        "repair the assistant or run rollback_level3; the fence holds meanwhile",
    ),
}
