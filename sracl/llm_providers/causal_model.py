"""A causal language model on this machine: writes answers to prompts, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM, GenerationConfig, LogitsProcessorList

from sracl.errors import ResourceError
from sracl.llm_providers.draws import SeededDraws

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.pretrained import Pretrained


@dataclass(frozen=True)
class Written:
    """What the model wrote."""

    text: str
    tokens_in: int
    tokens_out: int
    is_cut: bool
    """Whether it would have gone on."""


class CausalModel:
    """Tokenizer and model, on their device."""

    def __init__(self, pretrained: Pretrained, *, device: torch.device, precision: str) -> None:
        """Load them.

        Args:
            pretrained: The model.
            device: Where it runs.
            precision: Of its weights and states, as torch names it.

        Raises:
            ResourceError: Its files cannot be loaded or are those of a model that does not write, or its device is too small.
        """
        self.name = pretrained.model
        self._tokenizer, model, random = pretrained.load(AutoModelForCausalLM, dtype=getattr(torch, precision))
        if random:
            raise ResourceError(f"the model '{self.name}' is no causal language model, for it comes without {random[0]}")
        try:
            self._model = model.to(device)
        except torch.OutOfMemoryError as error:
            raise ResourceError(
                f"the model '{self.name}' does not fit into the memory of the GPU; a smaller one may, and device = 'cpu' does without."
            ) from error
        self._device = device
        self._ends = _ends(model, self._tokenizer)
        self._padding = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else next(iter(self._ends), 0)
        # what a model's authors suggest for chats, such as penalties for words that a prompt has, is not asked for here
        model.generation_config = GenerationConfig(eos_token_id=sorted(self._ends) or None, pad_token_id=self._padding)  # type: ignore[no-untyped-call]
        self.context: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        """Tokens of prompt and answer together; None for no limit that is known."""

    def read(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """The tokens of a prompt: in the model's own form of a chat, or as plain text where it has none.

        Raises:
            ResourceError: The form of a chat takes no such prompt.
        """
        whole = "\n\n".join(message["content"] for message in messages)
        if not self._tokenizer.chat_template:
            return list(self._tokenizer(f"{whole}\n\n", verbose=False)["input_ids"])
        try:
            text = self._chat(messages)
        except TemplateError:  # some know no instruction apart from the request
            text = self._chat_of_one(whole)
        return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def write(
        self, prompts: Sequence[Sequence[int]], limit: int, *, temperature: float, top_p: float, seeds: Sequence[int]
    ) -> list[Written]:
        """An answer to each prompt.

        Padding stands on the left and is not seen, so that an answer does not depend on the prompts beside it, but for the
        last bits of what is computed: they can turn a tie between two tokens.

        Args:
            prompts: Tokens of each.
            limit: Tokens of an answer at most.
            temperature: 0 for the likeliest token at every step.
            top_p: Part of the probability that tokens are drawn from.
            seeds: Of each prompt's draws.

        Raises:
            torch.OutOfMemoryError: They are too many for the memory of a GPU.
        """
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self._padding)
        seen = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            seen[row, width - len(prompt) :] = 1
        draws = LogitsProcessorList()
        if temperature > 0:
            draws.append(SeededDraws(seeds, temperature=temperature, top_p=top_p, begin=width, steps=limit))
        with torch.inference_mode():
            found = self._model.generate(
                ids.to(self._device),
                attention_mask=seen.to(self._device),
                do_sample=False,
                max_new_tokens=limit,
                logits_processor=draws,
            )
        rows = found[:, width:].tolist()
        return [self._written(prompt, row) for prompt, row in zip(prompts, rows, strict=True)]

    def _chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        # a description needs no chain of thought, and templates that know of none do not read the word
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False))

    def _chat_of_one(self, whole: str) -> str:
        try:
            return self._chat([{"role": "user", "content": whole}])
        except TemplateError as error:
            raise ResourceError(f"the chat template of the model '{self.name}' takes no request: {error}") from error

    def _written(self, prompt: Sequence[int], tokens: Sequence[int]) -> Written:
        end = next((place for place, token in enumerate(tokens) if token in self._ends), None)
        text = str(self._tokenizer.decode(tokens[:end], skip_special_tokens=True)).strip()
        return Written(text, len(prompt), len(tokens) if end is None else end + 1, end is None)


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """Tokens that end an answer: chat models have several."""
    named = model.generation_config.eos_token_id if model.generation_config.eos_token_id is not None else model.config.eos_token_id
    found = set(named if isinstance(named, list) else [named])
    return {token for token in (*found, tokenizer.eos_token_id) if token is not None}
