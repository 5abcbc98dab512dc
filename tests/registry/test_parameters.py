from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from sracl.errors import PluginError
from sracl.registry.card import Card
from sracl.registry.catalog import Catalog, catalog
from sracl.registry.parameters import bind, build, decisive, needs

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, ContrastiveLoss, RankingLoss, Synthesizer


def contrast(anchor, positive, *, temperature: Annotated[float, Field(gt=0)] = 1.0, similarity: Literal["dot", "cosine"] = "dot"):
    return anchor, positive, temperature, similarity


def ranking(states, item_table, targets):
    return 0


class Crop:
    def __init__(self, generator, *, ratio: Annotated[float, Field(gt=0, le=1)] = 0.6, sizes: tuple[int, ...] = (1, 2)) -> None:
        if ratio == 0.5:
            raise ValueError("half is no ratio")
        self.generator, self.ratio, self.sizes = generator, ratio, sizes

    def __call__(self, items, lengths):
        return items, lengths


class Alike:
    def __init__(self, *, steps: int = 1) -> None:
        self.steps = steps


class Drawn:
    def __init__(self, generator) -> None:
        self.generator = generator


class Learned:
    def parameters(self):
        return []


class Views:
    def __init__(
        self,
        item_neighbours,
        *,
        steps: int,
        augmenters: tuple[Augmenter, ...] = (),
        loss: ContrastiveLoss,
        rank: RankingLoss | None = None,
        verbose: bool = False,
    ) -> None:
        self.given, self.steps, self.augmenters, self.loss, self.rank = item_neighbours, steps, augmenters, loss, rank


class Pairs:
    def __init__(
        self, *, two: Annotated[tuple[Augmenter, ...], Field(min_length=2)], any: "Annotated[list[Augmenter], Field()]" = ()
    ) -> None:
        self.two, self.any = two, any


class Capped:
    def __init__(
        self, *, few: Annotated[tuple[Augmenter, ...], Field(max_length=2)], one: Annotated[Augmenter, Field(min_length=1)]
    ) -> None: ...


class Greedy:
    def __init__(self, learning_rate, *, size: int = 1) -> None: ...


class Opaque:
    def __init__(self, *, thing: object = None) -> None: ...
"""


@pytest.fixture
def cat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    name = f"bound_lab_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = {
        "contrast": "loss",
        "ranking": "loss",
        "Crop": "augmenter",
        "Views": "objective",
        "Pairs": "objective",
        "Capped": "objective",
        "Greedy": "backbone",
        "Opaque": "optimizer",
        "Alike": "similarity",
        "Drawn": "similarity",
        "Learned": "similarity",
    }
    return Catalog([Card(kind=kind, name=entry.lower(), entry=f"{name}:{entry}", summary="") for entry, kind in entries.items()])


def problems(cat: Catalog, kind: str, table: object, **rest: Any) -> dict[str, str]:
    return dict(bind(cat, kind, table, "here", **rest)[1])


def test_a_bound_table_is_complete(cat: Catalog) -> None:
    bound, found = bind(
        cat, "objective", {"use": "views", "steps": 3, "loss": "contrast", "augmenters": [{"use": "crop", "ratio": 1}]}, "o"
    )
    assert found == []
    assert bound == {
        "use": "views",
        "steps": 3,
        "augmenters": [{"use": "crop", "ratio": 1.0, "sizes": [1, 2]}],
        "loss": {"use": "contrast", "temperature": 1.0, "similarity": "dot"},
        "rank": None,
        "verbose": False,
    }
    assert isinstance(bound["augmenters"][0]["ratio"], float)


def test_a_bound_table_binds_to_itself(cat: Catalog) -> None:
    bound, _ = bind(cat, "objective", {"use": "views", "steps": 3, "loss": "contrast", "augmenters": ["crop"]}, "o")
    assert bind(cat, "objective", bound, "o") == (bound, [])


def test_every_problem_comes_at_once_with_its_path(cat: Catalog) -> None:
    table = {
        "use": "views",
        "augmenters": ["crop", {"use": "crop", "ration": 1}],
        "loss": {"use": "contrast", "temperature": 0},
        "verbose": 1,
    }
    assert problems(cat, "objective", table) == {
        "here.steps": "Views needs an integer here.",
        "here.augmenters.1.ration": "Crop takes no such parameter. Did you mean 'ratio'? It takes: ratio, sizes.",
        "here.loss.temperature": "Should be a number above 0, got 0.",
        "here.verbose": "Should be true or false, got 1.",
    }


@pytest.mark.parametrize(
    ("parameter", "value", "what"),
    [
        ("temperature", "1.0", 'Should be a number above 0, got "1.0".'),
        ("temperature", True, "Should be a number above 0, got true."),
        ("temperature", [1.0], "Should be a number above 0, got [1.0]."),
        ("temperature", {"a": 1}, "Should be a number above 0, got { a = 1 }."),
        ("temperature", datetime.date(2025, 3, 6), "Should be a number above 0, got 2025-03-06."),
        ("similarity", "cosin", 'Should be "dot" or "cosine", got "cosin". Did you mean \'cosine\'?'),
    ],
)
def test_values_are_checked_strictly_and_described_in_tomls_words(cat: Catalog, parameter: str, value: object, what: str) -> None:
    assert problems(cat, "loss", {"use": "contrast", parameter: value}) == {f"here.{parameter}": what}


def test_a_boolean_or_a_broken_number_is_no_integer(cat: Catalog) -> None:
    for value, shown in ((True, "true"), (2.0, "2.0")):
        assert problems(cat, "objective", {"use": "views", "steps": value, "loss": "contrast"}) == {
            "here.steps": f"Should be an integer, got {shown}."
        }


def test_an_integer_is_a_number_and_is_kept_as_one(cat: Catalog) -> None:
    one, _ = bind(cat, "loss", {"use": "contrast", "temperature": 1}, "l")
    other, _ = bind(cat, "loss", {"use": "contrast", "temperature": 1.0}, "l")
    assert repr(one) == repr(other)


def test_a_slot_wants_a_table_or_a_name(cat: Catalog) -> None:
    assert problems(cat, "objective", {"use": "views", "steps": 1, "loss": 3}) == {
        "here.loss": 'Should be a loss table such as { use = "contrast" }, got 3.'
    }
    assert problems(cat, "objective", {"use": "views", "steps": 1, "loss": "contrast", "augmenters": "crop"}) == {
        "here.augmenters": 'Should be an array of tables, each an augmenter, got "crop".'
    }
    assert problems(cat, "loss", {"temperature": 1.0}) == {"here.use": "Should name a loss. Registered: contrast, ranking."}
    assert problems(cat, "loss", {"use": 7}) == {"here.use": "Should name a loss, got 7. Registered: contrast, ranking."}


def test_a_list_of_components_may_have_to_hold_several(cat: Catalog) -> None:
    assert problems(cat, "objective", {"use": "pairs", "two": [{"use": "crop", "ratio": 2}]}) == {
        "here.two": "Should be an array of tables, at least 2, each an augmenter, got 1.",
        "here.two.0.ratio": "Should be a number in (0, 1], got 2.",
    }
    assert problems(cat, "objective", "pairs") == {"here.two": "Pairs needs an array of tables, at least 2, each an augmenter here."}
    bound, found = bind(cat, "objective", {"use": "pairs", "two": ["crop", "crop"], "any": ["crop"]}, "o")
    assert found == []
    made = build(cat, "objective", bound, lambda name, path: name, "o")
    assert [type(made.two), len(made.two), type(made.any)] == [tuple, 2, list]


def test_of_components_only_the_least_number_can_be_limited(cat: Catalog) -> None:
    found = [what for _, what in bind(cat, "objective", "capped", "here")[1]]
    reason = "of components, Field can say no more than the min_length of a list of them"
    assert found == [f"Capped: parameter '{name}' cannot be read: {reason}." for name in ("few", "one")]


def test_an_unknown_component_is_a_problem_of_its_use(cat: Catalog) -> None:
    assert problems(cat, "loss", "contrats") == {
        "here.use": "No loss is called 'contrats'. Did you mean 'contrast'? Registered: contrast, ranking."
    }
    assert "no module 'no_such_lab'" in problems(cat, "loss", "no_such_lab:x")["here.use"]


def test_a_module_is_written_with_a_colon_before_the_name_in_it(cat: Catalog) -> None:
    for written in ("my_lab.losses.mine", "my_lab/losses.py:mine"):
        assert "Did you mean 'my_lab.losses:mine'?" in problems(cat, "loss", written)["here.use"]


def test_a_module_that_is_not_there_is_told_with_the_nearest(cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_labor").mkdir()
    (tmp_path / "my_labor" / "losses.py").write_text("")
    for written in ("my_labor.loss:x", "my_labour.losses:x"):
        assert problems(cat, "loss", written)["here.use"].endswith("on the import path. Did you mean 'my_labor.losses'?")


def test_a_function_fills_no_slot_that_asks_for_more_than_a_call(cat: Catalog) -> None:
    found = problems(cat, "backbone", cat.find("loss", "ranking").entry)
    assert "is a function, but what stands here must be a Backbone, a class with encode, item_table" in found["here.use"]


def test_a_loss_of_the_other_family_is_a_problem(cat: Catalog) -> None:
    found = problems(cat, "objective", {"use": "views", "steps": 1, "loss": "ranking", "rank": "contrast"})
    assert found == {
        "here.loss.use": "'ranking' is called with (states, item_table, targets), but what stands here must be a ContrastiveLoss, "
        "called with (anchor, positive).",
        "here.rank.use": "'contrast' is called with (anchor, positive), but what stands here must be a RankingLoss, "
        "called with (states, item_table, targets).",
    }


def test_a_kind_of_one_protocol_needs_no_slot_to_be_checked(cat: Catalog) -> None:
    entry = cat.find("loss", "contrast").entry
    assert "must be a Augmenter" not in problems(cat, "augmenter", entry)["here.use"]
    assert "must be an Augmenter" in problems(cat, "augmenter", entry)["here.use"]


def test_what_no_run_can_give_is_a_problem(cat: Catalog) -> None:
    assert "asks the run for 'learning_rate'" in problems(cat, "backbone", "greedy")["here.use"]


def test_a_parameter_that_cannot_be_read_is_a_problem_that_names_it(cat: Catalog) -> None:
    assert "'thing' cannot be read" in problems(cat, "optimizer", "opaque")["here.use"]


def test_needs_are_those_of_the_whole_table(cat: Catalog) -> None:
    bound, _ = bind(cat, "objective", {"use": "views", "steps": 1, "loss": "contrast"}, "o")
    assert needs(cat, "objective", bound) == {"item_neighbours"}
    bound, _ = bind(cat, "objective", {"use": "views", "steps": 1, "loss": "contrast", "augmenters": ["crop"]}, "o")
    assert needs(cat, "objective", bound) == {"item_neighbours", "generator"}


def test_building_fills_slots_first_and_gives_by_path(cat: Catalog) -> None:
    asked: list[tuple[str, str]] = []

    def given(name: str, path: str) -> str:
        asked.append((name, path))
        return f"{name} of {path}"

    bound, _ = bind(
        cat, "objective", {"use": "views", "steps": 2, "loss": {"use": "contrast", "temperature": 2}, "augmenters": ["crop", "crop"]}, "o"
    )
    made = build(cat, "objective", bound, given, "objective.intra")
    assert asked == [
        ("generator", "objective.intra.augmenters.0"),
        ("generator", "objective.intra.augmenters.1"),
        ("item_neighbours", "objective.intra"),
    ]
    assert made.given == "item_neighbours of objective.intra"
    assert made.steps == 2
    assert isinstance(made.augmenters, tuple)
    assert made.augmenters[1].generator == "generator of objective.intra.augmenters.1"
    assert made.augmenters[0].sizes == (1, 2)
    assert made.loss("a", "p") == ("a", "p", 2.0, "dot")
    assert made.rank is None


def test_a_refusal_of_the_constructor_names_the_place(cat: Catalog) -> None:
    bound, found = bind(cat, "augmenter", {"use": "crop", "ratio": 0.5}, "a")
    assert found == []
    with pytest.raises(PluginError, match=r"objective\.intra\.augmenter: Crop of 'sracl' refused its arguments: half is no ratio"):
        build(cat, "augmenter", bound, lambda name, path: None, "objective.intra.augmenter")


def test_a_table_that_was_damaged_after_binding_is_refused(cat: Catalog) -> None:
    with pytest.raises(PluginError, match=r"l\.temperature: should be a number above 0, got -1"):
        build(cat, "loss", {"use": "contrast", "temperature": -1, "similarity": "dot"}, lambda name, path: None, "l")


def test_of_a_language_model_its_address_and_name_decide_and_not_its_price() -> None:
    cat = catalog()
    tables = [
        bind(cat, "llm_provider", {"use": "openai", "llm": name, "concurrency": 7}, "llm")[0]
        for name in ("deepseek-chat", "deepseek-chat-launch")
    ]
    kept = [decisive(cat, "llm_provider", table) for table in tables]
    assert kept[0] == kept[1]
    assert (kept[0]["base_url"], kept[0]["model"]) == ("https://api.deepseek.com", "deepseek-chat")
    assert "concurrency" not in kept[0]
    other, _ = bind(cat, "llm_provider", {"use": "openai", "llm": "deepseek-chat", "model": "other"}, "llm")
    assert decisive(cat, "llm_provider", other)["model"] == "other"
    assert "request" not in kept[0]
    thinking, _ = bind(cat, "llm_provider", {"use": "openai", "llm": "deepseek-flash"}, "llm")
    assert decisive(cat, "llm_provider", thinking)["request"] == {"thinking": {"type": "disabled"}}


def test_equal_similarities_are_one_unless_they_draw_or_learn(cat: Catalog) -> None:
    kept: dict[str, Any] = {}

    def made(**table: Any) -> Any:
        return build(cat, "similarity", table, lambda name, path: None, "here", kept=kept)

    assert made(use="alike", steps=2) is made(use="alike", steps=2)
    assert made(use="alike", steps=2) is not made(use="alike", steps=3)
    for use in ("drawn", "learned"):
        assert made(use=use) is not made(use=use)
