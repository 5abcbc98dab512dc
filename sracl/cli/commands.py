"""Which commands there are. Each is read and built when it is called: neither the help of all nor one of them waits for the others."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    # typer has its own copy of click's classes, and shows them under no other name
    from typer._click import Command, Context


@dataclass(frozen=True)
class Entry:
    """A command, or a group of them."""

    name: str
    module: str
    """Of `sracl.cli`. It has the command as `command`, and perhaps what typer is to know of it as `SETTINGS`; or the group as `app`."""
    what: str
    """What it does, as help of all commands has it; that of the command alone begins with it."""
    is_hidden: bool = False

    def in_a_line(self) -> Command:
        """What help of all commands shows."""
        return TyperCommand(self.name, help=self.what, hidden=self.is_hidden)

    def built(self) -> Command:
        """The command itself."""
        module = importlib.import_module(f"sracl.cli.{self.module}")
        group: typer.Typer | None = getattr(module, "app", None)
        if group is None:
            group = typer.Typer(add_completion=False)
            group.command(self.name, context_settings=getattr(module, "SETTINGS", None), hidden=self.is_hidden)(module.command)
        for command in group.registered_commands:
            command.help = _wrapped(inspect.getdoc(command.callback) or "")
        made = get_command(group)
        made.name = self.name
        made.help = made.help or self.what
        return made


def _wrapped(text: str) -> str:
    """Paragraphs in a line each, which help wraps to the terminal's width; by itself it does so with the first alone."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


ENTRIES = (
    Entry(
        "init",
        "init",
        "Begin a project: a first recipe to change, the schema by which editors complete it, and the folder that marks the project.",
    ),
    Entry("run", "run", "Carry out recipes; runs that are done already are not repeated, an interrupted one goes on where it stopped."),
    Entry("runs", "runs", "List runs, the newest first; with --sort the highest first."),
    Entry("tag", "tag", "Give tags to runs, or take them away: `sracl tag 6f77 1578 +ablation -old`."),
    Entry("note", "note", "Keep a note on a run, or print the one it has."),
    Entry(
        "rm", "rm", "Remove runs: figures, places in recipes, weights, checkpoints, ranks, plan and log. Without --yes, show what would go."
    ),
    Entry("list", "list", "List components, data sets, language models, prompts and recipes, each with a line on what it is."),
    Entry("show", "show", "Show a component with its parameters, a data set, a method, a metric, a resolved recipe or a run."),
    Entry("check", "check", "Try a component, shipped or your own, on all that its kind promises to the rest of sracl."),
    Entry("schema", "schema", "Print the JSON Schema of recipes, by which editors complete and check them as they are written."),
    Entry(
        "compare",
        "compare",
        "Compare variants: mean ± standard deviation over seeds, a table per data set and protocol, published figures beside ours.",
    ),
    Entry("diff", "diff", "Show what differs between runs: state, values and where they were set, data, environment, final figures."),
    Entry(
        "recommend",
        "recommend",
        "Recommend items with the weights of a completed run: to some users, to all of them into a file, or after a history you type.",
    ),
    Entry(
        "export", "export", "Write completed runs to a file that `sracl import` takes into another project, for one leaderboard over both."
    ),
    Entry("import", "import_", "Take runs of another project in: all of a file, or nothing. What is here already stays as it is."),
    Entry("doctor", "doctor", "Look at devices, disks, the store, plug-ins, keys and the terminal, and say how to mend what is wrong."),
    Entry("tui", "tui", "Browse runs in the terminal. It may be opened and closed while runs go on."),
    Entry("queue", "queue", "Jobs that wait for a device, have one, or had one. `sracl run RECIPE --detach` adds them."),
    Entry("logs", "logs", "Print what a run told while it was trained, in a terminal or as a job, attempt after attempt."),
    Entry("worker", "worker", "Start waiting jobs on free devices, and look after them until they end."),
    Entry(
        "carry-out",
        "carry_out",
        "Carry out a plan as it was written down, whatever its recipe says now; refused where sracl or a plug-in is another version now.",
        is_hidden=True,
    ),
    Entry("data", "data", "List, download, import, inspect and check data sets."),
    Entry("semantics", "semantics", "See texts, neighbours, and what they know of who chooses what next."),
    Entry("llm", "llm", "Texts that language models write: their price, the asking, and the answers that were paid for."),
    Entry("cache", "cache", "Texts, vectors and neighbours that runs have made and share: what is kept, and what may go."),
)
"""In the order of help."""


class Commands(TyperGroup):
    """All of them, a line each until one is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {entry.name: entry.in_a_line() for entry in ENTRIES}

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """The command that a line names, and the rest of the line."""
        name, found, rest = super().resolve_command(ctx, args)
        entry = next((entry for entry in ENTRIES if entry.name == name), None)
        return name, entry.built() if entry else found, rest
