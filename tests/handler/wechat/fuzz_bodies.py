"""Fuzz the reading of WeChat's bodies, guided by coverage: `python -m tests.handler.wechat.fuzz_bodies [OPTIONS]`.

Any bytes lead to a `ValueError` of the parser, an `OpenApiError`, or a reply that can be sent.
"""

import json
import sys

import atheris

with atheris.instrument_imports(include=["handler"]):
    from handler import contract, exact_json
    from handler.telemetry.hints import classify, find_hint
    from handler.wechat import errcode as answers


def one_body(content: bytes) -> None:
    """Pass a body through the function's code."""
    try:
        body = exact_json.parse_object(content)
    except ValueError:
        return
    try:
        answers.check(body, lambda: ["secret-value"])
    except contract.OpenApiError as error:
        check_refusal(error)
        return
    for convert_case in (True, False):
        reply = contract.create_result(body, convert_case=convert_case)
        assert (reply["errCode"], reply["errMsg"]) == (0, f"{contract.API}:ok")
        text = json.dumps(reply, ensure_ascii=False, allow_nan=False)
        assert json.loads(text.encode().decode()) == reply
    assert isinstance(contract.find_drift(body), list)


def check_refusal(error: contract.OpenApiError) -> None:
    """Check that an error can be reported, and hides secrets."""
    told = json.loads(str(error))
    assert told == error.to_dict()
    assert isinstance(told["errCode"], int)
    assert told["errCode"] != 0
    assert "secret-value" not in str(error)
    assert classify(error)
    find_hint(error)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_body)
    atheris.Fuzz()
