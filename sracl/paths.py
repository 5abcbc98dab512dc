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
import re
import tempfile
from pathlib import Path

import platformdirs

from sracl.errors import UsageError

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
    if home := _chosen("SRACL_HOME"):
        return home
    here = Path.cwd().resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".sracl").is_dir()), here)


def store_file() -> Path:
    """The SQLite file of the project (`SRACL_DB` overrides)."""
    if chosen := _chosen("SRACL_DB"):
        return chosen
    return project() / ".sracl" / "store.db"


def worker_lock() -> Path:
    """Held by every worker of the project, as long as it lives."""
    return store_file().with_name("worker.lock")


def worker_log() -> Path:
    """What workers that nobody watches have to say."""
    return store_file().with_name("worker.log")


def claims() -> Path:
    """Which job of which project has which device of this machine; it need not outlive a restart."""
    if chosen := _chosen("SRACL_CLAIMS"):
        return chosen
    return Path(tempfile.gettempdir()) / f"sracl-claims-{os.getuid()}"


def run_folder(run_id: str) -> Path:
    """Plan, checkpoints and artifacts of one run."""
    return project() / "runs" / run_id


def cache() -> Path:
    """Shared, content-addressed artifacts of the stages before training."""
    if chosen := _chosen("SRACL_CACHE_DIR"):
        return chosen
    return Path(platformdirs.user_cache_dir("sracl"))


def downloads() -> Path:
    """Where `sracl data get` keeps the files it has downloaded, so that nothing is downloaded twice."""
    return cache() / "downloads"


def config() -> Path:
    """What a user likes, such as keys and the theme."""
    if chosen := _chosen("SRACL_CONFIG_DIR"):
        return chosen
    return Path(platformdirs.user_config_dir("sracl"))


def data_folders() -> list[Path]:
    """Folders searched for data sets, in order."""
    listed = [Path(entry).expanduser().resolve() for entry in os.environ.get("SRACL_DATA", "").split(os.pathsep) if entry]
    return list(dict.fromkeys([*listed, user_data()]))


def user_data() -> Path:
    """Where `sracl data import` puts data sets."""
    return Path(platformdirs.user_data_dir("sracl")) / "data"


def _chosen(variable: str) -> Path | None:
    """The path in an environment variable; None where that is not set.

    Raises:
        UsageError: It is an address; not repeated, since a password may stand in it.
    """
    value = os.environ.get(variable)
    if value and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value):
        kind = "file, in which SQLite keeps the store: no other database is used" if variable == "SRACL_DB" else "folder of this machine"
        raise UsageError(f"{variable} should name a {kind}. It holds an address (…://…), which is not repeated here.")
    return Path(value).expanduser().resolve() if value else None
