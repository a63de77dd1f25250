"""urllib3's own log, without the secrets in its addresses and headers."""

import logging

_WITHOUT_SECRETS = ("/wxa/", "/cgi-bin/", "HTTP/")  # WeChat's paths, and the protocol


def _shown(argument: object) -> object:
    if not isinstance(argument, str):
        return argument if isinstance(argument, int | float | None) else "..."
    text = argument.partition("?")[0]
    # A token server's path may be its secret.
    return text if "/" not in text or text.startswith(_WITHOUT_SECRETS) else "..."


def _hide_secrets(record: logging.LogRecord) -> bool:
    """Take out of urllib3's log what may hold a secret: paths and queries, and headers that it could not read."""
    if isinstance(record.args, tuple):
        record.args = tuple(map(_shown, record.args))
    record.exc_info = record.exc_text = None
    return True


def hide_secrets() -> None:
    """Have urllib3's loggers show no secret, at any level."""
    for name in ("urllib3.connection", "urllib3.connectionpool"):
        logging.getLogger(name).addFilter(_hide_secrets)
