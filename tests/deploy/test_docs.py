"""The pages about deployments and fleets: their prices, error codes and names are right."""

import json
import math
import re

import pytest

from handler.batch import THREADS
from tests.deploy.cloudformation import PARAMETERS, TEMPLATE
from tests.marks import read_block
from tests.support import ROOT

PAGE = (ROOT / "docs/deploying-on-aws.md").read_text("utf-8")
FLEET = [(ROOT / f"docs/fleet{language}.md").read_text("utf-8") for language in ("", ".zh-CN")]
SWEEP, WATCH = ((ROOT / f"statemachines/{name}.asl.json").read_text("utf-8") for name in ("sweep", "watch"))
BATCH = int(re.findall(r'"MaxItemsPerBatch": (\d+)', SWEEP)[0])
LAMBDA = 0.20e-6 + 0.5 * 0.3 * 0.0000166667  # USD for a call of 0.3 seconds at 512 MB


def test_costs() -> None:
    """The prices are those of the calls, the memory and the seconds that the page states."""
    table = read_block(PAGE, "costs").splitlines()
    kinds = [
        (float(memory) / 1024, 0.3 if warmth == "warm" else 1.5)
        for memory, warmth in re.findall(r"(\d+) MB, (warm|cold)", table[0])
    ]
    assert len(kinds) == 4
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]
    assert len(rows) == 5
    for calls, _, *prices in rows:
        count = int(calls.replace(",", ""))
        expected = [count * (0.20e-6 + gigabytes * seconds * 0.0000166667) for gigabytes, seconds in kinds]
        assert prices == [f"{price:.2f}" for price in expected]


def test_names() -> None:
    """The page names only parameters, alarms and files that exist."""
    named = set(re.findall(r"\b([A-Z][a-z][A-Za-z]+)=", PAGE)) - {"Key"}
    assert named <= set(PARAMETERS)
    assert len(named) >= 15
    alarms = {name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
    assert set(re.findall(r"`(\w+Alarm)` \|", PAGE)) == alarms
    for path in re.findall(r"\]\(([\w./-]+\.md)", PAGE) + re.findall(r"`(tests/[\w/]+\.py)`", PAGE):
        assert (ROOT / path).exists() or (ROOT / "docs" / path).exists(), path


@pytest.mark.parametrize("path", ["docs/deploying-on-aws.md", "docs/fleet.md", "docs/fleet.zh-CN.md", "README.md"])
def test_quotes(path: str) -> None:
    """A value with a blank has quotes inside the shell's quotes, because sam would cut it off at the blank."""
    text = (ROOT / path).read_text("utf-8")
    assert re.findall(r"(?<![\"'`\w])\w+Expression='[^']*'", text) == []


@pytest.mark.parametrize("page", FLEET, ids=["English", "Chinese"])
def test_fleet(page: str) -> None:
    """The page lists the template's parameters with their defaults, and the state machines' errCodes and events."""
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|]*?)`? \|", page, re.MULTILINE))
    defaults = {name: str(PARAMETERS[name]["Default"]) for name in rows}
    assert {name: value for name, value in rows.items() if value != defaults[name]}.keys() == {
        "FleetScheduleExpression"
    }
    assert defaults["FleetScheduleExpression"] == ""
    assert len(rows) == 7
    [own] = re.findall(r"code in \[([\d, ]{50,})\]", SWEEP)
    [listed] = re.findall(r"40013.+?86000", page, re.DOTALL)
    assert re.findall(r"\d+", listed) == re.findall(r"\d+", own)
    told = set(re.findall(r'"DetailType": "([^"]+)"', SWEEP + WATCH))
    assert set(re.findall(r"^\| `(Gray Release [^`]+)` \|", page, re.MULTILINE)) == told


def count_transitions() -> int:
    """Count the states that a successful sweep enters."""
    machine = json.loads(SWEEP)
    name, count = machine["StartAt"], 1
    while not machine["States"][name].get("End"):
        state = machine["States"][name]
        name, count = state.get("Default") or state["Next"], count + 1
    return count


def price_batch(size: int) -> float:
    """Return the price of a batch: one transition, one Express request with 64 MB, and one call of the function."""
    seconds = 0.3 * (1 + math.ceil((size - 1) / THREADS))
    gigabyte_seconds = 64 / 1024 * 0.00001667 + 0.5 * 0.0000166667
    return 25e-6 + 1e-6 + 0.20e-6 + seconds * gigabyte_seconds


def price_sweep(count: int) -> float:
    """Return the price of a sweep. Two more child executions read the list and count the rows."""
    sizes = [min(BATCH, count - start) for start in range(0, count, BATCH)]
    return (count_transitions() + 2) * 25e-6 + 2e-6 + sum(map(price_batch, sizes))


def test_price_of_ten_thousand() -> None:
    """A sweep of 10,000 costs less than 0.015 USD, so hourly sweeps cost less than 12 USD a month."""
    assert price_sweep(10_000) <= 0.015
    assert price_sweep(10_000) * 24 * 30 <= 12


@pytest.mark.parametrize("page", FLEET, ids=["English", "Chinese"])
def test_fleet_costs(page: str) -> None:
    """The prices are those of the state machines' transitions, Express requests and calls of the function."""
    watch = 5 * 25e-6 + LAMBDA
    assert f"| {price_batch(BATCH) / BATCH * 1e6:.2f} / " in page
    assert f"| {watch * 1e6:.0f} / " in page
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == ["3", "300", "1,000", "10,000"]
    for count, once, *months in rows:
        price = price_sweep(int(count.replace(",", "")))
        assert float(once) == pytest.approx(price, rel=0.2)  # a cell holds one price or two
        assert months == [f"{price * sweeps:.2f}" for sweeps in (30 * 24, 30 * 4)]
    assert f"{price_sweep(10_000) * 30 * 24 * 6:.2f}" in page
    assert f"{(count_transitions() + 2) * 25e-6:.4f}" in page
    assert f"{15 * 24 * 6 * watch:.2f}" in page
