"""Write certifi's authorities into a directory, where OpenSSL finds each certificate by the hash of its subject.

A TLS context that loads certifi's file parses 120 certificates (190 million instructions) and uses one of them. From
such a directory, OpenSSL reads only the certificate that it uses. The same authorities are trusted in both cases.
https://docs.openssl.org/3.0/man1/openssl-rehash/
"""

from __future__ import annotations  # this module must also run on a system Python older than 3.10

import base64
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "hashed"  # next to certifi's file; handler/network/tls.py reads it
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----\n?", re.DOTALL)
_SPACES = b" \t\n\v\f\r"
# ASN.1's string types, each with its encoding. OpenSSL ignores case and repeated spaces in all of them.
_TEXTS = {12: "utf-8", 19: "latin-1", 20: "latin-1", 22: "latin-1", 26: "latin-1", 28: "utf-32-be", 30: "utf-16-be"}
_UTF8, _SEQUENCE, _SET, _VERSION = 0x0C, 0x30, 0x31, 0xA0


def write_hashed_certificates(authorities: Path) -> None:
    """Write each certificate of a file as `HASH.0` into the folder `hashed` next to it.

    Certificates with the same hash get `.1`, `.2` and so on.
    """
    folder = authorities.parent / FOLDER
    folder.mkdir(exist_ok=True)
    taken: dict[str, int] = {}
    for found in _PEM.finditer(authorities.read_text("utf-8")):
        name = hash_subject(base64.b64decode(found[1]))
        number = taken[name] = taken.get(name, -1) + 1
        (folder / f"{name}.{number}").write_text(found[0], "ascii")


def hash_subject(certificate: bytes) -> str:
    """Return OpenSSL's hash of the subject of a certificate in DER (`X509_NAME_hash`)."""
    [(_, whole)] = _read_items(certificate)
    fields = [content for tag, content in _read_items(next(_read_items(whole))[1]) if tag != _VERSION]
    subject = fields[4]  # 0 to 3 are serial number, algorithm, issuer and validity
    names = b"".join(
        _encode_item(_SET, b"".join(sorted(map(_normalize_attribute, _read_items(attributes)))))
        for _, attributes in _read_items(subject)
    )
    return f"{int.from_bytes(hashlib.sha1(names).digest()[:4], 'little'):08x}"  # noqa: S324 - OpenSSL's choice of hash


def _normalize_attribute(attribute: tuple[int, bytes]) -> bytes:
    """Encode an attribute of a name as OpenSSL does before hashing: UTF-8, lower case, single spaces."""
    (kind, identifier), (tag, value) = _read_items(attribute[1])
    if tag in _TEXTS:
        text = value.decode(_TEXTS[tag]).encode()
        tag, value = _UTF8, re.sub(rb"[%b]+" % _SPACES, b" ", text.strip(_SPACES)).lower()
    return _encode_item(_SEQUENCE, _encode_item(kind, identifier) + _encode_item(tag, value))


def _read_items(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the content of each item in DER-encoded bytes."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= 0x80:
            size = length - 0x80
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        yield tag, der[at : at + length]
        at += length


def _encode_item(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(size)]) + size + content
