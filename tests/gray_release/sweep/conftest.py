"""Local chat robots that follow the documentation of 企业微信, 钉钉 and 飞书."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
PATHS = {
    "wecom": f"/cgi-bin/webhook/send?key={KEY}",
    "dingtalk": f"/robot/send?access_token={KEY}",
    "feishu": f"/open-apis/bot/v2/hook/{KEY}",
}


class ChatRobots:
    """One server with the three robots. `messages` has the texts that reached the chat.

    If `answer` is set, this status and body replace the robots' own answers.
    """

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.requests: list[float] = []
        self.answer: tuple[int, bytes] | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._create_handler())

    def get_url(self, kind: str) -> str:
        """Return the URL of a robot."""
        return f"http://127.0.0.1:{self.server.server_port}{PATHS[kind]}"

    def answer_message(self, target: str, content: bytes, content_type: str) -> dict[str, Any]:
        """Return the answer of the robot at a URL, which always comes with HTTP 200."""
        address = urlsplit(target)
        now = time.monotonic()
        self.requests = [at for at in self.requests if now - at < 60] + [now]
        try:
            message = json.loads(content)
        except ValueError:
            message = {}
        if not content_type.startswith("application/json"):
            message = {}
        if address.path == "/cgi-bin/webhook/send":
            return self._answer_wecom(parse_qs(address.query), message)
        if address.path == "/robot/send":
            return self._answer_dingtalk(parse_qs(address.query), message)
        return self._answer_feishu(address.path, message, len(content))

    def _answer_wecom(self, query: dict[str, list[str]], message: dict[str, Any]) -> dict[str, Any]:
        text = message.get("markdown", {}).get("content")
        if query != {"key": [KEY]}:
            return {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1], from ip: 1.2.3.4"}
        if len(self.requests) > 20:
            return {"errcode": 45009, "errmsg": "api freq out of limit"}
        if message.get("msgtype") != "markdown" or not text:
            return {"errcode": 40008, "errmsg": "invalid message type"}
        if len(text.encode()) > 4096:
            return {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096"}
        self.messages.append(text)
        return {"errcode": 0, "errmsg": "ok"}

    def _answer_dingtalk(self, query: dict[str, list[str]], message: dict[str, Any]) -> dict[str, Any]:
        markdown = message.get("markdown", {})
        text = markdown.get("text")
        if query != {"access_token": [KEY]}:
            return {"errcode": 300001, "errmsg": f"token is not exist: {query.get('access_token')}"}
        if len(self.requests) > 20:
            return {"errcode": 130101, "errmsg": "send too fast"}
        if message.get("msgtype") != "markdown" or not text or not markdown.get("title"):
            return {"errcode": 40035, "errmsg": "param error"}
        if len(text.encode()) > 20_000:
            return {"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"}
        if "灰度" not in text:
            return {"errcode": 310000, "errmsg": "keywords not in content"}
        self.messages.append(text)
        return {"errcode": 0, "errmsg": "ok"}

    def _answer_feishu(self, path: str, message: dict[str, Any], size: int) -> dict[str, Any]:
        text = message.get("content", {}).get("text")
        if path != PATHS["feishu"]:
            return {"code": 19001, "msg": "param invalid: incoming webhook access token invalid", "data": {}}
        if len(self.requests) > 100:
            return {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]"}
        if message.get("msg_type") != "text" or not text or size > 20 * 1024:
            return {"code": 9499, "msg": "Bad Request", "data": {}}
        if "灰度" not in text:
            return {"code": 19024, "msg": "Key Words Not Found", "data": {}}
        self.messages.append(text)
        return {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}

    def _create_handler(self) -> type[BaseHTTPRequestHandler]:
        robots = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                answer = robots.answer_message(self.path, content, self.headers.get("Content-Type", ""))
                status, body = robots.answer or (200, json.dumps(answer).encode())
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        return Handler


@pytest.fixture
def robots() -> Iterator[ChatRobots]:
    """Run the robots."""
    chat_robots = ChatRobots()
    threading.Thread(target=chat_robots.server.serve_forever, args=(0.002,), daemon=True).start()
    yield chat_robots
    chat_robots.server.shutdown()
    chat_robots.server.server_close()
