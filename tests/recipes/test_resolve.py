from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

BACKBONES, LOSSES, RETRIEVERS = (", ".join(catalog().names(kind)) for kind in ("backbone", "loss", "retriever"))

CROSS = """\
[semantics.items]
[semantics.sequences]
[[objective]]
id = "cross"
use = "cross_sequence"
weight = 0.1
synthesizer = "attention"
loss = "nt_xent"
"""


def test_every_parameter_is_there_with_its_value_or_default(write: Write) -> None:
    write("mine.toml", "")

    values = plan("small.toml").runs[0].values

    assert values["samples"] == {"use": "prefix"}
    assert values["semantics"] == {}
    assert values["backbone"]["hidden_size"] == 8
    assert values["backbone"]["num_layers"] == 2  # SASRec's own default
    assert values["objective"] == [{"id": "next", "weight": 1.0, "use": "next_item", "loss": {"use": "cross_entropy"}}]
    assert values["train"]["optimizer"]["use"] == "adam"
    assert values["train"]["early_stopping"] is None
    assert values["evaluation"] == {
        "seen_items": "keep",
        "cutoffs": [5, 10],
        "candidates": "all",
        "split": "leave-one-out",
        "batch_size": 256,
    }
    assert values["data"].keys() > {"name", "max_length", "num_users", "num_items"}


def test_every_value_has_an_origin(write: Write, child: Child) -> None:
    origins = (
        plan(write("mine.toml", child('train.optimizer.lr = 0.01\nbackbone = "sasrec"\n')), sets=["data.num_users=700"]).runs[0].origins
    )

    assert origins["train.optimizer.lr"] == "mine.toml:4"
    assert origins["train.optimizer.use"] == "default"
    assert origins["train.optimizer.eps"] == "default of adam"
    assert origins["backbone.use"] == "mine.toml:5"
    assert origins["backbone.hidden_size"] == "default of sasrec"
    assert origins["data.num_users"] == "--set"
    assert origins["data.num_items"] == "default of demo"
    assert origins["objective.next.id"] == "small.toml:13"
    assert origins["objective.next.weight"] == "default"
    assert origins["objective.next.loss.use"] == "small.toml:16"
    assert origins["evaluation.batch_size"] == "default of evaluation"


def test_tables_of_neighbours_are_kept_if_something_needs_them(write: Write, child: Child) -> None:
    semantics = plan(write("mine.toml", child(CROSS))).runs[0].values["semantics"]

    assert list(semantics) == ["sequences"]  # nothing needs items
    assert semantics["sequences"]["llm"]["use"] == "template"
    assert semantics["sequences"]["text_encoder"]["use"] == "lsa"
    assert semantics["sequences"]["retriever"]["use"] == "exact"
    assert {key: semantics["sequences"][key] for key in ("unit", "k", "pool", "exclude")} == {
        "unit": "prefix",
        "k": 10,
        "pool": "train",
        "exclude": "same_user",
    }


def test_weight_zero_equals_absent(write: Write, child: Child) -> None:
    write("without.toml", child(""))
    write("zero.toml", child(CROSS.replace("0.1", "0")))

    assert plan("zero.toml").runs[0].values == plan("without.toml").runs[0].values
    assert plan("zero.toml").runs[0].digest == plan("without.toml").runs[0].digest


def test_what_amounts_to_the_same_has_the_same_values(write: Write, child: Child) -> None:
    write("short.toml", child('[train]\noptimizer = "adam"\n[evaluation]\ncutoffs = [10, 5]\n[[objective]]\nid = "next"\nweight = 1\n'))

    assert plan("short.toml").runs[0].digest == plan("small.toml").runs[0].digest


def test_leaky_settings_are_named(write: Write, child: Child) -> None:
    text = CROSS.replace("[semantics.sequences]\n", '[semantics.sequences]\npool = "all"\nexclude = "same_row"\n')
    text += '[[variant]]\nname = "A"\n[[variant]]\nname = "B"\nset = { "objective.cross.weight" = 0.0 }\n'

    runs = plan(write("mine.toml", child(text))).runs

    assert runs[0].leaky == ('semantics.sequences.pool = "all"', 'semantics.sequences.exclude = "same_row"')
    assert runs[1].leaky == ()  # its neighbours are not even made


def test_a_table_that_an_objective_needs(complaints: Complaints, child: Child) -> None:
    assert complaints(child(CROSS.replace("[semantics.sequences]\n", ""))) == [
        "mine.toml:5: objective.cross: cross_sequence needs [semantics.sequences], which the recipe does not have."
    ]


def test_a_table_that_a_part_of_an_objective_needs(complaints: Complaints, child: Child) -> None:
    text = '[[objective]]\nid = "intra"\nuse = "intra_sequence"\naugmenter = "semantic_substitute"\nloss = "nt_xent"\n'

    assert complaints(child(text)) == [
        "mine.toml:4: objective.intra: intra_sequence needs [semantics.items], which the recipe does not have."
    ]


def test_a_variant_that_takes_away_what_another_part_needs(complaints: Complaints, child: Child) -> None:
    text = CROSS + '[[variant]]\nname = "A"\n[[variant]]\nname = "B"\nunset = ["semantics.sequences"]\n'

    assert complaints(child(text)) == [
        "mine.toml:6: objective.cross: cross_sequence needs [semantics.sequences], which the recipe does not have. (In variant 'B'.)"
    ]


def test_what_is_needed_is_told_together_with_all_else(complaints: Complaints, child: Child) -> None:
    text = CROSS.replace("[semantics.sequences]\n", "") + "[train]\nepochs = 0\n"

    assert complaints(child(text)) == [
        "mine.toml:5: objective.cross: cross_sequence needs [semantics.sequences], which the recipe does not have.",
        "mine.toml:12: train.epochs: Should be an integer of at least 1, got 0.",
    ]


def test_an_objective_of_weight_zero_needs_nothing(write: Write, child: Child) -> None:
    text = CROSS.replace("[semantics.sequences]\n", "").replace("0.1", "0.0")

    assert plan(write("mine.toml", child(text))).runs[0].values["semantics"] == {}


def test_a_rule_without_effect(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[semantics.sequences]\nunit = "user"\nexclude = "same_row"\n')) == [
        "mine.toml:6: semantics.sequences.exclude: "
        'With unit = "user" every user has one row, so "same_row" is what "same_user" is; leave it out.'
    ]


def test_a_data_set_whose_code_is_not_there(complaints: Complaints) -> None:
    assert complaints("", "data.name=no_such_lab.data:make") == [
        "--set: data.name: There is no module 'no_such_lab.data' on the import path."
    ]


def test_there_is_something_to_train(complaints: Complaints, child: Child) -> None:
    assert complaints("", "objective.next.weight=0") == [
        "small.toml:13: objective: Every objective has weight 0, so there is nothing to train."
    ]
    assert complaints(child('unset = ["objective.next"]\n')) == [
        "small.toml:13: objective: A recipe needs at least one [[objective]].",
    ]


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        (
            "[backbone]\nhiden_size = 8\n",
            [
                "mine.toml:5: backbone.hiden_size: SASRec takes no such parameter. Did you mean 'hidden_size'? "
                "It takes: hidden_size, num_layers, num_heads, inner_size, dropout, attention_dropout, sparse_gradients."
            ],
        ),
        ("[backbone]\ndropout = 1.5\n", ["mine.toml:5: backbone.dropout: Should be a number in [0, 1), got 1.5."]),
        ('[backbone]\nhidden_size = "8"\n', ['mine.toml:5: backbone.hidden_size: Should be an integer of at least 1, got "8".']),
        (
            'backbone = "sasrce"\n',
            [f"mine.toml:4: backbone.use: No backbone is called 'sasrce'. Did you mean 'sasrec'? Registered: {BACKBONES}."],
        ),
        (
            "backbone = 3\n",
            [f'mine.toml:4: backbone: Should be a backbone table such as {{ use = "{catalog().names("backbone")[0]}" }}, got 3.'],
        ),
        (
            '[[objective]]\nid = "next"\nloss = { use = "ntxent" }\n',
            [f"mine.toml:6: objective.next.loss.use: No loss is called 'ntxent'. Did you mean 'nt_xent'? Registered: {LOSSES}."],
        ),
        (
            '[[objective]]\nid = "next"\nloss = "nt_xent"\n',
            [
                "mine.toml:6: objective.next.loss.use: 'nt_xent' is called with (anchor, positive), but what stands here must be a "
                "RankingLoss, called with (states, item_table, targets)."
            ],
        ),
        ('[[objective]]\nid = "next"\nweight = -1\n', ["mine.toml:6: objective.next.weight: Should be a number of at least 0, got -1."]),
        ('[[objective]]\nid = "next"\nweight = nan\n', ["mine.toml:6: objective.next.weight: Should be a number of at least 0, got nan."]),
        (
            '[data]\nname = "dmeo"\n',
            [
                "mine.toml:5: data.name: No data set is called 'dmeo'. Did you mean 'demo'? "
                "There are: beauty, demo, markov, office, sports, yelp."
            ],
        ),
        (
            '[data]\nname = "sports"\nnum_users = 5\n',
            ['mine.toml:6: data.num_users: There is no such key. [data] with name = "sports" takes: name, max_length.'],
        ),
        ("[data]\nnum_users = 1.5\n", None),
        ("[data]\nmax_lenght = 5\n", None),
        ("data = 3\n", ["mine.toml:4: data: Should be a table [data], got 3."]),
        ("[train]\nepochs = 0\n", ["mine.toml:5: train.epochs: Should be an integer of at least 1, got 0."]),
        ("[train]\nepochs = true\n", ["mine.toml:5: train.epochs: Should be an integer of at least 1, got true."]),
        ("[train]\nepochs = 1979-05-27\n", ["mine.toml:5: train.epochs: Should be an integer of at least 1, got 1979-05-27."]),
        (
            "[train]\nepoch = 5\n",
            [
                "mine.toml:5: train.epoch: There is no such key. Did you mean 'epochs'? "
                "[train] takes: batch_size, epochs, optimizer, precision, early_stopping, phase."
            ],
        ),
        (
            '[train]\nprecision = "bf16"\n',
            ['mine.toml:5: train.precision: Should be "float32" or "bfloat16", got "bf16". Did you mean \'bfloat16\'?'],
        ),
        ("[train]\noptimizer = { lr = -1.0 }\n", ["mine.toml:5: train.optimizer.lr: Should be a number above 0, got -1.0."]),
        (
            '[train.early_stopping]\nmetric = "valid.mrr@20"\npatience = 3\n',
            [
                "mine.toml:5: train.early_stopping.metric: \"valid.mrr@20\" is not computed. Did you mean 'valid.mrr@10'? "
                "Computed are: valid.hr@5, valid.hr@10, valid.ndcg@5, valid.ndcg@10, valid.mrr@5, valid.mrr@10."
            ],
        ),
        (
            '[train.early_stopping]\nmetric = "test.mrr@10"\npatiense = 3\n',
            [
                "mine.toml:4: train.early_stopping.patience: Missing; there is no default. Should be an integer of at least 1.",
                "mine.toml:5: train.early_stopping.metric: \"test.mrr@10\" is not computed. Did you mean 'valid.mrr@10'? "
                "Computed are: valid.hr@5, valid.hr@10, valid.ndcg@5, valid.ndcg@10, valid.mrr@5, valid.mrr@10.",
                "mine.toml:6: train.early_stopping.patiense: There is no such key. Did you mean 'patience'? "
                "[train.early_stopping] takes: metric, patience.",
            ],
        ),
        ('train = "fast"\n', ['mine.toml:4: train: Should be a table [train], got "fast".']),
        (
            '[evaluation]\nseen_items = "kept"\n',
            ['mine.toml:5: evaluation.seen_items: Should be "keep" or "exclude", got "kept". Did you mean \'keep\'?'],
        ),
        (
            'unset = ["evaluation.seen_items"]\n',
            ['small.toml:22: evaluation.seen_items: Missing; there is no default. Should be "keep" or "exclude".'],
        ),
        ("[train.optimizer]\nlr = inf\n", ["mine.toml:5: train.optimizer.lr: Should be a finite number, got inf."]),
        ("[evaluation]\ncutoffs = [5, 5]\n", ["mine.toml:5: evaluation.cutoffs: Lists a cut-off twice: [5, 5]."]),
        (
            "[evaluation]\ncutoffs = []\n",
            ["mine.toml:5: evaluation.cutoffs: Should be an array of integers of at least 1, at least 1 long, got []."],
        ),
        (  # of metrics nothing is said where none can be told
            '[evaluation]\ncutoffs = [0]\n[train]\nearly_stopping = { metric = "valid.mrr@10", patience = 1 }\n',
            ["mine.toml:5: evaluation.cutoffs: Should be an array of integers of at least 1, at least 1 long, got [0]."],
        ),
        (
            '[evaluation]\ncutoffs = [0, "5"]\n',
            ['mine.toml:5: evaluation.cutoffs: Should be an array of integers of at least 1, at least 1 long, got [0, "5"].'],
        ),
        ("semantics = 5\n", ["mine.toml:4: semantics: Should be two tables, [semantics.items] and [semantics.sequences], got 5."]),
        ("[semantics.users]\nk = 5\n", ["mine.toml:4: semantics.users: There is no such key. [semantics] takes: items, sequences."]),
        (
            '[semantics.items]\nk = 0\nretriever = "exakt"\npool = "all"\n',
            [
                "mine.toml:5: semantics.items.k: Should be an integer of at least 1, got 0.",
                "mine.toml:6: semantics.items.retriever.use: No retriever is called 'exakt'. Did you mean 'exact'? "
                f"Registered: {RETRIEVERS}.",
                "mine.toml:7: semantics.items.pool: There is no such key. "
                "[semantics.items] takes: llm, prompt, contexts, text_encoder, retriever, k.",
            ],
        ),
        (
            '[semantics.sequences]\npool = "al"\n',
            ['mine.toml:5: semantics.sequences.pool: Should be "train" or "all", got "al". Did you mean \'all\'?'],
        ),
    ],
)
def test_a_bad_value(complaints: Complaints, child: Child, table: str, lines: list[str] | None) -> None:
    found = complaints(child(table))

    assert lines is None or found == lines
    assert all(line.startswith(("mine.toml:", "small.toml:")) for line in found)


def test_a_key_of_a_generated_data_set(complaints: Complaints, child: Child) -> None:
    wrong_type, unknown = complaints(child("[data]\nnum_users = 1.5\nmax_lenght = 5\n"))

    assert wrong_type.startswith("mine.toml:5: data.num_users: Should be an integer")
    assert unknown.startswith(
        "mine.toml:6: data.max_lenght: There is no such key. Did you mean 'max_length'? [data] with name = \"demo\" takes: name, "
    )


def test_a_value_of_the_command_line_says_so(complaints: Complaints) -> None:
    assert complaints("", "train.epochs=many", "backbone.dropout=True") == [
        '--set: backbone.dropout: Should be a number in [0, 1), got "True".',
        '--set: train.epochs: Should be an integer of at least 1, got "many".',
    ]


def test_everything_that_is_missing_is_asked_for(complaints: Complaints) -> None:
    assert complaints('recipe = 1\nname = "x"\n') == [
        "mine.toml:1: seeds: Missing. Each seed is a run of its own, such as seeds = [2024, 2025, 2026].",
        'mine.toml:1: data: Missing. A recipe needs [data] with name = "demo".',
        f'mine.toml:1: backbone: Missing. Write [backbone] with use = "…". Registered: {BACKBONES}.',
        "mine.toml:1: objective: A recipe needs at least one [[objective]].",
        "mine.toml:1: train: Missing. A recipe needs [train] with batch_size, epochs.",
        "mine.toml:1: evaluation: Missing. A recipe needs [evaluation] with seen_items, cutoffs.",
    ]


TIME = '[evaluation]\nsplit = { by = "time", valid = 0.8, test = 0.9 }\n'


def test_a_split_by_time_is_complete_inherited_and_set_by_key(write: Write, child: Child) -> None:
    write("mine.toml", child(TIME))

    assert plan("mine.toml").runs[0].values["evaluation"]["split"] == {"by": "time", "valid": 0.8, "test": 0.9, "target": "last"}
    nearer = plan("mine.toml", sets=["evaluation.split.valid=0.85", "evaluation.split.target=first"]).runs[0]
    assert nearer.values["evaluation"]["split"] == {"by": "time", "valid": 0.85, "test": 0.9, "target": "first"}
    assert nearer.origins["evaluation.split.valid"] == "--set"
    back = plan("mine.toml", sets=["evaluation.split=leave-one-out"]).runs[0]
    assert back.digest == plan("small.toml").runs[0].digest != plan("mine.toml").runs[0].digest


@pytest.mark.parametrize(
    ("split", "what"),
    [
        ('"by-time"', 'split: Should be "leave-one-out" or a table with by, valid, test, got "by-time".'),
        ("3", 'split: Should be "leave-one-out" or a table with by, valid, test, got 3.'),
        ('{ by = "time", valid = 0.9 }', "split.test: Missing; there is no default. Should be a number in (0, 1)."),
        ('{ by = "time", valid = 0.9, test = 1 }', "split.test: Should be a number in (0, 1), got 1."),
        ('{ by = "time", valid = 0.9, test = 0.8 }', "split.valid: Should be below test, which is 0.8; got 0.9."),
        ('{ by = "tim", valid = 0.8, test = 0.9 }', """split.by: Should be "time", got "tim". Did you mean 'time'?"""),
        (
            '{ by = "time", valid = 0.8, test = 0.9, targt = "last" }',
            "split.targt: There is no such key. Did you mean 'target'? [evaluation.split] takes: by, valid, test, target.",
        ),
    ],
)
def test_a_split_that_does_not_fit_is_said_with_its_line(complaints: Complaints, child: Child, split: str, what: str) -> None:
    assert complaints(child(f"[evaluation]\nsplit = {split}\n")) == [f"mine.toml:5: evaluation.{what}"]


def test_what_lets_held_out_items_in_knows_of_no_split_by_time(complaints: Complaints, child: Child) -> None:
    (what,) = complaints(child(CROSS.replace("[semantics.sequences]", '[semantics.sequences]\npool = "all"') + TIME))
    assert what.startswith('mine.toml:6: semantics.sequences.pool: pool = "all" repeats what the official code lets in')
