# The three commands of the README, and what developers use. Everything lives in .venv; nothing else is touched.
PYTHON ?= python3
# uv where it is found (seconds), pip otherwise (minutes); `make setup UV=` does without uv.
UV := $(shell command -v uv 2>/dev/null)
# The version of pip to set up with, where it is not the one that Python brings: `make setup UV= PIP=22.3`.
PIP :=
BIN := .venv/bin
# For what a command starts. The commands below name their folder: the make of macOS, 3.81, looks
# them up on the PATH that it was started with.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: release test test-slow quick-test setup lint docs requirements

# With byte code: every process that a test starts would compile the package again.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

release: setup
	@$(BIN)/edgebake build

# Everything fast, and one real build of the default release.
test: setup
	@$(PYTEST) -m "not slow"

# What builds, trains or converts for long.
test-slow: setup
	@$(PYTEST) -m slow

quick-test: setup
	@$(PYTEST) -m "not slow and not release"

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/edgebake plan --check

# The pages of docs/reference/ that are written from the code.
docs: setup
	@$(BIN)/python docs/generate.py

setup: .venv/installed

# Both install exactly what requirements.txt lists, and refuse a file whose hash is not there. The list is complete, so
# dependencies are not looked up: of `name[extra]`, pip before 23.3 would take the newest release. One package has no
# wheel; it is built with the setuptools and the wheel of the list, which are therefore installed first.
# uv does not run where it cannot write its cache, as in a read-only home, unless it is told to do without.
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

# Run by hand when a dependency is added or upgraded; then commit the file.
requirements:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras pyproject.toml -o requirements.txt
