"""`make deploy-scf` against a stub of Tencent's API."""

import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.scf.__main__ import main
from tests.deploy.scf.stub import Stub

ENVIRON = {
    "TENCENTCLOUD_SECRET_ID": "AKIDsandbox",
    "TENCENTCLOUD_SECRET_KEY": "hush-cloud-key",
    "TENCENTCLOUD_REGION": "ap-guangzhou",
    "WECHAT_APPID": "wx0123456789abcdef",
    "WECHAT_SECRET": "hush-app-secret",
}


@dataclass
class Tencent:
    """The stub, its address, and the folder with the zip and scf.json to deploy."""

    stub: type[Stub]
    endpoint: str
    zip: Path
    function: Path

    def deploy(self, *options: str, **environ: str) -> int:
        """Run the command. Without options, answer yes to its question."""
        files = ["--function", str(self.function), "--zip", str(self.zip)]
        return main([*files, "--endpoint", self.endpoint, *(options or ("--yes",))], ENVIRON | environ)

    def changes(self) -> list[str]:
        """Return the changes that were requested, and clear the list."""
        asked = [action for action in self.stub.actions if action not in ("GetFunction", "ListTriggers")]
        self.stub.actions.clear()
        return asked

    def write_zip(self, text: str = "", python: str = "310") -> None:
        """Write a zip with an extension module for this version of Python."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("index.py", text)
            archive.writestr(f"native.cpython-{python}-x86_64-linux-gnu.so", "")
        self.zip.write_bytes(content.getvalue())

    def edit(self, old: str, new: str) -> None:
        """Change scf.json."""
        text = self.function.read_text("utf-8")
        assert old in text
        self.function.write_text(text.replace(old, new), "utf-8")

    def trigger(self, kind: str) -> dict[str, Any]:
        """Return the trigger of this type."""
        return next(trigger for trigger in self.stub.triggers if trigger["Type"] == kind)


@pytest.fixture
def tencent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Tencent]:
    """Run the stub, with no pause between polls. At the end, check that it refused no request."""
    monkeypatch.setattr("deploy.scf.api.POLL_SECONDS", 0.01)
    monkeypatch.setattr("deploy.scf.api.WAIT_SECONDS", 5)
    state = {"function": {}, "triggers": [], "actions": [], "requests": [], "refusals": [], "pending": 0}
    handler: type[Stub] = type("_Stub", (Stub,), state | {"failures": {}, "state": "Active", "outcomes": []})
    (tmp_path / "scf.json").write_bytes(Path("scf.json").read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.002,), daemon=True).start()
        endpoint = f"127.0.0.1:{server.server_port}"
        found = Tencent(handler, endpoint, tmp_path / "scf.zip", tmp_path / "scf.json")
        found.write_zip()
        yield found
        server.shutdown()
    assert not handler.refusals
