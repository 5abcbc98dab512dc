from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from textual.pilot import Pilot
from textual.widgets import Input, Static, TabbedContent

from sracl import paths
from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog
from sracl.tracking import jobs, queries
from sracl.tracking.queue import Queue
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from sracl.tui import command
from sracl.tui.app import SraclApp
from sracl.tui.launch.completion import Completion, at
from sracl.tui.launch.fields import Field, fields
from sracl.tui.launch.outlook import enqueued, outlook, totals
from sracl.tui.launch.recipe_tree import RecipeTree, listed
from sracl.tui.launch.screen import LaunchScreen
from sracl.tui.launch.typed import Typed
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.picker import Picker
from sracl.tui.widgets.rows import Rows
from tests.support.recipes import sracl_recipe
from tests.tui.support import shows, text, until


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SRACL_DB", raising=False)
    sracl_recipe(tmp_path, users=60, epochs=1)


@pytest.fixture
def app() -> SraclApp:
    return SraclApp(paths.store_file())


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Commands that should enqueue, each of which fails after a while."""
    seen: list[Sequence[str]] = []

    def answer(arguments: Sequence[str], *, unwanted: Callable[[], bool]) -> command.Answer:
        seen.append(arguments)
        time.sleep(0.5)
        return command.Answer(8, "", "The store is full.\n")

    monkeypatch.setattr("sracl.tui.launch.screen.ask", answer)
    return seen


async def setting(pilot: Pilot[None], written: str) -> None:
    """Write it into the box at once, and press enter; other tests type."""
    await pilot.press("slash")
    pilot.app.screen.query_one(Input).value = written
    await pilot.press("enter", "escape")


def told(app: SraclApp, name: str) -> str:
    return str(app.screen.query_one(f"#{name}", Static).render())


async def open_recipe(app: SraclApp, pilot: Pilot[None]) -> Input:
    """Open the screen on the recipe of the project, with its values focused."""
    await pilot.press("5")
    await until(pilot, lambda: isinstance(app.screen, LaunchScreen) and told(app, "told") == "small: 1 run")
    await pilot.press("enter")
    await until(pilot, lambda: app.screen.query_one("#values").has_focus)
    return app.screen.query_one(Input)


@pytest.mark.presses("LaunchScreen filter", "LaunchScreen launch.enqueue")
async def test_a_recipe_is_changed_by_keys_and_enqueued(app: SraclApp) -> None:
    with Store.open(paths.store_file()) as store:
        Queue(store).hold(True)  # so that nothing begins
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        box = await open_recipe(app, pilot)
        await shows(pilot, "small.toml", "data.num_users", "small.toml:10")
        await pilot.press("slash", *"objective.cross.w", "right")
        await until(pilot, lambda: box.value == "objective.cross.weight")
        await pilot.press(*"=0.0", "enter", *"seeds=[7]", "enter")
        await until(pilot, lambda: told(app, "sets") == "--set objective.cross.weight=0.0 --set seeds=[7]")
        await until(pilot, lambda: "objective.cross.loss.use" not in text(app))  # an objective of weight 0 is not built
        await pilot.press("ctrl+s")
        assert app.screen.query_one("#enqueuing").display
        await shows(pilot, "enqueuing …")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await shows(pilot, "small · seed 7 is enqueued")
    with Reader.open(paths.store_file()) as reader:
        (job,) = jobs.jobs(reader)
        run = queries.run(reader, job.run_id or "")
    assert job.state == "queued"
    assert (run.seed, [objective["id"] for objective in run.values["objective"]]) == (7, ["next", "intra"])


@pytest.mark.presses("LaunchScreen launch.unset")
async def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_lost(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_recipe(app, pilot)
        await setting(pilot, "objective.cross.weigth=0.0")
        await setting(pilot, "train.epochs=none")
        await until(pilot, lambda: "2 problems" in told(app, "told"))
        assert "CrossSequence takes no such parameter" in told(app, "told")
        assert "train.epochs: Should be an integer" in told(app, "told")
        assert app.screen.query_one("#values", Rows).row_count > 50  # the last values that were right
        await pilot.press("minus")
        await until(pilot, lambda: told(app, "sets") == "--set objective.cross.weigth=0.0" and "1 problem" in told(app, "told"))
        await pilot.press("minus", "minus")
        await until(pilot, lambda: told(app, "told") == "small: 1 run" and not app.screen.query_one("#sets").display)


async def test_what_cannot_be_enqueued_says_why_and_stays(app: SraclApp, refused: list[Sequence[str]]) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_recipe(app, pilot)
        await setting(pilot, "seeds=[3]")
        await pilot.press("ctrl+s", "ctrl+s")
        await shows(pilot, "enqueuing …")
        await until(pilot, lambda: told(app, "told") == "Nothing is enqueued.\nThe store is full.")
        await until(pilot, lambda: "enqueuing" not in text(app))
        assert isinstance(app.screen, LaunchScreen)
        assert told(app, "sets") == "--set seeds=[3]"
        assert len(refused) == 1  # the second press came while the first was being carried out
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(refused) == 2)


async def test_what_cannot_be_started_to_enqueue_says_so_and_can_be_tried_again(app: SraclApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("sracl.tui.launch.screen.ask", fail)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_recipe(app, pilot)
        for times in (1, 2):
            await pilot.press("ctrl+s")
            await until(pilot, lambda: sum("temporarily unavailable" in told.message for told in app._notifications) == times)  # noqa: B023
            await until(pilot, lambda: not app.screen.query_one("#enqueuing").display)


async def test_a_value_is_chosen_from_a_list_or_typed_where_it_stands(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        box = await open_recipe(app, pilot)
        await pilot.press("slash", *"izer.u", "enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, Picker))
        await shows(pilot, "objective.cross.synthesizer.use: a synthesizer", "attention", "mean")
        await pilot.press("j", "enter")
        await until(pilot, lambda: told(app, "sets") == "--set objective.cross.synthesizer.use=mean")
        await until(pilot, lambda: "--set" in text(app).splitlines()[6])
        await pilot.press("slash", "escape", "g")
        await until(pilot, lambda: app.screen.query_one("#values", Rows).selected_key == "seeds")
        await shows(pilot, "resources.vram")
        await pilot.press("j", "j", "j", "j")
        await shows(pilot, "an integer", "small.toml:9")
        await pilot.press("enter")
        await until(pilot, lambda: box.value == "data.num_items=40")
        await pilot.press("0", "enter")
        await until(pilot, lambda: told(app, "sets").endswith("--set data.num_items=400"))
        await pilot.press("escape", "k", "j", "minus")  # the one under the cursor
        await until(pilot, lambda: told(app, "sets") == "--set objective.cross.synthesizer.use=mean")


@pytest.mark.presses("LaunchScreen launch.preview", "LaunchScreen right")
async def test_the_dry_run_says_what_would_be_done(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_recipe(app, pilot)
        await pilot.press("f5")
        assert app.screen.query_one(TabbedContent).active == "outlook-tab"
        await shows(pilot, "1 run: 1 new", "small · seed 1", "stages before training: 0 of 6 cached")
        await until(pilot, lambda: "price of" in rendered(app))
        await pilot.press("j", "k", "l")
        assert app.screen.query_one(TabbedContent).active == "values-tab"
        await setting(pilot, "seeds=[1, 1]")
        await pilot.press("f5")
        await until(pilot, lambda: "Lists a seed twice" in told(app, "outlook"))


def rendered(app: SraclApp) -> str:
    """All of the dry run, also what is scrolled away."""
    widget = app.screen.query_one("#outlook", Static)
    return "\n".join("".join(segment.text for segment in strip) for strip in widget.render_lines(widget.size.region))


@pytest.mark.presses("LaunchScreen left", "LaunchScreen back", "RecipeTree last", "RecipeTree up", "RecipeTree first", "RecipeTree down")
async def test_recipes_and_values_take_turns_where_there_is_no_room(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_recipe(app, pilot)
        tree = app.screen.query_one(RecipeTree)
        assert not tree.display
        await pilot.press("h")
        assert tree.has_focus
        assert tree.display
        await pilot.press("G", "k", "g", "j", "j", "j")
        await until(pilot, lambda: told(app, "told").startswith("ablation_unlearnable: 10 runs; values of the first, SRA-CL"))
        await pilot.press("slash", *"zz", "enter")
        await shows(pilot, "No path has that in it.")
        await pilot.press("escape", "q")
        assert isinstance(app.screen, RunsScreen)


async def test_settings_belong_to_their_recipe(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await open_recipe(app, pilot)
        await setting(pilot, "seeds=[5]")
        await pilot.press("h", "j", "j")
        await until(pilot, lambda: told(app, "told").startswith("ablation_unlearnable"))
        assert not app.screen.query_one("#sets").display
        await pilot.press("k", "ctrl+s")
        await shows(pilot, "Choose a recipe first.")  # a folder is none
        await pilot.press("k")
        await until(pilot, lambda: told(app, "sets") == "--set seeds=[5]")


@pytest.mark.presses("RunsScreen runs.new")
async def test_the_runs_lead_to_it(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen))


async def test_a_recipe_that_is_no_toml_is_listed_with_its_problem(app: SraclApp, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("recipe = 1\nname = [\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    found = listed()
    assert list(found["this project"]) == ["broken.toml", "small.toml"]
    assert found["methods"]["sracl"] == "methods/sracl"
    assert found["sracl"]["quickstart"] == "quickstart"
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen) and "broken.toml" in told(app, "told"))


async def test_what_cannot_be_read_as_a_recipe_is_not_listed_and_ends_nothing(
    app: SraclApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "dangling.toml").symlink_to(tmp_path / "gone")
    (tmp_path / "locked.toml").write_text("recipe = 1\n")
    read_text = Path.read_text

    def refuse(file: Path, *arguments: str, **named: str) -> str:
        if file.name == "locked.toml":
            raise PermissionError(13, "Permission denied")
        return read_text(file, *arguments, **named)

    monkeypatch.setattr(Path, "read_text", refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_recipe(app, pilot)
    assert list(listed()["this project"]) == ["small.toml"]


async def test_brackets_in_the_name_of_a_recipe_are_shown(app: SraclApp, tmp_path: Path) -> None:
    (tmp_path / "small.toml").rename(tmp_path / "small[lr].toml")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await shows(pilot, "small[lr].toml")


async def test_the_values_of_one_recipe_do_not_stand_below_the_problems_of_another(app: SraclApp, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text('recipe = 1\nname = "wrong"\nextends = "nowhere"\n')
    async with app.run_test(size=(120, 40)) as pilot:
        await open_recipe(app, pilot)
        values = app.screen.query_one("#values", Rows)
        assert values.row_count > 10
        await setting(pilot, "train.epoch=3")
        await until(pilot, lambda: "Did you mean" in told(app, "told"))
        assert values.row_count > 10  # its own last ones stay
        await pilot.press("h", "j")
        await until(pilot, lambda: "nowhere" in told(app, "told"))
        await until(pilot, lambda: values.row_count == 0)


def test_it_loads_no_tensor_library() -> None:
    script = (
        "import sys; from sracl.tui.launch.form import resolved; import sracl.tui.launch.screen;"
        "import sracl.tui.components.screen;"
        "assert resolved('methods/s3rec', []).rows; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "textual" in loaded
    assert not {"torch", "transformers", "sklearn"} & set(loaded)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("train.ep", "train.epochs"),
        ("train.epochs", "train.epochs="),
        ("objective.cross.synthesizer=att", "objective.cross.synthesizer=attention"),
        ("objective.cross.synthesizer.use=att", "objective.cross.synthesizer.use=attention"),
        ("objective.cross.synthesizer.use=attention", None),
        ("train.epochs=1", None),
        ("elsewhere", None),
        ("", None),
    ],
)
def test_paths_and_choices_are_completed(typed: str, completed: str | None) -> None:
    completion = Completion()
    completion.fields = {
        "train.epochs": Field("an integer", ""),
        "objective.cross.synthesizer.use": Field("a synthesizer", "", ("attention", "mean")),
    }
    assert asyncio.run(completion.get_suggestion(typed)) == completed


def test_a_field_is_told_by_the_schema_or_by_its_component() -> None:
    found = fields(plan("methods/s3rec").runs[0].values, catalog())
    assert found["train.epochs"].accepts == "an integer of at least 1"
    assert found["resources.vram"].accepts == "a number above 0"
    assert found["evaluation.seen_items"].choices == ("keep", "exclude")
    assert found["evaluation.split"].accepts == '"leave-one-out" or a table with by, valid, test'
    assert found["evaluation.split"].choices == ()  # a list would keep the table from being typed
    by_time = plan("methods/s3rec", sets=['evaluation.split={by="time", valid=0.8, test=0.9}']).runs[0].values
    assert fields(by_time, catalog())["evaluation.split.test"].accepts == "a number in (0, 1)"
    assert found["backbone.sparse_gradients"].choices == ("true", "false")
    assert "sasrec" in found["backbone.use"].choices
    assert found["backbone.dropout"] == Field("a number in [0, 1)", "Probability of zeroing an activation, in [0, 1).")
    assert found["stage.pretrain.objective.items.weight"].accepts == "a number of at least 0"
    assert "demo" in found["data.name"].choices
    assert found["data.num_users"].accepts == "an integer of at least 1"  # the generator's own
    assert at(found, "train.optimizer") == found["train.optimizer.use"]


def test_settings_that_were_typed_are_taken_back_by_path_or_the_last_first() -> None:
    typed = Typed()
    for path, value in (("train.epochs", "5"), ("backbone.dropout", "0.2"), ("train.epochs", "7"), ("seeds", "3")):
        typed.add("quickstart", path, value)
    assert typed.of("quickstart") == ("backbone.dropout=0.2", "train.epochs=7", "seeds=3")
    assert typed.take_back("quickstart", "backbone.dropout")
    assert typed.take_back("quickstart", None)
    assert typed.of("quickstart") == ("train.epochs=7",)
    assert typed.of("another") == typed.of(None) == ()
    assert not typed.take_back("another", "train.epochs")


def test_totals_count_what_is_left() -> None:
    runs = [
        {"state": "done", "seconds": 60.0, "basis": "timed here"},
        {"state": "new", "seconds": 90.0, "basis": "timed here"},
        {"state": "interrupted, goes on after epoch 3", "seconds": 30.0, "basis": "timed here"},
        {"state": "same as abc", "seconds": 90.0, "basis": "timed here"},
    ]
    stages = [{"cached": True}, {"cached": False}]
    assert totals(runs, stages).splitlines() == [
        "4 runs: 1 done, 1 new, 1 interrupted, 1 same as another",
        "at most about 2 min 00 s of training",
        "stages before training: 1 of 2 cached",
    ]
    assert "roughly 1 min 30 s" in totals([{"state": "new", "seconds": 90.0, "basis": "rule of thumb"}], [])
    assert "The data of 1 are not here" in totals([{"state": "new", "seconds": None, "basis": "data set absent"}], [])
    refused = [{"state": "new", "seconds": None, "basis": "it does not say when"}] * 2
    assert totals(refused, []).splitlines()[1:] == ["it does not say when"]


def test_requests_that_are_left_are_shown_with_their_price() -> None:
    asked = {"dataset": "shop", "texts": "items", "provider": "openai", "model": "small", "requests": 1697, "missing": 1400}
    found = [
        {**asked, "dollars": 0.404, "key_missing": "MY_KEY"},
        {**asked, "dollars": None, "key_missing": None},
    ]
    console = Console(width=100, no_color=True)
    with console.capture() as shown:
        console.print(outlook({"runs": [{"state": "new", "label": "a", "seconds": 1.0, "basis": "x"}], "stages": [], "requests": found}))
    lines = [line.rstrip() for line in shown.get().splitlines()]
    assert lines[-2:] == [
        "1,400 of 1,697  0.40        items of shop with openai (small); MY_KEY is not set",
        "1,400 of 1,697  unknown     items of shop with openai (small)",
    ]


def test_what_was_enqueued_is_said_shortly() -> None:
    entries = [{"label": f"seed {seed}", "status": "queued"} for seed in range(5)]
    others = [{"label": "seed 9", "status": "done already"}, {"label": "seed 8", "status": "done already"}]
    assert enqueued(entries) == "5 jobs are enqueued; 3 shows the queue"
    assert enqueued([entries[0], *others]) == "seed 0 is enqueued, 2 done already"
    assert enqueued(others) == "2 done already"
