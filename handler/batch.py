"""Ask for many mini programs in one invocation. Each question has its own requests and log line; all share the time."""

import contextvars
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from handler import errors
from handler.contract import API, Arguments, create_result
from handler.invocation import Invocation, Outcome

THREADS = 10  # WeChat takes 0.1 to 0.3 s to answer, most of which a thread only waits
# Lambda and SCF accept a reply of 6 MB. A row usually has about 300 bytes.
REPLY_BYTES = 5_000_000
ROW_BYTES = 5_000
_CHARACTER_BYTES = 16  # more than any character of a reason takes in a reply: an emoji takes 12, a control character 7


class Batch(NamedTuple):
    """The reply, and how many mini programs could not be asked in time; or the one failure that all would share."""

    reply: dict[str, Any]
    unasked: int = 0
    common_failure: Outcome | None = None


def ask_all(
    appids: Sequence[str],
    arguments: Arguments,
    ask: Callable[[Arguments], Outcome],
    write: Callable[[Outcome], None],
    invocation: Invocation,
) -> Batch:
    """Ask for each appid once, with several threads. The reply is `{"errCode": 0, "errMsg", "results"}`.

    The results are in the order of `appids`; each is `{"appid", "errCode", "errMsg", "grayReleasePlan"?}`. A mini
    program that could not be asked in time has -1 and `out of time`. `write` gets each outcome. The first question is
    asked alone: if its failure is one that all would share, no other question is asked.
    """
    unique = list(dict.fromkeys(appids))
    longest = min(ROW_BYTES, REPLY_BYTES // len(unique))

    def ask_one(appid: str) -> dict[str, Any] | None:
        if invocation.deadline.seconds_left() <= 0:
            return None
        outcome = ask(_select(arguments, appid))
        write(outcome)
        return _create_row(appid, outcome, arguments, longest)

    first = ask(_select(arguments, unique[0]))
    if first.failure and first.failure.shared:
        return Batch({}, common_failure=first)
    write(first)
    rows: list[dict[str, Any] | None] = [_create_row(unique[0], first, arguments, longest)]
    with ThreadPoolExecutor(THREADS) as executor:
        # The keys of the log lines are context variables, which a new thread does not inherit.
        waiting = [executor.submit(contextvars.copy_context().run, ask_one, appid) for appid in unique[1:]]
        rows += [future.result() for future in waiting]
    late = errors.out_of_time().to_dict()
    results = [row or {"appid": appid, **late} for appid, row in zip(unique, rows, strict=True)]
    return Batch({"errCode": 0, "errMsg": f"{API}:ok", "results": results}, rows.count(None))


def _select(arguments: Arguments, appid: str) -> Arguments:
    return arguments.model_copy(update={"appid": appid, "appids": None})


def _create_row(appid: str, outcome: Outcome, arguments: Arguments, longest: int) -> dict[str, Any]:
    failure = outcome.failure
    answer = failure.to_dict() if failure else create_result(outcome.body, convert_case=arguments.convert_case)
    row = {"appid": appid} | answer | {"appid": appid}  # as the first key, and never the one in WeChat's body
    if _count_bytes(row) <= longest:
        return row
    if failure is None:
        return {"appid": appid, **errors.unavailable(f"the answer is over {longest} bytes").to_dict()}
    from handler.wechat import echoes  # noqa: PLC0415 - only a long reason needs it

    reason = echoes.shorten(failure.reason, longest // _CHARACTER_BYTES)
    return {"appid": appid, **errors.refused(failure.errCode, reason).to_dict()}


def _count_bytes(row: dict[str, Any]) -> int:
    """Return the bytes that a row takes in the longest form of a reply: JSON within JSON, in ASCII."""
    return len(json.dumps(json.dumps(row, ensure_ascii=False)))
