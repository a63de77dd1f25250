"""Create Powertools' readers of Secrets Manager and SSM, and limit the size and the time of each exchange.

botocore's own HTTP client has no such limits. botocore's event `before-send` lets this module send the request instead:
https://docs.aws.amazon.com/boto3/latest/guide/events.html
"""

import functools
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from handler.errors import OpenApiError
from handler.network.connection import StaleConnectionError
from handler.network.exchange import HttpClient, HttpRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.base import BaseProvider
    from botocore.awsrequest import AWSPreparedRequest

# At DEBUG, these two libraries log the AppSecret in bodies and the role's session token in headers. Lambda sets the
# root logger to the function's log level. Therefore these loggers get their own level.
for _name in ("boto3", "botocore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_MORE_SECONDS = 1  # lets the timeout of the whole call come first, because its error is clearer


def create_provider(service: Literal["secrets", "ssm"], timeout_seconds: float) -> "BaseProvider":
    """Return Powertools' reader of a service. Each exchange may last one second longer than `timeout_seconds`."""
    config = Config(retries={"total_max_attempts": 2})
    client = boto3.Session().client("secretsmanager" if service == "secrets" else "ssm", config=config)

    @functools.lru_cache
    def find_client(base_url: str) -> HttpClient:
        return HttpClient(base_url, "AWS")

    def send(request: "AWSPreparedRequest", **_: Any) -> AWSResponse:
        address = urlsplit(request.url)
        target = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
        headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body
        try:
            response = find_client(f"{address.scheme}://{address.netloc}").send(
                HttpRequest(request.method, target, body, headers), timeout_seconds + _MORE_SECONDS
            )
        except StaleConnectionError:
            failure = None
        except OpenApiError as error:
            if not error.transient:
                raise
            failure = error.detach()
        else:
            return AWSResponse(request.url, response.status, response.headers, _Body(response.content))
        raise NoAnswerError(failure)

    client.meta.events.register("before-send", send)
    return SecretsProvider(boto3_client=client) if service == "secrets" else SSMProvider(boto3_client=client)


class NoAnswerError(ConnectionClosedError):  # type: ignore[misc]  # botocore is untyped
    """A transient failure. botocore retries once after a `ConnectionClosedError`, from which this class derives."""

    def __init__(self, failure: OpenApiError | None) -> None:
        super().__init__(endpoint_url="")
        self.failure = failure


class _Body:
    """A response body with the method that botocore calls to read it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self._content
