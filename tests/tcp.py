"""TCP servers on loopback. One plays a script, and one adds TLS in front of a plain port."""

import contextlib
import itertools
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

ENDLESS_BYTES = 64 * 1024 * 1024  # an "endless" reply ends after this number of bytes
HANDSHAKE = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"  # the beginning of a TLS ServerHello of 16 KB

Reply = Callable[[], Iterator[bytes]]


def find_free_port() -> int:
    """Return a port on which no program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextlib.contextmanager
def serve_tcp(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on loopback and handle each connection in a thread; yield the port."""

    def handle_one(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            handle(client)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=handle_one, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept()


def say(*parts: bytes) -> Reply:
    """Reply with these bytes."""
    return lambda: iter(parts)


def pour(begin: bytes, rest: bytes) -> Reply:
    """Reply with `begin`, then repeat `rest` up to ENDLESS_BYTES."""
    block = rest * max(1, 65_536 // len(rest))
    return lambda: itertools.chain([begin], itertools.repeat(block, ENDLESS_BYTES // len(block)))


def trickle(begin: bytes) -> Reply:
    """Reply with `begin`, then send one byte every 20 ms, for 12 s."""

    def reply() -> Iterator[bytes]:
        yield begin
        for _ in range(600):
            time.sleep(0.02)
            yield b"\0"

    return reply


class ScriptedServer:
    """A server that plays the same reply to each request. Use it as a context manager.

    `sent` counts the bytes of all replies, and `clients` the connections. `gone` is released when a client disconnects.
    """

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.sent = self.clients = 0
        self.gone = threading.Semaphore(0)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Self":
        self.port = self._stack.enter_context(serve_tcp(self._play))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _play(self, client: socket.socket) -> None:
        self.clients += 1
        try:
            while client.recv(65_536):
                for part in self._reply():
                    client.sendall(part)
                    self.sent += len(part)
        finally:
            self.gone.release()


@contextlib.contextmanager
def serve_tls(context: ssl.SSLContext, behind: int) -> Iterator[int]:
    """Accept TLS connections for a plain port of this machine; yield the TLS port."""

    def relay(client: socket.socket) -> None:
        with (
            socket.create_connection(("127.0.0.1", behind)) as plain,
            context.wrap_socket(client, server_side=True) as secure,
        ):
            while ready := select.select([secure, plain], [], [], 5)[0]:
                for source in ready:
                    if not (content := source.recv(65536)):
                        return
                    (plain if source is secure else secure).sendall(content)

    with serve_tcp(relay) as port:
        yield port
