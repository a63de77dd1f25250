"""Fuzz the reading of stored tokens, guided by coverage: `python -m tests.handler.tokens.fuzz_stored_value [OPTIONS]`.

Any bytes lead to a token of the known alphabet, or to an `OpenApiError` that shows none of them.
"""

import re
import sys

import atheris

with atheris.instrument_imports(include=["handler"]):
    from handler.errors import NO_TOKEN, OpenApiError
    from handler.tokens import stored_value


def one_value(content: bytes) -> None:
    """Read the value as a store's value, and as a token server's answer."""
    try:
        token = stored_value.read_token(content, "the store")
    except OpenApiError as error:
        check_refusal(error, content)
    else:
        assert re.fullmatch(r"[A-Za-z0-9_.~@=+/-]{1,2048}", token)
        assert token.encode() in content or b"\\" in content or b"\0" in content  # escaped, or in UTF-16


def check_refusal(error: OpenApiError, content: bytes) -> None:
    """Check that a refusal names a kind, and shows nothing of the value."""
    kind = error.reason.partition(": found ")[2]
    assert error.errCode == NO_TOKEN
    assert len(kind) < 80
    assert len(content) < 16 or content.decode("latin-1") not in kind


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_value)
    atheris.Fuzz()
