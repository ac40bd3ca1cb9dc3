# Each command with all its own set-up, from any folder: `make demo`, `make test`, `make lint`,
# `make docs`, `make bench` and `make campaign`.
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
VENV := $(HERE).venv
RUN := $(VENV)/bin/python
SUPPORTED := import sys; sys.exit(sys.version_info < (3, 10))
# A name can stand for a version that is not installed, so each is tried.
NAMES := python3.11 python3.12 python3.13 python3.10 python3 python
PYTHON ?= $(firstword $(foreach p,$(NAMES),$(shell $(p) -c '$(SUPPORTED)' 2>/dev/null && echo $(p))))
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# Named after the version, so that another PYTHON gets an environment of its own.
MADE := $(VENV)/.made-$(VERSION)
# What `make bench` measures on: cpu or cuda.
DEVICE ?= cpu
# RecBole 1.2.1 asks for a ray that Python 3.12 and later have no build of.
MODERN := import sys; sys.exit(sys.version_info < (3, 12))
INSTALL := $(RUN) -m pip install --quiet
INPUTS := $(HERE)setup.cfg $(HERE)constraints.txt $(HERE)constraints-3.12.txt $(HERE)pyproject.toml

.PHONY: demo test test-gpu lint docs bench campaign clean

demo: $(VENV)/.demo
	cd $(HERE) && $(RUN) -m recbole_slmrec demo

test: $(VENV)/.test
	cd $(HERE) && $(RUN) -m pytest

test-gpu: $(VENV)/.test
	cd $(HERE) && $(RUN) -m pytest -m gpu -rs

lint: $(VENV)/.test
	cd $(HERE) && $(RUN) -m ruff check && $(RUN) -m ruff format --check && $(RUN) -m mypy

docs: $(VENV)/.docs
	cd $(HERE) && $(RUN) -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.demo
	cd $(HERE) && $(RUN) -m benchmarks --device $(DEVICE)

campaign: $(VENV)/.test
	cd $(HERE) && $(RUN) -m tests.campaigns --output $(HERE)docs/reliability.json

$(VENV)/.demo: $(MADE) $(INPUTS)
	$(call install,$(HERE))
	touch $@

$(VENV)/.test: $(MADE) $(INPUTS)
	$(call install,$(HERE)[test])
	touch $@

$(VENV)/.docs: $(MADE) $(INPUTS)
	$(call install,$(HERE)[docs])
	touch $@

define install
	if $(RUN) -c '$(MODERN)'; then \
	  $(INSTALL) -c $(HERE)constraints-3.12.txt -e '$(1)' && $(INSTALL) --no-deps recbole==1.2.1; \
	else $(INSTALL) -c $(HERE)constraints.txt -e '$(1)'; fi
endef

$(MADE):
	@if [ -z "$(PYTHON)" ]; then \
	  echo "No Python 3.10 or later was found, which PyTorch 2.13 needs. Install one, or name it:"; \
	  echo "make PYTHON=/path/to/python3.13"; exit 1; fi
	@$(PYTHON) -c '$(SUPPORTED)' || { \
	  echo "$(PYTHON) is not Python 3.10 or later, which PyTorch 2.13 needs."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

clean:
	rm -rf $(VENV) $(HERE)build $(HERE)*.egg-info
	rm -rf $(HERE)docs/_build $(HERE)docs/examples $(HERE)docs/reference $(HERE)docs/settings.md
