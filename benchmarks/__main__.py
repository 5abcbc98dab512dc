"""`python -m benchmarks`: measure, and write `benchmarks/results/<name>.json`; `python -m benchmarks table`: put them into the README."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks import harness, table
from benchmarks.harness import BenchmarkError, Case, Options

MODULES = (
    "sracl_step",
    "sasrec_step",
    "sasrec_epoch",
    "evaluation",
    "retrieval",
    "memory",
    "growth",
    "methods",
    "precision",
    "catalogue",
    "llm",
    "startup",
    "tui",
)
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit code."""
    given = _parser().parse_args(arguments)
    if given.names == ["table"]:
        for path in table.rewrite(RESULTS if given.results is None else given.results):
            print(path)
        return 0
    options = Options(threads=given.threads, repeats=given.repeats, data=given.data, quick=given.quick, peer_python=given.peer_python)
    known = everything(options)
    if given.list:
        for name, cases in known.items():
            print(f"{name:28}{cases[0].what}" + (f" (and {len(cases) - 1} more)" if len(cases) > 1 else ""))
        return 0
    if unknown := [name for name in given.names if name not in known]:
        raise BenchmarkError(f"no benchmark is called {', '.join(unknown)}. There are: {', '.join(known)}; and `table`.")
    chosen = {name: cases for name, cases in known.items() if not given.names or name in given.names}
    harness.check([case for cases in chosen.values() for case in cases], options)
    # a quick run is for trying out: it must not replace a measurement unless asked to
    folder = given.results or (None if given.quick else RESULTS)
    for name, cases in chosen.items():
        results = []
        for case in cases:
            results.append(harness.measure(case, options))
            print(table.line(results[-1]), flush=True)
        if folder:
            harness.write(folder / f"{name}.json", results)
    return 0


def everything(options: Options) -> dict[str, list[Case]]:
    """Result file -> its cases, for all benchmarks."""
    known: dict[str, list[Case]] = {}
    for module in MODULES:
        known |= importlib.import_module(f"benchmarks.{module}").cases(options)
    return known


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure sracl beside its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks (all if none is given), or `table`: rewrite the README's")
    parser.add_argument("--list", action="store_true", help="names, and what they measure")
    parser.add_argument("--repeats", type=int, default=Options.repeats, metavar="N", help="processes a side (default %(default)s)")
    parser.add_argument("--threads", type=int, default=Options.threads, metavar="N", help="of every process (default %(default)s)")
    parser.add_argument("--data", default=Options.data, metavar="NAME", help="data set (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try out; printed and not stored, unless --results is given")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="where results go (default benchmarks/results)")
    parser.add_argument("--peer-python", default=Options.peer_python, metavar="PATH", help="interpreter that has RecBole (default: this)")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; results of finished benchmarks are kept.", file=sys.stderr)
        sys.exit(130)
