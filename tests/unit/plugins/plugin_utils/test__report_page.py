# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a report; what stands in them is tested with the filter incident_report."""

from __future__ import annotations

import json

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils import _charts, _report_page
from ansible_collections.kumon.runbook.plugins.plugin_utils._report_page import incident_files, incident_report
from ansible_collections.kumon.runbook.plugins.plugin_utils._version import version

from tests.unit import incident_facts as given


@pytest.fixture(scope="module")
def known():
    facts = given.facts({"assistant1": given.host(seen=given.traces(hostile=True))})
    return {name: facts[name] for name in ("incident", "hosts", "notifications")}


@pytest.fixture(scope="module")
def written(known):
    return incident_files(known, given.NOW, "pt_BR")


def test_both_languages_are_written_and_all_data(written, known):
    assert list(written["files"]) == ["json", "pt_BR.md", "pt_BR.html", "en.md", "en.html"]
    assert (written["generated"], written["problem"]) == (iso(given.NOW, "seconds"), "")
    data = json.loads(written["files"]["json"])
    assert (data["generated"], data["runbook_version"]) == (written["generated"], version())
    assert data["incident"]["id"] == known["incident"]["id"]
    for locale, title in (("pt_BR", "# Relatório do incidente"), ("en", "# Report of incident")):
        assert written["files"][f"{locale}.md"].startswith(title)
        again = incident_report(data, locale)
        assert written["files"][f"{locale}.md"] == again["markdown"]
        assert written["files"][f"{locale}.html"] == again["html"]


def test_no_secret_is_in_any_file(written):
    for name, text in written["files"].items():
        assert not [secret for secret in given.SECRETS if secret in text], name


def test_accents_stay_readable_and_a_file_ends_with_a_line(written):
    assert "\\u00e" not in written["files"]["json"]
    assert all(text.endswith("\n") or name.endswith("html") for name, text in written["files"].items())


def test_the_short_text_is_short_and_says_what_was_done(known, monkeypatch):
    for locale, title, done in (("pt_BR", "# Relatório", "## O que foi feito"), ("en", "# Report", "## What was done")):
        summary = incident_files(known, given.NOW, locale)["summary"]
        assert summary.startswith(title) and done in summary and len(summary) < 2100
        assert not [secret for secret in given.SECRETS if secret in summary]
        assert "<" not in summary.replace("&lt;", "")
    monkeypatch.setattr(_report_page, "_SUMMARY", 150)
    assert incident_files(known, given.NOW, "en")["summary"].endswith("\n…\n")


@pytest.mark.parametrize("locale", ["pt_BR", "en"])
def test_without_pictures_the_reason_is_told(known, monkeypatch, locale):
    def missing(_model):
        raise ImportError("matplotlib")

    monkeypatch.setattr(_charts, "pictures", missing)
    found = incident_files(known, str(given.NOW), locale)
    assert found["problem"] == _charts.NEEDED
    assert found["files"]["en.html"]


def test_bad_input_is_one_sentence(known):
    with pytest.raises(ValueError, match=r"^known must be a mapping, not 'x'\.$"):
        incident_files("x", 0)
    with pytest.raises(ValueError, match=r"^now must be a number, not 'soon'\.$"):
        incident_files(known, "soon")
