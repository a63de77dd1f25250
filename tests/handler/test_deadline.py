"""The time left according to the platform's context: any value leads to a deadline."""

from types import SimpleNamespace
from typing import Any

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from handler.app import lambda_handler, main_handler
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, Configure, Log

DEFAULT = 19_500  # milliseconds: 20 seconds less the margin to answer
SAYS_NOTHING: list[Any] = [
    None,
    "soon",
    "",
    "NaN",
    "Infinity",
    "9" * 400,
    float("nan"),
    float("inf"),
    10**400,
    -(10**400),
    True,
    [3000],
    {},
]
SAYS: list[tuple[Any, int]] = [
    (3000, 2700),
    ("3000", 2700),
    (" 3000 ", 2700),
    ("3e3", 2700),
    (3000.5, 2700),
    (10**18, 899_500),
    (60_000, 59_500),
]


def on_lambda(milliseconds: Any) -> SimpleNamespace:
    """Create a Lambda context that returns this value as the milliseconds left."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)


def _raise_error() -> int:
    raise RuntimeError("hush")


@pytest.mark.parametrize("milliseconds", SAYS_NOTHING, ids=lambda value: str(value)[:12])
def test_default(sandbox: Sandbox, log: Log, milliseconds: Any) -> None:
    """If the context states no usable time, the default time limit of the function's templates applies."""
    assert lambda_handler({}, on_lambda(milliseconds)) == DOCUMENTED
    assert main_handler({}, {"time_limit_in_ms": milliseconds}) == DOCUMENTED
    assert [DEFAULT - 3000 < line["remaining_ms"] <= DEFAULT for line in log()] == [True, True]
    assert sandbox.refusals == {0: 3}


@pytest.mark.parametrize(("milliseconds", "left"), SAYS, ids=lambda value: str(value)[:12])
@pytest.mark.usefixtures("sandbox")
def test_stated(log: Log, milliseconds: Any, left: int) -> None:
    """A stated time counts, also as a text, up to the longest time that the platforms allow."""
    assert lambda_handler({}, on_lambda(milliseconds)) == DOCUMENTED
    assert main_handler({}, {"time_limit_in_ms": milliseconds}) == DOCUMENTED
    assert [left - 1500 < line["remaining_ms"] <= left + 1 for line in log()] == [True, True]


@pytest.mark.parametrize("context", [None, {}, SimpleNamespace(get_remaining_time_in_millis=_raise_error)])
@pytest.mark.usefixtures("sandbox")
def test_contexts(log: Log, context: Any) -> None:
    """If the context is missing or raises, the default time applies."""
    assert lambda_handler({}, context) == DOCUMENTED
    [line] = log()
    assert DEFAULT - 3000 < line["remaining_ms"] <= DEFAULT


@pytest.mark.parametrize("context", [None, on_lambda("3000"), on_lambda(10**400)], ids=["none", "a text", "huge"])
def test_hanging_wechat(sandbox: Sandbox, configure: Configure, monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    """If the platform states no time and WeChat hangs, the invocation still ends with HTTP status 504."""
    configure(WECHAT_TIMEOUT_SECONDS="900")
    for name in ("DEFAULT_SECONDS", "LONGEST_SECONDS"):
        monkeypatch.setattr(f"handler.deadline.{name}", 1.0)
    sandbox.faults.append(Fault.parse("plan:hang=8"))  # seconds until the connection ends, which would give status 503
    with pytest.raises(OpenApiError) as caught:
        lambda_handler({}, context)
    assert (caught.value.errCode, caught.value.status) == (-1, 504)
