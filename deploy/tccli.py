"""What `tccli scf CreateFunction --cli-input-json` takes: `scf.json` with the code in it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_request(function: Path, archive: Path) -> str:
    """Write the request beside the zip, and return what its reader has to do before it is sent.

    Tencent refuses a variable without a value. The empty ones stay, for somebody to fill in or to delete: only they
    know where the tokens come from. The code comes last, a line of megabytes.
    """
    request = json.loads(function.read_text("utf-8"))
    request.pop("Triggers")
    request["Code"] = {"ZipFile": base64.b64encode(archive.read_bytes()).decode()}
    written = archive.with_suffix(".json")
    written.write_text(json.dumps(request, indent=2, ensure_ascii=False) + "\n", "utf-8")
    empty = [variable["Key"] for variable in request["Environment"]["Variables"] if not variable["Value"]]
    return (
        f"{written}: for tccli. Fill in what your tokens need, and delete the other variables that are empty, which"
        f" Tencent refuses: {', '.join(empty)}. `make deploy-scf` does that by itself."
    )
