# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of the emergency checklist, and what answers them."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "identify": Both("Identificar o problema", "Identify the problem"),
    "decide": Both("Decidir o nível de rollback", "Decide on the rollback level"),
    "roll_back": Both("Executar o rollback", "Carry out the rollback"),
    "stabilise": Both("Verificar a estabilização (3 min)", "Verify that it is stable (3 min)"),
    "tell_technical": Both("Comunicar à equipe técnica", "Tell the technical team"),
    "tell_business": Both("Comunicar aos responsáveis pelo negócio", "Tell the business side"),
    "analyse": Both("Análise pós-incidente", "Analysis after the incident"),
    "confirm_stable": Both("Confirmar o sistema estável", "Confirm that the system is stable"),
    "smoke_test": Both("Testar a funcionalidade básica", "Test the basic function"),
    "document": Both("Documentar o incidente", "Document the incident"),
    "not_measured": Both("nada foi medido", "nothing was measured"),
    "level": Both("nível {level}", "level {level}"),
    "no_level": Both("nenhum rollback é devido ({cause})", "no rollback is due ({cause})"),
    "decided_by": Both("nível {level}, por {actor}", "level {level}, by {actor}"),
    "not_needed": Both("nenhum rollback era necessário", "no rollback was needed"),
    "due": Both("nível {level} é devido e não foi feito", "level {level} is due and was not done"),
    "killed": Both("{procedure} começou e não terminou", "{procedure} began and did not end"),
    "done": Both("{procedure} comprovado", "{procedure} proven"),
    "unjudged": Both("{procedure} feito, o efeito não foi julgado", "{procedure} done, its effect was not judged"),
    "failed": Both("{procedure}: {why}", "{procedure}: {why}"),
    "no_journal": Both("o journal não pôde ser lido", "the journal could not be read"),
    "quiet": Both("nada crítico há {age}", "nothing critical for {age}"),
    "quiet_unproven": Both("em silêncio, não provado", "quiet, not proven"),
    "quiet_short": Both(
        "nada crítico há {age}, são precisos {needed}",
        "nothing critical for {age}, needed are {needed}",
    ),
    "critical": Both("{status} ({cause})", "{status} ({cause})"),
    "no_messages": Both("nenhum registro de mensagens", "no record of messages"),
    "told": Both("{count} {count:mensagem aceita|mensagens aceitas}", "{count} {count:message|messages} accepted"),
    "drill": Both(
        "{count} mensagens escritas por uma simulação, nenhuma saiu", "{count} messages written by a drill, none sent"
    ),
    "not_told": Both("nenhuma mensagem aceita", "no message accepted"),
    "no_incident": Both("nenhum incidente aberto", "no incident is open"),
    "test_old": Both("o último foi antes do último rollback", "the last one was before the last rollback"),
    "not_asked": Both("não se sabe", "not known"),
    "no_report": Both(
        "nenhum relatório desde o último rollback, só {path}",
        "no report since the last rollback, only {path}",
    ),
    "safe": Both("modo seguro: a entrega está desligada", "safe mode: delivery is switched off"),
}
