"""What can go wrong at WeChat's end or on the way: faults that the sandbox plays instead of its answer."""

import re
import socket
from dataclasses import dataclass, field

from gray_release.sandbox.fault_kinds import KINDS, FaultCall

_NAMED_KINDS = tuple(kind for kind in KINDS if kind != "raw")  # an option cannot hold a whole HTTP response
ENDPOINTS = ("plan", "stable", "classic", "component", "authorizer", "list", "info", "quota", "token", "any")

_SECONDS = (r"\d+(\.\d*)?", "0.5")
_NUMBER_FORMATS = {  # the kinds whose value is a number: what it looks like, and an example
    "errcode": (r"-?\d+", "45009"),
    "status": (r"\d{3}", "502"),
    "delay": _SECONDS,
    "trickle": _SECONDS,
    "hang": _SECONDS,
}


@dataclass
class Fault:
    """A fault at an endpoint: one of `ENDPOINTS`, where `token` is all but the plan.

    Kinds and their values: `errcode` (the code), `status` (of an HTML page), `delay` (seconds before the right
    answer), `trickle` (seconds between the bytes of the right answer), `hang` (seconds of silence), `reset` (the
    connection, before an answer or, with the value `body`, in the midst of it), `truncate` (half the answer, then the
    end), `echo` (the request, as an errmsg), `html`, `text` (not JSON), `types` (JSON with the wrong types), `body` (a
    JSON body of one's own) and `raw` (the bytes of a whole answer, from Python only).
    It strikes `times` requests, `None` for every one; with an `appid`, only what is asked with its token.
    """

    endpoint: str
    kind: str
    value: str = ""
    times: int | None = None
    appid: str | None = None
    raw: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read `ENDPOINT:KIND[=VALUE][*TIMES]`, for example `plan:errcode=45009` or `token:delay=2*1`.

        Raises `ValueError` that says what is wrong.
        """
        found = re.fullmatch(r"(\w+):(\w+)(?:=(.*?))?(?:\*(\d+))?", text, re.DOTALL)
        if not found:
            raise ValueError(f"{text!r} is no fault: write ENDPOINT:KIND[=VALUE][*TIMES], such as plan:errcode=45009")
        endpoint, kind, value, times = found.groups()
        for word, name, known in (("endpoint", endpoint, ENDPOINTS), ("kind", kind, _NAMED_KINDS)):
            if name not in known:
                raise ValueError(f"{name!r} is no {word} of a fault: there are {', '.join(known)}")
        if kind in _NUMBER_FORMATS and not re.fullmatch(_NUMBER_FORMATS[kind][0], value or ""):
            raise ValueError(f"a fault of kind {kind} needs a number: {endpoint}:{kind}={_NUMBER_FORMATS[kind][1]}")
        return cls(endpoint, kind, value or "", int(times) if times else None)

    def consume(self, endpoint: str, appid: str | None = None) -> bool:
        """Whether a request to this endpoint, with this mini program's token, meets the fault; counts it if so."""
        group = "plan" if endpoint == "plan" else "token"
        if self.endpoint not in (endpoint, group, "any") or self.appid not in (None, appid) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def play(self, endpoint: str, answer: bytes, sock: socket.socket) -> bool:
        """Send what the fault makes of the right answer; return whether the connection can go on."""
        return KINDS[self.kind](FaultCall(self.value, self.raw, endpoint, answer, sock))
