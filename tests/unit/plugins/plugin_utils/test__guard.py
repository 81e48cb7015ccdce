# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kumon.runbook.plugins.plugin_utils._guard import filters, guarded, plain


class LooksAtItems(dict):
    """As the containers of ansible-core: what is in it is a template until it is looked at."""

    def __getitem__(self, name):
        return super().__getitem__(name).replace("TEMPLATE", "value")

    def items(self):
        return [(name, self[name]) for name in self]


class LooksAtEach(list):
    def __iter__(self):
        return (item.replace("TEMPLATE", "value") for item in super().__iter__())


def test_a_filter_gets_plain_containers():
    got = []
    call = guarded("x", lambda *args, **options: got.append((args, options)))
    call(LooksAtItems(a="TEMPLATE"), [LooksAtEach(["TEMPLATE"])], option=(LooksAtItems(b="TEMPLATE"),))
    assert got == [(({"a": "value"}, [["value"]]), {"option": [{"b": "value"}]})]
    ((first, second), options) = got[0]
    assert [type(one) for one in (first, second[0], options["option"], options["option"][0])] == [
        dict,
        list,
        list,
        dict,
    ]
    assert plain("text") == "text" and plain(None) is None


class Frame(dict):
    """As what ansible-core 2.19 registers of a task that ran out of time."""

    def items(self):
        raise AssertionError("ansible-core warns of a deprecation here")


def test_a_task_that_ran_out_of_time_is_no_reason_for_a_warning():
    assert plain({"msg": "Timed out after 1 second(s).", "timedout": Frame(period=1)})["timedout"] is True


def is_template(text):
    """Whether ansible-core would take a text for a template."""
    try:
        from ansible.template import is_trusted_as_template
    except ImportError:  # before ansible-core 2.19
        from ansible.utils.unsafe_proxy import AnsibleUnsafe

        return not isinstance(text, AnsibleUnsafe)
    return is_trusted_as_template(text)


def test_what_a_filter_returns_is_no_template():
    try:
        from ansible.template import trust_as_template
    except ImportError:
        trust_as_template = str
    text = trust_as_template("{{ 7*7 }}")
    assert is_template(text)
    found = guarded("x", lambda: {"lines": [text], "message": text})()
    assert found == {"lines": ["{{ 7*7 }}"], "message": "{{ 7*7 }}"}
    assert not is_template(found["lines"][0]) and not is_template(found["message"])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("give a number"), "give a number"),
        (KeyError("traces"), "x: KeyError: 'traces'"),
        (TypeError("no list"), "x: TypeError: no list"),
        (AttributeError("no get"), "x: AttributeError: no get"),
    ],
)
def test_what_the_input_lacks_is_one_sentence(error, sentence):
    def fails():
        raise error

    with pytest.raises(AnsibleFilterError) as caught:
        filters({"x": fails})["x"]()
    assert str(caught.value) == sentence


def test_a_fault_of_our_own_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        guarded("x", lambda: 1 / 0)()
