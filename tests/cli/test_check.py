from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from sracl.cli.app import main
from sracl.registry.card import KINDS
from sracl.registry.catalog import catalog
from tests.support.plugins import plugin_distribution, python, sracl

ROOT = Path(__file__).resolve().parents[2]

PAGE = (ROOT / "docs" / "components.md").read_text("utf-8")
(FADING_MEAN,) = re.findall(r"^```python\n(# my_lab/models\.py\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

PARTS = '''
import numpy as np
import torch
from torch import nn

from my_lab.models import FadingMean
from sracl.augmenters.crop import Crop
from sracl.backbones.sasrec import SASRec
from sracl.data import splits
from sracl.interfaces import Bias, Request
from sracl.retrievers.exact import Exact
from sracl.samplers.prefix import Prefix


class Peeks(FadingMean):
    """Every state knows the latest item."""

    def encode(self, items, lengths, *, mask="causal", want="last"):
        states = super().encode(items, lengths, mask=mask, want=want)
        return states + 0.1 * self.item_embedding(items[:, -1:]) * (items > 0)[:, :, None] if want == "all" else (
            states + 0.1 * self.item_embedding(items[:, -1])
        )


class OneMore(FadingMean):
    """Gives a state too many where all are wanted."""

    def encode(self, items, lengths, *, mask="causal", want="last"):
        states = super().encode(items, lengths, mask=mask, want=want)
        return torch.cat([states[:, :1], states], 1) if want == "all" else states


class Noisy(FadingMean):
    """Draws from the global generator in and out of training."""

    def encode(self, items, lengths, *, mask="causal", want="last"):
        states = super().encode(items, lengths, mask=mask, want=want)
        return states + 0.01 * torch.randn_like(states) * (states != 0)


class WithoutMask(FadingMean):
    """Has no vector for MASK, no dropout, and no sense of order."""

    def __init__(self, spec):
        super().__init__(spec, dropout=0.0)
        self.item_embedding = nn.Embedding(spec.num_items + 1, 64, padding_idx=0)

    def encode(self, items, lengths, *, mask="causal", want="last"):
        real = (items > 0).unsqueeze(-1)
        states = self.mix(self.item_embedding(items).cumsum(1) / real.cumsum(1).clamp(min=1)) * real
        return states if want == "all" else states[:, -1]


class Breaks(FadingMean):
    """Cannot encode."""

    def encode(self, items, lengths, *, mask="causal", want="last"):
        raise RuntimeError("the kernel is not there")  # line of the error


class Refuses(FadingMean):
    """Cannot be made."""

    def __init__(self, spec, *, hidden_size: int = 8):
        raise ValueError("hidden_size is odd")


class Bare(nn.Module):
    """Has nothing that is asked for."""

    def __init__(self, spec):
        super().__init__()


class Strange(nn.Module):
    """Asks for what no run has."""

    def __init__(self, weather):
        super().__init__()


def detached(states, item_table, targets):
    """Cannot be differentiated."""
    return nn.functional.cross_entropy(states @ item_table[1:].T, targets - 1).detach()


def counts_padding(states, item_table, targets):
    """Takes padding for an item, and does without a mean."""
    return nn.functional.cross_entropy(states @ item_table.T, targets, reduction="sum")


def rows_of(logits, labels):
    """Is called with other things."""
    return logits


def cosine(anchor, positive):
    """Has no negatives."""
    return 1 - nn.functional.cosine_similarity(anchor, positive).mean()


class Global(Crop):
    """Draws from the global generator."""

    def __call__(self, items, lengths):
        lengths = torch.minimum(lengths, torch.randint(1, items.shape[1] + 1, lengths.shape))
        return items * (torch.arange(items.shape[1]) >= items.shape[1] - lengths[:, None]), lengths


class InPlace:
    """Writes to what it is given; 0 may be all that stays."""

    def __call__(self, items, lengths):
        items[:, -1] = 0
        return items, lengths


class Longest:
    """Not at all a retriever of the nearest."""

    def __call__(self, vectors, k, *, queries, groups):
        order = np.argsort(-np.linalg.norm(vectors, axis=1))
        ids = np.array([[row for row in order if groups[row] != groups[query]][:k] for query in queries])
        return ids, np.ones(ids.shape, np.float32)


class Unseen(Prefix):
    """Trains on what validates."""

    def rows(self, interactions, max_length):
        return splits.all_prefixes(interactions, max_length)


class Itself:
    """Finds every item most like itself."""

    def __call__(self, items):
        return items


class Shares:
    """Weighs also those that are not there."""

    def __call__(self, anchors, neighbours):
        return torch.full(neighbours.shape, 1 / neighbours.shape[1])


class Twice:
    """Both views under one key."""

    def __call__(self, batch):
        return Request("view", batch.inputs, batch.lengths), Request("view", batch.inputs, batch.lengths)


class Anything:
    """Begins with random numbers everywhere, padding included."""

    def __call__(self, backbone):
        backbone.item_embedding.weight.data = torch.rand(backbone.item_embedding.weight.shape)


class Lengths:
    """As long as a text is, and too precise."""

    def __call__(self, texts):
        return np.array([[len(text)] for text in texts], np.float64)


class Again(nn.Module):
    """Says what a history has as often as it has it."""

    def __init__(self, spec):
        super().__init__()

    def forward(self, items):
        return Bias(items, torch.ones(items.shape))


class Constant(nn.Module):
    """Reaches no item."""

    def term(self, batch):
        yield [Request("own", batch.inputs, batch.lengths + 1)]
        return torch.zeros((), requires_grad=True) * torch.rand(())
'''

MADE = "Can be made of its parameters and of what a run gives"

pytestmark = pytest.mark.usefixtures("empty_project")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with modules of its own."""
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "models.py").write_text(FADING_MEAN, "utf-8")
    (tmp_path / "my_lab" / "parts.py").write_text(PARTS, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_lab"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """Exit code, and what is printed."""
    code = main(["check", *arguments])
    written = capsys.readouterr()
    assert written.err == ""
    return code, written.out.splitlines()


def told(lines: list[str], word: str) -> list[str]:
    """Promises with which a word stands."""
    return [line[10:] for line in lines if line.startswith(f"{word} ")]


def below(lines: list[str], promise: str) -> list[list[str]]:
    """What is told of a broken promise: the word in front, and the rest of each line."""
    start = next(place for place, line in enumerate(lines) if line.startswith("broken") and promise in line) + 1
    stop = next(place for place in range(start, len(lines)) if not lines[place].startswith(" "))
    return [line.split(None, 1) for line in lines[start:stop]]


@pytest.mark.usefixtures("lab")
def test_the_backbone_of_the_manual_keeps_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(capsys, "backbones/my_lab.models:FadingMean", "--set", "fade=0.9", "--set", "hidden_size=32")
    assert code == 0
    assert re.fullmatch(r"backbone my_lab\.models:FadingMean \(.*my_lab/models\.py:12\)", lines[0])
    assert "No state depends on a later item" in told(lines, "holds")
    assert told(lines, "broken") == []
    assert told(lines, "left out") == ["All states are refused under a causal mask where it cannot keep one: it keeps the causal mask"]
    assert lines[-1] == "16 of 16 promises hold; 1 left out."


def test_a_name_alone_will_do_where_one_component_has_it(tmp_path: Path) -> None:
    points = {"sracl.backbones": {"fading_mean": "my_lab.models:FadingMean"}}
    plugin_distribution(tmp_path, modules={"my_lab/models.py": FADING_MEAN}, entry_points=points)
    done = sracl(["check", "fading_mean"], [tmp_path])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("backbone fading_mean (my_lab/models.py:12)\n")


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("backbones/my_lab.parts:Peeks", ["No state depends on a later item"]),
        (
            "backbones/my_lab.parts:OneMore",
            [
                "The last state is the same whether it or all are wanted, and states of padding are zero",
                "Columns of padding on the left change none of all states",
            ],
        ),
        (
            "backbones/my_lab.parts:WithoutMask",
            ["The order of items makes a difference", "MASK can be read where the run has one, and is no item"],
        ),
        ("backbones/my_lab.parts:Refuses", [MADE]),
        ("backbones/my_lab.parts:Strange", [MADE]),
        (
            "losses/my_lab.parts:detached",
            [
                "Reaches all states and the vectors of all targets with its gradient",
                "Never counts padding, row 0 of the item table, as a class",
                "Is finite, with its gradient, for products of ten thousand",
            ],
        ),
        ("losses/my_lab.parts:counts_padding", ["Never counts padding, row 0 of the item table, as a class"]),
        ("losses/my_lab.parts:rows_of", [MADE]),
        (
            "losses/my_lab.parts:cosine",
            [
                "Is zero for a batch of one, which has nobody to be told from",
                "Computes in float32 what comes in bfloat16",
                "Refuses sides of different shape",
            ],
        ),
        (
            "augmenters/my_lab.parts:Global",
            [
                "Draws from the generator it is given, and from nothing else",
                "Draws a new view at each call, or none at all",
                "Makes the same of a row whatever stands in the others",
            ],
        ),
        ("similarities/my_lab.parts:Itself", ["Answers with another item, or with 0 for none"]),
        (
            "synthesizers/my_lab.parts:Shares",
            [
                "Gives absent neighbours no weight, in training and outside",
                "Weights sum to one outside of training, and to zero where there is no neighbour",
            ],
        ),
        ("views/my_lab.parts:Twice", ["Asks for two sequences a row, under keys of their own that stay"]),
        (
            "initializers/my_lab.parts:Anything",
            ["The vector of padding stays zero", "Does the same again, and does not draw from torch's global generator"],
        ),
        (
            "history_biases/my_lab.parts:Again",
            [
                "Says each item once, and nothing of padding and MASK",
                "A history has the same bias alone, beside others and with any padding",
            ],
        ),
        ("text_encoders/my_lab.parts:Lengths", ["Gives a row of finite float32 numbers per text"]),
    ],
    ids=lambda value: value.rpartition(":")[2] if isinstance(value, str) else "",
)
def test_what_is_broken_is_named_and_nothing_else(name: str, broken: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(capsys, name)
    assert told(lines, "broken") == broken
    assert code == 1
    kept = len(told(lines, "holds"))
    assert lines[-1].startswith("Nothing else was tried." if broken == [MADE] else f"{kept} of {kept + len(broken)} promises hold")


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("name", "among"),
    [
        ("backbones/my_lab.parts:Noisy", "Out of training the same sequence has the same state"),
        ("backbones/my_lab.parts:Bare", "Has all that a run asks of a backbone"),
        ("augmenters/my_lab.parts:InPlace", "Never writes to its input"),
        ("retrievers/my_lab.parts:Longest", "Finds the nearest rows"),
        ("samplers/my_lab.parts:Unseen", "Samples lie in what trains of their user, x_1 … x_{n-2}"),
        ("samplers/my_lab.parts:Unseen", "What is held out, x_{n-1} and x_n, changes no batch"),
        ("objectives/my_lab.parts:Constant", "Asks for sequences that can be encoded"),
        ("objectives/my_lab.parts:Constant", "Leaves the batch and torch's global generator alone"),
    ],
)
def test_what_breaks_much_breaks_what_it_is_known_for(name: str, among: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(capsys, name)
    assert among in told(lines, "broken")
    assert code == 1


@pytest.mark.usefixtures("lab")
def test_what_was_expected_and_what_came_stand_below(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = checked(capsys, "backbones/my_lab.parts:Peeks")
    expected, came = below(lines, "No state depends on a later item")
    assert expected == ["expected", "the earlier states to stay as they are where the latest item is another"]
    # of two rows of 7 and 5 items all states of d = 64 but the last move: 6 · 64 + 4 · 64 of 2 · 6 · 64
    assert re.fullmatch(r"640 of 768 differ, the most, at \[\d, \d, \d+\]: \S+ beside \S+", came[1])
    _, lines = checked(capsys, "backbones/my_lab.parts:OneMore")
    assert below(lines, "The last state") == [
        ["expected", 'with want="all" states of 7 sequences of 7 items, of shape [7, 7, 64]'],
        ["came", "[7, 8, 64]"],
    ]
    _, lines = checked(capsys, "losses/my_lab.parts:detached")
    assert below(lines, "Reaches all states") == [
        ["expected", "a loss that can be differentiated"],
        ["came", "a number without a gradient"],
    ]
    _, lines = checked(capsys, "losses/my_lab.parts:rows_of")
    assert "must be a RankingLoss, called with (states, item_table, targets)" in below(lines, "Can be made")[1][1]


def test_an_error_of_the_component_is_told_with_its_own_line(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(capsys, "backbones/my_lab.parts:Breaks")
    line = 1 + PARTS.splitlines().index('        raise RuntimeError("the kernel is not there")  # line of the error')
    assert code == 1
    assert below(lines, "The order of items") == [
        ["came", "RuntimeError: the kernel is not there"],
        ["at", f"{lab / 'my_lab' / 'parts.py'}:{line}"],
    ]
    assert not any("Traceback" in line for line in lines)
    _, lines = checked(capsys, "backbones/my_lab.parts:Refuses")
    came, at = below(lines, "Can be made")
    assert came[1].endswith("Refuses of 'my_lab.parts' refused its arguments: hidden_size is odd")
    assert at[1].startswith(str(lab / "my_lab" / "parts.py"))


@pytest.mark.usefixtures("lab")
def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "backbones/my_lab.parts:Peeks", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    (wrong,) = [promise for promise in answer["data"] if promise["holds"] is False]
    assert wrong["promise"] == "No state depends on a later item"
    assert {promise["holds"] for promise in answer["data"]} == {True, False, None}


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["adam"],
            "optimizers/adam: there is no suite of promises for an optimizer. Kinds that have one: augmenter, backbone,",
        ),
        (["llm_providers/openai"], "no suite of promises for an LLM provider."),
        (["datasets/beauty"], "no suite of promises for a dataset."),
        (["methods/sasrec"], "no suite of promises for a method."),
        (["random"], "'random' is the name of several things. Say which: retrievers/random, synthesizers/random."),
        (["sasrek"], "No component is called 'sasrek'. Did you mean 'sasrec'?"),
        (["my_lab.models:FadingMean"], "What is not registered needs its kind, such as backbones/my_lab.models:FadingMean."),
        (["backbones/sasrek"], "No backbone is called 'sasrek'. Did you mean 'sasrec'?"),
        (["backbones/my_lab.models:FadingMean", "-s", "fade=2", "-s", "fadr=1"], "  fade: Should be a number in (0, 1), got 2."),
        (
            ["backbones/my_lab.models:FadingMean", "-s", "fade=2", "-s", "fadr=1"],
            "  fadr: FadingMean takes no such parameter. Did you mean 'fade'?",
        ),
        (["sasrec", "-s", "use=gru4rec"], "  use: What is checked is backbones/sasrec;"),
        (["sasrec", "-s", "hidden_size"], "Should be path=value"),
        (["insert"], "  similarity: Insert needs a similarity here."),
        (["insert", "-s", "similarity.ratio=1"], "similarity.use: Should name a similarity."),
        (["choice", "-s", "augmenters.0=crop"], "augmenters: Should be an array"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_what_can(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert says in written.err


def test_a_module_that_cannot_be_imported_is_named(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lab / "my_lab" / "absent.py").write_text("import a_library_that_nobody_has\n\n\nclass Mine:\n    pass\n")
    assert main(["check", "losses/my_lab.absent:Mine"]) == 9
    assert "importing my_lab.absent failed" in capsys.readouterr().err
    assert main(["check", "losses/my_lab.nowhere:Mine"]) == 9
    assert "There is no module 'my_lab.nowhere' on the import path." in capsys.readouterr().err


def test_pytest_is_not_needed(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pytest'] = None; from sracl.cli.app import main; sys.exit(main(['check', 'crop']))"
    done = python(["-c", code], [tmp_path])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("8 of 8 promises hold.\n")


PAIR = 'views={use = "distinct", augmenters = ["crop", "mask"]}'
MASKED = 'views={use = "masked"}'
FILLED = {
    "augmenters/by_length": ["short=crop", "long=reorder"],
    "augmenters/choice": ['augmenters=["crop", "reorder"]'],
    "augmenters/insert": ["similarity=itemcf_iuf"],
    "augmenters/substitute": ["similarity.use=hybrid"],
    "objectives/attribute_prediction": [MASKED],
    "objectives/cloze": ["loss=cross_entropy"],
    "objectives/cross_sequence": ["synthesizer=attention", "loss=nt_xent", "synthesizer.hidden_size=8"],
    "objectives/intent_contrast": ['views={use = "same_target"}', "loss=nt_xent"],
    "objectives/intra_sequence": ["augmenter=semantic_substitute", "loss=nt_xent"],
    "objectives/learned_view_contrast": [PAIR, "loss=nt_xent"],
    "objectives/masked_item": [MASKED],
    "objectives/next_item": ["loss=cross_entropy"],
    "objectives/view_contrast": [PAIR, "loss=nt_xent"],
    "text_encoders/shuffled": ["encoder=lsa"],
    "views/distinct": ['augmenters=["crop", "mask", "reorder"]'],
    "views/independent": ["augmenter=crop"],
}
"""What fills the slots of components that have some."""

ELSEWHERE = {"retrievers/annoy", "retrievers/usearch", "text_encoders/minilm", "text_encoders/openai", "text_encoders/transformers"}
"""Need a package that is optional, weights or a server."""

SHIPPED = [card.address for kind in KINDS for card in catalog().cards(kind) if kind not in ("llm_provider", "optimizer", "dataset")]


@pytest.mark.parametrize("address", sorted({address for address in SHIPPED} - ELSEWHERE))
def test_every_shipped_component_keeps_its_promises(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [part for text in FILLED.get(address, ()) for part in ("--set", text)]
    code, lines = checked(capsys, address, *sets)
    assert told(lines, "broken") == []
    assert code == 0


def test_what_draws_nothing_with_the_parameters_it_is_given_makes_the_same_again(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(capsys, "same_target", "--set", "positive=itself")
    assert (code, told(lines, "broken")) == (0, [])


def test_a_retriever_that_says_it_is_a_control_is_held_to_no_nearness(capsys: pytest.CaptureFixture[str]) -> None:
    _, control = checked(capsys, "retrievers/random")
    _, nearest = checked(capsys, "exact")
    assert "Finds the nearest rows" in told(nearest, "holds")
    assert "Finds the nearest rows" not in told(control, "holds")
