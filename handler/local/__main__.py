"""`python -m handler.local`: the commands for a developer's own machine."""

import sys

from handler.local.cli import main

if __name__ == "__main__":
    sys.exit(main())
