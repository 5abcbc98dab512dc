"""Distributions of other people, made for a test: a folder to put on the import path."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MEAN_BACKBONE = '''
"""A backbone of another laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from sracl.backbones.base import Backbone, initialise

if TYPE_CHECKING:
    from sracl.interfaces import MaskMode, SequenceSpec, Want


class MeanOfItems(Backbone):
    """The mean of the items so far, through one linear layer.

    Args:
        spec: Item count and longest sequence.
        hidden_size: d, width of an item vector.
    """

    def __init__(self, spec: SequenceSpec, *, hidden_size: Annotated[int, Field(ge=1)] = 16) -> None:
        super().__init__(spec)
        self.item_embedding = nn.Embedding(spec.num_items + 1, hidden_size, padding_idx=0)
        self.linear = nn.Linear(hidden_size, hidden_size)
        initialise(self)

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "causal", want: Want = "last") -> Tensor:
        real = (items > 0).unsqueeze(-1)
        seen = real.cumsum(1).clamp(min=1)
        states = self.linear(torch.cumsum(self.item_embedding(items), 1) / seen) * real
        return states[:, -1] if want == "last" else states
'''

BROKEN_MODULE = '''
import a_library_that_nobody_has


class Broken:
    """A backbone whose module cannot be imported."""

    def __init__(self, spec, *, hidden_size: int = 16) -> None:
        self.spec = spec
'''


def plugin_distribution(
    folder: Path,
    *,
    name: str = "my-lab",
    modules: Mapping[str, str] | None = None,
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
) -> Path:
    """Write an installed distribution: modules, and metadata with entry points.

    Args:
        folder: Where it is installed; goes on the import path (see `python`).
        name: Of the distribution.
        modules: Path below the folder -> text; `my_lab_models.py` with `MEAN_BACKBONE` by default.
        entry_points: Group -> name -> value; `mean_of_items` in `sracl.backbones` by default.

    Returns:
        The folder.
    """
    for path, text in (modules or {"my_lab_models.py": MEAN_BACKBONE}).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = entry_points or {"sracl.backbones": {"mean_of_items": "my_lab_models:MeanOfItems"}}
    lines = [
        line for group, points in groups.items() for line in (f"[{group}]", *(f"{key} = {value}" for key, value in points.items()), "")
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return folder


def broken_distribution(folder: Path) -> Path:
    """The twin of the default distribution whose backbone cannot be imported."""
    return plugin_distribution(
        folder,
        name="broken-lab",
        modules={"broken_lab_models.py": BROKEN_MODULE},
        entry_points={"sracl.backbones": {"broken": "broken_lab_models:Broken"}},
    )


def python(arguments: Sequence[str], folders: Sequence[Path], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter with folders on its import path, in the first of them."""
    path = os.pathsep.join(map(str, (*folders, ROOT)))
    environment = {**os.environ, "PYTHONPATH": path, "SRACL_HOME": str(folders[0]), **variables}
    return subprocess.run([sys.executable, *arguments], env=environment, cwd=folders[0], capture_output=True, text=True, timeout=120)


def sracl(arguments: Sequence[str], folders: Sequence[Path], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with folders on its import path."""
    return python(["-c", "import sys; from sracl.cli.app import main; sys.exit(main())", *arguments], folders, **variables)
