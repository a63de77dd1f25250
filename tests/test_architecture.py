"""Check that imports go in one direction, from the commands to the errors, without a circle."""

import ast
import re
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

# Each part of `handler`, with the parts that it imports. Read CONTRIBUTING.md before you add an import.
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


def find_imports(path: Path) -> set[str]:
    """Return the project's modules that a file imports. Imports inside functions count too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found & (MODULES.keys() - {"handler"})


def find_shipped() -> dict[str, Path]:
    """Return the modules below `handler`, without `handler/__init__.py`, because it is empty."""
    return {module: path for module, path in MODULES.items() if module.startswith("handler.")}


def find_room(module: str) -> str:
    """Return the folder or file directly below `handler` that contains a module."""
    return module.split(".")[1]


def find_house(module: str) -> str:
    """Return the top folder of a module."""
    return module.split(".", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("name", "may_import"), [("handler", set()), ("gray_release", {"handler"}), ("deploy", set[str]())]
)
def test_houses(name: str, may_import: set[str]) -> None:
    """`handler` and `deploy` import no other package of the project. `gray_release` imports only `handler`."""
    files = [path for module, path in MODULES.items() if find_house(module) == name]
    assert files
    assert {find_house(module) for module in chain.from_iterable(map(find_imports, files))} - {name} <= may_import


@pytest.mark.parametrize("name", ROOMS)
def test_directions(name: str) -> None:
    """Each part of `handler` imports exactly the parts that the table lists."""
    files = [path for module, path in find_shipped().items() if find_room(module) == name]
    assert files
    used = {find_room(module) for module in chain.from_iterable(map(find_imports, files))} - {name}
    assert used == ROOMS[name], f"{name} imports {sorted(used)}"


def test_no_circle() -> None:
    """No module imports itself, directly or through other modules, or inside a function."""
    graph = {module: find_imports(path) - {module} for module, path in MODULES.items()}
    tuple(TopologicalSorter(graph).static_order())


def test_every_room_is_known() -> None:
    """Each folder and file directly below `handler` has a row in the table."""
    assert {find_room(module) for module in find_shipped()} == {*ROOMS}


def test_no_test_module_imports_another() -> None:
    """No test module imports another test module."""
    for path in Path("tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not any(part.startswith("test_") for part in str(node.module).split(".")), path


def list_reachable(room: str) -> set[str]:
    """Return the parts that this part imports, directly or through other parts."""
    return set(chain(ROOMS[room], *(list_reachable(imported) for imported in ROOMS[room])))


def test_picture() -> None:
    """The picture in docs/design.md shows each part. It shows an import unless a longer path already implies it."""
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
