# `make demo` shows the whole chain, `make test` checks everything, `make conformance` runs every consumer on the
# conformance cases; each first builds the environments it needs.
# On Linux, PyPI's torch comes with gigabytes of CUDA: CONTRIBUTING.md says how to get the smaller CPU build.

PYTHON ?= python3
PYTEST_ARGS ?=
PIP := -m pip install --quiet --constraint requirements-ci.txt
ENGINES := $(if $(CI),$(shell printf ,engines))# half a gigabyte that only the tests of four examples need
EVERYTHING := .venv/.installed
USER := .venv-user/.installed
RUNTIME := .venv-runtime/.installed
# the floors of the runtime, numpy 1.24 among them, have no wheels for Python 3.12 and later: without an older one, none
OLDEST_PYTHON := $(shell for python in python3.10 python3.11 $(PYTHON); do \
  $$python -c 'import ensurepip, sys; sys.exit(sys.version_info >= (3, 12))' 2>/dev/null && echo $$python && break; done)
OLDEST := $(if $(OLDEST_PYTHON),.venv-oldest/.installed)

.PHONY: conformance conformance-all demo test

demo: $(USER) $(RUNTIME)
	.venv-user/bin/python examples/demo/demo.py

test: $(EVERYTHING) $(USER) $(RUNTIME) $(OLDEST)
	.venv/bin/ruff check
	.venv/bin/mypy
	MOTHERNET_RUNTIME_VENV=$(CURDIR)/.venv-runtime MOTHERNET_USER_VENV=$(CURDIR)/.venv-user \
	  MOTHERNET_OLDEST_VENV=$(if $(OLDEST),$(CURDIR)/.venv-oldest) .venv/bin/python -m pytest $(PYTEST_ARGS)

# consumers whose tools are not installed are skipped, and named; that is an error with conformance-all
conformance: $(EVERYTHING)
	.venv/bin/python tests/conformance/consumers.py

conformance-all: $(EVERYTHING)
	.venv/bin/python tests/conformance/consumers.py --strict

# torch goes first and by itself, as it is pinned: whatever else is installed must not choose another build of it
$(EVERYTHING): requirements-ci.txt mothernet/version.py pyproject.toml export/pyproject.toml runtime/pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) "$$(grep '^torch==' requirements-ci.txt)"
	.venv/bin/python $(PIP) -e './runtime[serve]' -e ./export -e '.[test$(ENGINES)]'
	touch $@

# what `pip install mothernet` brings: no torch
$(USER): requirements-ci.txt mothernet/version.py pyproject.toml export/pyproject.toml runtime/pyproject.toml
	$(PYTHON) -m venv --clear .venv-user
	.venv-user/bin/python $(PIP) -e ./runtime -e ./export -e .
	touch $@

# a wheel of the runtime and what it needs, nothing else
$(RUNTIME): requirements-ci.txt mothernet/version.py runtime/pyproject.toml $(wildcard runtime/mothernet_runtime/*.py runtime/mothernet_runtime/*/*.py)
	$(PYTHON) -m venv --clear .venv-runtime
	rm -rf build/wheels
	.venv-runtime/bin/python -m pip wheel --quiet --no-deps --wheel-dir build/wheels ./runtime
	.venv-runtime/bin/python $(PIP) build/wheels/mothernet_runtime-*.whl
	touch $@

# the same wheel with the oldest versions that it accepts
.venv-oldest/.installed: $(RUNTIME)
	$(OLDEST_PYTHON) -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet build/wheels/mothernet_runtime-*.whl \
	  $$(sed -n 's/^dependencies = //p' runtime/pyproject.toml | tr -d '[],"' | sed 's/>=/==/g')
	touch $@
