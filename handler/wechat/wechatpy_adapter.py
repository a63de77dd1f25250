"""Run wechatpy on this function's connections, and load only the parts of it that the function uses.

`import wechatpy` also loads its payments, messages and cryptography. That takes 93 million instructions, 25 to 30 ms,
which is a tenth of a cold start. `load` imports single modules without running `wechatpy/__init__.py`. It then removes
them from `sys.modules`, so that other code in the process can import the whole of wechatpy.
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

# requests would show a warning, because the artifact lacks the library with which requests guesses encodings.
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
    """Replaces wechatpy's WeChatCrypto, which decrypts messages from WeChat. This function receives none."""

    def __init__(self, *_: Any) -> None:
        pass


_crypto = ModuleType("wechatpy.crypto")  # the real module requires pycryptodome
vars(_crypto)["WeChatCrypto"] = _NoMessages

_loaded: dict[str, ModuleType] = {"wechatpy.crypto": _crypto}
_lock = threading.Lock()


def load(name: str) -> Any:
    """Import a module of wechatpy without running `wechatpy/__init__.py`. Raises `ImportError`.

    If other code has imported wechatpy already, use that copy.
    """
    with _lock:  # this code changes `sys.modules` for a moment, and only one thread may do so
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
    """A base class that keeps a wechatpy client from creating its 32 API objects.

    These objects refer back to the client. CPython 3.13.0 leaks such cycles, 12 KB for each client.
    """

    def __new__(cls, *_: Any, **__: Any) -> "Self":
        """Create the object without wechatpy's `__new__`, which would create the API objects."""
        return object.__new__(cls)


def isolate_client(client: Any, adapter: HTTPAdapter) -> None:
    """Make a wechatpy client send everything through the adapter, and ignore ~/.netrc and proxies."""
    client._http.trust_env = False  # noqa: SLF001 - wechatpy has no other way
    client._http.mount("https://", adapter)  # noqa: SLF001 - wechatpy has no other way


class PoolAdapter(HTTPAdapter):
    """Sends wechatpy's requests through `wechat`, within the limits of `budget`.

    wechatpy receives only successes, so it never raises its own exceptions, which contain the secret and the URL. A
    request to one of the paths in `once` is not repeated if its answer is lost.
    """

    def __init__(self, wechat: WeChat, budget: Budget, once: Container[str] = ()) -> None:
        super().__init__()
        self._wechat = wechat
        self._budget = budget
        self._once = once

    def send(self, request: PreparedRequest, *_args: Any, **_options: Any) -> Response:
        """Send a token request to WeChat and return the response. Raises `OpenApiError`."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        target = request.path_url
        repeatable = target.partition("?")[0] not in self._once
        answer = self._wechat.exchange(
            "token",
            HttpRequest(request.method or "GET", target, body, request.headers, repeatable=repeatable),
            self._budget,
        )
        # Leave out errcode and errmsg, because wechatpy would fail if one has an unexpected type.
        content = json.dumps({name: answer[name] for name in answer if name not in ("errcode", "errmsg")}).encode()
        return self.build_response(request, HTTPResponse(io.BytesIO(content), status=200, preload_content=False))
