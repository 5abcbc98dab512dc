"""The low pass against its algebra and a transform, the filter against its equation."""

from __future__ import annotations

import pytest
import torch

from sracl.backbones.frequency_filter import FrequencyFilter, LowPass, low_pass
from sracl.backbones.packing import Packing
from sracl.contracts.backbone import sequences

LONGEST = 20


def kept(length: int, cutoff: int) -> int:
    """Real dimensions of the ⌊c/2⌋ + 1 lowest frequencies: the mean one, all others a sine and a cosine, n/2 only the cosine."""
    return sum(1 if frequency in (0, length / 2) else 2 for frequency in range(min(cutoff // 2, length // 2) + 1))


@pytest.mark.parametrize("cutoff", [1, 3, 5, 9, 20])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 13, 20])
def test_is_a_symmetric_projection_that_keeps_the_mean(length: int, cutoff: int) -> None:
    matrix = low_pass(length, cutoff)
    torch.testing.assert_close(matrix, matrix.T)
    torch.testing.assert_close(matrix @ matrix, matrix)
    torch.testing.assert_close(matrix.sum(1), torch.ones(length, dtype=torch.float64))
    torch.testing.assert_close(matrix.trace(), torch.tensor(float(kept(length, cutoff)), dtype=torch.float64))


@pytest.mark.parametrize(("length", "cutoff"), [(1, 1), (4, 4), (5, 5), (6, 7), (20, 20), (7, 99)])
def test_nothing_is_high_from_a_cutoff_of_the_length_on(length: int, cutoff: int) -> None:
    torch.testing.assert_close(low_pass(length, cutoff), torch.eye(length, dtype=torch.float64))


def test_the_lowest_frequency_is_the_mean() -> None:
    torch.testing.assert_close(low_pass(4, 1), torch.full((4, 4), 0.25, dtype=torch.float64))


def test_two_frequencies_by_hand() -> None:
    # n = 4, c = 2: mean and one turn, P_ij = (1 + 2 cos(2π (i − j) / 4)) / 4, so (1, 0, 0, 0) -> (3, 1, −1, 1) / 4
    expected = torch.tensor([0.75, 0.25, -0.25, 0.25], dtype=torch.float64)
    torch.testing.assert_close(low_pass(4, 2)[:, 0], expected)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("over_padding", [False, True])
def test_rows_of_every_length_are_filtered_as_by_a_transform(last: bool, over_padding: bool) -> None:
    cutoff = 3
    items, lengths = sequences([1, 20, 5, 6, 2, 9, 3, 11, 4, 7, 20, 5], length=LONGEST)
    packing = Packing(items, lengths)
    x = torch.randn(len(packing.items), 4, generator=torch.Generator().manual_seed(0))
    filtered = LowPass(LONGEST, cutoff, over_padding=over_padding)(x, packing, last=last)
    for group in packing.groups:
        for row, length in enumerate(packing.lengths[group.first_row : group.first_row + group.rows].tolist()):
            length = group.width if over_padding else length
            spectrum = torch.fft.rfft(group.of(x)[row, -length:], dim=0, norm="ortho")
            spectrum[cutoff // 2 + 1 :] = 0
            expected = torch.fft.irfft(spectrum, n=length, dim=0, norm="ortho")
            found = filtered[group.first_row + row][None] if last else group.of(filtered)[row, -length:]
            torch.testing.assert_close(found, expected[-len(found) :], atol=1e-6, rtol=1e-5)


def test_the_table_is_no_part_of_a_checkpoint() -> None:
    assert LowPass(LONGEST, 5, over_padding=False).state_dict() == {}


def test_a_gain_of_one_leaves_only_residual_and_norm() -> None:
    items, lengths = sequences([3, 7, 5])
    packing = Packing(items, lengths)
    layer = FrequencyFilter(6, LowPass(7, 3, over_padding=False), dropout=0.0)
    with torch.no_grad():
        layer.root_gain.fill_(-1.0)  # squared
    x = torch.randn(len(packing.items), 6)
    torch.testing.assert_close(layer(x, packing, None), torch.nn.functional.layer_norm(2 * x, (6,), eps=1e-12))


def test_the_gain_is_of_what_is_not_low() -> None:
    # n = 2, c = 1: low is the mean. x = (1, 5) -> low 3, rest (−2, 2); s = 2: f = 3 ± 4 · 2 = (−5, 11), with x (−4, 16)
    packing = Packing(torch.tensor([[1, 2]]), torch.tensor([2]))
    layer = FrequencyFilter(1, LowPass(2, 1, over_padding=False), dropout=0.0)
    layer.norm = torch.nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        layer.root_gain.fill_(2.0)
    x = torch.tensor([[1.0], [5.0]])
    torch.testing.assert_close(layer(x, packing, None), torch.tensor([[-4.0], [16.0]]))
    torch.testing.assert_close(layer(x, packing, packing.last()), torch.tensor([[16.0]]))
