"""One TLS context: the authorities are read once for all servers and connections."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import trustme
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.fault_kinds import encode_response
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import (
    APPID,
    COMPONENT_APPID,
    COMPONENT_SECRET,
    REFRESH_TOKEN,
    TICKET,
    Sandbox,
)
from gray_release.sandbox.store import fill_store
from handler.contract import OpenApiError
from tests.support import Configure, Invoke, create_server_context
from tests.tcp import serve_tls

INVOCATIONS = 8
# The functions that read authorities.
READING = {"load_verify_locations", "load_default_certs", "set_default_verify_paths"}
ONCE = ["load_verify_locations"] * 2  # the public authorities, and those of SSL_CERT_FILE
CLOSING = encode_response(b'{"errcode":0,"errmsg":"ok","gray_release_plan":{"status":1}}', Connection="close")


@pytest.fixture
def reads() -> Iterator[list[str]]:
    """List every call that reads authorities, in every thread, as a profiler sees it."""
    found: list[str] = []

    def profile(_frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and argument.__name__ in READING:
            found.append(argument.__name__)

    threading.setprofile(profile)
    sys.setprofile(profile)
    yield found
    sys.setprofile(None)
    threading.setprofile(None)


@pytest.fixture
def secure(secure_sandbox: Sandbox) -> Sandbox:
    """Run WeChat's stand-in over TLS, and close the connection after each plan."""
    secure_sandbox.faults.append(Fault("plan", "raw", raw=CLOSING))
    return secure_sandbox


def test_reconnects_read_nothing(secure: Sandbox, invoke: Invoke, reads: list[str]) -> None:
    """If the server closes after each answer, every invocation reconnects, and the authorities are read once."""
    for _ in range(INVOCATIONS):
        invoke()
    assert secure.connections == INVOCATIONS
    assert reads == ONCE


def test_every_server_shares_it(
    secure: Sandbox,
    store: RedisStorage,
    authority: trustme.CA,
    configure: Configure,
    invoke: Invoke,
    reads: list[str],
) -> None:
    """WeChat, a token server and the store over TLS share one context, whose authorities are read once."""
    invoke()
    token = secure.tokens.issue_token()["access_token"]
    secure.faults.append(
        Fault("other", "raw", raw=encode_response(f'{{"token":"{token}"}}'.encode(), Connection="close"))
    )
    configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=f"{secure.base_url}/token?appid={{appid}}")
    for _ in range(INVOCATIONS):
        invoke()
    assert secure.connections == 1 + 2 * INVOCATIONS

    fill_store(store, TICKET, {APPID: REFRESH_TOKEN})
    with serve_tls(create_server_context(authority), store.redis.connection_pool.connection_kwargs["port"]) as port:
        configure(
            WECHAT_TOKEN_STORE_URL=f"rediss://127.0.0.1:{port}/0",
            WECHAT_COMPONENT_APPID=COMPONENT_APPID,
            WECHAT_COMPONENT_SECRET=COMPONENT_SECRET,
        )
        for _ in range(2):
            invoke()
            assert store.redis.delete(f"wechatpy:{APPID}_access_token") == 1
    assert secure.count("/cgi-bin/component/api_authorizer_token") == 2
    assert reads == ONCE


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "something else"])
def test_unreadable_authorities(
    secure: Sandbox, store: RedisStorage, configure: Configure, invoke: Invoke, tmp_path: Path, content: bytes | None
) -> None:
    """If the authorities cannot be read, the invocation fails, with WeChat and with the store."""
    reason = "cannot read the certificate authorities (SSL_CERT_FILE)"
    path = tmp_path / "none.pem"
    if content is not None:
        path.write_bytes(content)
    configure(SSL_CERT_FILE=str(path))
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == -1
    assert caught.value.errMsg.endswith(reason)
    assert secure.requests == []

    port = store.redis.connection_pool.connection_kwargs["port"]
    with Sandbox() as plain, serve_tls(create_server_context(trustme.CA()), port) as front:
        configure(
            WECHAT_API_BASE_URL=plain.base_url,
            WECHAT_SECRET=None,
            WECHAT_TOKEN_STORE_URL=f"rediss://127.0.0.1:{front}/0",
        )
        with pytest.raises(OpenApiError) as caught:
            invoke()
    assert caught.value.errCode == -1
    assert caught.value.errMsg.endswith(reason)
    assert plain.requests == []
