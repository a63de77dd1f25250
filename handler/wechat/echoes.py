"""Shorten WeChat's errmsg, and hide the request's secrets in it. Loaded only after WeChat refused a request.

The time is linear in the lengths of the text and the secrets. No regular expression here has an unbounded repetition,
because backtracking would hold the interpreter's lock beyond every deadline.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from html.entities import html5

LONGEST_TEXT = 2048  # characters of an errmsg to show; WeChat's have up to 300
_RUN = 8  # this many consecutive characters of a secret count as shown; fewer may be part of a word
_MOST_SHOWN = 15  # the most characters of a secret that a text may show in such runs

_ESCAPE = re.compile(
    r"%(?:25){0,4}(?P<percent>[0-9a-f]{2})"  # %2F, or escaped twice: %252F
    r"|(?:%|\\)u(?P<unicode>[0-9a-f]{4})|\\x(?P<byte>[0-9a-f]{2})|\\(?P<line>[nrt])"
    r"|&(?:amp;){0,4}(?:#x(?P<entity>[0-9a-f]{1,6})|#(?P<number>[0-9]{1,7})|(?P<name>[a-z]{2,12}));?",
    re.IGNORECASE,
)
_IGNORED = frozenset("\\\"',:")  # escapes, quotes and separators
# Compare without case, and treat the two alphabets of base64 as one.
_FOLDED = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", "abcdefghijklmnopqrstuvwxyz+/")

Place = tuple[int, int]  # start and end in a text
Reading = Callable[[str], Iterator[tuple[int, int, str]]]  # yields the characters of a text, with their places


def shorten(text: str, longest: int = LONGEST_TEXT) -> str:
    """Cut the middle out of a text longer than `longest`. The end stays, because it contains WeChat's `rid:`."""
    if len(text) <= longest:
        return text
    gap, end = " ... ", longest // 4
    return text[: longest - end - len(gap)] + gap + text[-end:]


def hide(text: str, secrets: Iterable[str]) -> str:
    """Replace a secret by `***` if a text shows 16 or more of its characters, in runs of 8 or more.

    Replace a shorter secret if the text shows all of it. The text may show a secret in upper or lower case, in base64
    or hex, with URL, JSON or HTML escapes, and with quotes, blanks or line breaks in between.
    """
    secrets = list(secrets)
    for secret in secrets:
        text = text.replace(secret, "***")
    found: list[Place] = []
    for read in (_read_unescaped, _read_as_it_is):
        plain, places = _normalize(text, read)
        runs = [run for secret in secrets for form in _list_forms(secret, read) for run in _find_runs(plain, form)]
        found += [(places[first][0], places[last][1]) for first, last in runs]
    for begin, end in reversed(_merge(found)):
        text = f"{text[:begin]}***{text[end:]}"
    return text


def _normalize(text: str, read: Reading) -> tuple[str, list[Place]]:
    """Return a text in lower case without the ignored characters, and the original place of each character left."""
    characters: list[str] = []
    places: list[Place] = []
    for begin, end, character in read(text):
        if character.isprintable() and not character.isspace() and character not in _IGNORED:
            characters.append(character)
            places.append((begin, end))
    return "".join(characters).translate(_FOLDED), places


def _read_as_it_is(text: str) -> Iterator[tuple[int, int, str]]:
    r"""Yield each character of a text. Escapes stay, because the `n` of `\n` may be the first character of a secret."""
    return ((place, place + 1, character) for place, character in enumerate(text))


def _read_unescaped(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each character of a text, with escapes undone once."""
    end = 0
    for match in _ESCAPE.finditer(text):
        character = _unescape(match)
        if character is not None:
            yield from ((place, place + 1, text[place]) for place in range(end, match.start()))
            yield match.start(), match.end(), character
            end = match.end()
    yield from ((place, place + 1, text[place]) for place in range(end, len(text)))


def _unescape(match: re.Match[str]) -> str | None:
    kind, digits = str(match.lastgroup), match[str(match.lastgroup)]
    if kind == "line":
        return "\n"
    if kind == "name":
        found = html5.get(f"{digits};", "")
        return found if len(found) == 1 else None
    code = int(digits, 10 if kind == "number" else 16)
    return chr(code) if code <= 0x10FFFF else None


def _list_forms(secret: str, read: Reading) -> Iterator[str]:
    """Yield the forms that a secret may have in a normalized text: plain, hex, and base64 at each of three offsets."""
    content = secret.encode("utf-8", "replace")
    yield _normalize(secret, read)[0]
    yield content.hex()
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(before) + content).decode().rstrip("=")
        whole = (before + len(content)) % 3 == 0
        yield encoded[shared : None if whole else -1].translate(_FOLDED)


def _find_runs(plain: str, form: str) -> list[Place]:
    """Return the first and last index of each run of the form's characters.

    Return an empty list if all runs together show too few characters to be a leak.
    """
    if len(form) < _RUN:
        return []
    pieces = {form[start : start + _RUN] for start in range(len(form) - _RUN + 1)}
    found = [
        (start, start + _RUN - 1) for start in range(len(plain) - _RUN + 1) if plain[start : start + _RUN] in pieces
    ]
    runs = _merge(found)
    shown = sum(map(len, {plain[first : last + 1] for first, last in runs}))  # count a repeated run once
    return runs if shown > min(_MOST_SHOWN, len(form) - 1) else []


def _merge(places: list[Place]) -> list[Place]:
    """Return the places sorted, with overlapping ones merged."""
    merged: list[Place] = []
    for begin, end in sorted(places):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
