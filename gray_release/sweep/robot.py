"""Chat robots (企业微信, 钉钉, 飞书): whose robot an address is, and one message to it."""

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
    """How one kind of robot is recognised, told and understood."""

    hosts: tuple[str, ...]
    path: str
    limit: int  # bytes of a message's text, less than the robot takes
    form: str  # of a message's text: markdown or text
    write: Callable[[str, str], dict[str, Any]]
    codes: tuple[str, ...]  # the keys of an answer that say 0 when all is well


KINDS = {
    "wecom": Kind(  # markdown: 4,096 bytes
        ("qyapi.weixin.qq.com",),
        "/cgi-bin/webhook/send",
        4000,
        "markdown",
        lambda _title, text: {"msgtype": "markdown", "markdown": {"content": text}},
        ("errcode",),
    ),
    "dingtalk": Kind(  # 20,000 bytes
        ("oapi.dingtalk.com", "api.dingtalk.com"),
        "/robot/send",
        15_000,
        "markdown",
        lambda title, text: {"msgtype": "markdown", "markdown": {"title": title, "text": text}},
        ("errcode",),
    ),
    "feishu": Kind(  # a body of 20 KB
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
    93000: "the robot is gone, or the key in its address is wrong",
    130101: "more than 20 messages in a minute: 钉钉 is silent for ten minutes",
    300001: "the key in its address is wrong",
    310000: "its security setting refuses this: choose the keyword 灰度 (signatures are not supported)",
    9499: "too many messages at once",
    11232: "too many messages at once",
    19001: "the key in its address is wrong",
    19021: "its signature setting refuses this: choose the keyword 灰度 instead",
    19022: "its address list refuses this machine",
    19024: "its keyword setting refuses this: choose the keyword 灰度",
}


class RobotError(Exception):
    """A message that was not delivered; the text says why, and shows nothing of the address."""


class Robot:
    """The robot at an address, which is a secret: everybody who knows it can write into the chat.

    Making it raises `ValueError` that says what is wrong, and shows nothing of the address.
    """

    def __init__(self, url: str, kind: str | None = None) -> None:
        parts = _split_url(url)
        found = kind or _find_kind(parts)
        if not found:
            raise ValueError("it is none that is known: say --robot-kind wecom, dingtalk or feishu")
        self.kind = KINDS[found]
        self._parts = parts

    def __repr__(self) -> str:
        """Show nothing of the address."""
        return "Robot()"

    def send_message(self, title: str, text: str) -> None:
        """Send one message. Raises `RobotError`."""
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
        """Robots answer HTTP 200 also to what they refuse: the code in the body decides."""
        try:
            body = parse_object(content)
        except ValueError:
            body = {}
        code: object = next((body[name] for name in self.kind.codes if name in body), None)
        if code == 0 and not isinstance(code, bool):
            return
        if code is None:
            raise RobotError("the answer is no robot's: there is no code in it")
        message = body.get("errmsg") or body.get("msg") or body.get("StatusMessage") or ""
        keys = [self._parts.path.rpartition("/")[2], *(value for _, value in parse_qsl(self._parts.query))]
        said = hide(str(message)[:300], [key for key in keys if len(key) >= _SHORTEST_KEY])
        known = _ADVICE.get(code) if isinstance(code, int) else None
        raise RobotError(f"it refused the message ({str(code)[:20]}): {known or said}")


def _split_url(url: str) -> SplitResult:
    """Split a robot's address: https anywhere, http where the host is private. Raises `ValueError`."""
    rule = "it must be https://host/path, or http:// where the host is private"
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
