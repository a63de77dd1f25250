"""The bench's rows over https, as in production: the first reply, a reconnect, and a warm call.

With valgrind, they count instructions, because the count is the same in each run. They measure CPU time if valgrind
is missing, and for Node.js, because valgrind cannot run it unchanged.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.bench.measures import VALGRIND, Peer, interleave
from tests.bench.places import Peers
from tests.bench.table import Table
from tests.bench.upstream import Addresses

ROUNDS = 5
RECONNECTS, WARM = 4, 25  # number of calls under valgrind, after the first one
START, RECONNECT, CALL = "first https reply", "https reconnect", "https warm call"


def rows(table: Table, peers: Peers, addresses: Addresses) -> None:
    """Compare three costs: a process up to its first reply, a call on a new connection, and a call on a kept one."""
    others = [peer for peer in (peers.plain, peers.naive, peers.standard_library, peers.wx_sdk) if peer]
    counts = _counts([peers.ours, peers.plain_without_bytecode, *others], addresses) if VALGRIND else {}
    timed: dict[str, Callable[[Peer], float]] = {
        START: lambda peer: peer.run(addresses.https).cpu,
        RECONNECT: lambda peer: peer.run(addresses.closing, 5, 40).told["cpu"],
        CALL: lambda peer: peer.run(addresses.https, 50, 200).told["cpu"],
    }
    goals = {
        (START, peers.plain): 0.72,
        (RECONNECT, peers.plain): 0.06,
        (CALL, peers.plain): 0.60,
    }
    for title, cpu in timed.items():
        table.section(
            f"{title}, {'instructions' if VALGRIND else 'CPU'} (wx-server-sdk: CPU, {ROUNDS} rounds in turns)"
        )
        compared = [peers.plain_without_bytecode, *others] if title == START else others
        uncounted = [peer for peer in compared if (title, peer) not in counts]
        times = _times([peers.ours, *uncounted], cpu) if uncounted else {}
        for peer in compared:
            name, goal = f"{title} / {peer.name}", goals.get((title, peer))
            if peer in uncounted:
                table.compare(name, times[peers.ours], times[peer], goal)
            else:
                ours, theirs = counts[title, peers.ours], counts[title, peer]
                note = f"{ours / 1e6:.1f} against {theirs / 1e6:.1f} million instructions"
                table.add(name, ours / theirs, "x", goal, note)


def _counts(peers: list[Peer], addresses: Addresses) -> dict[tuple[str, Peer], float]:
    """Count instructions. For a call, compare a run with more calls, and divide the difference by their number."""
    counted = [peer for peer in peers if not peer.takes_address]
    warmed = [peer for peer in counted if "without bytecode" not in peer.name]
    with ThreadPoolExecutor(2) as pool:
        start = {peer: pool.submit(peer.instructions, addresses.https) for peer in counted}
        closing = {peer: pool.submit(peer.instructions, addresses.closing, RECONNECTS) for peer in warmed}
        kept = {peer: pool.submit(peer.instructions, addresses.https, WARM) for peer in warmed}
    found: dict[tuple[str, Peer], float] = {(START, peer): start[peer].result() for peer in counted}
    for peer in warmed:
        found[RECONNECT, peer] = (closing[peer].result() - found[START, peer]) / RECONNECTS
        found[CALL, peer] = (kept[peer].result() - found[START, peer]) / WARM
    return found


def _times(peers: list[Peer], cpu: Callable[[Peer], float]) -> dict[Peer, list[float]]:
    return interleave({peer: partial(cpu, peer) for peer in peers}, ROUNDS)
