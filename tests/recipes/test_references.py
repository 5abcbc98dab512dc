from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sracl.recipes.plan import plan

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]


def test_a_reference_keeps_the_type_of_its_variable(write: Write, child: Child) -> None:
    text = child('[vars]\nwidth = 16\nlayers = "${vars.one}"\none = 1\nmore = { num_heads = 1 }\nks = ["${vars.one}", 10]\n')
    text += '[backbone]\nhidden_size = "${vars.width}"\nnum_layers = "${vars.layers}"\n[evaluation]\ncutoffs = "${vars.ks}"\n'
    text = text.replace("more = { num_heads = 1 }\n", "")

    run = plan(write("mine.toml", text)).runs[0]

    assert run.values["backbone"]["hidden_size"] == 16
    assert run.values["backbone"]["num_layers"] == 1
    assert run.values["evaluation"]["cutoffs"] == [1, 10]
    assert run.origins["backbone.hidden_size"] == "mine.toml:10, vars.width of mine.toml:5"


def test_a_variable_is_set_from_outside(write: Write, child: Child) -> None:
    text = child('[vars]\nwidth = 16\n[backbone]\nhidden_size = "${vars.width}"\n[matrix]\n"vars.width" = [4, 8]\n')

    runs = plan(write("mine.toml", text)).runs
    assert [run.values["backbone"]["hidden_size"] for run in runs] == [4, 8]

    runs = plan("mine.toml", sets=["vars.width=2"]).runs
    assert [run.values["backbone"]["hidden_size"] for run in runs] == [2]
    assert runs[0].origins["backbone.hidden_size"] == "mine.toml:7, vars.width of --set"


def test_an_undefined_variable_is_reported_once(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[vars]\nwidth = 16\n[backbone]\nhidden_size = "${vars.with}"\nnum_heads = "${vars.width}"\n')) == [
        "mine.toml:7: backbone.hidden_size: There is no variable 'with'. Did you mean 'width'? [vars] has: width."
    ]


def test_a_ring_is_reported_where_it_closes(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[vars]\na = "${vars.b}"\nb = "${vars.a}"\n[backbone]\nhidden_size = "${vars.a}"\n')) == [
        "mine.toml:6: vars.b: Variables refer to one another in a ring: a -> b -> a."
    ]


def test_a_reference_is_a_whole_string(complaints: Complaints, child: Child) -> None:
    assert complaints(child('[data]\nname = "${vars.kind}-5core"\n[vars]\nkind = "x"\n[backbone]\nuse = "${data.name}"\n')) == [
        'mine.toml:5: data.name: A reference is a whole string of the form "${vars.name}", got "${vars.kind}-5core".',
        'mine.toml:7: vars.kind: Is never used; a value refers to it as "${vars.kind}".',
        'mine.toml:9: backbone.use: A reference is a whole string of the form "${vars.name}", got "${data.name}".',
    ]


def test_variables_are_not_begun_by_accident(complaints: Complaints, child: Child) -> None:
    text = child('[vars]\nwidth = 16\n[backbone]\nhidden_size = "${vars.width}"\n')

    assert complaints(text, "vars.wdth=8") == ["--set: vars.wdth: There is no such variable. Did you mean 'width'? [vars] has: width."]
