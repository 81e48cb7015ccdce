# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.filter.telling import FilterModule
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils import _report

from tests.unit import incident_facts as given

incident_report = FilterModule().filters()["incident_report"]


class Page(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def pictures(page):
    return [
        base64.b64decode(image["src"].partition("base64,")[2]).decode()
        for image in Page(page).named("img")
        if image["src"].startswith("data:image/svg+xml;base64,")
    ]


def section(facts, name, locale="en"):
    found = _report.model(facts, locale)
    return next(part["statements"] for part in found["sections"] if part["name"] == name)


def texts(facts, name):
    return [statement["text"] for statement in section(facts, name)]


def test_the_same_input_gives_the_same_bytes_also_in_another_process():
    once = {locale: incident_report(given.facts(), locale) for locale in ("pt_BR", "en")}
    assert incident_report(given.facts(), "en") == once["en"]
    code = (
        "import json, sys; sys.path[:0] = ['.ansible/collections', '.']\n"
        "from ansible_collections.kumon.runbook.plugins.plugin_utils._report_page import incident_report\n"
        "from tests.unit import incident_facts as given\n"
        "json.dump({locale: incident_report(given.facts(), locale) for locale in ('pt_BR', 'en')}, sys.stdout)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": "7"})
    assert json.loads(other.stdout) == json.loads(json.dumps(once))


@pytest.mark.parametrize("locale", ["pt_BR", "en"])
def test_the_report_keeps_the_head_of_the_journal_and_says_what_does_not_hold(locale):
    facts = given.facts()
    journal = facts["hosts"]["assistant1"]["journal"]
    journal["head"] = {"seq": 9, "hash": "ab12" * 16}
    whole = incident_report(facts, locale)
    journal.update(as_seen=False, unlike="entry 12 is gone, the last one is 9")
    cut = incident_report(facts, locale)
    for name in ("markdown", "html"):
        assert f"9 {'ab12' * 4}" in whole[name]
        gone = {"pt_BR": "a entrada 12 sumiu", "en": "entry 12 is gone"}[locale]
        assert gone not in whole[name]
        assert gone in cut[name]


def test_the_checklist_is_that_of_the_incident_also_when_all_was_undone():
    undone = given.act(9, procedure="roll_forward", began=iso(given.ACT + 600), ended=iso(given.ACT + 602))
    facts = given.facts({"assistant1": given.host([undone, given.proof(given.act()), given.act()])})
    facts["notifications"] = {**given.NOTIFICATIONS, "closed": iso(given.ACT + 610)}
    rows = {row["item"]: row["status"] for row in _report.model(facts, "en")["checklist"]["assistant1"]}
    assert (rows["decide"], rows["roll_back"], rows["tell_technical"], rows["document"]) == ("done",) * 4


@pytest.mark.parametrize(("cause", "headline"), [("none", "Now: healthy"), ("quiet", "Now: quiet, not proven")])
def test_a_host_that_is_only_quiet_is_not_called_healthy(cause, headline):
    facts = given.facts()
    for host in facts["hosts"].values():
        host["verdict"] = {**host["verdict"], "status": "ok", "cause": cause}
    assert _report.model(facts, "en")["headline"] == headline


def test_every_statement_rests_on_something():
    rows = [
        statement
        for part in _report.model(given.facts(), "en")["sections"]
        for statement in part["statements"]
        if not statement["text"].startswith("The root cause")
    ]
    assert len(rows) > 15
    assert [statement["text"] for statement in rows if not statement["refs"]] == []


def test_it_says_what_happened_was_detected_decided_done_and_proven():
    facts = given.facts()
    assert "120 lost" in texts(facts, "happened")[0]
    assert texts(facts, "detected")[:2] == [
        "First sign in the minute 2026-11-20 12:10: failed 10, lost 10, guards 1.",
        "From the beginning of that minute to the first act: 10 min 5 s.",
    ]
    assert texts(facts, "decided") == ["assistant1: rollback_level1 started by ana."]
    what = "rollback_level1, service_flags: DELIVERY_DISABLE - → true; done in 1.4 s."
    assert texts(facts, "done") == [f"1. 2026-11-20 12:20:05, assistant1: {what}"]
    proven = texts(facts, "proven")
    assert proven[0] == "assistant1: the effect of act 1 (rollback_level1) is proven by what the service did next."
    assert proven[1].startswith("In the 17 minutes after the last act: 320 conversations served, 10 with a failure")
    refs = [ref for statement in section(facts, "done") for ref in statement["refs"]]
    assert refs == ["journal assistant1#7-8"]


@pytest.mark.parametrize(
    ("judged", "why"),
    [([], "nobody judged it"), ([given.proof(given.act(), False, "no message was seen")], "no message was seen")],
)
def test_an_act_whose_effect_was_not_seen_is_not_told_as_proven(judged, why):
    facts = given.facts({"assistant1": given.host([*judged, given.act()])})
    assert not [text for text in texts(facts, "proven") if "the effect of act" in text]
    assert f"assistant1: the effect of act 1 (rollback_level1) is NOT proven: {why}." in texts(facts, "unknown")
    assert [run["ok"] for run in _report.model(facts, "en")["runs"]] == [False]
    row = next(row for row in _report.model(facts, "en")["checklist"]["assistant1"] if row["item"] == "roll_back")
    assert row["status"] == ("failed" if judged else "unknown")


def test_what_stands_behind_a_break_of_the_journal_proves_nothing():
    known = given.host()
    known["journal"].update(ok=False, entries=7, reason="the entry was changed")
    model = _report.model(given.facts({"assistant1": known}), "en")
    assert [act["result"] for act in model["acts"]] == ["not verifiable: the journal is broken before it"]
    assert model["runs"] == []
    assert not [text for text in texts(given.facts({"assistant1": known}), "proven") if "the effect of act" in text]


def test_messages_of_a_later_incident_are_not_this_ones():
    later = {**given.NOTIFICATIONS, "id": "OTHER", "opened": iso(given.NOW + 86400)}
    later["messages"] = [given.message(time=iso(given.NOW + 86405))]
    model = _report.model(given.facts(notifications=later), "en")
    assert model["messages"] == []
    assert {row["status"] for row in model["checklist"]["assistant1"] if row["item"].startswith("tell")} == {"unknown"}


def test_what_is_not_known_is_said_for_each_source():
    nothing = given.host(
        journal=None, verdict=None, service=None, release=None, evidence=None, smoke_test=None,
        unknown=[{"source": "journal_info", "why": "unreachable"}],
    )  # fmt: skip
    nothing["traces"] = None
    facts = given.facts({"assistant1": given.host(), "assistant2": nothing}, notifications=None)
    unknown = "\n".join(texts(facts, "unknown"))
    for name in ("trace_log_info", "service_flags_info", "release_info", "evidence", "smoke_test"):
        assert f"assistant2: {name}: not obtained." in unknown
    assert "assistant2: journal_info: unreachable." in unknown
    assert "Who was told is not known" in unknown
    assert _report.model(facts, "en")["status"] == "rollback"
    assert _report.model(given.facts({"assistant1": given.host(verdict=None)}), "en")["status"] == "blind"


def test_an_act_without_outcome_is_neither_done_nor_proven():
    facts = given.facts({"assistant1": given.host([given.act(ended=None, outcome_seq=None, ok=None)])})
    assert "did not end" in texts(facts, "done")[0]
    assert not any("act 1" in text for text in texts(facts, "proven"))
    assert any("whether act 1 (rollback_level1) took effect is not known" in text for text in texts(facts, "unknown"))
    assert _report.model(facts, "en")["runs"] == []


def test_a_decision_names_its_level_and_stands_in_place_of_the_start():
    decision = given.act(5, act="decision", procedure="emergency_recovery", after={"level": 1}, before=None)
    facts = given.facts({"assistant1": given.host([given.act(), decision])})
    assert texts(facts, "decided") == ["assistant1: level 1 decided by emergency_recovery, run by ana."]


def test_the_pictures_show_the_rate_the_budgets_and_the_guards():
    page = incident_report(given.facts(), "en")["html"]
    rate, budgets, guards = pictures(page)
    for picture in (rate, budgets, guards):
        assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert "Delivery rate by minute" in rate
    assert "95 % interval" in rate
    assert ">1<" in re.sub(r"\s+", "", rate), "the act is marked by its number"
    assert "4.4 s of 30 s" in budgets
    assert "outbox handoff_violation" in guards


def test_what_has_no_data_says_so_instead_of_an_empty_picture():
    seen = given.traces()
    seen.update(minutes=[], guards={"outbox": {}, "instance": {}, "incidents": 0, "other_levels": {}})
    hosts = {"assistant1": given.host([], seen)}
    page = incident_report({**given.facts(), "hosts": hosts}, "en")
    assert pictures(page["html"]) == []
    assert page["html"].count("No data for this picture.") == 3


def test_without_the_plotting_library_the_report_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = incident_report(given.facts(), "en")
    assert found["problem"] == "The pictures need matplotlib on the controller: pip install matplotlib"
    assert "No pictures: matplotlib is missing" in found["html"]
    assert "120 lost" in found["markdown"]


def test_the_page_loads_nothing_and_runs_nothing():
    page = Page(incident_report(given.facts(), "pt_BR")["html"])
    assert {name for name, _attrs in page.tags} & {"script", "link", "iframe", "object", "form", "svg"} == set()
    assert [attrs["src"] for attrs in page.named("img") if not attrs["src"].startswith("data:")] == []
    (policy,) = [attrs["content"] for attrs in page.named("meta") if "http-equiv" in attrs]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


def test_hostile_text_is_shown_harmless():
    facts = given.facts({"assistant1": given.host([given.act(msg=given.HOSTILE)], given.traces(hostile=True))})
    found = incident_report(facts, "en")
    for secret in (*given.SECRETS, "\x1b", "\u202e"):
        assert secret not in found["html"] + found["markdown"] + "".join(pictures(found["html"]))
    page = Page(found["html"])
    assert page.named("script") == []
    assert [name for _tag, attrs in page.tags for name in attrs if name.startswith("on")] == []
    assert [attrs for attrs in page.named("img") if not attrs["src"].startswith("data:")] == []
    assert "&lt;script&gt;" in found["html"]
    assert "{{ 7*7 }}" in found["html"]
    plain = re.sub(r"(`+) .*? \1", "", found["markdown"])  # inline code is literal
    assert "<" not in plain
    assert not re.search(r"(?<!\\)\]\(", plain)
    assert "://" not in plain


def test_a_row_of_a_markdown_table_stays_one_row():
    facts = given.facts({"assistant1": given.host([given.act(actor="a|b\nc")])})
    (row,) = [line for line in incident_report(facts, "en")["markdown"].splitlines() if line.startswith("| 1 |")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 11


def test_messages_of_an_earlier_incident_are_not_this_ones():
    earlier = {"messages": [given.message(time=given.iso(given.BEGAN - 7200))]}
    assert _report.model(given.facts(notifications=earlier), "en")["messages"] == []


def test_messages_and_evidence_are_listed():
    text = incident_report(given.facts(), "en")["markdown"]
    assert "| business | 1 | first | - | refused | HTTP 500 |" in text
    assert "ab" * 32 in text
    assert "log.txt (cut)" in text


def test_bad_input_is_one_sentence():
    with pytest.raises(AnsibleFilterError, match="^locale must be pt_BR or en, not 'fr'.$"):
        incident_report(given.facts(), "fr")
    with pytest.raises(AnsibleFilterError, match="^incident_report: KeyError: 'incident'$"):
        incident_report({})


def test_the_messages_of_a_drill_are_told_as_a_drills_and_tick_nothing():
    facts = given.facts()
    facts["notifications"] = {**given.NOTIFICATIONS, "drill": True}
    unknown = texts(facts, "unknown")
    assert [text for text in unknown if text.startswith("Nobody was told: the") and "of a drill" in text] != []
    rows = {row["item"]: row["status"] for row in _report.model(facts, "en")["checklist"]["assistant1"]}
    assert (rows["tell_technical"], rows["tell_business"]) == ("open", "open")


def test_an_act_during_which_the_clock_was_set_back_has_no_length_and_keeps_no_budget():
    back = given.act(ended=iso(given.ACT - 3600))
    facts = given.facts(hosts={"assistant1": given.host(acts=[back])})
    (done,) = texts(facts, "done")
    assert "service_flags" in done
    assert "-3600" not in done
    assert _report.model(facts, "en")["runs"] == []
    assert len(_report.model(given.facts(), "en")["runs"]) == 1
