# `make` sets up .venv and builds the default release; the other targets are for developers. Nothing
# is installed outside .venv.
PYTHON ?= python3
# Installer: uv if it is on PATH (seconds), otherwise pip (minutes). `make setup UV=` selects pip.
UV := $(shell command -v uv 2>/dev/null)
# Version of pip; empty: the one that comes with Python. For example: `make setup UV= PIP=22.3`.
PIP :=
BIN := .venv/bin
# For child processes of the commands below. The commands themselves are called with their folder:
# make 3.81, which comes with macOS, searches them on the PATH that it was started with.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: release test test-slow test-all quick-test setup lint docs requirements

# Byte code is written: otherwise every process that a test starts would compile the package again.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

release: setup
	@$(BIN)/edgebake build

# All fast tests, and the tests of one build of the default release.
test: setup
	@$(PYTEST) -m "not slow"

# Tests that build, train or convert for minutes.
test-slow: setup
	@$(PYTEST) -m slow

# Both in one run, which is shorter: they share the releases that tests build.
test-all: setup
	@$(PYTEST)

quick-test: setup
	@$(PYTEST) -m "not slow and not release"

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/edgebake plan --check

# Generate the pages of docs/ that come from the code.
docs: setup
	@$(BIN)/python -m docs.generate

setup: .venv/installed

# uv and pip install exactly the files of requirements.txt, and refuse a file without its hash. The
# list is complete, so --no-deps: for `name[extra]`, pip before 23.3 would install the newest release.
# One package has no wheel; it is built with setuptools and wheel from the list, so these two are
# installed first. If the cache of uv cannot be written (read-only home), UV_NO_CACHE is set.
LOCKED := --no-deps --require-hashes --only-binary :all: --no-binary antlr4-python3-runtime --no-build-isolation
EDITABLE := --no-deps --no-build-isolation -e .

.venv/installed: requirements.txt pyproject.toml
	@set -e; \
	python="$$($(PYTHON) setup_check.py $(if $(UV),uv,pip))"; \
	rm -rf .venv; \
	echo "setting up .venv ..."; \
	if [ -n "$(UV)" ]; then \
		cache="$$("$(UV)" cache dir)"; \
		mkdir -p "$$cache" 2>/dev/null && [ -w "$$cache" ] || export UV_NO_CACHE=1; \
		"$(UV)" venv --quiet --python "$$python" .venv; \
		install() { "$(UV)" pip install --quiet --compile-bytecode --python $(BIN)/python "$$@"; }; \
	else \
		"$$python" -m venv .venv; \
		install() { $(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 "$$@"; }; \
		$(if $(PIP),install pip==$(PIP);) \
	fi; \
	awk '/^[^ ]/ {listed = /^(setuptools|wheel)==/} listed' requirements.txt >.venv/build-requirements.txt; \
	install $(LOCKED) -r .venv/build-requirements.txt; \
	install $(LOCKED) -r requirements.txt; \
	install $(EDITABLE)
	@touch $@

# Lock the dependencies again after adding or upgrading one; commit requirements.txt.
requirements:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras pyproject.toml -o requirements.txt
