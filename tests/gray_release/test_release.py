"""The words for an answer and for times."""

from typing import Any

import pytest

from gray_release.release import STATE_NAMES, STATES, Answer
from gray_release.times import format_distance, format_time

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("reply", "failure", "state"),
    [
        ({"statusCode": 200, "body": '{"errcode": 40097, "errmsg": "x"}'}, 40097, "failed"),
        ({"statusCode": 500, "body": '{"errCode": 41002, "errMsg": "x"}'}, 41002, "failed"),
        ({"statusCode": 405, "body": ""}, -1, "failed"),
        ({"statusCode": 200, "body": ""}, None, "none"),
        ({"errCode": 0}, None, "none"),
        ({"errCode": 0, "grayReleasePlan": None}, None, "none"),
        ({"errCode": 0, "grayReleasePlan": {"status": True}}, None, "none"),
        ({"errCode": 0, "gray_release_plan": {"status": 2}}, None, "paused"),
        ({"errCode": 0, "grayReleasePlan": {"status": 9}}, None, "9"),
        ({"errCode": 0, "grayReleasePlan": {"status": 1, "grayPercentage": 0}}, None, "running"),
    ],
)
def test_answers(reply: dict[str, Any], failure: int | None, state: str) -> None:
    """The failure or the state is read from a result and from both forms of an HTTP reply."""
    answer = Answer.from_reply(reply)
    assert (answer.failure, answer.state.name) == (failure, state)


def test_states() -> None:
    """Every status that WeChat documents has words, and a name for `--until`."""
    assert set(STATES) == {0, 1, 2, 3, 4}
    assert STATE_NAMES == ("initial", "running", "paused", "finished", "deleted", "none")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (NOW, "now"),
        (NOW - 1, "1 second ago"),
        (NOW + 59, "in 59 seconds"),
        (NOW - 90, "1 minute ago"),
        (NOW + 7200, "in 2 hours"),
        (NOW - 86_400 * 3, "3 days ago"),
        (NOW + 86_400 * 70, "in 2 months"),
        (0, "57 years ago"),
    ],
)
def test_relative_times(seconds: float, text: str) -> None:
    """The distance of a time from now is written in its largest whole unit."""
    assert format_distance(seconds, NOW) == text


@pytest.mark.parametrize("seconds", [None, 0, 1e14, float("nan")])
def test_unknown_times(seconds: float | None) -> None:
    """A value outside the calendar is written as unknown."""
    assert format_time(seconds) == "unknown"
