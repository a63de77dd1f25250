"""Stored values: hypothesis searches for a value that is misread or shown."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.contract import OpenApiError
from handler.tokens import stored_value
from handler.tokens.stored_value import NAMES
from tests.support import json_values

KINDS = {
    "PHP-serialised data",
    "binary data (Java's serialisation, Kryo or the like)",
    "a JSON array",
    "a JSON boolean",
    "a JSON number",
    "a JSON object without a token",
    "a text in UTF-16",
    "a text that is not a token",
    "a word such as undefined or null",
    "an HTML page",
    "an empty text",
    "data of PHP's igbinary",
    "JSON's null",
}
# As long as real tokens; none of them is a JSON number or word.
tokens = st.from_regex(r"[0-9]{2}_[A-Za-z0-9_-]{3,509}", fullmatch=True)


@given(tokens, st.sampled_from(NAMES), st.dictionaries(st.sampled_from(["expires_in", "data", "msg"]), json_values))
def test_every_form(token: str, name: str, others: dict[str, object]) -> None:
    """A token is read unchanged from each form, whatever other fields there are."""
    forms: tuple[str, ...] = (token, f"{token}\n", json.dumps(token), json.dumps({**others, name: token}))
    inner = {name: token}
    forms += (json.dumps({**others, "data": inner}), f"\ufeff{json.dumps(inner)}", f"\ufeff{token}\n")
    forms += (json.dumps({"authorization_info": inner}), json.dumps({"data": {"authorization_info": inner}}))
    for form in forms:
        assert stored_value.read_token(form.encode(), "a test") == token


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything(stored: bytes) -> None:
    """Any value is read as a possible token, or refused with errCode 41001 and one of the known kinds."""
    try:
        seen = stored_value.read_token(stored, "a test")
    except OpenApiError as error:
        seen = error.reason.removeprefix("no token in a test: found ")
    assert seen in KINDS or re.fullmatch("[A-Za-z0-9_.~@=+/-]{1,2048}", seen)


@pytest.mark.parametrize("name", NAMES)
def test_the_top_wins(name: str) -> None:
    """A name at the top level wins over one under `data`, unless it is empty."""
    inner = {"data": {"token": "inner"}}
    assert stored_value.read_token(json.dumps({**inner, name: "outer"}).encode(), "a test") == "outer"
    assert stored_value.read_token(json.dumps({**inner, name: ""}).encode(), "a test") == "inner"


@pytest.mark.parametrize("word", ["undefined", "nil", "null", "None", "NULL", "NaN", "false", "Infinity"])
def test_words_for_nothing(word: str) -> None:
    """The word for "nothing" of any programming language is not accepted as a token."""
    forms = [word, f" {word}\n", json.dumps(word), *(json.dumps({name: word}) for name in NAMES)]
    for form in (*forms, json.dumps({"data": {"token": word}})):
        with pytest.raises(OpenApiError) as caught:
            stored_value.read_token(form.encode(), "a test")
        assert caught.value.errCode == 41001


@pytest.mark.parametrize("length", [2048, 2049])
def test_length(length: int) -> None:
    """A token may have at most 2,048 characters."""
    for form in ("x" * length, json.dumps({"token": "x" * length}), json.dumps({"data": "x" * length})):
        if length == 2048:
            assert stored_value.read_token(form.encode(), "a test") == "x" * length
        else:
            with pytest.raises(OpenApiError):
                stored_value.read_token(form.encode(), "a test")
