# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The headline of each status that a verdict has, and how old what was measured is."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "ok": Both("SAUDÁVEL", "HEALTHY"),
    "watch": Both("ATENÇÃO, monitorar de perto", "WATCH closely"),
    "rollback": Both("ROLLBACK necessário", "ROLLBACK needed"),
    "blind": Both("SEM VISÃO, nada prova que o sistema funciona", "BLIND, nothing proves that the system works"),
    # Called ok, and no good news.
    "quiet": Both("QUIETO, não provado", "QUIET, not proven"),
    # On every screen, whatever the verdict: how old all this is.
    "newest": Both("Evento mais recente", "Newest event"),
    "newest_ago": Both("há {age} ({at})", "{age} ago ({at})"),
    "newest_none": Both("nenhum com horário na janela", "none with a time in the window"),
}
