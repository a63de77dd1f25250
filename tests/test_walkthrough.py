"""Run every command of docs/third-party-platforms.md in both languages, on the sandbox and real stores."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import redis
import trustme
from wechatpy.component import WeChatComponent
from wechatpy.crypto import WeChatCrypto
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, COMPONENT_APPID, COMPONENT_SECRET, REFRESH_TOKEN, TICKET, Sandbox
from handler.settings import Settings
from tests.layouts import SYSTEMS
from tests.support import REPLY, ROOT, Valkey, create_server_context
from tests.token_server import TokenServer, answer

PAGES = [(ROOT / f"docs/third-party-platforms{language}.md").read_text("utf-8") for language in ("", ".zh-CN")]
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGES[0], re.DOTALL)
STORE, SERVER = "redis://127.0.0.1:6379/0", "https://tokens.example.com"
CALLBACK, RESTORE = re.findall(r"```python\n(.*?)```", PAGES[0], re.DOTALL)
MAKE, SANDBOX, COMPONENT, USERS, WXJAVA, SILENCEPER, CURL, TOKENS = BLOCKS

# A stand-in for redis-cli, because no wheel contains it. It sends the same words to a real Valkey server.
REDIS_CLI = """#!{python}
import sys
import redis
assert sys.argv[1] == "-u"
with redis.Redis.from_url(sys.argv[2], decode_responses=True) as client:
    print(client.execute_command(*sys.argv[3:]))
"""


@pytest.fixture
def client(server: Valkey) -> redis.Redis:
    """Return a client of an empty store."""
    client = redis.Redis(port=server.port)
    client.flushall()
    return client


class Shell:
    """A shell that replaces the documented addresses with the test's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.addresses: dict[str, str] = {}
        (directory / "bin").mkdir()
        command = directory / "bin/redis-cli"
        command.write_text(REDIS_CLI.format(python=sys.executable))
        command.chmod(0o700)

    def run(self, block: str, **environ: str) -> str:
        """Run a block of a page unchanged; return the last line that it printed."""
        for address, real in self.addresses.items():
            block = block.replace(address, real)
        process = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self.directory,
            env={
                "PATH": f"{self.directory / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "PYTHONWARNINGS": "ignore",
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert process.returncode == 0, process.stderr
        return process.stdout


@pytest.fixture
def shell(tmp_path: Path, server: Valkey) -> Shell:
    """Create a shell that uses the test's store."""
    shell = Shell(tmp_path)
    shell.addresses[STORE] = f"redis://127.0.0.1:{server.port}/0"
    return shell


def test_languages_agree() -> None:
    """Both pages have the same commands, codes and tables of keys."""
    for pattern in (r"^```\w+\n.*?^```", r"(?<!`)`[^`\n]+`", r"(?<!\d)\d{5}(?!\d)"):
        one, other = (set(re.findall(pattern, page, re.DOTALL | re.MULTILINE)) for page in PAGES)
        assert one == other


def test_table_of_settings() -> None:
    """The table has the key of each layout in tests/layouts.py, and only variables that exist."""
    for layout in SYSTEMS:
        if layout.name != "co-wechat":
            assert f"| `{layout.key or 'wechatpy:{appid}_access_token'}`" in PAGES[0]
    assert set(re.findall(r"WECHAT_[A-Z_]+", PAGES[0])) <= {name.upper() for name in Settings.model_fields}


@pytest.mark.slow
def test_make() -> None:
    """In a clone, one command shows a platform's reply."""
    environ = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    process = subprocess.run(
        ["bash", "-euc", MAKE], cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=300
    )
    assert process.stdout == REPLY
    assert '"token_source":"component"' in process.stderr


@pytest.mark.slow
def test_sandbox(shell: Shell) -> None:
    """With the variables that the sandbox prints, the function returns the reply for its platform."""
    assert shell.run(SANDBOX) == REPLY


@pytest.mark.slow
def test_component(shell: Shell, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """After wechatpy has stored WeChat's pushes, source `component` works. The documented Redis user is enough."""
    push(shell, client, monkeypatch)
    with Sandbox() as sandbox:
        assert shell.run(COMPONENT, WECHAT_API_BASE_URL=sandbox.base_url) == REPLY
        assert [path for _, path in sandbox.requests[:-1]] == [
            "/cgi-bin/component/api_component_token",
            "/cgi-bin/component/api_authorizer_token",
        ]
        assert shell.run(USERS).split() == ["OK", "OK"]
        shell.addresses[STORE] = shell.addresses[STORE].replace("//", "//gray-release:password@")
        client.delete("wechatpy:component_access_token", f"wechatpy:{APPID}_access_token")
        sandbox.platform.rotate = True
        assert shell.run(COMPONENT, WECHAT_API_BASE_URL=sandbox.base_url) == REPLY
        assert (
            RedisStorage(client).get(f"{APPID}_refresh_token") == sandbox.platform.authorizers[APPID] != REFRESH_TOKEN
        )
        assert not client.keys("*_lock")


def push(shell: Shell, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send an encrypted ticket and authorisation to the page's callback code, as WeChat does."""
    key, timestamp, nonce = "A" * 43, "1517553721", "nonce"
    authorised = {"authorizer_appid": APPID, "authorizer_refresh_token": REFRESH_TOKEN}
    RedisStorage(client).set("component_access_token", "the platform's own")
    with TokenServer(answer({"authorization_info": authorised})) as wechat:
        monkeypatch.setattr(WeChatComponent, "API_BASE_URL", f"{wechat.url}/cgi-bin")
        for kind, content in (
            ("component_verify_ticket", f"<ComponentVerifyTicket>{TICKET}</ComponentVerifyTicket>"),
            ("authorized", f"<AuthorizerAppid>{APPID}</AuthorizerAppid><AuthorizationCode>code</AuthorizationCode>"),
        ):
            message = (
                f"<xml><AppId>{COMPONENT_APPID}</AppId><CreateTime>{timestamp}</CreateTime><InfoType>{kind}</InfoType>"
                f"{content}</xml>"
            )
            body = WeChatCrypto("token", key, COMPONENT_APPID).encrypt_message(message, nonce, timestamp)
            names = {
                "component_appid": COMPONENT_APPID,
                "component_appsecret": COMPONENT_SECRET,
                "token": "token",
                "encoding_aes_key": key,
                "body": body,
                "msg_signature": re.findall(r"<MsgSignature><!\[CDATA\[(\w+)", body)[0],
                "timestamp": timestamp,
                "nonce": nonce,
            }
            exec(CALLBACK.replace(STORE, shell.addresses[STORE]), names)  # noqa: S102 - the code is the page's
    client.delete("wechatpy:component_access_token")


def test_restore(
    shell: Shell, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lost refresh tokens are restored from all pages of WeChat's list. A token that is in the store is kept."""
    store = RedisStorage(client)
    store.set("component_verify_ticket", TICKET)
    store.set(f"{APPID}_refresh_token", "newer")
    with Sandbox() as sandbox:
        lost = {f"wx{number:016x}": f"refresh-{number}" for number in range(500)}
        sandbox.platform.authorizers |= lost
        monkeypatch.setattr(WeChatComponent, "API_BASE_URL", f"{sandbox.base_url}/cgi-bin")
        names = {
            "component_appid": COMPONENT_APPID,
            "component_appsecret": COMPONENT_SECRET,
            "token": "token",
            "encoding_aes_key": "A" * 43,
        }
        for restored in (len(lost), 0):
            exec(RESTORE.replace(STORE, shell.addresses[STORE]), dict(names))  # noqa: S102 - the code is the page's
            assert capsys.readouterr().out.count("restored") == restored
        lists = [path for _, path in sandbox.requests if path.endswith("api_get_authorizer_list")]
        assert len(lists) == 4
    assert {appid: store.get(f"{appid}_refresh_token") for appid in lost} == lost
    assert store.get(f"{APPID}_refresh_token") == "newer"


@pytest.mark.slow
@pytest.mark.parametrize("block", [WXJAVA, SILENCEPER])
def test_store(shell: Shell, client: redis.Redis, block: str) -> None:
    """The function reads the tokens of WxJava and silenceper at the documented key, as a user that may only read."""
    shell.run(USERS)
    with Sandbox() as sandbox:
        for layout in SYSTEMS:
            if f"'{layout.key}'" in block:
                layout.fill(client, sandbox.tokens.issue_token()["access_token"])
                assert shell.run(block, WECHAT_API_BASE_URL=sandbox.base_url) == REPLY
        shell.addresses[STORE] = shell.addresses[STORE].replace("//", "//gray-reader:password@")
        assert shell.run(block, WECHAT_API_BASE_URL=sandbox.base_url) == REPLY


@pytest.mark.slow
def test_token_server(shell: Shell, authority: trustme.CA, tmp_path: Path) -> None:
    """The function reads the token that curl shows."""
    with Sandbox() as sandbox:
        token = sandbox.tokens.issue_token()["access_token"]
        with TokenServer(answer({"token": token}), tls=create_server_context(authority)) as tokens:
            shell.addresses[SERVER] = tokens.url
            trust = {"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "CURL_CA_BUNDLE": str(tmp_path / "ca.pem")}
            assert token in shell.run(CURL, **trust)
            assert shell.run(TOKENS, WECHAT_API_BASE_URL=sandbox.base_url, **trust) == REPLY
            assert tokens.requests == [f"/token?appid={APPID}"] * 2
            assert tokens.headers["X-Api-Key"] == "example"


def test_commands_are_known() -> None:
    """The page uses only commands that these tests run."""
    words = {shlex.split(line)[0] for block in BLOCKS for line in block.splitlines()}
    assert words == {"make", "python", "until", "env", "kill", "export", "redis-cli", "curl"}
