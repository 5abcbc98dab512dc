from __future__ import annotations

import os
from pathlib import Path

import pytest

from sracl import paths
from sracl.registry.catalog import catalog
from sracl.semantics.versions import component_version, module_version


def version(tmp_path: Path, source: str) -> str:
    # A file of its own each time: what was read of a file is kept for the life of the process.
    file = tmp_path / f"m{len(list(tmp_path.iterdir()))}.py"
    file.write_text(source)
    return module_version(file)


def test_only_code_counts(tmp_path: Path) -> None:
    plain = version(tmp_path, "def f(x):\n    return x + 1\n")
    assert version(tmp_path, '"""Says more."""\n\ndef f(x):  # adds one\n    """One more."""\n    return (x + 1)\n') == plain
    assert version(tmp_path, "def f(x):\n    return x + 2\n") != plain


def test_code_that_is_imported_counts(tmp_path: Path) -> None:
    alone = version(tmp_path, "x = 1\n")
    with_exact = version(tmp_path, "from sracl.retrievers.exact import Exact\nx = 1\n")
    with_errors = version(tmp_path, "from sracl.errors import DataError\nx = 1\n")
    with_paths = version(tmp_path, "from sracl.paths import cache\nx = 1\n")
    assert len({alone, with_exact, with_errors, with_paths}) == 4
    annoy = paths.__file__.replace("paths.py", "retrievers/annoy.py")
    assert module_version(Path(annoy)) != module_version(Path(annoy.replace("annoy", "exact")))


def test_components_differ_by_their_code() -> None:
    cat = catalog()
    table = {"use": "exact", "device": "auto", "block_mb": 128}
    assert component_version(cat, "retriever", table) == component_version(cat, "retriever", {**table, "block_mb": 1})
    assert component_version(cat, "retriever", table) != component_version(cat, "retriever", {"use": "annoy"})


def test_a_model_in_a_folder_counts_by_what_it_holds(tmp_path: Path) -> None:
    def of(model: str) -> str:
        return component_version(catalog(), "text_encoder", {"use": "transformers", "model": model})

    (tmp_path / "weights").write_bytes(b"12345")
    before = of(str(tmp_path))
    assert of(str(tmp_path)) == before
    os.utime(tmp_path / "weights", ns=(1, 1))
    assert of(str(tmp_path)) != before
    assert of("owner/name") == of("owner/other")  # not there: the table itself, in the key, tells them apart


@pytest.mark.parametrize("encoder", ["lsa", "minilm", "transformers"])
def test_reading_a_version_imports_nothing(encoder: str) -> None:
    import subprocess
    import sys

    program = (
        "import sys\nfrom sracl.registry.catalog import catalog\nfrom sracl.semantics.versions import component_version\n"
        f"component_version(catalog(), 'text_encoder', {{'use': '{encoder}', 'model': 'a'}})\n"
        "print(sorted({'torch', 'sklearn', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
