"""Source `component`: a third-party platform's tokens, in a real store."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import (
    APPID,
    REFRESH_TOKEN,
    TICKET,
    Sandbox,
)
from gray_release.sandbox.store import fill_store
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, Log, Valkey, catch_error, end_process

COMPONENT = "/cgi-bin/component/api_component_token"
AUTHORIZER = "/cgi-bin/component/api_authorizer_token"


def test_component(platform: Sandbox, store: RedisStorage, invoke: Invoke, log: Log) -> None:
    """The first invocation refreshes an authorizer's token and stores it. Later invocations read the stored token."""
    assert invoke() == DOCUMENTED
    assert invoke() == DOCUMENTED
    assert [path for _, path in platform.requests] == [COMPONENT, AUTHORIZER, PLAN, PLAN]
    assert store.get(f"{APPID}_access_token") in platform.tokens.expiry
    assert store.get("component_access_token") in platform.platform.expiry
    assert 7000 < store.redis.ttl(f"wechatpy:{APPID}_access_token") <= 7200
    assert log()[-1]["token_source"] == "component"
    assert platform.connections == 2  # the refresh opens its own connection, because it must not be lost


def test_component_takes_what_is_stored(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """The function uses the tokens that the platform's own programs have stored, for any authorizer."""
    store.set("wx-other_access_token", platform.tokens.issue_token()["access_token"])
    assert invoke({"appid": "wx-other"}) == DOCUMENTED
    assert platform.requests == [("GET", PLAN)]


def test_rotated_refresh_token_is_kept(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """A refresh token that WeChat has rotated is stored, so that the next refresh works."""
    platform.platform.rotate = True
    for _ in range(3):
        assert invoke() == DOCUMENTED
        assert store.get(f"{APPID}_refresh_token") == platform.platform.authorizers[APPID] != REFRESH_TOKEN
        store.delete(f"{APPID}_access_token")
    assert platform.count(COMPONENT) == 1


def test_refused_authorizer_token_is_refreshed(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """A stored token that WeChat refuses is refreshed once, and the plan is requested again."""
    store.set(f"{APPID}_access_token", "revoked")
    assert invoke() == DOCUMENTED
    assert [path for _, path in platform.requests] == [PLAN, COMPONENT, AUTHORIZER, PLAN]


def test_refused_component_token_is_dropped(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """If WeChat refuses the platform's own token, one invocation fails and the next one fetches a new token."""
    store.set("component_access_token", "revoked")
    assert catch_error(invoke).errCode == 40001
    assert platform.count(AUTHORIZER) == 1
    assert store.get("component_access_token") is None
    assert invoke() == DOCUMENTED


def test_ended_component_token_is_dropped(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """After 42006, WeChat's code for a token that ended early, the function also drops the platform's token."""
    store.set("component_access_token", "ended")
    platform.faults.append(Fault.parse("authorizer:errcode=42006*1"))
    assert catch_error(invoke).errCode == 42006
    assert invoke() == DOCUMENTED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"component_verify_ticket": None}, 61006),
        ({"component_verify_ticket": "expired"}, 61006),
        ({f"{APPID}_refresh_token": None}, 61003),
        ({f"{APPID}_refresh_token": "revoked"}, 61023),
    ],
)
def test_component_failures(
    platform: Sandbox, store: RedisStorage, invoke: Invoke, change: dict[str, str | None], code: int
) -> None:
    """A missing or old ticket, an unknown authorizer and a revoked refresh token give WeChat's codes."""
    for key, value in change.items():
        store.set(key, value) if value else store.delete(key)
    assert catch_error(invoke).errCode == code
    assert platform.count(COMPONENT) + platform.count(AUTHORIZER) <= 2
    assert not store.redis.keys("*_lock")


def test_component_wrong_secret(platform: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """A wrong AppSecret of the platform gives errCode 40125."""
    configure(WECHAT_COMPONENT_SECRET="hush-wrong")
    error = catch_error(invoke)
    assert error.errCode == 40125
    assert "hush" not in str(error)
    assert platform.count(PLAN) == 0


def test_waiting_for_another_functions_refresh(
    platform: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure
) -> None:
    """While another function refreshes a token, this one waits for it until its own deadline."""
    configure(WECHAT_TIMEOUT_SECONDS="900")
    store.redis.set(f"wechatpy:{APPID}_access_token_lock", "another", ex=30)
    # Without the deadline it would succeed when the lock ends, after 30 s.
    assert catch_error(invoke, deadline=time.monotonic() + 0.5).status == 504
    token = platform.tokens.issue_token()["access_token"]
    threading.Timer(0.2, store.set, (f"{APPID}_access_token", token)).start()
    assert invoke() == DOCUMENTED
    assert platform.count(AUTHORIZER) == 0


WORKER = """
import json, sys
sys.stdout, out = sys.stderr, sys.stdout
from handler.app import lambda_handler
sys.stdin.readline()
results = []
for _ in range(int(sys.argv[1])):
    try:
        results.append(lambda_handler({}, None)["errCode"])
    except Exception as error:
        results.append(getattr(error, "errCode", repr(error)))
print(json.dumps(results), file=out)
"""


def invoke_in_processes(processes: int, invocations: int) -> list[Any]:
    """Invoke in several processes at once; return every outcome."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WORKER, str(invocations)]
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(
                end_process(
                    subprocess.Popen(
                        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=os.environ
                    ),
                    180,
                )
            )
            for _ in range(processes)
        ]
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        return [code for worker in workers for code in json.loads(worker.communicate(timeout=120)[0])]


@pytest.mark.slow
def test_many_processes_refresh_once(platform: Sandbox) -> None:
    """20 processes with 50 invocations each on an empty store refresh each token once, and none sees 40001."""
    platform.platform.rotate = True
    assert invoke_in_processes(20, 50) == [0] * 1000
    assert (platform.count(COMPONENT), platform.count(AUTHORIZER), platform.count(PLAN)) == (1, 1, 1000)


@pytest.fixture
def restartable(platform: Sandbox, configure: Configure, tmp_path: Path) -> Iterator[Valkey]:
    """Keep the platform's tokens in a separate store that the test can stop."""
    assert platform.requests == []
    valkey = Valkey(tmp_path)
    configure(WECHAT_TIMEOUT_SECONDS="1", WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{valkey.port}/0")
    with redis.Redis(port=valkey.port) as client:
        fill_store(RedisStorage(client), TICKET, {APPID: REFRESH_TOKEN})
    yield valkey
    valkey.stop()


def test_store_restarts_in_the_middle(platform: Sandbox, restartable: Valkey, invoke: Invoke) -> None:
    """While a store restarts, invocations fail with errCode -1 at once. Afterwards they succeed."""
    assert invoke() == DOCUMENTED
    restartable.stop()
    error = catch_error(invoke)
    assert (error.errCode, error.status) == (-1, 503)  # not 504, because the connection was refused at once
    restartable.start()
    assert invoke() == DOCUMENTED
    assert platform.count(AUTHORIZER) == 1


def test_refresh_token_outlives_the_store(platform: Sandbox, restartable: Valkey, invoke: Invoke) -> None:
    """A refresh token that WeChat rotated while the store was down is written when the store is back."""
    platform.platform.rotate = True
    platform.faults += [Fault("token", "delay", "0", times=1), Fault("token", "delay", "0.8", times=1)]
    failures: list[OpenApiError] = []

    def fail() -> None:
        try:
            invoke(deadline=time.monotonic() + 2)
        except OpenApiError as error:
            failures.append(error)

    thread = threading.Thread(target=fail)
    thread.start()
    while not platform.count(AUTHORIZER):
        time.sleep(0.01)
    restartable.stop()
    thread.join(60)
    assert [error.errCode for error in failures] == [-1]
    assert platform.platform.authorizers[APPID] != REFRESH_TOKEN
    restartable.start()
    with redis.Redis(port=restartable.port) as client:
        client.delete(f"wechatpy:{APPID}_access_token_lock")  # without this, it would expire only after half a minute
        assert invoke() == DOCUMENTED
        assert RedisStorage(client).get(f"{APPID}_refresh_token") == platform.platform.authorizers[APPID]
