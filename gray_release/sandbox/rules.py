"""WeChat's documented rules for the tokens of mini programs and of third-party platforms.

The rules and codes are those of getStableAccessToken, getAccessToken, getComponentAccessToken and
getAuthorizerAccessToken on developers.weixin.qq.com. Times are Unix seconds.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

APPID = "wx0123456789abcdef"
SECRET = "5a6d6b0c7d1e4f2a9b8c7d6e5f4a3b2c"  # noqa: S105 - valid only in the sandbox
COMPONENT_APPID = "wxfedcba9876543210"
COMPONENT_SECRET = "0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a"  # noqa: S105 - valid only in the sandbox
TICKET = "ticket@@@sandbox"
REFRESH_TOKEN = "refreshtoken@@@sandbox"  # noqa: S105 - valid only in the sandbox

LIFETIME_SECONDS = 7200
OVERLAP_SECONDS = 300  # before a stable token expires, WeChat issues a new one, and both are valid

Json = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - it is an answer of WeChat, not an error of the sandbox
    """A request that WeChat refuses with an errcode and errmsg."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errcode)
        self.body = {"errcode": errcode, "errmsg": f"{errmsg} rid: {secrets.token_hex(4)}-sandbox"}


@dataclass
class Tokens:
    """WeChat's records of access tokens; `owners` has the appid of each token."""

    apps: dict[str, str]
    clock: Callable[[], float]
    expiry: dict[str, float] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    stable: dict[str, str] = field(default_factory=dict)
    classic: dict[str, str] = field(default_factory=dict)

    def issue_token(self, appid: str = APPID) -> Json:
        """Issue a token that is valid for two hours."""
        token = f"sandbox_{secrets.token_urlsafe(64)}"
        self.expiry[token] = self.clock() + LIFETIME_SECONDS
        self.owners[token] = appid
        return {"access_token": token, "expires_in": LIFETIME_SECONDS}

    def authenticate(self, fields: Mapping[str, Any]) -> str:
        """Check the appid and secret of a token request; return the appid. Raises `Refusal`."""
        appid, secret = fields.get("appid"), fields.get("secret")
        if not appid:
            raise Refusal(41002, "appid missing")
        if not secret:
            raise Refusal(41004, "appsecret missing")
        if appid not in self.apps:
            raise Refusal(40013, "invalid appid")
        if secret != self.apps[appid]:
            raise Refusal(40125, "invalid appsecret")
        if fields.get("grant_type") != "client_credential":
            raise Refusal(40002, "invalid grant_type")
        return str(appid)

    def get_stable_token(self, fields: Mapping[str, Any]) -> Json:
        """Return the stable token: the current one or, in its last five minutes, a new one."""
        appid = self.authenticate(fields)
        current = self.stable.get(appid, "")
        seconds_left = self.expiry.get(current, 0) - self.clock()
        if fields.get("force_refresh") is True:
            self.expiry.pop(current, None)
        elif seconds_left > OVERLAP_SECONDS:
            return {"access_token": current, "expires_in": int(seconds_left)}
        answer = self.issue_token(appid)
        self.stable[appid] = answer["access_token"]
        return answer

    def get_classic_token(self, fields: Mapping[str, Any]) -> Json:
        """Return a new token of `/cgi-bin/token`, and invalidate the previous one."""
        appid = self.authenticate(fields)
        self.expiry.pop(self.classic.get(appid, ""), None)
        answer = self.issue_token(appid)
        self.classic[appid] = answer["access_token"]
        return answer

    def check_token(self, token: str) -> None:
        """Raise `Refusal` unless the token is valid."""
        if token not in self.expiry:
            raise Refusal(40001, "invalid credential, access_token is invalid or not latest")
        if self.expiry[token] <= self.clock():
            raise Refusal(42001, "access_token expired")


@dataclass
class Platform:
    """A third-party platform: its ticket, the refresh tokens of its authorizers, and the expiry of its own tokens.

    With `rotate`, each access token comes with a new refresh token, and the previous one becomes invalid.
    """

    tokens: Tokens
    appid: str = COMPONENT_APPID
    secret: str = COMPONENT_SECRET
    ticket: str = TICKET
    authorizers: dict[str, str] = field(default_factory=lambda: {APPID: REFRESH_TOKEN})
    expiry: dict[str, float] = field(default_factory=dict)
    rotate: bool = False
    permission_sets: set[int] = field(default_factory=lambda: {1, 18, 25})  # granted by every authorizer

    def get_component_token(self, fields: Mapping[str, Any]) -> Json:
        """Return the platform's own token."""
        if fields.get("component_appid") != self.appid:
            raise Refusal(40013, "invalid appid")
        if fields.get("component_appsecret") != self.secret:
            raise Refusal(40125, "invalid appsecret")
        if fields.get("component_verify_ticket") != self.ticket:
            raise Refusal(61006, "component ticket is invalid")
        token = f"component_{secrets.token_urlsafe(64)}"
        self.expiry[token] = self.tokens.clock() + LIFETIME_SECONDS
        return {"component_access_token": token, "expires_in": LIFETIME_SECONDS}

    def check_token(self, token: str) -> None:
        """Raise `Refusal` unless the platform's own token is valid."""
        if token not in self.expiry:
            raise Refusal(40001, "invalid credential, component_access_token is invalid")
        if self.expiry[token] <= self.tokens.clock():
            raise Refusal(42001, "component_access_token expired")

    def get_authorizer_list(self, token: str, fields: Mapping[str, Any]) -> Json:
        """Return a page of at most 500 authorizers with their refresh tokens."""
        self.check_token(token)
        offset, count = fields.get("offset"), fields.get("count")
        if fields.get("component_appid") != self.appid or not isinstance(offset, int) or not isinstance(count, int):
            raise Refusal(47001, "data format error")
        if not 0 < count <= 500:
            raise Refusal(40097, "invalid args")
        page = list(self.authorizers.items())[offset : offset + count]
        rows = [{"authorizer_appid": appid, "refresh_token": token, "auth_time": 1558000607} for appid, token in page]
        return {"total_count": len(self.authorizers), "list": rows}

    def get_authorizer_info(self, token: str, fields: Mapping[str, Any]) -> Json:
        """Return an authorizer's account and the permission sets that it has granted."""
        self.check_token(token)
        appid = str(fields.get("authorizer_appid"))
        if fields.get("component_appid") != self.appid or appid not in self.authorizers:
            raise Refusal(61003, "component is not authorized by this account")
        granted = [{"funcscope_category": {"id": number}} for number in sorted(self.permission_sets)]
        return {
            "authorizer_info": {"nick_name": "sandbox", "service_type_info": {"id": 0}},
            "authorization_info": {
                "authorizer_appid": appid,
                "authorizer_refresh_token": self.authorizers[appid],
                "func_info": granted,
            },
        }

    def get_authorizer_token(self, token: str, fields: Mapping[str, Any]) -> Json:
        """Return an access token in exchange for the authorizer's refresh token."""
        self.check_token(token)
        appid = str(fields.get("authorizer_appid"))
        if fields.get("component_appid") != self.appid or appid not in self.authorizers:
            raise Refusal(61003, "component is not authorized by this account")
        if fields.get("authorizer_refresh_token") != self.authorizers[appid]:
            raise Refusal(61023, "refresh_token is invalid")
        if self.rotate:
            self.authorizers[appid] = f"refreshtoken@@@{secrets.token_urlsafe(16)}"
        issued = self.tokens.issue_token(appid)
        return {
            "authorizer_access_token": issued["access_token"],
            "expires_in": issued["expires_in"],
            "authorizer_refresh_token": self.authorizers[appid],
        }
