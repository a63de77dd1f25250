"""Fuzz the hiding of secrets in an errmsg, guided by coverage: `python -m tests.handler.wechat.fuzz_echoes [OPTIONS]`.

No 16 characters of a secret in a row are shown, whatever surrounds it and however it is written.
"""

import base64
import html
import re
import sys
from urllib.parse import quote, unquote

import atheris

with atheris.instrument_imports(include=["handler"]):
    from handler.wechat import echoes

# Secrets of the usual alphabet, with parts that look like escapes.
SECRETS = ["0123456789abcdef0f1e2d3c4b5a6978", "Ab-_cd+/ef=gh.~ij@KL41x42u0041q", "93_" + "Zq7nrtxu" * 20]
FORMS = [
    str,
    str.upper,
    quote,
    html.escape,
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: "".join(f"\\{character}" for character in text),
    lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    lambda text: "".join(f"%{ord(character):02X}" for character in text),
    lambda text: "".join(f"&#{ord(character)};" for character in text),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: text.encode().hex(),
    " ".join,
]
AROUND = [
    "%",
    "%25",
    "%2",
    "%u",
    "%u00",
    "\\",
    "\\x",
    "\\u",
    "\\u00",
    "&",
    "&#",
    "&#x",
    "&amp;#",
    "&sol;",
    "/",
    '"',
    "\n",
    "rid: ",
]
RUN = 16


def one_text(content: bytes) -> None:
    """Build a text that shows pieces of a secret as the bytes say. Check that they are hidden."""
    data = atheris.FuzzedDataProvider(content)
    secret = data.PickValueInList(SECRETS)
    parts: list[str] = []
    while data.remaining_bytes() and len(parts) < 12:
        begin = data.ConsumeIntInRange(0, len(secret))
        piece = secret[begin : begin + data.ConsumeIntInRange(0, len(secret))]
        parts += [data.PickValueInList(AROUND), data.ConsumeUnicode(3), data.PickValueInList(FORMS)(piece)]
    shown = echoes.hide(echoes.shorten("".join(parts)), SECRETS)
    forms = (shown, unquote(shown), re.sub(r"\s", "", shown), shown.replace("\\", ""), html.unescape(shown))
    for form in forms:
        check_hidden(form.lower(), secret.lower())


def check_hidden(text: str, secret: str) -> None:
    """Check that a text shows no long part of a secret."""
    assert not any(secret[start : start + RUN] in text for start in range(len(secret) - RUN + 1)), text


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_text)
    atheris.Fuzz()
