"""Source `cloudbase`: the token in a variable, or in a file that changes."""

from pathlib import Path

from gray_release.sandbox.server import (
    Sandbox,
)
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, Log, catch_error


def test_cloudbase_file(sandbox: Sandbox, invoke: Invoke, configure: Configure, tmp_path: Path) -> None:
    """The function reads the file each time. It finds no token in a placeholder or a missing file."""
    configure(WECHAT_SECRET=None)
    file = tmp_path / "token"
    configure(WECHAT_CLOUDBASE_TOKEN_FILE=str(file), WECHAT_TOKEN_SOURCE="cloudbase")
    for content in (None, b"", b"default-tcb-wx-access-token\n", b"\xff"):
        if content is not None:
            file.write_bytes(content)
        assert catch_error(invoke).errCode == 41001
    for token in ("first", "second"):
        sandbox.cloudbase_tokens = {token}
        file.write_text(f"{token}\n")
        assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [PLAN, PLAN]


def test_cloudbase_variable(sandbox: Sandbox, invoke: Invoke, configure: Configure, log: Log) -> None:
    """The variable's token is sent as `cloudbase_access_token`. After a refusal it is not sent again."""
    configure(WECHAT_SECRET=None, WECHAT_CLOUDBASE_ACCESS_TOKEN="cloud")
    assert catch_error(invoke).errCode == 40001
    sandbox.cloudbase_tokens.add("cloud")
    assert invoke() == DOCUMENTED
    assert sandbox.count(PLAN) == 2
    assert log()[-1]["token_source"] == "cloudbase"
