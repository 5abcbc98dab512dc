"""Small recipes for tests that train: seconds each, every part of the real thing."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from sracl.cli.app import main

COPIES = multiprocessing.get_context("forkserver")
COPIES.set_forkserver_preload(["sracl.cli.app", "sracl.runs.execute", "sracl.runs.training"])

SRACL = """
recipe = 1
name = "{name}"
seeds = [1]

[data]
name = "markov"
max_length = 8
num_items = 40
num_users = {users}
length = 10

[semantics.items]
llm = {{ use = "template" }}
contexts = 2
text_encoder = {{ use = "lsa" }}
retriever = {{ use = "exact" }}
k = 5

[semantics.sequences]
llm = {{ use = "template" }}
text_encoder = {{ use = "lsa" }}
retriever = {{ use = "exact" }}
k = 5

[backbone]
use = "sasrec"
hidden_size = 16
inner_size = 32

[[objective]]
id = "next"
use = "next_item"
loss = {{ use = "cross_entropy" }}

[[objective]]
id = "cross"
use = "cross_sequence"
weight = 0.1
synthesizer = {{ use = "attention" }}
loss = {{ use = "nt_xent" }}

[[objective]]
id = "intra"
use = "intra_sequence"
weight = 0.1
augmenter = {{ use = "semantic_substitute" }}
loss = {{ use = "nt_xent" }}

[train]
batch_size = 64
epochs = {epochs}
early_stopping = {{ metric = "valid.mrr@10", patience = 10 }}

[evaluation]
seen_items = "keep"
cutoffs = [1, 5, 10]
"""


def sracl_recipe(folder: Path, *, name: str = "small", users: int = 120, epochs: int = 4, extra: str = "") -> Path:
    """A recipe file of SRA-CL on a Markov source."""
    path = folder / f"{name}.toml"
    path.write_text(SRACL.format(name=name, users=users, epochs=epochs) + extra)
    return path


def project(folder: Path) -> dict[str, str]:
    """An environment whose store, runs and caches lie in this folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SRACL_")}
    return {**kept, "SRACL_HOME": str(folder), "SRACL_CACHE_DIR": str(folder / "cache"), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


HELD = ("--set", "samples=tests.support.components:Held")
"""For trainings that are sent signals: `let_train` holds them, so that they still train, however slow whoever sends the signals is."""


def let_train(home: Path, epochs: int = 1_000_000) -> None:
    """Allow the `HELD` trainings of a project so many epochs."""
    (home / "epochs.new").write_text(str(epochs))
    (home / "epochs.new").rename(home / "epochs")  # a training reads one number or the other


def heed_ctrl_c() -> None:
    """For processes before they begin: whoever starts the tests in the background of a script has Ctrl-C ignored for all of them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Started:
    """A command in a process of its own, which begins as a copy of one that has loaded torch: that takes longer than what is tried.

    The one copied has no threads and does nothing else. Signals, exit codes and what is printed are as with `subprocess.Popen`, and so
    are the names; only the start of Python is left out.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], before: Callable[[], None]) -> None:
        self._printed = tempfile.NamedTemporaryFile("r"), tempfile.NamedTemporaryFile("r")  # noqa: SIM115  (read once it has ended)
        printed = [file.name for file in self._printed]
        self._process = COPIES.Process(target=_carry_out, args=(list(arguments), dict(environment), os.getcwd(), printed, before))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it printed, once it has ended."""
        self._process.join(timeout)
        assert self.returncode is not None, f"process {self.pid} has not ended after {timeout} s"
        out, err = (file.read() for file in self._printed)
        return out, err


def _carry_out(arguments: list[str], environment: dict[str, str], folder: str, printed: list[str], before: Callable[[], None]) -> None:
    """`sracl ARGUMENTS`, in a process that is here for this alone."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, name in enumerate(printed, start=1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_APPEND), number)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    before()
    sys.exit(main(arguments))


def _nothing() -> None: ...


def start(*arguments: str, environment: Mapping[str, str], before: Callable[[], None] = _nothing) -> Started:
    """`sracl ARGUMENTS` as a process of its own, for tests that send it signals or do something beside it.

    Args:
        arguments: Of the command line.
        environment: Of the process.
        before: A function of a module, called there first.
    """
    return Started(arguments, environment, before)


def called(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`sracl ARGUMENTS` within this process, which has loaded torch: a new one spends more on that than on most of these runs."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "path", sys.path.copy()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main(arguments)
    return subprocess.CompletedProcess(["sracl", *arguments], code, out.getvalue(), err.getvalue())


def sracl(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`sracl ARGUMENTS` as a process of its own, waited for; see `called`."""
    command = [sys.executable, "-m", "sracl", *arguments]
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=300, check=False)
