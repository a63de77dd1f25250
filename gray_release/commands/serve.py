"""`serve`: the function over HTTP; `openapi`: the description of what it answers there."""

import contextlib
import json
import sys

import click

from gray_release.commands.options import PORT, TARGET, explain_port_errors
from gray_release.credentials import use_credentials_or_sandbox
from gray_release.invoke import Target
from gray_release.serve import create_server

HOST = "127.0.0.1"


@click.command(short_help="Answer HTTP with the function.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="0 takes a free one.")
@click.option("--target", type=TARGET, default="lambda", show_default=True, help="Whose function URL to play.")
def serve(port: int, target: Target) -> int:
    """Answer HTTP with the function: requests become Function URL events, and the replies HTTP again.

    With no credentials in the environment the WeChat sandbox is started too.
    """
    with explain_port_errors(HOST, port):
        server = create_server(target, port, HOST)
    with server, use_credentials_or_sandbox():
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
