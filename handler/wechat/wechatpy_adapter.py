"""wechatpy over our connections, and without what this function does not use of it.

`import wechatpy` runs its payments, messages and their crypto: 93 M instructions, 25 to 30 ms, a tenth of the whole
start. Its modules work without that: `load` imports them under a package whose own code has not run. Nothing of it
stays in `sys.modules`, so whoever imports wechatpy later in this process gets the whole of it.
"""

import importlib
import importlib.util
import io
import json
import sys
import threading
import warnings
from collections.abc import Container
from types import ModuleType
from typing import TYPE_CHECKING, Any

# The artifact leaves out what requests guesses encodings with; requests would say so in each cold start's log.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

from urllib3 import HTTPResponse

from handler.invocation import Budget
from handler.network.exchange import HttpRequest
from handler.wechat.api import WeChat

if TYPE_CHECKING:
    from typing_extensions import Self


class _NoMessages:
    """Stands in for wechatpy's WeChatCrypto, which its platform makes, to decrypt the messages that we do not get."""

    def __init__(self, *_: Any) -> None:
        pass


_crypto = ModuleType("wechatpy.crypto")  # the real one needs pycryptodome
vars(_crypto)["WeChatCrypto"] = _NoMessages

_loaded: dict[str, ModuleType] = {"wechatpy.crypto": _crypto}
_lock = threading.Lock()


def load(name: str) -> Any:
    """Import a module of wechatpy without running `wechatpy/__init__.py`. Raises `ImportError`.

    Where somebody has imported wechatpy already, it is theirs.
    """
    with _lock:  # or another thread would take what stands in `sys.modules` meanwhile for somebody's
        if "wechatpy" in sys.modules:
            return importlib.import_module(name)
        spec = importlib.util.find_spec("wechatpy")
        if spec is None:
            raise ModuleNotFoundError("No module named 'wechatpy'", name="wechatpy")
        sys.modules.update({"wechatpy": importlib.util.module_from_spec(spec), **_loaded})
        try:
            return importlib.import_module(name)
        finally:
            for each in [each for each in sys.modules if each.partition(".")[0] == "wechatpy"]:
                _loaded[each] = sys.modules.pop(each)


class NoApis:
    """Makes a client of wechatpy's without its 32 API objects.

    They point back at the client, and on CPython 3.13.0 such circles leak: 12 KB for each client.
    """

    def __new__(cls, *_: Any, **__: Any) -> "Self":
        """Make it as Python does; wechatpy's own `__new__` makes the API objects."""
        return object.__new__(cls)


def isolate_client(client: Any, adapter: HTTPAdapter) -> None:
    """Have a client of wechatpy's use the adapter for everything, and nothing of the machine's (~/.netrc, proxies)."""
    client._http.trust_env = False  # noqa: SLF001 - wechatpy has no other way
    client._http.mount("https://", adapter)  # noqa: SLF001 - the same


class PoolAdapter(HTTPAdapter):
    """Sends what wechatpy requests over our pool: its deadline, its limits, and its judgement of the answer.

    wechatpy sees successes only. It never raises its own exceptions, which hold the secret and the address. A request
    to one of the paths `once` is not sent again when its answer is lost.
    """

    def __init__(self, wechat: WeChat, budget: Budget, once: Container[str] = ()) -> None:
        super().__init__()
        self._wechat = wechat
        self._budget = budget
        self._once = once

    def send(self, request: PreparedRequest, *_args: Any, **_options: Any) -> Response:
        """Exchange a token request with WeChat. Raises `OpenApiError`."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        target = request.path_url
        repeatable = target.partition("?")[0] not in self._once
        answer = self._wechat.exchange(
            "token",
            HttpRequest(request.method or "GET", target, body, request.headers, repeatable=repeatable),
            self._budget,
        )
        # Of errcode and errmsg wechatpy would take only certain types.
        content = json.dumps({name: answer[name] for name in answer if name not in ("errcode", "errmsg")}).encode()
        return self.build_response(request, HTTPResponse(io.BytesIO(content), status=200, preload_content=False))
