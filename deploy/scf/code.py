"""The zip to deploy, its hash, and the Python version that it is built for."""

import base64
import hashlib
import io
import re
import zipfile

from deploy import DeployError

# Tencent accepts signed requests of up to 10 MB (known from memory; its SDK does not state it). 64 KiB are more than
# enough for the rest of the request.
MAX_ENCODED = 10 * 1024 * 1024 - 64 * 1024


class Code:
    """The member `Code` of a request, and a short hash of the zip."""

    def __init__(self, content: bytes, runtime: str) -> None:
        """Raise `DeployError` for a zip that Tencent would refuse or that `runtime` could not run."""
        encoded = base64.b64encode(content).decode()
        if len(encoded) > MAX_ENCODED:
            raise DeployError(
                f"the zip has {len(content)} bytes, too many for a request of 10 MB: build it with `make scf`"
            )
        built_for = _read_pythons(content)
        if built_for - {runtime}:
            raise DeployError(
                f"the zip is built for {', '.join(sorted(built_for))}, but Runtime in scf.json is {runtime}: change"
                " Runtime, or build the zip for it with `make scf PYTHON=...`"
            )
        self.request = {"ZipFile": encoded}
        self.hash = hashlib.sha256(content).hexdigest()[:16]


def _read_pythons(content: bytes) -> set[str]:
    """Return the runtimes that the zip's bytecode and extension modules are built for."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        raise DeployError("the code is not a zip: build it with `make scf`") from None
    tags = re.findall(r"\.cpython-(\d)(\d+)[.-]", "\n".join(names))
    return {f"Python{major}.{minor}" for major, minor in tags}
