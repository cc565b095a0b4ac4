# make serve   start the service on the shipped models
# make test    everything that a machine without a GPU can check
# make quick   formatting, lint, types and the tests that need no server: what an edit needs
# make coverage   all tests once more, with the branches that they take
# make check   formatting, lint and types only
# make docs    the documentation as a site, in build/site
# make kserve  install KServe's own client, for the test that runs it
# make generator   install openapi-python-client, for the test that generates a client with it
# make test-gpu, make bench-gpu   what needs a GPU; they say so where there is none
# make bench   measure engines, growth, training, the service, also beside hostile clients, the page,
#              the cluster, and peers beside us: two hours, and gigabytes for the peers' environments
#              in build/peers

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PIP := $(RUN)/python -m pip --disable-pip-version-check install -q -c .ci/constraints.txt
EXTRA := $(shell nvidia-smi >/dev/null 2>&1 && echo gpu || echo cpu)
JOBS ?= 2

.PHONY: serve test quick coverage check docs kserve generator bench test-gpu bench-gpu clean

serve: $(VENV)/serves-$(EXTRA)
	exec $(RUN)/ntm serve

# A file's tests run in one process, so that what they share is made once.
test: check
	$(RUN)/python -m pytest -n $(JOBS) --dist loadfile

quick: check
	$(RUN)/python -m pytest -n $(JOBS) --dist loadfile -m quick

coverage: check
	$(RUN)/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term:skip-covered

check: $(VENV)/develops
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy

docs: build/docs/bin/mkdocs
	build/docs/bin/mkdocs build --strict

kserve: build/kserve/bin/python

generator: build/generator/bin/python

bench: $(VENV)/develops
	$(RUN)/python benchmarks/engine.py
	$(RUN)/python benchmarks/serving.py
	$(RUN)/python benchmarks/hostile.py
	$(RUN)/python benchmarks/viewer.py
	$(RUN)/python benchmarks/cluster.py
	$(RUN)/python benchmarks/growth.py
	$(RUN)/python benchmarks/context.py
	$(RUN)/python benchmarks/training.py
	$(RUN)/python benchmarks/peers.py
	$(RUN)/python benchmarks/start.py
	$(RUN)/python benchmarks/plot.py

test-gpu: $(VENV)/develops-gpu
	$(RUN)/python -m pytest tests/gpu -v -rs

bench-gpu: $(VENV)/develops-gpu
	$(RUN)/python benchmarks/gpu.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The two ONNX Runtime wheels overwrite each other, so that each kind of install starts by
# taking the other's away.
$(VENV)/serves-cpu: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	@echo "installing into $(VENV): a minute or two, once"
	@[ ! -e $(VENV)/serves-gpu ] || $(RUN)/python -m pip uninstall -q -y onnxruntime-gpu
	@rm -f $(VENV)/serves-gpu
	$(PIP) -e '.[cpu]'
	@touch $@

$(VENV)/serves-gpu: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	@echo "installing into $(VENV) with CUDA: several minutes, once"
	@[ ! -e $(VENV)/serves-cpu ] || $(RUN)/python -m pip uninstall -q -y onnxruntime
	@rm -f $(VENV)/serves-cpu $(VENV)/develops
	$(PIP) -e '.[gpu]'
	@touch $@

$(VENV)/develops: $(VENV)/serves-cpu
	@echo "installing what tests need: a few minutes, once"
	$(PIP) -e '.[dev]'
	@touch $@

# The tests' extra brings the wheel for CPUs, over which the one for GPUs is put again.
$(VENV)/develops-gpu: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	@nvidia-smi || { echo "there is no GPU here: nvidia-smi does not answer"; exit 1; }
	@rm -f $(VENV)/serves-cpu $(VENV)/develops
	$(PIP) -e '.[dev]'
	@$(RUN)/python -m pip uninstall -q -y onnxruntime
	$(PIP) --force-reinstall --no-deps onnxruntime-gpu
	$(PIP) -e '.[gpu]'
	@touch $(VENV)/serves-gpu $@

build/docs/bin/mkdocs: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv build/docs
	build/docs/bin/pip --disable-pip-version-check install -q -c .ci/constraints.txt -e '.[docs]'

build/generator/bin/python:
	$(PYTHON) -m venv build/generator
	build/generator/bin/pip --disable-pip-version-check install -q openapi-python-client || { rm -rf build/generator; exit 1; }

# Its pins and ours cannot be had in one environment.
build/kserve/bin/python:
	$(PYTHON) -m venv build/kserve
	build/kserve/bin/pip --disable-pip-version-check install -q kserve || { rm -rf build/kserve; exit 1; }
