"""Names that are resolved only after the deadline: DNS has no timeout, so a thread runs on after the call."""

import socket
import threading
import time
from typing import Any

import pytest

from gray_release.sandbox.server import APPID
from tests.support import Configure, Invoke, catch_error
from tests.tcp import ScriptedServer, say

URLS = {
    "http": ("WECHAT_API_BASE_URL", "http://localhost:{}"),
    "https": ("WECHAT_API_BASE_URL", "https://localhost:{}"),
    "redis": ("WECHAT_TOKEN_STORE_URL", "redis://localhost:{}"),
    "rediss": ("WECHAT_TOKEN_STORE_URL", "rediss://localhost:{}"),
}


@pytest.mark.parametrize("scheme", URLS)
def test_late_name(configure: Configure, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """The call ends at the deadline. Its thread ends when the name is resolved, and leaves no connection."""
    resolve = socket.getaddrinfo

    def resolve_late(_host: str, *arguments: Any, **options: Any) -> Any:
        time.sleep(0.6)
        return resolve("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_late)
    with ScriptedServer(say(b"")) as server:
        variable, url = URLS[scheme]
        source = "store" if "redis" in scheme else "auto"
        configure(WECHAT_APPID=APPID, WECHAT_TOKEN_SOURCE=source, **{variable: url.format(server.port)})
        before = set(threading.enumerate())
        given = {} if source == "store" else {"accessToken": "any-token"}
        error = catch_error(invoke, given, deadline=time.monotonic() + 0.3)
        assert (error.errCode, error.status) == (-1, 504)
        assert server.clients == 0
        for thread in set(threading.enumerate()) - before:
            thread.join(5)
            assert not thread.is_alive()
        assert server.clients == 0 or server.gone.acquire(timeout=5)
