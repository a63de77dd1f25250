"""Events of each HTTP trigger, for several test modules."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Make = Callable[..., dict[str, Any]]


def sample(name: str) -> dict[str, Any]:
    """Read a sample event."""
    event: dict[str, Any] = json.loads(Path(f"events/{name}.json").read_bytes())
    return event


def rest_api(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of API Gateway's REST API."""
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    return sample("rest-api") | {
        "httpMethod": method,
        "path": path,
        "queryStringParameters": pairs or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in pairs.items()} or None,
        "body": body,
    }


def load_balancer(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of a load balancer without multi-value headers."""
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    return {
        "requestContext": sample("load-balancer")["requestContext"],
        "httpMethod": method,
        "path": path,
        "queryStringParameters": pairs,
        "headers": {"accept": "*/*"},
        "body": body or "",
        "isBase64Encoded": False,
    }


def function_url(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of a Lambda Function URL or of an HTTP API."""
    event = sample("function-url")
    event["requestContext"]["http"].update(method=method, path=path)
    event |= {"rawPath": path, "rawQueryString": query, "isBase64Encoded": False}
    event.pop("body")
    return event if body is None else event | {"body": body}


def scf_function_url(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of an SCF function URL."""
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    return {"httpMethod": method, "path": path, "queryString": pairs, "headers": {}, "body": body or ""}


def scf_api_gateway(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of SCF's older API Gateway."""
    return sample("scf-api-gateway") | scf_function_url(method, path, query, body)


def answer(reply: dict[str, Any]) -> tuple[int, Any]:
    """Check the headers that every HTTP reply has; return the reply's status and JSON body."""
    headers = reply["headers"]
    assert reply["isBase64Encoded"] is False
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    return reply["statusCode"], json.loads(reply["body"])
