"""A store that keeps showing an old refresh token, as a replica that lags behind does, and stores no write."""

import socket
import time

from gray_release.sandbox.server import APPID, COMPONENT_APPID, COMPONENT_SECRET, REFRESH_TOKEN, Sandbox
from gray_release.sandbox.server import TICKET as VERIFY_TICKET
from tests.support import Configure, Invoke, Log, catch_error
from tests.tcp import serve_tcp

MOST_WRITES = 100  # in an invocation of two seconds; without a pause there are over ten thousand


def test_store_that_writes_nothing(sandbox: Sandbox, configure: Configure, invoke: Invoke, log: Log) -> None:
    """The function tries to write until the deadline, with pauses between, and logs one warning."""
    sandbox.platform.rotate = True
    asked = {
        "component_appid": COMPONENT_APPID,
        "component_appsecret": COMPONENT_SECRET,
        "component_verify_ticket": VERIFY_TICKET,
    }
    platform_token = sandbox.platform.get_component_token(asked)["component_access_token"]
    writes = []

    def play(client: socket.socket) -> None:
        while command := client.recv(65_536):
            reply = b"+OK\r\n"
            if b"EVAL" in command:
                is_claim = command.rstrip().endswith(b"7200")
                is_write = REFRESH_TOKEN.encode() in command
                writes.extend([command] * is_write)
                reply = f"${len(COMPONENT_APPID)}\r\n{COMPONENT_APPID}\r\n".encode() if is_claim else b":0\r\n"
            elif b"GET" in command:
                value = f'"{platform_token if b"component" in command else REFRESH_TOKEN}"'
                is_there = b"_access_token" not in command or b"component" in command
                reply = f"${len(value)}\r\n{value}\r\n".encode() if is_there else b"$-1\r\n"
            client.sendall(reply)

    with serve_tcp(play) as port:
        configure(
            WECHAT_SECRET=None,
            WECHAT_COMPONENT_APPID=COMPONENT_APPID,
            WECHAT_COMPONENT_SECRET=COMPONENT_SECRET,
            WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{port}/0",
        )
        error = catch_error(invoke, {"appid": APPID}, deadline=time.monotonic() + 2)
    assert (error.errCode, error.status) == (-1, 504)
    assert 1 < len(writes) < MOST_WRITES
    assert len([line for line in log() if line["level"] == "WARNING"]) == 1
