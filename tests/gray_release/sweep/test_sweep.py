"""`sweep` from the command line."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gray_release.credentials import provide_credentials
from gray_release.sandbox import fleet
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from gray_release.sweep.batches import BATCH_SIZE
from tests.support import PLAN, end_process, run, set_body

COMPONENT, AUTHORIZER = "/cgi-bin/component/api_component_token", "/cgi-bin/component/api_authorizer_token"
NOW = 1_800_000_000

Platform = tuple[Sandbox, dict[str, str]]


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """Run a sandbox with a platform of `count` mini programs; yield it and the variables for it."""
    appids = fleet.create_appids(getattr(request, "param", 20))
    with Sandbox() as sandbox:
        sandbox.platform.authorizers = {appid: f"refreshtoken@@@{appid}" for appid in appids}
        sandbox.plans.update(fleet.create_plans(appids, NOW))
        with provide_credentials(sandbox, dict(sandbox.platform.authorizers)) as variables:
            yield sandbox, variables


def read_rows(process: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Read the printed rows by appid."""
    found = [json.loads(line) for line in process.stdout.splitlines()]
    return {row["appid"]: row for row in found}


def test_platform(platform: Platform) -> None:
    """Each mini program gets one row, and no token is fetched twice."""
    sandbox, variables = platform
    appids = list(sandbox.platform.authorizers)
    process = run("sweep", "-", stdin="\n".join([*appids, appids[0]]), **variables)
    assert process.returncode == 0
    found = read_rows(process)
    assert sorted(found) == appids
    assert len(process.stdout.splitlines()) == 20
    assert found[appids[3]]["grayReleasePlan"]["status"] == 2
    assert found[appids[9]] == {
        "appid": appids[9],
        "errCode": 0,
        "errMsg": "openapi.operation.getGrayReleasePlan:ok",
        "grayReleasePlan": None,
    }
    assert (sandbox.count(COMPONENT), sandbox.count(AUTHORIZER), sandbox.count(PLAN)) == (1, 20, 20)
    assert process.stderr == "20 mini programs: 2 paused, 10 rolling out, 4 finished, 4 without a release\n"


def test_failures(platform: Platform) -> None:
    """A refusal is a row and exit code 1. After a transient failure, the mini program is checked again."""
    sandbox, variables = platform
    appids = list(sandbox.platform.authorizers)
    del sandbox.platform.authorizers[appids[0]]
    sandbox.faults += [
        Fault("plan", "errcode", "48001", appid=appids[1]),
        Fault("plan", "errcode", "45011", times=1, appid=appids[2]),
        Fault("plan", "errcode", "-1", times=2, appid=appids[4]),
    ]
    process = run("sweep", "-", stdin="\n".join(appids), **variables)
    assert process.returncode == 1
    found = read_rows(process)
    assert {appid: row["errCode"] for appid, row in found.items() if row["errCode"]} == {
        appids[0]: 61003,
        appids[1]: 48001,
    }
    assert found[appids[2]]["grayReleasePlan"]["status"] == 1
    assert process.stderr.startswith("20 mini programs: 2 failed, ")


def test_wechat_is_out_of_reach(platform: Platform) -> None:
    """If no mini program gets an answer, there are no retries."""
    sandbox, variables = platform
    sandbox.faults.append(Fault("component", "errcode", "45009"))
    sandbox.faults.append(Fault("plan", "errcode", "-1"))
    process = run("sweep", "-", stdin="\n".join(fleet.create_appids(20)), **variables)
    assert process.returncode == 1
    assert len(read_rows(process)) == 20


@pytest.mark.slow
@pytest.mark.parametrize("platform", [1000], indirect=True)
def test_a_thousand(platform: Platform) -> None:
    """For a thousand mini programs the platform's token and each authorizer's token are fetched once."""
    sandbox, variables = platform
    process = run("sweep", "-", stdin="\n".join(sandbox.platform.authorizers), **variables)
    assert (process.returncode, len(read_rows(process))) == (0, 1000)
    assert (sandbox.count(COMPONENT), sandbox.count(AUTHORIZER), sandbox.count(PLAN)) == (1, 1000, 1000)
    assert set(sandbox.refusals) == {0}


@pytest.mark.slow
@pytest.mark.parametrize("platform", [BATCH_SIZE + 5], indirect=True)
def test_interrupted(platform: Platform, tmp_path: Path) -> None:
    """An interrupt prints the rows so far, leaves `--output` unchanged, and exits 130."""
    sandbox, variables = platform
    sandbox.faults += [
        Fault("plan", "hang", "60", appid=appid) for appid in list(sandbox.platform.authorizers)[BATCH_SIZE:]
    ]
    output, page = tmp_path / "rows.jsonl", tmp_path / "page.html"
    output.write_text("before", "ascii")
    command = [sys.executable, "-m", "gray_release", "sweep", "-", "--html", str(page)]
    pipe = subprocess.PIPE
    for options in ([], ["--output", str(output)]):
        started = subprocess.Popen([*command, *options], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=variables)
        with end_process(started) as process:
            asked = sandbox.count(PLAN) + BATCH_SIZE
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n".join(sandbox.platform.authorizers))
            process.stdin.close()
            seen = [] if options else [process.stdout.readline() for _ in range(BATCH_SIZE)]
            while sandbox.count(PLAN) <= asked:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            assert process.stderr is not None
            assert " mini programs: " in process.stderr.read()
        if not options:
            assert sorted(json.loads(line)["appid"] for line in seen) == fleet.create_appids(BATCH_SIZE)
            assert " mini programs" in page.read_text("utf-8")
    assert output.read_text("ascii") == "before"
    assert sorted(tmp_path.iterdir()) == [page, output]


def test_all(platform: Platform) -> None:
    """`--all` checks every mini program that has authorised the platform."""
    sandbox, variables = platform
    process = run("sweep", "--all", **variables)
    assert (process.returncode, sorted(read_rows(process))) == (0, list(sandbox.platform.authorizers))
    assert sandbox.count("/cgi-bin/component/api_get_authorizer_list") == 1
    assert len(read_rows(run("sweep", "--all"))) == 24


def test_all_with_a_short_list(platform: Platform) -> None:
    """If WeChat lists fewer mini programs than it says there are, a warning on stderr has both numbers."""
    sandbox, variables = platform
    appids = list(sandbox.platform.authorizers)[:3]
    page = {"total_count": 20, "list": [{"authorizer_appid": appid} for appid in appids]}
    set_body(sandbox, json.dumps(page).encode(), endpoint="list")
    process = run("sweep", "--all", **variables)
    assert sorted(read_rows(process)) == sorted(appids)
    [warning] = [line for line in process.stderr.splitlines() if line.startswith("warning:")]
    assert {"3", "20"} <= set(warning.split())


def test_all_without_a_platform(platform: Platform) -> None:
    """`--all` without a platform, or with one that WeChat refuses, prints the reason and no row, and exits 1."""
    sandbox, variables = platform
    process = run("sweep", "--all", WECHAT_APPID="wx1", WECHAT_SECRET="not-the-secret")
    assert (process.returncode, process.stdout, "Traceback" in process.stderr) == (1, "", False)
    sandbox.faults.append(Fault("list", "errcode", "48001"))
    process = run("sweep", "--all", **variables)
    assert (process.returncode, process.stdout, "48001" in process.stderr) == (1, "", True)


@pytest.mark.parametrize("on_error", ["raise", "return"])
def test_failure_of_all(on_error: str) -> None:
    """A failure that all mini programs share is in each row after one request."""
    appids = fleet.create_appids(BATCH_SIZE * 2 + 1)
    process = run("sweep", "-", stdin="\n".join(appids), WECHAT_TOKEN_SOURCE="component", ON_ERROR=on_error)
    assert process.returncode == 1
    assert list(read_rows(process)) == appids
    [reason] = {(row["errCode"], row["errMsg"]) for row in read_rows(process).values()}
    assert reason[1].count("getGrayReleasePlan:fail") == 1


def test_on_the_sandbox() -> None:
    """Without credentials the sandbox answers for its own mini programs, or for those of a file."""
    process = run("sweep")
    assert (process.returncode, len(read_rows(process))) == (0, 24)
    assert "using the WeChat sandbox" in process.stderr
    assert list(read_rows(run("sweep", "-", stdin="wx-mine\n"))) == ["wx-mine"]


def test_results_of_the_cloud(tmp_path: Path) -> None:
    """`--from` reads rows and lists of rows without a request; `--html` writes a page."""
    results, page = tmp_path / "results.jsonl", tmp_path / "page.html"
    row = {"appid": "wx1", "errCode": 0, "errMsg": "ok", "grayReleasePlan": {"status": 1, "grayPercentage": 8}}
    failed = {"appid": "wx2", "errCode": 61003, "errMsg": "openapi.operation.getGrayReleasePlan:fail no rid: 1"}
    results.write_text(f"{json.dumps(row)}\n{json.dumps([failed])}\n", "utf-8")
    process = run("sweep", "--from", str(results), "--html", str(page))
    assert (process.returncode, read_rows(process)) == (1, {"wx1": row, "wx2": failed})
    assert process.stderr == "2 mini programs: 1 failed, 1 rolling out\n"
    assert "rolling out" in page.read_text("utf-8")


def test_names() -> None:
    """The rows have the names from the list's column `name`."""
    found = read_rows(run("sweep", "-", stdin="\ufeff Name ;AppID\n商店;wx1\n;wx2\n"))
    assert {appid: row.get("name") for appid, row in found.items()} == {"wx1": "商店", "wx2": None}


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["-"], "", "has no appid"),
        (["-"], "appid,name\n,,\n", "has no appid"),
        (["-"], "appid,name\nwx1,a\n,b\n", "line 3 has no appid"),
        (["-"], '"wx1\nwx2\n', "line 1: a quote is not closed"),
        (["no-such-file"], "", "No such file"),
        (["--from", "-"], "{}", "line 1 is not a row"),
        (["--from", "-"], "\n<html>", "line 2 is not JSON"),
        (["-", "--from", "-"], "", "which mini programs"),
        (["--html", "no-such-folder/page.html"], "", "No such file or directory"),
    ],
)
def test_bad_input(arguments: list[str], stdin: str, words: str) -> None:
    """The error names an unreadable input. It comes before the first request, with exit code 2."""
    process = run("sweep", *arguments, stdin=stdin)
    assert (process.returncode, process.stdout) == (2, "")
    assert words in process.stderr


def test_credentials_without_a_file() -> None:
    """With real credentials a list is required."""
    process = run("sweep", WECHAT_APPID="wx1", WECHAT_SECRET="not-the-secret")
    assert (process.returncode, "which mini programs" in process.stderr) == (2, True)
