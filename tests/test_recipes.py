"""Every recipe that is shipped resolves, and says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sracl import paths
from sracl.recipes.flat import flat
from sracl.recipes.plan import plan
from sracl.recipes.shipped import shipped_recipes, summary
from sracl.registry.catalog import catalog

FILES = sorted(paths.shipped("recipes").rglob("*.toml"))

NT_XENT = {"use": "nt_xent", "temperature": 1.0, "similarity": "dot"}
TRANSFORMER = {"hidden_size": 64, "num_layers": 2, "num_heads": 2, "inner_size": 256, "dropout": 0.5, "attention_dropout": 0.5}
SUBSTITUTE, INSERT = {"use": "substitute", "ratio": 0.1}, {"use": "insert", "ratio": 0.4}
PUBLISHED: dict[str, dict[str, object]] = {
    "sasrec": {
        "data.max_length": 20,
        "samples.use": "prefix",
        "backbone": {"use": "sasrec", **TRANSFORMER},
        "objective.next": {"use": "next_item", "weight": 1.0, "loss.use": "cross_entropy"},
        "train": {"batch_size": 256, "epochs": 100},
        "train.optimizer": {"use": "adam", "lr": 1e-3, "betas": [0.9, 0.999], "weight_decay": 0.0},
        "train.early_stopping": {"metric": "valid.mrr@10", "patience": 10},
        "evaluation": {"seen_items": "keep", "candidates": "all"},
    },
    "gru4rec": {"backbone": {"use": "gru4rec", "hidden_size": 64, "inner_size": 128, "num_layers": 1, "dropout": 0.3}},
    "bert4rec": {
        "samples": {"use": "window", "step": 0.1},
        "backbone": {"use": "bert4rec", **TRANSFORMER, "attention_dropout": 0.2},
        "objective.cloze": {"use": "cloze", "ratio": 0.6, "most": 30, "last_share": 0.1, "loss.use": "cross_entropy"},
    },
    "s3rec": {
        "backbone": {"use": "sasrec", **TRANSFORMER},
        "view.masked": {"use": "masked", "ratio": 0.2},
        "stage.pretrain.samples.use": "history_prefix",
        "stage.pretrain.objective.attributes": {"use": "attribute_prediction", "weight": 1.0, "associated": 0.2, "masked": 1.0},
        "stage.pretrain.objective.items": {"use": "masked_item", "weight": 1.0, "link": "sigmoid", "views.use": "view.masked"},
        "stage.pretrain.objective.segments": {"use": "segment_prediction", "weight": 0.5, "link": "sigmoid"},
        "stage.pretrain.train.optimizer.lr": 1e-3,
    },
    "cl4srec": {
        "objective.views": {"use": "view_contrast", "weight": 0.1, "readout": "last", "false_negatives": "none"},
        "objective.views.loss": NT_XENT,
        "objective.views.views": {"use": "distinct", "shortest": 2},
        "objective.views.views.augmenters.0": {"use": "crop", "keep": 0.6},
        "objective.views.views.augmenters.1": {"use": "mask", "ratio": 0.3},
        "objective.views.views.augmenters.2": {"use": "reorder", "ratio": 0.6},
    },
    "coserec": {
        "objective.views": {"use": "view_contrast", "weight": 0.1, "false_negatives": "none", "views.use": "independent"},
        "objective.views.loss": NT_XENT,
        "objective.views.views.augmenter.threshold": 4,
        "objective.views.views.augmenter.short.augmenters.0": SUBSTITUTE,
        "objective.views.views.augmenter.short.augmenters.1": INSERT,
        "objective.views.views.augmenter.short.augmenters.2": {"use": "mask", "ratio": 0.7},
        "objective.views.views.augmenter.long.augmenters.0": {**INSERT, "similarity.use": "hybrid", "similarity.warmup_steps": 160 * 140},
        "objective.views.views.augmenter.long.augmenters.1": {"use": "crop", "keep": 0.2},
        "objective.views.views.augmenter.long.augmenters.2": {"use": "mask", "ratio": 0.7},
        "objective.views.views.augmenter.long.augmenters.3": {"use": "reorder", "ratio": 0.2},
        "objective.views.views.augmenter.long.augmenters.4": SUBSTITUTE,
    },
    "iclrec": {
        "view.pair.use": "independent",
        "view.pair.augmenter.augmenters.0": {"use": "crop", "keep": 0.2},
        "view.pair.augmenter.augmenters.1": {"use": "mask", "ratio": 0.7},
        "view.pair.augmenter.augmenters.2": {"use": "reorder", "ratio": 0.2},
        "objective.views": {"use": "view_contrast", "weight": 0.1, "false_negatives": "none", "views.use": "view.pair"},
        "objective.views.loss": NT_XENT,
        "objective.intents": {"use": "intent_contrast", "weight": 0.1, "views.use": "view.pair", "num_intents": 256, "iterations": 20},
        "objective.intents.readout": "mean",
        "objective.intents.intent_of": "sequence",
        "objective.intents.cluster_over": "users",
        "objective.intents.false_negatives": "none",
        "objective.intents.loss": NT_XENT,
    },
    "duorec": {
        "objective.same_target": {"use": "view_contrast", "weight": 0.1, "readout": "last", "false_negatives": "none"},
        "objective.same_target.views": {"use": "same_target", "positive": "same_target", "others": "samples", "share_anchor": False},
        "objective.same_target.loss": NT_XENT,
    },
    "mclrec": {
        "view.pair": {"use": "distinct", "shortest": 2},
        "view.pair.augmenters.0": {"use": "crop", "keep": 0.5},
        "view.pair.augmenters.1": {"use": "mask", "ratio": 0.5},
        "view.pair.augmenters.2": {"use": "reorder", "ratio": 0.8},
        "objective.views": {"use": "view_contrast", "weight": 0.03, "views.use": "view.pair"},  # λ of Yelp, as β below
        "objective.views.loss": NT_XENT,
        "objective.meta": {"use": "learned_view_contrast", "weight": 0.1, "views.use": "view.pair", "inner_sizes": [32, 16]},
        "objective.meta.regularisation": 0.1,
        "objective.meta.loss": NT_XENT,
        "train.phase.encoder.update": ["backbone"],
        "train.phase.augmenters": {"update": ["meta"], "weights.meta": 1.0},
        "train.phase.encoder_again.update": ["backbone"],
    },
    "icsrec": {
        "view.pair": {"use": "same_target", "positive": "same_target", "others": "contents", "share_anchor": False},
        "objective.coarse": {"use": "view_contrast", "weight": 0.3, "views.use": "view.pair", "readout": "last"},
        "objective.coarse.false_negatives": "same_target",
        "objective.coarse.loss": NT_XENT,
        "objective.fine": {"use": "intent_contrast", "weight": 2 * 0.1, "views.use": "view.pair", "num_intents": 256, "iterations": 20},
        "objective.fine.readout": "last",
        "objective.fine.intent_of": "view",
        "objective.fine.cluster_over": "samples",
        "objective.fine.false_negatives": "same_intent",
        "objective.fine.loss": NT_XENT,
    },
    "lrd": {
        "backbone": {"use": "lrd", "hidden_size": 64, "num_latent": 5, "num_heads": 4, "dropout": 0.0},
        "objective.next": {"use": "pairwise_ranking", "weight": 1.0, "num_negatives": 1},
        "objective.known.use": "attribute_relations",
        "objective.latent": {"use": "relation_discovery", "weight": 10.0, "relations": "backbone", "entropy_weight": 0.1},
    },
    "llm_esr": {
        "semantics.items.contexts": 0,
        "semantics.sequences": {"unit": "user", "k": 10, "pool": "train", "exclude": "same_user"},
        "backbone": {"use": "llm_esr", **TRANSFORMER, "num_heads": 1, "num_cross_heads": 2, "adapter_size": 0},
        "objective.teachers": {"use": "self_distillation", "weight": 0.1, "num_neighbours": 10},
    },
    "sracl": {
        "semantics.items": {"contexts": 5, "k": 10},
        "semantics.sequences": {"unit": "prefix", "k": 10, "pool": "train", "exclude": "same_user"},
        "backbone": {"use": "sasrec", **TRANSFORMER},
        "objective.cross": {"use": "cross_sequence", "weight": 0.1, "share_anchor": False, "detach_neighbours": False},
        "objective.cross.synthesizer": {"use": "attention", "hidden_size": 64, "dropout": 0.5, "negative_slope": 0.2},
        "objective.cross.loss": NT_XENT,
        "objective.intra": {"use": "intra_sequence", "weight": 0.1},
        "objective.intra.augmenter": {"use": "semantic_substitute", "ratio": 0.2, "count": "bernoulli"},
        "objective.intra.loss": NT_XENT,
    },
    "bsarec": {
        "backbone": {"use": "bsarec", **TRANSFORMER, "num_heads": 1, "filter_share": 0.7, "cutoff": 5},
        "train.optimizer.lr": 5e-4,
    },
}
"""What papers and official codes say, with the defaults of components among it: a changed default changes every figure."""


def test_recipes_are_found() -> None:
    names = {file.relative_to(paths.shipped("recipes")).with_suffix("").as_posix() for file in FILES}

    assert names == set(shipped_recipes())
    assert names >= {"quickstart", "ablation_unlearnable", "methods/sracl_official"}
    assert names >= {f"methods/{name}" for name in ("sasrec", "gru4rec", "bsarec", "cl4srec", "duorec", "sracl")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_recipe_resolves(file: Path) -> None:
    made = plan(str(file))

    assert made.name == file.stem
    assert made.runs
    if file.parent.name != "paper":  # the paper's data sets are not ours to ship
        assert all(run.data_fingerprint for run in made.runs)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_recipe_opens_with_what_it_trains_and_its_command(file: Path) -> None:
    head = file.read_text("utf-8").partition("\nrecipe = 1\n")[0].splitlines()
    name = file.relative_to(paths.shipped("recipes")).with_suffix("").as_posix()

    assert all(line.startswith("#") for line in head), f"{file}: only comments stand before `recipe = 1`"
    assert re.search(r"^.{20,}\.\"?$", summary(file)), f"{file}: its first line should be a comment that says in a sentence what it trains"
    commands = [line for line in head if f"sracl run {name}" in line or f"sracl run recipes/{name}.toml" in line]
    assert commands, f"{file}: its opening comment should show its command, `sracl run {name}`"
    assert [line for line in head if " --set " in line], f"{file}: its opening comment should show a command that sets a value with --set"


def test_the_commands_of_opening_comments_name_recipes_that_exist() -> None:
    heads = [file.read_text("utf-8").partition("\nrecipe = 1\n")[0] for file in FILES]
    command = re.compile(r"^#   sracl (?:run|show|compare|semantics \w+|llm \w+) (\S+)", re.MULTILINE)
    named = [name for head in heads for name in command.findall(head)]

    assert len(named) >= 2 * len(FILES)
    assert {name.removeprefix("recipes/").removesuffix(".toml") for name in named} <= set(shipped_recipes())


def test_methods_name_recipes_that_exist() -> None:
    named = [name for card in catalog().cards("method") for name in card.facts.get("recipes", [])]

    assert named
    assert set(named) <= set(shipped_recipes())


@pytest.mark.parametrize("method", PUBLISHED)
def test_a_method_has_the_values_of_its_paper_and_code(method: str) -> None:
    (run,) = plan(f"methods/{method}", seeds=[1]).runs
    expected = {
        f"{path}.{name}" if name else path: value
        for path, values in PUBLISHED[method].items()
        for name, value in (values if isinstance(values, dict) else {"": values}).items()
    }
    found = dict(flat(run.values))

    assert {path: found.get(path) for path in expected} == expected


def test_only_the_official_rules_leak() -> None:
    leaky = {name for name in shipped_recipes() if any(run.leaky for run in plan(name).runs)}

    assert leaky == {"methods/sracl_official"}


def test_the_ablation_has_the_five_variants_and_shares_its_stages() -> None:
    runs = plan("ablation_unlearnable").runs

    assert list(dict.fromkeys(run.variant for run in runs)) == ["SRA-CL", "Unlearnable", "w/o cross", "w/o intra", "w/o CL"]
    assert len(runs) == 10
    by_name = {run.variant: run.values for run in runs}
    assert [entry["id"] for entry in by_name["w/o CL"]["objective"]] == ["next"]
    assert by_name["w/o CL"]["semantics"] == {}
    assert list(by_name["w/o cross"]["semantics"]) == ["items"]
    assert by_name["Unlearnable"]["semantics"] == by_name["SRA-CL"]["semantics"]
    assert by_name["Unlearnable"]["objective"][1]["synthesizer"] == {"use": "random"}


def test_without_contrast_sracl_is_sasrec() -> None:
    none = ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]
    (without,) = plan("methods/sracl", sets=none, seeds=[2024]).runs
    (sasrec,) = plan("methods/sasrec", seeds=[2024]).runs

    assert without.digest == sasrec.digest


@pytest.mark.parametrize(
    ("method", "without", "what_is_left"),
    [
        ("sasrec_sracl", [], "sracl"),
        ("sracl", ["cross", "intra"], "sasrec"),
        ("gru4rec_sracl", ["cross", "intra"], "gru4rec"),
        ("bsarec_sracl", ["cross", "intra"], "bsarec"),
        ("duorec_sracl", ["cross", "intra"], "duorec"),
        ("duorec_sracl", ["same_target"], "sracl"),
        ("duorec", ["same_target"], "sasrec"),
        ("cl4srec", ["views"], "sasrec"),
        ("coserec", ["views"], "sasrec"),
    ],
)
def test_a_method_without_its_objectives_is_the_method_below_it(method: str, without: list[str], what_is_left: str) -> None:
    (run,) = plan(f"methods/{method}", sets=[f"objective.{name}.weight=0.0" for name in without], seeds=[1]).runs
    (other,) = plan(f"methods/{what_is_left}", seeds=[1]).runs

    assert run.digest == other.digest
