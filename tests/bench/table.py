"""The rows of the bench, with figures and goals."""

import statistics
from dataclasses import dataclass

from tests.bench.measures import ratio

LOOSER = 1.15  # a gate is 15 % looser than its goal, because small shared machines are noisy
EXACT = 1.0  # the gate is the goal, for figures without noise


def format_figure(figure: float) -> str:
    """Format a figure with its significant digits."""
    return f"{figure:.0f}" if figure >= 100 or not figure else f"{figure:.1f}" if figure >= 10 else f"{figure:.3f}"


@dataclass(frozen=True)
class Row:
    """One figure. It should not exceed its `goal`, if it has one. The bench fails if it exceeds its gate."""

    name: str
    figure: float
    unit: str = ""
    goal: float | None = None
    note: str = ""
    looser: float = LOOSER

    @property
    def is_met(self) -> bool:
        """Whether the figure meets its goal, or has none."""
        return self.goal is None or self.figure <= self.goal

    @property
    def is_held(self) -> bool:
        """Whether the figure is within its gate, or has none."""
        return self.goal is None or self.figure <= self.goal * self.looser

    def __str__(self) -> str:
        figure = format_figure(self.figure)
        goal = "" if self.goal is None else f"goal {self.goal:g}{'' if self.is_met else ', MISSED'}"
        return f"  {self.name:64} {figure:>6} {self.unit:4} {goal:20} {self.note}".rstrip()


class Table:
    """The table. It prints each row when it is measured, and the missed goals at the end."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._looser = LOOSER

    def section(self, title: str, looser: float = LOOSER) -> None:
        """Print a title for the next rows. Their gates are their goals, multiplied by `looser`."""
        self._looser = looser
        print(f"\n{title}", flush=True)

    def add(self, name: str, figure: float, unit: str, goal: float | None = None, note: str = "") -> None:
        """Add a row."""
        row = Row(name, round(figure, 3), unit, goal, note, self._looser)
        self.rows.append(row)
        print(row, flush=True)

    def compare(self, name: str, ours: list[float], theirs: list[float], goal: float | None = None) -> None:
        """Add a row with the median ratio of two series of seconds."""
        note = f"{statistics.median(ours) * 1000:.2f} against {statistics.median(theirs) * 1000:.2f} ms"
        self.add(name, ratio(ours, theirs), "x", goal, note)

    @property
    def is_held(self) -> bool:
        """Whether every figure is within its gate."""
        return all(row.is_held for row in self.rows)

    def summary(self) -> str:
        """Return one line with the number of met goals, the missed goals, and the figures beyond their gates."""
        goals = [row for row in self.rows if row.goal is not None]
        missed = [row for row in goals if not row.is_met]
        text = f"goals: {len(goals) - len(missed)} of {len(goals)} met"
        if missed:
            text += "; missed: " + ", ".join(f"{row.name} ({row.figure:g}, goal {row.goal:g})" for row in missed)
        broken = [row.name for row in goals if not row.is_held]
        return text + (f"; beyond the gate: {', '.join(broken)}" if broken else "; every gate is held")
