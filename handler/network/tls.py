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

from handler import errors


def create_context() -> ssl.SSLContext:
    """Return the context: certificates and host names are verified, by certifi's authorities as in requests.

    A company's own authorities are trusted by the variable that OpenSSL reads, `SSL_CERT_FILE`. Raises `OpenApiError`
    -1 when the authorities cannot be read; the next call tries again.
    """
    try:
        return _load_context(os.environ.get("SSL_CERT_FILE") or _certifis())
    except OSError:  # ssl's own among them, for what is no certificate
        failure = errors.misconfigured(errors.SYSTEM_ERROR, "cannot read the certificate authorities (SSL_CERT_FILE)")
    raise failure


def _certifis() -> str:
    file = certifi.where()
    directory = f"{os.path.dirname(file)}/hashed"  # noqa: PTH120 - the only path in the import
    return directory if os.path.isdir(directory) else file  # noqa: PTH112 - the same


@functools.lru_cache(maxsize=1)
def _load_context(authorities: str) -> ssl.SSLContext:
    made = create_urllib3_context()
    if os.path.isdir(authorities):  # noqa: PTH112 - the same
        made.load_verify_locations(capath=authorities)
    else:
        made.load_verify_locations(authorities)
    made.verify_mode = ssl.CERT_REQUIRED
    made.check_hostname = True
    return made
