"""A TCP proxy on loopback that breaks connections as a network does, with silence, resets or a lost answer."""

import contextlib
import select
import socket
import struct
from typing import TYPE_CHECKING, Literal

from tests.tcp import serve_tcp

if TYPE_CHECKING:
    from typing_extensions import Self

Mode = Literal["passing", "silent", "reset"]


class Proxy:
    """Passes connections on to a port of this machine. Use it as a context manager.

    `connections` counts them. If `lost` is set, the answer to the next request that contains it is lost.
    """

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self._links: list[_Link] = []
        self.connections = 0
        self.lost: bytes | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Self":
        self.port = self._stack.enter_context(serve_tcp(self._relay))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.client.shutdown(socket.SHUT_RDWR)

    def forget(self, mode: Mode) -> None:
        """Break the open connections, as a network does during a freeze. Later data is lost or causes a reset."""
        for link in self._links:
            link.mode = mode

    def _relay(self, client: socket.socket) -> None:
        self.connections += 1
        link = _Link(self, client, self.behind)
        self._links.append(link)
        link.relay()


class _Link:
    def __init__(self, proxy: Proxy, client: socket.socket, behind: int) -> None:
        self.mode: Mode = "passing"
        self._proxy = proxy
        self.client = client
        self.behind = behind

    def relay(self) -> None:
        """Pass on the data of both sides, until one closes."""
        client = self.client
        with socket.create_connection(("127.0.0.1", self.behind)) as server:
            while source := select.select([client, server], [], [], 30)[0]:
                content = source[0].recv(65536)
                mode = self.mode  # read once, because the client may call `forget` as soon as it has an answer
                if not content:
                    return
                lost = self._proxy.lost
                if source[0] is server:
                    client.sendall(content if mode == "passing" else b"")
                elif mode == "passing":
                    server.sendall(content)
                    if lost and lost in content:
                        self._proxy.lost = None
                        server.recv(65536)
                        mode = "reset"
                if mode == "reset":
                    # Closing a socket that has unread data sends a reset to the other side.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
