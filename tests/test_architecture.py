"""Imports point one way: from the commands down to the failures, in no circle."""

import ast
import re
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

# What each room may import of the others. A new arrow here is a decision: read CONTRIBUTING.md first.
ROOMS = {
    "errors": set[str](),
    "environment": set[str](),
    "exact_json": set[str](),
    "addresses": set[str](),
    "deadline": {"errors"},
    "contract": {"errors"},
    "invocation": {"deadline", "errors"},
    "settings": {"addresses", "environment", "contract", "errors"},
    "network": {"environment", "invocation", "deadline", "errors"},
    "wechat": {"network", "invocation", "exact_json", "errors"},
    "app_secret": {"network", "settings", "invocation", "deadline", "exact_json", "errors"},
    "tokens": {"app_secret", "wechat", "network", "settings", "invocation", "exact_json", "errors"},
    "operation": {"tokens", "wechat", "settings", "invocation", "contract", "errors"},
    "batch": {"invocation", "wechat", "contract", "errors"},
    "triggers": {"contract", "exact_json", "errors"},
    "telemetry": {"environment", "invocation", "contract", "errors"},
    "app": {"operation", "batch", "triggers", "telemetry", "settings", "invocation", "contract", "errors"},
}


def module_of(path: Path) -> str:
    """Return a file's dotted name."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


HOUSES = ("handler", "gray_release", "deploy")
MODULES = {module_of(path): path for house in HOUSES for path in Path(house).rglob("*.py")}


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


def shipped() -> dict[str, Path]:
    """Return the modules that ship, but for `handler` itself, which holds nothing."""
    return {module: path for module, path in MODULES.items() if module.startswith("handler.")}


def room(module: str) -> str:
    """Return the folder or the file right below `handler` that a module is in."""
    return module.split(".")[1]


def house(module: str) -> str:
    """Return the top folder that a module is in."""
    return module.split(".", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("name", "may_import"), [("handler", set()), ("gray_release", {"handler"}), ("deploy", set[str]())]
)
def test_houses(name: str, may_import: set[str]) -> None:
    """What ships imports nothing of the command or the build; the build imports neither of the two others."""
    files = [path for module, path in MODULES.items() if house(module) == name]
    assert files
    assert {house(module) for module in chain.from_iterable(map(imported, files))} - {name} <= may_import


@pytest.mark.parametrize("name", ROOMS)
def test_directions(name: str) -> None:
    """A room imports what it may, and nothing above it."""
    files = [path for module, path in shipped().items() if room(module) == name]
    assert files
    used = {room(module) for module in chain.from_iterable(map(imported, files))} - {name}
    assert used == ROOMS[name], f"{name} imports {sorted(used)}"


def test_no_circle() -> None:
    """No module imports itself, not through others either, and not through a function's import."""
    graph = {module: imported(path) - {module} for module, path in MODULES.items()}
    tuple(TopologicalSorter(graph).static_order())


def test_every_room_is_known() -> None:
    """A new folder or file below `handler` has its row above."""
    assert {room(module) for module in shipped()} == {*ROOMS}


def test_no_test_module_imports_another() -> None:
    """What tests share is in `support.py`, `fault_table.py` or a fixture."""
    for path in Path("tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not any(part.startswith("test_") for part in str(node.module).split(".")), path


def list_reachable(room: str) -> set[str]:
    """Return the rooms that an import leads to, directly or through others."""
    return set(chain(ROOMS[room], *(list_reachable(imported) for imported in ROOMS[room])))


def test_picture() -> None:
    """The picture in docs/design.md has every room, and the arrows that no longer way implies."""
    _, _, section = Path("docs/design.md").read_text("utf-8").partition("## Architecture")
    drawn = {
        (source, target)
        for sources, targets in re.findall(r"^  ([\w &]+) --> ([\w &]+)$", section, re.MULTILINE)
        for source in sources.split(" & ")
        for target in targets.split(" & ")
    }
    needed = {
        (room, imported)
        for room, imports in ROOMS.items()
        for imported in imports
        if not any(imported in list_reachable(other) for other in imports)
    }
    assert drawn == needed | {("gray_release", "app")}
    table = section.partition("\n## ")[0]
    assert {name for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"\w+", row)} == {
        *ROOMS
    }
