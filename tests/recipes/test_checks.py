"""Views, stages and phases: how they are written, inherited, addressed and left out, and what is said when they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from sracl.errors import RecipeError
from sracl.recipes.plan import plan

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

# In a child of small.toml these begin on line 4.
VIEW = """\
[[view]]
id = "pair"
use = "independent"
augmenter = { use = "mask", ratio = 0.3 }
"""
STAGE = """\
[[stage]]
id = "pretrain"
[[stage.objective]]
id = "contrast"
use = "view_contrast"
views = "view.pair"
loss = "nt_xent"
[stage.train]
batch_size = 16
epochs = 2
"""
OBJECTIVE = """\
[[objective]]
id = "views"
use = "view_contrast"
weight = 0.1
views = "view.pair"
loss = "nt_xent"
"""
PHASES = """\
[[train.phase]]
id = "encoder"
update = ["backbone"]
[[train.phase]]
id = "learn"
update = ["views"]
weights = { next = 0, views = 2.5 }
"""
ALL = VIEW + STAGE + OBJECTIVE + PHASES


def values(*sets: str, recipe: str = "mine.toml") -> Any:
    (run,) = plan(recipe, sets=sets).runs
    return run.values


@pytest.fixture
def mine(write: Write, child: Child) -> None:
    write("mine.toml", child(ALL))


@pytest.mark.usefixtures("mine")
def test_a_view_is_declared_once_and_named() -> None:
    found = values()
    assert found["view"] == [{"id": "pair", "use": "independent", "augmenter": {"use": "mask", "ratio": 0.3}}]
    assert found["objective"][1]["views"] == found["stage"][0]["objective"][0]["views"] == {"use": "view.pair"}


@pytest.mark.usefixtures("mine")
def test_a_stage_is_complete() -> None:
    (stage,) = values()["stage"]
    assert stage["id"] == "pretrain"
    assert stage["samples"] == {"use": "prefix"}
    (contrast,) = stage["objective"]
    assert (contrast["id"], contrast["weight"], contrast["loss"]["use"]) == ("contrast", 1.0, "nt_xent")
    assert (stage["train"]["batch_size"], stage["train"]["epochs"], stage["train"]["optimizer"]["use"]) == (16, 2, "adam")
    assert stage["train"].keys() == {"batch_size", "epochs", "optimizer", "precision"}  # nothing is validated, so nothing stops early


@pytest.mark.usefixtures("mine")
def test_phases_stand_in_the_order_of_the_file() -> None:
    assert values()["train"]["phase"] == [
        {"id": "encoder", "update": ["backbone"], "weights": {}},
        {"id": "learn", "update": ["views"], "weights": {"next": 0.0, "views": 2.5}},
    ]


def test_none_of_them_is_needed(write: Write) -> None:
    write("mine.toml", "")
    found = values(recipe="small.toml")
    assert (found["view"], found["stage"], found["train"]["phase"]) == ([], [], [])


@pytest.mark.usefixtures("mine")
def test_they_are_addressed_by_id_on_the_command_line() -> None:
    found = values(
        "stage.pretrain.train.epochs=3",
        "stage.pretrain.samples=user",
        "stage.pretrain.objective.contrast.loss.temperature=0.5",
        "view.pair.augmenter.ratio=0.1",
        "train.phase.learn.weights.views=0.5",
        'train.phase.learn.update=["views", "backbone"]',
    )
    (stage,) = found["stage"]
    assert stage["train"]["epochs"] == 3
    assert stage["samples"] == {"use": "user"}
    assert stage["objective"][0]["loss"]["temperature"] == 0.5
    assert found["view"][0]["augmenter"] == {"use": "mask", "ratio": 0.1}
    assert found["train"]["phase"][1] == {"id": "learn", "update": ["views", "backbone"], "weights": {"next": 0.0, "views": 0.5}}


@pytest.mark.usefixtures("mine")
def test_they_are_inherited_and_merged_by_id(write: Write) -> None:
    text = 'recipe = 1\nextends = "mine.toml"\nname = "grandchild"\n'
    text += '[[view]]\nid = "pair"\naugmenter = { ratio = 0.9 }\n'
    text += '[[stage]]\nid = "pretrain"\ntrain = { epochs = 7 }\n[[stage.objective]]\nid = "contrast"\nweight = 2.0\n'
    text += '[[train.phase]]\nid = "learn"\nweights = { next = 1.0 }\n'
    text += '[[train.phase]]\nid = "again"\nupdate = ["backbone"]\n'
    found = values(recipe=write("grandchild.toml", text))
    assert found["view"] == [{"id": "pair", "use": "independent", "augmenter": {"use": "mask", "ratio": 0.9}}]
    (stage,) = found["stage"]
    assert (stage["train"]["batch_size"], stage["train"]["epochs"]) == (16, 7)
    assert [(entry["id"], entry["weight"], entry["use"]) for entry in stage["objective"]] == [("contrast", 2.0, "view_contrast")]
    assert [phase["id"] for phase in found["train"]["phase"]] == ["encoder", "learn", "again"]
    assert found["train"]["phase"][1] == {"id": "learn", "update": ["views"], "weights": {"next": 1.0, "views": 2.5}}


@pytest.mark.usefixtures("mine")
def test_they_are_left_out_with_unset(write: Write) -> None:
    text = 'recipe = 1\nextends = "mine.toml"\nname = "grandchild"\nunset = ["stage.pretrain", "train.phase", "objective.views"]\n'
    assert values(recipe=write("grandchild.toml", text)) == values(recipe="small.toml")


@pytest.mark.usefixtures("mine")
def test_every_value_of_theirs_has_an_origin() -> None:
    (run,) = plan("mine.toml", sets=["stage.pretrain.train.epochs=3"]).runs
    expected = {
        "view.pair.id": "mine.toml:4",
        "view.pair.augmenter.ratio": "mine.toml:7",
        "stage.pretrain.id": "mine.toml:8",
        "stage.pretrain.samples.use": "default",
        "stage.pretrain.objective.contrast.id": "mine.toml:10",
        "stage.pretrain.objective.contrast.weight": "default",
        "stage.pretrain.objective.contrast.views.use": "mine.toml:13",
        "stage.pretrain.train.batch_size": "mine.toml:16",
        "stage.pretrain.train.epochs": "--set",
        "train.phase.learn.update": "mine.toml:29",
        "train.phase.learn.weights.views": "mine.toml:30",
    }
    assert {path: run.origins[path] for path in expected} == expected
    assert plan("small.toml").runs[0].origins["stage"] == "default"


@pytest.mark.usefixtures("mine")
def test_a_variant_and_the_matrix_reach_into_them(write: Write) -> None:
    text = 'recipe = 1\nextends = "mine.toml"\nname = "grandchild"\n'
    text += '[[variant]]\nname = "long"\nset = { "stage.pretrain.train.epochs" = 9 }\n[matrix]\n"view.pair.augmenter.ratio" = [0.2, 0.4]\n'
    runs = plan(write("grandchild.toml", text)).runs
    reached = [(run.values["stage"][0]["train"]["epochs"], run.values["view"][0]["augmenter"]["ratio"]) for run in runs]
    assert reached == [(9, 0.2), (9, 0.4)]


def test_a_view_that_nobody_names_is_left_out(write: Write, child: Child) -> None:
    write("mine.toml", child(VIEW))
    assert plan("mine.toml").runs[0].values == plan("small.toml").runs[0].values
    assert plan("mine.toml").runs[0].digest == plan("small.toml").runs[0].digest


NEEDY = """\
[semantics.items]
[[view]]
id = "pair"
use = "independent"
augmenter = { use = "substitute", similarity = "semantic" }
"""


def test_what_only_an_idle_view_needs_is_left_out_too(write: Write, child: Child) -> None:
    write("mine.toml", child(NEEDY + OBJECTIVE))
    assert list(values()["semantics"]) == ["items"]
    assert values("objective.views.weight=0") == values(recipe="small.toml")


def test_an_idle_view_needs_nothing(write: Write, child: Child) -> None:
    write("mine.toml", child(NEEDY.replace("[semantics.items]\n", "")))
    assert values() == values(recipe="small.toml")


def test_a_view_that_needs_a_table(complaints: Complaints, child: Child) -> None:
    assert complaints(child(NEEDY.replace("[semantics.items]\n", "") + OBJECTIVE)) == [
        "mine.toml:4: view.pair: independent needs [semantics.items], which the recipe does not have."
    ]


@pytest.mark.usefixtures("mine")
def test_a_view_of_a_stage_alone_stays() -> None:
    assert [view["id"] for view in values("objective.views.weight=0")["view"]] == ["pair"]


def test_weight_zero_drops_the_objective_its_view_and_its_phases(write: Write, child: Child) -> None:
    write("mine.toml", child(VIEW + OBJECTIVE + PHASES))
    found = values("objective.views.weight=0")
    assert [entry["id"] for entry in found["objective"]] == ["next"]
    assert found["view"] == []
    # the phase `learn` updated nothing else, and that every objective would weigh 0 in it is no matter; `encoder` alone is all
    assert found["train"]["phase"] == []
    assert plan("mine.toml", sets=["objective.views.weight=0"]).runs[0].digest == plan("small.toml").runs[0].digest


def test_phases_alike_are_one_where_nothing_is_left_to_alternate_with(write: Write, child: Child) -> None:
    again = '[[train.phase]]\nid = "again"\nupdate = ["backbone"]\n'
    write("mine.toml", child(VIEW + OBJECTIVE + PHASES + again))
    assert values("objective.views.weight=0")["train"]["phase"] == []
    # with weights of its own the update that is left is not that of training without phases
    heavier = ["objective.views.weight=0", "train.phase.encoder.weights={ next = 2.0 }", "train.phase.again.weights={ next = 2.0 }"]
    assert values(*heavier)["train"]["phase"] == [{"id": "encoder", "update": ["backbone"], "weights": {"next": 2.0}}]
    # two updates that differ alternate still
    assert [phase["id"] for phase in values(*heavier[:2])["train"]["phase"]] == ["encoder", "again"]


def test_phases_alike_that_the_recipe_asks_for_stay_two(write: Write, child: Child) -> None:
    write("mine.toml", child('[[train.phase]]\nid = "once"\nupdate = ["backbone"]\n[[train.phase]]\nid = "twice"\nupdate = ["backbone"]\n'))
    assert [phase["id"] for phase in values()["train"]["phase"]] == ["once", "twice"]


def test_weight_zero_drops_an_objective_from_the_phases_that_stay(write: Write, child: Child) -> None:
    write("mine.toml", child(VIEW + OBJECTIVE + PHASES.replace('["views"]', '["views", "backbone"]').replace("next = 0", "next = 1")))
    assert values("objective.views.weight=0")["train"]["phase"][1] == {"id": "learn", "update": ["backbone"], "weights": {"next": 1.0}}


@pytest.mark.usefixtures("mine")
def test_stages_views_and_phases_enter_the_digest() -> None:
    sets = ["stage.pretrain.train.epochs=3", "view.pair.augmenter.ratio=0.1", "train.phase.learn.weights.views=1"]
    digests = {plan("mine.toml", sets=chosen).runs[0].digest for chosen in ([], *([one] for one in sets))}
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            VIEW + OBJECTIVE.replace("view.pair", "view.pear"),
            ["mine.toml:12: objective.views.views: No view is called 'pear'. Did you mean 'pair'? [[view]] has: pair."],
        ),
        (OBJECTIVE, ["mine.toml:8: objective.views.views: No view is called 'pair'. [[view]] has: none."]),
        (
            VIEW + OBJECTIVE.replace('"view.pair"', '{ use = "view.pair", augmenter = "crop" }'),
            ["mine.toml:12: objective.views.views: Names a declared view, whose values stand there: leave augmenter out."],
        ),
        (
            STAGE + VIEW.replace("augmenter", "augmentr"),
            [
                "mine.toml:14: view.pair.augmenter: Independent needs an augmenter here.",
                "mine.toml:17: view.pair.augmentr: Independent takes no such parameter. Did you mean 'augmenter'? It takes: augmenter.",
            ],
        ),
        (
            VIEW + VIEW,
            ["mine.toml:9: view.1.id: Two views are called 'pair'; the other stands on line 4."],
        ),
        (
            '[[view]]\nid = "pair"\nratio = 3\n',
            ["mine.toml:4: view.pair: There is no view 'pair'. There are: none. A new one needs `use`."],
        ),
        (
            '[[view]]\nuse = "independent"\n',
            ['mine.toml:4: view.0.id: Missing. An id, such as id = "pair", makes its values addressable.'],
        ),
        (
            VIEW + STAGE + STAGE,
            ["mine.toml:19: stage.1.id: Two stages are called 'pretrain'; the other stands on line 8."],
        ),
        (
            '[[stage]]\nid = "pretrain"\n[stage.train]\nbatch_size = 8\nepochs = 1\n',
            ["mine.toml:4: stage.pretrain: There is no stage 'pretrain'. There are: none. A new one needs `objective`."],
        ),
        (
            '[[stage]]\nid = "pretrain"\nobjective = []\n[stage.train]\nbatch_size = 8\nepochs = 1\n',
            ["mine.toml:4: stage.pretrain.objective: A stage needs at least one [[stage.objective]]."],
        ),
        (
            VIEW + STAGE.partition("[stage.train]")[0],
            ["mine.toml:8: stage.pretrain.train: Missing. A recipe needs [stage.pretrain.train] with batch_size, epochs."],
        ),
        (
            VIEW + STAGE + "early_stopping = { metric = 'valid.mrr@10', patience = 3 }\n",
            [
                "mine.toml:18: stage.pretrain.train.early_stopping: There is no such key. "
                "[stage.pretrain.train] takes: batch_size, epochs, optimizer, precision."
            ],
        ),
        (
            VIEW + STAGE.replace('id = "pretrain"\n', 'id = "pretrain"\nsampels = "user"\n'),
            [
                "mine.toml:10: stage.pretrain.sampels: There is no such key. Did you mean 'samples'? "
                "A [[stage]] takes: samples, objective, train."
            ],
        ),
        (
            VIEW + STAGE.replace('use = "view_contrast"\n', 'use = "view_contrast"\nweight = 0\n'),
            ["mine.toml:10: stage.pretrain.objective: Every objective has weight 0, so there is nothing to train."],
        ),
        (
            VIEW + STAGE.replace('[[stage.objective]]\nid = "contrast"\n', "[[stage.objective]]\n"),
            [
                "mine.toml:8: stage.pretrain.objective: A stage needs at least one [[stage.objective]].",
                'mine.toml:10: stage.pretrain.objective.0.id: Missing. An id, such as id = "cross", makes its values addressable.',
            ],
        ),
        ("[stage]\nepochs = 3\n", ["mine.toml:4: stage: Should be a list of tables, each under [[stage]]."]),
        ("[train.phase]\nlearn = 3\n", ["mine.toml:4: train.phase: Should be a list of tables, each under [[train.phase]]."]),
        (
            '[[train.phase]]\nid = "learn"\nupdate = ["backbon", "nxt"]\nweights = { nxt = 1, next = 1 }\n',
            [
                "mine.toml:6: train.phase.learn.update.0: There is nothing 'backbon' to update. Did you mean 'backbone'? "
                "There are: backbone, next.",
                "mine.toml:6: train.phase.learn.update.1: There is nothing 'nxt' to update. Did you mean 'next'? "
                "There are: backbone, next.",
                "mine.toml:7: train.phase.learn.weights.nxt: No objective is called 'nxt'. Did you mean 'next'? There are: next.",
            ],
        ),
        (
            '[[train.phase]]\nid = "learn"\nupdates = ["backbone"]\n',
            ["mine.toml:4: train.phase.learn: There is no phase 'learn'. There are: none. A new one needs `update`."],
        ),
        (
            '[[train.phase]]\nid = "learn"\nupdate = "backbone"\nwieghts = 3\n',
            [
                'mine.toml:6: train.phase.learn.update: Should be an array of strings, at least 1 long, got "backbone".',
                "mine.toml:7: train.phase.learn.wieghts: There is no such key. Did you mean 'weights'? "
                "[train.phase.learn] takes: id, update, weights.",
            ],
        ),
        (
            '[[train.phase]]\nid = "learn"\nupdate = ["backbone"]\nweights = { next = -1 }\n',
            ["mine.toml:7: train.phase.learn.weights.next: Should be a number of at least 0, got -1."],
        ),
        (
            '[[train.phase]]\nid = "learn"\nupdate = ["backbone"]\nweights = 2\n',
            ["mine.toml:7: train.phase.learn.weights: Should be a table, got 2."],
        ),
        (
            '[[train.phase]]\nid = "learn"\nupdate = ["backbone"]\nweights = { next = 0 }\n',
            ["mine.toml:4: train.phase.learn: Every objective has weight 0 in this phase, so there is nothing to learn from."],
        ),
        (
            VIEW + STAGE.replace('use = "view_contrast"\n', ""),
            [
                "mine.toml:10: stage.pretrain.objective.contrast: There is no objective 'contrast'. There are: none. "
                "A new one needs `use`.",
                "mine.toml:10: stage.pretrain.objective: A stage needs at least one [[stage.objective]].",
            ],
        ),
        (
            PHASES.replace('"learn"', '"encoder"').replace('["views"]', '["backbone"]').replace(", views = 2.5", ""),
            ["mine.toml:8: train.phase.1.id: Two phases are called 'encoder'; the other stands on line 4."],
        ),
        (
            '[[objective]]\nid = "backbone"\nuse = "next_item"\nloss = "cross_entropy"\n'
            '[[train.phase]]\nid = "learn"\nupdate = ["backbone"]\n',
            ["mine.toml:4: objective.backbone: A phase that updates 'backbone' means the backbone; call this objective something else."],
        ),
    ],
)
def test_what_does_not_fit_is_said_with_its_line(complaints: Complaints, child: Child, text: str, lines: list[str]) -> None:
    assert complaints(child(text)) == lines


@pytest.mark.usefixtures("mine")
def test_a_command_line_that_does_not_fit() -> None:
    refused = {
        "stage.pre.train.epochs=3": "There is no stage 'pre'. Did you mean 'pretrain'? There are: pretrain. A new one needs `objective`.",
        "view.pear.augmenter.ratio=1": "There is no view 'pear'. Did you mean 'pair'? There are: pair. A new one needs `use`.",
        "train.phase.lern.weights.next=0": "There is no phase 'lern'. Did you mean 'learn'? There are: encoder, learn. "
        "A new one needs `update`.",
        "view.pair=3": "A view is a table, { use = …, … }.",
        "stage.pretrain=3": "A stage is a table, { objective = …, … }.",
        "train.phase=3": "Phases are addressed by id: train.phase.encoder, train.phase.learn.",
        'stage."a b"={ objective = { next = { use = "next_item", loss = "cross_entropy" } }, train = { batch_size = 1, epochs = 1 } }': (
            'Should be a string, matching ^[A-Za-z0-9_-]+$, got "a b".'
        ),
    }
    for setting, what in refused.items():
        with pytest.raises(RecipeError) as caught:
            plan("mine.toml", sets=[setting])
        (problem,) = caught.value.problems
        assert (problem.file, problem.what) == ("--set", what)
