"""Set uv up in a folder, with whatever Python there is: `python3 -m deploy.bootstrap DIRECTORY`.

A virtual environment holds it, so that a Python that the system manages stays as it is; where the system split off the
part of Python that makes one, a plain folder does. Nothing is printed on stdout, and nothing is written elsewhere.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Where systems keep the authorities that they trust.
CERTIFICATES = (
    *("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"),
    *("/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"),
)


def main(directory: str) -> int:
    """Install uv as DIRECTORY/bin/uv; return the exit code."""
    print("setting up uv", file=sys.stderr)
    if importlib.util.find_spec("ensurepip"):
        subprocess.run([sys.executable, "-m", "venv", directory], stdout=sys.stderr, check=True)
        command = [str(Path(directory, "bin", "python")), "-m", "pip", "install"]
    elif importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--target", directory]
    else:
        print(neither(), file=sys.stderr)
        return 1
    options = ["--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    return subprocess.run(
        # PIP_USER would install into the home folder, which a virtual environment refuses.
        [*command, *options, "uv"],
        env={**os.environ, "PIP_USER": "0", **trust()},
        stdout=sys.stderr,
        check=False,
    ).returncode


def neither() -> str:
    """Say what to do where there is neither of the two."""
    package = "sudo apt-get install python3-venv" if shutil.which("apt-get") else "your system's package of pip"
    return (
        f"setting up needs Python's venv or pip, and {sys.executable} has neither. One of these, then try again:\n"
        f"  {package}\n"
        f"  uv, which needs no root: https://docs.astral.sh/uv/getting-started/installation/"
    )


def trust() -> dict[str, str]:
    """Let pip trust what the system trusts, such as a company's own authority, where the user said nothing."""
    if any(os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")):
        return {}
    found = next((path for path in CERTIFICATES if Path(path).exists()), None)
    return {"REQUESTS_CA_BUNDLE": found} if found else {}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
