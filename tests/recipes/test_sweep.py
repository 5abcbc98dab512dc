"""What `[sweep]` draws, and the runs that come of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

import pytest

from sracl.recipes.plan import plan
from sracl.recipes.sweep import Range, draw

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

SWEEP = '[sweep]\nmetric = "valid.ndcg@10"\ntrials = 4\n[sweep.space]\n'


@pytest.mark.parametrize(
    ("given", "shares", "numbers"),
    [
        (Range(low=0.0, high=1.0), (0, 0.5, 0.12345), (0.0, 0.5, 0.123)),
        (Range(low=0.01, high=1.0, scale="log"), (0, 0.5, 0.75), (0.01, 0.1, 0.316)),
        (Range(low=1, high=3), (0, 0.34, 0.999), (1, 2, 3)),
        (Range(low=5, high=30, step=5), (0, 0.5, 0.999), (5, 20, 30)),
        (Range(low=0.1, high=0.3, step=0.1), (0, 0.34, 0.999), (0.1, 0.2, 0.3)),
        (Range(low=16, high=256, scale="log"), (0, 0.5, 0.999999), (16, 64, 256)),
    ],
)
def test_a_share_of_a_range_is_a_number(given: Range, shares: tuple[float, ...], numbers: tuple[float, ...]) -> None:
    assert given.complaint() is None
    drawn = [given.at(share) for share in shares]
    assert drawn == list(numbers)
    assert [type(number) for number in drawn] == [type(given.low)] * len(drawn)


def test_no_number_lies_beyond_its_range() -> None:
    near_one = math.nextafter(1, 0)
    for given in (Range(low=0.1234, high=0.5678), Range(low=3e-4, high=2.997e-3, scale="log"), Range(low=1, high=7, scale="log")):
        assert given.at(0) >= given.low
        assert given.at(near_one) <= given.high


def test_points_fill_a_space_evenly_and_more_trials_only_add_to_them() -> None:
    space: list[Range | list[str]] = [Range(low=0.0, high=1.0), ["a", "b"]]
    points = draw(space, 64, seed=1)
    assert Counter(math.floor(number * 4) for number, _ in points) == pytest.approx({0: 16, 1: 16, 2: 16, 3: 16}, abs=2)
    assert Counter(letter for _, letter in points) == pytest.approx({"a": 32, "b": 32}, abs=2)
    assert draw(space, 10, seed=1) == points[:10]
    assert draw(space, 64, seed=2) != points


def test_no_point_is_drawn_twice() -> None:
    assert sorted(draw([["a", "b"], [1, 2, 3]], 6, seed=0)) == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("b", 3)]
    assert len(draw([["a", "b"], [1, 2, 3]], 7, seed=0)) == 6


def test_spaces_that_begin_alike_share_what_is_drawn_for_the_beginning() -> None:
    lr = Range(low=1e-4, high=1e-2, scale="log")
    both = draw([lr, Range(low=0.0, high=1.0)], 8, seed=3)
    assert [(rate,) for rate, _ in both] == draw([lr], 8, seed=3, axes=2)


def test_every_variant_is_tried_at_the_same_points_and_its_own(write: Write, child: Child) -> None:
    text = child(
        'seeds = [1, 2]\n[[variant]]\nname = "A"\n[[variant]]\nname = "B"\nspace = { backbone.dropout = { low = 0.1, high = 0.5 } }\n'
    )
    text += f'{SWEEP}train.optimizer.lr = {{ low = 1e-4, high = 1e-2, scale = "log" }}\n'

    made = plan(write("mine.toml", text))

    assert len(made.runs) == 2 * 4 * 2
    rates = {name: [run.cell["train.optimizer.lr"] for run in made.runs if (run.variant, run.seed) == (name, 1)] for name in "AB"}
    assert rates["A"] == rates["B"]
    assert len(set(rates["A"])) == 4
    assert [set(run.cell) for run in (made.runs[0], made.runs[-1])] == [{"train.optimizer.lr"}, {"train.optimizer.lr", "backbone.dropout"}]
    last = made.runs[-1]
    assert (last.values["train"]["optimizer"]["lr"], last.values["backbone"]["dropout"]) == tuple(last.cell.values())
    assert (last.origins["train.optimizer.lr"], last.origins["backbone.dropout"]) == ("[sweep.space]", "[variant.1.space]")
    assert made.report["tuned"] == "ndcg@10"


def test_a_matrix_is_multiplied_with_the_points_or_swept_alone(write: Write, child: Child) -> None:
    matrix = '[matrix]\n"data.max_length" = [5, 6]\n'
    both = plan(write("both.toml", child(f'{SWEEP}"backbone.dropout" = {{ low = 0.1, high = 0.5 }}\n{matrix}')))
    assert [run.cell["data.max_length"] for run in both.runs] == [5] * 4 + [6] * 4
    assert [run.cell["backbone.dropout"] for run in both.runs[:4]] == [run.cell["backbone.dropout"] for run in both.runs[4:]]
    alone = plan(write("alone.toml", child(f'[sweep]\nmetric = "valid.mrr@5"\n{matrix}')))
    assert [dict(run.cell) for run in alone.runs] == [{"data.max_length": 5}, {"data.max_length": 6}]
    assert alone.report["tuned"] == "mrr@5"


def test_a_recipe_without_a_sweep_chooses_nothing(write: Write) -> None:
    write("mine.toml", "")
    assert "tuned" not in plan("small.toml").report


def test_a_child_changes_one_end_of_a_range(write: Write, child: Child) -> None:
    write("parent.toml", child(f'{SWEEP}"backbone.dropout" = {{ low = 0.1, high = 0.2 }}\n'))
    text = 'recipe = 1\nextends = "parent.toml"\nname = "x"\n[sweep]\ntrials = 9\nspace = { "backbone.dropout" = { high = 0.9 } }\n'

    drawn = [run.cell["backbone.dropout"] for run in plan(write("mine.toml", text)).runs]

    assert len(drawn) == 9
    assert max(drawn) > 0.8


def test_the_command_line_sets_trials_and_what_would_be_drawn(write: Write, child: Child) -> None:
    recipe = write("mine.toml", child(f'{SWEEP}"backbone.dropout" = {{ low = 0.1, high = 0.5 }}\n"train.epochs" = [3, 4]\n'))
    drawn = plan(recipe, sets=["sweep.trials=6"]).runs
    fixed = plan(recipe, sets=["train.epochs=5"]).runs
    listed = plan(recipe, sets=["backbone.dropout=[0.3, 0.4]"]).runs
    assert [len(runs) for runs in (drawn, fixed, listed)] == [6, 4, 4]
    assert [run.cell["backbone.dropout"] for run in fixed] == [run.cell["backbone.dropout"] for run in drawn[:4]]
    assert {run.values["train"]["epochs"] for run in fixed} == {5}
    assert {run.cell["backbone.dropout"] for run in listed} == {0.3, 0.4}


def test_the_choice_is_by_what_validation_computes(child: Child, complaints: Complaints) -> None:
    known = "valid.hr@5, valid.hr@10, valid.ndcg@5, valid.ndcg@10, valid.mrr@5, valid.mrr@10"
    rest = 'trials = 2\nspace = { "train.epochs" = [3, 4] }\n'
    assert complaints(child(f'[sweep]\nmetric = "test.hr@10"\n{rest}')) == [
        "mine.toml:5: sweep.metric: Validation alone chooses: what is chosen by test figures has none left that mean anything. "
        "Write valid. instead."
    ]
    assert complaints(child(f'[sweep]\nmetric = "valid.hr@11"\n{rest}')) == [
        f"mine.toml:5: sweep.metric: \"valid.hr@11\" is not computed. Did you mean 'valid.hr@10'? Computed are: {known}."
    ]
    assert complaints(child(f"[sweep]\n{rest}")) == ["mine.toml:4: sweep.metric: Missing; there is no default. Should be a string."]


def test_ranges_and_trials_are_checked_where_they_stand(child: Child, complaints: Complaints) -> None:
    text = f'{SWEEP}"backbone.dropout" = {{ low = 0.5, high = 0.1 }}\n"train.optimizer.lr" = {{ low = 0, high = 1, scale = "log" }}\n'
    text += '"train.epochs" = { low = 1, high = 9, step = 0.5 }\n"data.max_length" = 5\n"backbone.num_heads" = { low = 1, hihg = 2 }\n'
    assert complaints(child(text)) == [
        'mine.toml:8: sweep.space."backbone.dropout": Should have a low below its high, got 0.5 and 0.1.',
        'mine.toml:9: sweep.space."train.optimizer.lr": Logarithms are of positive numbers; low is 0.',
        'mine.toml:10: sweep.space."train.epochs": Steps of 0.5 lead from integers to other numbers; write low = 1.0 if that is meant.',
        'mine.toml:11: sweep.space."data.max_length": Should be a list of values or a range, { low = …, high = … }, got 5.',
        'mine.toml:12: sweep.space."backbone.num_heads".high: Missing; there is no default. Should be an integer or a number.',
        "mine.toml:12: sweep.space.\"backbone.num_heads\".hihg: There is no such key. Did you mean 'high'? "
        '[sweep.space."backbone.num_heads"] takes: low, high, scale, step.',
    ]
    assert complaints(child(f'{SWEEP}"train.epochs" = [3, 4]\n')) == [
        "mine.toml:6: sweep.trials: The space has 2 points, and 4 are asked for."
    ]
    assert complaints(child('[sweep]\nmetric = "valid.hr@5"\ntrials = 4\n')) == [
        "mine.toml:6: sweep.trials: Are drawn from a space, and there is none: [sweep.space] gives paths their ranges or values."
    ]
    assert complaints(child('[sweep]\nmetric = "valid.hr@5"\nspace = { "train.epochs" = [3, 4] }\n')) == [
        "mine.toml:4: sweep.trials: Missing. It is how many points of the space every variant is tried at."
    ]


def test_one_place_decides_a_value(child: Child, complaints: Complaints) -> None:
    variants = (
        '[[variant]]\nname = "A"\nset = { "train.epochs" = 3 }\n[[variant]]\nname = "B"\nspace = { "backbone.dropout" = [0.1, 0.2] }\n'
    )
    matrix = '[matrix]\n"backbone.dropout" = [0.1]\n'
    assert complaints(child(f'{variants}{SWEEP}"train.epochs" = {{ low = 3, high = 9 }}\n{matrix}')) == [
        'mine.toml:9: variant.1.space."backbone.dropout": The axis backbone.dropout sets the same; only one of them can.',
        "mine.toml:14: sweep.space.\"train.epochs\": Variant 'A' sets train.epochs as well; only one of them can.",
    ]
    assert complaints(child(variants)) == [
        'mine.toml:9: variant.1.space."backbone.dropout": Nothing is drawn without [sweep], which says how many trials.'
    ]
    recipe = child(f'{SWEEP}"train.optimizer.lr" = {{ low = 0.1, high = 0.9 }}\n')
    assert complaints(recipe, 'train.optimizer={use = "adamw"}') == [
        "--set: train.optimizer: The sweep decides train.optimizer.lr; set that path itself, to a value or a list."
    ]


def test_a_space_too_small_is_told_of_the_variant_that_has_it(child: Child, complaints: Complaints) -> None:
    variants = '[[variant]]\nname = "A"\n[[variant]]\nname = "B"\nspace = { "backbone.dropout" = [0.1, 0.2, 0.3] }\n'
    assert complaints(child(f'{variants}{SWEEP}"train.epochs" = [3, 4]\n')) == [
        "mine.toml:11: sweep.trials: The space of variant 'A' has 2 points, and 4 are asked for."
    ]


def test_nothing_is_no_axis(child: Child, complaints: Complaints) -> None:
    drawn = child(f'{SWEEP}"train.epochs" = [3, 4, 5, 6]\n"backbone.dropout" = {{ low = 0.1, high = 0.2 }}\n')
    assert complaints(drawn, "backbone.dropout=[]") == [
        "--set: backbone.dropout: The sweep lists values for this path; at least one is needed."
    ]
    empty = child(f'{SWEEP}"train.epochs" = [3, 4, 5, 6]\n"backbone.dropout" = {{}}\n')
    assert (
        complaints(empty)[0]
        == 'mine.toml:9: sweep.space."backbone.dropout".low: Missing; there is no default. Should be an integer or a number.'
    )
    assert complaints(child('[matrix]\n"train.epochs" = {}\n')) == [
        'mine.toml:5: matrix."train.epochs": Should be a list of values, got {}.'
    ]


def test_a_path_may_end_like_a_word_of_ranges(write: Write, child: Child) -> None:
    text = child('samples = { use = "window", step = 0.2 }\n[matrix]\nsamples.step = [0.5, 1.0]\n')
    assert [run.cell["samples.step"] for run in plan(write("mine.toml", text)).runs] == [0.5, 1.0]


def test_values_that_are_refused_for_one_reason_are_one_problem(child: Child, complaints: Complaints) -> None:
    swept = SWEEP.replace("4", "20")
    layers = '"backbone.num_layers" = [1, 2]\n'
    assert complaints(child(f'{swept}"backbone.dropout" = {{ low = 1.1, high = 1.5 }}\n{layers}')) == [
        "mine.toml:8: backbone.dropout: Should be a number in [0, 1), got 1.48, 1.28, 1.38, and 17 more."
    ]
    assert complaints(child(f'{swept}"backbone.dropout" = {{ low = 0.1, high = 0.5 }}\n"backbone.num_layers" = [1, 0]\n')) == [
        "mine.toml:9: backbone.num_layers: Should be an integer of at least 1, got 0. (With backbone.num_layers = 0.)"
    ]
    variables = '[vars]\nrate = 0.1\n[backbone]\ndropout = "${vars.rate}"\n'
    (told,) = complaints(child(f'{variables}{swept}"vars.rate" = {{ low = 1.1, high = 1.5 }}\n'))
    assert told.endswith("got 1.48, 1.28, 1.38, and 17 more. (With vars.rate = 1.48; vars.rate = 1.28; vars.rate = 1.38; and 17 more.)")


@pytest.mark.parametrize("path", ["backbone.dropout", '"backbone.dropout"'])
def test_the_command_line_reaches_into_the_space_with_and_without_quotes(write: Write, child: Child, path: str) -> None:
    recipe = write("mine.toml", child(f'{SWEEP}"backbone.dropout" = {{ low = 0.1, high = 0.2 }}\n'))
    wider = plan(recipe, sets=[f"sweep.space.{path}.high=0.9"]).runs
    assert max(run.cell["backbone.dropout"] for run in wider) > 0.8
    another = plan(recipe, sets=["sweep.space.train.epochs=[3, 4]", f"sweep.space.{path}={{ high = 0.3 }}"]).runs
    assert {run.cell["train.epochs"] for run in another} == {3, 4}
    assert all(run.cell["backbone.dropout"] <= 0.3 for run in another)
    new = plan(recipe, sets=["sweep.space.train.optimizer.lr={ low = 0.1, high = 0.2 }"]).runs
    assert len({run.cell["train.optimizer.lr"] for run in new}) == 4


def test_a_path_with_and_without_quotes_is_one_axis(child: Child, complaints: Complaints) -> None:
    twice = '"backbone.dropout" = [0.1, 0.2]\nbackbone.dropout = [0.3, 0.4]\n'
    told = "Is given twice; with quotes and without them it is one path."
    assert complaints(child(f"{SWEEP.replace('4', '2')}{twice}")) == [f'mine.toml:9: sweep.space."backbone.dropout": {told}']
    assert complaints(child(f"[matrix]\n{twice}")) == [f'mine.toml:6: matrix."backbone.dropout": {told}']


def test_a_value_that_a_parent_draws_or_lists_is_said_to_have_no_effect(write: Write, child: Child, complaints: Complaints) -> None:
    write("parent.toml", child(f'{SWEEP}"backbone.dropout" = {{ low = 0.1, high = 0.2 }}\n[matrix]\n"train.epochs" = [3, 4]\n'))
    start = 'recipe = 1\nextends = "parent.toml"\nname = "x"\n'
    fixed = "[backbone]\ndropout = 0.4\n[train]\nepochs = 5\n"
    assert complaints(start + fixed) == [
        "mine.toml:5: backbone.dropout: Has no effect: the sweep of parent.toml decides it for every run. "
        'List it there, or leave that out: unset = ["sweep.space.\\"backbone.dropout\\""].',
        "mine.toml:7: train.epochs: Has no effect: the matrix of parent.toml decides it for every run. "
        'List it there, or leave that out: unset = ["matrix.\\"train.epochs\\""].',
    ]
    unset = 'unset = ["sweep", "matrix.\\"train.epochs\\""]\n'
    (run,) = plan(write("mine.toml", start + unset + fixed)).runs
    assert (run.values["backbone"]["dropout"], run.values["train"]["epochs"]) == (0.4, 5)


def test_a_value_beside_an_axis_of_its_own_file_is_what_that_varies(write: Write, child: Child) -> None:
    runs = plan(write("mine.toml", child('[train]\nepochs = 5\n[matrix]\n"train.epochs" = [3, 4]\n'))).runs
    assert [run.values["train"]["epochs"] for run in runs] == [3, 4]


def test_a_sweep_has_something_to_choose_among(child: Child, complaints: Complaints) -> None:
    assert complaints(child('[sweep]\nmetric = "valid.hr@5"\n')) == [
        "mine.toml:4: sweep: There is nothing to choose among: [sweep.space] with trials gives points, and so does [matrix]."
    ]
