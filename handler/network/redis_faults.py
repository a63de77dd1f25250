"""Explain why a command to the token store failed, and what to do about it. Loaded only after a failure.

The first word of a Redis error is its code. redis-py has an exception class for most codes, but the code `ERR` has many
meanings. To distinguish them, this module reads the rest of the text. It never shows the text, because that may contain
addresses, keys and user names.
"""

import socket
import ssl

import redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from handler import errors
from handler.errors import OpenApiError
from handler.network.faults import (
    NO_SUCH_NAME,
    NO_WAY_OUT,
    NOBODY_LISTENS,
    PLAIN_PORT,
    describe_certificate,
    list_causes,
)
from handler.network.redis_connection import (
    LONGEST_REPLY,
    NoConnectionError,
    NoHandshakeError,
    TlsReplyError,
    TooLongReplyError,
)

_URL = "WECHAT_TOKEN_STORE_URL"
_NO_CLUSTER = (
    f"Redis Cluster is not supported. Set {_URL} to a Redis without cluster mode, or to a proxy in front of the cluster"
)
_NO_TLS = f"The store does not use TLS at this port. Write redis:// in {_URL}, or the store's TLS port"
_WANTS_TLS = f"The store requires TLS at this port. Write rediss:// in {_URL}"
_PASSWORD = (
    f"Check user and password in {_URL}: redis://user:password@host, or redis://:password@host without a user. Managed "
    "stores before Redis 6 expect account:password as the password: redis://:account:password@host"
)
_RIGHTS = (
    "Grant the user these commands: for source store +select +get +hget +type on the tokens' keys, for source "
    "component +select +get +set +del +eval on wechatpy:*"
)
_DATABASE = (
    f"Check the number at the end of {_URL}. By default Redis has the databases 0 to 15. Redis Cluster and some "
    "managed stores have only 0"
)
_NO_REDIS = f"Check host and port in {_URL}. Redis Sentinel (port 26379) is not supported: write the primary's address"
_HANGS_UP = (
    f"Check host and port in {_URL}, whether the store requires TLS (rediss://), and whether it allows this function's "
    "address"
)
_TOO_LONG = "Check WECHAT_TOKEN_STORE_KEY: a token has at most 2,048 characters"
_OTHER_NODE = "is a Redis Cluster, and the key is on another node"
_REFUSED_PASSWORD = ("refuses the user or the password", _PASSWORD)
_NO_PASSWORD = ("requires a password", _PASSWORD)
_NO_DATABASE = ("has no database with this number", _DATABASE)
_NOT_REDIS = ("sent a reply that is not from Redis", _NO_REDIS)

Explanation = tuple[str, str]  # the rest of a reason that begins with "the token store", and what to do

# In both tables the first match counts.
_CLASSES: tuple[tuple[type[Exception], Explanation], ...] = (
    (MasterDownError, ("is a replica that has lost its primary", f"Set {_URL} to the primary")),
    (ClusterDownError, ("is a Redis Cluster that is down", _NO_CLUSTER)),
    (AskError, (_OTHER_NODE, _NO_CLUSTER)),  # the error for MOVED is a subclass
    (TryAgainError, (_OTHER_NODE, _NO_CLUSTER)),
    (ClusterCrossSlotError, (_OTHER_NODE, _NO_CLUSTER)),
    (NoPermissionError, ("does not allow this user to run the command or to use the key", _RIGHTS)),
    (ReadOnlyError, ("is a replica, which cannot write", f"Set {_URL} to the primary, not to a reader's address")),
    (OutOfMemoryError, ("is out of memory", "Add memory. If the store evicts keys instead, it loses refresh tokens")),
    (BusyLoadingError, ("is still loading its data", "Try again in a moment")),
    (TlsReplyError, ("speaks TLS at this port", _WANTS_TLS)),
    (TooLongReplyError, (f"answers with more than {LONGEST_REPLY} bytes", _TOO_LONG)),
    (socket.gaierror, ("has a host name that cannot be resolved", NO_SUCH_NAME)),
    (ConnectionRefusedError, ("is not there: connection refused", NOBODY_LISTENS)),
)
_TEXTS: tuple[tuple[str, Explanation], ...] = (
    ("Authentication required", _NO_PASSWORD),
    ("NOAUTH", _NO_PASSWORD),
    ("operation not permitted", _NO_PASSWORD),  # the text of Redis before 2.8.12
    (
        "max number of clients reached",
        (
            "has too many clients",
            "Raise the store's maxclients, or limit the function's concurrency, because each instance is a client",
        ),
    ),
    ("unknown command", ("does not know one of Redis' basic commands", _NO_REDIS)),
    ("DB index is out of range", _NO_DATABASE),
    ("invalid DB index", _NO_DATABASE),
    ("SELECT is not allowed in cluster mode", _NO_DATABASE),
    ("WRONGTYPE", ("has a value of another type at the key", "Another program uses the key: use another database")),
)


def explain(error: Exception) -> OpenApiError:
    """Return the error for a command that the store did not execute."""
    causes = list(list_causes(error))
    if any(isinstance(cause, TimeoutError | redis.TimeoutError) for cause in causes):
        return _explain_time_out(error)
    reason, hint = _find_class(causes) or _explain_tls(causes) or _find_text(error) or _name_kind(error)
    return errors.unavailable(f"the token store {reason}", hint=hint)


def _explain_time_out(error: Exception) -> OpenApiError:
    if isinstance(error, NoHandshakeError):
        return errors.out_of_time("out of time: the token store does not answer the TLS handshake", hint=_NO_TLS)
    if isinstance(error, NoConnectionError):
        return errors.out_of_time("out of time: no connection to the token store", hint=NO_WAY_OUT)
    return errors.out_of_time("out of time: no reply from the token store")


def _find_class(causes: list[BaseException]) -> Explanation | None:
    return next((found for kind, found in _CLASSES for cause in causes if isinstance(cause, kind)), None)


def _explain_tls(causes: list[BaseException]) -> Explanation | None:
    error = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if error is None:
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, hint = describe_certificate(error)
        return f"has a certificate that is not trusted: {reason}", hint
    if error.reason in PLAIN_PORT:
        return "does not speak TLS at this port", _NO_TLS
    return "failed the TLS handshake", _NO_TLS


def _find_text(error: Exception) -> Explanation | None:
    if isinstance(error, redis.RedisError):
        return next((found for begin, found in _TEXTS if str(error).startswith(begin)), None)
    return None


def _name_kind(error: Exception) -> Explanation:
    if isinstance(error, AuthenticationError):
        return _REFUSED_PASSWORD
    if isinstance(error, redis.ConnectionError | OSError):
        return "closed the connection", _HANGS_UP
    return ("refuses a command", _NO_REDIS) if isinstance(error, ResponseError) else _NOT_REDIS
