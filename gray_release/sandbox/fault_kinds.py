"""The faulty response of each kind of fault. Each function returns whether the connection stays open."""

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
    """Return a whole HTTP response."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Sandbox", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@dataclass(frozen=True)
class FaultCall:
    """One use of a fault: its value and raw bytes, the endpoint's name, the correct answer, and the socket."""

    value: str
    raw: bytes
    endpoint: str
    correct_answer: bytes
    sock: socket.socket


def _create_sender(make: Callable[[FaultCall], bytes]) -> Callable[[FaultCall], bool]:
    def send(call: FaultCall) -> bool:
        call.sock.sendall(make(call))
        return True

    return send


def _make_errcode(call: FaultCall) -> bytes:
    return encode_response(
        json.dumps({"errcode": int(call.value), "errmsg": "sandbox fault rid: 5f1e-sandbox"}).encode()
    )


def _make_wrong_types(call: FaultCall) -> bytes:
    return encode_response(
        json.dumps(_PLAN_OF_WRONG_TYPES if call.endpoint == "plan" else _TOKEN_OF_WRONG_TYPES).encode()
    )


def _make_html(status: int) -> bytes:
    return encode_response(b"<html><body>Sandbox</body></html>", status, "text/html")


def _send_late(call: FaultCall) -> bool:
    time.sleep(float(call.value))
    call.sock.sendall(call.correct_answer)
    return True


def _send_slowly(call: FaultCall) -> bool:
    for byte in call.correct_answer:
        call.sock.sendall(bytes([byte]))
        time.sleep(float(call.value))
    return True


def _send_nothing(call: FaultCall) -> bool:
    time.sleep(float(call.value))
    return False


def _send_half(call: FaultCall) -> bool:
    head, separator, body = call.correct_answer.partition(b"\r\n\r\n")
    call.sock.sendall(head + separator + body[: len(body) // 2])
    return False


def _reset_connection(call: FaultCall) -> bool:
    if call.value == "body":
        _send_half(call)
        time.sleep(0.02)  # otherwise the reset discards the bytes that were just sent
    # Closing with linger 0 sends RST instead of FIN.
    call.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return False


KINDS: dict[str, Callable[[FaultCall], bool]] = {
    "errcode": _create_sender(_make_errcode),
    "status": _create_sender(lambda call: _make_html(int(call.value))),
    "delay": _send_late,
    "trickle": _send_slowly,
    "hang": _send_nothing,
    "reset": _reset_connection,
    "truncate": _send_half,
    "echo": _create_sender(lambda call: call.correct_answer),  # `Sandbox.answer` has put the request into the answer
    "html": _create_sender(lambda _: _make_html(200)),
    "text": _create_sender(lambda _: encode_response(b"not JSON", 200, "text/plain")),
    "types": _create_sender(_make_wrong_types),
    "body": _create_sender(lambda call: encode_response(call.value.encode())),
    "raw": _create_sender(lambda call: call.raw),
}
