"""The OpenAPI 3.1 description of the function's HTTP interface, created from the models of the contract."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from handler.contract import API, HTTPS_PATH, Arguments, GrayReleasePlan, Result
from handler.triggers.http import CLOUDBASE_HEADER, RETRY_AFTER_SECONDS

REF = "#/components/schemas/{model}"

FAILURES = {
    400: "40097: bad arguments",
    405: "43001: another HTTP method",
    429: "45009, 45011: WeChat's quota of the day or the minute is used up",
    500: "41001, 41002, 41004: the function lacks a token, an appid or a secret, or its settings are invalid (-1)",
    502: "WeChat refused: its errcode",
    503: "-1: WeChat is busy, cannot be reached or gave no usable answer",
    504: "-1: out of time",
}


class Error(BaseModel):
    """A failure of the cloud call."""

    errCode: int = Field(description="WeChat's code, or -1")
    errMsg: str = Field(pattern=f"^{API.replace('.', '[.]')}:fail ", description="the reason, with WeChat's rid")


class WeChatBody(BaseModel):
    """WeChat's own body: the plan, or an errcode other than 0."""

    model_config = ConfigDict(extra="allow")

    errcode: int | None = None
    errmsg: str | None = None
    gray_release_plan: dict[str, Any] | None = None


class Row(BaseModel):
    """The answer for one of many mini programs: its plan, or its failure."""

    model_config = ConfigDict(extra="allow")

    appid: str
    errCode: int
    errMsg: str
    grayReleasePlan: GrayReleasePlan | None = None


class Results(BaseModel):
    """The answer to `appids`: a row for each, in the given order."""

    errCode: int = 0
    errMsg: str
    results: list[Row]


def describe() -> dict[str, Any]:
    """Return the description."""
    models: list[type[BaseModel]] = [Arguments, Result, GrayReleasePlan, Error, WeChatBody, Row, Results]
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    schemas = definitions["$defs"]
    schemas["ArgumentsOfMany"] = _split_arguments(schemas["Arguments"])
    arguments = schemas["Arguments"]["properties"]
    query = [_query(name, schema) for name, schema in arguments.items() if schema]
    # WeChat's own path answers 200 to every request, with any error in the body. So its schema allows any text.
    text = {"in": "query", "schema": {"type": "string"}}
    posted = "Arguments come in the query, the body or both. One that is in both has the same value in both."
    own_query = [{"name": name, **text} for name in ("access_token", "cloudbase_access_token", "appid")]
    header = {
        "name": CLOUDBASE_HEADER,
        "in": "header",
        "description": "a cloudbase token, where the arguments have none",
        "schema": _select(arguments["cloudbaseAccessToken"]),
    }
    operation = {"summary": "How far is the staged release?", "parameters": [*query, header], "responses": _answers()}
    return {
        "openapi": "3.1.0",
        "info": {"title": API, "version": "1", "description": "Every path but WeChat's own is the cloud call."},
        "paths": {
            "/": {
                "get": {"operationId": "get", **operation},
                "head": {"operationId": "head", **operation, "responses": _answers(body=False)},
                "post": {
                    "operationId": "post",
                    "summary": operation["summary"],
                    "description": posted,
                    "parameters": [header],
                    "responses": _answers(models=("Result", "Results")),
                    "requestBody": {"content": _json("Arguments", "ArgumentsOfMany")},
                },
            },
            HTTPS_PATH: {
                "get": {
                    "operationId": "wechat",
                    "summary": "The same as WeChat's own HTTPS call",
                    "parameters": [*own_query, {**text, "name": CLOUDBASE_HEADER, "in": "header"}],
                    "responses": {
                        "200": {"description": "WeChat's body", "content": _json("WeChatBody")},
                        "405": {"description": "43001", "content": _json("WeChatBody")},
                    },
                }
            },
        },
        "components": {"schemas": schemas},
    }


def _split_arguments(one: dict[str, Any]) -> dict[str, Any]:
    """Forbid `appids` in the arguments for one mini program; return the schema of the arguments for many."""
    many = {name: schema if name in ("appids", "convertCase") else False for name, schema in one["properties"].items()}
    one["properties"]["appids"] = False
    one["additionalProperties"] = _IGNORED
    return {
        "title": "ArgumentsOfMany",
        "description": "The call's arguments for many mini programs, in a POST's body and with no token",
        "type": "object",
        "properties": many,
        "required": ["appids"],
    }


def _select(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an argument's schema for a query string, which cannot express null."""
    types = [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]
    return {key: types[0][key] for key in types[0] if key in _KEPT}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    kept = _select(schema)
    if kept["type"] == "boolean":  # a query has only text, and an empty value counts as absent
        kept = {"type": "string", "enum": ["true", "false", ""]}
    return {"name": name, "in": "query", "schema": kept}


_KEPT = ("type", "pattern", "description")
_IGNORED = {
    "description": "ignored; with no appid and no token beside it an object, a list, or the text of one is refused",
    "maxProperties": 0,
    "maxItems": 0,
    "pattern": r"^\s*([^\s{\[]|$)",
}


def _json(*models: str) -> dict[str, Any]:
    references = [{"$ref": REF.format(model=model)} for model in models]
    return {"application/json": {"schema": references[0] if len(references) == 1 else {"anyOf": references}}}


def _answers(*, body: bool = True, models: tuple[str, ...] = ("Result",)) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "the plan", **({"content": _json(*models)} if body else {})}}
    for status, text in FAILURES.items():
        answers[str(status)] = {"description": text, **({"content": _json("Error")} if body else {})}
        if status in RETRY_AFTER_SECONDS:
            answers[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return answers
