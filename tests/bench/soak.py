"""Two long runs, each in one process: many mini programs, and thousands of invocations with random faults."""

import contextlib
import gc
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from tests.bench.table import EXACT, Table

INVOCATIONS = 6000
APPS = 1000
KINDS = ("reset", "reset=body", "truncate", "status=502", "status=403", "html", "types", "errcode=40001", "errcode=-1")


@contextlib.contextmanager
def quiet_function(sandbox: Sandbox) -> Iterator[Callable[..., object]]:
    """Yield the function, connected to this sandbox and without a log."""
    os.environ.update(WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET)
    from handler.app import forget_settings, lambda_handler  # noqa: PLC0415 - it reads the environment
    from handler.telemetry import log as telemetry  # noqa: PLC0415 - it reads the environment

    forget_settings()

    def invoke(**event: str) -> object:
        try:
            return lambda_handler(event, None)
        except Exception as error:  # noqa: BLE001 - the faults cause many errors
            return error

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        telemetry.logger.registered_handler.stream = nowhere  # type: ignore[attr-defined]  # a StreamHandler
        yield invoke


def grow(table: Table) -> None:
    """Check many mini programs twice. Time and requests must grow only with the number of mini programs."""
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
    table.section(f"growth: {APPS} mini programs over http, one after another, twice")
    table.add("many mini programs: CPU of the last 100 / of the first 100", ratio, "x", 1.25)
    table.add(
        "many mini programs: excess requests",
        abs(cold - 2 * APPS) + abs(warm - APPS),
        "",
        0,
        f"{cold} cold and {warm} warm",
    )


def soak(table: Table) -> None:
    """Invoke thousands of times with random faults. Memory, file descriptors and threads must not grow."""
    picks = random.Random(1)  # noqa: S311 - a fixed seed gives the same faults in each run
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
    table.section(f"soak: {INVOCATIONS} invocations with random faults", EXACT)
    table.add(
        "soak: memory at the end / after a third of the run",
        after[0] / memory,
        "x",
        1.05,
        f"{memory:.1f} -> {after[0]:.1f} MiB",
    )
    table.add("soak: leaked files and threads", max(after[1] - files - 1, 0) + max(after[2] - threads - 1, 0), "", 0)


def state() -> tuple[float, int, int]:
    """Return resident MiB, open file descriptors and threads."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return (
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
    )
