"""Fuzzing of WeChat's bodies, guided by coverage; hypothesis tests the rest in other modules."""

import json
from pathlib import Path

import pytest

from tests.fault_table import ERRCODES, SUCCESSES
from tests.support import fuzz

pytestmark = pytest.mark.slow

RUNS = 1_000_000
TOKENS = (
    *('"errcode"', '"errmsg"', '"gray_release_plan"', '"status"', '"gray_percentage"', '"create_timestamp"'),
    *("null", "true", "false", "NaN", "Infinity", "-1", "1e999", "48001", "0.0", "[", "]", "{", "}", ":", ",", '""'),
    *("\\\\ud800", "\\\\udfff", "a_b", "aB", "__proto__", "secret-value", "rid: 1-2", "10.0.0.1"),
)


def test_bodies(tmp_path: Path) -> None:
    """Bodies mutated from the conformance data and the fault table cause no crash."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    cases = json.loads(Path("tests/conformance/wx-server-sdk-4.0.2.json").read_bytes())
    bodies = [case["body"].encode() for case in cases]
    bodies += [row.fault.raw.partition(b"\r\n\r\n")[2] for row in ERRCODES + SUCCESSES]
    for number, content in enumerate(body for body in bodies if len(body) < 1000):
        (corpus / str(number)).write_bytes(content)
    dictionary = tmp_path / "dictionary"
    dictionary.write_text("\n".join('"' + token.replace('"', '\\"') + '"' for token in TOKENS))
    fuzz("tests.handler.wechat.fuzz_bodies", corpus, f"-runs={RUNS}", "-max_len=1000", f"-dict={dictionary}")


def test_echoes(tmp_path: Path) -> None:
    """Errmsgs that repeat pieces of a secret in many forms show none of it."""
    fuzz("tests.handler.wechat.fuzz_echoes", tmp_path, "-runs=20000", "-max_len=400", "-len_control=0")
