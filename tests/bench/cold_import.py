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
    """Print the medians, and their ratio with its range; fail when that of the best CPU times is over the bound."""
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
        timings: dict[Path, list[tuple[float, float]]] = {built: [], plain: []}
        for _ in range(ROUNDS + 1):
            for place, measured in timings.items():
                measured.append(cold_import(python, place))
    with_bytecode, without = (measured[1:] for measured in timings.values())  # the first round warms the disk
    print(f"cold import, median of {ROUNDS} interleaved rounds on Python {artifact.LAMBDA.python}, ms")
    print("                 artifact   default way, no bytecode   ratio (min-max)")
    best = 0.0
    for index, name in enumerate(("wall time", "CPU time")):
        ours, theirs = [m[index] for m in with_bytecode], [m[index] for m in without]
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        best = min(ours) / min(theirs)
        medians = f"{statistics.median(ours) * 1000:8.0f}   {statistics.median(theirs) * 1000:24.0f}"
        spread = f"({min(ratios):.2f}-{max(ratios):.2f}), best {best:.2f}"
        print(f"  {name:12} {medians}   {statistics.median(ratios):5.2f} {spread}")
    print("bound on the best CPU times, which other programs disturb least: 0.50")
    return 0 if best <= 0.5 else 1


def cold_import(python: str, folder: Path) -> tuple[float, float]:
    """Return the wall and CPU seconds from process start to the end of the import."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [python, "-S", "-W", "ignore", "-c", "import handler.app"],
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("the import failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
