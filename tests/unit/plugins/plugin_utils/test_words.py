# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import pkgutil
import re
import string

import pytest
from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact
from ansible_collections.kumon.runbook.plugins.plugin_utils import words
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES, Both, Words, verdict

TOPICS = [name for _finder, name, _package in pkgutil.iter_modules(words.__path__)]


def texts(topic):
    return importlib.import_module(f"{words.__name__}.{topic}").TEXTS


def fields(text):
    return {name for _literal, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("topic", TOPICS)
def test_both_languages_say_the_same_with_the_same_fields(topic):
    wrong = [key for key, both in texts(topic).items() if fields(both.pt_BR) != fields(both.en)]
    assert texts(topic) and wrong == []
    # What one language leaves empty the other one does too, and a field has a name.
    assert [key for key, both in texts(topic).items() if bool(both.pt_BR) != bool(both.en)] == []
    assert [key for key, both in texts(topic).items() if not all(fields(both.en))] == []


@pytest.mark.parametrize("topic", TOPICS)
def test_portuguese_has_no_english_sentence(topic):
    """Words that no Portuguese sentence has; commands and the procedures' own English terms are left out."""
    english = re.compile(r"\\b(the|and|was|were|not|is|are|of|with|be|no|has|have)\\b".replace("\\\\", "\\"))
    told = {key: re.sub(r"ansible-playbook \S+|\S*[_.=/]\S*", "", both.pt_BR) for key, both in texts(topic).items()}
    assert {key: text for key, text in told.items() if len(english.findall(text.lower().replace("no ", ""))) > 1} == {}


@pytest.mark.parametrize("topic", TOPICS)
def test_a_text_that_begins_with_a_command_is_one_to_a_shell(topic):
    """As it is pasted: what is said of the command is a comment behind it."""
    begins = re.compile(r"\{(?:run\[[^]]+\]|undo)\}")
    command = re.compile(begins.pattern + r"(?: -e \w+=\S+)*(?: # .+)?")
    told = {key: text for key, both in texts(topic).items() for text in both if begins.match(text)}
    assert {key: text for key, text in told.items() if not command.fullmatch(text)} == {}
    assert topic != "rollback" or len(told) > 20


@pytest.mark.parametrize("topic", TOPICS)
def test_what_a_text_names_is_not_taken_for_a_phone_or_a_secret(topic):
    """A next step is redacted before it is shown: an example that is masked cannot be pasted."""
    told = [text for both in texts(topic).values() for text in both if "tgram://TOKEN" not in text]
    assert [text for text in told if redact(text) != text] == []


def test_a_text_is_filled_in_and_numbers_are_written_as_the_language_does():
    topic = {"found": Both("{n} achados", "{n} found")}
    assert [Words(locale, topic).say("found", n=3) for locale in LOCALES] == ["3 achados", "3 found"]
    assert [Words(locale).percent(0.955) for locale in LOCALES] == ["95,5 %", "95.5 %"]
    assert [Words(locale).many(1, "message") for locale in LOCALES] == ["1 mensagem", "1 message"]


def test_a_word_goes_with_the_number_that_it_is_of():
    topic = {"lines": Both("{n} {n:linha começa|linhas começam}", "{n} {n:line begins|lines begin}")}
    told = [Words(locale, topic).say("lines", n=n) for locale in LOCALES for n in (1, 2, 0)]
    assert told == [
        "1 linha começa",
        "2 linhas começam",
        "0 linhas começam",
        "1 line begins",
        "2 lines begin",
        "0 lines begin",
    ]
    assert (
        Words("pt_BR", verdict.TEXTS)
        .say("dropped", n=1, of=9)
        .startswith("O assistente diz que descartou 1 mensagem sem")
    )


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="^locale must be pt_BR or en, not 'fr'.$"):
        Words("fr")
