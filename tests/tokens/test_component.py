"""Every way to a token, through the public entry point, against real stores and services."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
import trustme
from moto.server import ThreadedMotoServer
from wechatpy.session.redisstorage import RedisStorage

from handler.contract import OpenApiError
from handler.local.sandbox.faults import Fault
from handler.local.sandbox.server import (
    APPID,
    COMPONENT_APPID,
    COMPONENT_SECRET,
    REFRESH_TOKEN,
    SECRET,
    TICKET,
    Sandbox,
)
from tests.support import DOCUMENTED, PLAN, STABLE, Configure, Invoke, Log, TLSFront, Valkey, server_context

COMPONENT = "/cgi-bin/component/api_component_token"
AUTHORIZER = "/cgi-bin/component/api_authorizer_token"


@pytest.fixture
def platform(sandbox: Sandbox, store: RedisStorage, configure: Configure) -> Sandbox:
    """Be a third-party platform whose callback server has filled the store."""
    configure(WECHAT_SECRET=None, WECHAT_COMPONENT_APPID=COMPONENT_APPID, WECHAT_COMPONENT_SECRET=COMPONENT_SECRET)
    store.set("component_verify_ticket", TICKET)
    store.set(f"{APPID}_refresh_token", REFRESH_TOKEN)
    return sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Run moto's Secrets Manager and SSM."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def secrets(aws: str, sandbox: Sandbox, configure: Configure) -> Any:
    """Point the environment at moto, without the secret itself; return a client of Secrets Manager."""
    assert sandbox.requests == []
    configure(
        WECHAT_SECRET=None,
        AWS_ENDPOINT_URL=aws,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="moto",
        AWS_SECRET_ACCESS_KEY="moto",
    )
    return boto3.client("secretsmanager")


def refused(invoke: Invoke, event: Any = None) -> OpenApiError:
    """Return the error that an invocation raises."""
    with pytest.raises(OpenApiError) as caught:
        invoke(event)
    return caught.value


def test_component(platform: Sandbox, store: RedisStorage, invoke: Invoke, log: Log) -> None:
    """A platform's authorizer is refreshed once into the store, and the store serves from then on."""
    assert invoke() == DOCUMENTED
    assert invoke() == DOCUMENTED
    assert [path for _, path in platform.requests] == [COMPONENT, AUTHORIZER, PLAN, PLAN]
    assert store.get(f"{APPID}_access_token") in platform.tokens.expiry
    assert store.get("component_access_token") in platform.platform.expiry
    assert 7000 < store.redis.ttl(f"wechatpy:{APPID}_access_token") <= 7200
    assert log()[-1]["token_source"] == "component"
    assert platform.connections == 2  # the refresh, which must not be lost, on one of its own


def test_component_takes_what_is_stored(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """A token that the platform's own programs have stored is used as it is, for any authorizer."""
    store.set("wx-other_access_token", platform.tokens.issue()["access_token"])
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
    """A stored token that WeChat refuses is refreshed once, and the call made once more."""
    store.set(f"{APPID}_access_token", "revoked")
    assert invoke() == DOCUMENTED
    assert [path for _, path in platform.requests] == [PLAN, COMPONENT, AUTHORIZER, PLAN]


def test_refused_component_token_is_dropped(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """The platform's own token, when refused, fails one invocation and is fetched anew by the next."""
    store.set("component_access_token", "revoked")
    assert refused(invoke).errCode == 40001
    assert platform.count(AUTHORIZER) == 1
    assert store.get("component_access_token") is None
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
    """A missing or old ticket, an unknown authorizer and a revoked refresh token are WeChat's codes."""
    for key, value in change.items():
        store.set(key, value) if value else store.delete(key)
    assert refused(invoke).errCode == code
    assert platform.count(COMPONENT) + platform.count(AUTHORIZER) <= 2
    assert not store.redis.keys("*_lock")


def test_component_wrong_secret(platform: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """A wrong secret of the platform is 40125."""
    configure(WECHAT_COMPONENT_SECRET="hush-wrong")
    error = refused(invoke)
    assert error.errCode == 40125
    assert "hush" not in str(error)
    assert platform.count(PLAN) == 0


def test_waiting_for_another_functions_refresh(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """While another function refreshes, this one waits for its token, or until its own deadline."""
    store.redis.set(f"wechatpy:{APPID}_access_token_lock", "another", ex=30)
    started = time.monotonic()
    with pytest.raises(OpenApiError) as caught:
        invoke(deadline=started + 0.5)
    assert caught.value.status == 504
    assert time.monotonic() - started < 2
    token = platform.tokens.issue()["access_token"]
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


def crowd(processes: int, invocations: int) -> list[Any]:
    """Let several real processes invoke at once; return every outcome."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(invocations)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ,
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
    """20 processes of 50 invocations on a cold store make one refresh of each kind, and none sees 40001."""
    platform.platform.rotate = True
    assert crowd(20, 50) == [0] * 1000
    assert (platform.count(COMPONENT), platform.count(AUTHORIZER), platform.count(PLAN)) == (1, 1, 1000)


@pytest.fixture
def restartable(platform: Sandbox, configure: Configure, tmp_path: Path) -> Iterator[Valkey]:
    """Keep the platform's tokens in a store of its own that can be stopped."""
    assert platform.requests == []
    valkey = Valkey(tmp_path)
    configure(WECHAT_TIMEOUT_SECONDS="1", WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{valkey.port}/0")
    with redis.Redis(port=valkey.port) as client:
        RedisStorage(client).set("component_verify_ticket", TICKET)
        RedisStorage(client).set(f"{APPID}_refresh_token", REFRESH_TOKEN)
    yield valkey
    valkey.stop()


def test_store_restarts_in_the_middle(platform: Sandbox, restartable: Valkey, invoke: Invoke) -> None:
    """A store that goes and comes back costs the invocations meanwhile -1, quickly, and nothing after."""
    assert invoke() == DOCUMENTED
    restartable.stop()
    started = time.monotonic()
    error = refused(invoke)
    assert (error.errCode, error.status) == (-1, 503)
    assert time.monotonic() - started < 2
    restartable.start()
    assert invoke() == DOCUMENTED
    assert platform.count(AUTHORIZER) == 1


def test_refresh_token_outlives_the_store(platform: Sandbox, restartable: Valkey, invoke: Invoke) -> None:
    """A refresh token that WeChat rotated while the store went away is kept as soon as the store is back."""
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
    thread.join()
    assert [error.errCode for error in failures] == [-1]
    assert platform.platform.authorizers[APPID] != REFRESH_TOKEN
    restartable.start()
    with redis.Redis(port=restartable.port) as client:
        client.delete(f"wechatpy:{APPID}_access_token_lock")  # it would end by itself in half a minute
        assert invoke() == DOCUMENTED
        assert RedisStorage(client).get(f"{APPID}_refresh_token") == platform.platform.authorizers[APPID]


@pytest.mark.parametrize("trusted", [True, False])
def test_store_over_tls(
    sandbox: Sandbox,
    store: RedisStorage,
    invoke: Invoke,
    configure: Configure,
    tmp_path: Path,
    *,
    trusted: bool,
) -> None:
    """A `rediss://` store is used when its certificate is trusted, and not otherwise."""
    authority = trustme.CA()
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    configure(SSL_CERT_FILE=str(tmp_path / "ca.pem"), WECHAT_SECRET=None)
    store.set(f"{APPID}_access_token", sandbox.tokens.issue()["access_token"])
    with TLSFront(server_context(authority), store.redis.connection_pool.connection_kwargs["port"]) as port:
        configure(WECHAT_TOKEN_STORE_URL=f"rediss://127.0.0.1:{port}/0")
        if trusted:
            assert invoke() == DOCUMENTED
        else:
            assert (refused(invoke).errCode, sandbox.requests) == (-1, [])


def test_store(sandbox: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure, log: Log) -> None:
    """A central server's token is read each time, and nothing is ever fetched."""
    configure(WECHAT_SECRET=None)
    assert refused(invoke).errCode == 41001
    store.set(f"{APPID}_access_token", sandbox.tokens.issue()["access_token"], 7200)
    assert invoke() == DOCUMENTED
    assert log()[-1]["token_source"] == "store"
    assert [path for _, path in sandbox.requests] == [PLAN]


def test_store_is_read_again(sandbox: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure) -> None:
    """After a refusal the store is read once more: a renewed token is used, the same one is not tried again."""
    configure(WECHAT_SECRET=None)
    store.set(f"{APPID}_access_token", "old")
    assert refused(invoke).errCode == 40001
    assert sandbox.count(PLAN) == 1
    sandbox.faults.append(Fault("plan", "delay", "0.3", times=1))
    threading.Timer(0.1, store.set, (f"{APPID}_access_token", sandbox.tokens.issue()["access_token"])).start()
    assert invoke() == DOCUMENTED
    assert sandbox.count(PLAN) == 3


@pytest.mark.parametrize("value", [b"not JSON", b"5", b'""', b"\xff", b'{"a":1}'])
def test_store_with_something_else(
    sandbox: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure, value: bytes
) -> None:
    """A value that is no token counts as none, or as a failing store."""
    configure(WECHAT_SECRET=None)
    store.redis.set(f"wechatpy:{APPID}_access_token", value)
    assert refused(invoke).errCode in {-1, 41001}
    assert sandbox.requests == []


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_store_is_down(sandbox: Sandbox, invoke: Invoke, configure: Configure, scheme: str) -> None:
    """A store that cannot be reached, or says nothing, is -1 in time, and its address is not shown."""
    configure(WECHAT_SECRET=None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        configure(WECHAT_TOKEN_STORE_URL=f"{scheme}://:hush@127.0.0.1:{port}/0")
        started = time.monotonic()
        with pytest.raises(OpenApiError) as caught:
            invoke(deadline=started + 0.5)
        assert caught.value.errCode == -1
        assert time.monotonic() - started < 2
    error = refused(invoke)
    assert (error.errCode, error.status) == (-1, 503)
    assert "hush" not in f"{caught.value} {error}"
    assert sandbox.requests == []


def test_cloudbase_file(sandbox: Sandbox, invoke: Invoke, configure: Configure, tmp_path: Path) -> None:
    """The file is read each time; its placeholder, or no file, is no token."""
    configure(WECHAT_SECRET=None)
    file = tmp_path / "token"
    configure(WECHAT_CLOUDBASE_TOKEN_FILE=str(file), WECHAT_TOKEN_SOURCE="cloudbase")
    for content in (None, b"", b"default-tcb-wx-access-token\n", b"\xff"):
        if content is not None:
            file.write_bytes(content)
        assert refused(invoke).errCode == 41001
    for token in ("first", "second"):
        sandbox.cloudbase_tokens = {token}
        file.write_text(f"{token}\n")
        assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [PLAN, PLAN]


def test_cloudbase_variable(sandbox: Sandbox, invoke: Invoke, configure: Configure, log: Log) -> None:
    """The variable's token goes into its own query parameter, and a refused one is not tried again."""
    configure(WECHAT_SECRET=None, WECHAT_CLOUDBASE_ACCESS_TOKEN="cloud")
    assert refused(invoke).errCode == 40001
    sandbox.cloudbase_tokens.add("cloud")
    assert invoke() == DOCUMENTED
    assert sandbox.count(PLAN) == 2
    assert log()[-1]["token_source"] == "cloudbase"


def test_none(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """With source `none` no token is sent: WeChat's open API service knows the caller by its network."""
    configure(WECHAT_TOKEN_SOURCE="none")
    assert refused(invoke).errCode == 41001
    sandbox.faults.append(Fault("plan", "body", '{"gray_release_plan":{}}'))
    assert invoke()["grayReleasePlan"] == {}
    assert [path for _, path in sandbox.requests] == [PLAN, PLAN]


@pytest.mark.parametrize("text", [SECRET, json.dumps({"secret": SECRET}), f"{SECRET}\n"])
def test_secrets_manager(sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure, text: str) -> None:
    """The AppSecret comes from Secrets Manager, as text or JSON, by a name with `{appid}`; it is read once."""
    name = f"wechat/{len(text)}/{{appid}}"
    secrets.create_secret(Name=name.replace("{appid}", APPID), SecretString=text)
    configure(WECHAT_SECRET_NAME=name)
    assert invoke() == DOCUMENTED
    secrets.delete_secret(SecretId=name.replace("{appid}", APPID), ForceDeleteWithoutRecovery=True)
    sandbox.faults.append(Fault("plan", "errcode", "40001", times=1))
    assert invoke() == DOCUMENTED
    assert sandbox.count(STABLE) == 2


def test_rotated_secret(sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure) -> None:
    """A secret that has been rotated is read again after WeChat's 40125, once."""
    secrets.create_secret(Name="rotated", SecretString=SECRET)
    configure(WECHAT_SECRET_NAME="rotated")
    invoke()
    sandbox.tokens.apps[APPID] = "rotated-secret"
    sandbox.tokens.expiry.clear()
    sandbox.tokens.stable.clear()
    assert refused(invoke).errCode == 40125
    secrets.put_secret_value(SecretId="rotated", SecretString="rotated-secret")
    sandbox.requests.clear()
    assert invoke() == DOCUMENTED
    assert sandbox.count(STABLE) == 2


def test_ssm_parameter(sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure) -> None:
    """The AppSecret comes from an SSM SecureString, decrypted."""
    assert secrets is not None
    boto3.client("ssm").put_parameter(Name="/wechat/secret", Value=SECRET, Type="SecureString")
    configure(WECHAT_SECRET_PARAMETER="/wechat/secret")
    assert invoke() == DOCUMENTED
    assert sandbox.count(STABLE) == 1


def test_component_secret_from_secrets_manager(
    platform: Sandbox, aws: str, invoke: Invoke, configure: Configure
) -> None:
    """The platform's AppSecret comes from Secrets Manager too."""
    configure(WECHAT_COMPONENT_SECRET=None)
    for name, value in {
        "AWS_ENDPOINT_URL": aws,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "moto",
        "AWS_SECRET_ACCESS_KEY": "moto",
        "WECHAT_COMPONENT_SECRET_NAME": "platform",
    }.items():
        configure(**{name: value})
    client = boto3.client("secretsmanager")
    client.create_secret(Name="platform", SecretString="not-yet-right")
    assert refused(invoke).errCode == 40125
    client.put_secret_value(SecretId="platform", SecretString=COMPONENT_SECRET)
    assert refused(invoke).errCode == -1  # two token requests went into finding out
    assert invoke() == DOCUMENTED
    assert platform.count(COMPONENT) == 3


@pytest.mark.parametrize(
    ("variable", "name"), [("WECHAT_SECRET_NAME", "missing"), ("WECHAT_SECRET_PARAMETER", "/missing")]
)
@pytest.mark.usefixtures("secrets")
def test_aws_failures(invoke: Invoke, configure: Configure, variable: str, name: str) -> None:
    """What AWS refuses is 41004 in plain words, without ARNs; so is an AWS that cannot be reached."""
    configure(**{variable: name})
    error = refused(invoke)
    assert (error.errCode, error.status) == (41004, 500)
    assert "arn:" not in str(error)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        configure(AWS_ENDPOINT_URL=f"http://127.0.0.1:{unused.getsockname()[1]}")
    configure(**{variable: f"{name}-unreachable"})
    assert refused(invoke).errCode == 41004


@pytest.mark.parametrize("text", ["{}", '{"secret":5}', "   "])
def test_unusable_secrets(secrets: Any, invoke: Invoke, configure: Configure, text: str) -> None:
    """A stored value without a secret in it is 41004."""
    name = f"unusable/{len(text)}"
    secrets.create_secret(Name=name, SecretString=text)
    configure(WECHAT_SECRET_NAME=name)
    assert refused(invoke).errCode == 41004


def test_auto_order(platform: Sandbox, invoke: Invoke, configure: Configure, log: Log, tmp_path: Path) -> None:
    """`auto` takes the first source that is configured, in the documented order; a named source is taken as named."""
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
    assert refused(invoke).errCode == 41004
    configure(WECHAT_TOKEN_SOURCE="store")
    assert refused(invoke).errCode == 41001


def test_stable_needs_no_redis(sandbox: Sandbox) -> None:
    """Sources that are not configured are not loaded: no redis, no boto3."""
    code = (
        "import sys\nfrom handler.app import lambda_handler\nlambda_handler({}, None)\n"
        "assert not {'redis', 'boto3', 'botocore.session', 'handler.tokens.component'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=os.environ, check=True, capture_output=True)
    assert sandbox.count(PLAN) == 1
