"""urllib3's own log, without the secrets in our addresses and headers.

The filter changes only what urllib3 logs during our exchanges: the process may have other users of urllib3.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

_SHOWN = ("/wxa/", "/cgi-bin/", "HTTP/")  # WeChat's paths, and the protocol; a token server's path may be its secret

_exchanging = threading.local()


@contextlib.contextmanager
def hide_secrets() -> Iterator[None]:
    """Hide the secrets in what urllib3 logs in this thread within the block, at any level."""
    _exchanging.now = True
    try:
        yield
    finally:
        _exchanging.now = False


def _filter(record: logging.LogRecord) -> bool:
    """Remove paths, queries and unreadable headers, which may hold a secret."""
    if getattr(_exchanging, "now", False):
        if isinstance(record.args, tuple):
            record.args = tuple(map(_mask, record.args))
        record.exc_info = record.exc_text = None
    return True


def _mask(argument: object) -> object:
    if not isinstance(argument, str):
        return argument if isinstance(argument, int | float | None) else "..."
    text = argument.partition("?")[0]
    return text if "/" not in text or text.startswith(_SHOWN) else "..."


for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_filter)
