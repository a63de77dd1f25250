"""Hostile answers to a batch: no oversized reply, no lost code, no hang, no row of another mini program."""

import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import SECRET, Sandbox
from gray_release.sandbox.store import fill_store
from handler.contract import API
from handler.tokens.component import PAGE_SIZE, PAGES
from tests.support import PLAN, STABLE, Configure, Invoke, Log, Valkey, catch_error, set_body

PLATFORM_BYTES = 6_000_000  # Lambda's and SCF's limit of a reply
MANY = [f"wx{number:016x}" for number in range(50)]
LIST = "/cgi-bin/component/api_get_authorizer_list"
RID = "rid: 5f1e0000-12345678-9abcdef0"
HOSTILE = {
    "mixed": '"灰\\\x01\U0001f600',
    "quotes": '"',
    "backslashes": "\\",
    "controls": "\x01",
    "emoji": "\U0001f600",
    "han": "灰",
    "half": "\ud800",
}


@pytest.fixture
def fleet(sandbox: Sandbox) -> Sandbox:
    """Create many mini programs in the sandbox, each with a different percentage."""
    for number, appid in enumerate(MANY):
        sandbox.tokens.apps[appid] = SECRET
        sandbox.plans[appid] = {"status": 1, "gray_percentage": number}
    return sandbox


@pytest.fixture
def authorizers(platform: Sandbox, store: RedisStorage) -> Sandbox:
    """Create many authorizers of the platform whose tokens have expired."""
    tokens = {appid: f"refreshtoken@@@{number:032x}" for number, appid in enumerate(MANY)}
    platform.platform.authorizers.clear()
    platform.platform.authorizers.update(tokens)
    fill_store(store, platform.platform.ticket, tokens)
    return platform


@pytest.mark.slow
@pytest.mark.parametrize("character", HOSTILE)
def test_long_refusals(sandbox: Sandbox, invoke: Invoke, character: str) -> None:
    """A thousand long refusals, escaped twice, fit the platform's limit; each keeps its errCode and `rid:`."""
    appids = [f"wx{number:016x}" for number in range(1000)]
    for appid in appids:
        sandbox.tokens.apps[appid] = SECRET
    errmsg = f"refused {HOSTILE[character] * 4000} {RID}"
    set_body(sandbox, json.dumps({"errcode": 48001, "errmsg": errmsg}).encode())
    event = {"httpMethod": "POST", "path": "/", "headers": {}, "body": json.dumps({"appids": appids})}
    reply = invoke(event, deadline=time.monotonic() + 60)
    assert len(json.dumps(reply)) < PLATFORM_BYTES
    rows = json.loads(reply["body"])["results"]
    assert [row["appid"] for row in rows] == appids
    assert {row["errCode"] for row in rows} == {48001}
    assert all(row["errMsg"].startswith(f"{API}:fail refused") and row["errMsg"].endswith(RID) for row in rows)


def test_answers_with_an_appid(fleet: Sandbox, invoke: Invoke) -> None:
    """A row has the appid of its check, even if WeChat's body contains another."""
    for appid in (MANY[1], None, {"a": 1}):
        set_body(fleet, json.dumps({"errcode": 0, "appid": appid, "gray_release_plan": {"status": 1}}).encode())
        rows = invoke({"appids": MANY})["results"]
        assert [row["appid"] for row in rows] == MANY
        assert next(iter(rows[0])) == "appid"


def test_long_answers(fleet: Sandbox, invoke: Invoke) -> None:
    """A plan counts with the size that it has in the reply, where it is escaped twice."""
    fleet.plans[MANY[1]] = {"status": 1, "note": '"' * 2000}
    event = {"httpMethod": "POST", "path": "/", "headers": {}, "body": json.dumps({"appids": MANY[:3]})}
    rows = json.loads(invoke(event)["body"])["results"]
    assert [row["errCode"] for row in rows] == [0, -1, 0]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["token:hang=30", "plan:delay=30"])
def test_hanging_wechat(fleet: Sandbox, configure: Configure, invoke: Invoke, fault: str) -> None:
    """If WeChat answers none of fifty checks, every mini program still has its row before the deadline."""
    configure(WECHAT_TIMEOUT_SECONDS="5")
    fleet.faults.append(Fault.parse(fault))
    deadline = time.monotonic() + 20
    rows = invoke({"appids": MANY}, deadline=deadline)["results"]
    assert time.monotonic() < deadline
    assert ([row["appid"] for row in rows], {row["errCode"] for row in rows}) == (MANY, {-1})


def test_lines_of_threads(fleet: Sandbox, invoke: Invoke, log: Log) -> None:
    """Ten checks run at a time, and no log line or row has the appid, code or secret of another check."""
    for number, appid in enumerate(MANY):
        if number % 2:
            fleet.faults.append(Fault("plan", "errcode", str(50000 + number), appid=appid))
    reply = invoke({"appids": MANY})
    expected = {appid: 50000 + number if number % 2 else 0 for number, appid in enumerate(MANY)}
    assert {row["appid"]: row["errCode"] for row in reply["results"]} == expected
    lines = [line for line in log() if line["message"] == "getGrayReleasePlan"]
    assert {line["appid"]: line.get("err_code", 0) for line in lines} == expected
    for line in log():
        text = json.dumps(line)
        assert [appid for appid in MANY if appid in text] == [line["appid"]]
        assert SECRET not in text
        assert not any(token in text for token in fleet.tokens.expiry)


def test_refused_tokens(authorizers: Sandbox, invoke: Invoke) -> None:
    """If WeChat refuses every token, each token is refreshed once and each check is repeated once."""
    appids = MANY[:40]
    invoke({"appids": MANY[40:41]})  # fetches the platform's own token first
    authorizers.requests.clear()
    authorizers.faults[:] = [Fault("plan", "errcode", "40001", times=1, appid=appid) for appid in appids]
    rows = invoke({"appids": appids}, deadline=time.monotonic() + 60)["results"]
    assert {row["errCode"] for row in rows} == {0}
    assert authorizers.count(PLAN) == 80
    assert authorizers.count("/cgi-bin/component/api_authorizer_token") == 80
    assert authorizers.count("/cgi-bin/component/api_component_token") == 0


def test_tokens_that_stay_refused(authorizers: Sandbox, invoke: Invoke) -> None:
    """If WeChat refuses every token, each check makes at most two token requests and two plan requests."""
    invoke({"appids": MANY[:1]})  # fetches the platform's own token first
    authorizers.requests.clear()
    authorizers.faults.append(Fault.parse("plan:errcode=40001"))
    rows = invoke({"appids": MANY}, deadline=time.monotonic() + 60)["results"]
    assert [(row["appid"], row["errCode"]) for row in rows] == [(appid, 40001) for appid in MANY]
    assert authorizers.count(PLAN) == 2 * len(MANY)
    assert authorizers.count("/cgi-bin/component/api_authorizer_token") == 2 * len(MANY) - 1
    assert authorizers.count("/cgi-bin/component/api_component_token") == 0


BATCH_CHILD = """
import json, sys
from handler.app import lambda_handler
print(json.dumps(lambda_handler({"appids": json.loads(sys.argv[1])}, None)))
"""


def test_two_batches(authorizers: Sandbox, store: RedisStorage) -> None:
    """Two functions that check the same mini programs at the same time refresh each token once, and lose none."""
    authorizers.platform.rotate = True
    command = [sys.executable, "-W", "ignore", "-c", BATCH_CHILD, json.dumps(MANY)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for child in children:
        with child:
            rows = json.loads(child.communicate(timeout=120)[0].splitlines()[-1])["results"]
        assert [(row["appid"], row["errCode"]) for row in rows] == [(appid, 0) for appid in MANY]
    assert authorizers.count("/cgi-bin/component/api_authorizer_token") == len(MANY)
    assert authorizers.count("/cgi-bin/component/api_component_token") == 1
    kept = {appid: store.get(f"{appid}_refresh_token") for appid in MANY}
    assert kept == authorizers.platform.authorizers


def test_refused_stable_tokens(fleet: Sandbox, invoke: Invoke) -> None:
    """If WeChat refuses every stable token, each is replaced once and each check is repeated once."""
    fleet.faults[:] = [Fault("plan", "errcode", "40001", times=1, appid=appid) for appid in MANY]
    assert {row["errCode"] for row in invoke({"appids": MANY})["results"]} == {0}
    assert (fleet.count(PLAN), fleet.count(STABLE)) == (100, 100)


def test_store_dies(authorizers: Sandbox, server: Valkey, invoke: Invoke) -> None:
    """If the store stops during a batch, the remaining rows are failures, and the reply still has every row."""
    authorizers.faults.append(Fault.parse("plan:delay=0.2"))
    killer = threading.Timer(0.5, server.kill)
    killer.start()
    try:
        rows = invoke({"appids": MANY}, deadline=time.monotonic() + 20)["results"]
    finally:
        killer.join()
        server.start()
    assert [row["appid"] for row in rows] == MANY
    assert {row["errCode"] for row in rows} <= {0, -1, 41001}
    assert "refreshtoken" not in json.dumps(rows)


# --- Hostile pages of the platform's list


def entries(appids: list[str]) -> list[dict[str, Any]]:
    """Return the entries of a page."""
    return [{"authorizer_appid": appid, "refresh_token": "refreshtoken@@@x"} for appid in appids]


HOSTILE_PAGES: dict[str, Any] = {
    "no list": {"total_count": 1},
    "null": {"total_count": 1, "list": None},
    "text": {"total_count": 1, "list": "wx1"},
    "object": {"total_count": 1, "list": {"a": 1}},
    "numbers": {"total_count": 3, "list": [1, None, True]},
    "lists": {"total_count": 1, "list": [["wx1"]]},
    "appid of another type": {"total_count": 1, "list": [{"authorizer_appid": 5}]},
    "appid that is none": {"total_count": 1, "list": [{"authorizer_appid": "wx 1/../{appid}"}]},
    "reserved appid": {"total_count": 1, "list": entries(["component"])},
    "count of another type": {"total_count": "many", "list": entries(MANY[:1])},
    "empty": {"total_count": 0, "list": []},
    "1 MiB": {"total_count": 9, "list": entries([f"wx{number:016x}" for number in range(14_000)])},
    "endless": {"total_count": 10**12, "list": entries(MANY)},
    "negative": {"total_count": -1, "list": entries(MANY[:1])},
    "mixed": {"total_count": 5, "list": [None, {}, *entries(["component", *MANY[:2], "wx/..", "a" * 65])]},
}
USABLE = {"count of another type", "endless", "negative", "mixed"}


@pytest.mark.parametrize("page", HOSTILE_PAGES)
def test_hostile_pages(authorizers: Sandbox, invoke: Invoke, page: str) -> None:
    """Pages with wrong types, of 1 MiB, or with invalid appids are handled before the deadline."""
    set_body(authorizers, json.dumps(HOSTILE_PAGES[page]).encode(), endpoint="list")
    deadline = time.monotonic() + 30
    if page in USABLE:
        appids = [row["appid"] for row in invoke({"appids": "all"}, deadline=deadline)["results"]]
        assert appids == MANY[: len(appids)]
    else:
        assert catch_error(invoke, {"appids": "all"}, deadline=deadline).errCode in (-1, 61003)
    assert time.monotonic() < deadline
    assert authorizers.count(LIST) <= 2


def test_page_that_repeats(authorizers: Sandbox, invoke: Invoke) -> None:
    """If WeChat repeats a page endlessly, the number of pages is limited, and each appid is checked once."""
    page = {"total_count": 10**12, "list": entries(MANY) * (PAGE_SIZE // len(MANY) + 5)}
    set_body(authorizers, json.dumps(page).encode(), endpoint="list")
    rows = invoke({"appids": "all"}, deadline=time.monotonic() + 60)["results"]
    assert [row["appid"] for row in rows] == MANY
    assert authorizers.count(LIST) == PAGES
