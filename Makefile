# The three commands of the README, and what developers use. Everything lives in .venv; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: release test setup quick-test lint requirements

release: setup
	@edgebake build

test: setup
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not apple"

quick-test: setup
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

lint: setup
	@ruff check
	@ruff format --check
	@mypy
	@edgebake plan --check

setup: .venv/installed

# uv where it is found (seconds), pip otherwise (minutes); both refuse a file whose hash is not in requirements.txt.
.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "edgebake needs Python 3.11, 3.12 or 3.13, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	@rm -rf .venv
	@echo "setting up .venv ..."
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --python "$$(command -v $(PYTHON))" .venv && \
		uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements.txt && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt && \
		$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

# Run by hand when a dependency is added or upgraded; then commit the file.
requirements:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras pyproject.toml -o requirements.txt
