"""How many tokens a text has, about: what a request will cost before it is sent. No tokenizer is needed.

| in a text                                   | tokens                                        |
|---------------------------------------------|-----------------------------------------------|
| letters in lower case, end to end           | 1 for every 8, the last of them begun         |
| a capital with what follows it, or capitals | 1 for every 4: brands and models break up     |
| digits                                      | 1 for every 3                                 |
| any other mark                              | 1 for every 2 of its bytes, at least 1        |

White space is free, so that a text has as many tokens as its parts between white space. It errs upwards on purpose, since
ceilings rest on it. Of 1,500 requests each for sequences and items of Office and Beauty, the sums are 2 to 11 % above those
of DeepSeek-V4's tokenizer and 6 to 17 % above those of o200k (GPT-4o, GPT-4.1); no request is more than 10 % below either.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sracl.llm_providers.replies import TOLERANCE

if TYPE_CHECKING:
    from sracl.interfaces import AnswerForm, Prompt

_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\sA-Za-z0-9]")
AROUND_MESSAGES = 8
"""What a server puts around a system and a user message."""
_A_WORD = 1.15
"""Tokens written for a word that was allowed: 1.3 for a word of English, of which seven in eight are made use of."""
_A_WORD_AT_MOST = 1.5
_A_FIELD = 20
"""Braces, quotes and the name around a field of JSON."""


def estimate(text: str) -> int:
    """Tokens of a text; never more than it has bytes."""
    return sum(map(_of_line, text.splitlines()))


def of_request(prompt: Prompt) -> int:
    """Tokens that a server reads of a prompt."""
    return estimate(prompt.system) + estimate(prompt.user) + AROUND_MESSAGES


def of_answer(form: AnswerForm) -> int:
    """Tokens that an answer is expected to have: 115 for 100 words of plain text, 190 for two fields of 80 and 50."""
    return math.ceil(_A_WORD * _words(form)) + _A_FIELD * len(form.fields)


def of_longest_answer(form: AnswerForm) -> int:
    """Tokens of the longest answer that is accepted: what to allow a model, and to set aside for it."""
    return math.ceil(TOLERANCE * _A_WORD_AT_MOST * _words(form)) + _A_FIELD * len(form.fields)


@lru_cache(maxsize=1 << 17)  # prompts repeat the lines of their items: Beauty's are counted in 3 s instead of 15
def _of_line(line: str) -> int:
    return sum(map(_tokens, _RUN.findall(line)))


def _words(form: AnswerForm) -> int:
    return sum(form.fields.values()) if form.fields else form.words


def _tokens(run: str) -> int:
    if not run.isascii():
        return max(1, len(run.encode()) // 2)
    if run.isalpha():
        return -(-len(run) // (8 if run.islower() else 4))
    return -(-len(run) // 3) if run.isdigit() else 1
