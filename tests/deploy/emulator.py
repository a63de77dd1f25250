"""Lambda's own runtime pieces, without a container: AWS's emulator of its API, and its runtime loop for Python."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from handler.local.deploy.interpreter import find_interpreter
from tests.support import sam

Post = Callable[[Any], Any]


@contextlib.contextmanager
def emulated(artifact: Path, runtime: Path, **variables: str) -> Iterator[Post]:
    """Run the artifact with these environment variables; give what invokes it with an event."""
    emulator = next(Path(sam()).resolve().parents[1].glob("lib/python3*/site-packages/samcli/local/rapid/*rie-x86_64"))
    invoke, api = _free_port(), _free_port()
    command = [
        *(str(emulator), "--log-level", "info", "--runtime-interface-emulator-address", f"127.0.0.1:{invoke}"),
        *("--runtime-api-address", f"127.0.0.1:{api}"),
        *(find_interpreter("3.13"), "-S", "-m", "awslambdaric", "handler.app.lambda_handler"),
    ]
    environ = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{artifact}:{runtime}",
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "artifact",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "20",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        **variables,
    }
    url = f"http://127.0.0.1:{invoke}/2015-03-31/functions/function/invocations"

    def post(event: Any) -> Any:
        with urllib.request.urlopen(url, json.dumps(event).encode(), timeout=30) as answer:
            return json.load(answer)

    with subprocess.Popen(
        command, cwd=artifact, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", invoke)) == 0:
                    break
            time.sleep(0.02)
        try:
            yield post
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
