"""The zip to deploy: its hash, and which Python it is built for."""

import base64
import hashlib
import io
import re
import zipfile

from deploy import DeployError

# Tencent takes signed requests of up to 10 MB: from memory, not in its SDK. All but the code of one is small.
MAX_ENCODED = 10 * 1024 * 1024 - 64 * 1024


class Code:
    """The code of a request, and its short hash."""

    def __init__(self, content: bytes, runtime: str) -> None:
        """Raise `DeployError` for what Tencent would refuse, or what `runtime` could not run."""
        encoded = base64.b64encode(content).decode()
        if len(encoded) > MAX_ENCODED:
            raise DeployError(
                f"the zip has {len(content)} bytes, too many for a request of 10 MB: build it with make scf"
            )
        built_for = _read_pythons(content)
        if built_for - {runtime}:
            raise DeployError(
                f"the zip is built for {', '.join(sorted(built_for))} and scf.json's Runtime is {runtime}: change"
                " Runtime, or build the zip for it (make scf PYTHON=...)"
            )
        self.request = {"ZipFile": encoded}
        self.hash = hashlib.sha256(content).hexdigest()[:16]


def _read_pythons(content: bytes) -> set[str]:
    """Return the runtimes that the bytecode and the extension modules of a zip are for."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        raise DeployError("the code is no zip: build it with make scf") from None
    tags = re.findall(r"\.cpython-(\d)(\d+)[.-]", "\n".join(names))
    return {f"Python{major}.{minor}" for major, minor in tags}
