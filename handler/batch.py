"""Get the plans of many mini programs in one invocation.

Each mini program has a separate limit of requests and a separate log line. All share the invocation's time.
"""

import contextvars
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from handler import errors
from handler.contract import API, Arguments, create_result
from handler.invocation import Invocation, Outcome

THREADS = 10  # WeChat takes 0.1 to 0.3 s to answer, and a waiting thread needs no CPU
REPLY_BYTES = 5_000_000  # Lambda and SCF accept a reply of 6 MB
ROW_BYTES = 5_000  # a row usually has about 300 bytes
_CHARACTER_BYTES = 16  # most bytes of one character in a reply; an emoji takes 12, a control character 7


class Batch(NamedTuple):
    """The reply, and the number of mini programs that were not checked in time.

    If the first mini program's failure concerns all of them, the reply is empty and `common_failure` is that failure.
    """

    reply: dict[str, Any]
    unchecked: int = 0
    common_failure: Outcome | None = None


def get_plans(
    appids: Sequence[str],
    arguments: Arguments,
    get_plan: Callable[[Arguments], Outcome],
    write: Callable[[Outcome], None],
    invocation: Invocation,
) -> Batch:
    """Get the plan of each appid once, in several threads. The reply is `{"errCode": 0, "errMsg", "results"}`.

    The results are in the order of `appids`; each is `{"appid", "errCode", "errMsg", "grayReleasePlan"?}`. The result
    of a mini program that was not checked in time has the errCode -1 and `out of time`. `write` receives each outcome.
    The first mini program is checked before the others. If its failure concerns all of them, the others are not
    checked.
    """
    unique = list(dict.fromkeys(appids))
    longest = min(ROW_BYTES, REPLY_BYTES // len(unique))

    def check_one(appid: str) -> dict[str, Any] | None:
        if invocation.deadline.seconds_left() <= 0:
            return None
        outcome = get_plan(_select(arguments, appid))
        write(outcome)
        return _create_row(appid, outcome, arguments, longest)

    first = get_plan(_select(arguments, unique[0]))
    if first.failure and first.failure.shared:
        return Batch({}, common_failure=first)
    write(first)
    rows: list[dict[str, Any] | None] = [_create_row(unique[0], first, arguments, longest)]
    with ThreadPoolExecutor(THREADS) as executor:
        # The log keeps its keys in context variables, which a new thread does not inherit.
        waiting = [executor.submit(contextvars.copy_context().run, check_one, appid) for appid in unique[1:]]
        rows += [future.result() for future in waiting]
    late = errors.out_of_time().to_dict()
    results = [row or {"appid": appid, **late} for appid, row in zip(unique, rows, strict=True)]
    return Batch({"errCode": 0, "errMsg": f"{API}:ok", "results": results}, rows.count(None))


def _select(arguments: Arguments, appid: str) -> Arguments:
    return arguments.model_copy(update={"appid": appid, "appids": None})


def _create_row(appid: str, outcome: Outcome, arguments: Arguments, longest: int) -> dict[str, Any]:
    failure = outcome.failure
    answer = failure.to_dict() if failure else create_result(outcome.body, convert_case=arguments.convert_case)
    row = {"appid": appid} | answer | {"appid": appid}  # `appid` is the first key, and WeChat's body cannot replace it
    if _count_bytes(row) <= longest:
        return row
    if failure is None:
        return {"appid": appid, **errors.unavailable(f"the answer is over {longest} bytes").to_dict()}
    from handler.wechat import echoes  # noqa: PLC0415 - loaded only for a long reason

    reason = echoes.shorten(failure.reason, longest // _CHARACTER_BYTES)
    return {"appid": appid, **errors.refused(failure.errCode, reason).to_dict()}


def _count_bytes(row: dict[str, Any]) -> int:
    """Return the bytes that a row takes in the longest form of a reply, which is JSON inside JSON, in ASCII."""
    return len(json.dumps(json.dumps(row, ensure_ascii=False)))
