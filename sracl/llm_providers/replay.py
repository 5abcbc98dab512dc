"""Descriptions that were written before, from a file."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from sracl.errors import DataError
from sracl.llm_providers.replies import BadReply, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sracl.interfaces import Prompt

_SHOWN = 80


class Replay:
    """Answers each prompt as a file says that it was answered; asks nobody.

    The file has one JSON object a line, with `system`, `user` and `reply`; further keys are not read. It may be gzipped
    (`.gz`). An answer belongs to the exact words of its prompt: where the wording or the data have changed, it is missing.
    """

    def __init__(self, *, file: str) -> None:
        """Name the file; it is read at the first call.

        Args:
            file: JSON lines with `system`, `user` and `reply`, from the current folder.

        Raises:
            DataError: There is no such file.
        """
        self.file = Path(file).expanduser()
        if not self.file.is_file():
            raise DataError(f"the LLM provider 'replay' has no file {self.file.absolute()}")
        self._replies: dict[tuple[str, str], str] | None = None

    def __call__(self, prompts: Sequence[Prompt]) -> list[str]:
        """One text per prompt: what its reply says.

        Raises:
            DataError: Prompts without an answer, with their number; a reply that is no answer; a file that cannot be read.
        """
        if self._replies is None:
            self._replies = self._read()
        missing = [prompt for prompt in prompts if (prompt.system, prompt.user) not in self._replies]
        if missing:
            raise DataError(
                f"{self.file} has no answer to {len(missing):,} of {len(prompts):,} prompts, the first of which begins "
                f"{missing[0].user[:_SHOWN]!r}. Answers belong to the exact words of a prompt: was the file made with this data set "
                "and these prompts?"
            )
        return [self._answer(prompt, self._replies[prompt.system, prompt.user]) for prompt in prompts]

    def _answer(self, prompt: Prompt, reply: str) -> str:
        try:
            return parse(prompt, reply)
        except BadReply as error:
            raise DataError(f"{self.file}: the reply to the prompt that begins {prompt.user[:_SHOWN]!r} {error}") from error

    def _read(self) -> dict[tuple[str, str], str]:
        """Reply of every prompt in the file.

        Raises:
            DataError: A line is no answer, or one prompt has two of them.
        """
        replies: dict[tuple[str, str], str] = {}
        for number, line in enumerate(self._lines(), start=1):
            try:
                row = json.loads(line)
                system, user, reply = row["system"], row["user"], row["reply"]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{self.file}:{number}: should be a JSON object with system, user and reply") from error
            if not all(isinstance(text, str) for text in (system, user, reply)):
                raise DataError(f"{self.file}:{number}: system, user and reply should be strings")
            if replies.setdefault((system, user), reply) != reply:
                raise DataError(f"{self.file}:{number}: this prompt was answered differently on a line before")
        return replies

    def _lines(self) -> Iterator[str]:
        try:
            with gzip.open(self.file, "rt", encoding="utf-8") if self.file.suffix == ".gz" else self.file.open(encoding="utf-8") as lines:
                yield from lines
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise DataError(f"{self.file} cannot be read: {error}") from error
