# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a variable. Its value is shown only where it cannot be a secret."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "misspelt": Both(
        "nenhum procedimento lê {name}: corrija para {near}", "no procedure reads {name}: correct it to {near}"
    ),
    "cut": Both(
        "de -e {name}=… só vale o que vem antes do espaço; com espaços escreva -e \"{name}='…'\"",
        "of -e {name}=… only what stands before the blank counts; with blanks write -e \"{name}='…'\"",
    ),
    "no_desk": Both(
        "runbook_desk_host é {desk}, que não está no inventário: acrescente esse host, ou corrija o nome",
        "runbook_desk_host is {desk}, which is not in the inventory: add that host, or correct the name",
    ),
    "required": Both("falta informar {name}", "missing required arguments: {name}"),
    "choice": Both(
        "{name} tem que ser um de: {choices}; veio: {given}",
        "value of {name} must be one of: {choices}, got: {given}",
    ),
    "scalar": Both("{name} tem que ser {kind}; veio: {given}", "{name} has to be {kind}, got: {given}"),
    "kind": Both("{name} tem que ser {kind}", "{name} has to be {kind}"),
    "item": Both("cada item de {name} tem que ser {kind}", "each item of {name} has to be {kind}"),
    "list_text": Both(
        '{name} não é uma lista: escreva ["a", "b"] ou a,b', '{name} is not a list: write ["a", "b"] or a,b'
    ),
    "kind_bool": Both("true ou false", "true or false"),
    "kind_int": Both("um número inteiro", "a whole number"),
    "kind_float": Both("um número, como 7.5", "a number, such as 7.5"),
    "kind_list": Both("uma lista", "a list"),
    "kind_dict": Both("um mapeamento", "a mapping"),
    "kind_str": Both("um texto", "a text"),
}
