"""Send a message to a chat robot of 企业微信, 钉钉 or 飞书."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from handler import addresses
from handler.errors import OpenApiError
from handler.exact_json import parse_object
from handler.network.exchange import HttpClient, HttpRequest
from handler.wechat.echoes import hide

TIMEOUT_SECONDS = 10
_SHORTEST_KEY = 8


class Kind(NamedTuple):
    """One kind of robot: its URLs, the format of its messages, and the codes of its answers."""

    hosts: tuple[str, ...]
    path: str
    limit: int  # bytes of text in a message, less than the robot's own limit
    form: str  # format of the text: markdown or text
    write: Callable[[str, str], dict[str, Any]]
    codes: tuple[str, ...]  # keys of the answer whose value is 0 after success


KINDS = {
    "wecom": Kind(  # own limit: 4,096 bytes of markdown
        ("qyapi.weixin.qq.com",),
        "/cgi-bin/webhook/send",
        4000,
        "markdown",
        lambda _title, text: {"msgtype": "markdown", "markdown": {"content": text}},
        ("errcode",),
    ),
    "dingtalk": Kind(  # own limit: 20,000 bytes
        ("oapi.dingtalk.com", "api.dingtalk.com"),
        "/robot/send",
        15_000,
        "markdown",
        lambda title, text: {"msgtype": "markdown", "markdown": {"title": title, "text": text}},
        ("errcode",),
    ),
    "feishu": Kind(  # own limit: a request body of 20 KB
        ("open.feishu.cn", "open.larksuite.com"),
        "/open-apis/bot/",
        15_000,
        "text",
        lambda _title, text: {"msg_type": "text", "content": {"text": text}},
        ("code", "StatusCode"),
    ),
}
_ADVICE = {
    45009: "more than 20 messages in a minute: wait a minute",
    93000: "the robot was removed, or the key in its URL is wrong",
    130101: "more than 20 messages in a minute: 钉钉 blocks the robot for ten minutes",
    300001: "the key in its URL is wrong",
    310000: "its security settings refuse the message: allow the keyword 灰度 (signatures are not supported)",
    9499: "too many messages at once",
    11232: "too many messages at once",
    19001: "the key in its URL is wrong",
    19021: "it requires a signature, which is not supported: require the keyword 灰度 instead",
    19022: "its IP whitelist does not have this machine",
    19024: "it requires another keyword: require 灰度",
}


class RobotError(Exception):
    """A message was not delivered. The text has the reason, and no part of the URL."""


class Robot:
    """The robot at a URL. The URL is a secret, because everybody who knows it can write into the chat.

    The constructor raises `ValueError` with the reason, and with no part of the URL.
    """

    def __init__(self, url: str, kind: str | None = None) -> None:
        parts = _split_url(url)
        name = kind or _find_kind(parts)
        if not name:
            raise ValueError("unknown kind of robot: add --robot-kind wecom, dingtalk or feishu")
        self.kind = KINDS[name]
        self._parts = parts

    def __repr__(self) -> str:
        """Leave out the URL, because it is a secret."""
        return "Robot()"

    def send_message(self, title: str, text: str) -> None:
        """Send a message. Raises `RobotError`."""
        content = json.dumps(self.kind.write(title, text), ensure_ascii=False).encode("utf-8", "replace")
        target = f"{self._parts.path}?{self._parts.query}" if self._parts.query else self._parts.path
        headers = {"Content-Type": "application/json; charset=utf-8"}
        request = HttpRequest("POST", target, content, headers, repeatable=False)
        try:
            client = HttpClient(f"{self._parts.scheme}://{self._parts.netloc}", "the robot")
            response = client.send(request, TIMEOUT_SECONDS)
        except OpenApiError as error:
            response, reason = None, error.reason
        if response is None:
            raise RobotError(reason)
        if response.status != HTTPStatus.OK:
            raise RobotError(f"HTTP status {response.status}")
        self._check_answer(response.content)

    def _check_answer(self, content: bytes) -> None:
        """Check the code in the body, because robots also refuse messages with HTTP 200. Raises `RobotError`."""
        try:
            body = parse_object(content)
        except ValueError:
            body = {}
        code: object = next((body[name] for name in self.kind.codes if name in body), None)
        if code == 0 and not isinstance(code, bool):
            return
        if code is None:
            raise RobotError("the answer has no code, so it is not a robot's")
        message = body.get("errmsg") or body.get("msg") or body.get("StatusMessage") or ""
        keys = [self._parts.path.rpartition("/")[2], *(value for _, value in parse_qsl(self._parts.query))]
        reason = hide(str(message)[:300], [key for key in keys if len(key) >= _SHORTEST_KEY])
        advice = _ADVICE.get(code) if isinstance(code, int) else None
        raise RobotError(f"the robot refused it with {str(code)[:20]}: {advice or reason}")


def _split_url(url: str) -> SplitResult:
    """Split a robot's URL. Raises `ValueError` unless it is https, or http to a private host."""
    rule = "it must be https://host/path, or http:// with a private host"
    try:
        parts = urlsplit(url)
        addresses.check_base_url(f"{parts.scheme}://{parts.netloc}")
        is_right = url.isascii() and url.isprintable() and " " not in url and "#" not in url
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(rule)
    return parts


def _find_kind(parts: SplitResult) -> str | None:
    by_host = [name for name, kind in KINDS.items() if parts.hostname in kind.hosts]
    by_path = [name for name, kind in KINDS.items() if parts.path.startswith(kind.path)]
    return next(iter(by_host + by_path), None)
