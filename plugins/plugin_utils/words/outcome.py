# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ends that was refused or failed, whichever procedure it was."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "refused": Both("NÃO FEITO, nada foi alterado", "NOT DONE, nothing was changed"),
    "failed": Both("FALHOU", "FAILED"),
    "unreachable": Both("SEM ACESSO ao host", "HOST NOT REACHED"),
    "warned": Both("Atenção: {what}", "Warning: {what}"),
    "reach_again": Both("alcance {host} de novo", "reach {host} again"),
    "no_host": Both(
        "Nenhum host em que agir: {pattern} não é nenhum dos hosts selecionados ({limit}); "
        "corrija o inventário, --limit ou runbook_hosts",
        "No host to act on: {pattern} matches none of the selected hosts ({limit}); "
        "correct the inventory, --limit or runbook_hosts",
    ),
    "tags": Both(
        "Com --tags {tags} nada seria feito: um procedimento não se faz em partes; tire --tags",
        "With --tags {tags} nothing would be done: a procedure is not done in parts; leave --tags out",
    ),
    "waves": Both(
        "rollback_serial é um número de hosts ou uma parte deles, como 1 ou 30%, ou vários: 1,30%,100%; {given} não é",
        "rollback_serial is a number of hosts or a share of them, such as 1 or 30%, or several: 1,30%,100%; "
        "{given} is none",
    ),
    "no_limit": Both("sem --limit", "no --limit"),
    # A desk on the disk of a job's container.
    "desk_ends": Both(
        "este é o job {job} do AWX, e o que é guardado em {desk} acaba com ele: "
        "defina runbook_desk_host com um host que fica",
        "this is job {job} of AWX, and what is kept on {desk} ends with it: set runbook_desk_host to a host that stays",
    ),
    "not_written": Both("NENHUM relatório foi escrito", "NO report was written"),
    "journal_broken": Both(
        "JOURNAL ADULTERADO na linha {line} ({reason}): guarde uma cópia e descubra quem escreveu ali",
        "THE JOURNAL WAS TAMPERED WITH at line {line} ({reason}): keep a copy and find out who wrote there",
    ),
    "journal_unlike": Both(
        "O JOURNAL NÃO É O QUE FOI VISTO ANTES ({reason}): se não foi você, guarde uma cópia e descubra quem; "
        "se foi, apague o arquivo do host em journal_heads no controlador",
        "THE JOURNAL IS NOT THE ONE SEEN BEFORE ({reason}): if that was not you, keep a copy and find out who; "
        "if it was, delete the host's file in journal_heads on the controller",
    ),
}
