"""`python -m gray_release`, or `gray-release` where it is installed: the commands for a developer's own machine."""

import sys


def main() -> int:
    """Run the command that the process was started with; return its exit code."""
    try:
        from gray_release.cli import run  # noqa: PLC0415 - so that its absence can be explained
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        print(
            f"{missing} is not installed: type pip install '.[cli]', or make .venv/.ready and then .venv/bin/python",
            file=sys.stderr,
        )
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
