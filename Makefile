# Each target sets up what it needs. `make run` and `make test` are all there is to remember.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WHOLE := tests/system tests/simulator tests/conformance tests/tools
FAULTS := tests/system/test_faults*.py
# two processes, each with an order of sets of its own: pytest-xdist runs nothing if they name one test differently
TWO := $(foreach seed,1 2,--tx "popen//python=env PYTHONHASHSEED=$(seed) $(BIN)/python") --dist loadfile
PAGE_SOURCES := $(shell find dashboard -name node_modules -prune -o -type f -print)

# what is started a thousand times is compiled once
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test unit system guard test-faults test-systemd test-laptop bench bench-fanout bench-watching bench-latency bench-growth bench-half-hour bench-guard bench-report bench-page soak echo-socket check format reference docs locks clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.page  ## set everything up and start the daemon (ARGS="--port 9000" adds to it)
	@exec $(BIN)/deskwire serve $(ARGS)

test: guard unit system  ## every test on this machine: what a frame costs, unit tests, then the program with real parts

unit: $(VENV)/.dev $(VENV)/.parts $(VENV)/.page-tools  ## one test file a source file, with real buses and services where a device needs them
	$(BIN)/python dashboard/build.py run test
	$(BIN)/python -m pytest tests $(WHOLE:%=--ignore=%) $(TWO) $(ARGS)

system: $(VENV)/.dev $(VENV)/.parts $(VENV)/.page-tools $(VENV)/.scan  ## the installed program with a real bus, players, sound, browser
	$(BIN)/python -m pytest $(WHOLE) -m "not laptop and not systemd" $(TWO) $(ARGS)

guard: $(VENV)/.dev $(VENV)/.parts  ## a frame's instructions, counted, are not more than the baseline's (ARGS=--take: make that anew)
	$(BIN)/python -m bench.guard $(filter --take,$(ARGS))

test-faults: $(VENV)/.dev $(VENV)/.parts  ## of these, what is done to a desk: crowds, kills, twenty minutes at sixty-fold speed
	$(BIN)/python -m pytest $(FAULTS) $(ARGS)

test-systemd: $(VENV)/.dev $(VENV)/.parts  ## packaging's units under a systemd --user of its own: readiness, watchdog, restarts, sandbox
	$(BIN)/python -m pytest tests/system -m systemd $(ARGS)

test-laptop: $(VENV)/.dev $(VENV)/.parts  ## the daemon inside an emulated laptop: wifi, battery, backlight
	tests/support/install laptop
	$(BIN)/python -m pytest tests/system -m laptop $(ARGS)

BENCH := $(VENV)/.dev $(VENV)/.parts

bench: $(BENCH) $(VENV)/.page-tools  ## every measurement, and bench/report.md out of it: a quarter of an hour
	$(BIN)/python -m bench.all $(ARGS)

bench-fanout: $(BENCH)  ## one frame to many screens, beside a C loop and six peers
	$(BIN)/python -m bench.fanout $(ARGS)

bench-watching: $(BENCH)  ## what a desk costs, watched and not, beside Glances, netdata and node-exporter
	$(BIN)/python -m bench.watching $(ARGS)

bench-latency: $(BENCH)  ## how long a change, a tap, a log-in and a start take
	$(BIN)/python -m bench.latency $(ARGS)

bench-growth: $(BENCH)  ## what grows with screens, players and media changes
	$(BIN)/python -m bench.growth $(ARGS)

bench-half-hour: $(BENCH)  ## memory over half an hour of media changes at their own pace
	$(BIN)/python -m bench.growth --half-hour

bench-guard: guard  ## the same as guard

bench-report: $(BENCH)  ## write bench/report.md anew out of what was measured last
	$(BIN)/python -m bench.report

bench-page: $(VENV)/.dev $(VENV)/.parts $(VENV)/.page-tools  ## what the page costs a browser
	$(BIN)/python -m bench.page $(ARGS)

soak: $(VENV)/.dev $(VENV)/.parts  ## ten minutes of everything at once; what the desk holds must stay flat (ARGS="--seed 7")
	$(BIN)/python bench/soak.py $(ARGS)

echo-socket: $(VENV)/.run  ## the daemon's own sockets with an echo behind them, for suites that judge such (ARGS="--port 9001")
	@exec $(BIN)/python tests/tools/echo_socket.py $(ARGS)

check: $(VENV)/.dev $(VENV)/.page-tools  ## check format, lint, types, layers and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests scripts docs/start bench
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python dashboard/build.py run check

format: $(VENV)/.dev  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: $(VENV)/.dev  ## write what docs/reference makes from the code
	$(BIN)/python scripts/reference.py

docs: $(VENV)/.docs  ## build the documentation as a website with search: build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

locks: $(VENV)/.dev  ## resolve the requirements anew
	requirements/lock $(BIN)

clean:  ## remove everything that was set up
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.made:
	requirements/venv $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements/run.lock requirements/build.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/build.lock -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.page: $(VENV)/.run $(PAGE_SOURCES)
	$(BIN)/python dashboard/build.py
	@touch $@

$(VENV)/.page-tools: $(VENV)/.page dashboard/package-lock.json
	$(BIN)/python dashboard/build.py tools
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.docs: $(VENV)/.made requirements/docs.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/docs.lock
	@touch $@

$(VENV)/.scan: $(VENV)/.made requirements/scan.lock
	$(BIN)/python -m venv $(VENV)/scan
	$(VENV)/scan/bin/python -m pip install --quiet --require-hashes -r requirements/scan.lock
	@touch $@

$(VENV)/.parts: tests/support/install
	tests/support/install
	@touch $@
