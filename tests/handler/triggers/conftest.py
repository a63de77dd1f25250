"""A fixture that the tests of the HTTP triggers share."""

import pytest

from tests.http_events import Make, function_url, load_balancer, rest_api, scf_api_gateway, scf_function_url


@pytest.fixture(params=[rest_api, load_balancer, function_url, scf_function_url, scf_api_gateway])
def make(request: pytest.FixtureRequest) -> Make:
    """Return, for each HTTP trigger in turn, the function that creates its events."""
    maker: Make = request.param
    return maker
