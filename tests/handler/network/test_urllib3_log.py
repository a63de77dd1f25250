"""urllib3's log shows no token, at its default level and at DEBUG, even if WeChat's headers repeat one."""

import logging
from urllib.parse import quote

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import SECRET, Sandbox
from handler.contract import OpenApiError
from tests.support import PLAN, STABLE, Configure, Invoke

TOKEN = "hush+token/4f1c"
ECHO = f"GET {PLAN}?access_token={quote(TOKEN, safe='')} {TOKEN} {SECRET}"
HEADERS = {
    "no colon": f"{ECHO}\r\n",
    "folded": f" {ECHO}\r\n",
    "folded below another": f"X-Echo: {ECHO}\r\n {ECHO}\r\n",
    "an empty name": f": {ECHO}\r\n",
    "a NUL": f"X-Echo: \x00{ECHO}\r\n",
    "a space in a name": f"X Echo: {ECHO}\r\n",
    "a multipart type": f"Content-Type: multipart/mixed; boundary={TOKEN}\r\n",
    "a return": f"X-Echo: a\r{ECHO}\r\n",
}


@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG], ids=["default", "DEBUG"])
@pytest.mark.parametrize("header", HEADERS)
def test_headers_that_repeat_the_request(
    sandbox: Sandbox,
    invoke: Invoke,
    configure: Configure,
    caplog: pytest.LogCaptureFixture,
    header: str,
    level: int,
) -> None:
    """An unreadable header is not shown, because it may repeat the request's token or the AppSecret."""
    configure(WECHAT_TIMEOUT_SECONDS="0.5")  # a folded line makes the length above it invalid, so the body never ends
    caplog.set_level(level)
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n{HEADERS[header]}X-More: 1\r\n\r\n".encode("latin-1")
    sandbox.faults += [Fault("any", "raw", raw=raw + b'{"errcode":0')]
    for event in ({"accessToken": TOKEN}, {}):
        with pytest.raises(OpenApiError):
            invoke(event)
    assert {path for _, path in sandbox.requests} == {PLAN, STABLE}
    told = caplog.text + "".join(str(record.args) for record in caplog.records)
    assert [secret for secret in (TOKEN, quote(TOKEN, safe=""), SECRET) if secret in told] == []


def test_log_is_there(sandbox: Sandbox, invoke: Invoke, caplog: pytest.LogCaptureFixture) -> None:
    """urllib3's log without the secrets is printed. This proves that the test above would notice a secret."""
    caplog.set_level(logging.DEBUG)
    sandbox.faults.append(Fault("plan", "raw", raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nbad\r\n\r\n{}"))
    assert invoke({"accessToken": TOKEN})["errCode"] == 0
    assert "Failed to parse headers" in caplog.text
    assert f"GET {PLAN}" in caplog.text
