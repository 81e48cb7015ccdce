# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files: each has what was set, and keeps the rest."""

from __future__ import annotations

import random
import re

from ansible_collections.kumon.runbook.plugins.module_utils import _envfile

from .rounds import PRINTABLE, asking, rounds

FILES = 100_000


def assignment(pick: random.Random, name: str) -> tuple[str, str]:
    """A line that sets `name`, and to what by systemd.exec(5)."""
    plain = "".join(pick.choices("abcXYZ019_-./:,%@é", k=pick.randrange(8)))
    kind = pick.randrange(5)
    if kind == 0:
        return f"{name}={plain}", plain
    if kind == 1:
        spaced = f"{plain} # x {plain}".strip()
        return f"{name}='{spaced}'", spaced
    if kind == 2:
        return f'{name}="{plain}\\"\\\\"', f'{plain}"\\'
    if kind == 3:
        return f"  {name} = {plain}  ", plain
    return f"{name}={plain}\\\n{plain}", plain + plain


def an_env_file(pick: random.Random) -> int:
    names = ["DELIVERY_DISABLE", "A", "B_2", "LONG_NAME", "X"]
    lines, meant = [], {}
    for _n in range(pick.randrange(12)):
        kind = pick.random()
        if kind < 0.2:
            lines.append(
                pick.choice(("#", ";")) + "".join(pick.choices(PRINTABLE.replace("\\", ""), k=pick.randrange(30)))
            )
        elif kind < 0.3:
            lines.append("")
        else:
            name = pick.choice(names)
            line, meant[name] = assignment(pick, name)
            lines.append(line)
    content = "\n".join(lines).encode() + pick.choice((b"", b"\n"))
    assert _envfile.parse(asking(content)) == meant
    wanted = {name: pick.choice(("true", "false", "v 1", None)) for name in pick.sample(names, pick.randrange(1, 4))}
    edited = _envfile.edit(content, dict(wanted))
    became = _envfile.parse(edited)
    for name, value in wanted.items():
        assert _envfile.same(became.get(name), value), name
    assert {k: v for k, v in became.items() if k not in wanted} == {k: v for k, v in meant.items() if k not in wanted}
    assert _envfile.edit(edited, dict(wanted)) is edited
    foreign = [line for line in lines if line and not re.match(rf"\s*(?:{'|'.join(wanted)})\s*=", line)]
    assert [line for line in foreign if line.encode() not in (edited or b"")] == []
    # Whatever the bytes, what can be edited has the flag then.
    garbage = pick.randbytes(pick.randrange(60)) + content[: pick.randrange(len(content) + 1)]
    try:
        changed = _envfile.edit(asking(garbage), {"DELIVERY_DISABLE": "true"})
    except ValueError:
        return 2
    assert _envfile.truthy(_envfile.parse(changed)["DELIVERY_DISABLE"])
    return 2


def test_an_environment_file_has_what_was_set_and_keeps_the_rest() -> None:
    assert rounds(FILES, an_env_file) >= FILES
