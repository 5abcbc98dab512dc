from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sracl import paths
from sracl.cli.app import main
from sracl.recipes.flat import flat
from sracl.recipes.shipped import shipped_recipes
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping


pytestmark = pytest.mark.usefixtures("empty_project")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Mapping[str, Any]:
    answer = json.loads(shown(capsys, *arguments, "--json"))
    assert (answer["schema"], len(answer["data"])) == (1, 1)
    found: Mapping[str, Any] = answer["data"][0]
    return found


def test_a_prompt_is_shown_as_it_is_written_with_the_form_of_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "prompts/products")
    assert "\nitem\n  title: {title}\n  brand: {brand}\n" in text
    assert '{answer}\n  {"description": "at most 80 words about the entry", ' in text
    assert '"required": ["description", "buyers"]' in text
    assert "system = " not in text
    assert as_json(capsys, "prompts/purchases")["answer"] == {"words": 100}


def test_a_prompt_of_ones_own_is_shown_by_its_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = (paths.shipped("registry") / "prompts" / "purchases.toml").read_text("utf-8").replace('name = "purchases"', 'name = "mine"')
    (tmp_path / "mine.toml").write_text(words)
    text = shown(capsys, str(tmp_path / "mine.toml"))
    assert text.startswith("prompt mine\n")
    assert text.partition("\nsystem\n")[2] == shown(capsys, "prompts/purchases").partition("\nsystem\n")[2] != ""
    assert as_json(capsys, str(tmp_path / "mine.toml"))["card"] == str(tmp_path / "mine.toml")
    (tmp_path / "mine.toml").write_text(words.replace("describes =", "describe ="))
    assert main(["show", str(tmp_path / "mine.toml")]) == 9
    wrong = capsys.readouterr().err
    assert wrong.startswith(f"{tmp_path / 'mine.toml'} is no valid card:\n  describe")
    assert "recipe" not in wrong


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", *arguments]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    return written.err


def test_a_component_is_its_card_joined_with_its_signature(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "nt_xent")
    line = next(line for line in text.splitlines() if line.startswith("temperature"))
    assert line.split("  ")[0] == "temperature"
    for part in ("float", "1.0", "a number above 0", "τ"):
        assert part in line
    assert "anchor, positive" in text
    assert "exp(" in text  # the equation of the docstring
    assert "Args:" not in text


def test_a_component_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    data = as_json(capsys, "backbones/sasrec")
    assert data["entry"] == "sracl.backbones.sasrec:SASRec"
    assert data["given"] == ["spec"]
    assert "1808.09781" in data["paper"]
    file, _, line = data["source"].rpartition(":")
    assert Path(file).resolve().read_text().splitlines()[int(line) - 1].startswith("class SASRec")
    size = next(parameter for parameter in data["parameters"] if parameter["name"] == "hidden_size")
    assert (size["type"], size["accepts"], size["symbol"]) == ("int", "an integer of at least 1", "d")


def test_a_required_slot_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    loss = next(parameter for parameter in as_json(capsys, "cross_sequence")["parameters"] if parameter["name"] == "loss")
    assert (loss["type"], loss["default"], loss["slot"]) == ("ContrastiveLoss", "required", "loss")


def test_ranges_survive_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert "[0, 1)" in shown(capsys, "backbones/sasrec")


def test_a_name_of_several_things_asks_which(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "sasrec")
    assert "backbones/sasrec" in text
    assert "methods/sasrec" in text


def test_a_kind_may_be_named_in_the_singular(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "backbone/sasrec") == shown(capsys, "backbones/sasrec")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("nt_xnt", "nt_xent"), ("backbones/sasre", "sasrec"), ("ablation_unlernable", "ablation_unlearnable"), ("beuty", "beauty")],
)
def test_an_unknown_name_is_answered_with_the_nearest_of_everything(name: str, nearest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"Did you mean '{nearest}'?" in refused(capsys, name)


def test_a_class_without_registration_wants_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert "backbones/my_lab:Mine" in refused(capsys, "my_lab:Mine")


def test_a_data_set_has_counts_and_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SRACL_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert f"nowhere; looked for {tmp_path / 'office'}" in " ".join(shown(capsys, "office").split())
    (tmp_path / "office").mkdir()
    (tmp_path / "office" / "interactions.tsv").write_text("user\titem\n")
    text = shown(capsys, "office")
    assert "users 4905, items 2420, interactions 53258" in text  # SRA-CL, Table 1
    assert ["found", str(tmp_path / "office")] in [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("name", [name for name in shipped_recipes() if name.startswith("methods/")])
def test_a_recipe_that_is_listed_is_shown_though_no_method_is_called_like_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert name in shown(capsys, name)


def test_a_method_has_its_paper_recipes_and_parts(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "sracl")
    for part in ("2503.04162", "methods/sracl", "results/sracl-table3", "synthesizers/attention", "objective.cross.weight"):
        assert part in text


def test_published_figures_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split() for line in shown(capsys, "sracl-table3").splitlines()]
    assert ["office", "SRA-CL", "0.1702", "0.0725"] in lines  # SRA-CL, Table 3


def test_a_metric_is_its_definition_at_the_cutoff_that_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "valid.NDCG@20")
    assert text.startswith("metric ndcg@20\n")
    assert "NDCG@20 = 1/U Σ_u [r_u ≤ 20] / log2(r_u + 1)" in text
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line]
    assert ["range", "[0, 1]; at most HR@20"] in lines
    assert ["better", "higher"] in lines
    assert "Recall@K" in shown(capsys, "hr")
    assert as_json(capsys, "recall@5") == as_json(capsys, "hr@5")
    assert as_json(capsys, "hr@5")["groups"] == ["all", "history<7", "history7-10", "history>10", "target-head", "target-tail"]
    assert as_json(capsys, "coverage@5")["groups"] == ["all"]


def test_what_is_no_metric_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'ndcg@10'?" in refused(capsys, "ndgc@10")
    for cutoff in ("0", "", "ten"):
        assert "is how many items of a list count, as in ndcg@10" in refused(capsys, f"ndcg@{cutoff}")


def test_a_recipe_is_its_plan_and_its_variants_their_differences(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "ablation_unlearnable")
    assert "5 variants, seeds 2024, 2025" in text
    unlearnable = text.partition("Unlearnable, in difference to the first:")[2].partition("\n\n")[0]
    assert ["objective.cross.synthesizer.use", '"random"'] in [line.split() for line in unlearnable.splitlines()]
    without = text.partition("w/o cross, in difference to the first:")[2].partition("\n\n")[0]
    assert ["objective.cross", "absent"] in [line.split() for line in without.splitlines()]


def test_origins_of_a_recipe_name_files_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "methods/sasrec", "--origin")
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ") and len(line.split()) > 2}
    recipe = (paths.shipped("recipes") / "methods" / "sasrec.toml").read_text().splitlines()
    number = int(lines["backbone.hidden_size"].rpartition(":")[2])
    assert recipe[number - 1].startswith("hidden_size")
    assert "default" in lines["backbone.inner_size"]


def test_a_recipe_as_json_has_every_run(capsys: pytest.CaptureFixture[str]) -> None:
    data = as_json(capsys, "ablation_unlearnable")
    assert len(data["runs"]) == 5 * 2  # variants x seeds
    assert {run["seed"] for run in data["runs"]} == {2024, 2025}
    assert all(len(run["digest"]) == 64 for run in data["runs"])


def test_a_file_is_shown_as_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('# Mine.\nrecipe = 1\nextends = "methods/sasrec"\nname = "mine"\nseeds = [1]\n[backbone]\nhidden_size = 32\n')
    text = shown(capsys, str(file), "--origin")
    line = next(line for line in text.splitlines() if "backbone.hidden_size" in line)
    assert line.split()[1] == "32"
    assert line.rstrip().endswith("mine.toml:7")


def test_flat_values_have_the_paths_of_set() -> None:
    values = {"a": {"b": 1}, "objective": [{"id": "next", "weight": 1.0, "views": [{"use": "crop"}]}], "cutoffs": [5, 10]}
    assert dict(flat(values)) == {"a.b": 1, "objective.next.weight": 1.0, "objective.next.views.0.use": "crop", "cutoffs": [5, 10]}


def register(*run_ids: str) -> None:
    """Runs of the recipe mine.toml."""
    with Store.open(paths.store_file()) as store:
        store.recipe("mine", {}, "mine.toml")
        for run_id in run_ids:
            store.register(
                run_id=run_id,
                digest=run_id,
                recipe="mine",
                variant="",
                cell={},
                seed=1,
                label="mine",
                dataset="demo",
                values={"backbone": {"use": "sasrec"}},
                origins={"backbone.use": "mine.toml:3"},
                leaky=(),
                folder="runs/x",
                environment={},
            )


def test_a_run_is_found_by_the_beginning_of_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    register("abc123", "abd456")
    text = shown(capsys, "abc")
    assert "run abc123" in text
    assert "planned" in text
    assert ["backbone.use", '"sasrec"'] in [line.split() for line in text.splitlines()]
    assert "mine.toml:3" in shown(capsys, "abc", "--origin")
    assert "abc123" in refused(capsys, "ab")
    assert "abd456" in refused(capsys, "ab")


def test_a_run_that_is_done_is_shown_with_its_final_figures(capsys: pytest.CaptureFixture[str]) -> None:
    register("abc123")
    with Store.open(paths.store_file()) as store:
        store.metrics("abc123", split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": 0.25}, count=100)
        store.metrics("abc123", split="test", protocol={"seen_items": "keep"}, group="history<7", values={"hr@10": math.nan}, count=40)
    assert shown(capsys, "abc").splitlines()[-3:] == [
        "  test, seen items kept     all  history<7",
        "  users                     100         40",
        "  hr@10                  0.2500        nan",
    ]
    figures = as_json(capsys, "abc")["figures"]
    assert [(figure["group"], figure["value"], figure["protocol"]["seen_items"]) for figure in figures] == [
        ("all", 0.25, "keep"),
        ("history<7", None, "keep"),
    ]


def test_the_run_that_validates_best_is_shown_or_it_is_said_why_none_is(capsys: pytest.CaptureFixture[str]) -> None:
    register("abc123", "abd456")
    with Store.open(paths.store_file()) as store:
        for run_id, value in {"abc123": 0.2, "abd456": 0.1}.items():
            store.metrics(run_id, split="valid", protocol={"seen_items": "keep"}, group="all", values={"hr@10": value}, count=100)
            store.finish(run_id, "completed")
    assert "run abc123" in shown(capsys, "@best:hr@10")
    assert "no run was validated in 'hr@11'. Did you mean 'hr@10'?" in refused(capsys, "@best:hr@11")


def test_the_name_of_a_recipe_that_was_run_leads_to_its_file_and_runs(capsys: pytest.CaptureFixture[str]) -> None:
    register("abc123", "abd456")
    assert "'mine' is a recipe that was run here; show its file, mine.toml, or one of its runs: abc123, abd456." in refused(capsys, "mine")
    assert "Nothing is called 'yours'" in refused(capsys, "yours")
