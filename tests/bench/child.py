"""What the bench starts: `child.py MODULE WARM CALLS` makes the first call, then so many, and prints what they cost.

It runs with the peer's own packages alone, so it imports nothing but the standard library and the peer.
"""

import gc
import importlib
import json
import resource
import sys
import time

STARTED = time.monotonic()


class Context:
    """Lambda's context, as much of it as Powertools reads."""

    function_name = "function"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    memory_limit_in_mb = 512
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds of twenty seconds that are left."""
        return int((STARTED + 20 - time.monotonic()) * 1000)


def main(module: str, warm: int, calls: int) -> None:
    """Call, warm up, call on, and print the CPU seconds of a call and the peak of memory in KiB on stderr."""
    handler = importlib.import_module(module).lambda_handler
    reply = handler({}, Context())
    if reply["grayReleasePlan"]["grayPercentage"] != 8:
        raise SystemExit(f"wrong reply: {reply}")
    for _ in range(warm):
        handler({}, Context())
    gc.collect()
    before = time.process_time()
    for _ in range(calls):
        handler({}, Context())
    cpu = (time.process_time() - before) / (calls or 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cpu": cpu, "peak": peak}), file=sys.stderr)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
