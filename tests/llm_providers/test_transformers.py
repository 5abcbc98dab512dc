"""With language models made on the spot: of random weights, or chains of words whose next ones are known."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel, GPT2Model

from sracl.errors import DataError, ResourceError
from sracl.interfaces import AnswerForm, ItemText, Prompt
from sracl.llm_providers.allowance import Allowance
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.causal_model import CausalModel, Written
from sracl.llm_providers.draws import SeededDraws
from sracl.llm_providers.local_session import LocalSession, Waiting, batches
from sracl.llm_providers.transformers import Transformers
from sracl.pretrained import Pretrained
from tests.support.language_models import CHAT, END, NO_SYSTEM, THINKING, chain_model, random_model

SYSTEM = "You describe what customers look for."
PLAIN = AnswerForm(words=100)
NOTES = AnswerForm(fields={"description": 5, "buyers": 5})
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "pens"}]


def prompt(user: str, form: AnswerForm = PLAIN) -> Prompt:
    return Prompt("sequence", (ItemText(title=user),), system=SYSTEM, user=user, answer=form)


PROMPTS = [prompt(f"{count} chosen: {'pens and shampoo ' * (count * 5 % 7)}staples") for count in range(1, 12)]
"""Of lengths that neither rise nor fall."""


@pytest.fixture(autouse=True)
def another_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Answers are stored in a folder of the test's own; a call takes another one, in which nothing is stored."""

    def take(name: str) -> None:
        monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / name))

    take("cache")
    return take


@pytest.fixture(scope="module", params=[None, CHAT], ids=["plain", "chat"])
def gpt2(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_model(tmp_path_factory.mktemp("gpt2"), chat=request.param)


@pytest.fixture(scope="module")
def broken_at_first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likeliest is an object that breaks off; the whole one has a chance of 0.4."""
    chances = {
        "<unk>": {'{"description": "writes", ': 1.0},
        '{"description": "writes", ': {END: 0.6, '"buyers": "pupils"}': 0.4},
        '"buyers": "pupils"}': {END: 1.0},
    }
    return chain_model(tmp_path_factory.mktemp("broken"), chances)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ends an answer to what ends with `pen`, and no other."""
    chances = {"<unk>": {" more": 1.0}, " more": {" more": 1.0}, "pen": {"Writes.": 1.0}, "Writes.": {END: 1.0}}
    return chain_model(tmp_path_factory.mktemp("endless"), chances)


def loaded(folder: Path) -> CausalModel:
    pretrained = Pretrained(str(folder), revision=None, download=False, instead=())
    return CausalModel(pretrained, device=torch.device("cpu"), precision="float32")


def greedy(model: CausalModel, prompts: list[list[int]], limit: int) -> list[Written]:
    return model.write(prompts, limit, temperature=0.0, top_p=1.0, seeds=[0] * len(prompts))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_answers_are_those_of_each_prompt_alone_in_the_order_of_the_prompts(
    temperature: float, gpt2: Path, another_cache: Callable[[str], None]
) -> None:
    def texts(batch_size: int, prompts: list[Prompt]) -> list[str]:
        another_cache(f"{batch_size}")
        made = Transformers(model=str(gpt2), temperature=temperature, max_output=60, attempts=5, batch_size=batch_size, device="cpu")
        return made(prompts)

    alone = texts(1, PROMPTS)
    assert len(set(alone)) > 6
    assert all(alone)
    assert texts(4, PROMPTS) == alone
    assert texts(16, PROMPTS[::-1]) == alone[::-1]


def test_padding_changes_no_token_of_an_answer(gpt2: Path) -> None:
    model = loaded(gpt2)
    asked = [model.read([{"role": "user", "content": each.user}]) for each in PROMPTS]
    assert len({len(each) for each in asked}) > 3
    bare, tokenizer = AutoModelForCausalLM.from_pretrained(gpt2), AutoTokenizer.from_pretrained(gpt2)
    for tokens, answer in zip(asked, greedy(model, asked, 30), strict=True):
        ids = torch.tensor([tokens])
        for _ in range(30):  # one token after another, without padding and without what is kept of earlier steps
            with torch.inference_mode():
                ids = torch.cat([ids, bare(ids).logits[:, -1:].argmax(dim=-1)], dim=1)
            if ids[0, -1] == tokenizer.eos_token_id:
                break
        assert answer.text == str(tokenizer.decode(ids[0, len(tokens) :], skip_special_tokens=True)).strip()
        assert (answer.tokens_in, answer.tokens_out) == (len(tokens), ids.shape[1] - len(tokens))
        assert answer.is_cut == (int(ids[0, -1]) != tokenizer.eos_token_id)


@pytest.mark.parametrize(
    ("chat", "text"),
    [
        (None, f"{SYSTEM}\n\npens\n\n"),
        (CHAT, f"<|system|>{SYSTEM}<|user|>pens<|assistant|>"),
        (NO_SYSTEM, f"<|user|>{SYSTEM}\n\npens<|assistant|>"),
        (THINKING, f"<|system|>{SYSTEM}<|user|>pens<|assistant|>no thoughts"),
    ],
    ids=["plain", "chat", "no system", "thinking"],
)
def test_a_prompt_is_read_in_the_models_own_form(chat: str | None, text: str, tmp_path: Path) -> None:
    model = loaded(random_model(tmp_path, chat=chat))
    assert model._tokenizer.decode(model.read(MESSAGES)) == text


def test_a_form_of_a_chat_that_takes_no_request_is_named(tmp_path: Path) -> None:
    model = loaded(random_model(tmp_path, chat="{{ raise_exception('only tools') }}"))
    with pytest.raises(ResourceError, match="takes no request: only tools"):
        model.read(MESSAGES)


def test_what_authors_suggest_for_chats_changes_no_answer_but_their_ends_do(tmp_path: Path) -> None:
    folder = random_model(tmp_path)
    asked = [loaded(folder).read(MESSAGES)]
    (before,) = greedy(loaded(folder), asked, 60)
    suggested = folder / "generation_config.json"
    suggested.write_text('{"eos_token_id": 0, "do_sample": true, "temperature": 5.0, "repetition_penalty": 9.0, "max_length": 7}')
    assert greedy(loaded(folder), asked, 60) == [before]
    third = loaded(folder)._tokenizer(before.text)["input_ids"][2]
    suggested.write_text(f'{{"eos_token_id": [0, {third}]}}')
    (after,) = greedy(loaded(folder), asked, 60)
    assert before.text.startswith(after.text)
    assert after.tokens_out <= 3 < before.tokens_out


def test_equal_requests_are_answered_once_and_never_again(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Transformers(model=str(endless), device="cpu")
    told: list[tuple[int, int]] = []
    provider.progress = lambda done, total: told.append((done, total))
    pen, blue = prompt("a pen"), prompt("a blue pen")
    assert provider([pen, blue, pen]) == ["Writes."] * 3
    assert (provider.facts["asked"], provider.facts["known"]) == (2, 0)
    assert told == [(2, 2)]
    monkeypatch.setattr("sracl.llm_providers.causal_model.CausalModel", None)
    again = Transformers(model=str(endless), batch_size=3, device="cpu")
    assert again([pen, blue]) == ["Writes."] * 2
    assert (again.facts["asked"], again.facts["known"]) == (0, 2)
    again.allowance = Allowance(offline=True)
    with pytest.raises(DataError, match="1 of 3 answers are not stored"):
        again([pen, blue, prompt("a red pen")])


def test_an_interrupted_run_keeps_the_batches_that_were_done(gpt2: Path, another_cache: Callable[[str], None]) -> None:
    def provider() -> Transformers:
        return Transformers(model=str(gpt2), max_output=60, attempts=5, batch_size=4, device="cpu")

    told: list[int] = []

    def stop(done: int, total: int) -> None:
        assert total == 11
        told.append(done)
        if len(told) == 2:
            raise KeyboardInterrupt

    first = provider()
    first.progress = stop
    with pytest.raises(KeyboardInterrupt):
        first(PROMPTS)
    (account,) = Answers().accounts()
    assert 4 <= account.answered == told[-1] <= 8
    second = provider()
    resumed = second(PROMPTS)
    assert (second.facts["asked"], second.facts["known"]) == (11 - told[-1], told[-1])
    another_cache("whole")
    assert provider()(PROMPTS) == resumed


_KILLED = """
import os, signal, sys
from sracl.llm_providers.transformers import Transformers
from tests.llm_providers.test_transformers import PROMPTS

def killed(done, total):
    if done >= 8:
        os.kill(os.getpid(), signal.SIGKILL)

provider = Transformers(model=sys.argv[1], max_output=60, attempts=5, batch_size=4, device="cpu")
provider.progress = killed
provider(PROMPTS)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, another_cache: Callable[[str], None]) -> None:
    folder = random_model(tmp_path / "gpt2", chat=CHAT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[2]), *sys.path])}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(folder)], env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    (before,) = Answers().accounts()
    assert before.answered == 8
    provider = Transformers(model=str(folder), max_output=60, attempts=5, batch_size=4, device="cpu")
    resumed = provider(PROMPTS)
    assert (provider.facts["asked"], provider.facts["known"]) == (3, 8)
    (after,) = Answers().accounts()
    assert (after.answered, after.lost, after.under_way) == (11, 0, 0)
    another_cache("whole")
    assert Transformers(model=str(folder), max_output=60, attempts=5, batch_size=4, device="cpu")(PROMPTS) == resumed


def test_a_model_is_what_it_is_wherever_it_lies(endless: Path, tmp_path: Path) -> None:
    pen = [prompt("a pen")]
    Transformers(model=str(endless), device="cpu")(pen)
    moved = tmp_path / endless.name
    shutil.copytree(endless, moved)
    (moved / ".cache").mkdir()
    (moved / ".cache" / "model.safetensors.metadata").write_text("downloaded today")
    elsewhere = Transformers(model=str(moved), device="cpu")
    elsewhere(pen)
    assert (elsewhere.facts["asked"], elsewhere.facts["known"], elsewhere.facts["model"]) == (0, 1, endless.name)
    (moved / "notes.txt").write_text("trained further")
    trained = Transformers(model=str(moved), device="cpu")
    trained(pen)
    assert trained.facts["asked"] == 1


def test_what_is_passed_on_names_the_model_and_no_folder_of_this_machine(endless: Path) -> None:
    provider, lines = Transformers(model=str(endless), device="cpu"), io.StringIO()
    provider([prompt("a pen")])
    assert Answers().export(lines) == 1
    assert str(endless.parent) not in lines.getvalue()
    passed_on = json.loads(lines.getvalue().splitlines()[1])
    assert (passed_on["provider"], passed_on["model"]) == ("transformers", endless.name)
    assert passed_on["request"]["weights"] == provider.facts["identity"]


def test_only_what_decides_an_answer_makes_another_request(endless: Path) -> None:
    def key(**changes: object) -> str:
        (request,) = Transformers(**{"model": str(endless), "device": "cpu", **changes}).requests(PROMPTS[:1])  # type: ignore[arg-type]
        return request.key

    assert key(batch_size=7, attempts=9, max_failed=3, precision="float32") == key()
    others = [key(temperature=0.5), key(top_p=0.5), key(max_output=5), key(sample=1), key(precision="bfloat16")]
    assert len({key(), *others}) == 6


def test_an_answer_that_does_not_end_is_cut_and_is_none(endless: Path) -> None:
    asked = [prompt("some ink"), prompt("a pen")]
    with pytest.raises(DataError, match="1 of 2 requests have no answer: the reply was cut off after 12 tokens; .* max_failed = 1 leaves"):
        Transformers(model=str(endless), max_output=12, attempts=2, device="cpu")(asked)
    lenient = Transformers(model=str(endless), max_output=12, max_failed=1, device="cpu")
    assert lenient(asked) == ["", "Writes."]
    assert lenient.facts["reasons"] == {"was cut off after 12 tokens; max_output allows for more": 1}
    (account,) = Answers().accounts()
    assert (account.answered, account.failed) == (1, 1)
    assert account.tokens_out == 2 * 12 + 2  # two tries; and a word with its end


def test_a_model_that_never_answers_is_an_error_however_many_may_fail(endless: Path) -> None:
    with pytest.raises(DataError, match=r"2 of 2 requests have no answer: the reply was cut off .* \(2\).* is it a model that follows"):
        Transformers(model=str(endless), max_output=5, max_failed=9, device="cpu")([prompt("ink"), prompt("paper")])


def test_a_malformed_answer_is_drawn_again(broken_at_first: Path) -> None:
    asked = [prompt(f"{number}", NOTES) for number in range(8)]
    provider = Transformers(model=str(broken_at_first), attempts=20, device="cpu")
    assert provider(asked) == ["writes\npupils"] * 8  # all 19 draws miss with a chance of 0.65^19 < 0.001 at temperature 0.7
    assert (provider.facts["failed"], provider.facts["reasons"]) == (0, {})
    tries = Answers().rejected([request.key for request in provider.requests(asked)])
    assert len(tries) == 8  # the first try of each is none
    assert len(set(tries.values())) > 1  # each draws by itself


def test_malformed_answers_are_counted_and_drawn_again_only_when_told(broken_at_first: Path) -> None:
    asked = [prompt("a pen", NOTES), prompt("a pen")]

    def told(attempts: int) -> tuple[list[str], dict[str, int]]:
        provider = Transformers(model=str(broken_at_first), attempts=attempts, max_failed=1, device="cpu")
        return provider(asked), provider.facts["reasons"]

    reasons = {"has a JSON object that breaks off": 1}
    assert told(1) == (["", '{"description": "writes",'], reasons)
    assert told(20) == (["", '{"description": "writes",'], reasons)  # it is known to have none
    assert Answers().forget_failures() == 1
    assert told(20) == (["writes\npupils", '{"description": "writes",'], {})


def test_tries_before_a_kill_count(broken_at_first: Path, another_cache: Callable[[str], None]) -> None:
    def replies() -> list[str]:
        with Answers().opened() as database:
            return [reply for (reply,) in database.execute("SELECT coalesce(attempts.reply, 'answered') FROM attempts ORDER BY id")]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    asked = [prompt(f"{number}", NOTES) for number in range(8)]
    first = Transformers(model=str(broken_at_first), attempts=20, device="cpu")
    first.progress = stop
    with pytest.raises(KeyboardInterrupt):
        first(asked)
    assert len(replies()) == 8
    Transformers(model=str(broken_at_first), attempts=20, device="cpu")(asked)
    resumed = replies()
    another_cache("whole")
    Transformers(model=str(broken_at_first), attempts=20, device="cpu")(asked)
    assert replies() == resumed
    assert len(resumed) > 16  # some draws missed too, so that a lost count would have drawn them again


def test_the_same_answers_are_drawn_again_and_others_for_another_sample(gpt2: Path, another_cache: Callable[[str], None]) -> None:
    def texts(cache: str, sample: int) -> list[str]:
        another_cache(cache)
        return Transformers(model=str(gpt2), temperature=1.0, sample=sample, max_output=60, attempts=5, device="cpu")(PROMPTS[:4])

    first = texts("first", 0)
    assert texts("second", 0) == first
    assert not set(texts("third", 1)) & set(first)


def test_draws_follow_the_chances() -> None:
    chances = torch.tensor([0.1, 0.6, 0.05, 0.25])
    rows = 4000

    def shares(top_p: float, temperature: float = 1.0) -> torch.Tensor:
        draws = SeededDraws(range(rows), temperature=temperature, top_p=top_p, begin=3, steps=1)
        left = draws(torch.zeros(rows, 3, dtype=torch.int64), chances.log().expand(rows, 4))  # type: ignore[arg-type]
        assert bool((left.isfinite().sum(dim=1) == 1).all())
        return left.argmax(dim=1).bincount(minlength=4) / rows

    # four standard deviations of a share of 4,000 draws are at most 4 · √(0.25 / 4000) = 0.032
    torch.testing.assert_close(shares(1.0), chances, atol=0.032, rtol=0)
    # 0.6 alone does not reach 0.8; with 0.25 it does
    torch.testing.assert_close(shares(0.8), torch.tensor([0.0, 0.6 / 0.85, 0.0, 0.25 / 0.85]), atol=0.032, rtol=0)
    torch.testing.assert_close(shares(1.0, 0.5), chances**2 / (chances**2).sum(), atol=0.032, rtol=0)


def test_prompts_that_are_too_long_stop_everything_before_it_begins(gpt2: Path) -> None:
    longest = prompt("pens and shampoo " * 60)  # GPT-2 here has 256 positions
    with pytest.raises(DataError, match=r"takes 256 tokens of prompt and answer together, and 1 of 4 prompts need more: up to") as error:
        Transformers(model=str(gpt2), max_output=20, device="cpu")([*PROMPTS[:3], longest])
    assert "with 20 for the answer" in str(error.value)
    assert "smaller `budget`" in str(error.value)
    assert "smaller max_output" in str(error.value)
    assert not Answers().file.exists()


def test_a_prompt_that_has_just_room_enough_is_not_taken_further_by_those_beside_it(gpt2: Path) -> None:
    model, provider, words = loaded(gpt2), Transformers(model=str(gpt2), device="cpu"), 1
    while len(model.read([MESSAGES[0], {"role": "user", "content": "pens " * (words + 1)}])) + 18 <= 256:
        words += 1
    # answers have 3 tokens at most for every word asked for
    asked = [prompt("pens " * words, AnswerForm(words=6)), prompt("pens", AnswerForm(words=60))]
    session = LocalSession(model, Answers(), temperature=0.0, top_p=1.0, attempts=1, batch_size=2, progress=None)
    session.settle([provider._due(one) for one in asked], 2)
    assert len(Answers().find([request.key for request in provider.requests(asked)])) == 2


def test_prompts_of_one_length_go_together_and_the_longest_first(endless: Path) -> None:
    provider = Transformers(model=str(endless), device="cpu")
    waiting = [
        Waiting(provider._due(prompt("pens", AnswerForm(words=words))), [0] * size, tried)
        for words, tried, sizes in ((10, 0, (1, 9, 5)), (20, 0, (2, 6, 4)), (20, 1, (7, 8)))
        for size in sizes
    ]
    found = [[(one.tried, one.limit, len(one.tokens)) for one in batch] for batch in batches(waiting, 2)]
    assert found == [
        [(0, 60, 6), (0, 60, 4)],
        [(0, 60, 2)],
        [(0, 30, 9), (0, 30, 5)],
        [(0, 30, 1)],
        [(1, 60, 8), (1, 60, 7)],
    ]


def test_too_little_memory_keeps_what_was_written(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, sizes = CausalModel.write, []

    def full(self: CausalModel, prompts: list[list[int]], *more: object, **options: object) -> object:
        sizes.append(len(prompts))
        if len(sizes) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return write(self, prompts, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(CausalModel, "write", full)
    with pytest.raises(ResourceError, match="no memory for 4 answers of .* at a time. What was written is kept: with batch_size = 2"):
        Transformers(model=str(gpt2), max_output=60, attempts=5, batch_size=4, device="cpu")(PROMPTS[:8])
    (account,) = Answers().accounts()
    assert account.answered == 4
    again = Transformers(model=str(gpt2), max_output=60, attempts=5, batch_size=2, device="cpu")
    again(PROMPTS[:8])
    assert (again.facts["known"], sizes) == (4, [4, 4, 2, 2])


def test_a_model_larger_than_the_gpu_is_told_of(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, device: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(GPT2LMHeadModel, "to", full)
    with pytest.raises(ResourceError, match="does not fit into the memory of the GPU"):
        Transformers(model=str(gpt2), device="cpu")(PROMPTS[:1])


def test_a_model_that_cannot_be_had_names_the_ways_out() -> None:
    with pytest.raises(ResourceError) as error:
        Transformers(model="sracl-tests/no-such-model")
    for part in ("sracl-tests/no-such-model", "config.json", "download = true", "HF_HOME", '"openai"', '"template"'):
        assert part in str(error.value)


def test_a_model_that_does_not_write_is_refused(tmp_path: Path) -> None:
    folder = random_model(tmp_path / "whole")
    whole = GPT2Model.from_pretrained(folder)
    whole.config.tie_word_embeddings = False
    whole.save_pretrained(tmp_path / "headless")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "headless")
    with pytest.raises(ResourceError, match=r"is no causal language model, for it comes without lm_head\.weight"):
        Transformers(model=str(tmp_path / "headless"), device="cpu")(PROMPTS[:1])
