# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report's model as Markdown and as one self-contained HTML page: no script, nothing loaded from anywhere. Pure.

All text is escaped, because much of it was written by whoever sent a message to the assistant.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.kumon.runbook.plugins.module_utils._redact import redact_data
from ansible_collections.kumon.runbook.plugins.module_utils._when import iso
from ansible_collections.kumon.runbook.plugins.plugin_utils import _charts, _report
from ansible_collections.kumon.runbook.plugins.plugin_utils._checklist import TICKS
from ansible_collections.kumon.runbook.plugins.plugin_utils._stats import mapping, number
from ansible_collections.kumon.runbook.plugins.plugin_utils._version import version
from ansible_collections.kumon.runbook.plugins.plugin_utils.words import LOCALES, Words

_MINUTES = 120
_SUMMARY = 2000  # characters of the short text

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a;
  background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #ccc; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
.status { display: inline-block; padding: .25rem .75rem; border-left: .5rem solid #666; background: #f2f2f2;
  font-weight: bold; }
.status.ok { border-color: #009e73; } .status.watch { border-color: #e69f00; }
.status.rollback, .status.blind { border-color: #d55e00; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0; }
dt { color: #555; } dd { margin: 0; }
ul { padding-left: 1.25rem; } li { margin: .35rem 0; }
cite { font-style: normal; font-size: .8rem; color: #555; } cite::before { content: "["; } cite::after { content: "]"; }
code { font-size: .85rem; background: #f2f2f2; unicode-bidi: plaintext; }
figure { margin: 1rem 0; } figure img { display: block; width: 100%; max-width: 36rem; height: auto; }
figcaption, .note { font-size: .85rem; color: #555; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; } th, td { border: 1px solid #ccc; padding: .2rem .5rem;
  text-align: left; vertical-align: top; overflow-wrap: normal; } th { background: #f2f2f2; }
td.wide { min-width: 14rem; overflow-wrap: anywhere; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .scroll { overflow: visible; }
  h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""

_PAGE = """<!DOCTYPE html>
<html lang="{{ m.locale }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'sha256-{{ digest }}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<title>{{ m.title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<header>
<h1>{{ m.title }}</h1>
<p class="status {{ m.status }}">{{ m.headline }}</p>
<dl>{% for name, value in m.meta %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
</header>
<main>
<section>
<h2>{{ t.pictures }}</h2>
{% if pictures is none %}<p class="note">{{ t.no_pictures }}</p>{% else %}
{% for name, title in charts %}
<figure id="{{ name }}">
{% if pictures[name] %}<img alt="{{ m.alts[name] }}" src="data:image/svg+xml;base64,{{ pictures[name] }}">
{% else %}<p class="note">{{ title }}: {{ t.no_data }}</p>{% endif %}
{% if name == 'rate' and m.acts %}<figcaption>{% for act in m.acts %}{{ act.number }} = {{ act.procedure }} \
({{ act.act }}), {{ act.host }}{{ '; ' if not loop.last }}{% endfor %}</figcaption>{% endif %}
{% if name == 'budgets' and m.runs %}<figcaption>{{ t.runs_note }}</figcaption>{% endif %}
</figure>
{% endfor %}{% endif %}
</section>
{% for section in m.sections %}
<section id="{{ section.name }}">
<h2>{{ section.title }}</h2>
{% if section.statements %}<ul>
{% for statement in section.statements %}<li>{{ statement.text }}{% if statement.code %} \
<code dir="auto">{{ statement.code }}</code>{% endif %}\
{% for ref in statement.refs %} <cite>{{ ref }}</cite>{% endfor %}</li>
{% endfor %}</ul>{% else %}<p class="note">{{ t.nothing }}</p>{% endif %}
</section>
{% endfor %}
{% for table in tables %}
<section id="{{ table.name }}">
<h2>{{ table.title }}</h2>
{% if table.note %}<p class="note">{{ table.note }}</p>{% endif %}
{% for part in table.parts %}{% if part.title %}<h3>{{ part.title }}</h3>{% endif %}
{% if part.rows %}<div class="scroll" tabindex="0"><table><thead><tr>{% for column in table.columns %}\
<th>{{ t["columns_" ~ column] }}</th>{% endfor %}</tr></thead><tbody>
{% for row in part.rows %}<tr>{% for cell in row %}\
<td{{ ' class="wide"' | safe if cell | length > 30 }}>{{ cell }}</td>\
{% endfor %}</tr>
{% endfor %}</tbody></table></div>{% else %}<p class="note">{{ table.none }}</p>{% endif %}{% endfor %}
</section>
{% endfor %}
</main>
</body>
</html>
"""

_MARKDOWN = """# {{ m.title | md }}

**{{ m.headline | md }}**

{% for name, value in m.meta %}
- {{ name | md }}: {{ value | md }}
{% endfor %}
{% for section in m.sections %}

## {{ section.title }}

{% for statement in section.statements %}
- {{ statement.text | md }}{% if statement.code %} {{ statement.code | code }}{% endif %}\
{% for ref in statement.refs %} {{ ('[' ~ ref ~ ']') | md }}{% endfor %}

{% else %}
{{ t.nothing }}
{% endfor %}
{% endfor %}
{% for table in tables %}

## {{ table.title }}
{% if table.note %}

{{ table.note | md }}
{% endif %}
{% for part in table.parts %}
{% if part.title %}

### {{ part.title | md }}
{% endif %}

{% if part.rows %}
|{% for column in table.columns %} {{ t["columns_" ~ column] }} |{% endfor %}

|{% for column in table.columns %} --- |{% endfor %}

{% for row in part.rows %}
|{% for cell in row %} {{ cell | md }} |{% endfor %}

{% endfor %}
{% else %}
{{ table.none }}
{% endif %}
{% endfor %}
{% endfor %}
"""


def incident_report(facts: Any, locale: str = "en") -> dict[str, str]:
    """Render a report: `{markdown, html, problem}`; `problem` says why there are no pictures.

    :param facts: see the filter's documentation, ``incident_report.yml``
    :raises ValueError: for facts of another shape, or an unknown locale
    """
    model = _report.model(facts, locale)
    pictures, problem = None, ""
    try:
        pictures = _charts.pictures(model)
    except ImportError:
        problem = _charts.NEEDED
    return {"markdown": markdown(model), "html": html(model, pictures), "problem": problem}


def incident_files(known: Any, now: Any, locale: str = "en") -> dict[str, Any]:
    """Render a report in both languages, as the files that are written.

    :param known: ``{incident, hosts, notifications}``, as ``incident_report`` documents them
    :param now: seconds since the epoch at which it is generated
    :returns: ``{files: {json, pt_BR.md, pt_BR.html, en.md, en.html}, generated, problem, summary}``; the summary is a
        short text in Markdown
    """
    generated = iso(number(now, "now"), "seconds")
    facts = redact_data({**mapping(known, "known"), "generated": generated, "runbook_version": version()})
    rendered = {language: incident_report(facts, language) for language in LOCALES}
    files = {"json": json.dumps(facts, indent=1, ensure_ascii=False, sort_keys=True, default=str) + "\n"}
    for language, parts in rendered.items():
        files.update({f"{language}.md": parts["markdown"], f"{language}.html": parts["html"]})
    return {
        "files": files,
        "generated": generated,
        "problem": rendered[locale]["problem"],
        "summary": _summary(_report.model(facts, locale)),
    }


def html(model: dict[str, Any], pictures: dict[str, str | None] | None) -> str:
    """Render the page; `pictures` None says on it that they could not be drawn."""
    from jinja2 import Environment, StrictUndefined

    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    coded = pictures and {
        name: base64.b64encode(svg.encode()).decode() if svg else None for name, svg in pictures.items()
    }
    words = model["words"]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_PAGE).render(
        m=_lenient(model),
        t=model["texts"],
        style=_STYLE,
        digest=digest,
        pictures=coded,
        charts=[(name, words[f"{name}_title"]) for name in ("rate", "budgets", "guards")],
        tables=_tables(model),
    )


def markdown(model: dict[str, Any]) -> str:
    """Render the same as Markdown, without the pictures and with their numbers."""
    from jinja2 import Environment, StrictUndefined

    # What is escaped is Markdown's own mark-up and HTML's, by the filter md.
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)
    environment.filters.update(md=_escaped, code=_code)
    tables = [*_tables(model), _minutes(model)]
    text = environment.from_string(_MARKDOWN).render(m=_lenient(model), t=model["texts"], tables=tables)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _lenient(model: dict[str, Any]) -> dict[str, Any]:
    """The model with the keys that only some statements have."""
    sections = [
        {**section, "statements": [{"code": "", **statement} for statement in section["statements"]]}
        for section in model["sections"]
    ]
    return {**model, "sections": sections}


def _tables(model: dict[str, Any]) -> list[dict[str, Any]]:
    texts = model["texts"]
    words = Words(model["locale"].replace("-", "_"))

    def rows(columns: Sequence[str], entries: list[dict[str, Any]]) -> list[list[str]]:
        return [["" if entry.get(name) is None else str(entry[name]) for name in columns] for entry in entries]

    def table(
        name: str,
        columns: Sequence[str],
        parts: list[tuple[str, list[dict[str, Any]]]],
        *,
        note: str = "",
        none: str = "",
    ) -> dict[str, Any]:
        return {
            "name": name,
            "title": texts[name],
            "columns": columns,
            "note": note,
            "none": none or texts["nothing"],
            "parts": [{"title": title, "rows": rows(columns, entries)} for title, entries in parts],
        }

    ticked = [
        (
            host,
            [
                {
                    "item": f"{TICKS[row['status']]} {row['title']}",
                    "value": row["value"],
                    "source": row["source"],
                    "age": None if row["age"] is None else words.duration(row["age"]),
                }
                for row in items
            ],
        )
        for host, items in model["checklist"].items()
    ]
    kept = [
        (
            f"{host}: {manifest.get('path') or ''}, {manifest.get('collected') or '?'}",
            [
                {**file, "name": file["name"] + (f" ({texts['truncated']})" if file.get("truncated") else "")}
                for file in manifest.get("files") or []
            ],
        )
        for host, manifest in model["evidence"].items()
    ]
    return [
        table(
            "acts",
            ("number", "at", "host", "procedure", "act", "actor", "change", "result", "ref", "hash"),
            [("", model["acts"])],
            note=texts["acts_note"],
        ),
        table("checklist", ("item", "value", "source", "age"), ticked),
        table(
            "messages",
            ("at", "audience", "tier", "kind", "channel", "ok", "detail"),
            [("", model["messages"])],
            none=texts["no_messages"],
        ),
        table("evidence", ("name", "bytes", "sha256", "source"), kept or [("", [])], none=texts["no_evidence_kept"]),
    ]


def _minutes(model: dict[str, Any]) -> dict[str, Any]:
    """The numbers of the picture of rates: the newest minutes."""
    words = Words(model["locale"].replace("-", "_"))
    rows = [
        [
            row["minute"].replace("T", " ").rstrip("Z"),
            f"{words.percent(row['rate'])} ({row['success']}/{row['n']})" if row["n"] else "-",
            f"{words.percent(row['low'])} - {words.percent(row['high'])}" if row["n"] else "-",
            *[str(row[name]) for name in ("failed", "lost", "guards")],
        ]
        for row in model["minutes"][-_MINUTES:]
    ]
    return {
        "name": "minutes",
        "title": model["texts"]["minutes"],
        "columns": ("minute", "rate", "interval", "failed", "lost", "guards"),
        "note": model["texts"]["minutes_note"].format(n=len(model["minutes"])),
        "none": model["texts"]["no_data"],
        "parts": [{"title": "", "rows": rows}],
    }


def _summary(model: dict[str, Any]) -> str:
    """What fits into the result of a run: how it is now, what was done and what is proven, as far as the limit goes."""
    lines = [f"# {_escaped(model['title'])}", "", f"**{_escaped(model['headline'])}**", ""]
    lines += [f"- {_escaped(name)}: {_escaped(value)}" for name, value in model["meta"]]
    for section in model["sections"]:
        if section["name"] in ("done", "proven") and section["statements"]:
            lines += ["", f"## {section['title']}", ""]
            lines += [f"- {_escaped(statement['text'])}" for statement in section["statements"]]
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(line) > _SUMMARY:
            kept += ["", "…"]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


_MARKS = re.compile(r"([\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def _escaped(text: Any) -> str:
    """Text that Markdown shows as it is: no mark-up, no HTML, no link."""
    flat = " ".join(str(text).split())
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("://", ":&#47;&#47;"), ("www.", "www&#46;")):
        flat = flat.replace(plain, entity)
    return _MARKS.sub(r"\\\1", flat)


def _code(text: str) -> str:
    """Text as inline code, fenced by more backticks than it holds in a row."""
    flat = " ".join(text.split())
    fence = "`" * (max((len(run) for run in re.findall(r"`+", flat)), default=0) + 1)
    return f"{fence} {flat} {fence}"
