"""Write the figures of the bench's last run into figures.json and docs/performance.md."""

import json
import re
from pathlib import Path
from typing import Any

from deploy.interpreter import ROOT
from tests.bench.table import Row, format_figure
from tests.marks import replace_block

FIGURES = Path(__file__).with_name("figures.json")
DOCUMENT = ROOT / "docs" / "performance.md"
_SENTENCE = """\
In the last run, the ratios of this function to the plain stack were
{first https reply / the plain stack} for the first reply over https,
{first https reply / the plain stack without bytecode} for the first reply if the plain stack has no bytecode,
{https reconnect / the plain stack} for a reconnect, {https warm call / the plain stack} for a warm call, and
{memory / the plain stack} for memory.
"""


def save(rows: list[Row], seconds: float) -> None:
    """Save the figures and the seconds of a run, and write them into the document."""
    kept = [{"name": row.name, "figure": row.figure, "unit": row.unit, "goal": row.goal} for row in rows]
    FIGURES.write_text(json.dumps({"seconds": round(seconds), "rows": kept}, indent=1) + "\n", "utf-8")
    DOCUMENT.write_text(render_document(), "utf-8")


def seconds() -> int:
    """Return the seconds that the last run took."""
    return int(_load_figures()["seconds"])


def render_document() -> str:
    """Return the document with the saved figures."""
    return replace_block(DOCUMENT.read_text("utf-8"), "figures", _figures())


def _figures() -> str:
    rows = {row["name"]: row for row in _load_figures()["rows"]}
    sentence = re.sub("{(.+?)}", lambda name: format_figure(rows[name[1]]["figure"]), _SENTENCE, flags=re.DOTALL)
    lines = [
        f"| {row['name']} | {format_figure(row['figure'])} {row['unit']}".rstrip() + f" | {_goal(row)} |"
        for row in rows.values()
    ]
    table = "\n".join(["| measured | figure | goal |", "|---|---|---|", *lines])
    return f"\n{sentence}\n{table}\n\n"


def _goal(row: dict[str, Any]) -> str:
    if row["goal"] is None:
        return ""
    return f"{row['goal']:g}{'' if row['figure'] <= row['goal'] else ', missed'}"


def _load_figures() -> Any:
    return json.loads(FIGURES.read_text("utf-8"))
