"""Where shipped, project and user files live.

| what                         | where                                                              |
|------------------------------|--------------------------------------------------------------------|
| cards and recipes we ship    | `_shipped/` inside a wheel, beside the package in a checkout       |
| store, locks, runs           | the project: `SRACL_HOME`, or the nearest folder above with `.sracl`, or here |
| which job has which device   | `SRACL_CLAIMS`, or a folder of the user's among the temporary files |
| texts, vectors, neighbours; what was downloaded | `SRACL_CACHE_DIR`, or the user's cache folder   |
| keys and theme of a user     | `SRACL_CONFIG_DIR`, or the user's settings folder                  |
| data sets                    | folders listed in `SRACL_DATA`, then the user's data folder        |
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """`registry` or `recipes` as shipped: inside the wheel, or beside the package in a checkout."""
    inside = _PACKAGE / "_shipped" / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def checkout() -> Path | None:
    """The folder of a checkout that sracl runs from; None where it is installed."""
    return _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else None


def project() -> Path:
    """The folder whose `.sracl` holds the store; the current one when there is none yet."""
    if home := os.environ.get("SRACL_HOME"):
        return Path(home).expanduser().resolve()
    here = Path.cwd().resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".sracl").is_dir()), here)


def store_file() -> Path:
    """The SQLite file of the project (`SRACL_DB` overrides)."""
    if chosen := os.environ.get("SRACL_DB"):
        return Path(chosen).expanduser().resolve()
    return project() / ".sracl" / "store.db"


def worker_lock() -> Path:
    """Held by every worker of the project, as long as it lives."""
    return store_file().with_name("worker.lock")


def worker_log() -> Path:
    """What workers that nobody watches have to say."""
    return store_file().with_name("worker.log")


def claims() -> Path:
    """Which job of which project has which device of this machine; it need not outlive a restart."""
    if chosen := os.environ.get("SRACL_CLAIMS"):
        return Path(chosen).expanduser().resolve()
    return Path(tempfile.gettempdir()) / f"sracl-claims-{os.getuid()}"


def run_folder(run_id: str) -> Path:
    """Plan, checkpoints and artifacts of one run."""
    return project() / "runs" / run_id


def cache() -> Path:
    """Shared, content-addressed artifacts of the stages before training."""
    if chosen := os.environ.get("SRACL_CACHE_DIR"):
        return Path(chosen).expanduser().resolve()
    return Path(platformdirs.user_cache_dir("sracl"))


def downloads() -> Path:
    """Where `sracl data get` keeps the files it has downloaded, so that nothing is downloaded twice."""
    return cache() / "downloads"


def config() -> Path:
    """What a user likes, such as keys and the theme."""
    if chosen := os.environ.get("SRACL_CONFIG_DIR"):
        return Path(chosen).expanduser().resolve()
    return Path(platformdirs.user_config_dir("sracl"))


def data_folders() -> list[Path]:
    """Folders searched for data sets, in order."""
    listed = [Path(entry).expanduser().resolve() for entry in os.environ.get("SRACL_DATA", "").split(os.pathsep) if entry]
    return list(dict.fromkeys([*listed, user_data()]))


def user_data() -> Path:
    """Where `sracl data import` puts data sets."""
    return Path(platformdirs.user_data_dir("sracl")) / "data"
