"""The layouts in which other systems keep a mini program's token in Redis."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, COMPONENT_APPID

Write = Callable[[redis.Redis, str, str], object]


@dataclass(frozen=True)
class Layout:
    """A system's layout: its WECHAT_TOKEN_STORE_KEY (None is the default), and the function that stores a token."""

    name: str
    key: str | None
    write: Write

    def fill(self, client: redis.Redis, token: str) -> str:
        """Store the token of the sandbox's mini program; return its key."""
        key = (self.key or "").replace("{component_appid}", COMPONENT_APPID).replace("{appid}", APPID)
        self.write(client, key, token)
        return key or f"wechatpy:{APPID}_access_token"


def _wechatpy(client: redis.Redis, _key: str, token: str) -> None:
    RedisStorage(client).set(f"{APPID}_access_token", token, 7200)


def _raw(client: redis.Redis, key: str, token: str) -> None:
    """Store the token as WxJava does: its bytes, which expire 200 seconds early."""
    client.set(key, token, ex=7000)


def _go(client: redis.Redis, key: str, token: str) -> None:
    """Store the token as silenceper/wechat does since 2022."""
    client.set(key, token, ex=7170)


def _go_json(client: redis.Redis, key: str, token: str) -> None:
    """Store the token as silenceper/wechat did before 2022: a string, as Go's `json.Marshal` writes it."""
    client.set(key, f'"{token}"', ex=4800)


def _co_wechat(client: redis.Redis, key: str, token: str) -> None:
    """Store co-wechat's AccessToken as `JSON.stringify` writes it, with its expiry in milliseconds."""
    client.set(key, f'{{"accessToken":"{token}","expireTime":1893456000000}}')


def _hash(client: redis.Redis, key: str, token: str) -> None:
    """Store the token as WxJava's first configuration of mini programs does, with the expiry in milliseconds."""
    client.hset(key, mapping={"value": token, "expire": "1893456000000"})


def _object(name: str, *, data: bool) -> Layout:
    def write(client: redis.Redis, key: str, token: str) -> None:
        found = {name: token, "expires_in": 7200}
        client.set(key, json.dumps({"code": 0, "data": found} if data else found))

    return Layout(f"JSON object, {'data.' * data}{name}", "tokens:{appid}", write)


def _field(name: str) -> Layout:
    def write(client: redis.Redis, key: str, token: str) -> None:
        client.hset(key, mapping={"expires_in": "7200", name: token})

    return Layout(f"hash, {name}", "tokens:{appid}", write)


def _bare_data(client: redis.Redis, key: str, token: str) -> None:
    client.set(key, json.dumps({"code": 200, "data": token}))


def _authorization_info(client: redis.Redis, key: str, token: str) -> None:
    """Store WeChat's answer to api_query_auth, because some platforms keep that JSON unchanged."""
    info = {"authorizer_appid": APPID, "authorizer_access_token": token, "expires_in": 7200}
    client.set(key, json.dumps({"authorization_info": {**info, "authorizer_refresh_token": "refreshtoken@@@1"}}))


def _byte_order_mark(client: redis.Redis, key: str, token: str) -> None:
    client.set(key, b"\xef\xbb\xbf" + token.encode())


NAMES = ("access_token", "authorizer_access_token", "accessToken", "authorizerAccessToken", "token")
SYSTEMS = [
    Layout("wechatpy", None, _wechatpy),
    Layout("WxJava, platform", "wechat_authorizer_access_token:{component_appid}:{appid}", _raw),
    Layout("WxJava, prefix", "wx:open:wechat_authorizer_access_token:{component_appid}:{appid}", _raw),
    Layout("WxJava, mini program", "wa:access_token:{appid}", _raw),
    Layout("WxJava, hash", "maConfig:{appid}:accessToken", _hash),
    Layout("silenceper, platform", "authorizer_access_token_{appid}", _go),
    Layout("silenceper, platform, JSON", "authorizer_access_token_{appid}", _go_json),
    Layout("silenceper, mini program", "gowechat_miniprogram__access_token_{appid}", _go),
    Layout("silenceper, mini program, JSON", "gowechat_miniprogram__access_token_{appid}", _go_json),
    Layout("co-wechat", "{wechat}:token:{appid}", _co_wechat),
]
OTHERS = [
    Layout("JSON object, data itself", "tokens:{appid}", _bare_data),
    Layout("authorization_info", "tokens:{appid}", _authorization_info),
    Layout("byte order mark", "tokens:{appid}", _byte_order_mark),
]
LAYOUTS = SYSTEMS + OTHERS + [_field(name) for name in NAMES]
LAYOUTS += [_object(name, data=data) for data in (False, True) for name in NAMES]
