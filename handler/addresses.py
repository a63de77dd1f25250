"""Check the URLs and the header in the environment variables. An error states the rule, but never shows the value."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

_HOST = r"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+"  # a name, or an IP address; `urlsplit` removes the brackets of IPv6


def _split(url: str, schemes: str, rule: str) -> SplitResult:
    """Split a URL that has one of these schemes. Raises `ValueError` with the rule as its text."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes.split() and re.fullmatch(_HOST, parts.hostname or "") and parts.port != 0
    except ValueError:  # the text of this error would show a part of the URL
        usable = None
    if not usable or re.search(r"[\s#]", url):
        raise ValueError(rule)
    return parts


def check_base_url(url: str) -> str:
    """Return the URL without trailing slashes. Raises `ValueError`.

    https is allowed to any host, http only to loopback, private addresses and local names.
    """
    rule = "must be http(s)://host[:port][/path]"
    parts = _split(url, "http https", rule)
    if "@" in parts.netloc or "?" in url:
        raise ValueError(rule)
    if _is_public_http(parts):
        raise ValueError("must be https: over plain http, anyone on the way to a public host could read the token")
    return url.rstrip("/")


def check_store_url(url: SecretStr) -> SecretStr:
    """Return the URL of a Redis or of a token server, with its scheme in lower case. Raises `ValueError`."""
    rule = (
        "must be redis(s)://[user:password@]host[:port][/number], with / ? # @ in the password written as %2F %3F %23 "
        "%40, or the https://host[:port]/path of a token server (http:// only for a private host)"
    )
    text = url.get_secret_value()
    parts = _split(text, "redis rediss http https", rule)
    if parts.scheme.startswith("redis"):
        if not re.fullmatch("/?[0-9]{0,9}", parts.path) or "?" in text:
            raise ValueError(rule)
    elif "@" in parts.netloc or _is_public_http(parts):
        raise ValueError(rule)
    return SecretStr(parts.scheme + text[len(parts.scheme) :])  # `parts.scheme` is in lower case


def check_header(text: SecretStr) -> SecretStr:
    """Return the HTTP header, `Name: value`. Raises `ValueError`."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+:[ -~]*", text.get_secret_value()):
        raise ValueError("must be a header, Name: value")
    return text


def _is_public_http(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    try:
        return not ipaddress.ip_address(host).is_private
    except ValueError:
        return "." in host and not host.endswith((".internal", ".local", ".localhost"))
