# `make demo` shows the whole chain, `make test` checks everything, `make conformance` runs every consumer on the
# conformance cases; each first builds the environments it needs.
# On Linux, PyPI's torch comes with gigabytes of CUDA: CONTRIBUTING.md says how to get the smaller CPU build.

PYTHON ?= python3
PYTEST_ARGS ?=
PIP := -m pip install --quiet --constraint requirements-ci.txt
EVERYTHING := .venv/.installed
USER := .venv-user/.installed
RUNTIME := .venv-runtime/.installed

.PHONY: conformance demo test

demo: $(USER) $(RUNTIME)
	.venv-user/bin/python examples/demo/demo.py

test: $(EVERYTHING) $(USER) $(RUNTIME)
	.venv/bin/ruff check
	.venv/bin/mypy
	MOTHERNET_RUNTIME_VENV=$(CURDIR)/.venv-runtime MOTHERNET_USER_VENV=$(CURDIR)/.venv-user .venv/bin/python -m pytest $(PYTEST_ARGS)

# node and chromium are optional here, and not in CI, where tests run them
conformance: $(EVERYTHING) $(RUNTIME)
	.venv/bin/python tests/conformance/run.py -- .venv-runtime/bin/mothernet-runtime predict {model} {rows}
	.venv/bin/python tests/conformance/run.py --answers -- .venv/bin/python tests/conformance/written.py ort {model} {rows}
	@if command -v cc >/dev/null; then \
	  .venv/bin/python tests/conformance/run.py --answers -- .venv/bin/python tests/conformance/written.py c {model} {rows}; \
	else echo "skipped: C, because there is no compiler"; fi
	@if command -v npm >/dev/null; then \
	  ONNXRUNTIME_NODE_INSTALL=skip npm ci --silent --prefix examples/node && \
	  .venv/bin/python tests/conformance/run.py -- node examples/node/predict.mjs {model} {rows}; \
	else echo "skipped: node, because npm is not installed"; fi
	@if ! command -v npm >/dev/null; then echo "skipped: browser, because npm is not installed"; \
	elif ! command -v chromium >/dev/null; then echo "skipped: browser, because chromium is not installed"; \
	else npm ci --silent --prefix examples/browser && npm run --silent --prefix examples/browser build && \
	  .venv/bin/python tests/conformance/run_in_browser.py; fi

# torch goes first and by itself, as it is pinned: whatever else is installed must not choose another build of it
$(EVERYTHING): requirements-ci.txt mothernet/version.py pyproject.toml export/pyproject.toml runtime/pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) "$$(grep '^torch==' requirements-ci.txt)"
	.venv/bin/python $(PIP) -e ./runtime -e ./export -e '.[test]'
	touch $@

# what `pip install mothernet` brings: no torch
$(USER): requirements-ci.txt mothernet/version.py pyproject.toml export/pyproject.toml runtime/pyproject.toml
	$(PYTHON) -m venv --clear .venv-user
	.venv-user/bin/python $(PIP) -e ./runtime -e ./export -e .
	touch $@

# a wheel of the runtime and what it needs, nothing else
$(RUNTIME): requirements-ci.txt mothernet/version.py runtime/pyproject.toml $(wildcard runtime/mothernet_runtime/*.py)
	$(PYTHON) -m venv --clear .venv-runtime
	rm -rf build/wheels
	.venv-runtime/bin/python -m pip wheel --quiet --no-deps --wheel-dir build/wheels ./runtime
	.venv-runtime/bin/python $(PIP) build/wheels/mothernet_runtime-*.whl
	touch $@
