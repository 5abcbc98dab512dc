"""One run: where it stands, its curves, what it told, its values and where they were set, its files, its environment."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.widgets import Static, TabbedContent, TabPane

from sracl.compare.final_figures import in_tables
from sracl.compare.wording import age, at_most, epochs, origin_in_words, place, state_with_sign
from sracl.errors import UsageError
from sracl.recipes.flat import flat, origin
from sracl.registry.wording import in_toml
from sracl.runs.log import FILE as LOG
from sracl.tracking import artifacts, progress, queries
from sracl.tracking.values import now
from sracl.tui.annotating import AnnotatingScreen
from sracl.tui.run.hand_over import hand_over
from sracl.tui.run.log import JobLog
from sracl.tui.run.tail import Tail
from sracl.tui.widgets.chart import Chart
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.scroll import Scroll

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

_TABS = ("overview", "charts", "logs", "recipe", "artifacts", "environment")
_EMPTY = {
    "charts": "No epoch has ended yet.",
    "logs": "Nothing is here: the run has not begun yet, was imported, or was trained in a terminal by a sracl that kept no log of that.",
}
_LOOK_SECONDS = 0.5


class RunScreen(AnnotatingScreen):
    """A run.

    Args:
        store: The SQLite file.
        run_id: Which run.
    """

    CSS = "RunScreen #logs Scroll { overflow: hidden; } RunScreen JobLog { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "app.pop_screen", "Back", key_display="q", id="back"),
        Binding("o", "tab('overview')", "Overview", id="run.overview"),
        Binding("C", "tab('charts')", "Charts", id="run.charts"),
        Binding("l", "tab('logs')", "Logs", id="run.logs"),
        Binding("r", "tab('recipe')", "Recipe", id="run.recipe"),
        Binding("a", "tab('artifacts')", "Artifacts", id="run.artifacts"),
        Binding("E", "tab('environment')", "Environment", id="run.environment"),
        Binding("e", "edit", "Edit", id="run.edit"),
        Binding("c", "cancel", "Cancel", id="run.cancel"),
        Binding("R", "retry", "Retry", id="run.retry"),
        Binding("p", "checkpoint", "Checkpoint", id="run.checkpoint"),
        Binding("t", "tag", "Tags", id="run.tags"),
        Binding("w", "note", "Note", id="run.note"),
    ]

    def __init__(self, store: Path, run_id: str) -> None:
        super().__init__(store)
        self._run_id = run_id
        self._texts: Mapping[str, str] = {}
        self._tail: Tail | None = None
        self._is_reading = False

    def compose(self) -> ComposeResult:
        """Tabs, keys."""
        with TabbedContent(initial="overview"):
            for name in _TABS:
                with TabPane(name.capitalize(), id=name), Scroll():
                    yield Static(_EMPTY.get(name, ""), id=f"{name}-text", markup=False)
                    if name == "logs":
                        yield JobLog(id="log")
        yield Keys()

    def on_mount(self) -> None:
        """Begin where it is read, and go on reading the log while that is looked at."""
        self.action_tab("overview")
        self.set_interval(_LOOK_SECONDS, self._look_at_log)

    def action_tab(self, name: str) -> None:
        """Show a tab."""
        self.query_one(TabbedContent).active = name
        if name == "logs":
            self.query_one(JobLog).focus()
            self._look_at_log()
        else:
            self.query_one(f"#{name} Scroll").focus()

    def action_edit(self) -> None:
        """Open the log, or what else is shown as text, in a program of the user's."""
        tab = self.query_one(TabbedContent).active
        try:
            with self.app.suspend():
                if tab == "logs" and self._tail:
                    hand_over(self._tail.file)
                    return
                with NamedTemporaryFile("w", prefix=f"{self._run_id}-{tab}-", suffix=".txt", encoding="utf-8") as file:
                    file.write(self._texts.get(tab, ""))
                    file.flush()
                    hand_over(Path(file.name))
        except SuspendNotSupported:
            self.notify("This terminal cannot be handed over.", severity="warning")
        except UsageError as error:
            self.notify(str(error), severity="error", markup=False)

    def action_cancel(self) -> None:
        """Cancel the job that trains this run."""
        self.cancel(self._run_id)

    def action_checkpoint(self) -> None:
        """Have the job that trains this run write a checkpoint and go on."""
        self.steer(["checkpoint", self._run_id], f"Run {self._run_id} is asked for a checkpoint; its log tells when it stands.")

    def action_retry(self) -> None:
        """Let the job of this run wait again."""
        self.steer(["retry", self._run_id], "")

    def action_tag(self) -> None:
        """Change the tags of this run."""
        self.ask_for_tags([self._run_id])

    def action_note(self) -> None:
        """Write the note of this run."""
        self.ask_for_note(self._run_id)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def refresh_rows(self) -> None:
        """Read the run again, and draw what changed."""
        with self.reader() as store:
            run = next(iter(queries.runs(store, ids=[self._run_id])), None)
            if run is None:
                told = f"Run {self._run_id} was removed; what is shown is how it was."
                self.app.call_from_thread(self._show_removed, told)
                raise UsageError(told)
            series = queries.series(store, run.id)
            metrics = queries.final_metrics(store, [run.id])
            protocols = queries.protocols(store)
            files = artifacts.of_run(store, run.id)
            left = progress.seconds_left(store, [run]).get(run.id)
        texts = {
            "overview": _overview(run, metrics, protocols, left),
            "recipe": _lines(run.values, run.origins),
            "artifacts": "\n".join(f"{file.name}  {file.size:,} bytes  {file.path or 'not here'}" for file in files) or "no file yet",
            "environment": _lines(run.environment, {}),
        }
        self.app.call_from_thread(self._show, texts, series, Path(run.folder) / LOG)

    def _show(self, texts: Mapping[str, str], series: Mapping[str, Sequence[tuple[int, float]]], log: Path) -> None:
        if not self.is_mounted:
            return
        self._tail = self._tail or Tail(log)
        for name, text in texts.items():
            if text != self._texts.get(name):
                self.query_one(f"#{name}-text", Static).update(text)
        self._texts = texts
        self.query_one("#charts-text").display = not series
        charts = {chart.name: chart for chart in self.query(Chart)}
        new = [Chart(name) for name in series if name not in charts]
        self.query_one("#charts Scroll").mount_all(new)
        for chart in (*charts.values(), *new):
            chart.show_points(series.get(chart.name or "", ()))

    def _show_removed(self, told: str) -> None:
        """Say so for as long as the run is looked at; what pops up is gone after seconds."""
        before = self._texts.get("overview", "")
        if self.is_mounted and not before.startswith(told):
            self._texts = {**self._texts, "overview": f"{told}\n\n{before}".rstrip()}
            self.query_one("#overview-text", Static).update(self._texts["overview"])

    def _look_at_log(self) -> None:
        if self._tail and not self._is_reading and self.query_one(TabbedContent).active == "logs":
            self._is_reading = True
            self._read_log(self._tail)

    @work(thread=True, group="log", exit_on_error=False)
    def _read_log(self, tail: Tail) -> None:
        try:
            text, anew = tail.read()
        finally:
            self._is_reading = False
        self.app.call_from_thread(self._show_log, text, anew)

    def _show_log(self, text: str, anew: bool) -> None:
        if self.is_mounted:
            log = self.query_one(JobLog)
            log.show_more(text, anew=anew)
            self.query_one("#logs-text").display = not log.lines


def _overview(
    run: queries.RunRow, metrics: Sequence[queries.MetricRow], protocols: Mapping[str, Mapping[str, Any]], left: float | None
) -> str:
    lines = [f"run      {run.id}", f"state    {state_with_sign(run.state)}", f"recipe   {place(run)}"]
    lines += [f"data     {run.dataset}", f"seed     {run.seed}", f"epoch    {epochs(run) or 'none yet'}"]
    if left is not None:
        lines.append(f"left     {at_most(left)}")
    lines.append(f"age      {age(now() - run.created)}")
    if run.reason:
        lines.append(f"reason   {run.reason}")
    if run.note:
        lines.append(f"note     {run.note}")
    if come := origin_in_words(run):
        lines.append(f"origin   {come}")
    return "\n".join([*lines, "", in_tables(metrics, protocols)])


def _lines(values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """Lines `path = value` as a recipe would have them, with where it was set."""
    told = ((path, in_toml(value), origin(origins, path)) for path, value in flat(values))
    return "\n".join(f"{path} = {value}" + (f"    ({place})" if place else "") for path, value, place in told)
