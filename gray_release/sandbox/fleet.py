"""Many mini programs for the sandbox: their appids, and a release for each that is not like the next one's."""

from collections.abc import Iterable, Mapping

from gray_release.sandbox.scenario import Json, Plan

HOUR = 3600


def create_appids(count: int) -> list[str]:
    """Return so many appids: `wx0000000000000001` and on, which `seq -f 'wx%016.f' COUNT` prints too."""
    return [f"wx{number:016d}" for number in range(1, count + 1)]


def create_plans(fleet: Iterable[str], now: float) -> dict[str, Mapping[str, object] | Plan | None]:
    """Return a plan for each appid, at Unix time `now`: of ten mini programs, five are rolling out or paused."""
    return {appid: _create_plan(number, int(now)) for number, appid in enumerate(fleet)}


def _create_plan(number: int, now: int) -> Json | None:
    percentage = 1 + number * 37 % 99
    times = {"create_timestamp": now - percentage * HOUR - number % 60}
    finish = {"default_finish_timestamp": now + (100 - percentage) * HOUR}  # which WeChat's newer answers leave out
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
