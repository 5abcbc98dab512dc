"""`python -m sracl` is `sracl`."""

from __future__ import annotations

import sys

from sracl.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
