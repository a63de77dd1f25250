"""The function inside another program: importing and calling it changes nothing else there."""

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
    """Run the program; return its last line, which is JSON."""
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
    """The garbage collector stays on or off as it was, no object is frozen, and no fork hook is registered."""
    told = play(sandbox, {}, is_off=is_off)
    assert told["reply"] == 0
    assert told["after"] == [not is_off, *told["before"][1:]]
    assert told["hooks"] == 0


def test_log(sandbox: Sandbox) -> None:
    """urllib3's log shows the program's own requests in full, and no token of the function."""
    told = play(sandbox, {})
    assert (told["shown"], told["secret"]) == (True, False)


def test_platform(sandbox: Sandbox) -> None:
    """On the platforms, the garbage collector is on, and the imported objects are frozen."""
    for environ in ({"AWS_LAMBDA_FUNCTION_NAME": "f"}, {"TENCENTCLOUD_RUNENV": "SCF"}):
        told = play(sandbox, environ)
        assert told["after"][0]
        assert told["after"][1] > told["before"][1]
