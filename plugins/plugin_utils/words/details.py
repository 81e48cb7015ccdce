# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen when something was looked at: a sentence for each code of a detail."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

TEXTS: dict[str, Both] = {
    "log_unread": Both("o log não pôde ser lido", "the log could not be read"),
    "log_tried": Both("{sent} tentadas, {succeeded} entregues", "{sent} tried, {succeeded} delivered"),
    "log_planned": Both("{planned} planejadas, {sent} enviadas", "{planned} planned, {sent} sent"),
    "log_service": Both(
        "{planned} planejadas, {read} lidas, {sent} enviadas, {incidents} incidentes críticos",
        "{planned} planned, {read} read, {sent} sent, {incidents} critical incidents",
    ),
    "fence_stands": Both("usuário {uid} até {addresses} porta {port}", "user {uid} to {addresses} port {port}"),
}
