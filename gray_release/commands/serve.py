"""`serve`: run the function behind a local HTTP server; `openapi`: print its description."""

import contextlib
import json
import sys

import click

from gray_release.commands.options import PORT, TARGET, explain_port_errors
from gray_release.credentials import use_credentials_or_sandbox
from gray_release.invoke import Target
from gray_release.serve import create_server

HOST = "127.0.0.1"


@click.command(short_help="Run the function behind a local HTTP server.")
@click.option(
    "--port",
    type=PORT,
    metavar="PORT",
    default=8080,
    show_default=True,
    help="Port to listen on; 0 chooses a free one.",
)
@click.option("--target", type=TARGET, default="lambda", show_default=True, help="Cloud whose function URL to imitate.")
def serve(port: int, target: Target) -> int:
    """Run the function behind a local HTTP server, as a cloud's function URL does.

    Without credentials in the environment the command also starts a WeChat sandbox.
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
    """Print the OpenAPI description of the HTTP interface."""
    from gray_release.openapi import describe  # noqa: PLC0415 - no other command needs it

    print(json.dumps(describe(), ensure_ascii=False, indent=2))
    return 0
