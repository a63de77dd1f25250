"""What to do about the frequent failures, in plain words, for the log. Loaded when something has failed."""

import re
from typing import Literal

from handler.errors import INVALID_ARGUMENTS, NO_APPID, NO_SECRET, NO_TOKEN, REFUSED_TOKENS, OpenApiError
from handler.exact_json import JsonObject

_ALLOW_LIST = (
    "WeChat saw this function come from {address}, which is not on the account's IP allow-list. Give the function a "
    "fixed egress address (README: A fixed egress address) and allow that one"
)

HINTS: dict[int, str] = {
    40001: "WeChat refuses the token, another one too. A token of /cgi-bin/token ends when anybody fetches the next; "
    "an account without the permission for this API may get this code as well as 48001",
    40013: "WeChat does not know this appid. Check WECHAT_APPID, or the appid in the event",
    INVALID_ARGUMENTS: "The caller passed what the call does not take. See the arguments in the README",
    40125: "The AppSecret is wrong or was reset. Take the current one from mp.weixin.qq.com (开发管理 > 开发设置) and "
    "put it where the settings say",
    40164: f"{_ALLOW_LIST}: mp.weixin.qq.com > 开发管理 > 开发设置 > IP白名单",
    40243: "The AppSecret is frozen. An administrator unfreezes it at mp.weixin.qq.com > 开发管理 > 开发设置",
    NO_TOKEN: "There is no token to use. Check what fills the token store, or the cloudbase token and its file",
    NO_APPID: "No mini program was named. Set WECHAT_APPID, or pass appid in the event",
    NO_SECRET: "There is no AppSecret to use. Set WECHAT_SECRET_NAME, WECHAT_SECRET_PARAMETER or WECHAT_SECRET, and "
    "let the function's role read it",
    45009: "The day's quota of this API is used up. WeChat starts anew at midnight in Beijing; "
    "ask less often until then",
    45011: "Too many calls in this minute. Ask less often, or one after another",
    48001: "The account may not call this API: WeChat gives it to third-party platforms whose mini programs granted "
    "permission set 18 (token source component)",
    61003: "The mini program has not authorised this platform, or its refresh token is not in the store. Have its "
    "administrator authorise the platform",
    61004: f"{_ALLOW_LIST}: open.weixin.qq.com > the platform's 开发资料 > 白名单IP地址列表",
    61006: "The platform's verify ticket is missing or old. WeChat pushes one every ten minutes to the platform's "
    "callback server, which keeps it in the store",
    61023: "The authorizer's refresh token is not valid any more. Have the mini program's administrator authorise the "
    "platform again",
}

Class = Literal["argument", "configuration", "token", "quota", "wechat", "unavailable", "timeout"]
_BY_STATUS: dict[int, Class] = {
    400: "argument",
    405: "argument",
    429: "quota",
    500: "configuration",
    503: "unavailable",
    504: "timeout",
}


_LONGEST_REASON = 1024  # characters of an errmsg in the log; the caller gets all of it


def describe(failure: OpenApiError) -> JsonObject:
    """Return what the log line tells of a failure."""
    rid = re.search(r"\brid: *([\w-]{1,64})", failure.reason)
    return {
        "err_code": failure.errCode,
        "err_code_class": classify(failure),
        "reason": failure.reason[:_LONGEST_REASON],
        "rid": rid and rid[1],
        "hint": hint(failure),
    }


def hint(failure: OpenApiError) -> str | None:
    """Return what to do about a failure; the address that WeChat saw is in its errmsg."""
    address = re.search(r"\d{1,3}(\.\d{1,3}){3}", failure.reason)
    text = HINTS.get(failure.errCode)
    return text and text.replace("{address}", address[0] if address else "an address")


def classify(failure: OpenApiError) -> Class:
    """Return the class of a failure: there are few, so that metrics can be kept for each."""
    if failure.status in _BY_STATUS:
        return _BY_STATUS[failure.status]
    if failure.errCode in REFUSED_TOKENS:
        return "token"
    return "configuration" if failure.errCode in HINTS else "wechat"
