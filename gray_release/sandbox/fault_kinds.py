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


def encode_response(
    content: bytes, status: int = 200, content_type: str = "application/json; charset=utf-8", **headers: str
) -> bytes:
    """Return a whole HTTP answer."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Sandbox", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@dataclass(frozen=True)
class FaultCall:
    """One play: the fault's value and raw bytes, the endpoint's name, the right answer, and where to send."""

    value: str
    raw: bytes
    endpoint: str
    correct_answer: bytes
    sock: socket.socket


def _create_sender(make: Callable[[FaultCall], bytes]) -> Callable[[FaultCall], bool]:
    def send(play: FaultCall) -> bool:
        play.sock.sendall(make(play))
        return True

    return send


def _make_errcode(play: FaultCall) -> bytes:
    return encode_response(
        json.dumps({"errcode": int(play.value), "errmsg": "sandbox fault rid: 5f1e-sandbox"}).encode()
    )


def _make_wrong_types(play: FaultCall) -> bytes:
    return encode_response(
        json.dumps(_PLAN_OF_WRONG_TYPES if play.endpoint == "plan" else _TOKEN_OF_WRONG_TYPES).encode()
    )


def _make_html(status: int) -> bytes:
    return encode_response(b"<html><body>Sandbox</body></html>", status, "text/html")


def _send_late(play: FaultCall) -> bool:
    time.sleep(float(play.value))
    play.sock.sendall(play.correct_answer)
    return True


def _send_slowly(play: FaultCall) -> bool:
    for byte in play.correct_answer:
        play.sock.sendall(bytes([byte]))
        time.sleep(float(play.value))
    return True


def _send_nothing(play: FaultCall) -> bool:
    time.sleep(float(play.value))
    return False


def _send_half(play: FaultCall) -> bool:
    head, separator, body = play.correct_answer.partition(b"\r\n\r\n")
    play.sock.sendall(head + separator + body[: len(body) // 2])
    return False


def _reset_connection(play: FaultCall) -> bool:
    if play.value == "body":
        _send_half(play)
        time.sleep(0.02)  # or the end overtakes the bytes before it
    # Closing with linger 0 sends RST instead of FIN.
    play.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return False


KINDS: dict[str, Callable[[FaultCall], bool]] = {
    "errcode": _create_sender(_make_errcode),
    "status": _create_sender(lambda play: _make_html(int(play.value))),
    "delay": _send_late,
    "trickle": _send_slowly,
    "hang": _send_nothing,
    "reset": _reset_connection,
    "truncate": _send_half,
    "echo": _create_sender(lambda play: play.correct_answer),  # the sandbox, which has the request, has made the answer
    "html": _create_sender(lambda _: _make_html(200)),
    "text": _create_sender(lambda _: encode_response(b"not JSON", 200, "text/plain")),
    "types": _create_sender(_make_wrong_types),
    "body": _create_sender(lambda play: encode_response(play.value.encode())),
    "raw": _create_sender(lambda play: play.raw),
}
