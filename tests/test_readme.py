"""The documentation says what the code does."""

import re
import shlex
from pathlib import Path

import pytest

from handler.local.cli import commands
from handler.settings import Settings
from handler.telemetry.hints import HINTS
from tests.support import REPLY

README = Path("README.md").read_text("utf-8")
DOCUMENTS = {path.name: path.read_text("utf-8") for path in (Path("README.md"), Path("README.zh-CN.md"))}
COMMANDS = re.findall(r"```sh\n(.*?)```", "".join(DOCUMENTS.values()), re.DOTALL)
ELSEWHERE = ("deploy-scf",)  # tests/deploy/test_scf.py
LINES = [line for block in COMMANDS for line in block.splitlines()]


def test_settings_table() -> None:
    """The settings table is what the settings say."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = f"`{str(field.default).replace('False', 'false')}` " if field.default is not None else ""
        rows.append(f"| `{name.upper()}` | {field.description} | {default}|")
    table = "| variable | meaning | default |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    assert table in README, f"the table should be\n{table}"


def test_hints_table() -> None:
    """The table of what to do is what the log says."""
    rows = [f"| {code} | {hint.replace('{address}', 'an address')} |" for code, hint in sorted(HINTS.items())]
    table = "| errCode | what to do |\n|---|---|\n" + "\n".join(rows) + "\n"
    assert table in README, f"the table should be\n{table}"


def test_logs_and_metrics() -> None:
    """Every metric and every field of the log line that is published is documented, and no other field."""
    section = README.partition("## Logs and metrics")[2].partition("## Deploy")[0]
    assert set(re.findall(r'\("([A-Z]\w+)", "', Path("handler/telemetry/metrics.py").read_text("utf-8"))) <= set(
        re.findall(r"`(\w+)`", section)
    )
    source = "".join(
        path.read_text("utf-8") for path in [*Path("handler/telemetry").glob("*.py"), Path("handler/invocation.py")]
    )
    for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
        for field in re.findall(r"`(\w+)`", row):
            assert f'"{field}"' in source


def test_python_examples() -> None:
    """Examples in Python are Python."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        compile(block, "README.md", "exec")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_reply(name: str) -> None:
    """The documented reply is the one that `make invoke` prints (tests/local/test_cli.py runs it)."""
    assert re.findall(r"```json\n(.*?)```", DOCUMENTS[name], re.DOTALL) == [REPLY]


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("make ")])
def test_make_targets(line: str) -> None:
    """Every make target that is named exists, and CI or a test runs what it does."""
    [target] = line.split()[1:]
    assert re.search(rf"^{target}:.*## ", Path("Makefile").read_text("utf-8"), re.MULTILINE)
    run = Path(".ci/run").read_text("utf-8")
    assert f"make {target}" in run or f"make --silent {target}" in run or target in ELSEWHERE


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("python -m handler.local ")])
def test_local_commands(line: str) -> None:
    """Every `python -m handler.local` command that is named is one, and its files exist."""
    name, *arguments = shlex.split(line)[3:]
    context = commands.commands[name].make_context(name, arguments)
    assert Path(context.params.get("event") or "README.md").exists()


def test_other_commands() -> None:
    """What is left are SAM's and Tencent's own commands, which the deploy tests run or stand in for."""
    left = {line.split()[0] for line in LINES if not line.startswith(("make ", "python -m handler.local "))}
    assert left == {"sam", "tccli"}


def test_named_tests_exist() -> None:
    """The tests that SECURITY.md names hold its claims: they exist."""
    for file, test in re.findall(r"`(tests/\w+\.py)::(\w+)`", Path(".github/SECURITY.md").read_text("utf-8")):
        assert f"def {test}(" in Path(file).read_text("utf-8")
