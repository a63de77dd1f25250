"""Many mini programs, and thousands of invocations with random faults, in one process each."""

import contextlib
import gc
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from handler.local.sandbox.faults import Fault, http
from handler.local.sandbox.server import APPID, SECRET, Sandbox

Check = Callable[..., None]

INVOCATIONS = 6000
APPS = 1000
KINDS = ("reset", "reset=body", "truncate", "status=502", "status=403", "html", "types", "errcode=40001", "errcode=-1")
# How the SDK's gateway wraps WeChat's body: a protobuf message of body and content type.
_PLAN = b'{"errcode":0,"errmsg":"ok","gray_release_plan":{"status":1,"gray_percentage":8}}'
WRAPPED = b"\x0a" + bytes([len(_PLAN)]) + _PLAN + b"\x12\x10application/json"


def serve() -> None:
    """Run the one upstream of all peers, and print its address; at /admin it is the SDK's gateway."""
    sandbox = Sandbox(faults=[Fault("other", "raw", raw=http(WRAPPED))])
    print(sandbox.base_url, flush=True)
    sandbox.serve_forever()


@contextlib.contextmanager
def quiet_function(sandbox: Sandbox) -> Iterator[Callable[..., object]]:
    """Give the function on this sandbox, with its log going nowhere."""
    os.environ.update(WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET)
    from handler.app import forget, lambda_handler  # noqa: PLC0415 - the same
    from handler.telemetry import log as telemetry  # noqa: PLC0415 - it reads the environment

    forget()

    def invoke(**event: str) -> object:
        try:
            return lambda_handler(event, None)
        except Exception as error:  # noqa: BLE001 - the faults
            return error

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        telemetry.logger.registered_handler.stream = nowhere  # type: ignore[attr-defined]  # a StreamHandler
        yield invoke


def grow(check: Check) -> None:
    """Ask for one mini program after another, twice: time and requests grow with their number, and no more."""
    apps = {f"wx{number:016d}": SECRET for number in range(APPS)}
    with Sandbox(apps=apps) as sandbox, quiet_function(sandbox) as invoke:
        seconds = []
        for appid in apps:
            started = time.thread_time()
            invoke(appid=appid)
            seconds.append(time.thread_time() - started)
        cold = len(sandbox.requests)
        for appid in apps:
            invoke(appid=appid)
        warm = len(sandbox.requests) - cold
    tenth = APPS // 10
    ratio = sum(sorted(seconds[-tenth:])[: tenth // 2]) / sum(sorted(seconds[:tenth])[: tenth // 2])
    check(
        f"growth: {APPS} mini programs, the last ones against the first",
        ratio <= 1.25,
        f"{ratio:5.2f}  bound 1.25",
        goal=True,
    )
    check(f"growth: requests for {APPS}, cold and warm", (cold, warm) == (2 * APPS, APPS), f"{cold} and {warm}")


def soak(check: Check) -> None:
    """Invoke thousands of times with random faults: memory, file descriptors and threads stay as they were."""
    picks = random.Random(1)  # noqa: S311 - the same faults in each run
    states = []
    with Sandbox() as sandbox, quiet_function(sandbox) as invoke:
        for number in range(INVOCATIONS):
            if picks.random() < 0.2:
                endpoint = picks.choice(["plan", "plan", "plan", "stable"])
                sandbox.faults[:] = [Fault.parse(f"{endpoint}:{picks.choice(KINDS)}*{picks.randint(1, 3)}")]
            invoke()
            if number in (INVOCATIONS // 3, INVOCATIONS - 1):
                sandbox.faults.clear()
                sandbox.requests.clear()
                invoke()
                gc.collect()
                states.append(state())
    (memory, files, threads), after = states
    text = f"{INVOCATIONS} invocations: {memory:.1f} -> {after[0]:.1f} MiB, {files} -> {after[1]} files"
    text += f", {threads} -> {after[2]} threads"
    check("soak", after[0] <= memory * 1.05 and after[1] <= files + 1 and after[2] <= threads + 1, text)


def state() -> tuple[float, int, int]:
    """Return resident MiB, open file descriptors and threads."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return (
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
    )
