# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's pictures as SVG, by matplotlib. Pure: the same data gives the same bytes.

Text stays text, so that it is small, can be read aloud and searched; it is never taken for mathematics or mark-up.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

NEEDED = "The pictures need matplotlib on the controller: pip install matplotlib"

_RC = {
    "svg.hashsalt": "kumon.runbook",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 10.0,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "figure.dpi": 72.0,
}
_WIDTH = 5.0  # inches; as wide as a phone, where text of 10 points is then just that large
# Told apart without colours by their order, and by most people with a colour vision deficiency (Okabe and Ito).
_BLUE, _ORANGE, _RED, _GREEN, _GREY = "#0072b2", "#e69f00", "#d55e00", "#009e73", "#666666"


def pictures(model: dict[str, Any]) -> dict[str, str | None]:
    """Draw `rate`, `budgets` and `guards` of a report's model; None where there is nothing to draw.

    :raises ImportError: without matplotlib
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    def draw(paint: Callable[[Any], None], rows: float) -> str:
        figure = Figure(figsize=(_WIDTH, 0.9 + rows), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        return out.getvalue()

    words = model["words"]
    with warnings.catch_warnings(), matplotlib.rc_context():
        # A name in a script that the font lacks is still shown by the reader's browser.
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        drawn: dict[str, str | None] = {"rate": None, "budgets": None, "guards": None}
        if model["minutes"]:
            drawn["rate"] = draw(lambda figure: _rate(figure, model, words), 4.2)
        if model["runs"]:
            drawn["budgets"] = draw(
                lambda figure: _budgets(figure, model["runs"], words), max(1, len(model["runs"])) * 0.5
            )
        if model["guards"]:
            drawn["guards"] = draw(
                lambda figure: _guards(figure, model["guards"], words), max(1, len(model["guards"])) * 0.35
            )
    return drawn


def _rate(figure: Any, model: dict[str, Any], words: dict[str, str]) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter

    minutes = model["minutes"]
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])

    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))

    half = timedelta(seconds=30)
    judged = [row for row in minutes if row["n"]]
    times = [moment(row["minute"]) + half for row in judged]
    if judged:
        upper.vlines(
            times,
            [100 * row["low"] for row in judged],
            [100 * row["high"] for row in judged],
            color=_BLUE,
            alpha=0.3,
            linewidth=max(1.5, min(8.0, 300.0 / len(minutes))),
            label=words["interval"],
        )
        joined, rates = _with_gaps(times, [100 * row["rate"] for row in judged])
        upper.plot(joined, rates, ".-", color=_BLUE, label=words["rate"], linewidth=1)
    upper.axhline(100 * model["target"], color=_GREY, linestyle=":", linewidth=1, label=words["target"])
    upper.set_ylim(-3, 112)
    upper.set_yticks([0, 25, 50, 75, 100])
    upper.set_ylabel(words["percent"])
    upper.set_title(words["rate_title"])

    every = [moment(row["minute"]) + half for row in minutes]
    bottom = [0] * len(minutes)
    for name, color in (("failed", _ORANGE), ("lost", _RED), ("guards", "#000000")):
        values = [row[name] for row in minutes]
        if any(values):
            lower.bar(every, values, width=timedelta(seconds=50), bottom=bottom, color=color, label=words[name])
        bottom = [below + value for below, value in zip(bottom, values)]
    lower.set_ylabel(words["messages"])
    lower.set_ylim(0, max(1, 1.1 * max(bottom)))
    marks = [moment(act["began"]) for act in model["acts"]]
    begin, end = min([every[0] - half, *marks]) - half, max([every[-1] + half, *marks]) + half
    lower.set_xlim(begin, end)
    step = 0
    for before, at, act in zip([None, *marks], marks, model["acts"]):
        for axes in (upper, lower):
            axes.axvline(at, color="black", linewidth=1, linestyle="--")
        # A number that would stand on the one before it goes below that.
        step = (step + 1) % 8 if before is not None and at - before < 0.05 * (end - begin) else 0
        upper.text(at, 111 - 12 * step, f" {act['number']}", va="top", fontweight="bold")
    locator = AutoDateLocator(minticks=2, maxticks=6, tz=timezone.utc)
    lower.xaxis.set_major_locator(locator)
    lower.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=timezone.utc))
    lower.set_xlabel("UTC")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)


def _with_gaps(times: list[datetime], values: list[float]) -> tuple[list[datetime], list[float]]:
    """Points for a line that joins only neighbouring minutes: where nothing was measured, nothing is drawn."""
    joined: list[datetime] = []
    shown: list[float] = []
    for number, (at, value) in enumerate(zip(times, values)):
        if number and (at - times[number - 1]).total_seconds() > 60:
            joined.append(at)
            shown.append(float("nan"))
        joined.append(at)
        shown.append(value)
    return joined, shown


def _budgets(figure: Any, runs: list[dict[str, Any]], words: dict[str, str]) -> None:
    axes = figure.subplots()
    places = list(range(len(runs)))
    shares = [100 * run["seconds"] / run["budget"] for run in runs]
    colors = [_GREEN if run["seconds"] <= run["budget"] and run["ok"] else _RED for run in runs]
    axes.barh(places, shares, color=colors, height=0.6)
    axes.axvline(100, color="black", linestyle="--", linewidth=1)
    axes.set_yticks(places, [run["name"] for run in runs])
    for place, share, run in zip(places, shares, runs):
        axes.text(share, place, f"  {run['label']}", va="center")
    axes.set_xlim(0, max(200, 2 * max(shares)))
    axes.invert_yaxis()
    axes.set_xlabel(words["of_budget"])
    axes.set_title(words["budgets_title"])


def _guards(figure: Any, guards: dict[str, int], words: dict[str, str]) -> None:
    axes = figure.subplots()
    rows = sorted(guards.items(), key=lambda item: (-item[1], item[0]))
    places = list(range(len(rows)))
    axes.barh(places, [count for _name, count in rows], color=_RED, height=0.6)
    axes.set_yticks(places, [name[:40] for name, _count in rows])
    for place, (_name, count) in zip(places, rows):
        axes.text(count, place, f"  {count}", va="center")
    axes.set_xlim(0, 1.15 * rows[0][1])
    axes.invert_yaxis()
    axes.set_xlabel(words["lines"])
    axes.set_title(words["guards_title"])
