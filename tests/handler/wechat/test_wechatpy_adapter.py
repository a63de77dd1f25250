"""The function loads wechatpy without its `__init__`; other code in the process gets all of wechatpy."""

import importlib.metadata
import subprocess
import sys
from typing import Any

import pytest
import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import (
    APPID,
    COMPONENT_APPID,
    COMPONENT_SECRET,
    REFRESH_TOKEN,
    SECRET,
    TICKET,
    Sandbox,
)
from gray_release.sandbox.store import fill_store
from handler.wechat.wechatpy_adapter import load
from tests.support import Valkey

UPGRADED = (
    f"wechatpy {importlib.metadata.version('wechatpy')} no longer works without its own __init__.py, or names things "
    "otherwise. Look at `load` in handler/tokens/wechatpy_adapter.py, which imports wechatpy's modules under a package "
    "whose code has not run: does a module now need a name that wechatpy/__init__.py defines? If it does, let `load` "
    "return importlib.import_module(name): correct, and a tenth slower to start. "
)
# The names that the function uses of each wechatpy module.
USED = {
    "wechatpy.client": ("WeChatClient", "WeChatComponentClient"),
    "wechatpy.component": ("WeChatComponent",),
    "wechatpy.session.redisstorage": ("RedisStorage",),
}
# The methods of its classes that the function overrides or calls, and the attributes that it reads.
MEMBERS = {
    "WeChatClient": ("fetch_access_token", "access_token", "access_token_key", "API_BASE_URL"),
    "WeChatComponentClient": ("fetch_access_token", "access_token_key", "refresh_token_key"),
    "WeChatComponent": ("fetch_access_token", "refresh_authorizer_token", "API_BASE_URL"),
    "RedisStorage": ("key_name", "get", "set", "delete"),
}

FUNCTION = """
from handler.app import lambda_handler
assert lambda_handler({}, None)["errCode"] == 0
"""
ITS_OWN = """
import wechatpy, wechatpy.client, wechatpy.pay, wechatpy.crypto
from wechatpy import WeChatClient, WeChatClientException, WeChatPay, parse_message
assert wechatpy.__version__ and wechatpy.__file__ and WeChatClient is wechatpy.client.WeChatClient
assert parse_message("<xml><MsgType>text</MsgType><Content>hi</Content></xml>").content == "hi"
class Client(WeChatClient):
    def fetch_access_token(self):
        return self._fetch_access_token(BASE + "/cgi-bin/token",
            {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret})
client = Client(os.environ["WECHAT_APPID"], os.environ["WECHAT_SECRET"])
assert client.wxa and client.message, "its API objects"
assert client.get(BASE + "/wxa/getgrayreleaseplan")["gray_release_plan"]
try:
    client.get(BASE + "/nothing")
except WeChatClientException as error:
    assert error.errcode == 40066
else:
    raise SystemExit("no exception of its own")
"""
ORDERS = {
    "the function first": FUNCTION + ITS_OWN + FUNCTION,
    "wechatpy first": ITS_OWN + FUNCTION + ITS_OWN,
    "wechatpy's client first": "import wechatpy.client\n" + FUNCTION + ITS_OWN,
}


def run(code: str, sandbox: Sandbox, **environ: str) -> str:
    """Run a program against the sandbox, with warnings as errors except wechatpy's; return its output."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import os; BASE = os.environ['WECHAT_API_BASE_URL']\n" + code],
        env={"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.parametrize("code", ORDERS.values(), ids=ORDERS)
def test_both_in_one_process(sandbox: Sandbox, code: str) -> None:
    """Other code in the process has the whole of wechatpy, and both work, in either order of import."""
    run(code, sandbox)


def test_nothing_hollow_stays(sandbox: Sandbox, server: Valkey) -> None:
    """No token source leaves a partial wechatpy in `sys.modules`, neither after its import nor after its use."""
    code = (
        "import sys\nfrom handler.app import lambda_handler\n"
        "assert not [name for name in sys.modules if name.startswith('wechatpy')], 'after loading'\n"
        'assert lambda_handler({}, None)["errCode"] == 0\n'
        "print([name for name in sys.modules if name.startswith('wechatpy')])"
    )
    assert run(code, sandbox).endswith("\n[]\n")
    with redis.Redis(port=server.port) as client:
        client.flushall()
        store = RedisStorage(client)
        fill_store(store, TICKET, {APPID: REFRESH_TOKEN})
        platform = {
            "WECHAT_TOKEN_STORE_URL": f"redis://127.0.0.1:{server.port}/0",
            "WECHAT_COMPONENT_APPID": COMPONENT_APPID,
            "WECHAT_COMPONENT_SECRET": COMPONENT_SECRET,
        }
        assert run(code, sandbox, **platform).endswith("\n[]\n")
    assert sandbox.count("/cgi-bin/component/api_authorizer_token") == 1


TWO_THREADS = """
import importlib, sys, threading
from handler.wechat.wechatpy_adapter import load
entered, real = threading.Event(), importlib.import_module
def slow(name):
    if name == "wechatpy.component":
        entered.set()
        first.join()
    else:
        second.start()
        entered.wait(0.3)
    return real(name)
importlib.import_module = slow
first = threading.Thread(target=load, args=("wechatpy.client",))
second = threading.Thread(target=load, args=("wechatpy.component",))
first.start(), first.join(), second.join()
print([name for name in sys.modules if name.startswith('wechatpy')])
"""


def test_threads_that_load_at_once(sandbox: Sandbox) -> None:
    """A thread never mistakes another thread's temporary module in `sys.modules` for a complete wechatpy."""
    assert run(TWO_THREADS, sandbox) == "[]\n"


@pytest.mark.parametrize("module", USED)
def test_upgrade(sandbox: Sandbox, module: str) -> None:
    """Each wechatpy module that is used loads alone, has the names in use, and does not run wechatpy's `__init__`."""
    code = (
        "import sys\nfrom handler.wechat.wechatpy_adapter import _loaded, load\n"
        f"module = load({module!r})\n"
        f"print(all(hasattr(module, name) for name in {USED[module]!r}), hasattr(_loaded['wechatpy'], 'WeChatPay'))"
    )
    try:
        printed = run(code, sandbox)
    except AssertionError as error:
        pytest.fail(f"{UPGRADED}\n{error}")
    assert printed == "True False\n", UPGRADED


def test_upgrade_of_its_classes() -> None:
    """The classes of wechatpy have the members that the function overrides, calls and reads."""
    for module, names in USED.items():
        for name in names:
            members: Any = getattr(load(module), name)
            missing = [member for member in MEMBERS[name] if not hasattr(members, member)]
            assert not missing, (
                f"wechatpy's {name} has no {missing}: look at its subclass in handler/tokens/. {UPGRADED}"
            )
    client = load("wechatpy.client").WeChatClient(APPID, SECRET, auto_retry=False)
    assert client._http.mount, UPGRADED  # noqa: SLF001 - as `isolate_client` does
    assert client.session.set, UPGRADED
