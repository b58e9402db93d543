# The two commands of the README: `make demo` and `make test`. Everything else serves them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := requirements
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: demo test check format lock install install-dev bench clean

demo: install node_modules/.stamp ## install, play two years on two local chains, print the losses, serve until Ctrl-C
	$(BIN)/gleaner demo

test: install-dev node_modules/.stamp tests/bridges/npm/node_modules/.stamp tests/prices/npm/node_modules/.stamp tests/chains/npm/node_modules/.stamp ## run every test
	$(BIN)/python -m pytest -n 2

check: install-dev ## formatting, lint, types, import contracts, lock
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/.runtime
install-dev: $(VENV)/.dev

$(VENV)/.uv: $(REQUIREMENTS)/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Gleaner needs Python 3.11 or newer; this is $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: on Debian run: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(REQUIREMENTS)/bootstrap.txt
	@touch $@

# One environment: the development lock holds the runtime lock's versions and more, so `make demo` after
# `make test` leaves it alone.
$(VENV)/.runtime: $(VENV)/.uv $(REQUIREMENTS)/runtime.txt pyproject.toml
	@test -f $(VENV)/.dev || $(BIN)/uv pip install --quiet --require-hashes -r $(REQUIREMENTS)/runtime.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.uv $(REQUIREMENTS)/dev.txt pyproject.toml
	$(BIN)/uv pip install --quiet --require-hashes -r $(REQUIREMENTS)/dev.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime

# The local chains: anvil and the contracts the demo deploys.
node_modules/.stamp: package-lock.json
	@command -v npm >/dev/null || { echo "The local chains need Node 18 or newer with npm."; exit 1; }
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

# Real contracts that only tests deploy.
tests/bridges/npm/node_modules/.stamp: tests/bridges/npm/package.json
	npm install --prefix tests/bridges/npm --no-fund --no-audit --loglevel=error
	@touch $@

tests/prices/npm/node_modules/.stamp: tests/prices/npm/package-lock.json
	npm ci --prefix tests/prices/npm --no-fund --no-audit --loglevel=error
	@touch $@

tests/chains/npm/node_modules/.stamp: tests/chains/npm/package-lock.json
	npm ci --prefix tests/chains/npm --no-fund --no-audit --loglevel=error
	@touch $@

lock: $(VENV)/.uv ## resolve the locks anew from pyproject.toml
	$(LOCK) pyproject.toml -o $(REQUIREMENTS)/runtime.txt
	$(LOCK) pyproject.toml --group dev -o $(REQUIREMENTS)/dev.txt
	$(LOCK) $(REQUIREMENTS)/bootstrap.in -o $(REQUIREMENTS)/bootstrap.txt
	$(LOCK) bench/peers/requirements.in -o bench/peers/requirements.txt

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install-dev node_modules/.stamp bench/.venv/.stamp ## measure beside other programs in one run; QUICK=1 for a short one
	$(BIN)/python bench/tax.py $(if $(QUICK),--quick)
	$(BIN)/python bench/linking.py $(if $(QUICK),--quick)
	$(BIN)/python bench/prices.py $(if $(QUICK),--quick)
	$(BIN)/python bench/collect.py $(if $(QUICK),--quick)

# The other programs, in an environment of their own: none of them is a dependency.
bench/.venv/.stamp: $(VENV)/.uv bench/peers/requirements.txt bench/peers/ponder/package-lock.json
	$(PYTHON) -m venv bench/.venv
	$(BIN)/uv pip install --quiet --python bench/.venv/bin/python --require-hashes -r bench/peers/requirements.txt
	npm install --omit-lockfile-registry-resolved --prefix bench/peers/ponder --no-fund --no-audit --loglevel=error
	@touch $@

clean: ## remove what these commands installed
	rm -rf $(VENV) node_modules bench/.venv bench/peers/ponder/node_modules
