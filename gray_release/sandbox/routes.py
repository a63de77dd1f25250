"""The paths of WeChat's API that the sandbox implements, and the answer of each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gray_release.sandbox.rules import Json, Platform, Refusal, Tokens
from gray_release.sandbox.scenario import Plan
from handler.contract import HTTPS_PATH


class State(Protocol):
    """The data of the sandbox on which its answers depend."""

    tokens: Tokens
    platform: Platform
    cloudbase_tokens: set[str]
    plan: Mapping[str, object] | Plan
    plans: dict[str, Mapping[str, object] | Plan | None]
    requests: list[tuple[str, str]]
    daily_limit: int


@dataclass(frozen=True)
class Request:
    """An HTTP request; `target` is the path with the query."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    body: bytes

    def parse_post(self) -> Json:
        """Return the JSON object in the body of a POST. Raises `Refusal`."""
        if self.method != "POST":
            raise Refusal(43002, "require POST method")
        try:
            fields = json.loads(self.body)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise Refusal(47001, "data format error")
        return fields


def _answer_plan(sandbox: State, request: Request) -> Json:
    if request.method != "GET":
        raise Refusal(43001, "require GET method")
    cloudbase = request.query.get("cloudbase_access_token")
    token = request.query.get("access_token", "")
    if cloudbase:
        if cloudbase not in sandbox.cloudbase_tokens:
            raise Refusal(40001, "invalid credential, cloudbase_access_token is invalid")
    elif token:
        sandbox.tokens.check_token(token)
    else:
        raise Refusal(41001, "access_token missing")
    plan = sandbox.plans.get(sandbox.tokens.owners.get(token, ""), sandbox.plan)
    now = sandbox.tokens.clock()
    return {"errcode": 0, "errmsg": "ok", "gray_release_plan": plan(now) if callable(plan) else plan}


def _answer_authorizer_token(sandbox: State, request: Request) -> Json:
    return sandbox.platform.get_authorizer_token(request.query.get("component_access_token", ""), request.parse_post())


def _answer_authorizer_list(sandbox: State, request: Request) -> Json:
    return sandbox.platform.get_authorizer_list(request.query.get("component_access_token", ""), request.parse_post())


def _answer_authorizer_info(sandbox: State, request: Request) -> Json:
    return sandbox.platform.get_authorizer_info(request.query.get("component_access_token", ""), request.parse_post())


def _answer_quota(sandbox: State, request: Request) -> Json:
    sandbox.tokens.check_token(request.query.get("access_token", ""))
    if request.parse_post().get("cgi_path") != HTTPS_PATH:
        raise Refusal(76021, "cgi_path not found, please check")
    used = sum(path == HTTPS_PATH for _, path in sandbox.requests)
    quota = {"daily_limit": sandbox.daily_limit, "used": used, "remain": max(sandbox.daily_limit - used, 0)}
    return {"errcode": 0, "errmsg": "ok", "quota": quota, "rate_limit": {"call_count": 1000, "refresh_second": 60}}


def _refuse_path(_sandbox: State, _request: Request) -> Json:
    raise Refusal(40066, "invalid url")


Responder = Callable[[State, Request], Json]

_ROUTES: dict[str, tuple[str, Responder]] = {
    HTTPS_PATH: ("plan", _answer_plan),
    "/cgi-bin/token": ("classic", lambda sandbox, request: sandbox.tokens.get_classic_token(request.query)),
    "/cgi-bin/stable_token": ("stable", lambda sandbox, request: sandbox.tokens.get_stable_token(request.parse_post())),
    "/cgi-bin/component/api_component_token": (
        "component",
        lambda sandbox, request: sandbox.platform.get_component_token(request.parse_post()),
    ),
    "/cgi-bin/component/api_authorizer_token": ("authorizer", _answer_authorizer_token),
    "/cgi-bin/component/api_get_authorizer_list": ("list", _answer_authorizer_list),
    "/cgi-bin/component/api_get_authorizer_info": ("info", _answer_authorizer_info),
    "/cgi-bin/openapi/quota/get": ("quota", _answer_quota),
}


def find_route(path: str) -> tuple[str, Responder]:
    """Return the endpoint's name in a fault, and the function that returns its JSON body or raises `Refusal`."""
    return _ROUTES.get(path, ("other", _refuse_path))
