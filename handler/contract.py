"""The call's arguments and its result, which contains the plan. `errors.py` has the exception for failures.

The result has the form that wx-server-sdk 4.0.2 returns (`tests/conformance/`). The plan's fields are those of WeChat's
page about `getGrayReleasePlan`.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Secret,
    StringConstraints,
    ValidationError,
)

from handler.errors import API, NO_APPID, OpenApiError, bad_arguments, misconfigured

__all__ = ["API", "HTTPS_PATH", "Arguments", "GrayReleasePlan", "OpenApiError", "Result", "create_result", "find_drift"]

HTTPS_PATH = "/wxa/getgrayreleaseplan"  # WeChat's path; at the same path our HTTP triggers reply in WeChat's form


MOST_KEYS = 1000  # of the object with the arguments, because each key is checked for a misspelled argument
_LONGEST_CACHED = 64  # characters of a key; WeChat's keys have at most 25


def _convert_key(key: str) -> str:
    return _convert_and_cache(key) if len(key) <= _LONGEST_CACHED else _replace_underscores(key)


def _replace_underscores(key: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), key)


_convert_and_cache = functools.lru_cache(maxsize=256)(_replace_underscores)


def _refuse_reserved(appid: str) -> str:
    """Refuse the appid `component`, because wechatpy keeps a platform's own token under the key of that appid."""
    if appid == "component":
        raise ValueError("must be an appid")
    return appid


# Few characters are allowed, because an appid becomes part of a secret's name and of a key in the token store.
Appid = Annotated[str, StringConstraints(max_length=64, pattern="^[A-Za-z0-9_-]*$"), AfterValidator(_refuse_reserved)]
Appids = Annotated[list[Annotated[Appid, StringConstraints(min_length=1)]], Field(min_length=1, max_length=1000)]
# A passed token may have the same characters as a stored token (`stored_value.py`). WeChat documents at most 512.
TokenText = Annotated[str, StringConstraints(max_length=2048, pattern="^[A-Za-z0-9_.~@=+/-]*$")]


class Arguments(BaseModel):
    """The call's arguments, in camelCase or snake_case. null and "" count as absent, but an empty appid is refused."""

    model_config = ConfigDict(frozen=True, alias_generator=_convert_key, hide_input_in_errors=True)

    appid: Appid | None = None
    appids: Appids | Literal["all"] | None = None
    access_token: Secret[TokenText] | None = None
    cloudbase_access_token: Secret[TokenText] | None = None
    convert_case: bool | None = Field(default=True, strict=True)

    @classmethod
    def parse(cls, *sources: object) -> "Arguments":
        """Parse the arguments in one object, or in a query and a JSON body together.

        Raises `OpenApiError` 41002 for an empty appid, and 40097 for invalid arguments. The message has the arguments'
        names, but not their values. A misspelled argument raises 40097 too, because otherwise the caller would get the
        plan of `WECHAT_APPID` without noticing.
        """
        objects = [source for source in sources if isinstance(source, Mapping)]
        if len(objects) < len(sources):
            raise bad_arguments("arguments must be a JSON object")
        given, spelled = _collect(objects)
        for source in objects:
            refuse_look_alikes(source, given)
            if not given.keys() & {*_NAMES_OF_APPIDS, *_NAMES_OF_TOKENS}:
                _refuse_structures(source)
        try:
            arguments = cls.model_validate(given, by_alias=False, by_name=True)
        except ValidationError as error:
            names = ", ".join(sorted({spelled[str(detail["loc"][0])] for detail in error.errors(include_input=False)}))
            arguments = None
        if arguments is None:
            raise bad_arguments(f"invalid arguments: {names}")
        others = [name for name in ("appid", "access_token", "cloudbase_access_token") if getattr(arguments, name)]
        if arguments.appids is not None and others:
            raise bad_arguments(f"appids cannot be combined with an appid or a token: remove {' and '.join(others)}")
        return arguments


_FIELDS = {name: field for field in Arguments.model_fields for name in (field, _convert_key(field))}
_PLAIN_FIELDS = {field.replace("_", ""): _convert_key(field) for field in Arguments.model_fields}
_NAMES_OF_APPIDS = ("appid", "appids")
_NAMES_OF_TOKENS = ("access_token", "cloudbase_access_token")

_MEANT_APPID = re.compile(r"\A\s*wx[0-9a-f]{16}(?![0-9a-z])|app[_-]?ids?\s*[=:\uff1a]", re.IGNORECASE)

# Keys that WeChat's cloud functions add to an event, and the keys of Step Functions' context object.
CALLERS_KEYS = frozenset(
    {
        "userInfo",
        "tcbContext",
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
        "context",
        "Context",
        "Execution",
        "Map",
        "State",
        "StateMachine",
        "Task",
    }
)


def has_argument(source: Mapping[str, object]) -> bool:
    """Whether the object has one of the call's arguments, even an empty one."""
    return any(name in source for name in _FIELDS)


def _collect(sources: Iterable[Mapping[str, object]]) -> tuple[dict[str, object], dict[str, str]]:
    """Return each field's value, and each field's name as the caller wrote it. Raises `OpenApiError` 40097 or 41002."""
    given: dict[str, object] = {}
    spelled: dict[str, str] = {}
    for source in sources:
        for name, field in _FIELDS.items():
            value = source.get(name)
            if name not in source or (value in (None, "") and field not in _NAMES_OF_APPIDS):
                continue
            if field in given and (isinstance(value, Mapping | list) or given[field] != value):
                raise bad_arguments(f"{name} is given twice with different values")
            given[field], spelled[field] = value, name
    for field in _NAMES_OF_APPIDS:
        if field in given and given[field] in (None, ""):
            raise misconfigured(NO_APPID, f"{field} is empty: omit it to get the plan of WECHAT_APPID")
    return given, spelled


def refuse_look_alikes(source: Mapping[str, object], given: Mapping[str, object]) -> None:
    """Refuse keys that look like a misspelled argument. Raises `OpenApiError` 40097, which names the right argument.

    An argument's name in another case or with other separators is always refused (`appId`, `app_id`, `AccessToken`).
    Without an appid, a longer name (`authorizer_appid`) and any key whose value contains an appid are refused too.
    Without a token, a longer name of a token (`component_access_token`) is refused too.
    """
    if len(source) > MOST_KEYS:
        raise bad_arguments(f"more than {MOST_KEYS} arguments")
    lacks_appid = not any(field in given for field in _NAMES_OF_APPIDS)
    lacks_token = not any(field in given for field in _NAMES_OF_TOKENS)
    for key, value in source.items():
        if not isinstance(key, str) or key in _FIELDS or key in CALLERS_KEYS:
            continue
        plain = "".join(filter(str.isalnum, key[:64])).lower()
        meant = _PLAIN_FIELDS.get(plain)
        if (
            lacks_appid
            and not meant
            and (plain.endswith("appid") or plain.startswith("appid") or means_an_appid(value))
        ):
            meant = "appid"
        if lacks_token and not meant and plain.endswith("accesstoken"):
            meant = "accessToken"
        if meant:
            raise bad_arguments(f"unknown argument {key[:64]}: write {meant}")


def _refuse_structures(source: Mapping[str, object]) -> None:
    """Refuse objects and lists among the arguments. Called for an event that has neither an appid nor a token.

    Such an event comes from another service, or wraps the arguments in another object.
    """
    for key, value in source.items():
        if key not in CALLERS_KEYS and _holds_structure(value):
            raise bad_arguments(f"{str(key)[:64]} is not an argument of this call, and the event has no appid or token")


def means_an_appid(value: object) -> bool:
    """Whether a text begins with an appid or a list of appids, or contains `appid=` as in `--appid=wx...`."""
    return isinstance(value, str) and _MEANT_APPID.search(value) is not None


def _holds_structure(value: object) -> bool:
    """Whether a value is an object or a list that is not empty, or a text that begins with `{` or `[`."""
    if isinstance(value, str):
        return value.lstrip()[:1] in {"{", "["}
    return isinstance(value, Mapping | list) and len(value) > 0


class GrayReleasePlan(BaseModel):
    """The plan as WeChat documents it. Every field may be missing or null, and there may be unknown fields."""

    model_config = ConfigDict(strict=True, extra="allow", alias_generator=_convert_key, hide_input_in_errors=True)

    status: int | None = Field(None, description="0 initial, 1 running, 2 paused, 3 finished, 4 deleted")
    create_timestamp: int | None = Field(None, description="when the release was created, Unix seconds")
    default_finish_timestamp: int | None = Field(
        None, description="when everyone is expected to have the release, Unix seconds"
    )
    gray_percentage: int | float | None = Field(None, description="share of users that have the release, 0-100")
    support_debuger_first: bool | None = Field(
        None, description="whether developers get the release first (`Debuger` is WeChat's spelling)"
    )
    support_experiencer_first: bool | None = Field(None, description="whether trial users get the release first")


class Result(BaseModel):
    """The result of a successful call."""

    # `defer_build`: only the OpenAPI description and the tests use this model, so a cold start need not build it.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)

    errCode: Literal[0] = 0
    errMsg: Literal["openapi.operation.getGrayReleasePlan:ok"] = "openapi.operation.getGrayReleasePlan:ok"
    grayReleasePlan: GrayReleasePlan | None = None


def create_result(body: dict[str, Any], *, convert_case: bool | None = True) -> dict[str, Any]:
    """Convert WeChat's body of a success to the cloud call's result. Replaces WeChat's errcode and errmsg."""
    rest = {key: value for key, value in body.items() if key not in ("errcode", "errmsg")}
    own = {"errCode": 0, "errMsg": f"{API}:ok"}
    return own | (to_camel_case(rest) if convert_case else rest) | own


def to_camel_case(value: Any) -> Any:
    """Convert the keys of a JSON value recursively, as the SDK does. If `a_b` and `aB` both occur, `a_b` wins."""
    if isinstance(value, list):
        return [to_camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain: dict[str, Any] = {}
    converted: dict[str, Any] = {}
    for key, item in value.items():
        camel = _convert_key(key)
        (plain if camel == key else converted)[camel] = to_camel_case(item)
    return plain | converted


def find_drift(body: dict[str, Any]) -> list[str]:
    """Return the names, but not the values, of the plan's fields whose type differs from WeChat's documentation."""
    plan = body.get("gray_release_plan")
    try:
        if plan is not None:
            GrayReleasePlan.model_validate(plan, by_alias=False, by_name=True)
    except ValidationError as error:
        paths = [detail["loc"] for detail in error.errors(include_input=False)]
        return sorted({str(path[0]) if path else "gray_release_plan" for path in paths})
    return []
