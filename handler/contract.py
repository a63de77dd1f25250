"""What callers see: the arguments, the result and the plan inside it; the one exception is in `errors.py`.

The result follows wx-server-sdk 4.0.2 (`tests/conformance/`); the plan's fields follow WeChat's page of
`getGrayReleasePlan`.
"""

import functools
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    Secret,
    StringConstraints,
    ValidationError,
)

from handler.errors import API, OpenApiError, bad_arguments

__all__ = ["API", "HTTPS_PATH", "Arguments", "GrayReleasePlan", "OpenApiError", "Result", "drift", "result"]

HTTPS_PATH = "/wxa/getgrayreleaseplan"  # the same call over HTTPS: where we ask, and where we answer alike


@functools.lru_cache(maxsize=256)
def _camel_key(key: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), key)


def _not_reserved(appid: str) -> str:
    """Refuse the appid for which wechatpy's key of an appid's token would be that of the platform's own token."""
    if appid == "component":
        raise ValueError("must be an appid")
    return appid


# Empty counts as absent. An appid becomes part of the names of secrets and of keys in a store.
# Lengths are not in the patterns: a repetition with bounds is slow to compile, at every cold start.
Appid = Annotated[str, StringConstraints(max_length=64, pattern="^[A-Za-z0-9_-]*$"), AfterValidator(_not_reserved)]
Appids = Annotated[list[Annotated[Appid, StringConstraints(min_length=1)]], Field(min_length=1, max_length=1000)]
# The alphabet of a stored token (`stored_value.py`). WeChat documents up to 512 characters.
TokenText = Annotated[str, StringConstraints(max_length=2048, pattern="^[A-Za-z0-9_.~@=+/-]*$")]


class Arguments(BaseModel):
    """The call's arguments, camelCase or snake_case; unknown keys are ignored, null and "" count as absent."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    appid: Appid | None = None
    appids: Appids | Literal["all"] | None = None
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
            raise bad_arguments("arguments must be a JSON object")
        given = {name: raw[name] for name in _ARGUMENT_NAMES if raw.get(name) not in (None, "")}
        try:
            arguments = cls.model_validate(given)
        except ValidationError as error:
            names = ", ".join(sorted({str(detail["loc"][0]) for detail in error.errors(include_input=False)}))
            arguments = None
        if arguments is None:
            raise bad_arguments(f"invalid arguments: {names}")
        others = [name for name in ("appid", "access_token", "cloudbase_access_token") if getattr(arguments, name)]
        if arguments.appids is not None and others:
            raise bad_arguments(f"appids goes with no other mini program and no token: remove {' and '.join(others)}")
        return arguments


_ARGUMENT_NAMES = [name for field in Arguments.model_fields for name in {field, _camel_key(field)}]


class GrayReleasePlan(BaseModel):
    """The plan as WeChat documents it. Every field may be missing or null, and unknown fields are kept."""

    model_config = ConfigDict(strict=True, extra="allow", alias_generator=_camel_key, hide_input_in_errors=True)

    status: int | None = Field(None, description="0 initial, 1 running, 2 paused, 3 finished, 4 deleted")
    create_timestamp: int | None = Field(None, description="when the release was created, Unix seconds")
    default_finish_timestamp: int | None = Field(
        None, description="when it is expected to reach everyone, Unix seconds"
    )
    gray_percentage: int | float | None = Field(None, description="share of users that have it, 0-100")
    support_debuger_first: bool | None = Field(None, description="developers get it first (WeChat's spelling)")
    support_experiencer_first: bool | None = Field(None, description="trial users get it first")


class Result(BaseModel):
    """What a successful call returns."""

    # Only the OpenAPI description and the tests read it: built when they do.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, defer_build=True)

    errCode: Literal[0] = 0
    errMsg: Literal["openapi.operation.getGrayReleasePlan:ok"] = "openapi.operation.getGrayReleasePlan:ok"
    grayReleasePlan: GrayReleasePlan | None = None


def result(body: dict[str, Any], *, convert_case: bool | None = True) -> dict[str, Any]:
    """Turn WeChat's body of a success into what the cloud call returns; our own two keys win over the body's."""
    rest = {key: value for key, value in body.items() if key not in ("errcode", "errmsg")}
    own = {"errCode": 0, "errMsg": f"{API}:ok"}
    return own | (camel_case(rest) if convert_case else rest) | own


def camel_case(value: Any) -> Any:
    """Convert the keys of a JSON value recursively, as the SDK does; where `a_b` meets `aB`, `a_b` wins."""
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain: dict[str, Any] = {}
    converted: dict[str, Any] = {}
    for key, item in value.items():
        camel = _camel_key(key)
        (plain if camel == key else converted)[camel] = camel_case(item)
    return plain | converted


def drift(body: dict[str, Any]) -> list[str]:
    """Name the fields of WeChat's plan that are not of the documented type; their values are never shown."""
    plan = body.get("gray_release_plan")
    try:
        if plan is not None:
            GrayReleasePlan.model_validate(plan, by_alias=False, by_name=True)
    except ValidationError as error:
        paths = [detail["loc"] for detail in error.errors(include_input=False)]
        return sorted({str(path[0]) if path else "gray_release_plan" for path in paths})
    return []
