"""How each kind of fault is played on the wire: a play sends something, and tells whether the connection can go on."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

_PLAN_OF_WRONG_TYPES = {
    "errcode": 0,
    "errmsg": "ok",
    "gray_release_plan": {"status": "1", "create_timestamp": "yesterday", "gray_percentage": [8]},
}
_TOKEN_OF_WRONG_TYPES = {
    **dict.fromkeys(("access_token", "component_access_token", "authorizer_access_token"), 12345),
    "expires_in": "soon",
}


def http(
    content: bytes, status: int = 200, content_type: str = "application/json; charset=utf-8", **headers: str
) -> bytes:
    """Return a whole HTTP answer."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Sandbox", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@dataclass(frozen=True)
class Play:
    """One play: the fault's value and raw bytes, the endpoint's name, the right answer, and where to send."""

    value: str
    raw: bytes
    endpoint: str
    right: bytes
    sock: socket.socket


def _instead(make: Callable[[Play], bytes]) -> Callable[[Play], bool]:
    def send(play: Play) -> bool:
        play.sock.sendall(make(play))
        return True

    return send


def _errcode(play: Play) -> bytes:
    return http(json.dumps({"errcode": int(play.value), "errmsg": "sandbox fault rid: 5f1e-sandbox"}).encode())


def _types(play: Play) -> bytes:
    return http(json.dumps(_PLAN_OF_WRONG_TYPES if play.endpoint == "plan" else _TOKEN_OF_WRONG_TYPES).encode())


def _page(status: int) -> bytes:
    return http(b"<html><body>Sandbox</body></html>", status, "text/html")


def _delay(play: Play) -> bool:
    time.sleep(float(play.value))
    play.sock.sendall(play.right)
    return True


def _trickle(play: Play) -> bool:
    for byte in play.right:
        play.sock.sendall(bytes([byte]))
        time.sleep(float(play.value))
    return True


def _hang(play: Play) -> bool:
    time.sleep(float(play.value))
    return False


def _truncate(play: Play) -> bool:
    head, separator, body = play.right.partition(b"\r\n\r\n")
    play.sock.sendall(head + separator + body[: len(body) // 2])
    return False


def _reset(play: Play) -> bool:
    if play.value == "body":
        _truncate(play)
        time.sleep(0.02)  # or the end overtakes the bytes before it
    # Closing with linger 0 sends RST instead of FIN.
    play.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return False


PLAYS: dict[str, Callable[[Play], bool]] = {
    "errcode": _instead(_errcode),
    "status": _instead(lambda play: _page(int(play.value))),
    "delay": _delay,
    "trickle": _trickle,
    "hang": _hang,
    "reset": _reset,
    "truncate": _truncate,
    "echo": _instead(lambda play: play.right),  # the sandbox, which has the request, has made the answer
    "html": _instead(lambda _: _page(200)),
    "text": _instead(lambda _: http(b"not JSON", 200, "text/plain")),
    "types": _instead(_types),
    "body": _instead(lambda play: http(play.value.encode())),
    "raw": _instead(lambda play: play.raw),
}
