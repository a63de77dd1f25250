"""Reproducible zips: folders with the same content give the same bytes."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from deploy import DeployError

if TYPE_CHECKING:
    from pathlib import Path


def list_files(directory: Path) -> list[Path]:
    """List the files of a folder, sorted. Raises `DeployError` for a symlink that points outside the folder."""
    root = directory.resolve()
    for path in directory.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise DeployError(f"{path} is a symlink that points outside {directory}: its target would be deployed too")
    return sorted(path for path in directory.rglob("*") if path.is_file())


def write_zip(directory: Path, archive: Path) -> None:
    """Zip the files of a folder. Raises `DeployError` for a symlink that points outside the folder."""
    contents = list_files(directory)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for path in contents:
            entry = zipfile.ZipInfo(path.relative_to(directory).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            zipped.writestr(entry, path.read_bytes())
