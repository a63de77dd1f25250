"""docs/performance.md says what the last run of the bench measured: its figures are generated, and kept beside it."""

import json
import re
from pathlib import Path
from typing import Any

from handler.local.deploy.interpreter import ROOT
from tests.bench.table import Row

FIGURES = Path(__file__).with_name("figures.json")
DOCUMENT = ROOT / "docs" / "performance.md"
_MARKS = ("<!-- figures of `make bench`, which writes them here -->\n", "<!-- end of figures -->\n")
_SENTENCE = (
    ("first https reply / the plain stack without bytecode", "the first reply over https takes {} of the plain stack"),
    ("first https reply / the plain stack", "{} of the same stack with bytecode"),
    ("https reconnect / the plain stack", "a reconnect {}"),
    ("https warm call / the plain stack", "a warm call {}"),
    ("memory / the plain stack", "its memory is {} of the plain stack's"),
)


def save(rows: list[Row], seconds: float) -> None:
    """Keep the figures of a run that took so long, and write them into the document."""
    kept = [{"name": row.name, "figure": row.figure, "unit": row.unit, "goal": row.goal} for row in rows]
    FIGURES.write_text(json.dumps({"seconds": round(seconds), "rows": kept}, indent=1) + "\n", "utf-8")
    DOCUMENT.write_text(written(), "utf-8")


def seconds() -> int:
    """Return how long the last run took."""
    return int(_kept()["seconds"])


def written() -> str:
    """Return the document with the kept figures in it."""
    before, after = (re.escape(mark) for mark in _MARKS)
    text = DOCUMENT.read_text("utf-8")
    return re.sub(f"{before}.*{after}", lambda _: _MARKS[0] + _figures() + _MARKS[1], text, flags=re.DOTALL)


def _figures() -> str:
    rows = {row["name"]: row for row in _kept()["rows"]}
    sentence = ", ".join(words.format(_shown(rows[name]["figure"])) for name, words in _SENTENCE if name in rows)
    lines = [f"| {row['name']} | {_shown(row['figure'])} {row['unit']} | {_goal(row)} |" for row in rows.values()]
    table = "\n".join(["| measured | figure | goal |", "|---|---|---|", *lines])
    return f"\nIn the last run {sentence}.\n\n{table}\n\n"


def _shown(figure: float) -> str:
    return f"{figure:.2f}" if figure < 100 else f"{figure:.0f}"


def _goal(row: dict[str, Any]) -> str:
    if row["goal"] is None:
        return ""
    return f"{row['goal']:g}{'' if row['figure'] <= row['goal'] else ', missed'}"


def _kept() -> Any:
    return json.loads(FIGURES.read_text("utf-8"))
