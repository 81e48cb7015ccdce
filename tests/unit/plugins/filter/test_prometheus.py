# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule
from ansible_collections.kumon.runbook.plugins.plugin_utils._prometheus import METRICS, PREFIX
from prometheus_client.parser import text_string_to_metric_families

from tests.unit import incident_facts as given

prometheus = FilterModule().filters()["prometheus"]
ROOT = Path(__file__).resolve().parents[4]


def seen(**more):
    host = given.host()
    return {name: host[name] for name in ("verdict", "traces", "service")} | more


def samples(text):
    """What Prometheus's own parser reads: {name: {label values without host: value}}."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            labels = tuple(value for name, value in sample.labels.items() if name != "host")
            found.setdefault(sample.name.removeprefix(PREFIX), {})[labels] = sample.value
    return found


def test_prometheus_reads_every_metric():
    fenced = seen()
    fenced["service"] = dict(fenced["service"], fence={"present": True, "attempts": 7})
    found = samples(prometheus(fenced, "assistant1", given.NOW))
    assert set(found) == set(METRICS)
    assert (found["fence"][()], found["fence_attempts"][()]) == (1, 7)
    assert found["verdict"] == {("ok",): 0, ("watch",): 0, ("rollback",): 1, ("blind",): 0}
    assert found["handoffs"] == {("planned",): 760, ("read",): 640, ("lost",): 120, ("unread",): 0}
    assert found["delivery_ratio"][()] == pytest.approx(520 / 640)
    assert found["delivery_ratio_low"][()] < 520 / 640 < found["delivery_ratio_high"][()]
    assert (found["kill_switch"][()], found["service_up"][()]) == (1, 1)
    assert found["check_timestamp_seconds"][()] == given.NOW


def test_what_is_not_known_has_no_sample():
    blind = {"status": "blind", "level": 0, "cause": "log_unreadable"}
    found = samples(prometheus(seen(verdict=blind, traces=None, service=None), "a", given.NOW))
    assert set(found) == {"check_timestamp_seconds", "verdict", "rollback_level", "cause"}
    assert found["verdict"][("blind",)] == 1
    empty = {**given.traces(), "last": None, "delivery": {"success": 0, "failed": 0, "unconfirmed": 0}}
    assert "delivery_ratio" not in samples(prometheus(seen(traces=empty), "a", given.NOW))


def test_a_zero_is_never_written_for_what_is_not_known():
    stopped = {**given.host()["service"], "running": False}
    found = samples(prometheus(seen(service=stopped), "a", given.NOW))
    assert found["service_up"][()] == 0
    assert not {"kill_switch", "fence"} & set(found)
    undated = {**given.traces(), "records": 0, "undated": 18}
    assert "handoffs" not in samples(prometheus(seen(traces=undated), "a", given.NOW))


@pytest.mark.parametrize(
    ("more", "switched"),
    [
        ({"readable": False, "reported": {"DELIVERY_DISABLE": True}}, 1),
        ({"readable": False, "reported": {"DELIVERY_DISABLE": False}}, 0),
        ({"readable": False, "reported": {"DELIVERY_DISABLE": None}}, None),
        ({"readable": False}, None),
        ({"readable": True, "effective": {}}, None),
        ({"readable": True, "effective": {"DELIVERY_DISABLE": None}}, 0),
    ],
)
def test_an_environment_that_shows_nothing_shows_no_switch_that_is_off(more, switched):
    service = {**given.host()["service"], "effective": {"DELIVERY_DISABLE": None}, **more}
    found = samples(prometheus(seen(service=service), "a", given.NOW))
    assert found.get("kill_switch", {}).get(()) == switched


def test_a_label_cannot_break_out_of_its_line():
    text = prometheus(seen(verdict={"status": "ok", "cause": 'x"} 1\nevil 5\\ 5511988887777'}), "a", given.NOW)
    assert "evil" not in samples(text)
    assert "5511988887777" not in text


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^verdict.status must be one of ok, watch, rollback, blind.$"):
        prometheus({"verdict": {"status": "fine"}}, "a", 0)


def names_in(expression):
    return set(re.findall(rf"{PREFIX}(\w+)", expression))


def test_dashboard_and_alerts_ask_for_metrics_that_there_are():
    dashboard = json.loads((ROOT / "docs/grafana/kumon-assistant.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = yaml.safe_load((ROOT / "docs/prometheus/alerts.yml").read_text())
    asked += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert len(asked) > 10
    # The scheduled check has metrics of its own.
    program = (ROOT / "roles/go_live/files/runbook-health-tick").read_text()
    ticks = set(re.findall(r'"(kumon_runbook_tick_\w+)"', program))
    for expression in asked:
        ticked = set(re.findall(r"kumon_runbook_tick_\w+", expression))
        assert names_in(expression) or ticked
        assert names_in(expression) <= set(METRICS)
        assert ticked <= ticks


def test_the_monitoring_page_describes_every_metric():
    text = (ROOT / "docs/monitoring.md").read_text()
    assert [name for name in METRICS if f"`{PREFIX}{name}`" not in text] == []


def test_the_dashboard_fits_the_schema_of_grafana():
    """Grafana's own models read it, and write back all that is in it: what they do not know would be lost."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    given_ = json.loads((ROOT / "docs/grafana/kumon-assistant.json").read_text())
    back = json.loads(JSONEncoder().encode(Dashboard.from_json(given_)))
    assert missing(given_, back) == []
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in back["panels"])


def missing(given_, back, path=""):
    """Paths of what `back` lacks or has otherwise."""
    if isinstance(given_, dict) and isinstance(back, dict):
        return [
            lost
            for name, value in given_.items()
            for lost in (
                missing(value, back[name], f"{path}.{name}")
                if name in back
                else []
                if value in (None, [], {})
                else [f"{path}.{name}"]
            )
        ]
    if isinstance(given_, list) and isinstance(back, list) and len(given_) == len(back):
        return [lost for n, (one, two) in enumerate(zip(given_, back)) for lost in missing(one, two, f"{path}[{n}]")]
    return [] if given_ == back else [path]
