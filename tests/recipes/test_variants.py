from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sracl.recipes.plan import plan

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

TWO = '[[variant]]\nname = "wide"\nset = { "backbone.hidden_size" = 16 }\n[[variant]]\nname = "plain"\n'


def test_variants_times_matrix_times_seeds(write: Write, child: Child) -> None:
    text = child('seeds = [1, 2]\n[matrix]\n"train.epochs" = [3, 4]\n"data.max_length" = [5, 6]\n' + TWO)

    runs = plan(write("mine.toml", text)).runs

    assert len(runs) == 2 * 2 * 2 * 2
    assert [(run.variant, dict(run.cell), run.seed) for run in runs[:3]] == [
        ("wide", {"train.epochs": 3, "data.max_length": 5}, 1),
        ("wide", {"train.epochs": 3, "data.max_length": 5}, 2),
        ("wide", {"train.epochs": 3, "data.max_length": 6}, 1),
    ]
    assert [run.values["backbone"]["hidden_size"] for run in runs] == [16] * 8 + [8] * 8
    assert runs[2].values["data"]["max_length"] == 6
    assert runs[0].origins["backbone.hidden_size"] == "variant wide"
    assert runs[0].origins["train.epochs"] == "[matrix]"
    assert len({run.digest for run in runs}) == 16


def test_a_recipe_without_variants_has_one_without_a_name(write: Write) -> None:
    write("mine.toml", "")

    assert [(run.variant, dict(run.cell)) for run in plan("small.toml").runs] == [("", {})]


def test_dotted_keys_need_no_quotes(write: Write, child: Child) -> None:
    text = child('[matrix]\ntrain.epochs = [3, 4]\n[[variant]]\nname = "wide"\nset = { backbone.hidden_size = 16 }\n')

    runs = plan(write("mine.toml", text)).runs

    assert [(run.values["train"]["epochs"], run.values["backbone"]["hidden_size"]) for run in runs] == [(3, 16), (4, 16)]
    assert dict(runs[0].cell) == {"train.epochs": 3}


def test_a_variant_leaves_things_out(write: Write, child: Child) -> None:
    text = '[[objective]]\nid = "more"\nuse = "next_item"\nloss = "cross_entropy"\n'
    text += '[[variant]]\nname = "A"\n[[variant]]\nname = "B"\nunset = ["objective.more"]\n'

    runs = plan(write("mine.toml", child(text))).runs

    assert [[entry["id"] for entry in run.values["objective"]] for run in runs] == [["next", "more"], ["next"]]


def test_a_child_replaces_the_variants_of_its_parent_and_adds_axes(write: Write, child: Child) -> None:
    write("parent.toml", child('[matrix]\n"train.epochs" = [3]\n' + TWO))
    text = 'recipe = 1\nextends = "parent.toml"\nname = "x"\n[matrix]\n"data.max_length" = [5]\n[[variant]]\nname = "only"\n'

    runs = plan(write("mine.toml", text)).runs

    assert [(run.variant, dict(run.cell)) for run in runs] == [("only", {"train.epochs": 3, "data.max_length": 5})]


def test_the_command_line_replaces_an_axis(write: Write, child: Child) -> None:
    recipe = write("mine.toml", child('[matrix]\n"train.epochs" = [3, 4]\n"evaluation.cutoffs" = [[5], [5, 10]]\n'))

    one = plan(recipe, sets=["train.epochs=9", "evaluation.cutoffs=[20]"]).runs
    several = plan(recipe, sets=["train.epochs=[7, 8]", "evaluation.cutoffs=[[20], [30]]"]).runs

    assert [dict(run.cell) for run in one] == [{"train.epochs": 9, "evaluation.cutoffs": [20]}]
    assert one[0].origins["train.epochs"] == "--set"
    assert [tuple(run.cell.values()) for run in several] == [(7, [20]), (7, [30]), (8, [20]), (8, [30])]


def test_the_command_line_does_not_override_a_variant(complaints: Complaints, child: Child) -> None:
    assert complaints(child(TWO), "backbone.hidden_size=32") == [
        "--set: backbone.hidden_size: Variant 'wide' sets this; change it in the recipe, or in one that extends it."
    ]
    assert complaints(child(TWO), "backbone=sasrec") == [
        "--set: backbone: Variant 'wide' sets this; change it in the recipe, or in one that extends it."
    ]
    assert complaints(child(TWO.replace('"plain"', '"wider"\nset = { backbone = { use = "sasrec" } }')), "backbone.dropout=0.1") == [
        "--set: backbone.dropout: Variant 'wider' sets this; change it in the recipe, or in one that extends it."
    ]


def test_the_command_line_sets_what_variants_leave_alone(write: Write, child: Child) -> None:
    runs = plan(write("mine.toml", child(TWO)), sets=["backbone={dropout = 0.1}"]).runs

    assert [(run.values["backbone"]["hidden_size"], run.values["backbone"]["dropout"]) for run in runs] == [(16, 0.1), (8, 0.1)]


def test_the_command_line_does_not_reach_around_an_axis(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[matrix]\n"data.name" = ["demo", "markov"]\n'), 'data={name = "demo"}') == [
        "--set: data: The matrix decides data.name; set that path itself, to a value or a list."
    ]


def test_a_value_is_decided_in_one_place(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[matrix]\n"backbone.hidden_size" = [4, 8]\n"backbone" = ["sasrec"]\n' + TWO)) == [
        "mine.toml:5: matrix.\"backbone.hidden_size\": Variant 'wide' sets backbone.hidden_size as well; only one of them can.",
        "mine.toml:6: matrix.backbone: The axis backbone.hidden_size sets the same; only one of them can.",
        "mine.toml:6: matrix.backbone: Variant 'wide' sets backbone.hidden_size as well; only one of them can.",
    ]


def test_axes_are_lists_of_different_values(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[matrix]\n"train.epochs" = 5\n"data.max_length" = [5, 5]\n"backbone.dropout" = []\n"a b" = [1]\n')) == [
        'mine.toml:5: matrix."train.epochs": Should be a list of values, got 5.',
        'mine.toml:6: matrix."data.max_length": Lists a value twice: [5, 5].',
        'mine.toml:7: matrix."backbone.dropout": Should be a list of values, got [].',
        'mine.toml:8: matrix."a b": Should be a path such as objective.cross.weight, got "a b".',
    ]


def test_variants_and_axes_set_values_of_runs(complaints: Complaints, child: Child) -> None:
    text = '[matrix]\nseeds = [1, 2]\n"trian.epochs" = [1]\nepochs = [1]\n[[variant]]\nname = "A"\nset = { "report.baseline" = "A" }\n'

    assert complaints(child(text)) == [
        "mine.toml:5: matrix.seeds: 'seeds' belongs to the recipe and is no value of a run. "
        "A run has: data, samples, semantics, backbone, history_bias, initializer, view, stage, objective, train, evaluation, vars.",
        "mine.toml:6: matrix.\"trian.epochs\": There is no table 'trian'. Did you mean 'train'? "
        "A run has: data, samples, semantics, backbone, history_bias, initializer, view, stage, objective, train, evaluation, vars.",
        "mine.toml:7: matrix.epochs: There is no table 'epochs'. Did you mean 'train.epochs'? "
        "A run has: data, samples, semantics, backbone, history_bias, initializer, view, stage, objective, train, evaluation, vars.",
        "mine.toml:10: variant.0.set.\"report.baseline\": 'report' belongs to the recipe and is no value of a run. "
        "A run has: data, samples, semantics, backbone, history_bias, initializer, view, stage, objective, train, evaluation, vars.",
    ]


def test_variants_have_names_of_their_own_and_known_keys(complaints: Complaints, child: Child) -> None:
    text = '[[variant]]\nname = "A"\n[[variant]]\nname = "A"\n[[variant]]\nnmae = "B"\nset = "x"\n'

    assert complaints(child(text)) == [
        "mine.toml:7: variant.1.name: Two variants are called 'A'.",
        "mine.toml:8: variant.2.name: Missing; there is no default. Should be a string, at least 1 long.",
        "mine.toml:9: variant.2.nmae: There is no such key. Did you mean 'name'? [[variant]] takes: name, extends, set, unset, space.",
        'mine.toml:10: variant.2.set: Should be a table, got "x".',
    ]


def test_tables_of_the_wrong_shape(complaints: Complaints, child: Child) -> None:
    assert complaints(child('variant = "A"\nmatrix = 3\n')) == [
        "mine.toml:4: variant: Should be a list of tables, each under [[variant]].",
        "mine.toml:5: matrix: Should be a table of lists, got 3.",
    ]


def test_a_problem_of_one_variant_says_so_and_stands_at_its_line(complaints: Complaints, child: Child) -> None:
    text = '[[variant]]\nname = "A"\nset = { "backbone.dropout" = 2.0 }\n[[variant]]\nname = "B"\nset = { "objective.nxt.weight" = 0.0 }\n'

    assert complaints(child(text)) == [
        "mine.toml:6: backbone.dropout: Should be a number in [0, 1), got 2.0. (In variant 'A'.)",
        "mine.toml:9: objective.nxt.weight: There is no objective 'nxt'. Did you mean 'next'? There are: next. A new one needs `use`.",
    ]


def test_a_problem_of_one_cell_says_so(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[matrix]\n"backbone.dropout" = [0.5, 2.0]\n')) == [
        "mine.toml:5: backbone.dropout: Should be a number in [0, 1), got 2.0. (With backbone.dropout = 2.0.)"
    ]


def test_a_variant_leaves_out_what_is_there(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[[variant]]\nname = "A"\nunset = ["objective.nxt"]\n')) == [
        "mine.toml:6: objective.nxt: There is nothing of that name to leave out. Did you mean 'objective.next'?"
    ]
