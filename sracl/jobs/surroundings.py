"""The environment of a job: what decides what it does is written down when it is queued, and nothing that may be secret is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.invocation import import_path

if TYPE_CHECKING:
    from pathlib import Path

_DECIDES = re.compile(r"(SRACL|OMP|GOMP|MKL|HF|TRANSFORMERS|PYTORCH)_|(PYTHONPATH|OPENAI_BASE_URL)$")
_OF_THE_QUEUE = re.compile(r"SRACL_(JOB|SLOTS|WORKER_LOCK)$")
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|AUTH", re.IGNORECASE)
USER_IN_ADDRESS = re.compile(r"://[^/\s]*@")


def written_down(values: Mapping[str, Any], *first: Path) -> dict[str, str]:
    """The variables of this process that a job is to have, whoever starts it and wherever.

    Args:
        values: Of its run; a variable that they name, such as that of a key, is left out.
        first: Folders that its modules are looked for in first.
    """
    named = set(_texts(values))
    kept = {name: value for name, value in os.environ.items() if _is_kept(name, value) and name not in named}
    places = {
        "SRACL_HOME": str(paths.project()),
        "SRACL_DB": str(paths.store_file()),
        "SRACL_CACHE_DIR": str(paths.cache()),
        "SRACL_CONFIG_DIR": str(paths.config()),
        "SRACL_CLAIMS": str(paths.claims()),
        "SRACL_DATA": os.pathsep.join(str(folder) for folder in paths.data_folders()),
    }
    return {**kept, **places, **import_path(*first), "PYTHONUNBUFFERED": "1"}


def left_to_the_worker() -> dict[str, str]:
    """The variables of this process that no job writes down: keys, and how the machine is set up."""
    return {name: value for name, value in os.environ.items() if not _is_kept(name, value) and not _OF_THE_QUEUE.match(name)}


def _is_kept(name: str, value: str) -> bool:
    return bool(_DECIDES.match(name)) and not (_OF_THE_QUEUE.match(name) or SECRET.search(name) or USER_IN_ADDRESS.search(value))


def _texts(value: Any) -> list[str]:
    """Every text among the values of a run."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return [text for each in inner for text in _texts(each)]
