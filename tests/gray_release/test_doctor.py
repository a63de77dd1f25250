"""`gray-release doctor`: what it finds right and wrong, on a sandbox that plays each fault."""

import json
from typing import Any

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.doctor import Finding, diagnose
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, COMPONENT_SECRET, REFRESH_TOKEN, SECRET, TICKET, Sandbox
from tests.support import PLAN, Configure, run

SECRETS = (SECRET, COMPONENT_SECRET, REFRESH_TOKEN, TICKET)


def find(appid: str | None = None) -> dict[str, Finding]:
    """Run all checks; no finding shows a secret."""
    found = {finding.check: finding for finding in diagnose(appid)}
    assert not [secret for secret in SECRETS if secret in str(found)]
    return found


def states(found: dict[str, Finding]) -> dict[str, str]:
    """Return the state of each check."""
    return {name: finding.state for name, finding in found.items()}


def test_own_account(sandbox: Sandbox) -> None:
    """A mini program's own account: settings, token, quota and one real call are right."""
    assert states(find()) == dict.fromkeys(("settings", "token", "quota", "call"), "ok")
    assert sandbox.count(PLAN) == 1


def test_platform(platform: Sandbox) -> None:
    """A third-party platform's store, ticket, refresh token and permission set are right too."""
    checks = ("settings", "store", "ticket", "refresh token", "token", "permission set", "quota", "call")
    assert states(find()) == dict.fromkeys(checks, "ok")
    assert platform.count(PLAN) == 1


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"WECHAT_TIMEOUT_SECONDS": "soon"}, "-1"),
        ({"WECHAT_APPID": None}, "41002"),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_settings(configure: Configure, variables: dict[str, str | None], code: str) -> None:
    """A broken setting is the only finding: nothing can be asked with it."""
    configure(**variables)
    found = find()
    assert list(found) == ["settings"]
    assert found["settings"].state == "problem"
    assert found["settings"].text.startswith(code)


def test_address(sandbox: Sandbox) -> None:
    """Where WeChat does not know the address, it is named, and where to allow it."""
    errmsg = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"
    sandbox.faults.append(Fault("stable", "body", json.dumps({"errcode": 40164, "errmsg": errmsg})))
    found = find()
    assert states(found) == {"settings": "ok", "address": "problem", "token": "problem"}
    assert "203.0.113.7" in str(found["address"].advice)


def remove_ticket(_platform: Sandbox, store: RedisStorage) -> None:
    """Have no ticket in the store."""
    store.delete("component_verify_ticket")


def remove_refresh_token(_platform: Sandbox, store: RedisStorage) -> None:
    """Have no refresh token in the store."""
    store.delete(f"{APPID}_refresh_token")


def store_a_hash(_platform: Sandbox, store: RedisStorage) -> None:
    """Have another kind of value where the ticket should be."""
    store.delete("component_verify_ticket")
    store.redis.hset("wechatpy:component_verify_ticket", "value", TICKET)


def withdraw_permission(platform: Sandbox, _store: RedisStorage) -> None:
    """Have set 18 not granted."""
    platform.platform.permission_sets.discard(18)


def use_up_quota(platform: Sandbox, _store: RedisStorage) -> None:
    """Have no call left today."""
    platform.daily_limit = 0


def refuse_plan(platform: Sandbox, _store: RedisStorage) -> None:
    """Have WeChat refuse the call."""
    platform.faults.append(Fault.parse("plan:errcode=48001"))


PROBLEMS: list[tuple[Any, str]] = [
    (remove_ticket, "ticket"),
    (store_a_hash, "ticket"),
    (remove_refresh_token, "refresh token"),
    (withdraw_permission, "permission set"),
    (use_up_quota, "quota"),
    (refuse_plan, "call"),
]


@pytest.mark.parametrize(("spoil", "check"), PROBLEMS)
def test_problems(platform: Sandbox, store: RedisStorage, spoil: Any, check: str) -> None:
    """Each fault is found by its check, which says what to do."""
    spoil(platform, store)
    finding = find()[check]
    assert finding.state == "problem"
    assert finding.advice


def test_store_that_is_down(platform: Sandbox, configure: Configure) -> None:
    """A store that cannot be reached is named before the token that needs it."""
    configure(WECHAT_TOKEN_STORE_URL="redis://127.0.0.1:1/0")
    found = find()
    assert states(found) == {"settings": "ok", "store": "problem", "token": "problem"}
    assert not platform.requests


def test_key_of_another_system(sandbox: Sandbox, store: RedisStorage, configure: Configure) -> None:
    """Source `store`: the key with its kind, or that there is nothing."""
    key = f"wa:access_token:{APPID}"
    configure(WECHAT_TOKEN_STORE_KEY="wa:access_token:{appid}", WECHAT_SECRET=None)
    found = find()
    assert found["key"].state == "problem"
    assert key in found["key"].text
    store.redis.set(key, sandbox.tokens.issue_token()["access_token"])
    assert states(find()) == dict.fromkeys(("settings", "store", "key", "token", "quota", "call"), "ok")


def test_quota_that_wechat_does_not_tell(sandbox: Sandbox) -> None:
    """A quota that WeChat does not tell is unknown, and no problem."""
    sandbox.faults.append(Fault.parse("quota:errcode=76021"))
    assert find()["quota"].state == "unknown"


def test_command() -> None:
    """The command shows each check on the sandbox, and ends with 0; `--json` gives an object a line."""
    done = run("doctor", "--component", "--json")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["state"] for line in done.stdout.splitlines()} == {"ok"}
    shown = run("doctor")
    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) == 4


def test_exit_code() -> None:
    """A problem is exit code 1, and an appid that is none 2."""
    assert (
        run("doctor", WECHAT_APPID=APPID, WECHAT_SECRET="x", WECHAT_API_BASE_URL="http://127.0.0.1:1").returncode == 1
    )
    assert run("doctor", "wx 1").returncode == 2
