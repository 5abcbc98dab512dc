"""Causal language models small enough to be made on the spot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""The form of a chat."""
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHAT
"""One that knows no instruction apart from the request."""
THINKING = CHAT + "{% if enable_thinking is defined and not enable_thinking %}no thoughts{% endif %}"
"""One that can be told to do without a chain of thought."""
END = "</s>"

_LINES = [
    "Blue ballpoint pens, fine point, box of twelve",
    "Lavender shampoo for curly hair",
    "Steel stapler with one thousand staples",
    "You describe what customers look for, in one sentence.",
]


def random_model(folder: Path, *, chat: str | None = None) -> Path:
    """GPT-2 of random weights, two layers of width 32 and 256 positions, which ends its answers by chance after some ten tokens."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(_LINES, vocab_size=320, special_tokens=[END, "<|system|>", "<|user|>", "<|assistant|>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, eos_token=END)  # type: ignore[no-untyped-call]
    tokenizer.chat_template = chat
    torch.manual_seed(1)
    size = len(tokenizer)
    config = GPT2Config(vocab_size=size, n_positions=256, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        # an answer that wanders: the end is as likely at every place, and no place is like the one before
        model.transformer.wte.weight.normal_(std=0.3)
        model.transformer.wpe.weight.normal_(std=1.0)
        direction = torch.nn.functional.normalize(torch.randn(32), dim=0)
        model.transformer.wte.weight[0] = 2.0 * direction
        model.transformer.ln_f.bias += direction  # type: ignore[misc]
    return _saved(folder, tokenizer, model)


def chain_model(folder: Path, chances: Mapping[str, Mapping[str, float]]) -> Path:
    """A Markov chain of words, as a model: each word decides the next by these chances; a prompt counts by its last word.

    Words are separated by white space in prompts and by nothing in answers; those that have no chances of their own go on as
    `<unk>` does.
    """
    words = list(dict.fromkeys(["<unk>", END, *chances, *(word for next_of in chances.values() for word in next_of)]))
    numbers = {word: number for number, word in enumerate(words)}
    backend = Tokenizer(WordLevel(numbers, unk_token="<unk>"))
    backend.pre_tokenizer = WhitespaceSplit()
    backend.decoder = Fuse()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", eos_token=END)  # type: ignore[no-untyped-call]
    size = len(words) + len(words) % 2
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=size,
        intermediate_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=None,
    )
    torch.manual_seed(1)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        # a state is the word itself, of length √size after the last norm; attention and feed-forward add nothing
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(len(words), size))
        model.lm_head.weight.fill_(-20.0)
        for word in words:
            for following, chance in chances.get(word, chances["<unk>"]).items():
                model.lm_head.weight[numbers[following], numbers[word]] = math.log(chance) / math.sqrt(size)
    return _saved(folder, tokenizer, model)


def _saved(folder: Path, tokenizer: PreTrainedTokenizerFast, model: torch.nn.Module) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)  # type: ignore[operator]
    tokenizer.save_pretrained(folder)
    return folder
