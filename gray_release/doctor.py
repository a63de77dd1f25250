"""The checks of `gray-release doctor`, each with advice if it fails.

The checks send the requests that the function sends, with the function's code. They change nothing, except that the
token source may fetch or refresh a token, as for every call.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from handler import errors
from handler.contract import HTTPS_PATH, Arguments
from handler.deadline import Deadline
from handler.errors import OpenApiError
from handler.invocation import Budget
from handler.network.exchange import HttpRequest
from handler.operation import Operation, create_wechat
from handler.settings import Settings, load
from handler.telemetry.hints import find_hint
from handler.tokens import TokenSource, create_source
from handler.wechat.api import WeChat

State = Literal["ok", "problem", "unknown"]

CHECK_SECONDS = 20.0  # for each check
PERMISSION_SET = 18
QUOTA_PATH = "/cgi-bin/openapi/quota/get"
# WeChat pushes a new ticket every 10 minutes, so a key that has been idle for 20 minutes has missed one.
OLDEST_TICKET_SECONDS = 1200
LOW_QUOTA = 0.1  # warn if a smaller share of the daily quota is left
REFUSED_ADDRESSES = {40164, 61004, 45035, 89501, 89503, 89506, 89507}


@dataclass(frozen=True)
class Finding:
    """The result of one check; `unknown` if the check was not possible. `advice` says how to fix a problem."""

    check: str
    state: State
    text: str
    advice: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def diagnose(appid: str | None) -> Iterator[Finding]:
    """Check settings, token store, token, permission, quota and one real call, in this order.

    A check is skipped if it needs the result of one that failed.
    """
    settings = load()
    appid = appid or settings.wechat_appid
    try:
        settings.check()
        wechat = create_wechat(settings)
    except OpenApiError as error:
        yield _create_problem("settings", error)
        return
    source = create_source(settings, wechat)
    if source.needs_appid and not appid:
        missing = errors.misconfigured(errors.NO_APPID, "appid missing: set WECHAT_APPID, or pass an appid")
        yield _create_problem("settings", missing)
        return
    yield Finding("settings", "ok", f"token source {source.name}, appid {appid or 'not needed'}")
    yield from _check_store(settings, source.name, appid or "")
    token = None
    try:
        token = source.get_token(appid or "", _create_budget())
    except OpenApiError as error:
        if error.errCode in REFUSED_ADDRESSES:
            yield _create_problem("address", error)
        yield _create_problem("token", error)
    if token is None:
        return
    yield Finding("token", "ok", f"obtained from the source {source.name}")
    if source.name == "component":
        yield _check_permission(source, appid or "")
    if token.parameter == "access_token":
        yield _check_quota(wechat, token.value)
    yield _check_call(settings, appid)


def _check_store(settings: Settings, source: str, appid: str) -> Iterator[Finding]:
    url = settings.wechat_token_store_url
    if source not in ("component", "store") or url is None or url.get_secret_value().startswith("http"):
        return
    from handler.network.redis import BoundedRedis, Connections  # noqa: PLC0415 - only if there is a token store
    from handler.tokens.placeholders import fill  # noqa: PLC0415 - only if there is a token store

    def open_store() -> BoundedRedis:
        return Connections(settings.wechat_token_store_url, settings.wechat_timeout_seconds).create_client(
            Deadline(CHECK_SECONDS)
        )

    try:
        if source == "store":
            key = fill("WECHAT_TOKEN_STORE_KEY", settings.wechat_token_store_key, appid, settings)
            kind = open_store().get_type(key)
            yield Finding("store", "ok", "reachable")
            if kind == "none":
                advice = (
                    "Check WECHAT_TOKEN_STORE_KEY, the database number in the URL, and that the platform writes the key"
                )
                yield Finding("key", "problem", f"{key} does not exist", advice)
            else:
                yield Finding("key", "ok", f"{key} is a {kind}")
            return
        store = open_store()
        kinds = {
            name: store.get_type(f"wechatpy:{name}") for name in ("component_verify_ticket", f"{appid}_refresh_token")
        }
        idle = _read_idle_seconds(store) if kinds["component_verify_ticket"] != "none" else None
    except OpenApiError as error:
        yield _create_problem("store", error)
        return
    yield Finding("store", "ok", "reachable, with wechatpy's keys" if "string" in kinds.values() else "reachable")
    yield _judge_ticket(kinds["component_verify_ticket"], idle)
    if kinds[f"{appid}_refresh_token"] == "string":
        yield Finding("refresh token", "ok", f"the store has one for {appid}")
    else:
        yield _create_problem(
            "refresh token", errors.misconfigured(61003, f"no wechatpy:{appid}_refresh_token in the store")
        )


def _read_idle_seconds(store: Any) -> int | None:
    """Return for how many seconds nobody has read or written the ticket; `None` under an LFU eviction policy."""
    try:
        idle = store.execute_command("OBJECT", "IDLETIME", "wechatpy:component_verify_ticket")
    except OpenApiError:
        return None
    return idle if isinstance(idle, int) else None


def _judge_ticket(kind: str, idle: int | None) -> Finding:
    if kind == "none":
        return _create_problem(
            "ticket", errors.misconfigured(61006, "no wechatpy:component_verify_ticket in the store")
        )
    if kind != "string":
        return _create_problem("ticket", errors.misconfigured(61006, f"wechatpy:component_verify_ticket is a {kind}"))
    if idle is None:
        return Finding("ticket", "unknown", "the store has one, but does not say how old it is")
    if idle > OLDEST_TICKET_SECONDS:
        return _create_problem("ticket", errors.misconfigured(61005, f"not renewed for {idle // 60} minutes"))
    return Finding("ticket", "ok", f"last read or written {idle} seconds ago")


def _check_permission(source: TokenSource, appid: str) -> Finding:
    from handler.tokens.component import ComponentTokens  # noqa: PLC0415 - only for a third-party platform

    assert isinstance(source, ComponentTokens)  # noqa: S101 - for the type checker: no other source is named component
    try:
        info = source.get_authorizer(appid, _create_budget())
    except OpenApiError as error:
        return _create_problem("permission set", error)
    permission_sets = _read_granted_sets(info)
    if permission_sets is None:
        return Finding("permission set", "unknown", "WeChat's answer has no func_info")
    if PERMISSION_SET in permission_sets:
        return Finding("permission set", "ok", f"{PERMISSION_SET} is granted")
    return _create_problem("permission set", errors.refused(61007, f"permission set {PERMISSION_SET} is not granted"))


def _read_granted_sets(info: Mapping[str, Any]) -> set[object] | None:
    rows = info.get("authorization_info")
    rows = rows.get("func_info") if isinstance(rows, dict) else None
    if not isinstance(rows, list):
        return None
    categories = [row.get("funcscope_category") for row in rows if isinstance(row, dict)]
    return {category.get("id") for category in categories if isinstance(category, dict)}


def _check_quota(wechat: WeChat, token: str) -> Finding:
    body = json.dumps({"cgi_path": HTTPS_PATH}).encode()
    request = HttpRequest("POST", f"{QUOTA_PATH}?access_token={token}", body, {"Content-Type": "application/json"})
    try:
        quota = wechat.exchange("token", request, _create_budget()).get("quota")
    except OpenApiError as error:
        return Finding("quota", "unknown", f"WeChat does not say: {error.errCode} {error.reason}", find_hint(error))
    if not isinstance(quota, dict) or not all(isinstance(quota.get(name), int) for name in ("daily_limit", "remain")):
        return Finding("quota", "unknown", "WeChat's answer has no quota")
    if quota["daily_limit"] <= 0:  # as in WeChat's own example of an answer
        return Finding("quota", "unknown", "WeChat states no daily limit")
    text = f"{quota['remain']} of {quota['daily_limit']} calls are left today"
    if quota["remain"] > quota["daily_limit"] * LOW_QUOTA:
        return Finding("quota", "ok", text)
    return Finding("quota", "problem", text, find_hint(errors.refused(45009, text)))


def _check_call(settings: Settings, appid: str | None) -> Finding:
    outcome = Operation(settings).get_plan(Arguments(appid=appid), _create_budget())
    if outcome.failure:
        return _create_problem("call", outcome.failure)
    plan = outcome.body.get("gray_release_plan")
    return Finding("call", "ok", "WeChat answered: no plan" if plan is None else "WeChat answered with a plan")


def _create_budget() -> Budget:
    return Budget(Deadline(CHECK_SECONDS))


def _create_problem(check: str, failure: OpenApiError) -> Finding:
    return Finding(check, "problem", f"{failure.errCode} {failure.reason}", find_hint(failure))
