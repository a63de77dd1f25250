"""The base class of the HTTP triggers. `aws_http` and `scf_http` have the triggers of each cloud.

If the path ends in `/wxa/getgrayreleaseplan`, the response has the form of WeChat's HTTPS call. At all other paths it
has the form of the cloud call. An HTTP trigger does not raise a failure, but returns it as a response.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from handler.contract import HTTPS_PATH, Arguments, create_result, has_argument, means_an_appid
from handler.errors import OpenApiError, bad_arguments, wrong_method
from handler.exact_json import JsonObject, try_parse_object
from handler.triggers.base import Trigger

CLOUDBASE_HEADER = "x-wx-cloudbase-access-token"
RETRY_AFTER_SECONDS = {429: 60, 503: 5}  # WeChat has a quota for each minute, and its "system busy" ends soon
# The first is set by the load balancer, the second by proxies and clients, the third by SCF.
_REQUEST_ID_HEADERS = ("x-amzn-trace-id", "x-request-id", "x-api-requestid")

_CLOUDBASE_NAMES = ("cloudbaseAccessToken", "cloudbase_access_token")
_BOOLEANS: dict[str, Any] = {"true": True, "false": False}  # text in a query -> value

LONGEST_QUERY = 64 * 1024  # characters. Gateways accept 8 to 16 KB. Parsing 6 MB takes seconds of CPU.


class HttpTrigger(Trigger):
    """An HTTP request in an event. If a header or a query parameter is repeated, the last one counts."""

    name = "http"

    def __init__(self, event: Mapping[str, Any]) -> None:
        super().__init__(event)
        context = as_mapping(event.get("requestContext"))
        method = self._find_method(context)
        self.method = method.upper() if isinstance(method, str) else ""
        headers = self._select_fields("multiValueHeaders", "headers")
        self.headers = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        self.is_https_call = _is_https_path(self._find_path())
        self.allowed = ("GET",) if self.is_https_call else ("GET", "HEAD", "POST")

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether an HTTP trigger sent the event."""
        return "httpMethod" in event

    def parse_arguments(self) -> Arguments:
        """Return the arguments in the query and in the body of a POST. Raises `OpenApiError` 43001, 40097 or 41002."""
        if self.method not in self.allowed:
            raise wrong_method(self.allowed)
        query = {
            name: _BOOLEANS.get(text, text) if isinstance(text, str) else text
            for name, text in self._parse_query().items()
        }
        body = self._parse_body() if self.method == "POST" else {}
        if "appids" in query:
            raise bad_arguments("invalid arguments: pass appids in the JSON body of a POST to the cloud call")
        cloudbase_token = self.headers.get(CLOUDBASE_HEADER)
        if cloudbase_token and not any(given.get(name) for given in (query, body) for name in _CLOUDBASE_NAMES):
            query["cloudbase_access_token"] = cloudbase_token
        arguments = Arguments.parse(query, body)
        if not (arguments.appid or arguments.appids or arguments.access_token or arguments.cloudbase_access_token):
            self._refuse_misplaced_arguments()
        return arguments

    def find_correlation_id(self) -> str | None:
        """Return the HTTP request's id, which the gateway or a header states."""
        found = as_mapping(self.event.get("requestContext")).get("requestId")
        known = [found, *map(self.headers.get, _REQUEST_ID_HEADERS)]
        return next((text[:128] for text in known if isinstance(text, str) and text.isascii() and text), None)

    def succeed(self, body: JsonObject, arguments: Arguments) -> JsonObject:
        """Return WeChat's unchanged body or the cloud call's result, depending on the path."""
        return self._create_response(
            200, body if self.is_https_call else create_result(body, convert_case=arguments.convert_case)
        )

    def reply(self, value: JsonObject) -> JsonObject:
        """Return the results of many mini programs as an HTTP response."""
        return self._create_response(200, value)

    def fail(self, error: OpenApiError, _on_error: str) -> JsonObject:
        """Return the error in the form of WeChat's HTTPS call or of the cloud call, depending on the path.

        In WeChat's form the HTTP status is 200, except for a wrong method. In the cloud call's form it is the `status`
        of the error.
        """
        if self.is_https_call:
            status = error.status if error.status == 405 else 200
            return self._create_response(status, {"errcode": error.errCode, "errmsg": error.reason})
        return self._create_response(error.status, error.to_dict())

    def _find_method(self, _context: Mapping[str, Any]) -> object:
        return self.event.get("httpMethod")

    def _find_path(self) -> object:
        return self.event.get("path")

    def _parse_query(self) -> Mapping[str, Any]:
        return self._select_fields("multiValueQueryStringParameters", "queryStringParameters")

    def _refuse_misplaced_arguments(self) -> None:
        """Raise `OpenApiError` 40097 if the path ends in an appid, or if the body of a GET has an argument."""
        path, parameters = self._find_path(), as_mapping(self.event.get("pathParameters"))
        last = path.rstrip("/").rpartition("/")[2] if isinstance(path, str) else ""
        in_path = has_argument(parameters) or any(map(means_an_appid, (last, *parameters.values())))
        in_body = self.method != "POST" and has_argument(self._try_parse_body() or {})
        if in_path or in_body:
            raise bad_arguments("pass the arguments in the query, not in the path or in the body of a GET")

    def _select_fields(self, *keys: str) -> dict[str, Any]:
        """Return the names and values under the first of these keys that has any. Repeated names get the last value."""
        fields = next((found for key in keys if (found := as_mapping(self.event.get(key)))), {})
        return {name: value[-1] if isinstance(value, list) and value else value for name, value in fields.items()}

    def _parse_body(self) -> JsonObject:
        value = self._try_parse_body()
        if value is None:
            raise bad_arguments("the body must be a JSON object")
        return value

    def _try_parse_body(self) -> JsonObject | None:
        """Return the JSON object in the body. Return `{}` if there is no body, and `None` for any other body."""
        content = self.event.get("body") or ""
        try:
            if self.event.get("isBase64Encoded") in (True, "true"):
                content = base64.b64decode(content, validate=True).decode()
            return try_parse_object(content.strip("\ufeff \t\r\n") or "{}")
        except (AttributeError, TypeError, ValueError):
            return None

    def _create_response(self, status: int, value: JsonObject) -> JsonObject:
        headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
        if status == 405:
            headers["Allow"] = ", ".join(self.allowed)
        if status in RETRY_AFTER_SECONDS:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS[status])
        body = "" if self.method == "HEAD" else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return {"statusCode": status, "headers": headers, "isBase64Encoded": False, "body": body}


def _is_https_path(path: object) -> bool:
    """Whether a path ends in the path of WeChat's HTTPS call, with any stage, base path and extra slashes."""
    parts = [part for part in path.split("/") if part] if isinstance(path, str) else []
    return parts[-2:] == HTTPS_PATH.strip("/").split("/")


def parse_query(query: object) -> dict[str, str]:
    """Return the names and values in a query, or `{}` if it is not a text. Raises `OpenApiError` 40097."""
    if not isinstance(query, str):
        return {}
    refuse_long_query(len(query))
    return dict(parse_qsl(query, keep_blank_values=True))


def refuse_long_query(length: int) -> None:
    """Raise `OpenApiError` 40097 if a query is longer than `LONGEST_QUERY`."""
    if length > LONGEST_QUERY:
        raise bad_arguments(f"the query is longer than {LONGEST_QUERY} characters")


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty mapping."""
    return value if isinstance(value, Mapping) else {}
