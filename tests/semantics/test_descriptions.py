from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sracl.errors import DataError
from sracl.interfaces import ItemText, Prompt
from sracl.semantics import descriptions

KNOWN = Prompt(unit="item", items=(ItemText(title="pen"),))
UNKNOWN = Prompt(unit="item", items=(ItemText(),))


def test_only_what_is_known_is_asked_for() -> None:
    asked: list[Prompt] = []

    def provider(prompts: Sequence[Prompt]) -> list[str]:
        asked.extend(prompts)
        return [" a\n pen "] * len(prompts)

    assert descriptions.describe(provider, [UNKNOWN, KNOWN, UNKNOWN]) == ["", "a pen", ""]
    assert asked == [KNOWN]


def test_progress_is_told_chunk_by_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptions, "_CHUNK", 2)
    told: list[int] = []
    descriptions.describe(lambda prompts: ["x"] * len(prompts), [KNOWN] * 5, progress=told.append)
    assert told == [2, 4, 5]


def test_a_provider_that_loses_texts_is_named() -> None:
    class Lossy:
        def __call__(self, prompts: Sequence[Prompt]) -> list[str]:
            return ["one"]

    with pytest.raises(DataError, match="Lossy wrote 1 descriptions for 2 prompts"):
        descriptions.describe(Lossy(), [KNOWN, KNOWN])


def test_an_answer_that_is_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="gave None where a description was due"):
        descriptions.describe(lambda prompts: [None], [KNOWN])  # type: ignore[arg-type]


def test_texts_come_back_as_they_were_kept(tmp_path: Path) -> None:
    texts = ["", 'quotes " and \\', "line\nbreak", "Ünïcödé 漢字"]
    descriptions.save(texts, tmp_path / "a.gz")
    descriptions.save(texts, tmp_path / "b.gz")
    assert descriptions.load(tmp_path / "a.gz") == texts
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
