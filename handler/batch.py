"""Many mini programs in one invocation: each question is asked as if it were alone, and all share the deadline."""

import contextvars
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from handler import errors
from handler.contract import API, Arguments, create_result
from handler.invocation import Invocation, Outcome

THREADS = 10  # WeChat answers in 0.1 to 0.3 s, nearly all of it waiting
# Lambda and SCF carry a reply of 6 MB. A row has about 300 bytes.
REPLY_BYTES = 5_000_000
ROW_BYTES = 5_000
_CHARACTER_BYTES = 16  # of a row, for each character of a reason: 12 for an emoji, 7 for a control character


class Batch(NamedTuple):
    """The answer to many questions: the reply, and how many mini programs the deadline left unasked."""

    reply: dict[str, Any]
    unasked: int


def ask_all(
    appids: Sequence[str],
    arguments: Arguments,
    ask: Callable[[Arguments], Outcome],
    write: Callable[[Outcome], None],
    invocation: Invocation,
) -> Batch:
    """Ask for each appid once, some at the same time; reply `{"errCode": 0, "errMsg", "results"}`, in their order.

    A row of the results is `{"appid", "errCode", "errMsg", "grayReleasePlan"?}`. A mini program that the deadline
    leaves unasked has a row with -1 and `out of time`. `write` gets each outcome. The first question goes alone: if
    every other mini program would meet its failure too, that failure is raised as `OpenApiError`.
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
        raise first.failure
    write(first)
    rows: list[dict[str, Any] | None] = [_create_row(unique[0], first, arguments, longest)]
    with ThreadPoolExecutor(THREADS) as executor:
        # The log's keys are in the context, which a thread does not inherit.
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
    row = {"appid": appid} | answer | {"appid": appid}  # first, and ours even if WeChat's body has one
    if _count_bytes(row) <= longest:
        return row
    if failure is None:
        return {"appid": appid, **errors.unavailable(f"the answer is over {longest} bytes").to_dict()}
    from handler.wechat import echoes  # noqa: PLC0415 - short answers need none

    reason = echoes.shorten(failure.reason, longest // _CHARACTER_BYTES)
    return {"appid": appid, **errors.refused(failure.errCode, reason).to_dict()}


def _count_bytes(row: dict[str, Any]) -> int:
    """Return the most that a row takes of a reply: an HTTP trigger escapes it, and Lambda escapes that, as ASCII."""
    return len(json.dumps(json.dumps(row, ensure_ascii=False)))
