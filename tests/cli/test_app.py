from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sracl import errors
from sracl.cli import app as shell
from sracl.cli.commands import ENTRIES, Entry
from sracl.errors import SraclError

ROOT = Path(__file__).resolve().parents[2]


def sracl(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run([sys.executable, "-m", "sracl", *arguments], env=environment, capture_output=True, text=True, timeout=60)


def raising(error: BaseException) -> typer.Typer:
    """An app whose one command raises the error."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def only() -> None:
        raise error

    return app


def test_the_help_of_no_command_loses_what_stands_in_brackets() -> None:
    assert "([resources] vram, in GiB)" in " ".join(sracl("worker", "--help", COLUMNS="200").stdout.split())


# interface of the command line: the exit code says what kind of thing went wrong
CODES = {
    "SraclError": 1,
    "UsageError": 2,
    "DataError": 4,
    "BudgetError": 5,
    "ResourceError": 6,
    "StoreError": 8,
    "PluginError": 9,
}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_an_expected_error_is_a_message_and_its_exit_code(
    name: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SRACL_LOG", raising=False)
    kind: type[SraclError] = getattr(errors, name)
    monkeypatch.setattr(shell, "app", raising(kind("The [red]cellar[/red] is locked.")))
    assert shell.main([]) == code
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == "The [red]cellar[/red] is locked.\n"


def test_a_recipe_error_lists_its_problems_and_leaves_with_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    problems = [errors.Problem("train.epochs", "Should be an integer.", "a.toml", 4), errors.Problem("backbone.use", "Is missing.")]
    monkeypatch.setattr(shell, "app", raising(errors.RecipeError("a.toml", problems)))
    assert shell.main([]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "a.toml has 2 problems:",
        "  a.toml:4: train.epochs: Should be an integer.",
        "  backbone.use: Is missing.",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["show", "sasrek", "--json"], 2, "Nothing is called 'sasrek'. Did you mean 'sasrec'?"),
        (["export", "-o", "x.jsonl", "--format=json"], 2, "No such option: --format"),
        (["diff", "a", "b", "-f", "json"], 8, "There is no store at "),
        (["run", "quickstart", "--seeds", "x", "--json"], 2, "--seeds takes integers"),
        (["runs", "--json", "--limit", "0"], 2, "Invalid value for '--limit'"),
        (["runs", "--json", "--limti", "3"], 2, "No such option: --limti"),
        (["run", "quickstart", "--set", "train.epochs=true", "--set", "backbone.dropout=7", "--json"], 3, "--set: backbone.dropout"),
    ],
)
def test_where_json_is_asked_for_errors_are_json_too(arguments: list[str], code: int, told: str, tmp_path: Path) -> None:
    done = sracl(*arguments, SRACL_HOME=str(tmp_path), NO_COLOR="1")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["schema"], answer["data"]) == (code, 1, None)
    assert answer["errors"][0].startswith(told), answer
    assert len(answer["errors"]) == (2 if code == 3 else 1)
    assert " ".join(told.split()[:3]) in done.stderr


def test_json_that_no_option_asks_for_is_none() -> None:
    done = sracl("show", "--", "--json")
    assert (done.returncode, done.stdout) == (2, "")


def test_debug_shows_where_an_error_came_from(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SRACL_LOG", "debug")
    monkeypatch.setattr(shell, "app", raising(errors.StoreError("The store is damaged.")))
    assert shell.main([]) == 8
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_message_and_5(number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SRACL_LOG", raising=False)
    monkeypatch.setattr(shell, "app", raising(OSError(number, os.strerror(number), "runs/7/plan.json")))
    assert shell.main([]) == 5
    written = capsys.readouterr().err
    assert written.startswith("No space is left on the disk for runs/7/plan.json.")
    assert "Traceback" not in written


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "denied"), ValueError("a defect")])
def test_a_defect_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "app", raising(error))
    with pytest.raises(type(error)):
        shell.main([])


def test_ctrl_c_leaves_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "app", raising(KeyboardInterrupt()))
    assert shell.main([]) == 130


def test_help_names_every_command() -> None:
    done = sracl("--help", NO_COLOR="1", TERM="dumb", COLUMNS="100")
    assert done.returncode == 0
    assert done.stderr == ""
    for command in ("init", "run", "runs", "rm", "cache", "list", "show", "schema", "compare", "recommend", "data"):
        assert re.search(rf"^\W*{command}\s+\w", done.stdout, re.MULTILINE), f"{command} has no line with a summary in\n{done.stdout}"


@pytest.mark.parametrize(("command", "columns"), [(["runs"], 80), (["export"], 120), (["data", "import"], 80)])
def test_all_paragraphs_of_help_are_as_wide_as_the_terminal(command: list[str], columns: int) -> None:
    shown = sracl(*command, "--help", NO_COLOR="1", TERM="dumb", COLUMNS=str(columns)).stdout
    lines = [line.strip() for line in re.split(r"\n.*(?:Options|Arguments) ", shown)[0].splitlines()]
    for line, following in zip(lines, lines[1:], strict=False):
        # a line is broken only where the next word has no room
        assert not line or not following or len(line) + 1 + len(following.split()[0]) > columns - 4, line


def test_help_loads_nothing_heavy() -> None:
    # how long it takes is a matter of benchmarks/startup.py; what it takes long for is one of these
    done = sracl("--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    heavy = {"torch", "numpy", "scipy", "sklearn", "transformers", "openai", "pydantic", "sqlmodel", "sqlalchemy", "textual", "matplotlib"}
    assert "typer" in loaded
    assert not loaded & heavy


def test_no_color_is_respected() -> None:
    # a terminal is pretended with FORCE_COLOR; colours are the codes 30-37, 90-97 and 38;…
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7])(?:;\d+)*m")
    assert colour.search(sracl("--help", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="").stdout)
    assert not colour.search(sracl("--help", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1").stdout)


def test_version_is_one_line() -> None:
    done = sracl("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"sracl.*\n", done.stdout)


@pytest.mark.parametrize(("arguments", "told"), [(["compar"], "compare"), (["run", "--sed", "3"], "--seed"), (["--verison"], "--version")])
def test_a_line_that_cannot_be_understood_leaves_with_2_and_the_nearest_name(arguments: list[str], told: str) -> None:
    done = sracl(*arguments, NO_COLOR="1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_help_of_all_says_of_each_what_its_own_begins_with(entry: Entry) -> None:
    assert (entry.built().help or "").partition("\n\n")[0] == entry.what


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [(["--help"], set()), (["list", "losses"], {"list", "complete", "columns"}), (["data", "--help"], {"data", "complete"})],
)
def test_a_command_does_not_wait_for_the_others(arguments: list[str], loaded: set[str]) -> None:
    code = f"import sys; from sracl.cli.app import main; main({arguments}); print(*sys.modules, file=sys.stderr)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    own = {name.removeprefix("sracl.cli.") for name in modules if name.startswith("sracl.cli.")}
    assert own == {"app", "commands"} | loaded
    assert "sracl.recipes.schema" not in modules


@pytest.mark.parametrize("module", ["run", "runs", "list", "show", "compare", "data"])
def test_a_missing_command_module_is_not_hidden(module: str) -> None:
    code = f"import sys; sys.modules['sracl.cli.{module}'] = None; from sracl.cli.app import main; main(['{module}', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"sracl.cli.{module}" in done.stderr


def test_where_an_encoding_has_few_letters_the_nearest_are_printed() -> None:
    shown = sracl("show", "methods/sracl", PYTHONIOENCODING="ascii")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.isascii()
    refused = sracl("show", "methods/sräcl", PYTHONIOENCODING="ascii")
    assert refused.returncode == 2
    assert r"'sr\xe4cl'" in refused.stderr  # where a letter may be what is wrong, it is told as it is
