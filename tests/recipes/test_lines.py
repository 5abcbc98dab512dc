from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sracl.recipes.lines import join_path, key_lines, split_path

DOCUMENT = '''\
# a comment with [brackets] and = signs
recipe = 1
name = "a # no comment ] }"
note = """two
lines = [of text] ""quoted"" """
quote = 'c:\\'

[semantics.items]                    # a header
llm = { use = "template", "a.b" = [1,
  2, { k = 3 }] }

[[objective]]
id = "first"
[[objective]]
id = "second"
loss.use = "x"
[objective.inner]
deep = true
[[objective.list]]
q = 1
[[objective.list]]
q = 2
'''


def test_every_key_has_its_line() -> None:
    lines = key_lines(DOCUMENT)

    assert lines["recipe",] == 2
    assert lines["note",] == 4
    assert lines["quote",] == 6  # a text of two lines stands between
    assert lines["semantics",] == lines["semantics", "items"] == 8
    assert lines["semantics", "items", "llm", "use"] == 9
    assert lines["semantics", "items", "llm", "a.b", "0"] == 9
    assert lines["semantics", "items", "llm", "a.b", "1"] == 10
    assert lines["semantics", "items", "llm", "a.b", "2", "k"] == 10
    assert lines["objective", "0"] == 12
    assert lines["objective", "1", "id"] == 15
    assert lines["objective", "1", "loss"] == lines["objective", "1", "loss", "use"] == 16
    assert lines["objective", "1", "inner", "deep"] == 18
    assert lines["objective", "1", "list", "0", "q"] == 20
    assert lines["objective", "1", "list", "1", "q"] == 22


def _paths(value: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(_paths(inner, (*path, str(key))) for key, inner in entries))


def _toml_files() -> list[Path]:
    root = Path(__file__).parents[2]
    return [root / "pyproject.toml", *sorted((root / "registry").rglob("*.toml")), *sorted((root / "recipes").rglob("*.toml"))]


@pytest.mark.parametrize("file", _toml_files(), ids=lambda file: file.name)
def test_the_scanner_and_tomllib_find_the_same_keys(file: Path) -> None:
    text = file.read_text("utf-8")

    assert set(key_lines(text)) == _paths(tomllib.loads(text)) - {()}


def test_an_empty_document_has_no_keys() -> None:
    assert key_lines("\n# nothing\n") == {}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("train.epochs", ("train", "epochs")),
        ('matrix."data.name"', ("matrix", "data.name")),
        ("matrix.'data.name'.x", ("matrix", "data.name", "x")),
        ("name", ("name",)),
    ],
)
def test_paths_are_written_as_toml_keys(text: str, path: tuple[str, ...]) -> None:
    assert split_path(text) == path
    assert split_path(join_path(path)) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", 'a."b', "a[0]"])
def test_what_is_no_path_is_told(text: str) -> None:
    assert split_path(text) is None
