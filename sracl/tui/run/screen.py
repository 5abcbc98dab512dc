"""One run: where it stands, its curves, its values and where they were set, its files, its environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Footer, Static, TabbedContent, TabPane

from sracl.compare.wording import age, place
from sracl.recipes.flat import flat, origin
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from sracl.tracking.values import now
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.chart import Chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from textual.app import ComposeResult

_TEXTS = ("overview", "recipe", "artifacts", "environment")


class RunScreen(StoreScreen):
    """A run.

    Args:
        store: The SQLite file.
        run_id: Which run.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "app.pop_screen", "Back", key_display="q"),
        Binding("o", "tab('overview')", "Overview"),
        Binding("g", "tab('charts')", "Charts"),
        Binding("r", "tab('recipe')", "Recipe"),
        Binding("a", "tab('artifacts')", "Artifacts"),
        Binding("v", "tab('environment')", "Environment"),
    ]

    def __init__(self, store: Path, run_id: str) -> None:
        super().__init__(store)
        self._run_id = run_id

    def compose(self) -> ComposeResult:
        """Tabs, keys."""
        with TabbedContent(initial="overview"):
            for name in ("overview", "charts", "recipe", "artifacts", "environment"):
                with TabPane(name.capitalize(), id=name), VerticalScroll():
                    yield Static("" if name in _TEXTS else "No epoch has ended yet.", id=f"{name}-text", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Read the run."""
        self.refresh_rows()

    def action_tab(self, name: str) -> None:
        """Show a tab."""
        self.query_one(TabbedContent).active = name

    @work(thread=True, exclusive=True, exit_on_error=False)
    def refresh_rows(self) -> None:
        """Read the run again, and draw what changed."""
        with Reader.open(self.store) as store:
            run = queries.run(store, self._run_id)
            series = queries.series(store, run.id)
            metrics = queries.final_metrics(store, [run.id])
            files = queries.artifacts(store, run.id)
        texts = {
            "overview": _overview(run, metrics),
            "recipe": _lines(run.values, run.origins),
            "artifacts": "\n".join(f"{file.name}  {file.size:,} bytes  {file.path}" for file in files) or "no file yet",
            "environment": _lines(run.environment, {}),
        }
        self.app.call_from_thread(self._show, texts, series)

    def _show(self, texts: Mapping[str, str], series: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        if not self.is_mounted:
            return
        for name, text in texts.items():
            self.query_one(f"#{name}-text", Static).update(text)
        self.query_one("#charts-text").display = not series
        charts = {chart.name: chart for chart in self.query(Chart)}
        new = [Chart(name) for name in series if name not in charts]
        self.query_one("#charts VerticalScroll").mount_all(new)
        for chart in (*charts.values(), *new):
            chart.show_points(series.get(chart.name or "", ()))


def _overview(run: queries.RunRow, metrics: Sequence[queries.MetricRow]) -> str:
    lines = [f"run      {run.id}", f"state    {run.state}", f"recipe   {place(run)}", f"data     {run.dataset}", f"seed     {run.seed}"]
    lines += [f"epoch    {'none yet' if run.epoch is None else run.epoch}", f"age      {age(now() - run.created)}"]
    if run.reason:
        lines.append(f"reason   {run.reason}")
    return "\n".join([*lines, "", *(f"{row.split}.{row.name} ({row.protocol}, {row.group or 'all'})  {row.value:.4f}" for row in metrics)])


def _lines(values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """Lines `path = value`, with where it was set."""
    told = ((path, value, origin(origins, path)) for path, value in flat(values))
    return "\n".join(f"{path} = {value}" + (f"    ({place})" if place else "") for path, value, place in told)
