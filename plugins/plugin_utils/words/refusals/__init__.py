# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences of modules, and parts of them, in both languages.

They stand in the code of the modules in English; so their keys are the English texts.
"""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both
from ansible_collections.kumon.runbook.plugins.plugin_utils.words.refusals import (
    look,
    release,
    service,
    settings,
    warned,
)

TEXTS: dict[str, Both] = {
    row.en: row
    for row in (
        *service.SENTENCES,
        *service.SYSTEM,
        *release.SENTENCES,
        *look.SENTENCES,
        *settings.SENTENCES,
        *warned.SENTENCES,
    )
}
