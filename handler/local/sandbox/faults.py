"""What can go wrong at WeChat's end or on the way: faults that the sandbox plays instead of its answer."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

ENDPOINTS = ("plan", "stable", "classic", "component", "authorizer", "token", "any")

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


@dataclass
class Fault:
    """A fault at an endpoint: one of `ENDPOINTS`, where `token` is all but the plan.

    Kinds and their values: `errcode` (the code), `status` (of an HTML page), `delay` (seconds before the right
    answer), `trickle` (seconds between the bytes of the right answer), `hang` (seconds of silence), `reset` (the
    connection, before an answer or, with the value `body`, in the midst of it), `truncate` (half the answer, then the
    end), `echo` (the request, as an errmsg), `html`, `text` (not JSON), `types` (JSON with the wrong types), `body` (a
    JSON body of one's own) and `raw` (the bytes of a whole answer, from Python only).
    It strikes `times` requests, `None` for every one.
    """

    endpoint: str
    kind: str
    value: str = ""
    times: int | None = None
    raw: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read `ENDPOINT:KIND[=VALUE][*TIMES]`, for example `plan:errcode=45009` or `token:delay=2*1`.

        Raises `ValueError` that says what is wrong.
        """
        endpoint, colon, rest = text.partition(":")
        rest, star, times = rest.rpartition("*") if "*" in rest else (rest, "", "")
        kind, _, value = rest.partition("=")
        if not colon or endpoint not in ENDPOINTS or kind not in _PLAYS or kind == "raw":
            known = ", ".join(sorted(set(_PLAYS) - {"raw"}))
            raise ValueError(
                f"not a fault: {text!r} (ENDPOINT:KIND[=VALUE][*TIMES]; endpoints {', '.join(ENDPOINTS)}; "
                f"kinds {known})"
            )
        if kind in ("errcode", "status"):
            int(value)
        if kind in ("delay", "trickle", "hang"):
            float(value)
        return cls(endpoint, kind, value, int(times) if star else None)

    def strikes(self, endpoint: str) -> bool:
        """Whether a request to this endpoint meets the fault; counts it if so."""
        group = "plan" if endpoint == "plan" else "token"
        if self.endpoint not in (endpoint, group, "any") or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def play(self, endpoint: str, answer: bytes, sock: socket.socket) -> bool:
        """Send what the fault makes of the right answer; return whether the connection can go on."""
        return _PLAYS[self.kind](self, endpoint, answer, sock)


def _answer(make: Callable[[Fault, str], bytes]) -> Callable[[Fault, str, bytes, socket.socket], bool]:
    def play(fault: Fault, endpoint: str, _answer: bytes, sock: socket.socket) -> bool:
        sock.sendall(make(fault, endpoint))
        return True

    return play


def _errcode(fault: Fault, _endpoint: str) -> bytes:
    return http(json.dumps({"errcode": int(fault.value), "errmsg": "sandbox fault rid: 5f1e-sandbox"}).encode())


def _page(status: int) -> bytes:
    return http(b"<html><body>Sandbox</body></html>", status, "text/html")


def _delay(fault: Fault, _endpoint: str, answer: bytes, sock: socket.socket) -> bool:
    time.sleep(float(fault.value))
    sock.sendall(answer)
    return True


def _trickle(fault: Fault, _endpoint: str, answer: bytes, sock: socket.socket) -> bool:
    for byte in answer:
        sock.sendall(bytes([byte]))
        time.sleep(float(fault.value))
    return True


def _echo(_fault: Fault, _endpoint: str, answer: bytes, sock: socket.socket) -> bool:
    sock.sendall(answer)  # the sandbox, which has the request, has made it
    return True


def _hang(fault: Fault, _endpoint: str, _answer: bytes, _sock: socket.socket) -> bool:
    time.sleep(float(fault.value))
    return False


def _types(_fault: Fault, endpoint: str) -> bytes:
    return http(json.dumps(_PLAN_OF_WRONG_TYPES if endpoint == "plan" else _TOKEN_OF_WRONG_TYPES).encode())


def _reset(fault: Fault, endpoint: str, answer: bytes, sock: socket.socket) -> bool:
    if fault.value == "body":
        _truncate(fault, endpoint, answer, sock)
        time.sleep(0.02)  # or the end overtakes the bytes before it
    # Closing with linger 0 sends RST instead of FIN.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return False


def _truncate(_fault: Fault, _endpoint: str, answer: bytes, sock: socket.socket) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    sock.sendall(head + separator + body[: len(body) // 2])
    return False


_PLAYS: dict[str, Callable[[Fault, str, bytes, socket.socket], bool]] = {
    "errcode": _answer(_errcode),
    "status": _answer(lambda fault, _: _page(int(fault.value))),
    "delay": _delay,
    "trickle": _trickle,
    "hang": _hang,
    "reset": _reset,
    "truncate": _truncate,
    "echo": _echo,
    "html": _answer(lambda _, __: _page(200)),
    "text": _answer(lambda _, __: http(b"not JSON", 200, "text/plain")),
    "types": _answer(_types),
    "body": _answer(lambda fault, _: http(fault.value.encode())),
    "raw": _answer(lambda fault, _: fault.raw),
}
