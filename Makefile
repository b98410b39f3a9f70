# Each target does the set-up it needs itself. `make help` lists them.

PYTHON_IN = .venv/bin/python
REDIS_SERVER ?=
QUICK ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check unit pictures bench bench-dashboard test-servers test-slow coverage mutants chaos soak clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

demo:  ## six queues, workers, sample traffic and the dashboard (ARGS=--headless: no dashboard)
	@scripts/setup.sh demo
	@.venv/bin/jobdesk demo $(ARGS)

test: check unit  ## everything: style, types, layers, and the whole suite on both Redis versions

check:  ## format, lint, types, layers
	@scripts/setup.sh test
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }

unit:
	@scripts/setup.sh test
	@scripts/test.sh $(ARGS)

pictures:  ## the dashboard's pictures: the README's, and those the tests compare with
	@scripts/setup.sh test
	$(PYTHON_IN) -m pytest -q tests/tui/test_snapshots.py -n 0 --snapshot-update --timeout 600 -k looks_as
	$(PYTHON_IN) scripts/pictures.py

bench:  ## jobdesk and its peers side by side (QUICK=1: a short run; ARGS="--only drain")
	@scripts/setup.sh test
	$(PYTHON_IN) -m benchmarks $(if $(QUICK),--quick) $(ARGS)

bench-dashboard:  ## what the dashboard costs with a million jobs (QUICK=1: with fewer, shorter)
	@scripts/setup.sh test
	$(PYTHON_IN) -m benchmarks.dashboard $(if $(QUICK),--quick)

test-servers:  ## the tests that speak to Redis, on another server: REDIS_SERVER=/path/to/redis-server
	@scripts/setup.sh test
	@test -x "$(REDIS_SERVER)" || { echo "say which: make test-servers REDIS_SERVER=/path/to/redis-server"; exit 2; }
	JOBDESK_TEST_REDIS=$(REDIS_SERVER) $(PYTHON_IN) -m pytest -q -m servers -n 2 --dist loadfile $(ARGS)

test-slow:  ## the tests that take minutes: schedules by the real minute
	@scripts/setup.sh test
	$(PYTHON_IN) -m pytest -q -m slow -n 4 $(ARGS)

coverage:  ## how much of engine/ and broker/ the tests run; exits 1 under 93 %
	@scripts/setup.sh test
	.venv/bin/coverage erase
	$(PYTHON_IN) -m pytest -q -n 4 --dist loadfile --cov --cov-report=term --timeout=600 \
		-m "not quiet and not chaos and not slow and not untraced" \
		tests/unit tests/integration tests/acceptance tests/chaos tests/tui $(ARGS)

mutants:  ## each guard of the Lua scripts is taken away in turn; a test must fail for each
	@scripts/setup.sh test
	$(PYTHON_IN) -m tests.chaos.mutants $(ARGS)

chaos:  ## the nemesis: the long model test, kills, failovers, moved slots, a million jobs
	@scripts/setup.sh test
	$(PYTHON_IN) -m pytest -q -m chaos -p no:randomly --timeout=600 $(ARGS)

soak:  ## SOAK_MINUTES (30) of load with a fault twice a minute; exits 1 on any loss
	@scripts/setup.sh test
	SOAK_MINUTES=$(or $(SOAK_MINUTES),30) $(PYTHON_IN) -m tests.chaos.soak

clean:  ## remove .venv and all that was built
	rm -rf .venv .bench build dist .demo bench-results .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
