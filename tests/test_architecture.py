"""Imports point one way: from the commands down to the failures, in no circle."""

import ast
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

# What each room may import of the others. A new arrow here is a decision: read CONTRIBUTING.md first.
ROOMS = {
    "errors": set[str](),
    "exact_json": set[str](),
    "deadline": {"errors"},
    "contract": {"errors", "exact_json"},
    "invocation": {"deadline"},
    "addresses": set[str](),
    "settings": {"addresses", "contract", "errors"},
    "wechat": {"invocation", "deadline", "exact_json", "errors"},
    "tokens": {"wechat", "settings", "invocation", "deadline", "contract", "exact_json", "errors"},
    "operation": {"tokens", "wechat", "settings", "invocation", "contract", "exact_json", "errors"},
    "triggers": {"contract", "exact_json", "errors"},
    "telemetry": {"invocation", "contract", "exact_json", "errors"},
    "app": {"operation", "triggers", "telemetry", "settings", "invocation", "exact_json", "errors"},
}


def module_of(path: Path) -> str:
    """Return a file's dotted name."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in Path("handler").rglob("*.py")}


def imported(path: Path) -> set[str]:
    """Return the modules of ours that a file imports anywhere, also within its functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found & (MODULES.keys() - {"handler"})


def room(module: str) -> str:
    """Return the folder or the file right below `handler` that a module is in."""
    return module.split(".")[1]


@pytest.mark.parametrize("name", ROOMS)
def test_directions(name: str) -> None:
    """A room imports what it may, and nothing above it; the shipped part imports nothing of `local`."""
    files = [path for module, path in MODULES.items() if module != "handler" and room(module) == name]
    assert files
    used = {room(module) for module in chain.from_iterable(map(imported, files))} - {name}
    assert used == ROOMS[name], f"{name} imports {sorted(used)}"


def test_no_circle() -> None:
    """No module imports itself, not through others either, and not through a function's import."""
    graph = {module: imported(path) - {module} for module, path in MODULES.items()}
    tuple(TopologicalSorter(graph).static_order())


def test_every_room_is_known() -> None:
    """A new folder or file below `handler` has its row above."""
    assert {room(module) for module in MODULES if module != "handler"} == {*ROOMS, "local"}


def test_size() -> None:
    """A shipped module holds one idea: 150 lines at most."""
    long = {
        module: lines
        for module, path in MODULES.items()
        if not module.startswith("handler.local") and (lines := len(path.read_text("utf-8").splitlines())) > 150
    }
    assert not long


def test_no_test_module_imports_another() -> None:
    """What tests share is in `support.py`, `fault_table.py` or a fixture."""
    for path in Path("tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not any(part.startswith("test_") for part in str(node.module).split(".")), path
