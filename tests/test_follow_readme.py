"""Run the commands of the READMEs in a fresh clone."""

from pathlib import Path

import pytest

from tests.follow_readme import ELSEWHERE, blocks, follow
from tests.support import ROOT

pytestmark = pytest.mark.slow
DOCUMENTS = ("README.md", "README.zh-CN.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_follow(document: str) -> None:
    """Every command runs and prints the documented output, and nothing is written outside the clone."""
    assert follow(document) == []


def test_elsewhere() -> None:
    """Some documented commands are not run. Each of them is still in the READMEs, and a test covers it."""
    lines = {
        line
        for document in DOCUMENTS
        for block in blocks((ROOT / document).read_text("utf-8"))
        for line in block.commands
    }
    assert set(ELSEWHERE) <= lines
    assert all(Path(test).exists() for test in ELSEWHERE.values())
