"""`serve`: the function over HTTP; `openapi`: the description of what it answers there."""

import contextlib
import json
import sys

import click

from gray_release.commands.options import PORT, TARGET, listening
from gray_release.credentials import upstream
from gray_release.invoke import Target
from gray_release.serve import front

HOST = "127.0.0.1"


@click.command(short_help="Answer HTTP with the function.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="0 takes a free one.")
@click.option("--target", type=TARGET, default="lambda", show_default=True, help="Whose function URL to play.")
def serve(port: int, target: Target) -> int:
    """Answer HTTP with the function: requests become Function URL events, and the replies HTTP again.

    With no credentials in the environment the WeChat sandbox is started too.
    """
    with listening(HOST, port):
        server = front(target, port, HOST)
    with server, upstream():
        print(f"serving http://{HOST}:{server.server_port}/", flush=True)
        with contextlib.redirect_stdout(sys.stderr):
            server.serve_forever()
    return 0


@click.command()
def openapi() -> int:
    """Print the OpenAPI description of what `serve` answers."""
    from gray_release.openapi import describe  # noqa: PLC0415 - the other commands do without

    print(json.dumps(describe(), ensure_ascii=False, indent=2))
    return 0
