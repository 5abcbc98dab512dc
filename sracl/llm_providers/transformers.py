"""Texts from a causal language model on this machine."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from sracl.llm_providers import tokens
from sracl.llm_providers.allowance import Allowance
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.asking import Due, answered
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
    """Any causal language model that the transformers library can load, in its own form of a chat where it has one.

    Requests of about one length are worked on together. Answers are stored in the cache folder after every batch, by the model's
    name, what its files hold, precision and full request, and not by where it lies: a run that was killed goes on where it
    stopped. A reply that is no answer, such as broken JSON or one that does not end, is drawn again by chance; requests that
    come to nothing are remembered with the reason.

    The likeliest tokens, or draws whose numbers follow from the request alone, make answers repeatable. With batches of another
    size the last bits of probabilities differ, so that an answer may now and then go another way; what is stored stays as it is.

    The model is looked for in a local folder, then in the hub's cache; the network is used only with `download`.
    """

    at_once = True
    """It is to be given all prompts together, so that their lengths are looked at before anything is written, and sorted."""

    def __init__(
        self,
        *,
        model: str,
        temperature: Annotated[float, Field(ge=0, le=2)] = 0.0,
        top_p: Annotated[float, Field(gt=0, le=1)] = 1.0,
        max_output: Annotated[int, Field(ge=1)] | None = None,
        max_failed: Annotated[int, Field(ge=0)] = 0,
        sample: Annotated[int, Field(ge=0)] = 0,
        attempts: Annotated[int, Field(ge=1, exclude=True)] = 3,
        batch_size: Annotated[int, Field(ge=1, exclude=True)] = 16,
        device: Annotated[Literal["auto", "cpu", "cuda"], Field(exclude=True)] = "auto",
        precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto",
        revision: str | None = None,
        download: Annotated[bool, Field(exclude=True)] = False,
    ) -> None:
        """Find the model; it is loaded when an answer is missing.

        Args:
            model: Local folder, or id on the hub; one that follows instructions.
            temperature: 0 for the likeliest tokens; tries after the first draw at 0.7 at least.
            top_p: Part of the probability that tokens are drawn from.
            max_output: Tokens of an answer; by default what the longest answer that is accepted may have.
            max_failed: Texts that may be left empty where the model wrote no answer.
            sample: Number of the answer; another number draws another one, where there is a temperature.
            attempts: Times that an answer is written while replies are no answers.
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
        self.temperature = temperature
        self.top_p = top_p
        self.max_output = max_output
        self.max_failed = max_failed
        self.sample = sample
        self.attempts = attempts
        self.batch_size = batch_size
        self.device = device
        self.precision = precision
        self.allowance = Allowance()
        """What the command allows; the run puts its own here."""
        self.facts: dict[str, Any] = {}
        """Model and precision, and of the last call: requests asked, known before and failed, and the reasons."""
        self.progress: Callable[[int, int], None] | None = None
        """Told how many requests of how many are settled."""
        self._pretrained = Pretrained(model, revision=revision, download=download, instead=_INSTEAD)

    def __call__(self, prompts: Sequence[Prompt]) -> list[str]:
        """One text per prompt.

        Raises:
            ResourceError: The model's files cannot be loaded or are those of a model that does not write, or memory does not suffice;
                what was written before is kept.
            DataError: Prompts are longer than the model reads, before anything is written; or more than `max_failed` requests have
                no answer, or all of them, with their number and the reasons.
        """
        answers = Answers()
        self.facts = {"model": self._pretrained.name, "identity": self._identity, "precision": self._placed[1]}
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
        body = {
            "weights": self._identity,
            "precision": self._placed[1],
            "messages": messages,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": limit,
        }
        return Due(prompt, Request(_PROVIDER, self._pretrained.name, body, self.sample), 0)

    def _ask(self, answers: Answers, due: Sequence[Due], total: int) -> None:
        from sracl.llm_providers.causal_model import CausalModel
        from sracl.llm_providers.local_session import LocalSession

        device, precision = self._placed
        model = CausalModel(self._pretrained, device=device, precision=precision)
        session = LocalSession(
            model,
            answers,
            temperature=self.temperature,
            top_p=self.top_p,
            attempts=self.attempts,
            batch_size=self.batch_size,
            progress=self.progress,
        )
        session.settle(due, total)
