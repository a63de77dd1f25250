"""Start the commands: `python -m gray_release`, or `gray-release` once it is installed."""

import sys


def main() -> int:
    """Run the command of this process; return its exit code."""
    try:
        from gray_release.cli import run  # noqa: PLC0415 - to explain a missing library below
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        print(
            f"{name} is not installed: run pip install '.[cli]', or run make .venv/.ready and use .venv/bin/python",
            file=sys.stderr,
        )
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
