"""Many mini programs for the sandbox: appids, and releases in different states."""

from collections.abc import Iterable, Mapping

from gray_release.sandbox.scenario import Json, Plan

HOUR = 3600


def create_appids(count: int) -> list[str]:
    """Return `count` appids from `wx0000000000000001` up, the same as `seq -f 'wx%016.f' COUNT` prints."""
    return [f"wx{number:016d}" for number in range(1, count + 1)]


def create_plans(fleet: Iterable[str], now: float) -> dict[str, Mapping[str, object] | Plan | None]:
    """Return a plan for each appid at Unix time `now`. Six of every ten mini programs have a release under way."""
    return {appid: _create_plan(number, int(now)) for number, appid in enumerate(fleet)}


def _create_plan(number: int, now: int) -> Json | None:
    percentage = 1 + number * 37 % 99
    times = {"create_timestamp": now - percentage * HOUR - number % 60}
    finish = {"default_finish_timestamp": now + (100 - percentage) * HOUR}  # WeChat's newer answers do not have it
    members_only = {"support_debuger_first": True, "support_experiencer_first": True}
    kinds: tuple[Json | None, ...] = (
        {"status": 1, "gray_percentage": percentage, **times, **finish},
        {"status": 3, "gray_percentage": 100, **times},
        {"status": 1, "gray_percentage": percentage, **times},
        {"status": 2, "gray_percentage": percentage, **times},
        {"status": 0},  # over or withdrawn
        {"status": 1, "gray_percentage": percentage, **times},
        {"status": 1, "gray_percentage": 0, **times, **members_only},
        {"status": 3, "gray_percentage": 100, **times},
        {"status": 1, "gray_percentage": percentage, **times},
        None,
    )
    return kinds[number % len(kinds)]
