"""What to do about the frequent failures, in plain words, for the log. Loaded when something has failed."""

import ipaddress
import re
from typing import Any, Literal

from handler.errors import INVALID_ARGUMENTS, NO_APPID, NO_SECRET, NO_TOKEN, REFUSED_TOKENS, OpenApiError

_ALLOW_LIST = (
    "WeChat saw this function come from {address}, which is not on the IP allow-list of %s. Give the function a "
    "fixed egress address (docs/operating.md: A fixed egress address) and allow that one: %s"
)
_OWN = _ALLOW_LIST % (
    "the mini program whose AppSecret this is",
    "mp.weixin.qq.com > 开发管理 > 开发设置 > IP白名单",
)
_PLATFORM = _ALLOW_LIST % (
    "the third-party platform",
    "open.weixin.qq.com > the platform's 开发资料 > 白名单IP地址列表",
)
COST = (
    "Only one platform can hold that set of a mini program, which then can no longer be released from WeChat's own "
    "console"
)
_NO_PERMISSION = (
    "The token may not make this call. It is of the wrong kind (the mini program's own, where WeChat wants one that "
    "its third-party platform got: token source component or store), or the mini program has not granted the platform "
    f"permission set 18. {COST}: weigh that before you have it granted"
)
_REFUSED_ADDRESS = (
    "The account's administrator has refused calls from {address}, so that WeChat refuses it for %s. Ask the "
    "administrator to confirm it in WeChat after that"
)
_LISTED = (
    "WeChat's api_get_authorizer_list usually has its refresh token: put that one into the store. Only if the mini "
    "program is not listed must its administrator authorise the platform again"
)
_TICKET = "WeChat pushes a new one every ten minutes to the platform's callback server: see that it still stores them"
_CONSOLE = "mp.weixin.qq.com tells the reason (通知中心)"

HINTS: dict[int, str] = {
    40001: "WeChat refuses the token, another one too. A token of /cgi-bin/token ends when anybody fetches the next; "
    "an account without the permission for this API may get this code as well as 48001",
    40013: "WeChat does not know this appid. Check WECHAT_APPID, or the appid in the event",
    INVALID_ARGUMENTS: "The caller passed what the call does not take. See the arguments in the README",
    40125: "The AppSecret is wrong or was reset. Take the current one from mp.weixin.qq.com (开发管理 > 开发设置), a "
    "platform's from open.weixin.qq.com, and put it where the settings say",
    40164: _OWN,
    40243: "The AppSecret is frozen. An administrator unfreezes it at mp.weixin.qq.com > 开发管理 > 开发设置",
    NO_TOKEN: "There is no token to use; the reason says where none was found. Check what fills the token store, what "
    "the token server answers (docs/third-party-platforms.md), or the cloudbase token and its file",
    NO_APPID: "No mini program was named. Set WECHAT_APPID, or pass appid in the event",
    NO_SECRET: "There is no AppSecret to use. Set WECHAT_SECRET_NAME, WECHAT_SECRET_PARAMETER or WECHAT_SECRET, and "
    "let the function's role read it",
    42002: f"The mini program's refresh token in the store has ended. {_LISTED}",
    42006: "The platform's own token in the store has ended before its time. The next invocation fetches another",
    42007: "The owner of the mini program has changed the password, which ended all its tokens. Its administrator must "
    "authorise the platform again",
    43104: _NO_PERMISSION,
    45009: "The day's quota of this API is used up. WeChat starts anew at midnight in Beijing; ask less often until "
    "then. WeChat tells the quota and what is left of it: gray-release doctor asks for both",
    45011: "Too many calls in this minute. Ask less often, or one after another",
    45035: _ALLOW_LIST % ("the account", "of a mini program at mp.weixin.qq.com, of a platform at open.weixin.qq.com"),
    48001: _NO_PERMISSION,
    48004: f"WeChat has blocked this API for the account: {_CONSOLE}",
    50002: f"The account is restricted, frozen or closed: {_CONSOLE}",
    61003: "The mini program has not authorised this platform, or has withdrawn, or its refresh token is not in the "
    f"store. {_LISTED}",
    61004: _PLATFORM,
    61005: f"The platform's verify ticket in the store is too old. {_TICKET}",
    61006: f"The platform's verify ticket is missing or wrong. {_TICKET}",
    61007: f"The mini program has not granted this platform permission set 18. {COST}. If that is fine, add the set "
    "to the platform at developers.weixin.qq.com/platform (我的业务 > 第三方平台 > 权限集): the change "
    "holds at once, without 全网发布. A mini program that authorised the platform before must do so "
    "again: its administrator scans the code",
    61011: "WeChat does not know this third-party platform. Check WECHAT_COMPONENT_APPID",
    61014: "WeChat wants the platform's own token, and got another. Delete wechatpy:component_access_token in the "
    "store: the next invocation fetches the right one",
    61023: "The mini program's refresh token in the store is not valid any more, most likely because another system "
    f"has got a newer one: only one may refresh, and all others read (token source store). {_LISTED}",
    61024: "This appid is a third-party platform's. Set it as WECHAT_COMPONENT_APPID, and a mini program's as "
    "WECHAT_APPID",
    61028: "The third-party platform is not published, so it may act for its test accounts only. Publish it at "
    "open.weixin.qq.com (全网发布)",
    86000: "WeChat answers this call to third-party platforms that hold permission set 18, and the token is the mini "
    f"program's own. {COST}. If that is fine, use a token that such a platform got (token source component or store)",
    89501: "WeChat has asked the account's administrator to allow calls from this address, and waits for the answer. "
    "Have it confirmed in WeChat, and ask again then",
    89503: "WeChat wants the account's administrator to allow calls from {address}. Have it confirmed in WeChat, and "
    "ask again then",
    89506: _REFUSED_ADDRESS % "24 hours (two refusals)",
    89507: _REFUSED_ADDRESS % "an hour",
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


def describe(failure: OpenApiError) -> dict[str, Any]:
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
    if failure.hint:
        return failure.hint
    text = HINTS.get(failure.errCode)
    return text and text.replace("{address}", _find_address(failure.reason) or "an address")


def _find_address(reason: str) -> str | None:
    """Return the first IP address in an errmsg: WeChat writes `invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, ...`."""
    before_rid = reason[:_LONGEST_REASON].partition("rid:")[0]
    for text in re.findall("[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*", before_rid):
        for candidate in (text, text.strip(":.")):
            try:
                address = ipaddress.ip_address(candidate)
            except ValueError:
                continue
            if address.is_unspecified:  # `::`, as in `ip::1.2.3.4`
                continue
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            return str(mapped or address)
    return None


def classify(failure: OpenApiError) -> Class:
    """Return the class of a failure: there are few, so that metrics can be kept for each."""
    if failure.status in _BY_STATUS:
        return _BY_STATUS[failure.status]
    if failure.errCode in REFUSED_TOKENS:
        return "token"
    return "configuration" if failure.errCode in HINTS else "wechat"
