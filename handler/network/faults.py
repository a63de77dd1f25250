"""Explain why an exchange failed, and what to do about it. Loaded only after a failure.

The messages contain only texts of this module and of OpenSSL, because the texts of exceptions show URLs with tokens.
"""

import errno
import http.client
import os
import socket
import ssl
from collections.abc import Iterator

from urllib3.exceptions import ConnectTimeoutError, DecodeError, NewConnectionError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from handler import errors
from handler.errors import OpenApiError
from handler.network.connection import BODY_LIMIT, TooLongError

_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_NO_PROXY = (
    "This function does not support proxies. Give it direct internet access, or set WECHAT_API_BASE_URL to a reverse "
    "proxy"
)
NO_WAY_OUT = (
    "A function in a VPC reaches the internet only through a NAT gateway: check its subnets, routes and security groups"
)
NOBODY_LISTENS = "Check the host and the port in the setting, and that the server is running"
NO_SUCH_NAME = "Check the host in the setting. A name in a private zone can be resolved only inside its VPC"
_UNTRUSTED = (
    "Set SSL_CERT_FILE to a PEM file with the authority that signed the certificate. The function trusts it in "
    "addition to the public authorities. The server itself must send its intermediate certificates"
)
_STRICT = (
    "Python 3.13 and later refuse certificates that break RFC 5280; earlier versions accept them. Ask the authority to "
    "reissue the certificate with the extensions that the reason names"
)
_ANOTHER_NAME = "Use the host name in the certificate, or get a certificate for this host name"
_NO_TLS = "The server speaks plain HTTP at this port. Use http:// (private hosts only), or the server's TLS port"
_EXPIRED = "Renew the server's certificate. If it has not expired, check the clocks of the server and of this machine"

_MISMATCHES = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_DATES = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, _DEPTH_ZERO_SELF_SIGNED_CERT, _SELF_SIGNED_CERT_IN_CHAIN,
# _UNABLE_TO_GET_ISSUER_CERT_LOCALLY, _UNABLE_TO_VERIFY_LEAF_SIGNATURE
_UNKNOWN_ISSUERS = {2, 18, 19, 20, 21}
PLAIN_PORT = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}


def explain(error: Exception, name: str, *, repeatable: bool) -> OpenApiError:
    """Return the error for an exchange without a usable answer. The message calls the server `name`."""
    causes = list(list_causes(error))
    if limits := [cause.args[0] for cause in causes if isinstance(cause, TooLongError)]:
        part = "answer" if limits[0] == BODY_LIMIT else "head of the answer"
        return errors.unavailable(f"the {part} of {name} is over {limits[0]} bytes")
    # urllib3 derives `NewConnectionError` from its `TimeoutError`, but this error is not a timeout.
    is_refused = isinstance(error, NewConnectionError)
    if isinstance(error, (Urllib3TimeoutError, TimeoutError)) and not is_refused:
        return _explain_time_out(error, name)
    if failure := _explain_tls(causes, name):
        return failure
    transient = repeatable or is_refused
    proxy = _describe_proxy() if is_refused else ""
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        reason, hint = f"the host name of {name} cannot be resolved", NO_SUCH_NAME
    else:
        reason = f"no answer from {name} ({_describe(error, causes)})"
        hint = NOBODY_LISTENS if any(isinstance(cause, ConnectionRefusedError) for cause in causes) else NO_WAY_OUT
    if not is_refused:
        return errors.unavailable(reason, transient=transient)
    return errors.unavailable(f"{reason}{proxy}", transient=transient, hint=_NO_PROXY if proxy else hint)


def _explain_time_out(error: Exception, name: str) -> OpenApiError:
    if not isinstance(error, ConnectTimeoutError):
        return errors.out_of_time()
    proxy = _describe_proxy()
    hint = _NO_PROXY if proxy else NO_WAY_OUT
    return errors.out_of_time(f"out of time: no connection to {name}{proxy}", hint=hint)


def _explain_tls(causes: list[BaseException], name: str) -> OpenApiError | None:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason, hint = describe_certificate(cause)
            return errors.unavailable(f"the certificate of {name} is not trusted: {reason}", hint=hint)
        if isinstance(cause, ssl.SSLError) and cause.reason in PLAIN_PORT:
            return errors.unavailable(f"{name} does not speak TLS at this port", hint=_NO_TLS)
    return None


def describe_certificate(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    """Return OpenSSL's reason for refusing a certificate, without the host's name, and a hint what to do."""
    reason = error.verify_message.partition(",")[0]
    if error.verify_code in _MISMATCHES:
        return reason, _ANOTHER_NAME
    if error.verify_code in _DATES:
        return reason, _EXPIRED
    return reason, _UNTRUSTED if error.verify_code in _UNKNOWN_ISSUERS else _STRICT


def list_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all its causes, including those that urllib3 keeps in an error's arguments."""
    seen: list[BaseException] = []
    found: list[object] = [error]
    while found:
        cause = found.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            found += [*cause.args, cause.__cause__, cause.__context__]


def _describe(error: Exception, causes: list[BaseException]) -> str:
    """Describe what happened to the connection. If that is unknown, return the name of the error's class."""
    for kind, words in _WORDS.items():
        if any(isinstance(cause, kind) for cause in causes):
            return words
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        return "no route to its address"
    tls = next((cause.reason for cause in causes if isinstance(cause, ssl.SSLError) and cause.reason), None)
    return f"TLS: {tls.replace('_', ' ').lower()}" if tls else type(error).__name__


_WORDS: dict[type[BaseException], str] = {  # the first class that matches counts
    http.client.RemoteDisconnected: "it closed the connection",
    http.client.IncompleteRead: "its answer breaks off",
    http.client.HTTPException: "its answer is not HTTP",
    DecodeError: "its answer cannot be decompressed",
    ConnectionRefusedError: "connection refused",
    ConnectionError: "it reset the connection",
}


def _describe_proxy() -> str:
    """Return a note that the configured proxy is not used, or an empty text if no proxy is configured."""
    name = next((name for name in _PROXIES if os.environ.get(name)), None)
    return f"; {name} is set and not used" if name else ""
