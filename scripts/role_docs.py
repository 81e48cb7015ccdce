"""Write each role's title and variables, as its argument specification has them, into its README.

``--check`` only compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
MARKS = re.compile(r"(<!-- variables: begin -->\n).*(<!-- variables: end -->)", re.DOTALL)


def plain(text: str | list[str]) -> str:
    """Return an Ansible description as Markdown text in one line."""
    joined = " ".join(text) if isinstance(text, list) else text
    return re.sub(r"[CVOM]\(([^)]*)\)", r"`\1`", joined).replace("|", "\\|")


def inline(value: object) -> str:
    """Return a default as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=999).strip().removesuffix("...").strip()


def table(spec: dict[str, Any]) -> str:
    """Return the entry points of an argument specification with their variables."""
    parts = []
    for name, entry in spec["argument_specs"].items():
        parts.append(f"### `{name}`: {entry['short_description']}\n")
        options = entry.get("options") or {}
        if options:
            parts.append("| variable | type | default | |\n|---|---|---|---|")
        for option, of in options.items():
            kind = f"list of {of['elements']}" if of["type"] == "list" else of["type"]
            if "choices" in of:
                kind = ", ".join(f"`{choice}`" for choice in of["choices"])
            default = "required" if of.get("required") else f"`{inline(of['default'])}`"
            parts.append(f"| `{option}` | {kind} | {default} | {plain(of['description'])} |")
        parts.append("")
    return "\n".join(parts)


def main() -> int:
    """Write or compare the READMEs of all roles."""
    stale = []
    for specs in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        readme = specs.parents[1] / "README.md"
        text = readme.read_text(encoding="utf-8")
        marks = MARKS.search(text)
        if not marks:
            sys.exit(f"{readme.relative_to(ROOT)} has no place for the variables (<!-- variables: begin --> … end)")
        variables = table(yaml.safe_load(specs.read_text(encoding="utf-8")))
        new = text[: marks.start()] + marks[1] + variables + marks[2] + text[marks.end() :]
        new = re.sub(r"\A# .*", f"# Role `kumon.runbook.{readme.parent.name}`", new)
        if new != text:
            stale.append(str(readme.relative_to(ROOT)))
            if "--check" not in sys.argv:
                readme.write_text(new, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"not as the argument specifications have it: {', '.join(stale)}; run scripts/role_docs.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
