# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole decision on one sheet of A4, in both languages: `make poster` writes docs/guide/poster.*.pdf.

Causes, levels, budgets, criteria and headlines are those of the code; what stands here is how a cause is called in a
few words, and where things stand on the sheet. The same code gives the same bytes: `--check` says whether the sheets
are of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import yaml
from fpdf import FPDF

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guide"
sys.path.insert(0, str(ROOT / "playbooks" / "collections"))

from ansible_collections.kumon.runbook.plugins.plugin_utils._branch import GRAVITY  # noqa: E402 - found by the line above
from ansible_collections.kumon.runbook.plugins.plugin_utils._procedures import (  # noqa: E402
    BUDGETS,
    DEPTHS,
    LEVELS,
    PROCEDURES,
)
from ansible_collections.kumon.runbook.plugins.plugin_utils._proofs import WINDOW  # noqa: E402
from ansible_collections.kumon.runbook.plugins.plugin_utils._verdict import CAUSES  # noqa: E402
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES, Both, Words  # noqa: E402
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import recovery as _recovery  # noqa: E402
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import status as _status  # noqa: E402

TEXTS: dict[str, Both] = {
    "title": Both("EMERGÊNCIA", "EMERGENCY"),
    "of_what": Both(
        "Assistente Kumon no WhatsApp: a decisão em uma página", "Kumon WhatsApp assistant: the decision on one page"
    ),
    "measure": Both("MEÇA", "MEASURE"),
    "measure_why": Both(
        "Só lê. Até {quick} s. A causa está na primeira linha, o próximo comando na última.",
        "Only reads. Up to {quick} s. The first line has the cause, the last one the next command.",
    ),
    "read": Both("ACHE A CAUSA", "FIND THE CAUSE"),
    "read_why": Both(
        "Ela está entre parênteses na tela. O quadro diz o nível; depois da seta, se ela persistir.",
        "The screen has it in brackets. The box is the level; behind the arrow, if it persists.",
    ),
    "act": Both("AJA", "ACT"),
    "act_why": Both(
        "Com --check --diff o comando só mostra; sem, age. Rodar duas vezes não faz mal.",
        "With --check --diff a command only shows. Without, it acts. Running it twice does no harm.",
    ),
    "after": Both("PROVE, AVISE, VOLTE", "PROVE, TELL, GO BACK"),
    "after_why": Both(
        "Antes de cada um: ansible-playbook -i hosts.yml kumon.runbook.   Saída 0: objetivo visto.",
        "In front of each: ansible-playbook -i hosts.yml kumon.runbook.   Exit 0: goal observed.",
    ),
    "person": Both("pessoa", "person"),
    "seconds": Both("até {n} s", "up to {n} s"),
    "level": Both("NÍVEL {level}", "LEVEL {level}"),
    "does_1": Both(
        "Para as mensagens. As famílias escrevem, nenhuma resposta sai.",
        "Stops the messages. Families write, no answer goes out.",
    ),
    "does_2": Both(
        "Volta ao comportamento V1. O kill-switch fica como está.",
        "Back to the behaviour of V1. The kill-switch stays as it is.",
    ),
    "does_3": Both(
        "Volta ao último código comprovado. O atual fica guardado.",
        "Back to the last code known to be good. The present one is kept.",
    ),
    "do_ok": Both("Nada a fazer.", "Nothing to do."),
    "do_watch": Both("Meça de novo em um minuto.", "Measure again in a minute."),
    "do_rollback": Both("Aja agora, no nível indicado.", "Act now, at the level shown."),
    "do_blind": Both(
        "Faça serviço e log serem lidos, e meça de novo.", "See that service and log can be read, and measure again."
    ),
    "smoke_test": Both("uma mensagem de teste, seguida pelo log", "one message of our own, followed through the log"),
    "validate_recovery": Both("{criteria}", "{criteria}"),
    "notify": Both("você assume; ninguém mais é chamado", "you take it on; nobody else is called"),
    "unanswered": Both(
        "quem ficou sem resposta: retorne às famílias", "who waits for an answer: call the families back"
    ),
    "incident_report": Both("o relatório, em português e inglês", "the report, in Portuguese and English"),
    "roll_forward": Both("desfaz o nível 1 (ou 2, 3), por uma pessoa", "undoes level 1 (or 2, 3), by a person"),
    "me": Both("SEU_NOME", "YOUR_NAME"),
    "glass": Both("SEM ANSIBLE?  NO SERVIDOR:", "NO ANSIBLE?  ON THE HOST:"),
    "no_root": Both("SEM ROOT NO SERVIDOR?", "NO ROOT ON THE HOST?"),
    "doubt": Both(
        "NA DÚVIDA: NÍVEL 1. Em segundos está feito, e desfeito.",
        "IN DOUBT: LEVEL 1. Done in seconds, and undone in seconds.",
    ),
    "call": Both("LIGUE", "CALL"),
    "call_technical": Both("Técnico", "Technical"),
    "call_business": Both("Negócio", "Business"),
}

CAUSE_TITLES: dict[str, Both] = {
    "level2_not_stable": Both("nível 2 feito, e ainda há incidentes", "level 2 done, and still incidents"),
    "kill_switch_ignored": Both("e mesmo assim mensagens saem", "and messages go out all the same"),
    "lost_handoff": Both("perdidas entre planner e delivery", "lost between planner and delivery"),
    "outbox_guard": Both("linha CRITICAL OUTBOX_GUARD", "a CRITICAL line OUTBOX_GUARD"),
    "instance_guard": Both("linha CRITICAL INSTANCE_GUARD", "a CRITICAL line INSTANCE_GUARD"),
    "invalid_instance": Both("instância inválida em uso", "an invalid instance in use"),
    "state_mismatch": Both("planner e delivery discordam", "planner and delivery disagree"),
    "planning_stopped": Both("nada mais é planejado", "nothing is planned any more"),
    "reading_stopped": Both("nada mais é lido", "nothing is read any more"),
    "sending_stopped": Both("nada mais é enviado", "nothing is sent any more"),
    "gateway_down": Both("gateway fora do ar", "the gateway is down"),
    "delivery_failing": Both("as entregas falham", "deliveries fail"),
    "results_unbelieved": Both("sucessos com erro HTTP", "successes with an HTTP error"),
    "service_down": Both("o serviço não roda", "the service does not run"),
    "log_unreadable": Both("o log não pode ser lido", "the log cannot be read"),
    "not_understood": Both("log de forma desconhecida", "a log of unknown form"),
    "no_timestamps": Both("log sem horários", "a log without times"),
    "not_owned": Both("log que não é do serviço", "not the service's log"),
    "not_covered_process": Both("nada do processo atual", "nothing of this process"),
    "incomplete": Both("medição incompleta", "measured in part only"),
    "stale": Both("silêncio longo demais", "silent for too long"),
    "no_data": Both("nenhuma mensagem no log", "no message in the log"),
    "service_unknown": Both("serviço não medido", "service not measured"),
    "service_silent": Both("o health não responde", "health does not answer"),
    "service_ill": Both("o health diz que vai mal", "health says it is ill"),
    "kill_switch": Both("kill-switch ligado: modo seguro", "kill-switch on: safe mode"),
    "held_by_fence": Both("retidas pela cerca de rede", "held by the network fence"),
    "planning_degraded": Both("algumas não planejadas", "some are not planned"),
    "unread_handoff": Both("planejadas e não lidas", "planned and not read"),
    "sending_degraded": Both("lidas e não enviadas", "read and not sent"),
    "delivery_degraded": Both("entregas falham demais", "too many deliveries fail"),
    "few_failed": Both("poucas, e todas falharam", "few, and all of them failed"),
    "results_contradict": Both("resultados contraditórios", "results contradict themselves"),
    "unexpected_instance": Both("instância não esperada", "not the expected instance"),
    "results_without_send": Both("resultados sem envio", "results without a send"),
    "dropped": Both("descartadas sem resposta", "dropped without an answer"),
    "repeated_sends": Both("respostas repetidas", "answers sent more than once"),
    "sent_in_part": Both("respostas enviadas em parte", "answers sent in part"),
    "delivery_late": Both("respostas atrasadas", "answers come late"),
    "ambiguous": Both("talvez texto de um cliente", "maybe a customer's text"),
    "not_covered": Both("log não cobre a janela", "log shorter than the window"),
    "partly_understood": Both("log entendido em parte", "log understood in part"),
    "quiet": Both("silêncio fora do horário", "silence out of hours"),
    "none": Both("nada de errado", "nothing wrong"),
}
"""What a cause is called in a few words, beside its name on the screen."""

COLOURS = {"rollback": (176, 28, 28), "blind": (55, 65, 81), "watch": (166, 92, 0), "ok": (27, 110, 60)}
TINTS = {"rollback": (252, 238, 236), "blind": (239, 241, 244), "watch": (253, 244, 228), "ok": (234, 246, 238)}
INK, GREY, PALE, WHITE = (20, 22, 26), (92, 98, 108), (243, 244, 246), (255, 255, 255)
LEFT, RIGHT, BOTTOM = 10.0, 200.0, 291.0
CAUSES_AT = LEFT + 50.5
COLUMNS = (RIGHT - CAUSES_AT) / 2
LINE = 3.74


def groups(status: str) -> list[tuple[int, int | None, list[str]]]:
    """The causes of a status by their level and their next one, the most severe first."""
    found: dict[tuple[int, int | None], list[str]] = {}
    for cause, rule in CAUSES.items():
        if rule.status == status:
            found.setdefault((rule.level, rule.next_level), []).append(cause)
    return [(level, then, causes) for (level, then), causes in found.items()]


def command(procedure: str) -> str:
    """What is typed for a procedure, its options behind it."""
    return f"ansible-playbook -i hosts.yml kumon.runbook.{procedure}"


class Poster(FPDF):
    """One sheet."""

    def __init__(self, locale: str) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self.words = Words(locale, TEXTS, _status.TEXTS)
        self.titles = Words(locale, CAUSE_TITLES)
        self.recovery = Words(locale, _recovery.TEXTS)
        self.core_fonts_encoding = "windows-1252"
        # The same bytes wherever it is made: neither the present time nor what zlib makes of it.
        self.set_compression(False)
        self.set_creation_date(datetime(2000, 1, 1, tzinfo=timezone.utc))
        self.set_producer("fpdf2")
        self.set_lang(locale.replace("_", "-"))
        self.set_title(f"{self.words.say('title')} - {self.words.say('of_what')}")
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.add_page()

    def _out(self, s: str | bytes) -> None:
        """Keep the file to ASCII: what checks a tree for odd characters takes it for text."""
        text = s.decode("latin-1") if isinstance(s, bytes) else str(s)
        super()._out("".join(each if each < "\x7f" else f"\\{ord(each):03o}" for each in text))

    # ------------------------------------------------------------ pieces

    def put(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        mono: bool = False,
        colour: Sequence[int] = INK,
        width: float = 0,
        align: str = "L",
    ) -> float:
        """Write one line with its middle at `y`; return where it ends. What does not fit is an error."""
        self.set_font("Courier" if mono else "Helvetica", "B" if bold else "", size)
        self.set_text_color(*colour)
        wide = self.get_string_width(text)
        if width and wide > width:
            raise ValueError(f"{text!r} is {wide:.1f} mm wide, and {width:.1f} mm are there")
        if align == "R":
            x += width - wide
        elif align == "C":
            x += (width - wide) / 2
        self.text(x, y + size * 0.3528 * 0.36, text)
        return x + wide

    def box(self, x: float, y: float, width: float, height: float, colour: Sequence[int], radius: float = 0) -> None:
        """A filled box."""
        self.set_fill_color(*colour)
        self.rect(x, y, width, height, style="F", round_corners=radius > 0, corner_radius=radius)

    def badge(self, x: float, y: float, text: str, colour: Sequence[int], size: float = 4.4) -> float:
        """A level in its box; return where the box ends."""
        self.box(x, y - size / 2, size, size, colour, 0.8)
        self.put(x, y, text, size * 2.25, bold=True, colour=WHITE, width=size, align="C")
        return x + size

    def arrow(self, x: float, y: float, colour: Sequence[int]) -> float:
        """The standard fonts have no arrow."""
        self.set_draw_color(*colour)
        self.set_fill_color(*colour)
        self.set_line_width(0.4)
        self.line(x + 0.9, y, x + 3.2, y)
        self.polygon([(x + 2.8, y - 1.0), (x + 4.5, y), (x + 2.8, y + 1.0)], style="F")
        return x + 5.4

    def step(self, y: float, number: int, key: str, **fields: object) -> float:
        """The heading of a part; return where the part begins."""
        self.set_fill_color(*INK)
        self.ellipse(LEFT, y, 6.4, 6.4, style="F")
        self.put(LEFT, y + 3.2, str(number), 12, bold=True, colour=WHITE, width=6.4, align="C")
        end = self.put(LEFT + 8.6, y + 3.2, self.words.say(key), 13, bold=True)
        self.put(end + 3, y + 3.5, self.words.say(f"{key}_why", **fields), 8.6, colour=GREY, width=RIGHT - end - 3)
        return y + 8.4

    # ------------------------------------------------------------ parts

    def head(self) -> float:
        version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
        self.box(0, 0, 210, 21, COLOURS["rollback"])
        end = self.put(LEFT, 10.8, self.words.say("title"), 27, bold=True, colour=WHITE)
        self.put(end + 6, 8.2, self.words.say("of_what"), 11, colour=WHITE)
        self.put(end + 6, 14.0, self.words.say("doubt"), 10.4, bold=True, colour=WHITE)
        self.put(RIGHT - 40, 18.4, f"kumon.runbook {version}", 7, colour=WHITE, width=40, align="R")
        return 24.4

    def measure(self, y: float) -> float:
        y = self.step(y, 1, "measure", quick=f"{DEPTHS['quick']:g}")
        self.box(LEFT, y, RIGHT - LEFT, 7.2, INK, 1)
        self.put(LEFT + 3, y + 3.6, command("diagnose"), 12, bold=True, mono=True, colour=WHITE)
        return y + 10.4

    def causes(self, y: float) -> float:
        y = self.step(y, 2, "read")
        for status in GRAVITY:
            rows = [(level, then, -(-len(causes) // 2), causes) for level, then, causes in groups(status)]
            height = sum(lines for _l, _t, lines, _c in rows) * LINE + (len(rows) - 1) * 0.9 + 1.9
            height = max(height, 8.4)
            self.box(LEFT, y, RIGHT - LEFT, height, TINTS[status], 1)
            self.box(LEFT, y, 29, height, COLOURS[status], 1)
            self.status(y, height, status)
            at = y + 1.0 + LINE / 2
            if len(rows) == 1 and rows[0][2] == 1:
                at = y + height / 2
            for number, (level, then, lines, causes) in enumerate(rows):
                if number:
                    self.set_draw_color(*WHITE)
                    self.set_line_width(0.5)
                    self.line(LEFT + 29.4, at - 2.45, RIGHT, at - 2.45)
                self.levels(LEFT + 31, at, level, then, COLOURS[status])
                for place, cause in enumerate(causes):
                    x = CAUSES_AT + (place // lines) * COLUMNS
                    line = at + (place % lines) * LINE
                    end = self.put(x, line, cause, 7.6, bold=True)
                    title = self.titles.say(cause)
                    self.put(end + 1.4, line, title, 7.9, width=x + COLUMNS - 1 - end - 1.4)
                at += lines * LINE + 0.9
            y += height + 1.3
        return y + 1.6

    def status(self, y: float, height: float, status: str) -> None:
        """What the screen says first, and the word for it in results."""
        headline = " ".join(word for word in self.words.say(status).replace(",", " ").split() if word.isupper())
        if height < 12:
            self.put(LEFT + 2.4, y + height / 2 - 1.7, headline, 10, bold=True, colour=WHITE, width=26)
            self.put(LEFT + 2.4, y + height / 2 + 2.0, status, 7.4, colour=WHITE)
            return
        self.put(LEFT + 2.4, y + 4.4, headline, 11.5, bold=True, colour=WHITE, width=26)
        self.put(LEFT + 2.4, y + 8.6, status, 7.4, colour=WHITE)
        self.set_font("Helvetica", "", 8.2)
        self.set_xy(LEFT + 2.4, y + 11.4)
        self.multi_cell(25.6, 3.5, self.words.say(f"do_{status}"), align="L")

    def levels(self, x: float, y: float, level: int, then: int | None, colour: Sequence[int]) -> None:
        x = self.badge(x, y, str(level), colour, 3.7) if level else x
        if then is None and not level:
            self.put(x + 0.8, y, "\u2013", 9, bold=True, colour=colour)
        elif then is None:
            self.put(self.arrow(x, y, colour) - 0.2, y, self.words.say("person"), 6.6, colour=colour)
        else:
            self.badge(self.arrow(x, y, colour), y, str(then), colour, 3.7)

    def acts(self, y: float) -> float:
        y = self.step(y, 3, "act")
        for level, procedure in sorted(LEVELS.items()):
            self.box(LEFT, y, RIGHT - LEFT, 12.4, PALE, 1)
            self.box(LEFT, y, 12.4, 12.4, COLOURS["rollback"], 1)
            self.put(LEFT, y + 6.2, str(level), 24, bold=True, colour=WHITE, width=12.4, align="C")
            name = self.recovery.say(f"levels_{level}").partition(", ")[2]
            end = self.put(LEFT + 15, y + 3.6, name.upper(), 10, bold=True)
            self.put(end + 3, y + 3.6, self.words.say(f"does_{level}"), 8.8, width=RIGHT - end - 24)
            budget = self.words.say("seconds", n=f"{BUDGETS[procedure]:g}")
            self.put(RIGHT - 24, y + 3.6, budget, 8.8, bold=True, colour=COLOURS["rollback"], width=22, align="R")
            self.put(LEFT + 15, y + 8.9, command(procedure), 11, bold=True, mono=True)
            y += 13.5
        return y + 1.6

    def afterwards(self, y: float) -> float:
        y = self.step(y, 4, "after") + 2.2
        forward = "/".join(f"{BUDGETS[LEVELS[level]]:g}" for level in sorted(LEVELS))
        rows = (
            ("smoke_test -e smoke_test_phone=5511999999999", self.budget("smoke_test")),
            ("validate_recovery -e recovery_wait=true", f"{WINDOW / 60:g} min"),
            (f"notify -e notify_event=acknowledge -e notify_by={self.words.say('me')}", self.budget("notify")),
            ("unanswered", self.budget("unanswered")),
            ("incident_report", self.budget("incident_report")),
            ("roll_forward -e level=1", f"{forward} s"),
        )
        for number, (what, budget) in enumerate(rows):
            if number % 2 == 0:
                self.box(LEFT, y - 2.45, RIGHT - LEFT, 4.9, PALE)
            end = self.put(LEFT + 1.5, y, what, 8, bold=True, mono=True)
            x = max(end + 2.5, LEFT + 70)
            self.put(x, y, self.words.say(what.split()[0], criteria=self.criteria()), 7.7, width=RIGHT - x - 21)
            self.put(RIGHT - 21, y, budget, 7.9, bold=True, width=19.5, align="R")
            y += 4.9
        return y - 0.3

    def criteria(self) -> str:
        """When a recovery counts as proven, as short as the screen says it."""
        return ", ".join(self.recovery.say(f"criteria_{name}") for name in ("critical", "delivered", "lost"))

    def budget(self, procedure: str) -> str:
        seconds = PROCEDURES[procedure].budget
        return "" if seconds is None else f"{seconds:g} s"

    def otherwise(self, y: float) -> float:
        for key, what in (
            ("glass", "sudo runbook-break-glass level1"),
            ("no_root", command("evolution_instance -e stop=true")),
        ):
            self.box(LEFT, y, RIGHT - LEFT, 6.4, COLOURS["watch"], 1)
            self.put(LEFT + 2.4, y + 3.2, self.words.say(key), 9, bold=True, colour=WHITE, width=52)
            self.put(LEFT + 56, y + 3.2, what, 8.2, bold=True, mono=True, colour=WHITE, width=RIGHT - LEFT - 58)
            y += 7.4
        return y + 0.6

    def calls(self, y: float) -> float:
        """Lines for names and phone numbers, which people write on their sheet by hand: none is ever printed."""
        self.put(LEFT, y + 4.2, self.words.say("call"), 11, bold=True)
        self.set_draw_color(*GREY)
        self.set_line_width(0.25)
        for key in ("call_technical", "call_business"):
            self.put(LEFT + 17, y + 4.2, self.words.say(key), 8.4, colour=GREY)
            for x in (LEFT + 32, LEFT + 113):
                self.line(x, y + 5.4, x + 77, y + 5.4)
            y += 7
        return y


def poster(locale: str) -> bytes:
    """The sheet of one language."""
    sheet = Poster(locale)
    y = sheet.head()
    for part in (sheet.measure, sheet.causes, sheet.acts, sheet.afterwards, sheet.otherwise, sheet.calls):
        y = part(y)
    if y > BOTTOM:
        raise ValueError(f"the sheet ends at {BOTTOM:g} mm, and its parts at {y:.1f} mm")
    # The mark of a binary file that a PDF begins with, as UTF-8.
    return bytes(sheet.output()).replace(b"%\xe9\xeb\xf1\xbf", "%éë".encode(), 1)


def main() -> int:
    """Write the sheets, or compare them."""
    stale = []
    for locale in LOCALES:
        path, made = GUIDE / f"poster.{locale}.pdf", poster(locale)
        if sys.argv[1:] != ["--check"]:
            path.write_bytes(made)
        elif not path.exists() or path.read_bytes() != made:
            stale.append(path.name)
    if stale:
        print(f"{', '.join(stale)} is not what the code says: run make poster.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
