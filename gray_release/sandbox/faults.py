"""Faults: failures of WeChat or of the network that the sandbox imitates."""

import re
import socket
from dataclasses import dataclass, field

from gray_release.sandbox.fault_kinds import KINDS, FaultCall

_NAMED_KINDS = tuple(kind for kind in KINDS if kind != "raw")  # no option can hold a whole HTTP response
ENDPOINTS = ("plan", "stable", "classic", "component", "authorizer", "list", "info", "quota", "token", "any")

_SECONDS = (r"\d+(\.\d*)?", "0.5")
_NUMBER_FORMATS = {  # kinds with a numeric value: its pattern, and an example
    "errcode": (r"-?\d+", "45009"),
    "status": (r"\d{3}", "502"),
    "delay": _SECONDS,
    "trickle": _SECONDS,
    "hang": _SECONDS,
}


@dataclass
class Fault:
    """A fault at one of `ENDPOINTS`; `token` means every endpoint except `plan`.

    It applies to the first `times` requests, or to all if that is `None`. With an `appid` it applies only to requests
    with a token of that mini program.

    The kinds, and the meaning of `value`:

    - `errcode`: WeChat's error body with this code
    - `status`: an HTML page with this HTTP status
    - `delay`: the correct answer after this many seconds
    - `trickle`: the correct answer, with this many seconds between its bytes
    - `hang`: no answer for this many seconds, then the end of the connection
    - `reset`: a connection reset before the answer or, with the value `body`, in the middle of its body
    - `truncate`: an answer that ends after half of its body
    - `echo`: an errmsg that repeats the request
    - `html`, `text`: an HTML page, or text that is not JSON
    - `types`: JSON whose values have wrong types
    - `body`: this JSON body
    - `raw`: the bytes in `raw` as the whole HTTP response; only from Python
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

        Raises `ValueError` with the reason.
        """
        match = re.fullmatch(r"(\w+):(\w+)(?:=(.*?))?(?:\*(\d+))?", text, re.DOTALL)
        if not match:
            raise ValueError(f"{text!r} is not ENDPOINT:KIND[=VALUE][*TIMES], such as plan:errcode=45009")
        endpoint, kind, value, times = match.groups()
        for words, name, known in (("an endpoint", endpoint, ENDPOINTS), ("a kind of fault", kind, _NAMED_KINDS)):
            if name not in known:
                raise ValueError(f"{name!r} is not {words}: use {', '.join(known)}")
        if kind in _NUMBER_FORMATS and not re.fullmatch(_NUMBER_FORMATS[kind][0], value or ""):
            raise ValueError(f"the fault {kind} needs a number, such as {endpoint}:{kind}={_NUMBER_FORMATS[kind][1]}")
        return cls(endpoint, kind, value or "", int(times) if times else None)

    def consume(self, endpoint: str, appid: str | None = None) -> bool:
        """Return whether the fault applies to a request to `endpoint` with a token of `appid`, and count it if so."""
        group = "plan" if endpoint == "plan" else "token"
        if self.endpoint not in (endpoint, group, "any") or self.appid not in (None, appid) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def play(self, endpoint: str, answer: bytes, sock: socket.socket) -> bool:
        """Send the faulty answer. Return whether the connection stays open."""
        return KINDS[self.kind](FaultCall(self.value, self.raw, endpoint, answer, sock))
