"""Texts for the log that say what to do about the frequent failures. Loaded only after a failure."""

import ipaddress
import re
from typing import Any, Literal

from handler.errors import INVALID_ARGUMENTS, NO_APPID, NO_SECRET, NO_TOKEN, REFUSED_TOKENS, OpenApiError

_ALLOW_LIST = (
    "WeChat got the request from {address}, which is not on the IP allow-list of %s. Give the function a fixed egress "
    "address (docs/operating.md: A fixed egress address) and add this address to the list. %s"
)
_MINI_PROGRAM_LIST = _ALLOW_LIST % (
    "the mini program",
    "The list is at mp.weixin.qq.com > 开发管理 > 开发设置 > IP白名单",
)
_PLATFORM_LIST = _ALLOW_LIST % (
    "the third-party platform",
    "The list is at open.weixin.qq.com > the platform's 开发资料 > 白名单IP地址列表",
)
_ACCOUNT_LIST = _ALLOW_LIST % (
    "the account",
    "A mini program's list is at mp.weixin.qq.com, a platform's list at open.weixin.qq.com",
)
COST = (
    "A mini program can grant this permission set to only one platform. After that, WeChat's own console can no longer "
    "release the mini program"
)
_NO_PERMISSION = (
    "WeChat does not allow this call with this token. If the token is the mini program's own, use the token of a "
    "third-party platform (token source component or store). If the token is a platform's, the mini program has not "
    f"granted the platform permission set 18. {COST}. Consider this before you request the permission"
)
_REFUSED_ADDRESS = (
    "The account's administrator has refused calls from {address} %s. WeChat therefore rejects these calls for %s. "
    "After that time, ask the administrator to confirm the address in WeChat"
)
_LISTED = (
    "WeChat's api_get_authorizer_list usually returns the mini program's refresh token. Write this token to the store. "
    "If the mini program is not in the list, its administrator must authorise the platform again"
)
_TICKET = (
    "WeChat sends a new ticket to the platform's callback server every ten minutes. Check that the server stores each "
    "ticket"
)
_CONSOLE = "The reason is at mp.weixin.qq.com (通知中心)"

HINTS: dict[int, str] = {
    40001: "WeChat refused the token, and also the token that replaced it. A token from /cgi-bin/token becomes invalid "
    "when any program fetches another. WeChat may also answer 40001 instead of 48001 if the account has no permission "
    "for this API",
    40013: "WeChat does not know this appid. Check WECHAT_APPID, or the appid in the event",
    INVALID_ARGUMENTS: "The caller passed invalid arguments. The reason says which. README.md lists the valid ones "
    "(The contract)",
    40125: "The AppSecret is wrong or was reset. Write the current AppSecret to the variable, secret or parameter that "
    "the settings name. A mini program's AppSecret is at mp.weixin.qq.com (开发管理 > 开发设置), a platform's at "
    "open.weixin.qq.com",
    40164: _MINI_PROGRAM_LIST,
    40243: "The AppSecret is frozen. An administrator can unfreeze it at mp.weixin.qq.com > 开发管理 > 开发设置",
    NO_TOKEN: "There is no token. The reason says where the token is missing. Check the program that writes to the "
    "token store, the token server's answer (docs/third-party-platforms.md), or the file with the cloudbase token",
    NO_APPID: "There is no appid. Set WECHAT_APPID, or pass appid in the event",
    NO_SECRET: "There is no AppSecret. Set WECHAT_SECRET_NAME, WECHAT_SECRET_PARAMETER or WECHAT_SECRET, and allow the "
    "function's role to read it",
    42002: f"The mini program's refresh token in the store has expired. {_LISTED}",
    42006: "The platform's own token in the store became invalid before its expiry. The next invocation fetches "
    "another token",
    42007: "The mini program's owner changed the password, so all tokens are invalid. The mini program's administrator "
    "must authorise the platform again",
    43104: _NO_PERMISSION,
    45009: "The day's quota of this API is used up. WeChat resets it at midnight in Beijing. gray-release doctor shows "
    "the quota and the number of calls that are left",
    45011: "There were too many calls in this minute. Call less often",
    45035: _ACCOUNT_LIST,
    48001: _NO_PERMISSION,
    48004: f"WeChat has blocked this API for the account. {_CONSOLE}",
    50002: f"The account is restricted, frozen or closed. {_CONSOLE}",
    61003: "The mini program has not authorised this platform, has withdrawn the authorisation, or its refresh token "
    f"is not in the store. {_LISTED}",
    61004: _PLATFORM_LIST,
    61005: f"The platform's verify ticket in the store is too old. {_TICKET}",
    61006: f"The platform's verify ticket is missing or wrong. {_TICKET}",
    61007: f"The mini program has not granted this platform permission set 18. {COST}. If that is acceptable, add the "
    "set to the platform at developers.weixin.qq.com/platform (我的业务 > 第三方平台 > 权限集). This takes effect at "
    "once, without 全网发布. Administrators who authorised the platform earlier must scan its authorisation code again",
    61011: "WeChat does not know this third-party platform. Check WECHAT_COMPONENT_APPID",
    61014: "WeChat expected the platform's own token, but got another one. Delete wechatpy:component_access_token in "
    "the store. The next invocation then fetches the right token",
    61023: "The mini program's refresh token in the store is no longer valid, probably because another system has "
    "received a newer one. Let only one system refresh tokens; all others must only read them (token source store). "
    f"{_LISTED}",
    61024: "The appid of the call belongs to a third-party platform. Set WECHAT_COMPONENT_APPID to this appid, and "
    "WECHAT_APPID to the appid of a mini program",
    61028: "The third-party platform is not published, so it can serve only its test accounts. Publish it at "
    "open.weixin.qq.com (全网发布)",
    86000: "Only third-party platforms with permission set 18 can make this call, but the token is the mini program's "
    f"own. {COST}. If that is acceptable, use the token of such a platform (token source component or store)",
    89501: "WeChat has asked the account's administrator to allow calls from {address}. Retry after the administrator "
    "has confirmed the address in WeChat",
    89503: "The account's administrator must allow calls from {address}. Retry after the administrator has confirmed "
    "the address in WeChat",
    89506: _REFUSED_ADDRESS % ("twice", "24 hours"),
    89507: _REFUSED_ADDRESS % ("once", "an hour"),
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

_LONGEST_REASON = 1024  # characters of an errmsg in the log; the caller gets the whole errmsg


def describe(failure: OpenApiError) -> dict[str, Any]:
    """Return the fields of the log line that describe a failure."""
    rid = re.search(r"\brid: *([\w-]{1,64})", failure.reason)
    return {
        "err_code": failure.errCode,
        "err_code_class": classify(failure),
        "reason": failure.reason[:_LONGEST_REASON],
        "rid": rid and rid[1],
        "hint": find_hint(failure),
    }


def find_hint(failure: OpenApiError) -> str | None:
    """Return what to do about a failure. If WeChat's errmsg contains an IP address, the hint names that address."""
    if failure.hint:
        return failure.hint
    text = HINTS.get(failure.errCode)
    return text and text.replace("{address}", _find_address(failure.reason) or "this function's address")


def _find_address(reason: str) -> str | None:
    """Return the first IP address in an errmsg such as `invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, ...`."""
    before_rid = reason[:_LONGEST_REASON].partition("rid:")[0]
    for text in re.findall("[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*", before_rid):
        for candidate in (text, text.strip(":.")):
            try:
                address = ipaddress.ip_address(candidate)
            except ValueError:
                continue
            if address.is_unspecified:  # the `::` of a text like `ip::1.2.3.4`
                continue
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            return str(mapped or address)
    return None


def classify(failure: OpenApiError) -> Class:
    """Return the class of a failure. There are few classes, because CloudWatch charges for the metric of each."""
    if failure.status in _BY_STATUS:
        return _BY_STATUS[failure.status]
    if failure.errCode in REFUSED_TOKENS:
        return "token"
    return "configuration" if failure.errCode in HINTS else "wechat"
