"""Fuzzing of stored values, guided by coverage."""

from pathlib import Path

import pytest

from tests.support import fuzz

pytestmark = pytest.mark.slow

VALUES = (
    b"token-of-a-test",
    b'"token-of-a-test"',
    b'{"access_token": "token-of-a-test", "expires_in": 7200}',
    b'{"data": {"authorization_info": {"authorizer_access_token": "token-of-a-test"}}}',
    b'{"data": "token-of-a-test-of-more-than-32-characters"}',
    b'"undefined"',
    b'a:1:{s:5:"token";s:3:"abc";}',
    b"\xac\xed\x00\x05t\x00\x03abc",
    b"\x00\x00\x00\x02\x11\x03abc",
    '"token-of-a-test"'.encode("utf-16"),
)


def test_stored_values(tmp_path: Path) -> None:
    """Values mutated from those of known systems cause no crash and are not shown."""
    for number, content in enumerate(VALUES):
        (tmp_path / str(number)).write_bytes(content)
    fuzz("tests.handler.tokens.fuzz_stored_value", tmp_path, "-runs=1000000", "-max_len=3000")
