from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from sracl.errors import PluginError
from sracl.registry.card import Card
from sracl.registry.signatures import Parameter, Signature, call_arguments, signature

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = '''
"""Never executed: importing this module fails."""
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Optional, Union

import torch_that_is_not_here
from pydantic import Field

from .kinds import Base, Mode

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, ContrastiveLoss, Synthesizer

RATE = 0.25
Pair = tuple[float, float]
undefined_name_at_run_time


class Whole(Base):
    """Everything a parameter can be.

    A formula.

    Args:
        spec: Given.
        size: Width, an integer
            in two lines.
        mode: How.

    Returns:
        size: not an argument.
    """

    def __init__(
        self,
        spec,
        generator,
        *,
        size: int,
        rate: Annotated[float, Field(gt=0, le=1)] = RATE,
        mode: Mode = "causal",
        pair: Pair = (0.9, 0.999),
        names: list[str] = [],
        many: tuple[int, ...] = (1, 2),
        limits: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [1],
        weights: dict[str, float] = {},
        maybe: float | None = None,
        either: "Union[int, str]" = 3,
        old: Optional[bool] = None,
        loss: ContrastiveLoss,
        mixer: Synthesizer | None = None,
        views: list[Augmenter] = [],
        strange: object = None,
        computed: int = len("x"),
    ) -> None:
        raise RuntimeError

    def __call__(self, anchor, positive):
        return 0


class Child(Whole):
    """Takes what its base takes."""


class Bare:
    """Takes nothing."""


from dataclasses import dataclass

@dataclass
class Data:
    """A dataclass."""
    size: int = 3


def loss(anchor, positive, *, temperature: float = 1.0):
    """A function."""


def labelled(anchor, positive, labels=None, *, temperature: float = 1.0):
    """A function that may be told more."""
'''

KINDS = """
from typing import Literal, TypeAlias
Mode: TypeAlias = Literal["causal", "bidirectional"]
class Base:
    def forward(self, items, lengths): ...
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "static_lab").mkdir()
    (tmp_path / "static_lab" / "__init__.py").write_text("raise RuntimeError('parents are not executed either')\n")
    (tmp_path / "static_lab" / "models.py").write_text(SOURCE)
    (tmp_path / "static_lab" / "kinds.py").write_text(KINDS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def read(name: str) -> Signature:
    return signature(Card(kind="backbone", name=name.lower(), entry=f"static_lab.models:{name}", summary=""))


def whole(name: str) -> Parameter:
    return read("Whole").parameters[name]


@pytest.mark.usefixtures("lab")
class TestReadingSource:
    def test_nothing_is_imported(self) -> None:
        read("Whole")
        assert not [module for module in sys.modules if module.startswith("static_lab")]

    def test_positional_is_given_and_keyword_only_is_chosen(self) -> None:
        taken = read("Whole")
        assert taken.givens == ("spec", "generator")
        assert list(taken.parameters)[:3] == ["size", "rate", "mode"]
        assert not taken.is_function
        assert taken.called_with == ("anchor", "positive")

    def test_summary_doc_and_place(self, lab: Path) -> None:
        taken = read("Whole")
        assert taken.summary == "Everything a parameter can be."
        assert taken.path == lab / "static_lab" / "models.py"
        assert SOURCE.splitlines()[taken.line - 1] == "class Whole(Base):"

    def test_a_parameter_without_default_is_required(self) -> None:
        assert whole("size").required
        assert whole("size").doc == "Width, an integer in two lines."
        assert whole("mode").doc == "How."

    @pytest.mark.parametrize(
        ("name", "default", "accepts"),
        [
            ("rate", 0.25, "a number in (0, 1]"),
            ("mode", "causal", '"causal" or "bidirectional"'),
            ("pair", [0.9, 0.999], "an array [a number, a number]"),
            ("names", [], "an array of strings"),
            ("many", [1, 2], "an array of integers"),
            ("limits", [1], "an array of integers of at least 0, at least 1 long"),
            ("weights", {}, "a table of numbers"),
            ("maybe", None, "a number"),
            ("either", 3, "an integer or a string"),
            ("old", None, "true or false"),
        ],
    )
    def test_defaults_are_json_and_types_are_words(self, name: str, default: object, accepts: str) -> None:
        parameter = whole(name)
        assert (parameter.default, parameter.accepts, parameter.required) == (default, accepts, False)

    def test_slots_carry_their_kind_and_protocol(self) -> None:
        loss, mixer, views = whole("loss"), whole("mixer"), whole("views")
        assert (loss.slot, loss.protocol, loss.required, loss.many, loss.optional) == ("loss", "ContrastiveLoss", True, False, False)
        assert (mixer.slot, mixer.optional, mixer.default) == ("synthesizer", True, None)
        assert (views.slot, views.many, views.default) == ("augmenter", True, [])

    def test_what_no_recipe_can_give_is_told_apart(self) -> None:
        unreadable = read("Whole").unreadable
        assert "object" in unreadable["strange"]
        assert "len('x')" in unreadable["computed"]

    def test_a_constructor_is_inherited(self) -> None:
        assert read("Child").givens == ("spec", "generator")
        assert "rate" in read("Child").parameters

    def test_a_class_without_constructor_takes_nothing(self) -> None:
        bare = read("Bare")
        assert (bare.givens, dict(bare.parameters), bare.called_with) == ((), {}, None)

    def test_a_dataclass_is_refused_rather_than_misread(self) -> None:
        with pytest.raises(PluginError, match="Data is a dataclass"):
            read("Data")

    def test_positional_names_of_a_function_are_those_of_its_call(self) -> None:
        taken = read("loss")
        assert taken.is_function
        assert taken.givens == taken.called_with == ("anchor", "positive")
        assert list(taken.parameters) == ["temperature"]

    def test_what_a_call_may_leave_out_is_not_what_it_is_called_with(self) -> None:
        taken = read("labelled")
        assert taken.givens == ("anchor", "positive", "labels")
        assert taken.called_with == ("anchor", "positive")

    def test_a_name_that_is_not_there_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(PluginError, match="Did you mean 'Whole'"):
            read("Whol")

    def test_a_changed_file_is_read_again(self, lab: Path) -> None:
        assert "depth" not in read("Bare").parameters
        file = lab / "static_lab" / "models.py"
        file.write_text(file.read_text().replace('"""Takes nothing."""', "def __init__(self, *, depth: int = 1): ..."))
        assert "depth" in read("Bare").parameters


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(PluginError, match="no module 'no_such_lab.models'"):
        signature(Card(kind="loss", name="x", entry="no_such_lab.models:X", summary=""))


def test_a_syntax_error_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_written.py").write_text("def x(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match="'half_written' cannot be read"):
        signature(Card(kind="loss", name="x", entry="half_written:x", summary=""))


def test_a_re_exported_name_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "__init__.py").write_text("from front.back import Real as Shown\n")
    (tmp_path / "front" / "back.py").write_text("class Real:\n    '''Here.'''\n    def __init__(self, *, x: int = 1): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert signature(Card(kind="loss", name="x", entry="front:Shown", summary="")).path.name == "back.py"


def test_protocols_say_what_they_are_called_with() -> None:
    assert call_arguments("ContrastiveLoss") == ("anchor", "positive")
    assert call_arguments("RankingLoss") == ("states", "item_table", "targets")
    assert call_arguments("Backbone") is None


def test_a_data_set_of_files_takes_nothing() -> None:
    assert signature(Card(kind="dataset", name="office", entry=None, summary="Reviews.")).parameters == {}
