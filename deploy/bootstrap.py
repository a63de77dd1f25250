"""Install uv into a folder, with any Python 3: `python3 -m deploy.bootstrap DIRECTORY`.

uv goes into a virtual environment, so that the system's own Python is not changed. On some systems,
`venv` is a separate package. Without it, pip installs uv into a plain folder. The command prints nothing on stdout,
because `make` reads it, and writes nothing outside the folder.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Where Debian, Fedora, SUSE, Alpine and macOS keep the certificate authorities that they trust.
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
        print(explain_missing_packages(), file=sys.stderr)
        return 1
    options = ["--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    return subprocess.run(
        # A user's PIP_USER=1 makes pip fail in a virtual environment.
        [*command, *options, "uv"],
        env={**os.environ, "PIP_USER": "0", **find_trusted_certificates()},
        stdout=sys.stderr,
        check=False,
    ).returncode


def explain_missing_packages() -> str:
    """Return advice for a system where Python has neither venv nor pip."""
    package = "sudo apt-get install python3-venv" if shutil.which("apt-get") else "your system's package of pip"
    return (
        f"The setup needs Python's venv or pip, and {sys.executable} has neither. Install one of these and try again:\n"
        f"  {package}\n"
        f"  uv (no root needed): https://docs.astral.sh/uv/getting-started/installation/"
    )


def find_trusted_certificates() -> dict[str, str]:
    """Return the variable that makes pip trust the system's authorities, unless the user has set one.

    The system may trust a company's proxy, whose authority is missing in pip's own list.
    """
    if any(os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")):
        return {}
    found = next((path for path in CERTIFICATES if Path(path).exists()), None)
    return {"REQUESTS_CA_BUNDLE": found} if found else {}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
