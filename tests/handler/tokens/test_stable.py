"""The stable token: one for each mini program and process, renewed early, and never used after its expiry."""

import json
import threading
import time
from collections.abc import Iterator

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from handler.contract import OpenApiError
from handler.deadline import Deadline
from handler.invocation import Budget
from handler.settings import Settings
from handler.tokens import cached
from handler.tokens.base import Token
from handler.tokens.stable import StableTokens
from handler.wechat.api import WeChat
from tests.support import set_body

STABLE = "/cgi-bin/stable_token"


class Clock:
    """Unix time, which a test can move."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Create the clock that the sandbox and the source share."""
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    """Run a sandbox with the test's clock."""
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def tokens(sandbox: Sandbox, clock: Clock) -> StableTokens:
    """Create the source with the test's clock."""
    settings = Settings(wechat_appid=APPID, wechat_secret=SECRET)
    return StableTokens(settings, WeChat(sandbox.base_url, 5), clock)


def test_fresh_token_is_kept(sandbox: Sandbox, tokens: StableTokens, clock: Clock) -> None:
    """A token that is valid for 300 seconds or more is used without a token request."""
    first = tokens.get_token(APPID, Budget())
    clock.now += 7200 - 300
    assert tokens.get_token(APPID, Budget()) is first
    assert sandbox.count(STABLE) == 1


def test_stale_token_is_renewed(sandbox: Sandbox, tokens: StableTokens, clock: Clock) -> None:
    """In a token's last 300 seconds, the function fetches a new one, while the old one still works."""
    first = tokens.get_token(APPID, Budget())
    clock.now += 7200 - 299
    second = tokens.get_token(APPID, Budget())
    assert second.value != first.value
    assert tokens.get_token(APPID, Budget()) is second
    sandbox.tokens.check_token(first.value)
    assert sandbox.count(STABLE) == 2


def test_stale_token_outlives_a_failing_renewal(sandbox: Sandbox, tokens: StableTokens, clock: Clock) -> None:
    """A stale token is used if its renewal fails. The next renewal waits half a minute."""
    first = tokens.get_token(APPID, Budget())
    clock.now += 7200 - 200
    sandbox.faults.append(Fault("token", "errcode", "45009"))
    assert tokens.get_token(APPID, Budget()) is first
    assert tokens.get_token(APPID, Budget()) is first
    assert sandbox.count(STABLE) == 2
    clock.now += cached.RETRY_RENEWAL_SECONDS
    assert tokens.get_token(APPID, Budget()) is first
    assert sandbox.count(STABLE) == 3


def test_early_renewal_leaves_time_for_the_call(sandbox: Sandbox, tokens: StableTokens, clock: Clock) -> None:
    """A renewal that hangs takes at most half of the remaining time, so that the stale token can be used."""
    first = tokens.get_token(APPID, Budget())
    clock.now += 7200 - 200
    sandbox.faults.append(Fault("token", "hang", "3"))
    budget = Budget(Deadline(1))
    assert tokens.get_token(APPID, budget) is first
    assert budget.deadline.seconds_left() > 0
    assert budget.usage.requests["token"] == 1


def test_expired_token_is_not_used(sandbox: Sandbox, tokens: StableTokens, clock: Clock) -> None:
    """The function never uses an expired token. If it cannot fetch a new one, the call fails."""
    tokens.get_token(APPID, Budget())
    clock.now += 7200
    sandbox.faults.append(Fault("token", "errcode", "45009"))
    with pytest.raises(OpenApiError) as caught:
        tokens.get_token(APPID, Budget())
    assert caught.value.errCode == 45009


def test_clock_jumping_back(sandbox: Sandbox, tokens: StableTokens, clock: Clock) -> None:
    """If the clock jumps back, the token is kept until WeChat refuses it."""
    first = tokens.get_token(APPID, Budget())
    clock.now -= 86_400
    assert tokens.get_token(APPID, Budget()) is first
    sandbox.tokens.stable.clear()
    second = tokens.replace(APPID, first, Budget())
    assert second is not None
    assert second.value != first.value


def test_replace_only_what_failed(sandbox: Sandbox, tokens: StableTokens) -> None:
    """A token that another thread has already replaced is not fetched again."""
    current = tokens.get_token(APPID, Budget())
    assert tokens.replace(APPID, Token("an older one"), Budget()) is current
    assert sandbox.count(STABLE) == 1


def test_no_third_token_request(sandbox: Sandbox, tokens: StableTokens) -> None:
    """An invocation that has made two token requests makes no third, and drops the refused token."""
    failed = tokens.get_token(APPID, Budget())
    spent = Budget()
    spent.usage.requests["token"] = 2
    assert tokens.replace(APPID, failed, spent) is None
    assert sandbox.count(STABLE) == 1
    tokens.get_token(APPID, Budget())
    assert sandbox.count(STABLE) == 2


def test_one_token_for_each_mini_program(sandbox: Sandbox, tokens: StableTokens) -> None:
    """Each mini program has its own token in the cache."""
    sandbox.tokens.apps["wx-other"] = SECRET
    assert tokens.get_token(APPID, Budget()).value != tokens.get_token("wx-other", Budget()).value
    assert tokens.get_token(APPID, Budget()) is tokens.get_token(APPID, Budget())
    assert sandbox.count(STABLE) == 2


def test_cache_is_bounded(sandbox: Sandbox, tokens: StableTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache has a limit, and drops the token that was not used for the longest time."""
    monkeypatch.setattr(cached, "MINI_PROGRAMS", 2)
    sandbox.tokens.apps.update(dict.fromkeys("abc", SECRET))
    for appid in "abac":
        tokens.get_token(appid, Budget())
    assert sandbox.count(STABLE) == 3
    tokens.get_token("a", Budget())
    assert sandbox.count(STABLE) == 3
    tokens.get_token("b", Budget())
    assert sandbox.count(STABLE) == 4


@pytest.mark.slow
def test_sweep_of_thousands(sandbox: Sandbox, tokens: StableTokens) -> None:
    """A sweep of 5,000 mini programs makes 5,000 token requests, and the next sweep makes none."""
    fleet = [f"wx{number:016d}" for number in range(5000)]
    sandbox.tokens.apps.update(dict.fromkeys(fleet, SECRET))
    for _ in range(2):
        for appid in fleet:
            tokens.get_token(appid, Budget())
    assert sandbox.count(STABLE) == len(fleet)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({}, -1),
        ({"access_token": ""}, -1),
        ({"access_token": 5, "expires_in": 7200}, -1),
        ({"access_token": None, "expires_in": 7200}, -1),
        ({"errcode": 40164, "errmsg": "invalid ip"}, 40164),
        ({"errcode": "40243"}, 40243),
    ],
)
def test_answer_without_a_token(sandbox: Sandbox, tokens: StableTokens, answer: object, code: int) -> None:
    """An answer without a usable token gives WeChat's errCode, or -1."""
    set_body(sandbox, json.dumps(answer).encode(), endpoint="token")
    with pytest.raises(OpenApiError) as caught:
        tokens.get_token(APPID, Budget())
    assert caught.value.errCode == code


@pytest.mark.parametrize(
    ("expires_in", "kept"),
    [
        (7200, 7200),
        (10**30, 7200),
        (1e300, 7200),
        (7200.5, 7200),
        (301, 301),
        (-5, 0),
        ("7200", 7200),
        ("7200.5", 0),
        ("soon", 0),
        (None, 0),
        (True, 0),
    ],
)
def test_odd_lifetimes(sandbox: Sandbox, tokens: StableTokens, clock: Clock, expires_in: object, kept: float) -> None:
    """A token is kept for WeChat's `expires_in`, at most two hours; without a usable `expires_in` it is not kept."""
    set_body(sandbox, json.dumps({"access_token": "t", "expires_in": expires_in}).encode(), endpoint="token")
    assert tokens.get_token(APPID, Budget()).expires_at == clock.now + kept


def test_waiting_for_another_thread_is_bounded(sandbox: Sandbox, tokens: StableTokens) -> None:
    """A thread that waits for another thread's token request stops at its own deadline."""
    sandbox.faults.append(Fault.parse("token:delay=1"))
    fetching = threading.Thread(target=tokens.get_token, args=(APPID, Budget()))
    fetching.start()
    arrived = time.monotonic() + 5
    while not sandbox.requests and time.monotonic() < arrived:
        time.sleep(0.005)
    with pytest.raises(OpenApiError) as caught:
        tokens.get_token(APPID, Budget(Deadline(0.2)))
    assert caught.value.status == 504
    fetching.join(60)


def test_repr_hides_tokens() -> None:
    """The repr of a token does not show it."""
    assert "hush" not in repr(Token("hush"))
