# The one task file, for people, hooks and CI. Each task does its own set-up: a virtual
# environment in .venv from requirements.lock, made once and again when the lock changes.

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
SEED ?= $(shell $(PYTHON) -c "import random; print(random.randrange(1_000_000))")
BIN := .venv/bin
PIN = $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate \
  --no-header --quiet

SBOM = PYTHONWARNINGS=ignore $(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements \
  --pyproject pyproject.toml --output-reproducible

.DEFAULT_GOAL := help
.PHONY: help demo up install upgrade test test-all check attack prove cluster cluster-test screenshots lighthouse \
  format lock sbom \
  clean ready spark

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## Start everything with a generated shop: the page is on port 8701
	$(BIN)/rfm demo $(ARGS)

up: install ## Start everything on your own files: drop CSVs into data/input/
	$(BIN)/rfm up $(ARGS)

install: ## Install what it needs to run, without the tools of tests and development
	@$(PYTHON) tools/environment.py run

upgrade: install ## Back up into backups/, stop, fetch and install the newest version; then start again
	mkdir -p -m 700 backups
	$(BIN)/rfm backup backups/before-upgrade-$(shell date +%Y%m%d-%H%M%S).tar.gz
	$(BIN)/rfm stop
	git pull --ff-only
	$(MAKE) install
	@echo "Upgraded. Start it again: make up, or systemctl start rfm"

test: ready ## Test on real servers, the slow tests apart (ARGS="-k scores -x" selects)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)

# With random examples: the seed is in the command, SEED=... repeats it. Exit code 5: ARGS selects
# none of the cluster's tests.
test-all: ready $(if $(shell which java 2>/dev/null),spark) ## Run every test: also faults, proof, browser, images, Spark (SEED=7)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --ignore tests/cluster \
	  --hypothesis-profile random --hypothesis-seed $(SEED) $(ARGS)
	$(BIN)/pytest --cluster tests/cluster $(ARGS) || [ $$? = 5 ]

check: ready ## Lint, format, types, import contracts, house rules, schema against models
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit/test_house_rules.py tests/integration/test_schema.py

attack: ready ## Attack a running product of its own on loopback, and print what held (ARGS="--seed 7")
	$(BIN)/python -m tests.attack $(ARGS)

prove: ready ## Break the running product while readers watch, then check (ARGS="--seed 7 --runs 10")
	$(BIN)/python -m tests.prove $(ARGS)

cluster: spark ## Run a Spark cluster on loopback until Ctrl-C (needs Java 17; ARGS="--port 15003")
	$(BIN)/python -m tools.cluster $(ARGS)

cluster-test: spark ## Run the Spark engine's tests, on a cluster that they start (needs Java 17)
	$(BIN)/pytest --cluster tests/cluster $(ARGS)

screenshots: ready ## Take pictures of every page into docs/images/ (needs Chromium)
	$(BIN)/python -m tests.e2e.screenshots docs/images

lighthouse: ready ## Let Lighthouse judge three pages over 100,000 customers (needs Chromium and npm)
	$(BIN)/python -m benchmarks.lighthouse $(ARGS)

format: ready ## Format the code and mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ready ## Pin what pyproject.toml asks for, with hashes (ARGS=--upgrade: the newest versions)
	$(PIN) pyproject.toml --group ingest --group scoring --group gateway --group cli --group install --group dev \
	  --output-file requirements.lock $(ARGS)
	$(PIN) --group spark --constraint requirements.lock --output-file requirements-spark.lock $(ARGS)
	$(PIN) --group cluster --output-file requirements-cluster.lock $(ARGS)

sbom: ready ## List every library with its hashes in dist/*.cdx.json (CycloneDX, from the locks)
	mkdir -p dist
	for lock in requirements requirements-spark requirements-cluster; do \
	  $(SBOM) --output-file dist/$$lock.cdx.json $$lock.lock || exit 1; done

clean: ## Remove the environments and the caches; data/ and .rfm/ stay
	rm -rf .venv .venv-cluster .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready:
	@$(PYTHON) tools/environment.py

spark: ready
	@$(PYTHON) tools/environment.py spark cluster
