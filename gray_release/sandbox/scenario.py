"""The sandbox's plans: WeChat's documented example, or a release that changes over time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
Plan = Callable[[float], Mapping[str, Any] | None]  # returns the plan at a Unix time

DOCUMENTED_PLAN = {
    "status": 1,
    "create_timestamp": 1517553721,
    "default_finish_timestamp": 1517554721,
    "gray_percentage": 8,
}

STEPS = {"wait": 0, "rise": 1, "pause": 2, "finish": 3, "delete": 4}  # the step's name, and WeChat's status


def create_scenario(steps: Sequence[tuple[str, float]], start: float) -> Plan:
    """Create the plan of a release that starts at Unix time `start`. Each step has a name and a length in seconds.

    All `rise` steps together take it from 0 to 100 percent; at 100 percent it is finished. It stays at the last step.
    """
    rise = sum(seconds for step, seconds in steps if step == "rise") or 1
    end = start + sum(seconds for _, seconds in steps)

    def plan(now: float) -> Json:
        seconds_left, share, status = now - start, 0.0, 0
        for step, seconds in steps:
            status = STEPS[step]
            share = 1 if step == "finish" else share + min(max(seconds_left, 0), seconds) / rise * (step == "rise")
            if seconds_left < seconds:
                break
            seconds_left -= seconds
        percentage = min(int(round(share * 100, 6)), 100)
        return {
            "status": 3 if status == 1 and percentage == 100 else status,
            "create_timestamp": int(start),
            "default_finish_timestamp": int(end),
            "gray_percentage": percentage,
        }

    return plan


def create_rising_plan(seconds: float, start: float) -> Plan:
    """Create a plan that rises from 0 to 100 percent in `seconds` from Unix time `start`, and is then finished."""
    return create_scenario([("rise", seconds)], start)
