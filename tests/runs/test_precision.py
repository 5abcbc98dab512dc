"""Every shipped method trains in bfloat16: terms and gradients stay those of float32 within what eight bits leave."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sracl.engine.step import training_loss
from sracl.interfaces import Precision
from sracl.recipes.plan import plan
from sracl.recipes.shipped import shipped_recipes
from sracl.registry.catalog import catalog
from sracl.runs.assembly import assemble
from sracl.runs.execute import execute
from sracl.runs.parts import Parts, Training
from sracl.runs.screen import Screen
from sracl.runs.workshop import Workshop
from sracl.tracking.store import Store
from tests.support.recipes import project, sracl_recipe
from tests.support.training import trainer_of

METHODS = sorted(name for name in shipped_recipes() if name.startswith("methods/"))
SMALL = ["data.num_users=120", "train.batch_size=32"]
EARLY = {"methods/iclrec": ["objective.intents.warmup_epochs=0"], "methods/icsrec": ["objective.fine.warmup_epochs=0"]}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, vectors and neighbours, made once for all methods."""
    return tmp_path_factory.mktemp("cache")


def assembled(recipe: str) -> Parts:
    (run,) = plan(recipe, sets=[*SMALL, *EARLY.get(recipe, [])], seeds=[1]).runs
    return assemble(run, Workshop(torch.device("cpu"), lambda line: None))


def computed(parts: Parts, training: Training, precision: Precision, folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Terms and gradients of one step, with the draws that every call begins with."""
    trainer = trainer_of(parts, folder, epochs=1, training=training)
    before = parts.streams.state()
    trainer.begin(1, 0)  # K-means and the like
    modules = nn.ModuleDict({name.replace(".", " "): module for name, module in trainer.modules().items()}).train()
    modules.zero_grad(set_to_none=True)
    loss, terms = training_loss(parts.backbone, training.objectives, training.samples.batch(torch.arange(0, 96, 3)), precision=precision)
    torch.autograd.backward(loss)
    parts.streams.restore(before)
    gradients = {name: parameter.grad for name, parameter in modules.named_parameters() if parameter.grad is not None}
    return {"loss": loss.detach(), **terms}, gradients


@pytest.mark.parametrize("recipe", METHODS)
def test_terms_and_gradients_stay_near_those_of_float32(recipe: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(cache))
    parts = assembled(recipe)
    for training in parts.trainings:
        terms, gradients = computed(parts, training, "float32", tmp_path)
        lower_terms, lower_gradients = computed(parts, training, "bfloat16", tmp_path)
        assert {value.dtype for value in (*lower_terms.values(), *lower_gradients.values())} == {torch.float32}
        assert all(float(term) > 0 for term in terms.values())  # each has something to say
        for name, term in terms.items():
            # met: 4e-4, and 4e-3 where a sequence goes to another intent that was as near
            torch.testing.assert_close(lower_terms[name], term, rtol=1e-2 if recipe in EARLY else 2e-3, atol=1e-5)
        assert lower_gradients.keys() == gradients.keys()
        for name, gradient in gradients.items():
            if gradient.norm() > 1e-6:  # keys' biases, for one, have none but by rounding
                cosine = torch.cosine_similarity(lower_gradients[name].flatten().double(), gradient.flatten().double(), dim=0)
                assert cosine > 0.99, name  # met: 0.9997
    assert {value.dtype for value in parts.backbone.state_dict().values() if value.is_floating_point()} == {torch.float32}


def test_all_objectives_of_the_catalogue_are_among_them() -> None:
    used = {
        table["use"]
        for name in METHODS
        for run in plan(name).runs
        for at in (run.values, *run.values["stage"])
        for table in at["objective"]
    }
    assert used == set(catalog().names("objective"))


@pytest.mark.parametrize(("precision", "has_it", "lines"), [("bfloat16", False, 1), ("bfloat16", True, 0), ("float32", False, 0)])
def test_a_processor_without_instructions_for_it_is_told_of_once(
    precision: str, has_it: bool, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sracl.processor.multiplies_bf16", lambda: has_it)
    said: list[str] = []
    sets = [f"train.precision={precision}", "objective.cross.weight=0.0", "objective.intra.weight=0.0"]
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        monkeypatch.setattr(screen, "line", said.append)
        made = plan(str(sracl_recipe(tmp_path, epochs=1)), sets=sets, seeds=[1, 2])
        assert [result.status for result in execute(made, store, screen, device="cpu")] == ["trained"] * 2
    assert sum("no instructions" in line for line in said) == lines
