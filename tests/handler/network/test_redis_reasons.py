"""If the store refuses or cannot be reached, the reason says why, and the hint says what to do."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import trustme
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, Sandbox
from gray_release.sandbox.store import fill_store
from tests.support import Configure, Invoke, Log, Valkey, catch_error, create_server_context
from tests.tcp import ScriptedServer, find_free_port, say, serve_tls

Start = Callable[..., Valkey]
ExpectFailure = Callable[[str], tuple[str, str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a Valkey server with more options."""
    servers: list[Valkey] = []

    def start(*options: str) -> Valkey:
        kind = type("WithOptions", (Valkey,), {"options": options})
        directory = tmp_path / str(len(servers))
        directory.mkdir()
        servers.append(kind(directory))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(params=["store", "component"])
def expect_failure(
    request: pytest.FixtureRequest, platform: Sandbox, configure: Configure, invoke: Invoke, log: Log
) -> ExpectFailure:
    """Return a function that expects a failure with a store's URL, and returns the log line's reason and hint."""
    assert platform.requests == []
    configure(WECHAT_TOKEN_SOURCE=request.param)

    def expect_failure(url: str) -> tuple[str, str]:
        configure(WECHAT_TOKEN_STORE_URL=url, WECHAT_TIMEOUT_SECONDS="2")
        error = catch_error(invoke)
        assert error.errCode == -1
        assert error.status in (503, 504)
        line = log()[-1]
        assert line["reason"] == error.reason
        assert "127.0.0.1" not in f"{line['reason']} {line['hint']}"
        return error.reason, line["hint"]

    return expect_failure


def test_cluster(start: Start, expect_failure: ExpectFailure) -> None:
    """The reason names Redis Cluster if the cluster is down or the key is on another node."""
    server = start("--cluster-enabled", "yes")
    reason, hint = expect_failure(f"redis://127.0.0.1:{server.port}/0")
    assert "Redis Cluster" in reason + hint
    with redis.Redis(port=server.port, protocol=2) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        half = 8192
        client.execute_command("CLUSTER", "DELSLOTSRANGE", *[0, half])
    other = start("--cluster-enabled", "yes")
    with redis.Redis(port=other.port, protocol=2) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, half)
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", server.port)
    reasons = {expect_failure(f"redis://127.0.0.1:{node.port}/0")[0] for node in (server, other)}
    assert all("Redis Cluster" in reason for reason in reasons)


def test_database_of_a_cluster(start: Start, expect_failure: ExpectFailure) -> None:
    """The reason for a database number that the server does not have says so."""
    few = start("--databases", "2")
    assert "has no database with this number" in expect_failure(f"redis://127.0.0.1:{few.port}/2")[0]


def test_sentinel(expect_failure: ExpectFailure) -> None:
    """The hint for an unknown command mentions Sentinel."""
    with ScriptedServer(say(b"-ERR unknown command 'GET', with args beginning with: 'hush' \r\n")) as server:
        reason, hint = expect_failure(f"redis://127.0.0.1:{server.port}/0")
    assert "does not know one of Redis" in reason
    assert "Sentinel" in hint


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"-MOVED 866 10.0.0.1:6379\r\n", "Redis Cluster"),
        (b"-ASK 866 10.0.0.1:6379\r\n", "Redis Cluster"),
        (b"-CLUSTERDOWN hush\r\n", "Redis Cluster"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "loading"),
        (b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n", "replica"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "memory"),
        (b"-ERR operation not permitted\r\n", "password"),
        (b"-ERR hush\r\n", "refuses a command"),
        (b"-HUSH hush\r\n", "refuses a command"),
    ],
)
def test_other_refusals(expect_failure: ExpectFailure, reply: bytes, words: str) -> None:
    """The reason for a refusal depends on the first word of Redis' error."""
    with ScriptedServer(say(reply)) as server:
        reason, _ = expect_failure(f"redis://127.0.0.1:{server.port}/0")
    assert words in reason
    assert "10.0.0.1" not in reason


def test_passwords(start: Start, expect_failure: ExpectFailure) -> None:
    """The reasons for a missing and a wrong password differ, and the hint shows how to write one."""
    server = start("--requirepass", "hush-password")
    address = f"127.0.0.1:{server.port}/0"
    for url, words in (
        (f"redis://{address}", "requires a password"),
        (f"redis://{address[:-1]}1", "requires a password"),
        (f"redis://:hush-wrong@{address}", "refuses the user or the password"),
        (f"redis://hush-user:hush-password@{address}", "refuses the user or the password"),
    ):
        reason, hint = expect_failure(url)
        assert words in reason
        assert ":account:password@" in hint


def test_old_password_refusals(expect_failure: ExpectFailure) -> None:
    """The errors of Redis before 6 for a wrong or unwanted password are recognised."""
    for reply in (b"-ERR invalid password\r\n", b"-ERR Client sent AUTH, but no password is set\r\n"):
        with ScriptedServer(say(reply)) as server:
            assert "refuses the user or the password" in expect_failure(f"redis://:hush@127.0.0.1:{server.port}/0")[0]


def test_rights(start: Start, expect_failure: ExpectFailure) -> None:
    """The hint for a user without enough rights lists the commands that are needed."""
    server = start("--user", *["gray", "on", ">hush", "~*", "-@all", "+select"])
    reason, hint = expect_failure(f"redis://gray:hush@127.0.0.1:{server.port}/0")
    assert "does not allow this user" in reason
    assert "+get" in hint


def test_replica(start: Start, platform: Sandbox, configure: Configure, invoke: Invoke, log: Log) -> None:
    """Writing to a replica fails, and the reason says that it is a replica."""
    primary = start()
    with redis.Redis(port=primary.port, protocol=2) as client:
        fill_store(RedisStorage(client), "ticket@@@any", {APPID: "refreshtoken@@@any"})
    replica = start("--replicaof", "127.0.0.1", str(primary.port))
    configure(WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{replica.port}/0")
    error = catch_error(invoke)
    assert "is a replica, which cannot write" in error.reason
    assert "primary" in log()[-1]["hint"]
    assert platform.requests == []


def test_too_many_clients(start: Start, expect_failure: ExpectFailure) -> None:
    """The reason for a store with too many clients says so."""
    server = start("--maxclients", "1")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"PING\r\n")
        client.recv(64)
        reason, hint = expect_failure(f"redis://127.0.0.1:{server.port}/0")
    assert "has too many clients" in reason
    assert "maxclients" in hint


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates(start: Start, expect_failure: ExpectFailure, authority: trustme.CA, *, trusted: bool) -> None:
    """The reason quotes OpenSSL for an untrusted certificate and for another host's; the hint tells the two apart."""
    context = create_server_context(authority if trusted else trustme.CA(), "127.0.0.2")
    with serve_tls(context, start().port) as port:
        reason, hint = expect_failure(f"rediss://127.0.0.1:{port}/0")
    assert "has a certificate that is not trusted: " in reason
    assert ("SSL_CERT_FILE" in hint) != trusted


def test_tls(start: Start, expect_failure: ExpectFailure) -> None:
    """The reason says whether the port needs rediss:// or redis://."""
    server = start()
    reason, hint = expect_failure(f"rediss://127.0.0.1:{server.port}/0")
    assert "TLS" in reason
    assert "redis://" in hint
    with serve_tls(create_server_context(trustme.CA()), server.port) as port:
        reason, hint = expect_failure(f"redis://127.0.0.1:{port}/0")
    assert "TLS" in reason + hint
    assert "rediss://" in hint


def test_name(expect_failure: ExpectFailure) -> None:
    """The reason for a host name that cannot be resolved says so, without the name."""
    reason, hint = expect_failure("redis://hush-hush.invalid/0")
    assert "host name that cannot be resolved" in reason
    assert hint


def test_nobody_listens(expect_failure: ExpectFailure) -> None:
    """The reason for a port where nobody listens says that the connection was refused."""
    assert "connection refused" in expect_failure(f"redis://127.0.0.1:{find_free_port()}/0")[0]
