"""HTTP triggers on AWS: API Gateway's REST and HTTP APIs, Lambda's function URLs, and Application Load Balancers.

Event shapes:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from handler.exact_json import JsonObject
from handler.triggers.http import HttpTrigger, as_mapping, parse_query, refuse_long_query


class RestApi(HttpTrigger):
    """API Gateway's REST API (payload 1.0)."""

    name = "rest-api"


class LoadBalancer(HttpTrigger):
    """An Application Load Balancer whose target group sends single or multi-value headers."""

    name = "load-balancer"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether a load balancer sent the event."""
        return "elb" in as_mapping(event.get("requestContext"))

    def _parse_query(self) -> Mapping[str, Any]:
        # Unlike API Gateway, a load balancer does not decode the query.
        pairs = super()._parse_query().items()
        refuse_long_query(sum(len(name) + len(value) for name, value in pairs if isinstance(value, str)))
        return {unquote_plus(name): unquote_plus(value) if isinstance(value, str) else value for name, value in pairs}

    def _create_response(self, status: int, value: JsonObject) -> JsonObject:
        reply = super()._create_response(status, value)
        if self.event.get("multiValueHeaders"):
            reply["multiValueHeaders"] = {name: [text] for name, text in reply.pop("headers").items()}
        return reply


class HttpApi(HttpTrigger):
    """API Gateway's HTTP API and Lambda function URLs (payload 2.0)."""

    name = "http-api"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether the event has payload version 2.0."""
        return "http" in as_mapping(event.get("requestContext"))

    def _find_method(self, context: Mapping[str, Any]) -> object:
        return as_mapping(context.get("http")).get("method")

    def _find_path(self) -> object:
        return self.event.get("rawPath")

    def _parse_query(self) -> Mapping[str, Any]:
        return parse_query(self.event.get("rawQueryString")) or super()._parse_query()
