# Each target installs its own requirements. Start with `make run` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
FAULTS := tests/system/test_faults*.py
# Two processes with fixed hash seeds. pytest-xdist refuses to run if both collect different test names.
TWO := $(foreach seed,1 2,--tx "popen//python=env PYTHONHASHSEED=$(seed) $(BIN)/python") --dist loadfile
PAGE_SOURCES := $(shell find dashboard -name node_modules -prune -o -type f -print)

# The tests start the program a thousand times, so keep its bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test unit test-page desktop system test-pythons guard test-faults test-systemd test-laptop bench bench-fanout bench-watching bench-latency bench-transports bench-report bench-page soak echo-socket check format reference docs locks clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.page  ## install everything and start the daemon (ARGS="--port 9000" adds options)
	@exec $(BIN)/deskwire serve $(ARGS)

test: guard unit test-page desktop system  ## run all tests for this machine

unit: $(VENV)/.dev  ## run the pure tests, without root and system packages
	$(BIN)/python -m pytest tests -m "not desktop" $(TWO) $(ARGS)

test-page: $(VENV)/.page-tools  ## run the unit tests of the web page
	$(BIN)/python dashboard/build.py run test

desktop: $(VENV)/.dev $(VENV)/.parts  ## run the unit tests that need real buses, players, sound servers and services
	$(BIN)/python -m pytest tests --ignore=tests/system --ignore=tests/tools -m desktop $(TWO) $(ARGS)

system: $(VENV)/.dev $(VENV)/.parts $(VENV)/.page-tools $(VENV)/.scan  ## test the installed program with a real bus, players, sound and browser
	$(BIN)/python -m pytest tests/system tests/tools -m "not laptop and not systemd" $(TWO) $(ARGS)

test-pythons: $(VENV)/.dev $(VENV)/.page  ## run the pure tests on each installed Python from 3.11 to 3.13
	PYTHONHASHSEED=1 scripts/test_pythons -n 2 --dist loadfile $(ARGS)

guard: $(VENV)/.dev $(VENV)/.parts  ## compare the instructions for each frame with the baseline (ARGS=--take writes a new one)
	$(BIN)/python -m bench.guard $(filter --take,$(ARGS))

test-faults: $(VENV)/.dev $(VENV)/.parts  ## run only the system tests of faults and attacks
	$(BIN)/python -m pytest $(FAULTS) $(ARGS)

test-systemd: $(VENV)/.dev $(VENV)/.parts  ## test the systemd units under a separate `systemd --user`
	$(BIN)/python -m pytest tests/system -m systemd $(ARGS)

test-laptop: $(VENV)/.dev $(VENV)/.parts  ## test wifi, battery and backlight in an emulated laptop
	tests/support/install laptop
	$(BIN)/python -m pytest tests/system -m laptop $(ARGS)

BENCH := $(VENV)/.dev $(VENV)/.parts

bench: $(BENCH) $(VENV)/.page-tools  ## run all measurements and write bench/report.md, in a quarter of an hour
	$(BIN)/python -m bench.all $(ARGS)

bench-fanout: $(BENCH)  ## measure one frame to many clients, beside a C loop and five other servers
	$(BIN)/python -m bench.fanout $(ARGS)

bench-watching: $(BENCH)  ## measure the cost of a desk with and without a client, beside other monitors
	$(BIN)/python -m bench.watching $(ARGS)

bench-latency: $(BENCH)  ## measure the time of a change, a command, a login and a start
	$(BIN)/python -m bench.latency $(ARGS)

bench-transports: $(BENCH)  ## measure the transports of the daemon and of asyncio at 64 and 2,000 sockets
	$(BIN)/python -m bench.transports $(ARGS)

bench-report: $(BENCH)  ## write bench/report.md from the last results
	$(BIN)/python -m bench.report

bench-page: $(VENV)/.dev $(VENV)/.parts $(VENV)/.page-tools  ## measure the cost of the page in a browser
	$(BIN)/python -m bench.page $(ARGS)

soak: $(VENV)/.dev $(VENV)/.parts  ## run ten minutes under load and faults; resources must not grow (ARGS="--seed 7")
	$(BIN)/python bench/soak.py $(ARGS)

echo-socket: $(VENV)/.run  ## start an echo server on the daemon's sockets, for external test suites (ARGS="--port 9001")
	@exec $(BIN)/python tests/tools/echo_socket.py $(ARGS)

check: $(VENV)/.dev $(VENV)/.page-tools  ## check format, lint, types, layers and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests scripts docs/start bench
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python scripts/check_prose.py
	$(BIN)/python dashboard/build.py run check

format: $(VENV)/.dev  ## format the code and fix lint findings
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: $(VENV)/.dev  ## write the generated pages in docs/reference
	$(BIN)/python -m scripts.reference

docs: $(VENV)/.docs  ## build the documentation as a website with search: build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

locks: $(VENV)/.dev  ## resolve the requirements and write the lock files
	requirements/lock $(BIN)

clean:  ## remove everything that make installed
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
