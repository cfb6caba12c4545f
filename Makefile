# `make serve` starts a server, `make test` checks and tests everything. Both make their own environment in .venv.

VENV := .venv
BIN := $(VENV)/bin
DOCS_VENV := .venv-docs
KILLS ?= 200
COUNT ?= 20
ABUSE_S ?= 300
SEEDS ?= 20
POINTS ?= 10000000
STEPS ?= 2000
ARTIFACT_MIB ?= 1024
# Tests of services wait for them: three workers keep two cores busy. Each has services of its own, and with less than
# 10 GB of memory two have room for theirs.
WORKERS ?= $(shell cat /proc/meminfo 2>/dev/null | awk '/^MemAvailable/ && $$2 < 10000000 { few = 1 } END { print few ? 2 : 3 }')
OPTIONS ?=

# The first interpreter that really is new enough: a name on the PATH may be a launcher of a missing version.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

# Tests start hundreds of processes, each of which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install services serve stack test coverage check unit repository unit-3.11 unit-3.12 unit-3.13 unit-3.14 format bench bench-distributed bench-artifacts bench-registry bench-users bench-webhooks bench-traces crash-test abuse-test fault-test large-test import-test past-test compatibility-318 compatibility-postgresql compatibility-user longer-test soak workflows wheel wheel-test changelog release release-notes docs docs-serve lock clean

help:
	@echo "make serve              start a server on port 5000, data in ./tracklog-data (more options: OPTIONS='--port 8080')"
	@echo "make stack              start Kafka, PostgreSQL, MinIO, the roles and nginx without Docker, data in"
	@echo "                        ./tracklog-data/stack (more options: OPTIONS='--port 8080 --projectors 2')"
	@echo "make test               format, lint, types, import boundaries and all tests (WORKERS=3 at once)"
	@echo "make check              the same without the tests, and the files of .github"
	@echo "make coverage           what the last make test did not reach, by file"
	@echo "make unit               the tests that need no service and no browser: half a minute"
	@echo "make repository         the tests of the repository itself: docs, decision records, names, what packages export"
	@echo "make unit-3.14          the same on another Python, in .venv-3.14 (where python3.14 is none: PYTHON=/path/to/python)"
	@echo "make format             put the code into its format"
	@echo "make bench              measure this server and its peers side by side"
	@echo "make bench-distributed  the same for the distributed system"
	@echo "make bench-artifacts    the same for artifacts, on a local folder and on MinIO"
	@echo "make bench-registry     the same for the model registry"
	@echo "make bench-users        what it costs to know who asks: log-metric without users, by password and by token"
	@echo "make bench-webhooks     how fast webhooks are told"
	@echo "make bench-traces       how fast spans are taken, and what they take, beside MLflow"
	@echo "make crash-test         kill a server under load again and again (KILLS=200)"
	@echo "make abuse-test         attack a server in every known way at once, for minutes (ABUSE_S=300)"
	@echo "make fault-test         kill and suspend parts of the distributed system under load (COUNT=20 of each fault)"
	@echo "make large-test         long histories and large artifacts in little memory (POINTS=10000000 ARTIFACT_MIB=1024)"
	@echo "make compatibility-318  the tests of clients and of the page with the client of MLflow 3.18 (WORKERS=3 at once)"
	@echo "make compatibility-postgresql  all tests of clients on one server on PostgreSQL (WORKERS=3 at once)"
	@echo "make import-test        random histories in stores of MLflow, imported, exported and compared (SEEDS=20)"
	@echo "make past-test          a long random session, and each of its answers asked for again as of then (STEPS=2000)"
	@echo "make compatibility-user the tests of clients as a user with just enough rights (WORKERS=3 at once)"
	@echo "make longer-test        the tests marked soak: more systems, stores and faults (WORKERS=3 at once)"
	@echo "make soak               what is too long for make test: the ten above, crash-test to longer-test"
	@echo "make wheel              build the source archive and the wheel in ./dist"
	@echo "make wheel-test         build them, install the wheel in a new environment outside the repository, and use it"
	@echo "make docs               the pages of docs/ as a site in build/site; a link or an anchor that leads nowhere fails"
	@echo "make docs-serve         the same at http://127.0.0.1:8000, made anew while one writes"
	@echo "make changelog          show what the next release will say"
	@echo "make release            write it into CHANGELOG.md (VERSION=1.2.3), before the tag: changelog.d/README.md"
	@echo "make release-notes      what CHANGELOG.md says of the version in ./dist, or of VERSION, in dist/RELEASE_NOTES.md"
	@echo "make lock               pin what pyproject.toml names in requirements.lock, and what the image gets; what is pinned"
	@echo "                        already stays (UPGRADE=1: the newest versions of all)"

install: $(VENV)/installed-tools $(VENV)/installed-page
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || [ -x "$$CHROMIUM" ] || \
		echo "Chromium is not installed: the tests of the page will not run (Debian: apt-get install chromium)."

# Before anything is made: nobody should wait for minutes to read that the port is taken.
serve: port-for-serve $(VENV)/installed-page
	@echo "Starting: $(BIN)/tracklog server $(OPTIONS)" >&2
	@exec $(BIN)/tracklog server $(OPTIONS)

port-for-%:
	@$(if $(PYTHON),"$(PYTHON)" -m scripts.port_is_free $* $(OPTIONS))

stack: port-for-stack install
	@exec $(BIN)/python -m tests.services.run_stack $(OPTIONS)

# Each worker has services of its own. In the order of the files the slow ones are under way early, and not left for last.
test: check install services
	$(BIN)/python -m pytest -m "not soak" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report= --cov-fail-under=0
	@$(BIN)/python -m scripts.held_coverage

coverage:
	@$(BIN)/coverage report --skip-covered --show-missing --sort=cover --fail-under=0

# Here and not in the first test that needs them, which would run out of its time.
services: $(VENV)/installed-tools
	@echo "Services for the tests (what is missing is downloaded or built now, once):"
	@$(BIN)/python -m tests.services.download

check: workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Without a network: the schemas are part of the one tool, and the other is told to ask nobody.
workflows: $(VENV)/installed-tools
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/zizmor --offline --quiet .github

# Files in memory, where 2 GB of it may be taken for them.
ROOMY_MEMORY = $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 2000000 { print $$6 }')

# A worker for each core, as these tests wait for nothing, with their files in memory where there is room for them.
# EXCEPT=service: also what is slow.
unit: EXCEPT ?= service or slow
unit: $(VENV)/installed-tools
	$(addprefix TMPDIR=,$(ROOMY_MEMORY)) $(BIN)/python -m pytest tests/unit -m "not ($(EXCEPT))" -n logical --dist loadfile --hypothesis-profile=quick

# What no rule of the product depends on, and each change may break.
repository: $(VENV)/installed-tools
	$(BIN)/python -m pytest tests/repository -n logical --dist loadfile

# On the Python of this number, in an environment of its own.
unit-3.11 unit-3.12 unit-3.13 unit-3.14: unit-%:
	@$(MAKE) --no-print-directory unit VENV=.venv-$* PYTHON="$(if $(filter command,$(origin PYTHON)),$(PYTHON),python$*)"

format: $(VENV)/installed-tools
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python -m bench

bench-distributed: install services
	$(BIN)/python -m bench distributed $(OPTIONS)

bench-artifacts: install services
	$(BIN)/python -m bench artifacts $(OPTIONS)

bench-registry: install
	$(BIN)/python -m bench registry $(OPTIONS)

bench-users: install
	$(BIN)/python -m bench.users $(OPTIONS)

bench-webhooks: install
	$(BIN)/python -m bench webhooks $(OPTIONS)

bench-traces: install
	$(BIN)/python -m bench.traces $(OPTIONS)

crash-test: $(VENV)/installed-tools
	TRACKLOG_KILLS=$(KILLS) $(BIN)/python -m pytest tests/crash/test_kills.py --timeout=0

abuse-test: $(VENV)/installed-tools
	TRACKLOG_ABUSE_S=$(ABUSE_S) $(BIN)/python -m pytest tests/abuse --timeout=0

fault-test: services
	TRACKLOG_FAULTS=$(COUNT) $(BIN)/python -m pytest tests/crash/test_faults.py tests/crash/test_outages.py --timeout=0
	TRACKLOG_BROKER_FAULTS=$(COUNT) $(BIN)/python -m pytest tests/crash/test_faults_of_brokers.py --timeout=0
	TRACKLOG_FAILOVERS=$(COUNT) $(BIN)/python -m pytest tests/crash/test_failovers.py --timeout=0
	TRACKLOG_ERASURE_KILLS=$(COUNT) $(BIN)/python -m pytest tests/crash/test_erasing_under_kills.py --timeout=0
	TRACKLOG_SEALED_ERASURE_KILLS=$(COUNT) $(BIN)/python -m pytest tests/crash/test_sealed_erasing_under_kills.py --timeout=0
	TRACKLOG_UNDO_KILLS=$(COUNT) $(BIN)/python -m pytest tests/crash/test_undone_under_kills.py --timeout=0
	TRACKLOG_DISTURBANCES=$(COUNT) $(BIN)/python -m pytest tests/integration/test_exactly_once.py --timeout=0
	TRACKLOG_TROUBLED_STEPS=$$((10 * $(COUNT))) $(BIN)/python -m pytest tests/integration/test_postgresql_troubles.py --timeout=0
	TRACKLOG_WEBHOOK_KILLS=$(COUNT) $(BIN)/python -m pytest tests/integration/test_webhooks.py tests/integration/test_webhook_roles.py -k killed --timeout=0
	TRACKLOG_RACING_CALLS=$$((100 * $(COUNT))) $(BIN)/python -m pytest tests/integration/test_roles.py -k racing_changes --timeout=0

large-test: $(VENV)/installed-tools
	TRACKLOG_BOUNDED_POINTS=$(POINTS) TRACKLOG_EXPORTED_POINTS=$(POINTS) TRACKLOG_LARGE_ARTIFACT_MIB=$(ARTIFACT_MIB) \
		$(BIN)/python -m pytest tests/integration/test_bounds.py tests/integration/test_constant_memory.py \
		tests/integration/test_export_memory.py --timeout=0

# On the embedded server: what a client sends does not depend on the stores. The seeded data of the page is its too.
compatibility-318: install
	folder=$$($(BIN)/python -m tests.compatibility.mlflow318) && \
		TRACKLOG_TEST_SYSTEMS=$${TRACKLOG_TEST_SYSTEMS:-embedded} PYTHONPATH="$$folder" \
		$(BIN)/python -m pytest tests/compatibility tests/ui -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Of these make test runs what is about writes, and all on the two other systems.
compatibility-postgresql: install services
	TRACKLOG_TEST_SYSTEMS=postgresql $(BIN)/python -m pytest tests/compatibility -n $(WORKERS) --dist loadfile --no-loadscope-reorder

import-test: $(VENV)/installed-tools
	TRACKLOG_IMPORT_SEEDS=$(SEEDS) $(BIN)/python -m pytest tests/compatibility/test_moving_in.py tests/compatibility/test_moving_out.py -n $(WORKERS)

# As somebody who may do no more than what the tests need; what they are refused is in tests/compatibility.
compatibility-user: install
	TRACKLOG_TEST_SYSTEMS=user $(BIN)/python -m pytest tests/compatibility -n $(WORKERS) --dist loadfile --no-loadscope-reorder

past-test: services
	TRACKLOG_PAST_STEPS=$(STEPS) $(BIN)/python -m pytest tests/integration/test_past.py --timeout=0

# What make test leaves out of its own folders.
longer-test: install services
	$(BIN)/python -m pytest -m soak -n $(WORKERS) --dist loadfile --no-loadscope-reorder
	TRACKLOG_FUZZ_EXAMPLES=$$((25 * $(COUNT))) $(BIN)/python -m pytest tests/fuzz/test_bad_input.py --timeout=0

soak: compatibility-318 compatibility-postgresql crash-test abuse-test fault-test large-test import-test past-test compatibility-user longer-test

wheel: $(VENV)/installed-tools
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist

# With the tools' interpreter: a wheel is pure Python, and runs on every version that pyproject.toml names.
wheel-test: wheel
	$(BIN)/python -m scripts.wheel_test dist/tracklog-*.whl

docs: $(DOCS_VENV)/installed
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build
	@echo "The site begins at build/site/index.html; its search needs a server, such as make docs-serve."

docs-serve: $(DOCS_VENV)/installed
	@NO_MKDOCS_2_WARNING=1 exec $(DOCS_VENV)/bin/mkdocs serve

changelog: $(VENV)/installed-tools
	@$(BIN)/towncrier build --draft --version unreleased

release: $(VENV)/installed-tools
	@[ -n "$(VERSION)" ] || { echo "Name the version: make release VERSION=1.2.3" >&2; exit 1; }
	$(BIN)/towncrier build --yes --version "$(VERSION)"

# A file is written whole or not at all: what comes after this takes a file that is there.
release-notes: $(VENV)/installed-tools
	@mkdir -p dist
	@$(BIN)/python -m scripts.release_notes "$(or $(VERSION),$(patsubst dist/tracklog-%.tar.gz,%,$(wildcard dist/tracklog-*.tar.gz)))" \
		>dist/RELEASE_NOTES.new
	@mv dist/RELEASE_NOTES.new dist/RELEASE_NOTES.md
	@cat dist/RELEASE_NOTES.md

lock: $(VENV)/installed-tools
	$(BIN)/pip-compile $(if $(UPGRADE),--upgrade) --quiet --allow-unsafe --extra=dev --generate-hashes --no-emit-find-links \
		--no-emit-index-url --no-emit-trusted-host --strip-extras --output-file=requirements.lock pyproject.toml
	@# What makes the pages: the extra `docs` alone.
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' \
		| $(BIN)/pip-compile $(if $(UPGRADE),--upgrade) --quiet --allow-unsafe --generate-hashes --no-emit-find-links --no-emit-index-url \
		--no-emit-trusted-host --strip-extras --output-file=requirements-docs.lock -
	@# What the image and `make serve` get: the same versions, without what only developers need, and what builds it.
	$(BIN)/pip-compile --quiet --allow-unsafe --all-build-deps --constraint=requirements.lock --generate-hashes --no-emit-find-links \
		--no-emit-index-url --no-emit-trusted-host --strip-extras --output-file=requirements-runtime.lock pyproject.toml

clean:
	rm -rf $(VENV) .venv-3.* $(DOCS_VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*

# Each step leaves a file behind, so that a repeated `make` does only what has become old.

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Tracklog needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11, which Tracklog needs" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip' || { echo "$(PYTHON) lacks the module ensurepip (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Making an environment in $(VENV), with $$("$(PYTHON)" --version)." >&2
	@"$(PYTHON)" -m venv $(VENV)

$(VENV)/installed-package: pyproject.toml requirements-runtime.lock | $(BIN)/python
	@$(BIN)/python -m scripts.install requirements-runtime.lock
	@# Without its warning that folders here may hide installed packages: they are these packages.
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-tools: requirements.lock $(VENV)/installed-package
	@$(BIN)/python -m scripts.install requirements.lock
	@touch $@

$(VENV)/installed-page: tracklog/page/fetch.py $(VENV)/installed-package
	@$(BIN)/tracklog fetch-page
	@touch $@

# What the extra `docs` names, and nothing of Tracklog: pages are made without it.
$(DOCS_VENV)/installed: requirements-docs.lock
	@echo "Making an environment for the pages in $(DOCS_VENV)." >&2
	@"$(PYTHON)" -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m scripts.install requirements-docs.lock
	@touch $@
