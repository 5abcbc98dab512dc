from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sracl.augmenters.crop import Crop
from sracl.augmenters.mask import Mask
from sracl.augmenters.reorder import Reorder
from sracl.contracts.augmenter import numbered
from sracl.contracts.objective import MeanOfItems, ObjectiveContract, drive
from sracl.contracts.synthesizer import tiny_neighbours
from sracl.errors import PluginError
from sracl.interfaces import Batch, Request
from sracl.losses.info_nce import info_nce
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.contrastive_regularisation import contrastive_regularisation
from sracl.objectives.learned_view_contrast import LearnedViewContrast
from sracl.views.distinct import Distinct
from tests.support import meta

if TYPE_CHECKING:
    from sracl.interfaces import Objective

MASK = 13


def pair(seed: int = 0) -> Distinct:
    """MCLRec's operators over twelve items."""
    generator = torch.Generator().manual_seed(seed)
    return Distinct(generator, augmenters=(Crop(generator, keep=0.5), Mask(MASK, generator, ratio=0.5), Reorder(generator, ratio=0.8)))


def made(seed: int = 0, **parameters: Any) -> LearnedViewContrast:
    """The objective over states of four numbers, its augmenters drawn with a seed of their own."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LearnedViewContrast(**{"views": pair(), "loss": nt_xent, "hidden_size": 4, **parameters})


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=rows % 12 + 1)


class TestLearnedViewContrast(ObjectiveContract):
    num_items = 13  # twelve items, and MASK

    def objective(self) -> Objective:
        return made()

    def batch(self) -> Batch:
        return tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))


class Given(MeanOfItems):
    """Encodes the two views of a batch as given states."""

    def __init__(self, first: Tensor, second: Tensor) -> None:
        super().__init__(12)
        self.states = {"first": first, "second": second}

    def encode(self, request: Request) -> Tensor:
        """The states of this view, whatever its items."""
        return self.states[request.key]


FIRST, SECOND = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]])


def only_scaling(**parameters: Any) -> LearnedViewContrast:
    """Augmenters of one layer that changes nothing, so that m = h / |h|."""
    objective = LearnedViewContrast(**{"views": pair(), "loss": nt_xent, "hidden_size": 2, "inner_sizes": (), **parameters})
    for layer in (part for part in objective.modules() if isinstance(part, nn.Linear)):
        nn.init.eye_(layer.weight)
        nn.init.zeros_(layer.bias)
    return objective


@pytest.mark.parametrize(
    ("regularisation", "expected"),
    [
        # h¹ = (1,0), (0,2); h² = (3,4), (0,1); so m¹ = (1,0), (0,1) and m² = (.6,.8), (0,1).
        # l(h¹,m²): rows .740805, .590924, 1.597301, .362230; mean .822815.
        # l(h²,m¹): rows log(2e + 1), log(e³ + 1 + e⁻¹) twice, log(1 + 2e⁻³); mean 2.022171.
        # l(m¹,m²): rows .740805, .782352, 1.236287, .782352; mean .885449.
        (0.0, 3.730436),
        # R(h¹,m²) = 1.5 and R(h²,m¹) = 2.5, see the test of R. R(m¹,m²): π = (.6,1,.6,1), others (0,0), (0,.8), (.8,.8), (0,.8);
        # drops .6, .2, 0, .2: mean .25; gaps (.6,.6), (1,.2), (0,0), (1,.2): mean .45. Together 4.7.
        (0.1, 3.730436 + 0.47),
    ],
)
def test_two_pairs_by_hand(regularisation: float, expected: float) -> None:
    _, term = drive(only_scaling(regularisation=regularisation), batch_of([3, 2]), Given(FIRST, SECOND))
    torch.testing.assert_close(term, torch.tensor(expected), atol=1e-5, rtol=0)


def test_three_layers_by_hand() -> None:
    objective = LearnedViewContrast(views=pair(), loss=nt_xent, hidden_size=2, inner_sizes=(1, 1))
    layers = [part for part in objective.modules() if isinstance(part, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == 2 * [(2, 1), (1, 1), (1, 2)]
    for number, layer in enumerate(layers):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
        if number % 3 == 2:
            layer.bias.data = torch.tensor([0.0, 1.0])
    first = objective.augmenters[0]
    # gelu(x) = x Φ(x): the rows are (1 + 0) -> .841345 -> .673078 and (0 + 2) -> 1.954500 -> 1.905099; there is no third GELU
    once = [x * (1 + math.erf(x / 2**0.5)) / 2 for x in (1.0, 2.0)]
    twice = torch.tensor([x * (1 + math.erf(x / 2**0.5)) / 2 for x in once])
    torch.testing.assert_close(first(FIRST), torch.stack([twice, twice + 1], dim=1), atol=1e-6, rtol=0)


def test_sizes_are_those_of_the_method_by_default() -> None:
    objective = LearnedViewContrast(views=pair(), loss=nt_xent)
    shapes = [tuple(parameter.shape) for parameter in objective.augmenters[0].parameters()]
    assert shapes == [(32, 64), (32,), (16, 32), (16,), (64, 16), (64,)]
    assert [tuple(parameter.shape) for parameter in objective.augmenters[1].parameters()] == shapes
    assert len(set(objective.parameters())) == 12  # nothing is shared


def test_begins_as_torch_draws_linear_layers() -> None:
    objective = made(hidden_size=64)
    for layer in (part for part in objective.modules() if isinstance(part, nn.Linear)):
        # uniform over ±1/√n of n inputs: standard deviation 1/√(3n); a draw of 512 numbers or more is within a tenth of it
        bound = layer.in_features**-0.5
        assert layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        assert bool(layer.bias.any())


def test_contrasts_everything_but_the_views_themselves() -> None:
    objective, encoder, batch = made(loss=info_nce), MeanOfItems(MASK), batch_of([8, 5, 3, 7])
    requests, term = drive(objective, batch, encoder)
    first, second = (encoder.encode(request) for request in requests.values())
    one, other = (F.normalize(augmenter(states)) for augmenter, states in zip(objective.augmenters, (first, second), strict=True))
    torch.testing.assert_close(torch.cat([one, other]).norm(dim=1), torch.ones(8))
    pairs = [(first, other), (second, one), (one, other)]  # the one-way loss tells the sides apart
    expected = sum(info_nce(*sides) for sides in pairs) + 0.1 * sum(contrastive_regularisation(*sides) for sides in pairs)
    torch.testing.assert_close(term, torch.as_tensor(expected))


def test_reaches_the_views_and_every_parameter_of_both_augmenters() -> None:
    objective, encoder = made(), Given(torch.randn(4, 4).requires_grad_(), torch.randn(4, 4).requires_grad_())
    torch.autograd.backward(drive(objective, batch_of([8, 5, 3, 7]), encoder)[1])
    for tensor in (*encoder.states.values(), *objective.parameters()):
        assert tensor.grad is not None
        assert bool(tensor.grad.any())


def test_held_fast_augmenters_pass_the_gradient_on() -> None:
    objective, encoder = made().requires_grad_(False), Given(torch.randn(4, 4).requires_grad_(), torch.randn(4, 4).requires_grad_())
    torch.autograd.backward(drive(objective, batch_of([8, 5, 3, 7]), encoder)[1])
    assert all(states.grad is not None and bool(states.grad.any()) for states in encoder.states.values())
    assert all(parameter.grad is None for parameter in objective.parameters())


def test_a_batch_of_one_costs_nothing() -> None:
    _, term = drive(made(), batch_of([5]), MeanOfItems(MASK))
    assert term.item() == 0


def test_states_of_another_width_are_refused_in_words() -> None:
    with pytest.raises(PluginError, match="hidden_size = 64, but the backbone's states are 4 wide; set its hidden_size to 4 too"):
        drive(made(hidden_size=64), batch_of([3, 2]), MeanOfItems(MASK, hidden_size=4))


def test_repeats_itself_to_the_last_bit() -> None:
    def gradients() -> list[Tensor]:
        encoder, objective = MeanOfItems(MASK), made()
        torch.autograd.backward(drive(objective, batch_of([8, 5, 3, 7, 1, 6]), encoder)[1])
        return [tensor.grad for tensor in (encoder.table, *objective.parameters()) if tensor.grad is not None]

    for first, second in zip(gradients(), gradients(), strict=True):
        assert torch.equal(first, second)


def test_a_step_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = meta.samples(monkeypatch)
    encoder = MeanOfItems(MASK)
    encoder.table = encoder.table.detach().to("meta").requires_grad_()
    _, term = drive(made().to("meta"), table.batch(table.users[:4]), encoder)
    torch.autograd.backward(term)
    assert term.device.type == "meta"
