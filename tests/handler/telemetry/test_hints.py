"""Hints name the address that WeChat saw."""

import pytest

from handler.errors import refused
from handler.telemetry.hints import find_hint


@pytest.mark.parametrize("code", [40164, 45035, 61004, 89503, 89506, 89507])
@pytest.mark.parametrize(
    ("reason", "address"),
    [
        ("invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 5f1e-2b", "203.0.113.7"),
        ("invalid ip 240e:3b7:1::8 ipv6 240e:3b7:1::8, not in whitelist rid: 5f1e-2b", "240e:3b7:1::8"),
        (
            "invalid ip 2408:4002:1234:5678:9abc:def0:1234:5678, not in whitelist",
            "2408:4002:1234:5678:9abc:def0:1234:5678",
        ),
        ("invalid ip 2001:DB8::1 rid: 1", "2001:db8::1"),
        ("invalid ip ::ffff:203.0.113.7, not in whitelist", "203.0.113.7"),
        ("client ip:203.0.113.7. rid: 1", "203.0.113.7"),
        ("access clientip is not registered, ip=2001:db8::2.", "2001:db8::2"),
        ("not in whitelist rid: 65f0:12-ab::", "this function's address"),
        ("version 1.2.3 at 12:30:45", "this function's address"),
        ("", "this function's address"),
    ],
)
def test_address(code: int, reason: str, address: str) -> None:
    """A hint names the IPv4 or IPv6 address in WeChat's errmsg."""
    text = find_hint(refused(code, reason))
    assert text is not None
    assert f" {address}" in text
