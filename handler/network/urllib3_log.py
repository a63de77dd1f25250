"""Hide the secrets in urllib3's log records of this function's URLs and headers.

The filter acts only during this function's exchanges, because other code in the process may use urllib3 too.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

_SHOWN = ("/wxa/", "/cgi-bin/", "HTTP/")  # WeChat's paths and the protocol; a token server's path may be a secret

_exchanging = threading.local()


@contextlib.contextmanager
def hide_secrets() -> Iterator[None]:
    """Hide the secrets in the records that urllib3 logs in this thread during the block, at any log level."""
    _exchanging.now = True
    try:
        yield
    finally:
        _exchanging.now = False


def _filter(record: logging.LogRecord) -> bool:
    """Mask the parts of a log record that may contain a secret: queries, unknown paths, malformed headers."""
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
