# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.module_utils import _smoke


def smoke_test_result(sent, mode, expected_instance):
    """What a smoke test's message proves; see smoke_test_result.yml."""
    try:
        return _smoke.judge(sent, mode, expected_instance)
    except KeyError as error:
        raise AnsibleFilterError(f"smoke_test_result: the input has no {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"smoke_test_result: {error}") from error


class FilterModule:
    """The filter kumon.runbook.smoke_test_result."""

    def filters(self):
        return {"smoke_test_result": smoke_test_result}
