# Each command with all its own set-up, from any folder: `make demo`, `make test`, `make bench`
# and `make campaign`.
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
VENV := $(HERE).venv
RUN := $(VENV)/bin/python
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))
# A name can stand for a version that is not installed, so each is tried.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.10 python3 python,$(shell $(p) -c '$(SUPPORTED)' 2>/dev/null && echo $(p))))
INPUTS := $(HERE)setup.cfg $(HERE)constraints.txt $(HERE)pyproject.toml

.PHONY: demo test bench campaign clean

demo: $(VENV)/.demo
	cd $(HERE) && $(RUN) -m recbole_slmrec demo

test: $(VENV)/.test
	cd $(HERE) && $(RUN) -m pytest

bench: $(VENV)/.demo
	cd $(HERE) && $(RUN) -m benchmarks

campaign: $(VENV)/.test
	cd $(HERE) && $(RUN) -m tests.campaigns --output $(HERE)docs/reliability.json

$(VENV)/.demo: $(VENV)/.made $(INPUTS)
	$(RUN) -m pip install --quiet -c $(HERE)constraints.txt -e $(HERE)
	touch $@

$(VENV)/.test: $(VENV)/.made $(INPUTS)
	$(RUN) -m pip install --quiet -c $(HERE)constraints.txt -e '$(HERE)[test]'
	touch $@

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "No Python 3.10 or 3.11 was found. PyTorch 2.13 needs 3.10; RecBole 1.2.1 needs a ray that"; \
	  echo "has no build for 3.12. Install one of the two, or name it: make PYTHON=/path/to/python3.11"; \
	  exit 1; fi
	@$(PYTHON) -c '$(SUPPORTED)' || { \
	  echo "$(PYTHON) is not Python 3.10 or 3.11: PyTorch 2.13 needs 3.10; RecBole 1.2.1 needs a ray"; \
	  echo "that has no build for 3.12."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

clean:
	rm -rf $(VENV) $(HERE)build $(HERE)*.egg-info
