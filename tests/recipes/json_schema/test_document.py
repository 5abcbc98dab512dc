"""The JSON Schema of recipes says of a file what the loader says of it, as far as one file alone can tell."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from jsonschema import Draft7Validator

from sracl import paths
from sracl.errors import RecipeError
from sracl.recipes import schema
from sracl.recipes.json_schema.document import json_schema
from sracl.recipes.plan import plan
from sracl.registry.card import KINDS
from sracl.registry.catalog import catalog
from sracl.registry.signatures import signature

Write: TypeAlias = Callable[[str, str], str]

MADE, ERRORS = json_schema(catalog())
VALIDATOR = Draft7Validator(MADE)

CHILD = 'recipe = 1\nname = "mine"\nextends = "methods/sracl"\n'

VIEW = '[[view]]\nid = "pair"\nuse = "independent"\naugmenter = "crop"\n'

CONTRAST = '[[objective]]\nid = "views"\nuse = "view_contrast"\nloss = "nt_xent"\n'


def child(text: str) -> str:
    """A recipe that extends methods/sracl, or says of itself what `text` begins with."""
    own = {line.partition(" =")[0] for line in takewhile(lambda line: not line.startswith("["), text.splitlines())}
    return "".join(f"{line}\n" for line in CHILD.splitlines() if line.partition(" =")[0] not in own) + text


def complaints(text: str) -> list[str]:
    """Where the schema finds something wrong."""
    return [".".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema_of_draft_7() -> None:
    assert MADE["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(MADE)
    assert ERRORS == []
    assert json.loads(json.dumps(MADE, allow_nan=False)) == MADE


@pytest.mark.parametrize("file", sorted(paths.shipped("recipes").rglob("*.toml")), ids=lambda file: file.stem)
def test_a_shipped_recipe_is_valid(file: Path) -> None:
    assert complaints(file.read_text("utf-8")) == []


# what is wrong -> a table on top of a recipe, and where the schema says so
REFUSED = {
    "a table that there is not": ("[colour]\nred = 1", ""),
    "a version of later": ("recipe = 2", "recipe"),
    "an empty name": ('name = ""', "name"),
    "a parent that is not there": ('extends = "methods/sasrek"', "extends"),
    "a setting that there is not": ("[train]\nepoch = 3", "train"),
    "a word for a number": ('[train]\nepochs = "many"', "train.epochs"),
    "a broken number for an integer": ("[train]\nepochs = 1.5", "train.epochs"),
    "a truth for an integer": ("[train]\nepochs = true", "train.epochs"),
    "a number for a table": ("train = 3", "train"),
    "a setting out of range": ('[train.early_stopping]\nmetric = "valid.hr@10"\npatience = 0', "train.early_stopping.patience"),
    "a choice that there is not": ('[evaluation]\nseen_items = "kep"', "evaluation.seen_items"),
    "a word among integers": ('[evaluation]\ncutoffs = [5, "ten"]', "evaluation.cutoffs.1"),
    "a split that there is not": ('[evaluation]\nsplit = "time"', "evaluation.split"),
    "a moment beyond all": ('[evaluation]\nsplit = { by = "time", valid = 0.8, test = 2.0 }', "evaluation.split"),
    "an empty list": ("[evaluation]\ncutoffs = []", "evaluation.cutoffs"),
    "a component that there is not, by name": ('backbone = "sasrek"', "backbone"),
    "a component that there is not, in a table": ('[backbone]\nuse = "sasrek"', "backbone.use"),
    "a parameter that there is not": ('[backbone]\nuse = "sasrec"\nhidden_sise = 8', "backbone"),
    "a parameter that no backbone has": ("[backbone]\nhidden_sise = 8", "backbone"),
    "a parameter of another component": ('[backbone]\nuse = "gru4rec"\nnum_heads = 2', "backbone"),
    "a parameter of the wrong type": ('[backbone]\nhidden_size = "big"', "backbone.hidden_size"),
    "a parameter out of range": ("[backbone]\ndropout = 1.0", "backbone.dropout"),
    "a parameter at a limit that is left out": ("[train]\noptimizer = { lr = 0 }", "train.optimizer.lr"),
    "a choice of a parameter": ('[backbone]\nuse = "bsarec"\nfilter_over = "all"', "backbone.filter_over"),
    "a pair of three": ('[train]\noptimizer = { use = "adam", betas = [0.9, 0.99, 0.9] }', "train.optimizer.betas"),
    "a part of a pair out of range": ('[train]\noptimizer = { use = "adam", betas = [0.9, 1] }', "train.optimizer.betas.1"),
    "a reference with something beside it": ('[vars]\nk = 8\n[backbone]\nhidden_size = "${vars.k}0"', "backbone.hidden_size"),
    "a loss of another role": ('[[objective]]\nid = "next"\nuse = "next_item"\nloss = "nt_xent"', "objective.0.loss"),
    "a parameter within a parameter": (
        '[[objective]]\nid = "intra"\nuse = "intra_sequence"\nloss = { use = "nt_xent", temperatur = 1 }',
        "objective.0.loss",
    ),
    "too short a list of components": ('[[view]]\nid = "pair"\nuse = "distinct"\naugmenters = ["crop"]', "view.0.augmenters"),
    "a component of a list": ('[[view]]\nid = "pair"\nuse = "distinct"\naugmenters = ["crop", "crob"]', "view.0.augmenters.1"),
    "values beside the name of a view": (f'{VIEW}{CONTRAST}views = {{ use = "view.pair", shortest = 2 }}', "objective.0.views"),
    "an objective without an id": ('[[objective]]\nuse = "next_item"\nloss = "cross_entropy"', "objective.0"),
    "an id with a space": ('[[objective]]\nid = "a b"\nuse = "next_item"\nloss = "cross_entropy"', "objective.0.id"),
    "a weight below 0": ('[[objective]]\nid = "intra"\nweight = -1', "objective.0.weight"),
    "a list that is a table": ('[objective.next]\nuse = "next_item"', "objective"),
    "an id of a component that needs none": ('[backbone]\nid = "mine"', "backbone"),
    "a phase that sets what it cannot": ('[[train.phase]]\nid = "one"\nupdate = ["backbone"]\nepochs = 3', "train.phase.0"),
    "a stage that stops early": (
        '[[stage]]\nid = "pretrain"\n[[stage.objective]]\nid = "n"\nuse = "next_item"\nloss = "cross_entropy"\n'
        '[stage.train]\nbatch_size = 8\nepochs = 1\nearly_stopping = { metric = "valid.hr@10", patience = 1 }',
        "stage.0.train",
    ),
    "a key of generated data": ("[data]\nnum_usres = 100", "data"),
    "a parameter of data that is out of range": ("[data]\nnum_users = 0", "data.num_users"),
    "a parameter of data of files": ('[data]\nname = "sports"\nnum_users = 100', "data"),
    "semantics of something else": ('[semantics.users]\nllm = "template"', "semantics"),
    "a prompt that there is not": ('[semantics.items]\nprompt = "product"', "semantics.items.prompt"),
    "a prompt for sequences": ('[semantics.items]\nprompt = "purchases"', "semantics.items.prompt"),
    "no seeds": ("seeds = []", "seeds"),
    "a seed twice": ("seeds = [1, 1]", "seeds"),
    "a seed below 0": ("seeds = [-1]", "seeds.0"),
    "a variable for seeds": ('seeds = "${vars.seeds}"\n[vars]\nseeds = [1]', "seeds"),
    "an axis of one value": ('[matrix]\n"train.epochs" = 3', "matrix.train.epochs"),
    "an axis without a value": ('[matrix]\n"train.epochs" = []', "matrix.train.epochs"),
    "a value twice": ('[matrix]\n"train.epochs" = [3, 3]', "matrix.train.epochs"),
    "an axis of something else": ('[matrix]\n"trian.epochs" = [3]', "matrix"),
    "a sweep without a metric": ("[sweep]\ntrials = 3", "sweep"),
    "a key of a sweep": ('[sweep]\nmetric = "valid.hr@10"\nbudget = 3', "sweep"),
    "a key of a range": (
        '[sweep]\nmetric = "valid.hr@10"\ntrials = 2\nspace = { "train.epochs" = { low = 1, hihg = 3 } }',
        "sweep.space.train.epochs",
    ),
    "one value to draw": ('[sweep]\nmetric = "valid.hr@10"\ntrials = 2\nspace = { "train.epochs" = 3 }', "sweep.space.train.epochs"),
    "a key of a variant": ('[[variant]]\nname = "A"\nsets = {}', "variant.0"),
    "a variant without a name": ("[[variant]]\nset = {}", "variant.0"),
    "a path of a variant": ('[[variant]]\nname = "A"\nset = { "trian.epochs" = 3 }', "variant.0.set"),
    "what a variant cannot leave out": ('[[variant]]\nname = "A"\nunset = ["seeds"]', "variant.0.unset.0"),
    "figures that are not published": ('[report]\npublished = ["sracl-table9"]', "report.published.0"),
    "a setting of the report": ('[report]\nbaselin = "A"', "report"),
    "memory of nothing": ("[resources]\nvram = 0", "resources.vram"),
}


@pytest.mark.parametrize(("text", "where"), REFUSED.values(), ids=REFUSED)
def test_what_the_loader_refuses_is_refused_where_it_stands(text: str, where: str, write: Write) -> None:
    recipe = child(text)

    with pytest.raises(RecipeError):
        plan(write("mine.toml", recipe))
    assert where in complaints(recipe)


# what a recipe may say -> a table on top of a recipe
ACCEPTED = {
    "an integer where a number is meant": "[train]\noptimizer = { lr = 1 }\n[backbone]\ndropout = 0",
    "variables": '[vars]\nk = 8\nk2 = "${vars.k}"\n[backbone]\nhidden_size = "${ vars.k }"\ninner_size = "${vars.k2}"',
    "a variable for a choice": '[vars]\nhow = "keep"\n[evaluation]\nseen_items = "${vars.how}"',
    "a split by time": '[evaluation]\nsplit = { by = "time", valid = 0.8, test = 0.9 }',
    "a variable in a split": '[vars]\ntest = 0.9\n[evaluation]\nsplit = { by = "time", valid = 0.8, test = "${vars.test}" }',
    "a variable in a list": '[vars]\nk = 10\n[evaluation]\ncutoffs = [5, "${vars.k}"]',
    "a variable for a list": "[vars]\nks = [5, 10]\n[evaluation]\ncutoffs = '${vars.ks}'",
    "a variable for a component": '[vars]\nencoder = { use = "lsa" }\n[semantics.items]\ntext_encoder = "${vars.encoder}"',
    "a variable for which component": '[vars]\nwhich = "bsarec"\n[backbone]\nuse = "${vars.which}"\nfilter_share = 0.5',
    "a variable for a table": '[vars]\nstop = { metric = "valid.hr@10", patience = 3 }\n[train]\nearly_stopping = "${vars.stop}"',
    "a variable for a data set": '[vars]\ndata = "demo"\n[data]\nname = "${vars.data}"\nnum_users = 100',
    "a component by its name": 'backbone = "gru4rec"\n[train]\noptimizer = "adamw"',
    "a component's default": "[samples]",
    "one parameter of a component": "train.optimizer.lr = 0.01\nbackbone.num_heads = 4",
    "one setting of a table": "train.early_stopping.patience = 3",
    "a class that is not registered": 'backbone = { use = "sracl.backbones.gru4rec:GRU4Rec", hidden_size = 8 }',
    "a component by its distribution": 'backbone = { use = "sracl:gru4rec", hidden_size = 8 }\nsamples = "sracl:user"',
    "a declared view by its name": f'{VIEW}{CONTRAST}views = "view.pair"',
    "a declared view in a table": f'{VIEW}{CONTRAST}views = {{ use = "view.pair" }}',
    "a view of its own": f'{CONTRAST}views = {{ use = "independent", augmenter = {{ use = "crop", keep = 1 }} }}',
    "an objective that a parent has": '[[objective]]\nid = "cross"\nweight = 0\nloss = { temperature = 0.5 }',
    "parameters of generated data": "[data]\nnum_users = 100\nmean_length = 6",
    "a folder of data of the user's": '[data]\nname = "corner_shop"',
    "a prompt in a file": '[semantics.items]\nprompt = "words.toml"',
    "a parent in a file": 'extends = "small.toml"',
    "what a parent has": 'unset = ["train.early_stopping", "report.published"]',
    "an axis with its path in quotes": '[matrix]\n"backbone.hidden_size" = [8, 16]\n\'"data".max_length\' = [8]',
    "an axis in a table": "[matrix.backbone]\nhidden_size = [8, 16]\n[matrix.train.optimizer]\nlr = [0.1, 0.2]",
    "an axis of tables": '[matrix]\nbackbone = [{ use = "sasrec" }, { use = "gru4rec" }]',
    "a sweep of a matrix": '[sweep]\nmetric = "valid.hr@10"\n[matrix]\n"backbone.hidden_size" = [8, 16]',
    "a sweep": (
        '[sweep]\nmetric = "valid.hr@10"\ntrials = 2\nseed = 7\n[sweep.space]\nbackbone.hidden_size = [8, 16]\n'
        '"train.optimizer.lr" = { low = 1e-4, high = 1, scale = "log" }\n[sweep.space.train]\nepochs = { low = 2, high = 8, step = 2 }'
    ),
    "what is drawn for a variant": (
        '[[variant]]\nname = "A"\nspace = { "backbone.hidden_size" = [8, 16] }\n[[variant]]\nname = "B"\n'
        '[sweep]\nmetric = "valid.hr@10"\ntrials = 2\nspace = { "train.epochs" = { low = 2, high = 4 } }'
    ),
    "variants": '[[variant]]\nname = "A"\nunset = ["objective.intra"]\n[[variant]]\nname = "B"\nset = { "backbone.hidden_size" = 8 }',
    "variants that extend": (
        'extends = "common.toml"\n[[variant]]\nname = "A"\nextends = "small.toml"\n[[variant]]\nname = "B"\nextends = "methods/sasrec"'
    ),
    "phases": '[[train.phase]]\nid = "one"\nupdate = ["backbone", "cross"]\nweights = { next = 1, cross = 0.5, intra = 0 }',
    "what a history says": 'history_bias = "repeat"',
    "weights to begin from": 'initializer = "text_components"',
    "memory": "[resources]\nvram = 6",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_loader_accepts_is_valid(text: str, write: Write, tmp_path: Path) -> None:
    write("data/corner_shop/interactions.tsv", "user\titem\n" + "".join(f"u{user}\ti{item}\n" for user in range(6) for item in range(6)))
    write("words.toml", (paths.shipped("registry") / "prompts" / "products.toml").read_text("utf-8"))
    write("common.toml", 'recipe = 1\nname = "common"\nseeds = [1]\n[train]\nepochs = 3\n')
    recipe = child(text)

    assert plan(write("mine.toml", recipe)).runs
    assert complaints(recipe) == []


def test_a_recipe_without_a_parent_has_every_table(write: Write, tmp_path: Path) -> None:
    small = (tmp_path / "small.toml").read_text("utf-8")
    assert complaints(small) == []
    for table in ("data", "backbone", "train", "evaluation"):
        without = re.sub(rf"^\[{table}\]\n(.+\n)+", "", small, flags=re.MULTILINE)
        with pytest.raises(RecipeError):
            plan(write("mine.toml", without))
        assert complaints(without) == [""]
    for line in ("max_length = 10", "epochs = 2", 'seen_items = "keep"', 'use = "sasrec"', 'use = "next_item"'):
        with pytest.raises(RecipeError):
            plan(write("mine.toml", small.replace(line, "")))
        assert len(complaints(small.replace(line, ""))) == 1


def test_tables_have_the_keys_of_the_grammar() -> None:
    assert tuple(MADE["properties"]) == schema.RECIPE_KEYS
    tables: dict[str, type[schema.Settings]] = {
        "train": schema.TrainSettings,
        "evaluation": schema.EvaluationSettings,
        "report": schema.Report,
        "resources": schema.Resources,
    }
    for key, model in tables.items():
        assert list(MADE["properties"][key]["properties"]) == list(model.model_fields)
    for kind, model in schema.SEMANTICS.items():
        assert list(MADE["properties"]["semantics"]["properties"][kind]["properties"]) == list(model.model_fields)


# kind -> what its tables are called, and their keys besides parameters, where it is otherwise than for most
TABLES = {"dataset": ("Dataset", ["name", "max_length"]), "objective": ("Objective.entry", ["id", "weight", "use"])}


@pytest.mark.parametrize("kind", KINDS)
def test_every_component_has_its_parameters_with_their_defaults_and_meanings(kind: str) -> None:
    title, own = TABLES.get(kind, (kind, ["use"]))
    for card in catalog().cards(kind):
        made = MADE["definitions"][f"{title}.{card.name}"]
        parameters = signature(card).parameters
        assert made["description"] == card.summary
        assert list(made["properties"]) == [*own, *parameters]
        assert not made["additionalProperties"]
        for name, parameter in parameters.items():
            assert made["properties"][name].get("default") == parameter.default
            assert made["properties"][name]["description"].startswith(parameter.doc)


def test_descriptions_say_what_is_accepted_and_what_is_otherwise() -> None:
    crop, adam = MADE["definitions"]["augmenter.crop"]["properties"], MADE["definitions"]["optimizer.adam"]["properties"]
    assert crop["keep"]["description"] == "η, share of the items that is kept, in (0, 1].\n\nA number in (0, 1]; by default 0.6."
    assert adam["lr"] == {
        "description": "Step size, above 0.\n\nA number above 0; by default 0.001.",
        "default": 0.001,
        "type": ["number", "string"],
        "exclusiveMinimum": 0,
        "if": {"$ref": "#/definitions/text"},
        "then": {"type": "number"},
    }


def test_editors_are_offered_names_with_what_they_mean() -> None:
    """Taplo completes from `anyOf`, and sees nothing in `then` and `else`."""
    _, by_name, table = MADE["definitions"]["RankingLoss"]["anyOf"]
    assert by_name["enum"] == ["binary_cross_entropy", "cross_entropy", "sampled_softmax"]
    assert len(by_name["x-taplo"]["docs"]["enumValues"]) == 3
    assert table == {"$ref": "#/definitions/RankingLoss.any"}
    assert list(MADE["definitions"]["RankingLoss.any"]["properties"]) == ["use", "num_negatives", "sparse_gradients"]


def test_references_lead_somewhere_and_read_the_same_in_an_address() -> None:
    referred = [part["$ref"] for part in parts(MADE) if "$ref" in part]
    assert set(referred) <= {f"#/definitions/{name}" for name in MADE["definitions"]}
    assert all(re.fullmatch(r"#/definitions/[A-Za-z0-9_.-]+", address) for address in referred)


def parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every table of a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)
