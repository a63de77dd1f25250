"""Time a cold import of `handler.app`: the artifact, against the same code and packages installed the default way.

    make bench

Both are run in turn on the target's Python, from folders in which nothing is written, as /var/task is.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from handler.local import artifact

ROUNDS = 9
ROOT = Path(__file__).parents[2]


def main() -> int:
    """Print the medians, and their ratio with its range; fail when the ratio is over the bound."""
    python = artifact.find_interpreter(artifact.LAMBDA.python)
    with tempfile.TemporaryDirectory() as folder:
        built, plain = Path(folder, "built"), Path(folder, "plain")
        artifact.build(artifact.LAMBDA, built, ROOT / "requirements.txt")
        artifact.uv(
            *("pip", "install", "--quiet", "--target", str(plain), "--link-mode", "copy", "--no-deps"),
            *("--python-version", artifact.LAMBDA.python, "--python-platform", artifact.LAMBDA.platform),
            *("--only-binary", ":all:", "--require-hashes", "--requirement", str(ROOT / "requirements.txt")),
        )
        shutil.copytree(ROOT / "handler", plain / "handler", ignore=shutil.ignore_patterns("__pycache__"))
        timings: dict[Path, list[float]] = {built: [], plain: []}
        for _ in range(ROUNDS + 1):
            for folder_of, seconds in timings.items():
                seconds.append(cold_import(python, folder_of))
        with_bytecode, without = (seconds[1:] for seconds in timings.values())  # the first round warms the disk
    ratios = [a / b for a, b in zip(with_bytecode, without, strict=True)]
    print(f"cold import, median of {ROUNDS} interleaved rounds on Python {artifact.LAMBDA.python}")
    print(f"  artifact                    {statistics.median(with_bytecode) * 1000:6.0f} ms")
    print(f"  default way, no bytecode    {statistics.median(without) * 1000:6.0f} ms")
    print(f"  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}), bound 0.50")
    return 0 if statistics.median(ratios) <= 0.5 else 1


def cold_import(python: str, folder: Path) -> float:
    """Return the seconds from process start to the end of the import."""
    started = time.perf_counter()
    subprocess.run(
        [python, "-S", "-W", "ignore", "-c", "import handler.app"],
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
