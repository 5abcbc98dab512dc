"""`sracl schema`: what a recipe may say, for editors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def command(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file instead.", dir_okay=False, show_default=False)
    ] = None,
) -> None:
    """Print the JSON Schema of recipes, by which editors complete and check them as they are written.

    It knows every component that is registered here, those of plug-ins among them: print it anew when some were installed. A
    recipe names it in its first line, `#:schema FILE`, from its own folder; Taplo and Even Better TOML read that.
    """
    text = current()
    if output is None:
        typer.echo(text, nl=False)
        return
    from sracl.cli.output import write_output

    write_output(output, lambda file: file.write_text(text, encoding="utf-8"))
    print(f"Written to {output}.", file=sys.stderr)


def current() -> str:
    """The schema as a file holds it. What cannot be read of plug-ins is told on stderr and left out."""
    import json

    from sracl.recipes.json_schema.document import json_schema
    from sracl.registry.catalog import catalog

    made, errors = json_schema(catalog())
    for error in errors:
        print(error, file=sys.stderr)
    return json.dumps(made, indent=1) + "\n"  # ASCII, whatever the encoding of where it goes
