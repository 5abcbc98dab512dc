"""Item vectors that begin as components of texts, by hand, on backbones of several kinds, and from a recipe to its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sracl.backbones.sasrec import SASRec
from sracl.contracts.initializer import InitializerContract
from sracl.errors import PluginError, RecipeError
from sracl.initializers.text_components import TextComponents
from sracl.interfaces import Initializer, SequenceSpec
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from tests.support.recipes import sracl_recipe

PLAIN = ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]


class TestTextComponents(InitializerContract):
    def initializer(self) -> Initializer:
        vectors = torch.randn(self.num_items + 1, 20, generator=torch.Generator().manual_seed(1))
        vectors[0] = 0
        return TextComponents(vectors)


def test_by_hand() -> None:
    # Of items 1, 2, 4, 5 the mean is (1, 1), and less it they are (2, 0), (-2, 0), (0, 1), (0, -1): components already. The mean
    # of the eight squares is 10 / 8 = 1.25, so that a spread of .5 takes the factor .5 / √1.25. Item 3 has no text.
    vectors = torch.tensor([[0.0, 0.0], [3.0, 1.0], [-1.0, 1.0], [0.0, 0.0], [1.0, 2.0], [1.0, 0.0]])
    torch.manual_seed(0)
    backbone = SASRec(SequenceSpec(5, 7, has_mask=True), hidden_size=4)
    drawn = backbone.item_embedding.weight.detach().clone()
    others = [weight.detach().clone() for name, weight in backbone.named_parameters() if name != "item_embedding.weight"]

    TextComponents(vectors, std=0.5)(backbone)

    table = backbone.item_embedding.weight.detach()
    expected = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) * (0.5 / 1.25**0.5)
    torch.testing.assert_close(table[[1, 2, 4, 5], :2], expected)
    assert torch.equal(table[:, 2:], drawn[:, 2:])  # texts have two directions, and the vectors four
    assert torch.equal(table[[0, 3, 6]], drawn[[0, 3, 6]])  # padding, an item without a text, MASK
    now = [weight for name, weight in backbone.named_parameters() if name != "item_embedding.weight"]
    assert all(torch.equal(before, after) for before, after in zip(others, now, strict=True))


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    return sracl_recipe(tmp_path, epochs=2)


def assembled(recipe: Path, *sets: str) -> Parts:
    (run,) = plan(str(recipe), sets=[*PLAIN, *sets]).runs
    return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))


def test_a_recipe_trains_from_it_whatever_the_backbone(recipe: Path) -> None:
    for backbone in ("sasrec", "gru4rec", "bsarec"):
        chosen = f"backbone={{ use = '{backbone}', hidden_size = 8 }}"
        drawn = assembled(recipe, chosen).backbone
        begun = assembled(recipe, chosen, "initializer=text_components")
        assert begun.artifacts.keys() >= {"embed.items"}  # what it has read is on record
        first, second = drawn.item_table(), begun.backbone.item_table()
        assert not torch.equal(first[1:], second[1:])
        torch.testing.assert_close(second[1:].square().mean().sqrt().item(), 0.02, rtol=0.1, atol=0)
        for (name, before), (_, after) in zip(drawn.named_parameters(), begun.backbone.named_parameters(), strict=True):
            assert name == "item_embedding.weight" or torch.equal(before, after), name  # other draws are those of the seed


def test_a_recipe_without_texts_is_refused(recipe: Path) -> None:
    lacking = recipe.with_name("lacking.toml")
    lacking.write_text(f'recipe = 1\nextends = "{recipe.name}"\nname = "lacking"\nunset = ["semantics"]\ninitializer = "text_components"\n')
    with pytest.raises(RecipeError, match=r"text_components needs \[semantics.items\], which the recipe does not have"):
        plan(str(lacking), sets=PLAIN)


def test_a_backbone_without_item_vectors_is_refused_by_name(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = [
        "from sracl.backbones.base import Backbone",
        "class Bare(Backbone):",
        "    def __init__(self, spec):",
        "        super().__init__(spec)",
    ]
    (recipe.parent / "bare.py").write_text("\n".join(code))
    monkeypatch.syspath_prepend(recipe.parent)
    with pytest.raises(PluginError, match=r"initializer: 'text_components' cannot begin a Bare: it has no item_embedding"):
        assembled(recipe, "backbone={ use = 'bare:Bare' }", "initializer=text_components")


def test_the_digest_of_a_recipe_without_one_has_no_trace_of_it(recipe: Path) -> None:
    without, with_one, changed = (
        plan(str(recipe), sets=sets).runs[0]
        for sets in ([], ["initializer=text_components"], ["initializer={ use = 'text_components', std = 0.1 }"])
    )
    assert "initializer" not in without.values
    assert len({without.digest, with_one.digest, changed.digest}) == 3
