"""certifi's authorities as the directory that OpenSSL looks one up in, by the hash of its name.

A TLS context that reads the whole file parses 120 certificates, 190 million instructions, to use one of them. From the
directory OpenSSL reads that one: https://docs.openssl.org/3.0/man1/openssl-rehash/. Which ones are trusted is the same.
"""

from __future__ import annotations  # for the system's Python, which may be older than the function's

import base64
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASHED = "hashed"  # the folder, beside certifi's file; handler/network/tls.py reads it
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----\n?", re.DOTALL)
_SPACES = b" \t\n\v\f\r"
# ASN.1's kinds of text that OpenSSL compares without regard to case and spaces, and how each is encoded.
_TEXTS = {12: "utf-8", 19: "latin-1", 20: "latin-1", 22: "latin-1", 26: "latin-1", 28: "utf-32-be", 30: "utf-16-be"}
_UTF8, _SEQUENCE, _SET, _VERSION = 0x0C, 0x30, 0x31, 0xA0


def write_hashed(authorities: Path) -> None:
    """Write each certificate of a file into the folder beside it: `HASH.0`, or `.1` for a second of the same hash."""
    folder = authorities.parent / HASHED
    folder.mkdir(exist_ok=True)
    taken: dict[str, int] = {}
    for found in _PEM.finditer(authorities.read_text("utf-8")):
        name = subject_hash(base64.b64decode(found[1]))
        number = taken[name] = taken.get(name, -1) + 1
        (folder / f"{name}.{number}").write_text(found[0], "ascii")


def subject_hash(certificate: bytes) -> str:
    """Return OpenSSL's hash of the subject of a certificate in DER (`X509_NAME_hash`)."""
    [(_, whole)] = _items(certificate)
    fields = [content for tag, content in _items(next(_items(whole))[1]) if tag != _VERSION]
    subject = fields[4]  # after serial number, algorithm, issuer and validity
    names = b"".join(_item(_SET, b"".join(sorted(map(_plain, _items(one))))) for _, one in _items(subject))
    return f"{int.from_bytes(hashlib.sha1(names).digest()[:4], 'little'):08x}"  # noqa: S324 - as OpenSSL names files


def _plain(attribute: tuple[int, bytes]) -> bytes:
    """Return an attribute of a name as OpenSSL compares it: UTF-8, lower case, single spaces."""
    (kind, identifier), (tag, value) = _items(attribute[1])
    if tag in _TEXTS:
        text = value.decode(_TEXTS[tag]).encode()
        tag, value = _UTF8, re.sub(rb"[%b]+" % _SPACES, b" ", text.strip(_SPACES)).lower()
    return _item(_SEQUENCE, _item(kind, identifier) + _item(tag, value))


def _items(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and content of each item of DER."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= 0x80:
            size = length - 0x80
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        yield tag, der[at : at + length]
        at += length


def _item(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(size)]) + size + content
