"""Create or update the function on Tencent SCF as described in `scf.json`, with the code in `dist/scf.zip`.

    make deploy-scf            # python -m deploy.scf

`scf.json` is Tencent's CreateFunction request, plus a list `Triggers` of CreateTrigger requests. The credentials come
from TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY, TENCENTCLOUD_REGION and, for temporary ones, TENCENTCLOUD_TOKEN.

If `scf.json` leaves a variable of the function empty, its value comes from the environment variable of the same name.
If that is empty too, the deployed value stays.

The command lists the changes and asks before it makes them. A second run changes nothing; a run after a failed one
repairs the function.
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
from deploy.scf.mistakes import find_mistakes


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Deploy; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.scf", description="Deploy to Tencent SCF.")
    function_help = "the file that describes the function (%(default)s)"
    parser.add_argument("--function", type=Path, default=Path("scf.json"), help=function_help)
    parser.add_argument("--zip", type=Path, default=Path("dist/scf.zip"), help="the zip of its code (%(default)s)")
    parser.add_argument("--anew", action="store_true", help="delete the function and create it again")
    parser.add_argument("--yes", action="store_true", help="make the changes without asking")
    parser.add_argument("--endpoint", help="HOST:PORT of a stand-in for Tencent's API, spoken to over http (for tests)")
    options = parser.parse_args(arguments)
    try:
        wanted, code = _read_function(options.function), options.zip.read_bytes()
        scf = Scf(wanted["FunctionName"], wanted.get("Namespace", "default"), environ, options.endpoint)
        deployment = Deployment(scf, wanted, code, environ, anew=options.anew)
        changes = deployment.describe_changes()
        print("\n".join(changes) or "nothing to change")
        for warning in deployment.find_warnings():
            print(f"warning: {warning}", file=sys.stderr)
        if changes:
            if not options.yes and input("make these changes? [y/N] ").strip().lower() not in ("y", "yes"):
                print("nothing was changed")
                return 1
            deployment.apply_changes()
        for url in deployment.list_urls():
            print(f"URL: {url}")
    except (DeployError, OSError, EOFError) as error:
        print(f"cannot deploy: {error or 'no terminal to ask on; --yes deploys without asking'}", file=sys.stderr)
        return 1
    return 0


def _read_function(path: Path) -> Json:
    """Return the function that a file describes. Raises `DeployError`."""
    try:
        function = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise DeployError(f"{path} is not JSON: {error}") from None
    missing = [key for key in ("FunctionName", "Handler") if not (isinstance(function, dict) and function.get(key))]
    if missing:
        raise DeployError(f"{path} has no {' and no '.join(missing)}")
    if mistakes := [*find_mistakes(function)]:
        raise DeployError(f"{path}: {'; '.join(mistakes)}")
    return cast("Json", function)


if __name__ == "__main__":
    sys.exit(main())
