"""One table of faults on WeChat's side. `test_faults.py` and `test_leaks.py` play it at each endpoint."""

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from typing import Any

from gray_release.sandbox.fault_kinds import encode_response
from gray_release.sandbox.faults import Fault
from handler.network.connection import BODY_LIMIT


@dataclass(frozen=True)
class Row:
    """A fault and its result: errCode, HTTP status, and the number of requests to the endpoint.

    `is_lost` says that WeChat may or may not have carried out the request, so a refresh is not repeated.
    """

    name: str
    fault: Fault
    code: int = -1
    status: int = 503
    requests: int = 1
    is_lost: bool = False

    def create_fault(self, endpoint: str) -> Fault:
        """Return the fault at this endpoint."""
        return replace(self.fault, endpoint=endpoint)


def _kind(text: str) -> Fault:
    return Fault.parse(f"any:{text}")


def _raw(content: bytes, status: int = 200, **headers: str) -> Fault:
    return Fault("any", "raw", raw=encode_response(content, status, **headers))


def _gzip(content: bytes) -> Fault:
    return _raw(content, Content_Encoding="gzip")


def _json(value: Any) -> Fault:
    return _raw(json.dumps(value).encode())


def _errcode(errcode: Any, **rest: Any) -> Fault:
    return _json({"errcode": errcode, **rest})


_BIG = BODY_LIMIT * 10
_REFUSED: dict[str, Any] = {"status": 502}
_ONCE_MORE: dict[str, Any] = {"requests": 2}
_LOST: dict[str, Any] = {**_ONCE_MORE, "is_lost": True}
_TIME_OUT: dict[str, Any] = {"status": 504}
_TWO = b"Content-Length: 2\r\nContent-Length: 99\r\n"

# Faults of the network, the same at each endpoint. Temporary faults are retried once, except time-outs.
WIRE = [
    Row("reset", _kind("reset"), **_LOST),
    Row("reset in the body", _kind("reset=body"), **_LOST),
    Row("truncated", _kind("truncate"), **_LOST),
    Row("black hole", _kind("hang=2"), **_TIME_OUT),
    Row("slow", _kind("delay=2"), **_TIME_OUT),
    Row("trickle", _kind("trickle=0.02"), **_TIME_OUT),
    Row("slow headers", Fault("any", "raw", raw=b"HTTP/1.1 200 OK\r\nX: y\r\n"), **_TIME_OUT),
    Row("longer Content-Length", _raw(b"{}", Content_Length="99"), **_TIME_OUT),
    Row("shorter Content-Length", _raw(b'{"errcode":0}', Content_Length="5")),
    Row("two Content-Lengths", Fault("any", "raw", raw=b"HTTP/1.1 200 OK\r\n" + _TWO + b"\r\n{}"), **_LOST),
    Row("no chunk", _raw(b"{}", Transfer_Encoding="chunked"), **_TIME_OUT),
    Row("not HTTP", Fault("any", "raw", raw=b"not HTTP\r\n\r\n"), **_LOST),
    Row("header line of 70 KB", Fault("any", "raw", raw=b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000)),
    Row("200 headers", Fault("any", "raw", raw=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), **_LOST),
    Row("301", _raw(b"", 301, Location="https://api.weixin.qq.com/")),
    Row("302 to elsewhere", _raw(b"", 302, Location="http://127.0.0.1:1/")),
    *(Row(f"{status} HTML", _kind(f"status={status}")) for status in (400, 403, 404, 413, 429)),
    *(Row(f"{status} HTML", _kind(f"status={status}"), **_LOST) for status in (500, 502, 503, 504)),
    Row("403 with an errcode", _raw(b'{"errcode":48001,"errmsg":"no"}', 403), 48001, status=502),
    Row("403 with errcode 0", _raw(b'{"errcode":0,"errmsg":"ok"}', 403)),
    Row("204", _raw(b"", 204)),
]

# Wrong bodies. Anything but a JSON object gives -1 without a retry.
BODIES = [
    Row("empty", _raw(b"")),
    Row("HTML", _kind("html")),
    Row("text", _kind("text")),
    Row("JSON and more", _raw(b"{}{}")),
    *(Row(f"JSON {text}", _raw(text.encode())) for text in ("null", "[]", '[{"errcode":0}]', '"ok"', "1", "true")),
    Row("gzip garbage", _gzip(b"not gzip"), **_LOST),
    Row("gzip cut off", _gzip(gzip.compress(b'{"errcode":0}')[:15]), **_LOST),
    Row("gzip bomb", _gzip(gzip.compress(b" " * _BIG * 10))),
    Row("deflate bomb", _raw(zlib.compress(b" " * _BIG * 10), Content_Encoding="deflate")),
    Row("gzip bomb in gzip", _raw(gzip.compress(gzip.compress(b" " * _BIG * 10)), Content_Encoding="gzip, gzip")),
    Row("10 MB", _raw(b'{"a":"' + b"x" * _BIG + b'"}')),
    Row("UTF-16", _raw('{"errcode":0}'.encode("utf-16"))),
    Row("nested too deeply", _raw(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)),
    Row("arrays nested too deeply", _raw(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")),
    Row("integer of 5,000 digits", _raw(b'{"a":' + b"9" * 5000 + b"}")),
    *(Row(f"number {text}", _raw(f'{{"a":{text}}}'.encode())) for text in ("NaN", "-Infinity", "1e999", "0x10", "01")),
]

# WeChat's failures. An errcode of any type is a failure. If it is not a number, it gives -1, and is retried.
ERRCODES = [
    Row("-1", _errcode(-1, errmsg="system error"), **_ONCE_MORE),
    *(Row(str(code), _errcode(code, errmsg="no"), code, **_REFUSED) for code in (40013, 40125, 40164, 48001, 61004)),
    *(Row(str(code), _errcode(code, errmsg="quota"), code, 429) for code in (45009, 45011)),
    Row("errcode a string", _errcode("48001", errmsg="no"), 48001, **_REFUSED),
    Row("errcode a float", _raw(b'{"errcode":48001.0,"errmsg":"no"}'), 48001, **_REFUSED),
    Row("errcode 1.5", _errcode(1.5, errmsg="no"), **_ONCE_MORE),
    Row("errcode true", _raw(b'{"errcode":true}'), **_ONCE_MORE),
    Row("errcode an object", _errcode({"a": 1}), **_ONCE_MORE),
    Row("errcode an empty object", _errcode({}), **_ONCE_MORE),
    Row("errcode an empty list", _errcode([]), **_ONCE_MORE),
    Row("errcode a word", _errcode("no"), **_ONCE_MORE),
    Row("errcode huge", _errcode(10**40, errmsg="no"), **_ONCE_MORE),
    Row("errcode negative", _errcode(-80011, errmsg="no"), -80011, **_REFUSED),
    Row("errmsg missing", _errcode(48001), 48001, **_REFUSED),
    Row("errmsg an object", _errcode(48001, errmsg={"a": 1}), 48001, **_REFUSED),
    Row("errmsg null", _errcode(48001, errmsg=None), 48001, **_REFUSED),
    Row("errmsg of 900 KB", _errcode(48001, errmsg="x" * 900_000), 48001, **_REFUSED),
    Row("errmsg of 10 MB", _errcode(48001, errmsg="x" * _BIG)),
    Row("errcode twice", _raw(b'{"errcode":0,"errcode":48001,"errmsg":"no"}'), 48001, **_REFUSED),
]

FAILURES = WIRE + BODIES + ERRCODES

# A refused token is replaced once, and the plan is requested again.
REFUSED_TOKENS = [
    Row(str(code), _errcode(code, errmsg="invalid"), code, **_REFUSED, **_ONCE_MORE) for code in (40001, 40014, 42001)
]

# Odd answers that count as successes. The plan is returned unchanged.
_FALSY: list[Any] = [0, 0.0, False, None, "", "0"]
_PLAN = {"gray_release_plan": {"status": 1, "gray_percentage": 8}}
SUCCESSES = [
    *(Row(f"errcode {json.dumps(zero)}", _errcode(zero, **_PLAN), 0) for zero in _FALSY),
    Row("no errcode", _json(_PLAN), 0),
    Row("no plan", _json({}), 0),
    Row("GBK", _raw('{"errcode":0,"errmsg":"成功"}'.encode("gbk")), 0),
    Row("raw control characters", _raw(b'{"errcode":0,"errmsg":"a\tb\x01"}'), 0),
    Row("plan null", _json({"gray_release_plan": None}), 0),
    Row("plan an array", _json({"gray_release_plan": []}), 0),
    Row("plan a string", _json({"gray_release_plan": "running"}), 0),
    Row("wrong types", _kind("types"), 0),
    Row("errmsg of 900 KB in a success", _errcode(0, errmsg="x" * 900_000), 0),
    Row("BOM", _raw(b"\xef\xbb\xbf" + json.dumps(_PLAN).encode()), 0),
    Row("text/plain", _raw(json.dumps(_PLAN).encode(), Content_Type="text/plain"), 0),
    Row("application/octet-stream in GBK", _raw(json.dumps(_PLAN).encode(), Content_Type="x/y; charset=gbk"), 0),
    Row("gzip", _gzip(gzip.compress(json.dumps(_PLAN).encode())), 0),
    Row("half surrogates", _raw(b'{"gray_release_plan":{"\\ud800":"\\udfff"}}'), 0),
    Row("integer of 400 digits", _raw(b'{"gray_release_plan":{"status":' + b"9" * 400 + b"}}"), 0),
    Row("a key twice", _raw(b'{"gray_release_plan":null,"gray_release_plan":{"status":3}}'), 0),
    Row("100 levels", _raw(b'{"gray_release_plan":' * 100 + b"1" + b"}" * 100), 0),
    Row("no Content-Length", Fault("any", "raw", raw=b"HTTP/1.0 200 OK\r\n\r\n{}"), status=504),
]


def token_rows(name: str) -> list[Row]:
    """Return odd answers of a token endpoint whose token field is `name`. After errCode 0, the plan is requested."""
    good = {name: "sandbox_odd", "expires_in": 7200}
    bad: list[Any] = [None, "", 12345, ["t"], {"t": 1}, True]
    odd: list[Any] = [None, -1, 0, "7200", 10**40, 1.5, True, [], {}]
    return [
        Row("token missing", _json({"expires_in": 7200})),
        *(Row(f"token {json.dumps(token)}", _json(good | {name: token})) for token in bad),
        Row("token of 2,048 characters", _json(good | {name: "t" * 2048}), 0),
        Row("token of 2,049 characters", _json(good | {name: "t" * 2049})),
        Row("token of 900 KB", _json(good | {name: "t" * 900_000})),
        Row("token with a line break", _json(good | {name: "t\r\nX-Injected: 1"}), 0),
        Row("token in another script", _json(good | {name: "令牌\ud800"}), 0),
        Row("expires_in missing", _json({name: "sandbox_odd"}), 0),
        *(Row(f"expires_in {json.dumps(seconds)}"[:20], _json(good | {"expires_in": seconds}), 0) for seconds in odd),
        Row("errcode 0 beside the token", _json(good | {"errcode": 0, "errmsg": "ok"}), 0),
    ]
