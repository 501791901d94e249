# The commands of Fairhold. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run demo test test-full lint format bench locks environment environment-test

help: ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 20

run: environment ## set everything up and serve on 127.0.0.1:8000 (FAIRHOLD_PORT, FAIRHOLD_HOME choose otherwise)
	@exec .venv/bin/fairhold up

demo: environment ## drive the main job over HTTP and print each step
	@exec .venv/bin/fairhold demo

test: environment-test ## run every test but the long ones, browser included
	@.ci/tests

test-full: environment-test ## run every test, the long ones too
	@.ci/tests full

lint: environment-test ## check style, types, floors between modules, and the container files
	@.ci/lint

format: environment-test ## let ruff lay out the code and mend what it safely can
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: environment ## measure everything into var/bench (QUICK=1: under a minute each)
	@mkdir -p var/bench
	@for script in bench/*.py; do \
	  name=$$(basename $$script .py); case $$name in _*) continue;; esac; \
	  echo "== $$name"; \
	  .venv/bin/python $$script $(if $(QUICK),--quick) --json var/bench/$$name.json || exit 1; \
	done

locks: environment-test ## resolve the requirements anew, with hashes
	.venv/bin/uv pip compile $(LOCK) pyproject.toml -o requirements.lock
	.venv/bin/uv pip compile $(LOCK) --group dev pyproject.toml -o requirements-dev.lock
	.venv/bin/uv pip compile $(LOCK) -c requirements-dev.lock .ci/build.in -o .ci/build.txt
	.venv/bin/uv pip compile $(LOCK) -c requirements-dev.lock .ci/lint.in -o .ci/lint.txt

LOCK = --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11

environment:
	@.ci/system-libraries run
	@.ci/environment run

environment-test:
	@.ci/system-libraries test
	@.ci/environment test
