"""Find the texts that can be reached from an exception, as a debugger or an error tracker would."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any

_TESTS = str(Path(__file__).parent)
# The frames of these functions hold the caller's own event.
ENTRY = ("lambda_handler", "main_handler", "_answer", "fail")


def texts(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield every text that can be reached from an exception, with its path.

    The search covers causes, contexts, arguments, attributes, and the local variables of every frame in a traceback,
    except the tests' frames.
    """
    seen: dict[int, object] = {}  # keeps the objects alive, so that Python does not use an id twice
    left: list[tuple[str, Any]] = [("error", error)]
    while left:
        path, value = left.pop()
        if id(value) in seen or isinstance(value, ModuleType | type | CodeType | int | float | None):
            continue
        seen[id(value)] = value
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, bytes | bytearray | memoryview):
            yield path, bytes(value).decode("latin-1")
        else:
            left += [(path if name == "next" else f"{path}.{name}", inner) for name, inner in _parts(value)]


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, TracebackType):
        yield value.tb_frame.f_code.co_name, value.tb_frame
        yield "next", value.tb_next
    elif isinstance(value, FrameType):
        if not value.f_code.co_filename.startswith(_TESTS):
            yield from dict(value.f_locals).items()
    elif isinstance(value, Mapping):
        for key, inner in dict(value).items():
            yield from (("key", key), (str(key)[:20], inner))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((str(index), inner) for index, inner in enumerate(value))
    elif isinstance(value, FunctionType):
        yield from (("closure", cell.cell_contents) for cell in value.__closure__ or ())
    for name in (*_LINKS, *_slots(type(value)), "__dict__"):
        with contextlib.suppress(AttributeError):
            yield name.strip("_"), getattr(value, name)


# Attributes of exceptions, methods, partial functions and generators.
_LINKS = ("__traceback__", "__cause__", "__context__", "args", "__self__", "__func__", "func", "keywords", "gi_frame")


def _slots(kind: type) -> list[str]:
    slots = [of.__dict__.get("__slots__", ()) for of in kind.__mro__]
    return [name for each in slots for name in ([each] if isinstance(each, str) else each)]
