"""The bench's servers: WeChat's stand-in over http, over https, and over https with reconnects."""

import json
import ssl
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import trustme

from deploy.interpreter import ROOT
from gray_release.sandbox.fault_kinds import encode_response
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox

if TYPE_CHECKING:
    from typing_extensions import Self

FLEET = [f"wx{number:016d}" for number in range(5000)]
_PLAN = b'{"errcode":0,"errmsg":"ok","gray_release_plan":{"status":1,"create_timestamp":1517553721,'
_PLAN += b'"default_finish_timestamp":1517554721,"gray_percentage":8}}'
# Answer as the SDK's gateway at /admin: a protobuf message that contains WeChat's body and its content type.
_WRAPPED = b"\x0a" + bytes([len(_PLAN) | 0x80, 1]) + _PLAN + b"\x12\x10application/json"


class Addresses(NamedTuple):
    """The addresses of the three servers. `closing` closes its https connection after each plan."""

    http: str
    https: str
    closing: str


class Upstream:
    """A process that runs the three servers. It writes the authority of their certificates into `folder`."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "authority.pem"
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.bench.upstream", str(self.authority)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.addresses = Addresses(*json.loads(self._process.stdout.readline()))

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # the process ends when its stdin ends


def _main(authority_file: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(authority_file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    apps = dict.fromkeys([APPID, *FLEET], SECRET)
    gateway = Fault("other", "raw", raw=encode_response(_WRAPPED))
    closing = [
        Fault("plan", "raw", raw=encode_response(_PLAN, Connection="close")),
        Fault("other", "raw", raw=encode_response(_WRAPPED, Connection="close")),
    ]
    with ExitStack() as stack:
        sandboxes = [
            Sandbox(apps=apps, faults=[gateway]),
            Sandbox(apps=apps, faults=[gateway], tls=context),
            Sandbox(apps=apps, faults=closing, tls=context),
        ]
        for sandbox in sandboxes:
            stack.enter_context(sandbox)
        print(json.dumps([sandbox.base_url for sandbox in sandboxes]), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _main(sys.argv[1])
