"""What callers see: the arguments, the result, the plan inside it, and the one exception.

The result follows wx-server-sdk 4.0.2 (`tests/conformance/`); the plan's fields follow WeChat's page of
`getGrayReleasePlan`. Nothing here imports anything else of ours.
"""

import functools
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, Secret, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

API = "openapi.operation.getGrayReleasePlan"
HTTPS_PATH = "/wxa/getgrayreleaseplan"  # the same call over HTTPS: where we ask, and where we answer alike

SYSTEM_ERROR = -1  # WeChat's code for "not now": also ours for everything that kept us from an answer
INVALID_ARGUMENTS = 40097
NO_TOKEN = 41001
NO_APPID = 41002
NO_SECRET = 41004
WRONG_METHOD = 43001

JsonObject = dict[str, Any]

# Empty counts as absent. An appid becomes part of the names of secrets and of keys in a store.
Appid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")]
TokenText = Annotated[str, StringConstraints(pattern=r"^[!-~]{0,2048}$")]  # WeChat documents up to 512 characters


class OpenApiError(Exception):
    """The only exception that leaves the function; the shape is wx-server-sdk's.

    `errCode` is WeChat's code or, for failures of ours, the code its documents give to that failure.
    `errMsg` reads `openapi.operation.getGrayReleasePlan:fail <reason>`, with WeChat's `rid:` when there was one.
    `str(error)` is both as compact JSON, so Lambda's `errorMessage` can be parsed. `status` is the HTTP status on the
    cloud-call face; `transient` tells that the same request may succeed a moment later.
    """

    def __init__(self, errCode: int, reason: str, *, status: int = 502, transient: bool = False) -> None:
        super().__init__(errCode, reason)
        self.errCode = errCode
        self.errMsg = f"{API}:fail {reason}"
        self.reason = reason
        self.status = status
        self.transient = transient

    def to_dict(self) -> JsonObject:
        """Return `{"errCode", "errMsg"}`, what `JSON.stringify(err)` gives for the SDK's error."""
        return {"errCode": self.errCode, "errMsg": self.errMsg}

    def __str__(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))


class Arguments(BaseModel):
    """The call's arguments, camelCase or snake_case; unknown keys are ignored, null and "" count as absent."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    appid: Appid | None = None
    access_token: Secret[TokenText] | None = Field(None, validation_alias=AliasChoices("accessToken", "access_token"))
    cloudbase_access_token: Secret[TokenText] | None = Field(
        None, validation_alias=AliasChoices("cloudbaseAccessToken", "cloudbase_access_token")
    )
    convert_case: bool | None = Field(
        default=True, strict=True, validation_alias=AliasChoices("convertCase", "convert_case")
    )

    @classmethod
    def parse(cls, raw: object) -> "Arguments":
        """Read the arguments from an event's object, a query or a JSON body.

        Raises `OpenApiError` 40097 that names the offending arguments and never shows their values.
        """
        if not isinstance(raw, Mapping):
            raise OpenApiError(INVALID_ARGUMENTS, "arguments must be a JSON object", status=400)
        given = {name: raw[name] for name in _ARGUMENT_NAMES if raw.get(name) not in (None, "")}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            names = ", ".join(sorted({str(detail["loc"][0]) for detail in error.errors(include_input=False)}))
        raise OpenApiError(INVALID_ARGUMENTS, f"invalid arguments: {names}", status=400)


_ARGUMENT_NAMES = [name for field in Arguments.model_fields for name in {field, to_camel(field)}]


class GrayReleasePlan(BaseModel):
    """The plan as WeChat documents it. Every field may be missing or null, and unknown fields are kept."""

    model_config = ConfigDict(strict=True, extra="allow", alias_generator=to_camel, hide_input_in_errors=True)

    status: Annotated[int, Field(description="0 initial, 1 running, 2 paused, 3 finished, 4 deleted")] | None = None
    create_timestamp: Annotated[int, Field(description="when the release was created, Unix seconds")] | None = None
    default_finish_timestamp: (
        Annotated[int, Field(description="when it is expected to reach everyone, Unix seconds")] | None
    ) = None
    gray_percentage: Annotated[int | float, Field(description="share of users that have it, 0-100")] | None = None
    support_debuger_first: Annotated[bool, Field(description="developers get it first (WeChat's spelling)")] | None = (
        None
    )
    support_experiencer_first: Annotated[bool, Field(description="trial users get it first")] | None = None


class Result(BaseModel):
    """What a successful call returns."""

    # Only the OpenAPI description and the tests read it: built when they do.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)

    errCode: Literal[0] = 0
    errMsg: Literal["openapi.operation.getGrayReleasePlan:ok"] = "openapi.operation.getGrayReleasePlan:ok"
    grayReleasePlan: GrayReleasePlan | None = None


def result(body: JsonObject, *, convert_case: bool | None = True) -> JsonObject:
    """Turn WeChat's body of a success into what the cloud call returns; our own two keys win over the body's."""
    rest = {key: value for key, value in body.items() if key not in ("errcode", "errmsg")}
    own = {"errCode": 0, "errMsg": f"{API}:ok"}
    return own | (camel_case(rest) if convert_case else rest) | own


def json_object(text: Any) -> JsonObject | None:
    """Return the JSON object that a text holds; `None` for anything else, also for what is no text."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def camel_case(value: Any) -> Any:
    """Convert the keys of a JSON value recursively, as the SDK does; where `a_b` meets `aB`, `a_b` wins."""
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain: JsonObject = {}
    converted: JsonObject = {}
    for key, item in value.items():
        camel = _camel_key(key)
        (plain if camel == key else converted)[camel] = camel_case(item)
    return plain | converted


@functools.lru_cache(maxsize=256)
def _camel_key(key: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), key)


def drift(body: JsonObject) -> list[str]:
    """Name the fields of WeChat's plan that are not of the documented type; their values are never shown."""
    plan = body.get("gray_release_plan")
    try:
        if plan is not None:
            GrayReleasePlan.model_validate(plan, by_alias=False, by_name=True)
    except ValidationError as error:
        paths = [detail["loc"] for detail in error.errors(include_input=False)]
        return sorted({str(path[0]) if path else "gray_release_plan" for path in paths})
    return []
