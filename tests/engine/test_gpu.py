"""A GPU computes what the CPU does: it takes padded rows and all neighbours, the CPU packed rows and those that count."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sracl.engine.step import training_loss
from sracl.interfaces import Precision
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop

pytestmark = pytest.mark.gpu

WITHOUT_CHANCE = ["backbone.dropout=0.0", "backbone.attention_dropout=0.0"]
METHODS = {
    "methods/sasrec": [],
    "methods/gru4rec": [],
    "methods/bsarec": [],
    "methods/sracl": ["objective.cross.synthesizer.dropout=0.0", "objective.intra.weight=0.0"],  # views are drawn on the device
}


def assembled(recipe: str, device: str) -> Parts:
    sets = [*(WITHOUT_CHANCE if recipe != "methods/gru4rec" else WITHOUT_CHANCE[:1]), *METHODS[recipe]]
    (run,) = plan(recipe, sets=sets, seeds=[1]).runs
    return assemble(run, Workshop(torch.device(device), lambda line: None))


@pytest.mark.parametrize("recipe", METHODS)
def test_losses_and_gradients_agree_with_the_cpu(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path))
    (terms, gradients), (other_terms, other_gradients) = computed(recipe, [("cpu", "float32"), ("cuda", "float32")])
    assert gradients.keys() == other_gradients.keys()
    for name, term in terms.items():
        torch.testing.assert_close(other_terms[name], term, atol=1e-4, rtol=1e-4)
    for name, gradient in gradients.items():
        # sums are added up in another order, and products may round to TF32 where the user has allowed it
        torch.testing.assert_close(other_gradients[name], gradient, atol=1e-3 * float(gradient.abs().max()) + 1e-7, rtol=0)


@pytest.mark.parametrize("recipe", METHODS)
def test_bfloat16_stays_near_the_cpu_in_float32(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path))
    (terms, gradients), (other_terms, other_gradients) = computed(recipe, [("cpu", "float32"), ("cuda", "bfloat16")])
    assert {value.dtype for value in (*other_terms.values(), *other_gradients.values())} == {torch.float32}
    for name, term in terms.items():
        torch.testing.assert_close(other_terms[name], term, atol=1e-5, rtol=1e-2)
    for name, gradient in gradients.items():
        if gradient.norm() > 1e-6:  # keys' biases, for one, have none but by rounding
            assert torch.cosine_similarity(other_gradients[name].flatten(), gradient.flatten(), dim=0) > 0.99, name


def computed(recipe: str, ways: list[tuple[str, Precision]]) -> list[tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]]:
    """Terms and gradients of a step with the same weights, on each device in its precision."""
    found = []
    weights = None
    for device, precision in ways:
        parts = assembled(recipe, device)
        objectives = [part.objective for part in parts.objectives if isinstance(part.objective, torch.nn.Module)]
        modules = torch.nn.ModuleList([parts.backbone, *objectives])
        if weights is None:
            weights = {name: value.clone() for name, value in modules.state_dict().items()}
        modules.load_state_dict(weights)
        rows = torch.arange(0, 256 * 3, 3, device=device)
        loss, terms = training_loss(parts.backbone, parts.objectives, parts.samples.batch(rows), precision=precision)
        torch.autograd.backward(loss)
        gradients = {name: parameter.grad.cpu() for name, parameter in modules.named_parameters() if parameter.grad is not None}
        found.append(({name: term.cpu() for name, term in terms.items()}, gradients))
    return found
