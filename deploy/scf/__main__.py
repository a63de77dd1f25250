"""Create or update the function on Tencent SCF as `scf.json` states it, with the code of `dist/scf.zip`.

    make deploy-scf            # python -m deploy.scf

`scf.json` is Tencent's CreateFunction request, and its CreateTrigger requests under `Triggers`. Credentials come from
TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY, TENCENTCLOUD_TOKEN and TENCENTCLOUD_REGION, and a variable that
`scf.json` leaves empty from the variable of the same name here; one that is empty in both keeps its deployed value.
Shows what it will change and asks before it does; a second run changes nothing, and one after a failure repairs.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from deploy import DeployError
from deploy.scf.api import Json, Scf
from deploy.scf.deployment import Deployment


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Deploy; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.scf", description="Deploy to Tencent SCF.")
    parser.add_argument("--function", type=Path, default=Path("scf.json"), help="the function (%(default)s)")
    parser.add_argument("--zip", type=Path, default=Path("dist/scf.zip"), help="its code (%(default)s)")
    parser.add_argument("--anew", action="store_true", help="delete the function and create it again")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--endpoint", help="another address of the API, over http: for tests")
    options = parser.parse_args(arguments)
    try:
        wanted, code = _read_function(options.function), options.zip.read_bytes()
        scf = Scf(wanted["FunctionName"], wanted.get("Namespace", "default"), environ, options.endpoint)
        deployment = Deployment(scf, wanted, code, environ, anew=options.anew)
        changes = deployment.changes()
        print("\n".join(changes) or "nothing to change")
        for warning in deployment.warnings():
            print(f"warning: {warning}", file=sys.stderr)
        if changes:
            if not options.yes and input("go on? [y/N] ").strip().lower() not in ("y", "yes"):
                print("nothing was changed")
                return 1
            deployment.apply()
        for url in deployment.urls():
            print(f"URL: {url}")
    except (DeployError, OSError, EOFError) as error:
        print(f"cannot deploy: {error or 'nobody to ask; --yes goes on without'}", file=sys.stderr)
        return 1
    return 0


def _read_function(path: Path) -> Json:
    """Return the function that a file states. Raises `DeployError`."""
    try:
        function = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DeployError(f"{path} is no JSON: {error}") from None
    missing = [key for key in ("FunctionName", "Handler") if not (isinstance(function, dict) and function.get(key))]
    if missing:
        raise DeployError(f"{path} has no {' and no '.join(missing)}")
    return cast("Json", function)


if __name__ == "__main__":
    sys.exit(main())
