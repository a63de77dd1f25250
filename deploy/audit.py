"""Look the locked packages up in PyPI's list of known vulnerabilities.

    python3 -m deploy.audit PIP_AUDIT LOCK

pip-audit answers 0 also where it could look nothing up. This fails then, and says so; with AUDIT_UNREACHABLE=pass in
the environment, for CI that cannot reach the list, it only says so. A vulnerability always fails it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys


def main(pip_audit: str, lock: str) -> int:
    """Print what was found; return the exit code."""
    command = [pip_audit, "--progress-spinner", "off", "--disable-pip", "--require-hashes", "--format", "json"]
    process = subprocess.run([*command, "-r", lock], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(process.stdout)["dependencies"]
    except ValueError:  # it could not even ask
        packages = []
    vulnerable = [(package, found) for package in packages for found in package.get("vulns", ())]
    for package, found in vulnerable:
        fixed = ", ".join(found["fix_versions"]) or "none yet"
        print(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    audited = sum("vulns" in package for package in packages)
    if vulnerable:
        return 1
    if packages and audited == len(packages):
        print(f"{audited} packages, no known vulnerabilities")
        return 0
    passes = os.environ.get("AUDIT_UNREACHABLE") == "pass"
    why = process.stderr.strip().splitlines()[-1:] if not packages else []
    print(
        f"{audited} of {len(packages) or 'all'} packages were audited: PyPI's list of known vulnerabilities is not"
        f" reachable from here{''.join(f' ({line})' for line in why)}."
        + (" Passed over (AUDIT_UNREACHABLE=pass)." if passes else " AUDIT_UNREACHABLE=pass passes over that."),
        file=sys.stderr,
    )
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
