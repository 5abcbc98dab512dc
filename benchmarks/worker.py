"""A child process of the harness: calls one function of one benchmark and reports what it returns.

    python -m benchmarks.worker MODULE FUNCTION '{"argument": …}'

The report is one line of JSON, the only thing on stdout.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import redirect_stdout

from sracl.errors import SraclError


def main(module: str, function: str, arguments: str) -> None:
    """Call `benchmarks.MODULE.FUNCTION(**arguments)`; the function returns a dictionary."""
    with redirect_stdout(sys.stderr):
        try:
            report = getattr(importlib.import_module(f"benchmarks.{module}"), function)(**json.loads(arguments))
        except SraclError as error:  # an absent data set, most likely: in words, without a traceback
            sys.exit(str(error))
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
