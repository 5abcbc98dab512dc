"""A backbone of somebody else, installed beside sracl, trains from a recipe; a broken one harms nobody else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.support.plugins import broken_distribution, plugin_distribution
from tests.support.recipes import project, sracl_recipe, start


def sracl(arguments: Sequence[str], folders: Sequence[Path]) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr of `sracl ARGUMENTS` where these folders are on the import path."""
    process = start(*arguments, environment=project(folders[0]), before=partial(_install, folders))
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def _install(folders: Sequence[Path]) -> None:
    sys.path[:0] = map(str, folders)


def test_a_third_partys_backbone_trains_from_a_recipe_beside_a_broken_one(tmp_path: Path) -> None:
    folders = [plugin_distribution(tmp_path / "mine"), broken_distribution(tmp_path / "theirs")]
    recipe = sracl_recipe(tmp_path, users=60, epochs=2)
    recipe.write_text(
        recipe.read_text().replace('use = "sasrec"\nhidden_size = 16\ninner_size = 32', 'use = "mean_of_items"\nhidden_size = 16')
    )
    plain = ["--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu"]  # no texts
    code, out, err = sracl(["run", str(recipe), *plain], folders)
    assert code == 0, err
    assert "small" in out

    twin = tmp_path / "twin.toml"
    twin.write_text(recipe.read_text().replace('"mean_of_items"', '"broken"'))
    code, _, err = sracl(["run", str(twin), *plain], folders)
    assert code == 9
    assert "broken-lab" in err
    assert "a_library_that_nobody_has" in err
    assert "Traceback" not in err
