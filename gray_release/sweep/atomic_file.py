"""Write a file atomically: readers see the old content until the new one is complete."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

_READABLE = 0o666


class AtomicFile:
    """A file that `write` replaces atomically. Use it as a context manager.

    The constructor already raises `OSError` if the file cannot be written, so that a sweep fails before it asks WeChat.
    """

    def __init__(self, path: Path) -> None:
        is_special = path.exists() and not path.is_file()  # such as /dev/stdout
        self._path = path if is_special else path.resolve()  # so that a symbolic link stays one
        self._temporary: str | None = None
        if is_special:
            self._path.open("ab").close()
        else:
            self._handle, self._temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=self._path.parent)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        if self._temporary:
            os.close(self._handle)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)  # noqa: PTH108 - mkstemp returns a string

    def write(self, text: str) -> None:
        """Replace the content. If that fails, raises `OSError` and leaves the old content."""
        content = text.encode("utf-8", "replace")
        if not self._temporary:
            self._path.write_bytes(content)
            return
        with os.fdopen(os.dup(self._handle), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(self._temporary, self._find_mode())  # noqa: PTH101 - mkstemp returns a string
        os.replace(self._temporary, self._path)  # noqa: PTH105 - mkstemp returns a string

    def _find_mode(self) -> int:
        """Return the old file's mode, or the default of a new file, because mkstemp's mode is 0600."""
        if self._path.exists():
            return self._path.stat().st_mode & 0o7777
        mask = os.umask(0)
        os.umask(mask)
        return _READABLE & ~mask
