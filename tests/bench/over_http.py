"""The bench's rows over http, without TLS: the wall time of a start, the cost of warm calls, and a scale-out."""

import subprocess
import time
from functools import partial

from gray_release.sandbox.server import SECRET, Sandbox
from tests.bench.measures import VALGRIND, Peer, interleave
from tests.bench.places import Peers
from tests.bench.table import EXACT, Table

ROUNDS = 5
WARM_UP, CALLS = 50, 250
COUNTED_CALLS = 25  # number of calls under valgrind, after the first one
PROCESSES = 50  # number of processes that a scale-out starts


def start(table: Table, peers: Peers, address: str) -> None:
    """Compare the wall time from a process's start to its first reply."""
    table.section(f"start to first reply over http, wall time, {ROUNDS} interleaved rounds", EXACT)
    shown = [peers.ours, peers.plain_without_bytecode, peers.plain, peers.python, peers.node, peers.wx_sdk]
    found = interleave({peer.name: partial(_wall, peer, address) for peer in shown if peer}, ROUNDS)
    ours = found[peers.ours.name]
    table.compare("http start / the plain stack without bytecode", ours, found[peers.plain_without_bytecode.name])
    table.compare("http start / the plain stack", ours, found[peers.plain.name])
    if peers.wx_sdk and peers.node:
        over_python = [a - b for a, b in zip(ours, found[peers.python.name], strict=True)]
        over_node = [a - b for a, b in zip(found[peers.wx_sdk.name], found[peers.node.name], strict=True)]
        table.compare("http start minus bare Python / wx-server-sdk minus bare Node.js", over_python, over_node)
    else:
        print("  wx-server-sdk is left out: `make bench` installs it where there is npm")


def warm(table: Table, peers: Peers, address: str) -> None:
    """Compare the cost of a call on a kept connection, with logging and metrics.

    The goal is for instructions, because CPU times of the same program differ by a quarter on a shared machine. Without
    valgrind, it is for CPU time.
    """
    goal = 0.60
    if VALGRIND:
        table.section("warm call over http, instructions")
        ours, theirs = _count(peers.ours, address), _count(peers.plain, address)
        note = f"{ours / 1e6:.1f} against {theirs / 1e6:.1f} million instructions"
        table.add(f"http warm call / {peers.plain.name}", ours / theirs, "x", goal, note)
    table.section(f"warm call over http, CPU, {CALLS} calls a round, {ROUNDS} interleaved rounds")
    others = [peer for peer in (peers.plain, peers.naive, peers.standard_library, peers.wx_sdk) if peer]
    found = interleave({peer.name: partial(_cpu, peer, address) for peer in [peers.ours, *others]}, ROUNDS)
    for peer in others:
        is_goal = peer is peers.plain and not VALGRIND
        name = f"http warm call, CPU time / {peer.name}"
        table.compare(name, found[peers.ours.name], found[peer.name], goal if is_goal else None)


def _count(peer: Peer, address: str) -> float:
    """Return the instructions of one warm call: the difference to a run with only the first call, divided."""
    return (peer.instructions(address, COUNTED_CALLS) - peer.instructions(address)) / COUNTED_CALLS


def _wall(peer: Peer, address: str) -> float:
    return peer.run(address).wall


def _cpu(peer: Peer, address: str) -> float:
    return peer.run(address, WARM_UP, CALLS).told["cpu"]


def scale_out(table: Table, peers: Peers) -> None:
    """Start 50 processes for one appid, with two calls each. The other program's tokens invalidate one another."""
    table.section(f"scale-out: {PROCESSES} processes at once, one mini program", EXACT)
    for peer, goal in ((peers.ours, 0.0), (peers.naive, None)):
        with Sandbox(apps={peer.environ["WECHAT_APPID"]: SECRET}) as sandbox:
            processes = [_start_process(peer, sandbox.base_url) for _ in range(PROCESSES)]
            deadline = time.monotonic() + 30
            failed = sum(_has_failed(process, deadline) for process in processes)
            tokens = sandbox.count("/cgi-bin/stable_token") + sandbox.count("/cgi-bin/token")
            refused = sandbox.refusals[40001]
        lost = max(tokens - PROCESSES, 0) + refused + failed
        note = f"{tokens} token requests, {refused} answers 40001, {failed} processes failed"
        table.add(f"scale-out: excess requests, refusals and failures, {peer.name}", lost, "", goal, note)


def _start_process(peer: Peer, address: str) -> "subprocess.Popen[bytes]":
    command, environ = peer.create_command(address, 1, 0)
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _has_failed(process: "subprocess.Popen[bytes]", deadline: float) -> bool:
    """Wait for a process until the deadline, then kill it. Return whether it failed or was killed."""
    try:
        return process.wait(max(deadline - time.monotonic(), 0.01)) != 0
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait() != 0
