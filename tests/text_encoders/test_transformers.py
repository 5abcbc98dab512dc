from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Literal

import huggingface_hub.constants
import numpy as np
import pytest
import torch

from sracl.contracts.text_encoder import TEXTS, TextEncoderContract
from sracl.errors import ResourceError
from sracl.text_encoders.transformers import Transformers

ABSENT = "sracl-tests/no-such-model"


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
class TestTransformers(TextEncoderContract):
    @pytest.fixture(autouse=True)
    def parameters(self, tiny_roberta: Path, pooling: str) -> None:
        self.tiny_roberta = tiny_roberta
        self.pooling = pooling

    def encoder(self) -> Transformers:
        return Transformers(model=str(self.tiny_roberta), pooling=self.pooling, batch_size=2, device="cpu")  # type: ignore[arg-type]


def test_the_mean_is_over_the_text_and_not_over_padding(tiny_roberta: Path) -> None:
    short, long = "Blue pens", "Steel stapler with one thousand staples and blue pens"
    alone = Transformers(model=str(tiny_roberta), device="cpu")([short])
    beside = Transformers(model=str(tiny_roberta), device="cpu")([short, long])
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)


def test_pools_as_the_model_itself_gives(tiny_roberta: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(tiny_roberta)([TEXTS[0]], return_tensors="pt")
    with torch.inference_mode():
        output = AutoModel.from_pretrained(tiny_roberta).eval()(**tokens)
    due = {"mean": output.last_hidden_state.mean(dim=1), "cls": output.last_hidden_state[:, 0], "pooler": output.pooler_output}
    for pooling, expected in due.items():
        found = Transformers(model=str(tiny_roberta), pooling=pooling, device="cpu")([TEXTS[0]])  # type: ignore[arg-type]
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_longer_texts_lose_the_end_or_the_start(tiny_roberta: Path) -> None:
    text = "pens shampoo stapler " * 40
    end = Transformers(model=str(tiny_roberta), max_length=16, device="cpu")
    start = Transformers(model=str(tiny_roberta), max_length=16, truncate="start", device="cpu")
    np.testing.assert_allclose(end([text]), end([f"{text} hair"]), atol=1e-5)
    np.testing.assert_allclose(start([text]), start([f"hair {text}"]), atol=1e-5)
    assert not np.allclose(start([text]), start([f"{text} hair"]), atol=1e-3)
    assert start.facts["texts_at_max_length"] == 1


def test_never_reads_more_than_the_model_has_positions(tiny_roberta: Path) -> None:
    # RoBERTa numbers positions from the padding id + 1 = 2, so 66 positions hold 64 tokens.
    encoder = Transformers(model=str(tiny_roberta), max_length=512, device="cpu")
    assert bool(np.isfinite(encoder(["pens " * 300])).all())
    assert encoder.facts["max_length"] == 64


def test_normalize_gives_length_one(tiny_roberta: Path) -> None:
    vectors = Transformers(model=str(tiny_roberta), normalize=True, device="cpu")(TEXTS[:2])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_tells_its_progress(tiny_roberta: Path) -> None:
    told: list[tuple[int, int]] = []
    encoder = Transformers(model=str(tiny_roberta), batch_size=2, device="cpu")
    encoder.progress = lambda done, total: told.append((done, total))
    encoder(TEXTS)  # five texts that are not empty
    assert told == [(2, 5), (4, 5), (5, 5)]


ENCODE = """
import sys
from pathlib import Path
from sracl.text_encoders.transformers import Transformers
encoder = Transformers(model=sys.argv[1], batch_size=1, device="cpu")
encoder.unfinished = Path(sys.argv[2])
encoder([f"pens {number} " * (1 + number % 7) for number in range(100_000)])
"""


def test_one_that_is_killed_goes_on_where_it_was(tiny_roberta: Path, tmp_path: Path) -> None:
    texts = [f"pens {number} " * (1 + number % 7) for number in range(100_000)]
    process = subprocess.Popen([sys.executable, "-c", ENCODE, str(tiny_roberta), str(tmp_path)])
    while not list(tmp_path.glob("*.safetensors")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(tmp_path.glob("*.safetensors")))  # pieces of 64 batches of one text

    told: list[int] = []

    def stop(done: int, total: int) -> None:
        told.append(done)
        raise KeyboardInterrupt

    encoder = Transformers(model=str(tiny_roberta), batch_size=1, device="cpu")
    encoder.unfinished, encoder.progress = tmp_path, stop
    with pytest.raises(KeyboardInterrupt):
        encoder(texts)
    assert told == [64 * kept + 1]


def test_what_was_kept_gives_the_same_vectors_and_other_texts_or_settings_do_not_get_it(tiny_roberta: Path, tmp_path: Path) -> None:
    texts = [f"pens {number} " * (1 + number % 30) for number in range(150)]

    def encoded(folder: Path | None, texts: list[str], **settings: int) -> tuple[np.ndarray, int, dict[str, Any]]:
        """Vectors, the first number of texts that was told to be done, facts."""
        told: list[int] = []
        encoder = Transformers(model=str(tiny_roberta), batch_size=1, device="cpu", **settings)  # type: ignore[arg-type]
        encoder.unfinished, encoder.progress = folder, lambda done, total: told.append(done)
        return encoder(texts), told[0] if told else 0, encoder.facts

    whole, _, facts = encoded(None, texts)
    assert facts["texts_at_max_length"] > 0
    first, _, _ = encoded(tmp_path, texts)
    assert [file.name for file in sorted(tmp_path.iterdir())] == [f"00000{number}.safetensors" for number in range(3)]
    (tmp_path / "000001.safetensors").write_bytes(b"torn")
    again, began, told = encoded(tmp_path, texts)
    assert began == 65  # the second piece of 64 is damaged, the first and the third are as they were
    assert told == facts
    np.testing.assert_array_equal(whole, first)
    np.testing.assert_array_equal(whole, again)

    assert encoded(tmp_path, texts)[1] == 0  # all of it is there
    assert encoded(tmp_path, [*texts[:-1], "stapler"])[1] == 1
    assert encoded(tmp_path, texts, max_length=16)[1] == 1


def test_what_was_kept_of_other_weights_in_the_same_folder_is_not_mixed_in(tiny_roberta: Path, tmp_path: Path) -> None:
    from transformers import RobertaModel

    model = shutil.copytree(tiny_roberta, tmp_path / "model")
    texts = ["pens", "a stapler", "red pens"]

    def encoded(folder: Path | None) -> np.ndarray:
        encoder = Transformers(model=str(model), batch_size=1, device="cpu")
        encoder.unfinished = folder
        return encoder(texts)

    before = encoded(tmp_path / "kept")
    weights = RobertaModel.from_pretrained(model)
    weights.embeddings.word_embeddings.weight.data *= 2
    weights.save_pretrained(model)
    after = encoded(tmp_path / "kept")
    assert not np.allclose(before, after)
    np.testing.assert_array_equal(after, encoded(None))


def test_warns_of_a_pooler_without_weights(tiny_roberta: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, RobertaModel

    RobertaModel.from_pretrained(tiny_roberta, add_pooling_layer=False).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_roberta).save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="without weights for its pooler"):
        Transformers(model=str(tmp_path), pooling="pooler", device="cpu")(["pens"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        Transformers(model=str(tmp_path), pooling="mean", device="cpu")(["pens"])


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was to be waited before another try."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def test_a_model_that_cannot_be_had_fails_at_once_and_names_the_ways_out(waits: list[float]) -> None:
    with pytest.raises(ResourceError) as error:
        Transformers(model=ABSENT)
    assert waits == []
    message = str(error.value)
    for part in (ABSENT, huggingface_hub.constants.HF_HUB_CACHE, "config.json", "download = true", "sracl[embed]", '"lsa"'):
        assert part in message


def test_a_hub_that_does_not_answer_fails_at_once(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(ResourceError, match="the hub does not answer"):
        Transformers(model=ABSENT, download=True)
    assert waits == []


def test_a_folder_that_is_not_there_or_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="there is no such folder"):
        Transformers(model=str(tmp_path / "absent"))
    with pytest.raises(ResourceError, match=r"has no config\.json"):
        Transformers(model=str(tmp_path))


def test_damaged_weights_are_named(tiny_roberta: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_roberta, folder)
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ResourceError, match="cannot be loaded"):
        Transformers(model=str(folder), device="cpu")(["pens"])


def test_a_prompt_stands_before_every_text_that_says_something(tiny_roberta: Path) -> None:
    asked = Transformers(model=str(tiny_roberta), prompt="pens: ", device="cpu")(TEXTS)
    written = Transformers(model=str(tiny_roberta), device="cpu")([text and f"pens: {text}" for text in TEXTS])
    np.testing.assert_allclose(asked, written, atol=1e-6)
    with pytest.raises(ValueError, match="loses the prompt 'pens: '"):
        Transformers(model=str(tiny_roberta), prompt="pens: ", truncate="start", device="cpu")


@pytest.mark.parametrize(("precision", "close"), [("float16", 5e-3), ("bfloat16", 4e-2)])
def test_half_precision_stays_close(tiny_roberta: Path, precision: Literal["float16", "bfloat16"], close: float) -> None:
    whole = Transformers(model=str(tiny_roberta), normalize=True, device="cpu")
    half = Transformers(model=str(tiny_roberta), normalize=True, device="cpu", precision=precision)
    vectors = half(TEXTS)
    assert vectors.dtype == np.float32
    assert 0 < np.abs(vectors - whole(TEXTS)).max() < close
    assert (whole.facts["precision"], half.facts["precision"]) == ("float32", precision)


@pytest.mark.gpu
def test_a_gpu_computes_in_half_precision_by_itself(tiny_roberta: Path) -> None:
    there = Transformers(model=str(tiny_roberta), normalize=True, device="cuda")
    np.testing.assert_allclose(there(TEXTS), Transformers(model=str(tiny_roberta), normalize=True, device="cpu")(TEXTS), atol=5e-3)
    assert there.facts["precision"] == "float16"


def test_a_revision_is_looked_up_in_the_cache(tiny_roberta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As the hub's cache keeps it: refs/<name> holds a commit, snapshots/<commit>/ its files.
    commit = "0123456789abcdef0123456789abcdef01234567"
    store = tmp_path / "models--lab--tiny"
    (store / "refs").mkdir(parents=True)
    (store / "refs" / "v2").write_text(commit)
    shutil.copytree(tiny_roberta, store / "snapshots" / commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    pinned = [Transformers(model="lab/tiny", revision=revision, device="cpu") for revision in ("v2", commit)]
    expected = Transformers(model=str(tiny_roberta), device="cpu")(TEXTS)
    for encoder in pinned:
        np.testing.assert_allclose(encoder(TEXTS), expected, atol=1e-6)
        assert encoder.facts["commit"] == commit
    with pytest.raises(ResourceError, match="the model 'lab/tiny' at revision 'v1' cannot be had"):
        Transformers(model="lab/tiny", revision="v1")
    with pytest.raises(ValueError, match="is a folder and has no revision 'v2'"):
        Transformers(model=str(tiny_roberta), revision="v2")
