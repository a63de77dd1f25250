"""One TLS context for WeChat, the token server, the store and AWS.

Reading certifi's authorities costs 20 ms of a whole CPU and 200 M instructions, as much as all else in a cold call.
Left to themselves, urllib3, redis-py and botocore do so at every new connection.
"""

import functools
import os
import ssl

import certifi
from urllib3.util.ssl_ import create_urllib3_context

from handler import errors


def context() -> ssl.SSLContext:
    """Return the context: certificates and host names are verified, by certifi's authorities as in requests.

    A company's own authorities are trusted by the variable that OpenSSL reads, `SSL_CERT_FILE`. Raises `OpenApiError`
    -1 when the authorities cannot be read; the next call tries again.
    """
    try:
        return _made(os.environ.get("SSL_CERT_FILE") or certifi.where())
    except OSError:  # ssl's own among them, for what is no certificate
        failure = errors.misconfigured(errors.SYSTEM_ERROR, "cannot read the certificate authorities (SSL_CERT_FILE)")
    raise failure


@functools.lru_cache(maxsize=1)
def _made(authorities: str) -> ssl.SSLContext:
    made = create_urllib3_context()
    made.load_verify_locations(authorities)
    made.verify_mode = ssl.CERT_REQUIRED
    made.check_hostname = True
    return made
