# The tools of .venv when there is one, else those on PATH.
BIN := $(if $(wildcard .venv/bin/ruff),.venv/bin,)

.PHONY: check format constraints

check: ## what must hold at every commit
	.ci/check $(BIN)

format: ## put the code into shape
	$(if $(BIN),$(BIN)/)ruff format .
	$(if $(BIN),$(BIN)/)ruff check --fix .

constraints: ## pin anew what constraints.txt pins (needs uv; reads [tool.uv] of pyproject.toml)
# without find-links: a local build such as torch +cpu must not be pinned, since nobody else could get it
	env -u UV_FIND_LINKS uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--upgrade --no-header --no-annotate -o constraints.txt
