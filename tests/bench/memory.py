"""The bench's rows about memory, over https: after some calls, and with a growing number of mini programs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.measures import Peer, Run
from tests.bench.places import Peers
from tests.bench.table import EXACT, Table
from tests.bench.upstream import FLEET, Addresses

CALLS = 20_000
ENTRY_MIB = 0.8 / 1024  # what the token cache takes for each mini program (handler/tokens/cached.py)
SOME = 100  # fewer, because the other programs read the certificate authorities again for each mini program
CALLS_OF_ONE = 300


def one_mini_program(table: Table, peers: Peers, addresses: Addresses) -> None:
    """Compare resident memory after some calls for one mini program."""
    table.section(f"memory after {CALLS_OF_ONE} calls over https, one mini program")

    def measure(peer: Peer) -> float:
        return peer.run(addresses.https, 0, CALLS_OF_ONE).told["after"]

    ours = measure(peers.ours)
    for peer in (peers.plain, peers.naive, peers.standard_library, peers.wx_sdk):
        if peer:
            theirs = measure(peer)
            goal = 0.95 if peer is peers.plain else None
            table.add(f"memory / {peer.name}", ours / theirs, "x", goal, f"{ours:.1f} against {theirs:.1f} MiB")


def many_mini_programs(table: Table, peers: Peers, addresses: Addresses) -> None:
    """Check thousands of mini programs repeatedly: only the token cache may grow."""
    apps = len(FLEET)
    table.section(
        f"memory over {CALLS} calls over https, {apps} mini programs (the others: {SOME} calls, {SOME} of them)"
    )

    def grow(peer: Peer) -> Run:
        return peer.run(addresses.https, 200, CALLS, apps)

    with ThreadPoolExecutor(2) as pool:
        both = (peers.ours, peers.ours_on_3_10)
        for peer, run in zip(both, pool.map(grow, both), strict=True):
            before, after = run.told["before"], run.told["after"]
            note = f"{before:.1f} -> {after:.1f} MiB, of which {apps * ENTRY_MIB:.1f} are the cache"
            table.add(f"memory growth beyond the cache, {peer.name}", after - before - apps * ENTRY_MIB, "MiB", 8, note)
    for peer in (peers.plain, peers.naive, peers.standard_library):
        told = peer.run(addresses.https, 50, SOME, SOME).told
        grown = told["after"] - told["before"]
        table.add(f"memory growth for each mini program, {peer.name}", grown / SOME * 1024, "KiB")


def size(table: Table, peers: Peers) -> None:
    """Show the artifact's size. tests/deploy/test_artifact.py has its limits."""
    table.section("artifact for Lambda, unpacked", EXACT)
    files = [path for path in Path(peers.ours.environ["PYTHONPATH"]).rglob("*") if path.is_file()]
    table.add("artifact, unpacked", sum(path.stat().st_size for path in files) / 1e6, "MB", 20)
