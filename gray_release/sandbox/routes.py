"""The paths of WeChat's API that the sandbox knows, and how it answers each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gray_release.sandbox.rules import Json, Platform, Refusal, Tokens
from gray_release.sandbox.scenario import Plan
from handler.contract import HTTPS_PATH


class State(Protocol):
    """What the sandbox knows: its tokens, its platform, and the plans of its mini programs by appid."""

    tokens: Tokens
    platform: Platform
    cloudbase_tokens: set[str]
    plan: Mapping[str, object] | Plan
    plans: dict[str, Mapping[str, object] | Plan | None]
    requests: list[tuple[str, str]]
    daily_limit: int


@dataclass(frozen=True)
class Request:
    """An HTTP request: `target` is its path with the query."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    body: bytes

    def posted(self) -> Json:
        """Return the JSON object of a POST. Raises `Refusal`."""
        if self.method != "POST":
            raise Refusal(43002, "require POST method")
        try:
            fields = json.loads(self.body)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise Refusal(47001, "data format error")
        return fields


def _plan(sandbox: State, request: Request) -> Json:
    if request.method != "GET":
        raise Refusal(43001, "require GET method")
    cloudbase = request.query.get("cloudbase_access_token")
    token = request.query.get("access_token", "")
    if cloudbase:
        if cloudbase not in sandbox.cloudbase_tokens:
            raise Refusal(40001, "invalid credential, cloudbase_access_token is invalid")
    elif token:
        sandbox.tokens.check(token)
    else:
        raise Refusal(41001, "access_token missing")
    plan = sandbox.plans.get(sandbox.tokens.owners.get(token, ""), sandbox.plan)
    now = sandbox.tokens.clock()
    return {"errcode": 0, "errmsg": "ok", "gray_release_plan": plan(now) if callable(plan) else plan}


def _authorizer_token(sandbox: State, request: Request) -> Json:
    return sandbox.platform.authorizer_token(request.query.get("component_access_token", ""), request.posted())


def _authorizer_list(sandbox: State, request: Request) -> Json:
    return sandbox.platform.authorizer_list(request.query.get("component_access_token", ""), request.posted())


def _authorizer_info(sandbox: State, request: Request) -> Json:
    return sandbox.platform.authorizer_info(request.query.get("component_access_token", ""), request.posted())


def _quota(sandbox: State, request: Request) -> Json:
    sandbox.tokens.check(request.query.get("access_token", ""))
    if request.posted().get("cgi_path") != HTTPS_PATH:
        raise Refusal(76021, "cgi_path not found, please check")
    used = sum(path == HTTPS_PATH for _, path in sandbox.requests)
    quota = {"daily_limit": sandbox.daily_limit, "used": used, "remain": max(sandbox.daily_limit - used, 0)}
    return {"errcode": 0, "errmsg": "ok", "quota": quota, "rate_limit": {"call_count": 1000, "refresh_second": 60}}


def _unknown(_sandbox: State, _request: Request) -> Json:
    raise Refusal(40066, "invalid url")


Answer = Callable[[State, Request], Json]

_ROUTES: dict[str, tuple[str, Answer]] = {
    HTTPS_PATH: ("plan", _plan),
    "/cgi-bin/token": ("classic", lambda sandbox, request: sandbox.tokens.classic_token(request.query)),
    "/cgi-bin/stable_token": ("stable", lambda sandbox, request: sandbox.tokens.stable_token(request.posted())),
    "/cgi-bin/component/api_component_token": (
        "component",
        lambda sandbox, request: sandbox.platform.component_token(request.posted()),
    ),
    "/cgi-bin/component/api_authorizer_token": ("authorizer", _authorizer_token),
    "/cgi-bin/component/api_get_authorizer_list": ("list", _authorizer_list),
    "/cgi-bin/component/api_get_authorizer_info": ("info", _authorizer_info),
    "/cgi-bin/openapi/quota/get": ("quota", _quota),
}


def route(path: str) -> tuple[str, Answer]:
    """Return what a fault calls the endpoint at a path, and what answers there with a JSON body or raises `Refusal`."""
    return _ROUTES.get(path, ("other", _unknown))
