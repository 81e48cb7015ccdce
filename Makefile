# What a person runs: `make demo` and `make test`. The parts of the latter: lint, sanity, build, unit, matrix-ends, molecule
# [SCENARIO=name …], events. `make matrix [CORE=2.18]` takes every ansible-core; `make chaos [PART=kills|disks|clocks|mounts|fleet|faults|fuzz]`
# holds what takes long.
SHELL := /bin/bash
PYTHON ?= python3
export ANSIBLE_HOME := $(CURDIR)/.ansible
LINK := .ansible/collections/ansible_collections/kumon/runbook
BIN := .venv/bin
# What one process has compiled the next need not, whatever the shell says of it; the checkout stays clean.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/bytecode
# For tools that call other commands of the environment by their bare names.
ON_PATH := PATH=$(CURDIR)/$(BIN):$$PATH

.PHONY: demo poster test image lint types format ansible-lint docs-lint docs-site unit sanity molecule events chaos bench build matrix matrix-ends clean tools

demo: .venv-demo/.done $(LINK)
	@.venv-demo/bin/python scripts/demo.py

# Two parts at a time, each part's output in one piece; the scenarios have the machine to themselves, for what they prove has
# its time. Their image, which a machine makes once, is ready by then.
test: tools .venv/.done $(LINK)
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target unit sanity image lint matrix-ends build
	$(MAKE) --no-print-directory events
	$(MAKE) --no-print-directory molecule

image:
	scripts/container-image

tools:
	scripts/test-tools

lint: format types ansible-lint docs-lint docs-site

format: .venv/.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint -s .

types: .venv/.done $(LINK)
	$(BIN)/mypy --python-version 3.9 plugins
	$(BIN)/mypy --strict scripts tests/assistant tests/bench extensions/eda/plugins/event_source/assistant_log.py
	$(BIN)/mypy tests/scenario tests/matrix

ansible-lint: .venv/.done $(LINK)
	$(ON_PATH) $(BIN)/ansible-lint --offline --profile production

docs-lint: .venv/.done $(LINK)
	$(ON_PATH) ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.ansible/collections $(BIN)/antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
	$(BIN)/antsibull-changelog lint

docs-site: .venv/.done $(LINK)
	scripts/docs-site $(BIN)

unit: .venv/.done $(LINK)
	$(BIN)/python -m pytest -n 3 --dist worksteal --durations=10

sanity: .venv/.done
	scripts/sanity $(BIN)

# A short set of runs on every ansible-core that this Python takes, and for `make test` on the oldest and the newest.
matrix: .venv/.done
	PYTHON=$(PYTHON) scripts/matrix $(CORE)

matrix-ends: .venv/.done
	PYTHON=$(PYTHON) scripts/matrix oldest newest

build: .venv/.done
	scripts/check-build $(BIN)

# The rulebook in a real ansible-rulebook, which has an environment of its own. Alone on the machine, for it has its time.
events: .venv/.done .cache/eda/.done $(LINK)
	$(BIN)/python -m pytest --durations=3 tests/events

molecule: .venv/.done $(LINK)
	scripts/molecule $(SCENARIO)

chaos: tools .venv/.done $(LINK)
	scripts/molecule $(if $(PART),$(PART:%=tests/chaos/%),tests/chaos/)
	$(if $(filter-out kills,$(PART)),,KUMON_KILL_EVERY=1 $(BIN)/python -m pytest -n 2 --durations=10 -k killed_at_any_step tests/unit)

# The printable page of the operator's guide, from the code's own tables.
poster: .venv/.done
	$(BIN)/python scripts/poster.py

bench: .venv/.done $(LINK)
	$(BIN)/python tests/bench/bench.py $(BENCH)

# A virtual environment is complete when its mark is newer than what it was made of.
.venv/.done: requirements/test.txt requirements/demo.txt requirements/runtime.txt meta/ee-requirements.txt
	scripts/venv $(PYTHON) .venv requirements/test.txt
	@touch $@

.cache/eda/.done: requirements/eda.txt .venv/.done
	scripts/venv $(BIN)/python .cache/eda requirements/eda.txt
	@touch $@

.venv-demo/.done: requirements/demo.txt
	scripts/venv $(PYTHON) .venv-demo requirements/demo.txt
	@touch $@

# The demo makes this beside its first scenes. Its first import compiles it and lists the fonts.
.venv-demo/.report: .venv-demo/.done requirements/runtime.txt meta/ee-requirements.txt
	scripts/venv $(PYTHON) .venv-demo requirements/runtime.txt
	.venv-demo/bin/python -c 'import matplotlib.backends.backend_svg, matplotlib.dates, matplotlib.figure'
	@touch $@

# The checkout is its own collection. Ansible wants it below ansible_collections/<namespace>/<name>.
$(LINK):
	mkdir -p $(dir $@)
	ln -sfn ../../../.. $@

clean:
	rm -rf .venv .venv-demo .ansible .cache .mypy_cache .pytest_cache .ruff_cache *.tar.gz
