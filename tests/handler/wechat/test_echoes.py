"""An errmsg is shown up to a length, without the secrets that it repeats."""

import base64
import html
import json
import os
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import quote

import pytest

from gray_release.sandbox.server import APPID, Sandbox
from handler.contract import OpenApiError
from handler.wechat.echoes import LONGEST_TEXT
from tests.support import ROOT, Configure, Invoke, set_body

TOKEN = "hush/t0ken+With=Signs/and-Much.More~to_say/1234567890"


def escape(template: str) -> Callable[[str], str]:
    """Return a function that formats each character's number with the template."""
    return lambda text: "".join(template.format(ord(character)) for character in text)


def wrap(separator: str, width: int = 8) -> Callable[[str], str]:
    """Return a function that puts a separator after every `width` characters."""
    return lambda text: separator.join(text[start : start + width] for start in range(0, len(text), width))


def encode(text: str) -> str:
    """Return a text in base64."""
    return base64.b64encode(text.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "twice": lambda text: f"{text} {text}",
    "upper case": str.upper,
    "lower case": str.lower,
    "in an address": lambda text: quote(text, safe=""),
    "in an address, in lower case": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "twice in an address": lambda text: quote(quote(text, safe=""), safe=""),
    "three times in an address": lambda text: quote(quote(quote(text, safe=""), safe=""), safe=""),
    "every byte in an address": escape("%{:02X}"),
    "every byte twice in an address": escape("%25{:02x}"),
    "as JavaScript's escape()": escape("%u{:04X}"),
    "in JSON": lambda text: text.replace("/", "\\/"),
    "twice in JSON": lambda text: text.replace("/", "\\\\/"),
    "in JSON, as numbers": escape("\\u{:04x}"),
    "in JSON, as numbers in upper case": escape("\\u{:04X}"),
    "twice in JSON, as numbers": escape("\\\\u{:04x}"),
    "with a backslash before each character": lambda text: "".join(f"\\{character}" for character in text),
    "as bytes of Python": escape("\\x{:02x}"),
    "as bytes of Python in upper case": escape("\\x{:02X}"),
    "in HTML": html.escape,
    "in HTML, as numbers": escape("&#{};"),
    "in HTML, as hexadecimal numbers": escape("&#x{:x};"),
    "in HTML, as hexadecimal numbers with zeros": escape("&#x{:04X};"),
    "in HTML, without semicolons": escape("&#{}"),
    "twice in HTML": escape("&amp;#{};"),
    "in HTML, as names": lambda text: text.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;"),
    "wrapped": wrap("\n"),
    "wrapped as on Windows": wrap("\r\n", 16),
    "wrapped, escaped": wrap("\\n"),
    "wrapped, in an address": wrap("%0A"),
    "with blanks": wrap(" ", 4),
    "with a blank each": wrap(" ", 1),
    "with tabs": wrap("\t", 3),
    "with blanks of no width": wrap("\u200b", 5),
    "with soft hyphens": wrap("\u00ad", 5),
    "in quoted pieces": wrap('" "', 6),
    "in base64": encode,
    "in base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in base64, wrapped": lambda text: wrap("\n", 20)(encode(text)),
    "in base64, in an address": lambda text: quote(encode(text), safe=""),
    "in base64, one byte further": lambda text: encode(f":{text}:"),
    "in base64, two bytes further": lambda text: encode(f"u:{text}@"),
    "in hex": lambda text: text.encode().hex(),
    "in hex, in upper case": lambda text: text.encode().hex().upper(),
    "in hex, with blanks": lambda text: text.encode().hex(" "),
    "in hex, with colons": lambda text: text.encode().hex(":"),
}

PARTS = {
    "the first 16": TOKEN[:16],
    "the first 30": TOKEN[:30],
    "all but the first": TOKEN[1:],
    "all but the last": TOKEN[:-1],
    "the last 16": TOKEN[-16:],
    "16 of the middle": TOKEN[20:36],
    "masked in the middle": f"{TOKEN[:15]}******{TOKEN[-15:]}",
    "masked but for the ends": f"{TOKEN[:8]}...{TOKEN[-8:]}",
    "one character masked": f"{TOKEN[:26]}*{TOKEN[27:]}",
    "one character in nine masked": "".join("*" if index % 9 == 8 else char for index, char in enumerate(TOKEN)),
    "cut short in an address": quote(TOKEN, safe="")[:40],
}


def read_reason(invoke: Invoke, event: object = None) -> str:
    """Return the reason that a failed invocation gives."""
    with pytest.raises(OpenApiError) as caught:
        invoke(event)
    return caught.value.reason


def measure_longest_part(text: str, secret: str) -> int:
    """Return the length of the longest part of the secret in the text, ignoring case."""
    text, secret = text.lower(), secret.lower()
    runs = (secret[start:end] for start in range(len(secret)) for end in range(start + 1, len(secret) + 1))
    return max((len(run) for run in runs if run in text), default=0)


@pytest.mark.parametrize("form", FORMS)
def test_forms(sandbox: Sandbox, invoke: Invoke, form: str) -> None:
    """A token in an errmsg is hidden in every form, and the rest of the errmsg is shown."""
    shown = FORMS[form](TOKEN)
    set_body(sandbox, json.dumps({"errcode": 40013, "errmsg": f"bad ({shown}): no rid: 5f-1e"}).encode())
    told = read_reason(invoke, {"accessToken": TOKEN})
    assert told.startswith("bad (")
    assert told.endswith("): no rid: 5f-1e")
    hidden = told.removeprefix("bad (").removesuffix("): no rid: 5f-1e")
    assert "***" in hidden
    assert len(hidden.replace("*", "")) < 8


@pytest.mark.parametrize("part", PARTS)
def test_parts(sandbox: Sandbox, invoke: Invoke, part: str) -> None:
    """The function also hides any part of a token, even if WeChat has masked the rest."""
    set_body(sandbox, json.dumps({"errcode": 40013, "errmsg": f"bad {PARTS[part]}"}).encode())
    told = read_reason(invoke, {"accessToken": TOKEN})
    assert "***" in told
    assert measure_longest_part(told, TOKEN) < 8


@pytest.mark.parametrize("sign", ["%", "%25", "%u", "\\", "\\x", "\\u", "&#x", "&#", "&"])
@pytest.mark.parametrize("secret", ["0123456789abcdef0123456789abcdef", "nrtnrtnrtnrtnrtnrtnrtnrtnrtnrtnr"])
def test_seeming_escapes(sandbox: Sandbox, invoke: Invoke, sign: str, secret: str) -> None:
    """A token is found even if the character before it makes its first characters look like an escape."""
    set_body(sandbox, json.dumps({"errcode": 40013, "errmsg": f"bad {sign}{secret[:17]}"}).encode())
    told = read_reason(invoke, {"accessToken": secret})
    assert measure_longest_part(told, secret) < 8


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [TOKEN, "0123456789abcdef0123456789ABCDEF", "s3cr3t-8", "fifteen-letters"])
def test_app_secret(sandbox: Sandbox, invoke: Invoke, configure: Configure, form: str, secret: str) -> None:
    """The AppSecret of a token request is hidden in every form, even a short one."""
    configure(WECHAT_SECRET=secret)
    shown = FORMS[form](secret)
    set_body(sandbox, json.dumps({"errcode": 40125, "errmsg": f"<{shown}>"}).encode(), endpoint="stable")
    told = read_reason(invoke)
    assert "***" in told
    assert measure_longest_part(told.replace("***", ""), shown) < 8


WORDS = [
    "invalid credential, access_token is invalid or not latest rid: 5f1e0c2a-1b2c3d4e-5f607182",
    "invalid refreshtoken: refreshtoken has expired",
    "你好 %E4%BD%A0 &nbsp; \\n 100% &amp; more",
    "***",
]


@pytest.mark.parametrize("errmsg", WORDS)
def test_words_stay(sandbox: Sandbox, invoke: Invoke, errmsg: str) -> None:
    """The function shows other text unchanged, even a word that a token begins with."""
    set_body(sandbox, json.dumps({"errcode": 40013, "errmsg": errmsg}).encode())
    assert read_reason(invoke, {"accessToken": "refreshtoken@@@1b2c3d4f-access_token"}) == errmsg


@pytest.mark.parametrize("character", ["x", "\x01", "\\", "\ufffd", "灰", "😀"])
def test_long_text(sandbox: Sandbox, invoke: Invoke, character: str) -> None:
    """A long errmsg is cut in its middle, so that its end with the `rid:` stays."""
    errmsg = f"begin {character * 1_000_000}"[
        : (1 << 20) // len(json.dumps(character, ensure_ascii=False).encode()) - 99
    ]
    content = json.dumps({"errcode": 48001, "errmsg": f"{errmsg} rid: 5f1e-2"}, ensure_ascii=False)
    set_body(sandbox, content.encode())
    told = read_reason(invoke, {"accessToken": TOKEN})
    assert len(told) == LONGEST_TEXT
    assert told.startswith("begin ")
    assert told.endswith(" rid: 5f1e-2")


DEAR = ["\\", "%", "%25", "&", "&amp;", "&#", "\\u", "0123456789", TOKEN[:7], TOKEN[:15], f"{TOKEN[:15]} ", TOKEN]
CPU_SECONDS = 60  # far more than the search needs, and far less than a backtracking search would take

DEAR_CHILD = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))
from handler.app import forget_settings, lambda_handler
from handler.contract import OpenApiError
import os
for length in (8, 15, 32, 512, 2048):
    for piece in sys.argv[1:]:
        os.environ["WECHAT_SECRET"] = (piece * length)[:length]
        forget_settings()
        try:
            lambda_handler({{}}, None)
        except OpenApiError as error:
            assert error.errCode == 40125, error
        else:
            raise AssertionError
"""


@pytest.mark.parametrize("piece", [*(pytest.param(piece, marks=pytest.mark.slow) for piece in DEAR[:-1]), DEAR[-1]])
def test_dear_texts(sandbox: Sandbox, piece: str) -> None:
    """An errmsg of 1 MiB that is expensive to search costs little CPU with any secret."""
    errmsg = piece * (1_000_000 // len(json.dumps(piece)))
    set_body(sandbox, json.dumps({"errcode": 40125, "errmsg": errmsg}).encode(), endpoint="stable")
    environ = {"PATH": os.environ["PATH"], "WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID}
    command = [sys.executable, "-W", "ignore", "-c", DEAR_CHILD, *DEAR]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
