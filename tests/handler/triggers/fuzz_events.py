"""Fuzz the reading of events, guided by coverage: `python -m tests.handler.triggers.fuzz_events [OPTIONS]`.

Any event leads to arguments, or to an `OpenApiError` that the trigger turns into a reply.
"""

import json
import sys

import atheris

with atheris.instrument_imports(include=["handler"]):
    from handler import contract, triggers
    from handler.errors import OpenApiError


def one_event(content: bytes) -> None:
    """Pass an event through recognition, its arguments, and both kinds of reply."""
    try:
        event = json.loads(content)
    except (ValueError, RecursionError):
        return
    trigger = triggers.recognise(event)
    trigger.find_correlation_id()
    try:
        arguments = trigger.parse_arguments()
        reply = trigger.succeed({"errcode": 0, "a_b": 1}, arguments)
    except OpenApiError as error:
        reply = trigger.fail(error.detach(), "return")
        check_refusal(error)
    else:
        assert isinstance(arguments, contract.Arguments)
    json.dumps(reply, ensure_ascii=False).encode()


def check_refusal(error: OpenApiError) -> None:
    """Check that a refusal blames the caller, and does not repeat the event."""
    assert error.errCode in (40097, 41002, 43001), error
    assert len(str(error)) < 2000


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_event)
    atheris.Fuzz()
