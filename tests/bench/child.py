"""The bench's child process. `child.py MODULE WARM CALLS [MINI_PROGRAMS]` prints the costs of the calls on stderr.

It runs with only the peer's packages, so it imports only the standard library and the peer.
"""

import gc
import importlib
import json
import os
import sys
import time


class Context:
    """The part of Lambda's context that Powertools reads."""

    function_name = "function"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    memory_limit_in_mb = 512
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left: always a minute, because a profiler may slow everything down."""
        return 60_000


def resident() -> float:
    """Return this process's resident memory in MiB."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - importing pathlib would cost memory
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(module: str, warm: int = 0, calls: int = 0, apps: int = 0) -> None:
    """Call once, warm up, and measure. Print the CPU seconds of a call, and the MiB after warming up and at the end."""
    handler = importlib.import_module(module).lambda_handler
    context = Context()
    reply = handler({}, context)
    if reply["grayReleasePlan"]["grayPercentage"] != 8:
        raise SystemExit(f"wrong reply: {reply}")
    for _ in range(warm):
        handler({}, context)
    if not calls:  # the parent process measures
        print("{}", file=sys.stderr)
        return
    events = [{"appid": f"wx{number:016d}"} for number in range(apps)] or [{}]
    before, began = resident(), time.process_time()
    for number in range(calls):
        handler(events[number % len(events)], context)
    cpu = (time.process_time() - began) / calls
    print(json.dumps({"cpu": cpu, "before": before, "after": resident()}), file=sys.stderr)


main(sys.argv[1], *map(int, sys.argv[2:]))
