"""Check that the documents describe the code. `test_follow_readme.py` runs the commands of the READMEs."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic.alias_generators import to_camel

from gray_release.cli import commands
from gray_release.invoke import LambdaContext
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import DOCUMENTED_PLAN, Sandbox
from handler.app import lambda_handler
from handler.contract import Arguments
from handler.telemetry import metrics
from handler.triggers import TRIGGERS, recognise
from handler.triggers.unsupported import Unsupported
from tests import documents
from tests.deploy.cloudformation import TEMPLATE
from tests.documents import CODE, FILES, HEADS, LISTS, PAGES, list_differences
from tests.marks import find_names, read_block
from tests.support import DOCUMENTED, REPLY, ROOT, Configure, Invoke, Log, run

TEXTS = {str(page.relative_to(ROOT)): page.read_text("utf-8") for page in PAGES}
README, CHINESE = TEXTS["README.md"], TEXTS["README.zh-CN.md"]
OPERATORS = {"|", ">", "&", "&&", "||", "<", ";"}


def lines(name: str, beginning: str) -> list[str]:
    """Return a document's commands that begin with this text, from its code blocks and its sentences."""
    blocks = re.findall(r"^```sh\n(.*?)^```", TEXTS[name], re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", TEXTS[name], flags=re.DOTALL | re.MULTILINE)
    found = [line for text in blocks for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in [*found, *re.findall(r"`([^`]+)`", prose)] if line.startswith(beginning)]


def words(line: str) -> list[str]:
    """Return the words of a command. A pipe, a redirection or a comment ends it."""
    found = shlex.split(line, comments=True)
    return found[: next((place for place, word in enumerate(found) if word in OPERATORS), len(found))]


def rows(name: str, text: str) -> list[list[str]]:
    """Return the cells of a marked table, without its header."""
    return [line.strip("| ").split(" | ") for line in read_block(text, name).splitlines()[2:]]


# --- Tables and pictures made from the code


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated(path: Path) -> None:
    """The parts that `make docs` generates from the code are up to date."""
    assert path.read_text("utf-8") == FILES[path]()


def test_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make check` fails and lists the files that are not up to date, but does not change them. `make docs` does."""
    stale, current = (tmp_path / name for name in ("stale.md", "current.md"))
    stale.write_text("old", "utf-8")
    current.write_text("new", "utf-8")
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "FILES", {stale: lambda: "new", current: lambda: "new"})
    monkeypatch.setattr("sys.argv", ["documents", "--check"])
    assert (documents.main(), stale.read_text("utf-8")) == (1, "old")
    shown = capsys.readouterr().out
    assert "stale.md" in shown
    assert "current.md" not in shown
    monkeypatch.setattr("sys.argv", ["documents"])
    assert (documents.main(), stale.read_text("utf-8")) == (0, "new")
    monkeypatch.setattr("sys.argv", ["documents", "--check"])
    assert documents.main() == 0


@pytest.mark.parametrize("table", HEADS)
def test_both_languages(table: str) -> None:
    """Each row has an English and a Chinese text, and a document in each language has the table."""
    assert list_differences(table) == []
    for is_chinese in (True, False):
        pages = [name for name in TEXTS if name.endswith(".zh-CN.md") == is_chinese]
        assert [name for name in pages if table in find_names(TEXTS[name])]


def test_lists() -> None:
    """Each generated list of names has a block in a file."""
    assert {name for path in CODE for name in find_names(path.read_text("utf-8"))} == LISTS.keys()


def test_picture() -> None:
    """Both READMEs show the picture."""
    assert all("docs/picture.svg" in text for text in (README, CHINESE))


def test_log_table(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """Every field of the log line is documented, and every documented field occurs in a log line."""
    documented = {field for row in rows("log", TEXTS["docs/operating.md"]) for field in re.findall(r"`(\w+)`", row[0])}
    odd_plan = json.dumps({"gray_release_plan": {"status": "1", "gray_percentage": 8}})
    for fault in (Fault("plan", "body", odd_plan, times=1), Fault("plan", "errcode", "48001", times=1)):
        sandbox.faults[:] = [fault]
        lambda_handler({"httpMethod": "GET", "path": "/", "requestContext": {"requestId": "r-1"}}, LambdaContext())
    invoke()
    written = {field for line in log() if line["message"] == "getGrayReleasePlan" for field in line}
    assert written - {"message"} == documented


def test_metrics_table() -> None:
    """The documents list exactly the published metrics."""
    for text in (TEXTS["docs/operating.md"], CHINESE):
        assert {row[0].strip("`") for row in rows("metrics", text)} == metrics.UNITS.keys()


def test_alarms_table() -> None:
    """The documents list exactly the template's alarms."""
    alarms = {name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
    for text in (TEXTS["docs/operating.md"], CHINESE):
        assert {row[0].strip("`") for row in rows("alarms", text)} == alarms


def test_chinese_errors() -> None:
    """The Chinese and the English table of errors have the same codes and statuses."""
    assert [(re.findall(r"-?\d+", row[1]), row[2]) for row in rows("errors", CHINESE)] == [
        (re.findall(r"-?\d+", row[1]), row[2]) for row in rows("errors", TEXTS["docs/operating.md"])
    ]


@pytest.mark.parametrize("text", [README, CHINESE], ids=["English", "Chinese"])
def test_arguments(text: str) -> None:
    """Both READMEs name every argument."""
    assert {name for name in map(to_camel, Arguments.model_fields) if f"`{name}`" not in text} == set()


def test_triggers() -> None:
    """Every trigger has a sample event, and its name is documented."""
    samples = [json.loads(path.read_bytes()) for path in ROOT.glob("events/*.json")]
    names = {trigger.name for trigger in TRIGGERS}
    assert {recognise(sample).name for sample in samples} == names - {Unsupported.name}
    [row] = [row for row in rows("log", TEXTS["docs/operating.md"]) if row[0] == "`trigger`"]
    assert set(re.findall(r"`([\w-]+)`", row[1])) == names


# --- Tables whose rows the tests provoke


def call_function_url(
    method: str = "GET", path: str = "/", body: str = "", **query: str
) -> tuple[int, dict[str, str], Any]:
    """Send a request to the function URL; return the status, the headers and the body."""
    event = {"httpMethod": method, "path": path, "queryString": query, "headers": {}, "body": body}
    reply = lambda_handler(event, LambdaContext())
    return reply["statusCode"], reply["headers"], json.loads(reply["body"] or "null")


@pytest.mark.parametrize(
    ("row", "code", "fault", "environ", "asked"),
    [
        (0, 48001, "plan:errcode=48001", {}, {}),
        (1, 45009, "plan:errcode=45009", {}, {}),
        (1, 45011, "plan:errcode=45011", {}, {}),
        (2, -1, "plan:errcode=-1", {}, {}),
        (3, -1, "plan:reset", {}, {}),
        (3, -1, None, {"WECHAT_API_BASE_URL": "http://127.0.0.1:1"}, {}),
        (3, -1, None, {"WECHAT_API_BASE_URL": "https:{sandbox}"}, {}),
        (3, -1, "plan:status=404", {}, {}),
        (3, -1, "plan:status=500", {}, {}),
        (3, -1, "plan:html", {}, {}),
        (3, -1, None, {"WECHAT_TOKEN_SOURCE": "store", "WECHAT_TOKEN_STORE_URL": "redis://127.0.0.1:1"}, {}),
        (4, -1, "plan:hang=3", {"WECHAT_TIMEOUT_SECONDS": "0.3"}, {}),
        (5, 40097, None, {}, {"appid": "?"}),
        (5, 40097, None, {}, {"method": "POST", "body": "[]"}),
        (6, 41001, None, {"WECHAT_TOKEN_SOURCE": "cloudbase"}, {}),
        (7, 41002, None, {"WECHAT_APPID": None}, {}),
        (8, 41004, None, {"WECHAT_SECRET": None}, {}),
        (9, -1, None, {"ON_ERROR": "perhaps"}, {}),
        (10, 43001, None, {}, {"method": "DELETE"}),
    ],
)
def test_errors_table(
    sandbox: Sandbox,
    configure: Configure,
    *,
    row: int,
    code: int,
    fault: str | None,
    environ: dict[str, str | None],
    asked: dict[str, str],
) -> None:
    """Each failure gives the errCode and the HTTP status of its row."""
    address = sandbox.base_url.partition(":")[2]
    configure(**{name: value and value.replace("{sandbox}", address) for name, value in environ.items()})
    sandbox.faults.extend([Fault.parse(fault)] if fault else [])
    status, _, body = call_function_url(**asked)
    _, codes, documented = rows("errors", TEXTS["docs/operating.md"])[row]
    assert (str(status), body["errCode"]) == (documented, code)
    assert str(code) in codes.split(", ") or codes.startswith("its errcode")


def test_errors_table_has_no_other_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only row that no test provokes is the internal error."""

    def raise_error(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr("handler.operation.Operation.get_plan", raise_error)
    status, _, body = call_function_url()
    assert [row[1:] for row in rows("errors", TEXTS["docs/operating.md"])[11:]] == [[str(body["errCode"]), str(status)]]


@pytest.mark.usefixtures("sandbox")
def test_paths_table() -> None:
    """Each HTTP request is answered as its row says."""
    answers: dict[str, Any] = {
        "the cloud call": DOCUMENTED,
        "the status": None,
        "the HTTPS call": {"errcode": 0, "errmsg": "ok", "gray_release_plan": DOCUMENTED_PLAN},
    }
    for request, answer in rows("paths", TEXTS["docs/design.md"]):
        method, path = request.strip("`").split()
        status, headers, body = call_function_url(method, path)
        words, _, allow = answer.partition(", `Allow: ")
        if words == "405":
            assert (status, headers["Allow"]) == (405, allow.strip("`"))
        else:
            assert (status, body) == (200, next(value for start, value in answers.items() if answer.startswith(start)))


# --- Commands, links, examples


def test_readme_leads() -> None:
    """README.md stays short, and both READMEs show the reply of `make invoke` first."""
    assert len(README.splitlines()) < 170
    for text in (README, CHINESE):
        first = re.search(r"```sh\n(.*?)```\s+```json\n(.*?)```", text, re.DOTALL)
        assert first
        assert first.groups() == ("make invoke\n", REPLY)


def test_readmes_lead_to_the_same_pages() -> None:
    """Each README links every page of docs/. The Chinese README links the Chinese page if there is one."""
    pages = {name for name in TEXTS if name.startswith("docs/")}
    chinese = {name for name in pages if name.endswith(".zh-CN.md")}
    english = pages - chinese
    translated = {name.replace(".zh-CN", "") for name in chinese}
    for text, expected in ((README, english), (CHINESE, english - translated | chinese)):
        assert expected <= set(re.findall(r"\]\((docs/[\w.-]+\.md)", text))


@pytest.mark.parametrize("name", TEXTS)
def test_make_targets(name: str) -> None:
    """Every documented make target exists."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = [word for line in lines(name, "make ") for word in words(line)[1:]]
    assert {word for word in named if re.fullmatch("[a-z-]+", word)} <= targets


@pytest.mark.parametrize("name", TEXTS)
def test_local_commands(name: str) -> None:
    """Every documented `python -m gray_release` or `gray-release` command exists, with its options."""
    for beginning, skipped in (("python -m gray_release ", 3), ("gray-release ", 1)):
        for line in lines(name, beginning):
            command = words(line)[skipped:]
            if command == ["--version"]:
                continue
            subcommand = commands.commands[command[0]]
            arguments = [word for word in command[1:] if word.startswith("-")]
            assert {word.partition("=")[0] for word in arguments if word != "-"} <= {
                option for parameter in subcommand.params for option in parameter.opts
            }


@pytest.mark.parametrize("name", TEXTS)
def test_links(name: str) -> None:
    """Every link within the repository leads to an existing file and heading."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", TEXTS[name]):
        path, _, heading = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert unquote(heading) in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_python_examples(name: str) -> None:
    """The Python examples can be compiled."""
    for text in re.findall(r"```python\n(.*?)```", TEXTS[name], re.DOTALL):
        compile(text, name, "exec")


def test_named_tests_exist() -> None:
    """The tests that SECURITY.md names exist."""
    for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXTS[".github/SECURITY.md"]):
        assert f"def {test}(" in (ROOT / file).read_text("utf-8")


def test_version() -> None:
    """The command and the changelog show the version of pyproject.toml."""
    stated = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert stated
    assert run("--version").stdout == f"{stated[1]}\n"
    assert re.match(rf"# Changelog\n\n## {re.escape(stated[1])} \(\d{{4}}-\d\d-\d\d\)\n", TEXTS["CHANGELOG.md"])
