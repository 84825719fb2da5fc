# Everything runs in an environment of its own (.venv), made on first use and renewed only when pyproject.toml changes.
#   make run PORT=8010      another port            make test T=tests/trust    one folder, file or test
#   make run PYTHON=…       another interpreter     make test T=revocation     tests whose name has the word

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?=
VENV ?= .venv
PORT ?= 8000
HOST ?= 127.0.0.1
DIR ?= var
JOBS ?= 2
T ?=
BIN := $(VENV)/bin
PACKAGES := trust keys seal verify licence_store api

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z_-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Two depths: what the product needs, and what its developers need on top. The deeper one makes the other.
$(VENV)/.product: pyproject.toml tools/environment.sh
	@tools/environment.sh "$(VENV)" "" "$(PYTHON)"
	@touch $@

$(VENV)/.developer: pyproject.toml tools/environment.sh
	@tools/environment.sh "$(VENV)" "dev,interop" "$(PYTHON)"
	@touch $(VENV)/.product $@

.PHONY: run
run: $(VENV)/.product ## Embedded region in ./var: issue and verify one licence, then serve the pages (PORT=8000, HOST=127.0.0.1)
	@$(BIN)/licence-trust demo --dir "$(DIR)" --serve --host "$(HOST)" --port "$(PORT)"

.PHONY: demo
demo: $(VENV)/.product ## The same without serving: prints where everything is
	@$(BIN)/licence-trust demo --dir "$(DIR)"

.PHONY: install
install: $(VENV)/.developer ## Only make the environment, with what developers need

.PHONY: test
test: $(VENV)/.developer ## The suite, under 15 minutes on two cores; T=path or T=word selects
	@tools/test.sh "$(BIN)/python" "$(JOBS)" "not long" "$(T)"

.PHONY: test-long
test-long: $(VENV)/.developer ## What takes longer: wheel in a fresh environment, 20 kill -9 runs, long batches
	@tools/test.sh "$(BIN)/python" "$(JOBS)" "long" "$(T)"

.PHONY: bench
bench: $(VENV)/.product ## Figures, one JSON line each; B=name selects, QUICK=1 shortens
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(B)

.PHONY: lint
lint: $(VENV)/.developer ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(VENV)/.developer ## Let ruff mend what it can
	@$(BIN)/ruff check --fix .

.PHONY: pictures
pictures: $(VENV)/.developer ## Remake the pictures of the README from the running product (needs chromium)
	@$(BIN)/python tools/pictures.py docs/images

.PHONY: wheel
wheel: $(VENV)/.developer ## Build the wheel into dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist . && ls -1 dist/*.whl

.PHONY: clean
clean: ## Remove the environment and caches (never ./var)
	rm -rf "$(VENV)" .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist ./*.egg-info
