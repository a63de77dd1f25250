"""The HTTP triggers of both clouds, and the two faces that they serve.

At `/wxa/getgrayreleaseplan` the function answers as api.weixin.qq.com does, everywhere else as the cloud call.
An HTTP trigger never raises. Event shapes:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
https://cloud.tencent.com/document/product/583/12513 and .../583/96099
"""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from handler.contract import HTTPS_PATH, INVALID_ARGUMENTS, WRONG_METHOD, Arguments, JsonObject, OpenApiError, result

CLOUDBASE_HEADER = "x-wx-cloudbase-access-token"
RETRY_AFTER_SECONDS = {429: 60, 503: 5}  # WeChat counts by the minute; its "system busy" passes in moments
_REQUEST_ID_HEADERS = ("x-amzn-trace-id", "x-request-id", "x-api-requestid")  # the load balancer's, anyone's, SCF's

_BOOLEANS: dict[str, Any] = {"true": True, "false": False}  # as a query spells them


class HttpTrigger:
    """An HTTP request in an event: method, path, query and headers (the last of repeated ones), body."""

    name = "http"

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.event = event
        context = _mapping(event.get("requestContext"))
        self.method = self._method(context).upper()
        self.headers = {name.lower(): value for name, value in self._fields("multiValueHeaders", "headers").items()}
        stage = context.get("stage")
        self.is_https_face = self._path() in (HTTPS_PATH, f"/{stage}{HTTPS_PATH}")
        self.allowed = ("GET",) if self.is_https_face else ("GET", "HEAD", "POST")

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether the event comes from here."""
        return "httpMethod" in event

    def arguments(self) -> Arguments:
        """Return the arguments of a GET's query or a POST's body. Raises `OpenApiError` 43001 or 40097."""
        if self.method not in self.allowed:
            raise OpenApiError(WRONG_METHOD, f"require {' or '.join(self.allowed)} method", status=405)
        if self.method == "POST":
            given = dict(self._body())
        else:
            given = {name: _BOOLEANS.get(text, text) for name, text in self._query().items()}
        cloudbase_token = self.headers.get(CLOUDBASE_HEADER)
        if cloudbase_token and not given.get("cloudbaseAccessToken"):
            given.setdefault("cloudbase_access_token", cloudbase_token)
        return Arguments.parse(given)

    def correlation_id(self) -> str | None:
        """Return the HTTP request's id: the gateway's, or one that came in a header."""
        found = _mapping(self.event.get("requestContext")).get("requestId")
        known = [found, *map(self.headers.get, _REQUEST_ID_HEADERS)]
        return next((text[:128] for text in known if isinstance(text, str) and text.isascii() and text), None)

    def succeed(self, body: JsonObject, arguments: Arguments) -> JsonObject:
        """Return WeChat's body as it came, or the cloud call's result."""
        return self._reply(200, body if self.is_https_face else result(body, convert_case=arguments.convert_case))

    def fail(self, error: OpenApiError, _on_error: str) -> JsonObject:
        """Return the error as WeChat states it, or with a status as the cloud call does."""
        if self.is_https_face:
            status = error.status if error.status == 405 else 200
            return self._reply(status, {"errcode": error.errCode, "errmsg": error.reason})
        return self._reply(error.status, error.to_dict())

    def _method(self, _context: Mapping[str, Any]) -> str:
        return str(self.event.get("httpMethod"))

    def _path(self) -> Any:
        return self.event.get("path")

    def _query(self) -> Mapping[str, str]:
        return self._fields("multiValueQueryStringParameters", "queryStringParameters")

    def _fields(self, *keys: str) -> dict[str, str]:
        """Return names and values from the first of these keys that holds any."""
        fields = next((found for key in keys if (found := _mapping(self.event.get(key)))), {})
        last = {name: value[-1] if isinstance(value, list) and value else value for name, value in fields.items()}
        return {name: value for name, value in last.items() if isinstance(value, str)}

    def _body(self) -> JsonObject:
        content = self.event.get("body") or ""
        try:
            if self.event.get("isBase64Encoded") in (True, "true"):
                content = base64.b64decode(content, validate=True).decode()
            value = json.loads(content or "{}")
        except (TypeError, ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise OpenApiError(INVALID_ARGUMENTS, "the body must be a JSON object", status=400)
        return value

    def _reply(self, status: int, value: JsonObject) -> JsonObject:
        headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
        if status == 405:
            headers["Allow"] = ", ".join(self.allowed)
        if status in RETRY_AFTER_SECONDS:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS[status])
        body = "" if self.method == "HEAD" else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return {"statusCode": status, "headers": headers, "isBase64Encoded": False, "body": body}


class RestApi(HttpTrigger):
    """API Gateway's REST API (payload 1.0)."""

    name = "rest-api"


class LoadBalancer(HttpTrigger):
    """An Application Load Balancer's target group, with or without multi-value headers."""

    name = "load-balancer"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether a load balancer sent the event."""
        return "elb" in _mapping(event.get("requestContext"))

    def _query(self) -> Mapping[str, str]:
        # Unlike API Gateway a load balancer passes the query as it came.
        return {unquote_plus(name): unquote_plus(value) for name, value in super()._query().items()}

    def _reply(self, status: int, value: JsonObject) -> JsonObject:
        reply = super()._reply(status, value)
        if self.event.get("multiValueHeaders"):
            reply["multiValueHeaders"] = {name: [text] for name, text in reply.pop("headers").items()}
        return reply


class HttpApi(HttpTrigger):
    """API Gateway's HTTP API and Lambda function URLs (payload 2.0)."""

    name = "http-api"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether the event is of payload version 2.0."""
        return "http" in _mapping(event.get("requestContext"))

    def _method(self, context: Mapping[str, Any]) -> str:
        return str(_mapping(context.get("http")).get("method"))

    def _path(self) -> Any:
        return self.event.get("rawPath")

    def _query(self) -> Mapping[str, str]:
        return _parse_query(self.event.get("rawQueryString"))


class Scf(HttpTrigger):
    """SCF's function URL, and its older API Gateway; both have `queryString` where API Gateway has parameters."""

    name = "scf-http"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether SCF sent the event."""
        return "httpMethod" in event and ("queryString" in event or not event.get("requestContext"))

    def _query(self) -> Mapping[str, str]:
        return self._fields("queryString") or _parse_query(self.event.get("queryString"))


def _parse_query(query: Any) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True)) if isinstance(query, str) else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
