"""Which source `auto` chooses, and its errors for a half-configured third-party platform."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from gray_release.sandbox.server import APPID, COMPONENT_APPID, COMPONENT_SECRET, SECRET, Sandbox
from handler.contract import OpenApiError
from handler.settings import Source
from handler.tokens import SOURCES
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, Log, catch_error

REDIS, SERVER = "redis://127.0.0.1:1/0", "http://127.0.0.1:1/token"
SECRETS = ("WECHAT_COMPONENT_SECRET", "WECHAT_COMPONENT_SECRET_NAME", "WECHAT_COMPONENT_SECRET_PARAMETER")
OWN = {"WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET}


@pytest.fixture
def expect_failure(invoke: Invoke, log: Log) -> Invoke:
    """Return a function that expects a failure, and returns the source, the errCode and the reason."""

    def expect_failure(event: object = None) -> dict[str, object]:
        with pytest.raises(OpenApiError) as caught:
            invoke(event)
        return {"source": log()[-1]["token_source"], "code": caught.value.errCode, "reason": caught.value.reason}

    return expect_failure


def test_every_source_has_a_row() -> None:
    """Each source that `WECHAT_TOKEN_SOURCE` accepts can be created."""
    assert SOURCES.keys() == set(get_args(Source))


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.usefixtures("sandbox")
def test_platform(configure: Configure, expect_failure: Invoke, secret: str) -> None:
    """The platform's appid, its secret from any place, and a store select `component`, before any other source."""
    configure(**{"WECHAT_COMPONENT_APPID": COMPONENT_APPID, "WECHAT_TOKEN_STORE_URL": REDIS, secret: "x"})
    assert (expect_failure()["source"], expect_failure()["code"]) == ("component", -1)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.usefixtures("sandbox")
def test_without_store(configure: Configure, expect_failure: Invoke, secret: str) -> None:
    """Without a store, the platform's appid and secret give errCode 41001, and the errMsg names the store."""
    configure(**{"WECHAT_COMPONENT_APPID": COMPONENT_APPID, secret: "x"})
    reason = "the third-party platform is half configured: set WECHAT_TOKEN_STORE_URL to the platform's store"
    assert expect_failure() == {"source": "auto", "code": 41001, "reason": reason}


@pytest.mark.usefixtures("sandbox")
def test_appid_alone(configure: Configure, expect_failure: Invoke) -> None:
    """The platform's appid alone gives errCode 41001, and the errMsg names both ways to complete it."""
    configure(WECHAT_COMPONENT_APPID=COMPONENT_APPID)
    found = expect_failure()
    assert (found["source"], found["code"]) == ("auto", 41001)
    for part in (*SECRETS[1:2], "_SECRET_PARAMETER or _SECRET", "set only WECHAT_TOKEN_STORE_URL"):
        assert part in str(found["reason"])


@pytest.mark.usefixtures("sandbox")
def test_appid_with_store(configure: Configure, expect_failure: Invoke) -> None:
    """The platform's appid and a store without the secret select `store`."""
    configure(WECHAT_COMPONENT_APPID=COMPONENT_APPID, WECHAT_TOKEN_STORE_URL=REDIS)
    assert (expect_failure()["source"], expect_failure()["code"]) == ("store", -1)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("url", [None, REDIS])
@pytest.mark.usefixtures("sandbox")
def test_secret_alone(configure: Configure, expect_failure: Invoke, secret: str, url: str | None) -> None:
    """The platform's secret without its appid gives errCode 41001, with and without a store, and names the appid."""
    configure(**{secret: "x", "WECHAT_TOKEN_STORE_URL": url})
    reason = "the third-party platform is half configured: set WECHAT_COMPONENT_APPID, the AppID of the platform"
    assert expect_failure() == {"source": "auto", "code": 41001, "reason": reason}


@pytest.mark.parametrize(
    "variables",
    [
        {"WECHAT_TOKEN_STORE_URL": REDIS, "WECHAT_TOKEN_STORE_KEY": "wa:access_token:{appid}"},
        {"WECHAT_TOKEN_STORE_URL": REDIS, "WECHAT_TOKEN_STORE_KEY": "wechatpy:{appid}_access_token"},
        {"WECHAT_TOKEN_STORE_URL": SERVER},
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_what_means_store(configure: Configure, expect_failure: Invoke, variables: dict[str, str]) -> None:
    """A key, or a token server's URL, selects `store`, whatever else is set."""
    configure(WECHAT_COMPONENT_APPID=COMPONENT_APPID, WECHAT_COMPONENT_SECRET=COMPONENT_SECRET, **OWN, **variables)
    assert (expect_failure()["source"], expect_failure()["code"]) == ("store", -1)


@pytest.mark.usefixtures("sandbox")
def test_key_without_store(configure: Configure, expect_failure: Invoke) -> None:
    """A key without a store gives errCode 41001, and the errMsg names the store."""
    configure(WECHAT_TOKEN_STORE_KEY="wa:access_token:{appid}")
    assert expect_failure() == {
        "source": "store",
        "code": 41001,
        "reason": "no token store: set WECHAT_TOKEN_STORE_URL",
    }


@pytest.mark.usefixtures("sandbox")
def test_component_with_a_token_server(configure: Configure, expect_failure: Invoke) -> None:
    """Source `component` with a token server gives errCode 41001, because this source needs Redis."""
    configure(
        WECHAT_TOKEN_SOURCE="component",
        WECHAT_COMPONENT_APPID=COMPONENT_APPID,
        WECHAT_COMPONENT_SECRET=COMPONENT_SECRET,
        WECHAT_TOKEN_STORE_URL=SERVER,
    )
    found = expect_failure()
    assert (found["source"], found["code"]) == ("component", 41001)
    assert "WECHAT_TOKEN_STORE_URL must be redis(s)://" in str(found["reason"])


@pytest.mark.parametrize("half", [{"WECHAT_COMPONENT_APPID": COMPONENT_APPID}, {"WECHAT_COMPONENT_SECRET": "x"}])
def test_no_falling_back(
    sandbox: Sandbox, configure: Configure, expect_failure: Invoke, invoke: Invoke, half: dict[str, str]
) -> None:
    """A half-configured platform fails even with an AppSecret. A caller's token or an explicit source still works."""
    configure(**half)
    assert expect_failure()["source"] == "auto"
    assert sandbox.requests == []
    assert invoke({"accessToken": sandbox.tokens.issue_token()["access_token"]}) == DOCUMENTED
    configure(WECHAT_TOKEN_SOURCE="stable")
    assert invoke() == DOCUMENTED


def test_auto_order(platform: Sandbox, invoke: Invoke, configure: Configure, log: Log, tmp_path: Path) -> None:
    """`auto` selects the first configured source in the documented order. An explicit source is always used."""
    (tmp_path / "token").write_text("cloud")
    platform.cloudbase_tokens.add("cloud")
    configure(WECHAT_CLOUDBASE_TOKEN_FILE=str(tmp_path / "token"), WECHAT_SECRET=SECRET)
    picked = []
    for unset in (
        ("WECHAT_COMPONENT_APPID", "WECHAT_COMPONENT_SECRET"),
        ("WECHAT_SECRET",),
        ("WECHAT_TOKEN_STORE_URL",),
        ("WECHAT_CLOUDBASE_TOKEN_FILE",),
    ):
        assert invoke() == DOCUMENTED
        picked.append(log()[-1]["token_source"])
        configure(**dict.fromkeys(unset))
    assert picked == ["component", "stable", "store", "cloudbase"]
    assert catch_error(invoke).errCode == 41004
    configure(WECHAT_TOKEN_SOURCE="store")
    assert catch_error(invoke).errCode == 41001


def test_stable_needs_no_redis(sandbox: Sandbox) -> None:
    """The source `stable` loads no other source, and neither redis nor boto3."""
    code = (
        "import sys\nfrom handler.app import lambda_handler\nlambda_handler({}, None)\n"
        "assert not {'redis', 'boto3', 'botocore.session', 'handler.tokens.component'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=os.environ, check=True, capture_output=True, timeout=60
    )
    assert sandbox.count(PLAN) == 1
