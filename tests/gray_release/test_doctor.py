"""`gray-release doctor` with a sandbox that has each problem."""

import json
from typing import Any

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.doctor import Finding, diagnose
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, COMPONENT_SECRET, REFRESH_TOKEN, SECRET, TICKET, Sandbox
from tests.support import PLAN, Configure, run

SECRETS = (SECRET, COMPONENT_SECRET, REFRESH_TOKEN, TICKET)


def run_checks(appid: str | None = None) -> dict[str, Finding]:
    """Run all checks; no finding shows a secret."""
    found = {finding.check: finding for finding in diagnose(appid)}
    assert not [secret for secret in SECRETS if secret in str(found)]
    return found


def read_states(found: dict[str, Finding]) -> dict[str, str]:
    """Return the state of each check."""
    return {name: finding.state for name, finding in found.items()}


def test_own_account(sandbox: Sandbox) -> None:
    """For a mini program's own account, the command checks settings, token, quota and one real call."""
    assert read_states(run_checks()) == dict.fromkeys(("settings", "token", "quota", "call"), "ok")
    assert sandbox.count(PLAN) == 1


def test_platform(platform: Sandbox) -> None:
    """For a third-party platform, the command also checks store, ticket, refresh token and permission set."""
    checks = ("settings", "store", "ticket", "refresh token", "token", "permission set", "quota", "call")
    assert read_states(run_checks()) == dict.fromkeys(checks, "ok")
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
    """After an invalid setting there are no further checks."""
    configure(**variables)
    found = run_checks()
    assert list(found) == ["settings"]
    assert found["settings"].state == "problem"
    assert found["settings"].text.startswith(code)


def test_address(sandbox: Sandbox) -> None:
    """If WeChat refuses the IP address, the finding names it and says where to allow it."""
    errmsg = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"
    sandbox.faults.append(Fault("stable", "body", json.dumps({"errcode": 40164, "errmsg": errmsg})))
    found = run_checks()
    assert read_states(found) == {"settings": "ok", "address": "problem", "token": "problem"}
    assert "203.0.113.7" in str(found["address"].advice)


def remove_ticket(_platform: Sandbox, store: RedisStorage) -> None:
    """Remove the ticket from the store."""
    store.delete("component_verify_ticket")


def remove_refresh_token(_platform: Sandbox, store: RedisStorage) -> None:
    """Remove the refresh token from the store."""
    store.delete(f"{APPID}_refresh_token")


def store_a_hash(_platform: Sandbox, store: RedisStorage) -> None:
    """Store a hash instead of the ticket."""
    store.delete("component_verify_ticket")
    store.redis.hset("wechatpy:component_verify_ticket", "value", TICKET)


def withdraw_permission(platform: Sandbox, _store: RedisStorage) -> None:
    """Withdraw permission set 18."""
    platform.platform.permission_sets.discard(18)


def use_up_quota(platform: Sandbox, _store: RedisStorage) -> None:
    """Use up today's quota."""
    platform.daily_limit = 1
    platform.requests.append(("GET", PLAN))


def refuse_plan(platform: Sandbox, _store: RedisStorage) -> None:
    """Make WeChat refuse the call."""
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
    """The right check finds each problem, and has advice."""
    spoil(platform, store)
    finding = run_checks()[check]
    assert finding.state == "problem"
    assert finding.advice


def test_store_that_is_down(platform: Sandbox, configure: Configure) -> None:
    """An unreachable store is reported before the token that needs it."""
    configure(WECHAT_TOKEN_STORE_URL="redis://127.0.0.1:1/0")
    found = run_checks()
    assert read_states(found) == {"settings": "ok", "store": "problem", "token": "problem"}
    assert not platform.requests


def test_key_of_another_system(sandbox: Sandbox, store: RedisStorage, configure: Configure) -> None:
    """For the source `store`, the command checks that the key exists, and shows its type."""
    key = f"wa:access_token:{APPID}"
    configure(WECHAT_TOKEN_STORE_KEY="wa:access_token:{appid}", WECHAT_SECRET=None)
    found = run_checks()
    assert found["key"].state == "problem"
    assert key in found["key"].text
    store.redis.set(key, sandbox.tokens.issue_token()["access_token"])
    assert read_states(run_checks()) == dict.fromkeys(("settings", "store", "key", "token", "quota", "call"), "ok")


def test_unknown_quota(sandbox: Sandbox) -> None:
    """If WeChat does not answer about the quota, the check is unknown, which is not a problem."""
    sandbox.faults.append(Fault.parse("quota:errcode=76021"))
    assert run_checks()["quota"].state == "unknown"


def test_quota_without_a_limit(sandbox: Sandbox) -> None:
    """A limit of 0, as in WeChat's own example, says nothing about the calls that are left."""
    sandbox.daily_limit = 0
    found = run_checks()
    assert (found["quota"].state, found["call"].state) == ("unknown", "ok")


def test_component_option_beside_credentials() -> None:
    """`--component` beside credentials is refused as by `invoke`, not ignored."""
    process = run("doctor", "--component", WECHAT_APPID=APPID, WECHAT_SECRET="not used")
    assert (process.returncode, "WECHAT_APPID" in process.stderr) == (2, True)


def test_command() -> None:
    """The command prints one line for each check and exits 0; `--json` prints one JSON object for each."""
    done = run("doctor", "--component", "--json")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["state"] for line in done.stdout.splitlines()} == {"ok"}
    shown = run("doctor")
    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) == 4


def test_exit_code() -> None:
    """A problem gives exit code 1, an invalid appid exit code 2."""
    assert (
        run("doctor", WECHAT_APPID=APPID, WECHAT_SECRET="x", WECHAT_API_BASE_URL="http://127.0.0.1:1").returncode == 1
    )
    assert run("doctor", "wx 1").returncode == 2
