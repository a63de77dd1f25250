"""`python -m tests.bench` compares this function with the alternatives, in one run.

It prints at the start how long it takes, and at the end which goals are met. It exits with 1 if a figure exceeds its
gate. A gate is 15 % looser than its goal. If all gates hold, the figures go into figures.json and docs/performance.md.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.bench import document, memory, over_http, over_https, places, soak
from tests.bench.table import Table
from tests.bench.upstream import Upstream


def main() -> int:
    """Measure everything; return the exit code."""
    print(f"This takes about {max(document.seconds() / 60, 1):.0f} minutes: it took {document.seconds()} s last time.")
    started = time.monotonic()
    table = Table()
    with tempfile.TemporaryDirectory() as folder, Upstream(Path(folder)) as upstream:
        peers = places.build(Path(folder), upstream.authority)
        memory.size(table, peers)
        over_https.rows(table, peers, upstream.addresses)
        over_http.start(table, peers, upstream.addresses.http)
        over_http.warm(table, peers, upstream.addresses.http)
        over_http.scale_out(table, peers)
        memory.one_mini_program(table, peers, upstream.addresses)
        memory.many_mini_programs(table, peers, upstream.addresses)
    soak.grow(table)
    soak.soak(table)
    if table.is_held:
        document.save(table.rows, time.monotonic() - started)
    print(f"\n{table.summary()}")
    return 0 if table.is_held else 1


if __name__ == "__main__":
    sys.exit(main())
