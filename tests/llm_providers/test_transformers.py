"""With a language model of random weights, made on the spot: what it writes is noise, and the same noise every time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sracl.errors import DataError, ResourceError
from sracl.interfaces import AnswerForm, ItemText, Prompt
from sracl.llm_providers.allowance import Allowance
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.transformers import Transformers, _batches

LINES = [f"{colour} {thing} number {number}" for colour in ("red", "blue") for thing in ("pen", "lamp") for number in range(9)]
CHAT = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_llm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of random weights, two layers of width 32, and a tokenizer trained on a few lines."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-llm")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(LINES, vocab_size=300, special_tokens=["<s>", "</s>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, bos_token="<s>", eos_token="</s>")  # type: ignore[no-untyped-call]
    tokenizer.chat_template = CHAT
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=list(range(1, 60)),  # random words end soon
        initializer_range=0.5,  # and are others for other requests
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))


def prompts(count: int) -> list[Prompt]:
    return [Prompt("sequence", (ItemText(title="x"),), system="be brief", user=" ".join(LINES[: number + 1])) for number in range(count)]


def written(llm: Path, count: int, **more: Any) -> tuple[list[str], Transformers]:
    made = Transformers(**{"model": str(llm), "device": "cpu", "max_failed": count, **more})
    return made(prompts(count)), made


def test_a_text_does_not_depend_on_those_beside_it(tiny_llm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, made = written(tiny_llm, 9, batch_size=4)
    assert sum(map(bool, texts)) >= 5
    assert len(set(texts)) >= 5
    assert made.facts["asked"] == 9
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "another"))
    alone, _ = written(tiny_llm, 9, batch_size=1)
    assert alone == texts


def test_what_is_stored_is_not_written_again(tiny_llm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, _ = written(tiny_llm, 5)
    monkeypatch.setattr("sracl.llm_providers.transformers._Writer", None)
    again, made = written(tiny_llm, 5, batch_size=2)
    assert again == texts
    assert (made.facts["asked"], made.facts["known"]) == (0, 5)
    made.allowance = Allowance(offline=True)
    with pytest.raises(DataError, match="1 of 6 answers are not stored"):
        made(prompts(6))


def test_a_killed_run_keeps_the_batches_that_were_done(tiny_llm: Path) -> None:
    made = Transformers(model=str(tiny_llm), device="cpu", batch_size=2, max_failed=9)

    def stop(done: int, total: int) -> None:
        assert total == 9
        if done >= 4:
            raise KeyboardInterrupt

    made.progress = stop
    with pytest.raises(KeyboardInterrupt):
        made(prompts(9))
    (account,) = Answers().accounts()
    assert account.answered + account.failed == 4
    _, again = written(tiny_llm, 9)
    assert (again.facts["asked"], again.facts["known"]) == (5, 4)


def test_other_weights_are_another_model(tiny_llm: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_llm, copy)
    written(copy, 2)
    (copy / "notes.txt").write_text("trained further")
    assert written(copy, 2)[1].facts["asked"] == 2


def test_a_text_without_end_is_cut_and_is_no_answer(tiny_llm: Path) -> None:
    with pytest.raises(DataError, match="the reply was cut off after 1 tokens"):
        Transformers(model=str(tiny_llm), device="cpu", max_output=1)(prompts(9))


def test_prompts_that_are_too_long_stop_everything_before_it_begins(tiny_llm: Path) -> None:
    asked = [*prompts(3), Prompt("sequence", (ItemText(title="x"),), system="be brief", user="pen " * 500)]
    with pytest.raises(DataError, match=r"takes 512 tokens of prompt and answer together, and 1 of 4 prompts need more: up to") as error:
        Transformers(model=str(tiny_llm), device="cpu", max_output=20, max_failed=9)(asked)
    assert "with 20 for the answer" in str(error.value)
    assert "smaller `budget`" in str(error.value)
    assert "smaller max_output" in str(error.value)
    assert not Answers().file.exists()


def test_requests_of_one_length_go_together(tiny_llm: Path) -> None:
    made = Transformers(model=str(tiny_llm), device="cpu")
    short = [Prompt("item", (), user="u" * size, answer=AnswerForm(words=words)) for words in (10, 20) for size in (9, 1, 5)]
    batches = _batches([made._due(prompt) for prompt in short], 2)
    assert [[(one.prompt.answer.words, len(one.prompt.user)) for one in batch] for batch in batches] == [
        [(10, 1), (10, 5)],
        [(10, 9)],
        [(20, 1), (20, 5)],
        [(20, 9)],
    ]


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ResourceError, match="the model 'no/such-model' cannot be had"):
        Transformers(model="no/such-model")
