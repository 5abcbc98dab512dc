"""Vectors from a server that speaks the OpenAI protocol."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

import numpy as np
from pydantic import Field

from sracl import paths
from sracl.errors import BudgetError, DataError, ResourceError, SraclError
from sracl.registry import address
from sracl.text_encoders.paid import Paid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import openai
    from numpy.typing import NDArray

_HOME = "https://api.openai.com/v1"
_NO_KEY = "none"
"""Sent to a server of the user's own where no key is set; the client will not do without one."""
_FILE = "paid-vectors.db"
_CLIENT_WAITS = 120.0
"""Seconds of a Retry-After up to which the client waits by itself."""
_PAUSE_SECONDS = 0.5


class OpenAI:
    """Asks OpenAI, vLLM, Ollama or any other server with an `/embeddings` address for the vectors of texts.

    Vectors are kept in the cache folder as they arrive, by server, model, width and text: a run that was killed pays for
    those alone that were under way. The client itself tries again after a lost connection, a timeout, 429 and 5xx; longer
    waits that the server asks for are kept here.

    The key is read from the environment and is part of nothing that is written or printed.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: Annotated[str, Field(pattern=r"^https?://[^/@?#\s]+(/[^@?#\s]*)?$")] | None = None,
        api_key_env: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=40, exclude=True)] = "OPENAI_API_KEY",
        dimensions: Annotated[int, Field(ge=1)] | None = None,
        prompt: str = "",
        max_characters: Annotated[int, Field(ge=1)] = 8000,
        truncate: Literal["end", "start"] = "start",
        batch_size: Annotated[int, Field(ge=1, le=2048, exclude=True)] = 128,
        concurrency: Annotated[int, Field(ge=1, exclude=True)] = 8,
        retries: Annotated[int, Field(ge=0, exclude=True)] = 5,
        timeout: Annotated[float, Field(gt=0, exclude=True)] = 60.0,
        patience: Annotated[float, Field(ge=0, exclude=True)] = 600.0,
    ) -> None:
        """Look for the key; nothing is asked before the first call.

        Args:
            model: As the server calls it, such as `text-embedding-3-small`.
            base_url: Where the server is, such as `http://localhost:11434/v1`; by default OpenAI's.
            api_key_env: The environment variable that holds the key; a server of one's own may do without.
            dimensions: Width asked for, of models that have several; by default the model's own.
            prompt: Put before every text, for models that were trained with one.
            max_characters: Read of a text; a token is about four of English.
            truncate: The end that longer texts lose; by default the start, since a sequence's latest item comes last.
            batch_size: Texts per request.
            concurrency: Requests under way at a time.
            retries: Tries after the first, of each request.
            timeout: Longest time that a try may take, in seconds.
            patience: Longest time that a server may ask to wait, in seconds.

        Raises:
            ValueError: `base_url` is no address, or has a key in it; or it is missing where `OPENAI_BASE_URL` names a server, since
                vectors are kept by what the recipe says, and those of one server would be taken for another's.
            ResourceError: There is no key, and the server is not the user's own.
        """
        self.model = model
        if base_url is None and os.environ.get("OPENAI_BASE_URL", "").rstrip("/") not in ("", _HOME):
            raise ValueError(
                "OPENAI_BASE_URL names a server, and vectors are kept by what the recipe says: write base_url there, or unset the variable"
            )
        self.server = base_url or _HOME
        self.api_key_env = api_key_env
        self.dimensions = dimensions
        self.prompt = prompt
        self.max_characters = max_characters
        self.truncate = truncate
        self.batch_size = batch_size
        self.concurrency = concurrency
        self.retries = retries
        self.timeout = timeout
        self.patience = patience
        self.offline = False
        """Whether stored vectors alone are used; the run says so here."""
        self.facts: dict[str, Any] = {}
        """Model and server, and of the last call: texts asked for and found among those paid for before, tokens, texts cut."""
        self.progress: Callable[[int, int], None] | None = None
        """Told how many texts of how many are done, after every batch."""
        if objection := address.objection(self.server, key_env=api_key_env):
            raise ValueError(f"base_url {objection}")
        parts = urlsplit(self.server)
        self._host = parts.netloc
        if parts.hostname == urlsplit(_HOME).hostname and not os.environ.get(api_key_env):
            raise ResourceError(
                f"the text encoder 'openai' needs a key for {self._host}: set the environment variable {api_key_env}. A server of your "
                'own is named by base_url = "http://…"; text_encoder = { use = "lsa" } needs neither'
            )

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text, float32 [N, d]; zero for an empty text.

        Raises:
            ResourceError: The server cannot be had, refuses, or asks for more time than there is patience.
            BudgetError: The account is used up, or the disk is full.
            DataError: The server gave vectors that cannot be those of the texts, or vectors are missing and nobody may be asked.
        """
        written = [self._written(text) for text in texts]
        keys = {text: self._key(text) for text in dict.fromkeys(written) if text}
        paid = Paid(paths.cache() / _FILE)
        vectors = paid.find(list(keys.values()))
        due = [text for text, key in keys.items() if key not in vectors]
        self.facts = {
            "model": self.model,
            "server": self._host,
            "asked": len(due),
            "paid_before": len(keys) - len(due),
            "cut": sum(len(text) > self.max_characters for text in texts),
            "tokens": 0,
        }

        def keep(batch: Sequence[str], rows: NDArray[np.float32]) -> None:
            new = {keys[text]: row for text, row in zip(batch, rows, strict=True)}
            paid.keep(new)
            vectors.update(new)
            if self.progress is not None:
                self.progress(len(vectors), len(keys))

        if due and self.offline:
            raise DataError(
                f"{len(due):,} of {len(keys):,} vectors are not stored, and nobody may be asked. The same command without --offline asks."
            )
        if due:
            asyncio.run(self._fetch(due, keep))
        widths = {len(vector) for vector in vectors.values()}
        if len(widths) > 1:
            raise DataError(f"{self._host} gave vectors of {' and '.join(map(str, sorted(widths)))} dimensions for one model")
        nothing = np.zeros(widths.pop() if widths else 1, dtype=np.float32)
        return np.stack([vectors[keys[text]] if text else nothing for text in written]) if written else np.zeros((0, 1), dtype=np.float32)

    async def _fetch(self, due: Sequence[str], keep: Callable[[Sequence[str], NDArray[np.float32]], None]) -> None:
        """Ask for all of these, and pass each batch on as soon as it is there.

        The first failure ends it; what is under way by then is still waited for, since it is paid for.
        """
        import openai

        batches = iter([due[begin : begin + self.batch_size] for begin in range(0, len(due), self.batch_size)])
        failures: list[SraclError] = []
        key = os.environ.get(self.api_key_env) or _NO_KEY
        async with openai.AsyncOpenAI(api_key=key, base_url=self.server, timeout=self.timeout, max_retries=self.retries) as client:

            async def work() -> None:
                for batch in batches:
                    if failures:
                        return
                    try:
                        keep(batch, await self._ask(client, batch))
                    except SraclError as error:
                        failures.append(error)

            await asyncio.gather(*(work() for _ in range(self.concurrency)))
        if failures:
            raise failures[0]

    async def _ask(self, client: openai.AsyncOpenAI, batch: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of one batch, float32 [B, d]. Errors of the client are never passed on: they may quote the key."""
        import openai

        width = openai.omit if self.dimensions is None else self.dimensions
        waited, spoilt = 0.0, 0
        while True:
            try:
                answer = await client.embeddings.create(model=self.model, input=list(batch), dimensions=width)
                rows = self._rows(answer, len(batch))
                self.facts["tokens"] += answer.usage.total_tokens if answer.usage else 0
                return rows
            except openai.APIStatusError as error:
                seconds = _asked_to_wait(error)
                if error.code == "insufficient_quota":
                    raise BudgetError(
                        f"the account at {self._host} is used up; what was paid for is kept, and the same command goes on."
                    ) from None
                if seconds is None or waited + seconds > self.patience:
                    raise ResourceError(self._refusal(error, seconds)) from None
            except openai.APITimeoutError:
                raise ResourceError(f"{self._host} did not answer within {self.timeout:g} s, {self.retries + 1} times.") from None
            except openai.APIConnectionError:
                raise ResourceError(f"{self._host} cannot be reached; was `base_url` meant?") from None
            except (openai.APIResponseValidationError, AttributeError, TypeError, ValueError):
                # what comes of a body that is no answer: each of these, by how it is malformed
                spoilt, seconds = spoilt + 1, _PAUSE_SECONDS
                if spoilt > self.retries:
                    raise DataError(
                        f"{self._host} gave an answer that is no list of vectors. Is there an embedding model behind it?"
                    ) from None
            await asyncio.sleep(seconds)
            waited += seconds

    def _rows(self, answer: Any, count: int) -> NDArray[np.float32]:
        """The vectors of an answer, in the order of the texts."""
        ordered = sorted(answer.data, key=lambda entry: entry.index)
        widths = {len(entry.embedding) for entry in ordered}
        if [entry.index for entry in ordered] != list(range(count)) or len(widths) != 1:
            raise DataError(f"{self._host} gave {len(ordered)} vectors of {sorted(widths)} dimensions for {count} texts")
        if self.dimensions is not None and widths != {self.dimensions}:
            raise DataError(f"{self._host} gave vectors of {widths.pop()} dimensions, and asked for were {self.dimensions}")
        rows = np.array([entry.embedding for entry in ordered], dtype=np.float32)
        if not np.isfinite(rows).all():
            raise DataError(f"{self._host} gave vectors that hold values that are no numbers")
        return rows

    def _refusal(self, error: openai.APIStatusError, seconds: float | None) -> str:
        """Why the server will not answer; of its own words only a code, since they may quote the key."""
        if error.status_code in (401, 403):
            if not os.environ.get(self.api_key_env):
                return f"{self._host} wants a key ({error.status_code}): set {self.api_key_env}, or write api_key_env for another variable."
            return f"{self._host} refuses the key in {self.api_key_env} ({error.status_code})."
        if error.status_code == 404:
            return f"{self._host} knows no model '{self.model}', or has no embeddings (404)."
        if seconds is not None:
            return f"{self._host} asks to wait for {seconds:g} s, and the patience is {self.patience:g} s. What was paid for is kept."
        code = f", {error.code}" if error.code and error.code.isidentifier() else ""  # a key is none
        return f"{self._host} answered with an error ({error.status_code}{code}). What was paid for is kept, and the same command goes on."

    def _written(self, text: str) -> str:
        """What is sent of a text; empty for one that says nothing."""
        if not text.strip():
            return ""
        kept = text[-self.max_characters :] if self.truncate == "start" else text[: self.max_characters]
        return self.prompt + kept

    def _key(self, written: str) -> str:
        decisive = json.dumps([self.server, self.model, self.dimensions, written])
        return hashlib.sha256(decisive.encode()).hexdigest()


def _asked_to_wait(error: openai.APIStatusError) -> float | None:
    """Seconds of a Retry-After that is longer than the client waits by itself; None where there is none."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if seconds > _CLIENT_WAITS else None
