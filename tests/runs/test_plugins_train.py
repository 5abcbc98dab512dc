"""A backbone of somebody else, installed beside sracl, trains from a recipe; a broken one harms nobody else."""

from __future__ import annotations

from pathlib import Path

from tests.support.plugins import broken_distribution, plugin_distribution, sracl
from tests.support.recipes import sracl_recipe


def test_a_third_partys_backbone_trains_from_a_recipe_beside_a_broken_one(tmp_path: Path) -> None:
    folders = [plugin_distribution(tmp_path / "mine"), broken_distribution(tmp_path / "theirs")]
    recipe = sracl_recipe(tmp_path, users=60, epochs=2)
    recipe.write_text(
        recipe.read_text().replace('use = "sasrec"\nhidden_size = 16\ninner_size = 32', 'use = "mean_of_items"\nhidden_size = 16')
    )
    plain = ["--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu"]  # no texts
    place = {"SRACL_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    done = sracl(["run", str(recipe), *plain], folders, **place)
    assert done.returncode == 0, done.stderr
    assert "small" in done.stdout

    twin = tmp_path / "twin.toml"
    twin.write_text(recipe.read_text().replace('"mean_of_items"', '"broken"'))
    failed = sracl(["run", str(twin), *plain], folders, **place)
    assert failed.returncode == 9
    assert "broken-lab" in failed.stderr
    assert "a_library_that_nobody_has" in failed.stderr
    assert "Traceback" not in failed.stderr
