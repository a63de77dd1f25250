"""The function as a guest in another program: importing and calling it changes nothing for the others there."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from gray_release.sandbox.server import APPID, SECRET, Sandbox

PROGRAM = """
import gc, io, json, logging, os, threading
hooks = []
os.register_at_fork = lambda **options: hooks.append(options)
stream = io.StringIO()
logging.basicConfig(stream=stream, level=logging.DEBUG)
before = gc.isenabled(), gc.get_freeze_count(), gc.get_threshold()
if GC_OFF: gc.disable()
import handler.app
import urllib3
reply = handler.app.lambda_handler({}, None)
# Ours is not in the log; the host's own request is, whole.
urllib3.PoolManager().request("GET", os.environ["WECHAT_API_BASE_URL"] + "/own/path?query=of-the-host")
after = gc.isenabled(), gc.get_freeze_count(), gc.get_threshold()
ours = [hook for hook in hooks if "handler" in str(hook)]
print(json.dumps({"reply": reply["errCode"], "before": before, "after": after, "hooks": len(ours),
    "shown": "query=of-the-host" in stream.getvalue(), "secret": "access_token=" in stream.getvalue()}))
"""


def play(sandbox: Sandbox, environ: dict[str, str], *, is_off: bool = False) -> dict[str, Any]:
    """Run the program, and return what it tells in its last line."""
    variables = {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("GC_OFF", str(is_off))],
        env={"PATH": os.environ["PATH"], **variables, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("is_off", [False, True])
def test_collector(sandbox: Sandbox, *, is_off: bool) -> None:
    """The collector stays as it was found, on or off; nothing is frozen and no fork hook is registered."""
    told = play(sandbox, {}, is_off=is_off)
    assert told["reply"] == 0
    assert told["after"] == [not is_off, *told["before"][1:]]
    assert told["hooks"] == 0


def test_log(sandbox: Sandbox) -> None:
    """urllib3's log shows the host's own requests whole, and of ours no token."""
    told = play(sandbox, {})
    assert (told["shown"], told["secret"]) == (True, False)


def test_platform(sandbox: Sandbox) -> None:
    """On the platforms what was imported is frozen, and the collector is on."""
    for environ in ({"AWS_LAMBDA_FUNCTION_NAME": "f"}, {"TENCENTCLOUD_RUNENV": "SCF"}):
        told = play(sandbox, environ)
        assert told["after"][0]
        assert told["after"][1] > told["before"][1]
