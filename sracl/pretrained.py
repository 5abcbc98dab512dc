"""Models that others have trained, from a folder or a hub: found at once, loaded when they are needed."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_PROBE_SECONDS = 1.0


class Pretrained:
    """A model that the transformers library can load.

    It is looked for in a local folder, then in the hub's cache; the network is used only where that is allowed.
    """

    def __init__(self, model: str, *, revision: str | None, download: bool, instead: Sequence[str]) -> None:
        """Find the model.

        Args:
            model: Local folder, or id on the hub.
            revision: Commit, tag or branch on the hub; None for the main branch.
            download: Whether a hub may be asked for a model that is not here.
            instead: What a recipe may take in its place, a line each, for the message if it cannot be had.

        Raises:
            ValueError: A folder is asked for a revision.
            ResourceError: The model cannot be had.
        """
        self.model = model
        self.revision = revision
        self._folder = Path(model).expanduser()
        if revision is not None and self._folder.is_dir():
            raise ValueError(f"{model} is a folder and has no revision {revision!r}")
        self._online = not self._is_here()
        if self._online:
            self._demand_reachable(instead, allowed=download)

    @property
    def name(self) -> str:
        """What it is called, wherever it lies: its id on the hub, or the name of its folder."""
        return self._folder.resolve().name if self._folder.is_dir() else self.model

    @property
    def commit(self) -> str | None:
        """The commit of a model in the hub's cache; None for any other."""
        from huggingface_hub import try_to_load_from_cache

        if self._folder.is_dir() or not self._is_hub_id():
            return None
        found = try_to_load_from_cache(self.model, "config.json", revision=self.revision)
        return Path(found).parent.name if isinstance(found, str) else None

    @property
    def identity(self) -> str:
        """What tells this model from all others: its commit, or the SHA-256 of all that its folder holds but hidden files.

        Raises:
            ResourceError: The hub was there a moment ago, and is not any longer.
        """
        if self._folder.is_dir():
            return _contents(self._folder)
        if self._online:
            from huggingface_hub import hf_hub_download

            try:
                hf_hub_download(self.model, "config.json", revision=self.revision)
            except OSError as error:
                raise self._unloadable(error) from error
        return self.commit or "unknown"

    def load(self, kind: Any, *, dtype: Any, **of_tokenizer: Any) -> tuple[Any, Any, list[str]]:
        """Tokenizer and model, and the names of weights that the model comes without and that are random now.

        Args:
            kind: The transformers class that loads it, such as `AutoModel`.
            dtype: torch's, of its weights.
            of_tokenizer: Options of the tokenizer.

        Raises:
            ResourceError: Its files cannot be loaded.
        """
        from safetensors import SafetensorError
        from transformers import AutoTokenizer
        from transformers.utils import logging

        source_of = {"local_files_only": not self._online, "revision": self.revision or "main"}
        source = str(self._folder) if self._folder.is_dir() else self.model
        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a bar for a tenth of a second, in the middle of others
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **of_tokenizer, **source_of)
            model, loading = kind.from_pretrained(source, output_loading_info=True, dtype=dtype, **source_of)
        except (OSError, ValueError, SafetensorError) as error:
            raise self._unloadable(error) from error
        finally:
            if bars:
                logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        return tokenizer, model.eval(), sorted(loading["missing_keys"])

    def _unloadable(self, error: Exception) -> ResourceError:
        return ResourceError(f"the model '{self.model}' was found but cannot be loaded: {str(error).strip().splitlines()[0]}")

    def _is_here(self) -> bool:
        """Whether the model is a local folder or in the hub's cache; the latter is seen from its configuration file."""
        if self._folder.is_dir():
            if not (self._folder / "config.json").is_file():
                raise ResourceError(f"the folder {self._folder} holds no model: it has no config.json")
            return True
        return self.commit is not None

    def _is_hub_id(self) -> bool:
        """Whether this has the form of an id, `name` or `owner/name`."""
        return _HUB_ID.fullmatch(self.model) is not None

    def _demand_reachable(self, instead: Sequence[str], *, allowed: bool) -> None:
        """Fail now, rather than after half a minute of retries, if the model cannot be fetched either."""
        from huggingface_hub import constants

        if not self._is_hub_id():
            reason = "there is no such folder"
        elif not allowed:
            reason = "it is neither a folder nor in the cache, and downloading is not allowed"
        elif constants.HF_HUB_OFFLINE:
            reason = "it is neither a folder nor in the cache, and HF_HUB_OFFLINE is set"
        elif not _answers(constants.ENDPOINT):
            reason = "it is neither a folder nor in the cache, and the hub does not answer"
        else:
            return
        at = f" at revision '{self.revision}'" if self.revision else ""
        ways = (
            'model = "<folder>" with config.json, weights and tokenizer, copied from elsewhere',
            "download = true, or a cache filled by another machine (HF_HOME)",
            *instead,
        )
        listed = "\n".join(f"    {way}" for way in ways)
        raise ResourceError(
            f"the model '{self.model}'{at} cannot be had: {reason}.\n  cache: {constants.HF_HUB_CACHE}\n  ways out:\n{listed}"
        )


def placement(device: str, precision: str, *, on_gpu: str) -> tuple[torch.device, str]:
    """The device and the precision that `auto` stands for: a GPU if there is one, and half precision on it.

    Args:
        device: `auto`, `cpu` or `cuda`.
        precision: Of weights and states, as torch names it, or `auto`.
        on_gpu: What `auto` is on a GPU; elsewhere it is float32.
    """
    import torch

    chosen = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else device.replace("auto", "cpu"))
    return chosen, (on_gpu if chosen.type == "cuda" else "float32") if precision == "auto" else precision


def _contents(folder: Path) -> str:
    """Of the names and bytes of its files; a gigabyte takes a second, and less than it takes to load.

    Hidden files are left out: the hub's client leaves the times of downloads in some, which differ between machines.
    """
    found = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = file.relative_to(folder)
        if any(part.startswith(".") for part in name.parts):
            continue
        with file.open("rb") as opened:
            found.update(f"{name}\n{hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return found.hexdigest()


def _answers(endpoint: str) -> bool:
    """Whether anything is heard from there within a second, be it a refusal."""
    try:
        with urllib.request.urlopen(endpoint, timeout=_PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
