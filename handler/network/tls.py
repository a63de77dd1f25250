"""The TLS context of all connections: to WeChat, a token server, the token store and AWS.

Reading certifi's bundle takes 20 ms of a whole CPU and 200 million instructions, as much as the rest of a cold call put
together. urllib3, redis-py and botocore would each read it for every new connection. Therefore a process creates one
context for all connections. An artifact also has a hashed directory with the same authorities
(`deploy/authorities.py`). If the directory exists, OpenSSL reads only the authority that it needs, not the bundle.
"""

import functools
import ssl
from pathlib import Path

import certifi
from urllib3.util.ssl_ import create_urllib3_context

from handler import environment, errors


def create_context() -> ssl.SSLContext:
    """Return the process's context, which verifies certificates and host names.

    It trusts certifi's authorities, which WeChat needs, and those in `SSL_CERT_FILE`, which a company's own proxy or
    store may need. Raises `OpenApiError` -1 if a file cannot be read; the next call tries again.
    """
    try:
        return _load_context(_find_authorities(), environment.read_variable("SSL_CERT_FILE") or None)
    except OSError:  # includes `ssl.SSLError`, for a file without certificates
        failure = errors.misconfigured(errors.SYSTEM_ERROR, "cannot read the certificate authorities (SSL_CERT_FILE)")
    raise failure


def _find_authorities() -> str:
    """Return the path of the artifact's hashed directory, or of certifi's bundle if there is none."""
    bundle = certifi.where()
    directory = Path(bundle).parent / "hashed"
    return str(directory) if directory.is_dir() else bundle


@functools.lru_cache(maxsize=1)
def _load_context(*authorities: str | None) -> ssl.SSLContext:
    context = create_urllib3_context()
    for path in filter(None, authorities):
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    return context
