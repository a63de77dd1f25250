"""Source `store` with a token server: how long a token is cached, and when the server is asked again."""

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from handler import settings
from handler.contract import OpenApiError
from handler.invocation import Budget
from handler.tokens import token_server
from tests.support import DOCUMENTED, PLAN, Invoke, Log, catch_error, invoke_at_once
from tests.token_server import TokenServer, answer, reset


class Clock:
    """A clock that a test can move, called like `time.time`."""

    now = 1_800_000_000.0

    def __call__(self) -> float:  # noqa: D102 - the class says it
        return self.now


@pytest.mark.parametrize("where", ["top", "data", "authorization_info"])
def test_expires_in_is_kept(tokens: TokenServer, where: str) -> None:
    """A token with `expires_in` is cached until 300 s before its end, and longer if its renewal fails."""
    clock = Clock()
    write = str if where == "authorization_info" else int
    source = token_server.TokenServer(settings.load(), clock)
    seen = []
    for number, seconds in enumerate((0, 699, 2, 699, 2, 31, 268)):
        found = {"token": f"token-{number}", "expires_in": write(1000)}
        tokens.answers = [answer(found if where == "top" else {where: found}, 200 if number < 4 else 404)]
        clock.now += seconds
        try:
            seen.append(source.get_token(APPID, Budget()).value)
        except OpenApiError as error:
            seen.append(str(error.errCode))
    assert seen == ["token-0", "token-0", "token-2", "token-2", "token-2", "token-2", "-1"]
    assert len(tokens.requests) == 5


@pytest.mark.parametrize("outer", [7200, "7200", 301])
def test_two_lifetimes(tokens: TokenServer, outer: object) -> None:
    """If the answer has two lifetimes, the shorter one counts, because one may be that of the answer itself."""
    clock = Clock()
    source = token_server.TokenServer(settings.load(), clock)
    tokens.answers = [answer({"expires_in": outer, "data": {"token": "token", "expires_in": 299}})]
    for _ in range(2):
        assert source.get_token(APPID, Budget()).find_state(clock()) == "stale"
    assert len(tokens.requests) == 2


@pytest.mark.parametrize("expires_in", [None, 0, -5, 1, 300, "300", "", "soon", "7200.5", True])
def test_short_lives_are_not_kept(
    sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, log: Log, expires_in: object
) -> None:
    """A token without a usable `expires_in`, or with at most 300 s, is not cached."""
    token = sandbox.tokens.issue_token()["access_token"]
    tokens.answers = [answer({"token": token, "expires_in": expires_in})]
    for _ in range(3):
        assert invoke() == DOCUMENTED
    assert len(tokens.requests) == 3
    assert [line["token_requests"] for line in log()] == [1, 1, 1]


def test_each_mini_program_has_its_own(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """The cache keeps the tokens of mini programs apart."""
    tokens.answers = [answer(sandbox.tokens.issue_token()), answer(sandbox.tokens.issue_token())]
    for appid in ("wx-1", "wx-2", "wx-1", "wx-2"):
        assert invoke({"appid": appid}) == DOCUMENTED
    assert [target.rpartition("=")[2] for target in tokens.requests] == ["wx-1", "wx-2"]


def test_threads_share_one_request(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """Threads that need the same token make one request for it."""
    tokens.answers = [answer(sandbox.tokens.issue_token())]
    assert invoke_at_once(invoke, 8) == [DOCUMENTED] * 8
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("life", [{}, {"expires_in": 7200}])
@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_refused_token(
    sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, log: Log, life: dict[str, int], errcode: int
) -> None:
    """After a refusal the function requests the token again. It uses a new one, but never retries the same one."""
    token = sandbox.tokens.issue_token()["access_token"]
    sandbox.faults.append(Fault("plan", "errcode", str(errcode), times=2))
    tokens.answers = [answer({"token": token, **life})]
    assert catch_error(invoke).errCode == errcode
    assert (sandbox.count(PLAN), len(tokens.requests)) == (1, 2)
    tokens.answers = [answer({"token": token, **life}), answer({**sandbox.tokens.issue_token(), **life})]
    if life:
        tokens.answers.pop(0)  # the refused token is still cached
    assert invoke() == DOCUMENTED
    assert (sandbox.count(PLAN), log()[-1]["token_state"]) == (3, "replaced")
    assert log()[-1]["token_requests"] == 2 - len(life)


def test_at_most_two_requests(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """If the token request was already retried, a refusal causes no further one."""
    tokens.answers = [reset, answer({"token": "hush-refused"})]
    assert catch_error(invoke).errCode == 40001
    assert (sandbox.count(PLAN), len(tokens.requests)) == (1, 2)
