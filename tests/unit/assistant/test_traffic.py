# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic generator: synthetic, bounded, and for this machine only."""

from __future__ import annotations

import json

import pytest
import scene as scene_module
import traffic

from tests.unit.assistant.support import wait_until


def test_posts_at_the_rate_and_sums_up(assistant, capsys):
    before = assistant.counters()["asked"]
    url = assistant.scene.data["assistant"]["webhook_url"]
    assert traffic.main(["--url", url, "--rate", "50", "--seconds", "0.4", "--conversations", "3"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary.pop("seconds") >= 0.38
    assert summary == {"asked": 20, "accepted": 20, "errors": {}, "conversations": 3, "forged": 0}
    # The assistant answers first and sends then.
    wait_until(lambda: assistant.counters()["asked"] - before == 20)
    after = assistant.counters()
    assert set(after["numbers"][-20:]) <= {"5511900000000", "5511900000001", "5511900000002"}


def test_counts_errors_and_exits_1_when_nobody_listens(capsys):
    port = scene_module.free_ports(1)[0]
    assert traffic.main(["--url", f"http://127.0.0.1:{port}/x", "--rate", "100", "--seconds", "0.05"]) == 1
    assert json.loads(capsys.readouterr().out)["errors"] == {"ConnectionRefusedError": 5}


@pytest.mark.parametrize("url", ["http://192.0.2.1/hook", "http://assistant.example/hook", "nonsense"])
def test_refuses_an_address_that_is_not_this_machine(url, capsys, monkeypatch):
    monkeypatch.setattr(traffic, "run", lambda *_arguments: pytest.fail("it posted"))
    with pytest.raises(SystemExit) as ended:
        traffic.main(["--url", url])
    assert ended.value.code == 2
    assert "is not this machine" in capsys.readouterr().err


def test_an_address_that_is_named_is_allowed(monkeypatch, capsys):
    monkeypatch.setattr(traffic, "run", lambda url, *_arguments: {"accepted": 1, "url": url})
    assert traffic.main(["--url", "http://192.0.2.1/hook", "--allow-host", "192.0.2.1"]) == 0
    assert "192.0.2.1" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--rate", "--seconds", "--conversations"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "x"])
def test_refuses_a_number_that_is_none(option, value, capsys):
    with pytest.raises(SystemExit) as ended:
        traffic.main(["--url", "http://127.0.0.1/", option, value])
    assert ended.value.code == 2
    assert f"argument {option}" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_messages(monkeypatch):
    def posted():
        bodies = []
        monkeypatch.setattr(traffic, "post", lambda _url, body: bodies.append(json.dumps(body)) or "accepted")
        traffic.run("http://127.0.0.1/", 1000, 0.05, 5, seed=7, forge=True)
        return sorted(bodies)

    assert posted() == posted()


def test_a_forged_guard_fits_whole_into_what_is_logged():
    shown = [text[:50] for text in traffic.FORGED]
    assert traffic.GUARD in shown
    assert "\n" + traffic.WHOLE_GUARD in shown
    assert len(traffic.FORGED) == len(set(shown))
