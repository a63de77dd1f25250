"""One TLS context for WeChat, the token server, the store and AWS.

Reading certifi's authorities costs 20 ms of a whole CPU and 200 M instructions, as much as all else in a cold call.
Left to themselves, urllib3, redis-py and botocore do so at every new connection. An artifact has the same authorities
as OpenSSL's own kind of directory too (`deploy/authorities.py`), of which only the one that is needed is
read.
"""

import functools
import os
import ssl

import certifi
from urllib3.util.ssl_ import create_urllib3_context

from handler import environment, errors


def create_context() -> ssl.SSLContext:
    """Return the context: it verifies certificates and host names by certifi's authorities, as requests does.

    It trusts the authorities in `SSL_CERT_FILE` too: a company's are needed besides WeChat's, not in their place.
    Raises `OpenApiError` -1 when they cannot be read; the next call tries again.
    """
    try:
        return _load_context(_find_authorities(), environment.read_variable("SSL_CERT_FILE") or None)
    except OSError:  # ssl's own among them, for what is no certificate
        failure = errors.misconfigured(errors.SYSTEM_ERROR, "cannot read the certificate authorities (SSL_CERT_FILE)")
    raise failure


def _find_authorities() -> str:
    file = certifi.where()
    directory = f"{os.path.dirname(file)}/hashed"  # noqa: PTH120 - the only path in the import
    return directory if os.path.isdir(directory) else file  # noqa: PTH112 - the same


@functools.lru_cache(maxsize=1)
def _load_context(*authorities: str | None) -> ssl.SSLContext:
    context = create_urllib3_context()
    for path in filter(None, authorities):
        if os.path.isdir(path):  # noqa: PTH112 - the same
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    return context
