"""Texts from a causal language model on this machine."""

from __future__ import annotations

from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from sracl import memory
from sracl.errors import DataError
from sracl.llm_providers import completion, tokens
from sracl.llm_providers.allowance import Allowance
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.asking import Due, answered
from sracl.llm_providers.desk import Desk, Paid
from sracl.llm_providers.request import Request
from sracl.pretrained import Pretrained, placement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.interfaces import Prompt

_PROVIDER = "transformers"
_INSTEAD = (
    'llm = { use = "openai", llm = "ollama" } or another of `sracl list llms`, which asks a server',
    'llm = { use = "template" }, which needs no model',
)


class Transformers:
    """Any causal language model that the transformers library can load; it always takes the likeliest word.

    Requests of about one length are worked on together. Answers are stored in the cache folder after every batch, by what the
    model's files hold, precision and full request: a run that was killed goes on where it stopped. With batches of another size
    the last bits of probabilities differ, so that an answer may now and then go another way; what is stored stays as it is.

    The model is looked for in a local folder, then in the hub's cache; the network is used only with `download`.
    """

    at_once = True
    """It is to be given all prompts together, so that their lengths are looked at before anything is written, and sorted."""

    def __init__(
        self,
        *,
        model: str,
        max_output: Annotated[int, Field(ge=1)] | None = None,
        max_failed: Annotated[int, Field(ge=0)] = 0,
        sample: Annotated[int, Field(ge=0)] = 0,
        batch_size: Annotated[int, Field(ge=1, exclude=True)] = 16,
        device: Annotated[Literal["auto", "cpu", "cuda"], Field(exclude=True)] = "auto",
        precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto",
        revision: str | None = None,
        download: Annotated[bool, Field(exclude=True)] = False,
    ) -> None:
        """Find the model; it is loaded when an answer is missing.

        Args:
            model: Local folder, or id on the hub; one that follows instructions.
            max_output: Tokens of an answer; by default what the longest answer that is accepted may have.
            max_failed: Texts that may be left empty where the model wrote no answer.
            sample: Number of the answer; another number asks anew, and brings the same unless the machine is another.
            batch_size: Requests worked on together.
            device: Where the model runs; `auto` takes a GPU if there is one.
            precision: Of its weights and states; `auto` is bfloat16 on a GPU and float32 elsewhere.
            revision: Commit, tag or branch on the hub, by default the main branch.
            download: Whether a hub may be asked for a model that is not here.

        Raises:
            ValueError: A folder is asked for a revision.
            ResourceError: The model cannot be had.
        """
        self.model = model
        self.max_output = max_output
        self.max_failed = max_failed
        self.sample = sample
        self.batch_size = batch_size
        self.device = device
        self.precision = precision
        self.allowance = Allowance()
        """What the command allows; the run puts its own here."""
        self.facts: dict[str, Any] = {}
        """Model and precision, and of the last call: requests asked, known before and failed."""
        self.progress: Callable[[int, int], None] | None = None
        """Told how many requests of how many are settled."""
        self._pretrained = Pretrained(model, revision=revision, download=download, instead=_INSTEAD)

    def __call__(self, prompts: Sequence[Prompt]) -> list[str]:
        """One text per prompt.

        Raises:
            ResourceError: The model's files cannot be loaded.
            DataError: Prompts are longer than the model reads, before anything is written; or the model wrote no answer to some,
                with their number and the reasons.
        """
        answers = Answers()
        self.facts = {"model": self.model, "identity": self._identity, "precision": self._placed[1]}
        return answered(
            prompts,
            answers=answers,
            due_of=self._due,
            ask=lambda due, keys: self._ask(answers, due, len(keys)),
            offline=self.allowance.offline,
            max_failed=self.max_failed,
            facts=self.facts,
        )

    def requests(self, prompts: Sequence[Prompt]) -> list[Request]:
        """What is asked for each prompt; nobody is asked."""
        return [self._due(prompt).request for prompt in prompts]

    @cached_property
    def _identity(self) -> str:
        return self._pretrained.identity

    @cached_property
    def _placed(self) -> tuple[Any, str]:
        return placement(self.device, self.precision, on_gpu="bfloat16")

    def _due(self, prompt: Prompt) -> Due:
        messages = [{"role": role, "content": text} for role, text in (("system", prompt.system), ("user", prompt.user)) if text]
        limit = self.max_output or tokens.of_longest_answer(prompt.answer)
        body = {"weights": self._identity, "precision": self._placed[1], "messages": messages, "max_tokens": limit}
        return Due(prompt, Request(_PROVIDER, self.model, body, self.sample), 0)

    def _ask(self, answers: Answers, due: Sequence[Due], total: int) -> None:
        writer = _Writer(self._pretrained, *self._placed)
        self._demand_room(due, writer)
        settled = total - len(due)
        with Desk(answers) as desk:
            for batch in _batches(due, self.batch_size):
                written = writer.write(batch)
                with desk.write() as entry:
                    for one, (said, paid) in zip(batch, written, strict=True):
                        attempt = entry.begin(one.request, 0)
                        if not isinstance(attempt, int):  # another process has written it meanwhile
                            continue
                        if fault := completion.fault(one.prompt, said):
                            entry.end(attempt, "rejected", fault.reason, paid=paid, reply=said.reply, for_good=True)
                        else:
                            entry.answer(attempt, said.reply, paid)
                memory.release()
                settled += len(batch)
                if self.progress is not None:
                    self.progress(settled, total)

    def _demand_room(self, due: Sequence[Due], writer: _Writer) -> None:
        """Refuse prompts that the model cannot read to their end, before the first is answered."""
        needs = [(writer.length(one), int(one.request.body["max_tokens"])) for one in due]
        longer = [need for need in needs if writer.context is not None and sum(need) > writer.context]
        if longer:
            length, limit = max(longer, key=sum)
            raise DataError(
                f"{self.model} takes {writer.context:,} tokens of prompt and answer together, and {len(longer):,} of {len(due):,} prompts "
                f"need more: up to {length:,}, with {limit:,} for the answer. A prompt with a smaller `budget` leaves out more of the "
                "oldest items, and a smaller max_output leaves less for answers."
            )


class _Writer:
    """The model, loaded."""

    def __init__(self, pretrained: Pretrained, device: Any, precision: str) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        # on the left, so that all requests of a batch end where the answers begin
        self.tokenizer, model, _ = pretrained.load(AutoModelForCausalLM, dtype=getattr(torch, precision), padding_side="left")
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model = model.to(device)
        self.device = device
        self.context: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        """Tokens of prompt and answer together; None for no limit that is known."""

    def length(self, due: Due) -> int:
        """Tokens of a prompt."""
        return len(self.tokenizer(self._text(due), add_special_tokens=not self.tokenizer.chat_template)["input_ids"])

    def write(self, batch: Sequence[Due]) -> list[tuple[completion.Said, Paid]]:
        """What the model says to requests whose answers may have the same number of tokens."""
        import torch

        texts, has_template = [self._text(due) for due in batch], bool(self.tokenizer.chat_template)
        read = self.tokenizer(texts, padding=True, add_special_tokens=not has_template, return_tensors="pt").to(self.device)  # [B, T]
        with torch.inference_mode():
            whole = self.model.generate(
                input_ids=read["input_ids"],
                attention_mask=read["attention_mask"],
                do_sample=False,
                max_new_tokens=batch[0].request.body["max_tokens"],
                pad_token_id=self.tokenizer.pad_token_id,
            )
        return [
            self._said(row.tolist(), int(mask.sum()))
            for row, mask in zip(whole[:, read["input_ids"].shape[1] :].cpu(), read["attention_mask"], strict=True)
        ]

    def _text(self, due: Due) -> str:
        messages = due.request.body["messages"]
        if not self.tokenizer.chat_template:
            return "\n\n".join(message["content"] for message in messages) + "\n\n"
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def _said(self, written: list[int], read: int) -> tuple[completion.Said, Paid]:
        """The reply, up to the first sign of its end."""
        ends = self.model.generation_config.eos_token_id
        ends = set(ends) if isinstance(ends, list) else {ends}
        length = next((place for place, token in enumerate(written) if token in ends), None)
        count = len(written) if length is None else length
        reply = self.tokenizer.decode(written[:count], skip_special_tokens=True)
        usage = {"completion_tokens": count}
        return completion.Said(reply, "length" if length is None else "stop", False, usage), Paid(read, count, 0, 0)


def _batches(due: Sequence[Due], size: int) -> list[Sequence[Due]]:
    """Requests of about one length together, whose answers have the same limit."""

    def limit(one: Due) -> int:
        return int(one.request.body["max_tokens"])

    ordered = sorted(due, key=lambda one: (limit(one), len(one.request.text)))
    batches: list[Sequence[Due]] = []
    for _, group in groupby(ordered, key=limit):
        alike = list(group)
        batches += [alike[begin : begin + size] for begin in range(0, len(alike), size)]
    return batches
