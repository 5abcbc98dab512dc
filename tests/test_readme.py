"""What the README and the pages of docs/ show: recipes resolve, components are some, commands exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl.backbones.base import Backbone
from sracl.cli.commands import ENTRIES
from sracl.contracts.backbone import BackboneContract
from sracl.contracts.loss import RankingLossContract
from sracl.interfaces import SLOTS, RankingLoss, SequenceSpec
from sracl.recipes.plan import plan
from sracl.registry.card import KINDS, read_card
from sracl.registry.packages import missing
from sracl.tui import settings

ROOT = Path(__file__).parents[1]
MANUAL = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*MANUAL, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]

FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.DOTALL | re.MULTILINE)
TEXT = "\n".join(path.read_text("utf-8") for path in MANUAL)
BLOCKS = FENCE.findall(TEXT)
TOML = [text for language, text in BLOCKS if language == "toml"]
RECIPES = [text for text in TOML if text.startswith("recipe = 1")]
LINES = [line for language, text in BLOCKS if not language for line in text.replace("\\\n", " ").splitlines()]
COMMANDS = [part.strip().removeprefix("$ ") for line in LINES for part in line.split("  #")[0].split(" && ")]
COMMANDS = [command for command in COMMANDS if command.startswith("sracl ")]
BUILT = {entry.name: entry.built() for entry in ENTRIES}


def shown(language: str, beginning: str) -> str:
    """The one block that begins so."""
    found: list[str] = [text for other, text in BLOCKS if other == language and text.startswith(beginning)]
    (text,) = found
    return text


PROMPT = shown("toml", 'kind = "prompt"')
KEYS = shown("toml", "[tui]\n")
ENTRY_POINT = shown("toml", "# pyproject.toml of my-lab\n")
CARD = shown("toml", "# my_lab/cards/fading_mean.toml\n")
LOSS = shown("python", "# my_lab/losses.py\n")
BACKBONE = shown("python", "# my_lab/models.py\n")
SUITE = shown("python", "# test_models.py\n")


@pytest.mark.parametrize("text", RECIPES, ids=[re.findall(r'^name = "(\w+)"', text, re.MULTILINE)[0] for text in RECIPES])
def test_a_recipe_that_is_shown_resolves_and_takes_the_values_it_mentions(text: str, tmp_path: Path) -> None:
    (tmp_path / "shown.toml").write_text(text, "utf-8")
    assert plan(str(tmp_path / "shown.toml"), sets=re.findall(r"--set (\S+)", text)).runs


def test_all_that_is_shown_is_tried() -> None:
    assert len(RECIPES) == 9
    assert sorted(TOML) == sorted([*RECIPES, PROMPT, KEYS, ENTRY_POINT, CARD])
    assert sorted(text for language, text in BLOCKS if language == "python") == sorted([LOSS, BACKBONE, SUITE])


def test_the_set_up_lines_are_the_first_that_the_readme_shows() -> None:
    first, second, *_ = FENCE.findall(MANUAL[0].read_text("utf-8"))
    start = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e "
    assert first == ("", f"{start}. && .venv/bin/sracl run recipes/ablation_unlearnable.toml\n")
    assert second == ("", f'{start}".[dev]" && .venv/bin/pytest -n auto\n')


def test_a_recipe_takes_the_prompt_that_is_shown(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(PROMPT, "utf-8")
    recipe = 'recipe = 1\nname = "mine"\nextends = "methods/sracl"\n[semantics.items]\nprompt = "short.toml"\n'
    (tmp_path / "mine.toml").write_text(recipe, "utf-8")
    (run, *_) = plan(str(tmp_path / "mine.toml")).runs
    assert run.values["semantics"]["items"]["prompt"] == str(tmp_path / "short.toml")


def test_the_terminal_interface_takes_the_keys_that_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CONFIG_DIR", str(tmp_path))
    (tmp_path / "tui.toml").write_text(KEYS, "utf-8")
    assert settings.read() == settings.Settings(theme="nord", keys={"runs.mark": "space", "down": "j,down,ctrl+n"})


class TestTheBackboneThatIsShown(BackboneContract):
    def make(self, spec: SequenceSpec) -> Backbone:
        module: dict[str, Any] = {}
        exec(BACKBONE, module)
        backbone: Backbone = module["FadingMean"](spec)
        return backbone


class TestTheLossThatIsShown(RankingLossContract):
    def loss(self) -> RankingLoss:
        module: dict[str, Any] = {}
        exec(LOSS, module)
        loss: RankingLoss = module["smoothed"]
        return loss


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules that are shown, where a project has its own."""
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "models.py").write_text(BACKBONE, "utf-8")
    (tmp_path / "my_lab" / "losses.py").write_text(LOSS, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("recipe", ["methods/sasrec", "methods/sracl"])
def test_recipes_take_the_backbone_without_registration(recipe: str) -> None:
    (setting,) = re.findall(r"--set backbone='(.*?)'", TEXT)
    (run,) = plan(recipe, sets=[f"backbone={setting}"], seeds=[1]).runs
    assert run.values["backbone"] == {"use": "my_lab.models:FadingMean", "hidden_size": 64, "fade": 0.8, "dropout": 0.2}


@pytest.mark.usefixtures("lab")
def test_the_suite_that_is_shown_makes_the_backbone_that_is_shown() -> None:
    module: dict[str, Any] = {}
    exec(SUITE, module)
    suite = module["TestFadingMean"]
    assert issubclass(suite, BackboneContract)
    assert isinstance(suite().make(SequenceSpec(3, 5)), Backbone)


@pytest.mark.usefixtures("lab")
def test_a_recipe_takes_the_loss_without_registration() -> None:
    (setting,) = re.findall(r"--set objective.next.loss='(.*?)'", TEXT)
    (run,) = plan("methods/sasrec", sets=[f"objective.next.loss={setting}"], seeds=[1]).runs
    assert run.values["objective"][0]["loss"] == {"use": "my_lab.losses:smoothed", "smoothing": 0.2}


def test_a_component_is_named_under_a_group_that_is_read() -> None:
    groups = {f"sracl.{folder}" for kind, folder in KINDS.items() if kind != "dataset"}
    assert tomllib.loads(ENTRY_POINT)["project"]["entry-points"] == {"sracl.backbones": {"fading_mean": "my_lab.models:FadingMean"}}
    listed = re.findall(r"`(sracl\.\w+)`", (ROOT / "docs" / "components.md").read_text("utf-8"))
    assert sorted(listed) == sorted([*groups, "sracl.cards"])


def test_the_card_that_is_shown_says_what_the_component_needs(tmp_path: Path) -> None:
    (tmp_path / "fading_mean.toml").write_text(CARD, "utf-8")
    card = read_card(tmp_path / "fading_mean.toml", "my-lab")
    assert {card.name: card.entry} == tomllib.loads(ENTRY_POINT)["project"]["entry-points"]["sracl.backbones"]
    assert missing(card) == ["my-lab[mamba]"]


def test_the_kinds_are_listed_with_what_they_promise() -> None:
    page = (ROOT / "docs" / "components.md").read_text("utf-8")
    rows = re.findall(r"^\| ([\w ]+) \| (`.*?`) \| .* \| `sracl\.(\w+)` \|$", page, re.MULTILINE)
    kinds = [(kind.lower().replace(" ", "_"), re.findall(r"\w+", promises), folder) for kind, promises, folder in rows]
    assert {kind: folder for kind, _, folder in kinds} == {kind: folder for kind, folder in KINDS.items() if kind != "dataset"}
    assert {promise: kind for kind, promises, _ in kinds for promise in promises} == SLOTS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_shown_exists_with_its_options(command: str) -> None:
    _, *words = shlex.split(command)
    found: Any = BUILT[words.pop(0)]
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if re.match("--?[a-z]", word)} <= known


def test_the_table_of_the_readme_has_all_commands() -> None:
    cells = re.findall(r"^\| (`sracl \w+.*?) \|", MANUAL[0].read_text("utf-8"), re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(?:sracl )?([a-z]+)\b", cell)}
    assert named == {entry.name for entry in ENTRIES if not entry.is_hidden}


def test_every_method_is_named() -> None:
    names = [path.stem for path in (ROOT / "recipes" / "methods").glob("*.toml")]
    assert [name for name in names if not re.search(rf"[`/]{name}`", TEXT)] == []


def anchors(page: Path) -> set[str]:
    """What links may name behind a `#`, as GitHub makes it of headings: lower case, hyphens for spaces, no punctuation."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def broken(page: Path) -> Iterator[str]:
    """Relative links of a page that lead to no file, or to no heading of one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text("utf-8"))):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not re.match(r"[a-z]+:", target) and (not file.exists() or (anchor and anchor not in anchors(file))):
            yield target


@pytest.mark.parametrize("page", LINKED, ids=[str(path.relative_to(ROOT)) for path in LINKED])
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    assert list(broken(page)) == []


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One, `two`\n[a](#one-two) [b](#one) [c](page.md#one-two) [d](other.md) [e](https://x.invalid/y)\n```\n[f](g)\n```\n")
    assert list(broken(page)) == ["#one", "other.md"]


def test_every_page_is_one_click_from_the_readme() -> None:
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", MANUAL[0].read_text("utf-8")))
    assert linked == {f"docs/{page.name}" for page in MANUAL[1:]}
