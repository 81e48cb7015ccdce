# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that people read, one file a topic, both languages side by side.

A topic is a mapping `TEXTS` of keys to `Both`. A text is filled in by `str.format`, with the same fields in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact


class Both(NamedTuple):
    """One text in both languages."""

    pt_BR: str
    en: str


class Commands(dict[str, str]):
    """The command that runs a procedure, by its name and options: `commands["roll_forward -e level=1"]`."""

    def __missing__(self, key: str) -> str:
        return f"ansible-playbook kumon.runbook.{key}"


class Counted(int):
    """A number by which a text chooses a word: ``{n} {n:linha começa|linhas começam}``."""

    def __format__(self, spec: str) -> str:
        one, divided, many = spec.partition("|")
        return (one if self == 1 else many) if divided else super().__format__(spec)


LOCALES = Both._fields
_NAMES = 5

# One and many of each thing that is counted.
_NOUNS = {
    "handoff": (Both("mensagem", "hand-off"), Both("mensagens", "hand-offs")),
    "incident": (Both("incidente", "incident"), Both("incidentes", "incidents")),
    "message": (Both("mensagem", "message"), Both("mensagens", "messages")),
    "failure": (Both("falha", "failed delivery"), Both("falhas", "failed deliveries")),
    "delivery": (Both("entrega", "delivery"), Both("entregas", "deliveries")),
    "conversation": (Both("conversa", "conversation"), Both("conversas", "conversations")),
    "time": (Both("vez", "time"), Both("vezes", "times")),
}
_MORE = Both("mais {n}", "{n} more")


class Words:
    """The texts of some topics in one language, and how numbers are written in it.

    A text names a command by what it runs, `{run[roll_forward -e level=1]}`; `run` says how this run's user types it.
    """

    def __init__(self, locale: str, *topics: Mapping[str, Both], run: Mapping[str, str] | None = None) -> None:
        if locale not in LOCALES:
            raise ValueError(f"locale must be {' or '.join(LOCALES)}, not {redact(repr(locale))[:40]}.")
        self.locale = locale
        self._language = LOCALES.index(locale)
        self.run: Mapping[str, str] = Commands() if run is None else run
        self._texts: dict[str, Both] = {}
        for topic in topics:
            self._texts.update(topic)

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def say(self, key: str, **fields: object) -> str:
        """Return the text of `key` with its fields filled in."""
        counted = {
            name: Counted(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in fields.items()
        }
        return self._texts[key][self._language].format(run=self.run, **counted)

    def optional(self, key: str) -> str:
        """Return the text of `key`, nothing where there is none: not every outcome has a next step."""
        return self.say(key) if key in self else ""

    def texts(self, prefix: str = "") -> dict[str, str]:
        """Return the texts whose key begins with `prefix`, by the rest of their key, with their fields open."""
        chosen = {key: text for key, text in self._texts.items() if key.startswith(prefix)}
        return {key[len(prefix) :]: text[self._language] for key, text in chosen.items()}

    def many(self, n: int, noun: str) -> str:
        """Return `n` with its noun in the right number."""
        return f"{n} {_NOUNS[noun][n != 1][self._language]}"

    def decimal(self, digits: str) -> str:
        """Return a number that is written with a point as this language writes it."""
        return digits.replace(".", ",") if LOCALES[self._language] == "pt_BR" else digits

    def percent(self, rate: float) -> str:
        """Return a rate between 0 and 1 in percent."""
        return self.decimal(f"{100 * rate:.1f}") + " %"

    def evidence(self, evidence: float) -> str:
        """Return M of the e-detector."""
        digits = f"{evidence:.1f}" if evidence < 1000 else f"{evidence:.0f}" if evidence < 1e6 else f"{evidence:.0e}"
        return f"M = {self.decimal(digits)}"

    def names(self, counts: Mapping[str, int]) -> str:
        """Return the most frequent names with their counts. They come from a log, so they are redacted and cut."""
        by_count = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
        shown = [f"'{redact(str(name))[:60]}' {self.many(times, 'time')}" for name, times in by_count[:_NAMES]]
        if len(by_count) > _NAMES:
            shown.append(_MORE[self._language].format(n=len(by_count) - _NAMES))
        return ", ".join(shown)

    def duration(self, seconds: float) -> str:
        """Return a time span, in the two largest units that it needs."""
        whole = max(0, int(seconds))
        if whole < 60:
            return f"{whole} s"
        if whole < 3600:
            return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")
