# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger of known-good releases says of a release."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "failed": Both("O registro de versões não foi atualizado", "The ledger of releases was not updated"),
    "true": Both("Versão comprovada como boa", "Release known to be good"),
    "false": Both("Versão ainda não comprovada", "Release not known to be good yet"),
}
