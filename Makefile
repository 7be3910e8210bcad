# `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The version of torch in the locks. Which build of it, for CUDA or for a CPU alone, is the platform's choice.
TORCH := 2.13.0

MODEL ?= tiny-qwen2.5-vl
RUN_ARGS = $(strip $(if $(DATA),--data '$(DATA)') $(EVAL_ARGS) $(if $(OUT),--out '$(OUT)') $(ARGS))
EVAL_ARGS = $(foreach set,$(EVAL),--eval-data $(set))

export TOKENIZERS_PARALLELISM := false

# Fine-tuning takes one process for each visible GPU; GPUS=n makes the first n of them visible.
export PGT_LORA_LAUNCH := $(or $(LAUNCH),ddp)
comma := ,
space := $(subst ,, )
VISIBLE = $(or $(subst $(comma), ,$(CUDA_VISIBLE_DEVICES)),$(shell nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null))
ifdef GPUS
ifneq ($(words $(wordlist 1,$(GPUS),$(VISIBLE))),$(GPUS))
$(error GPUS=$(GPUS), but $(words $(VISIBLE)) are visible here)
endif
export CUDA_VISIBLE_DEVICES := $(subst $(space),$(comma),$(wordlist 1,$(GPUS),$(VISIBLE)))
endif

# lmms-eval pins packages that the rest of the project has newer.
LMMS := .venv-lmms-eval

.PHONY: help setup finetune compare diagnose eval bench gpu-check push pictures test test-all wheel-test lock lint format tiny clean \
  lmms-eval-setup lmms-eval-test

help:  ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'
	@echo
	@echo "  make finetune MODEL=… DATA=… EVAL=… OUT=… GPUS=… ARGS='--learning_rate 1e-3 --overwrite'"
	@echo "  make compare MODEL=… EVAL=SET OUT=… ARGS='--arms base,pgt,specialized-mix,mine=DIR --seeds 0,1,2'"
	@echo "  make compare MODEL=… ARGS='--preset transfer'"
	@echo "  make compare MODEL=… DATA=… ARGS='--preset proportions'"
	@echo "  make eval MODEL=runs/… ARGS='--suite quick'"
	@echo "  make finetune NODES=2 NODE=0 MASTER=host0 MODEL=… DATA=… OUT=…    on every node; see docs/training.md"

CHECK_PYTHON := import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and $(PYTHON) is " \
  + sys.version.split()[0] + ": make PYTHON=python3.11 …")

# Beside a torch without CUDA, torchvision is then importable in every Python of an environment.
CURE := -c 'from pgt_lora.core.torchvision_on_cpu import install_for_all; install_for_all()'

setup: $(BIN)/.installed  ## Install the project and its tested dependencies into .venv.

$(BIN)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): 2.2 GB with a torch for CPUs, several more with CUDA's libraries"
	$(BIN)/pip install --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python $(CURE)
	@touch $@

finetune: setup  ## Make the data, fine-tune, score before and after, merge, verify, report.
ifdef NODES
	$(BIN)/accelerate launch --config_file recipes/accelerate/$(PGT_LORA_LAUNCH).yaml --num_machines $(NODES) \
	  --num_processes $$(($(NODES) * $(or $(GPUS),$(words $(VISIBLE))))) --machine_rank $(NODE) \
	  --main_process_ip $(MASTER) --main_process_port $(or $(PORT),29500) \
	  -m pgt_lora finetune $(MODEL) $(RUN_ARGS)
else
	$(BIN)/pgt-lora run $(MODEL) $(RUN_ARGS)
endif

compare: setup  ## Train several arms on one budget, score them on the same items, tell gains from noise.
	$(BIN)/pgt-lora compare $(MODEL) $(RUN_ARGS)

diagnose: setup  ## Tell what a model sees, what it cannot say, and what fools it (MODEL=…).
	$(BIN)/pgt-lora diagnose $(MODEL) $(RUN_ARGS)

# The paper's prompts are answered by the kit itself.
IN_PAPERS_WORDS := $(findstring --prompts paper,$(subst =, ,$(ARGS)))

eval: setup $(if $(IN_PAPERS_WORDS),,lmms-eval-setup)  ## Score a model on the paper's benchmarks: MODEL=… ARGS='--prompts paper'.
	$(BIN)/pgt-lora benchmark $(MODEL) $(RUN_ARGS)

lmms-eval-setup: $(LMMS)/.installed  ## Install lmms-eval, which `make eval` runs, into .venv-lmms-eval.

$(LMMS)/.installed: pyproject.toml constraints-lmms-eval.txt
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	$(PYTHON) -m venv $(LMMS)
	$(LMMS)/bin/pip install --quiet --constraint constraints-lmms-eval.txt --editable '.[eval]'
	$(LMMS)/bin/python $(CURE)
	@touch $@

bench: setup  ## Time training against TRL alone, by turns: MODEL=… ARGS='--num-samples 1000'.
	$(BIN)/pgt-lora bench $(MODEL) $(ARGS)

# From a checkout alone, without `make setup`: what is in .venv where there is one, or $(PYTHON) and its PYTHONPATH.
gpu-check:  ## Tell what only a GPU can, in 8 minutes (ARGS=--dry-run: on a CPU).
	HF_HUB_OFFLINE=1 PYTHONPATH=$(if $(PYTHONPATH),$(PYTHONPATH):)$(CURDIR) \
	  $(or $(wildcard $(BIN)/python),$(PYTHON)) -m pgt_lora.studies.gpu_check $(ARGS)

push: setup  ## Push a finished run's verified model to the Hub: MODEL=… HUB=owner/name.
	$(BIN)/pgt-lora push '$(or $(OUT),runs/$(MODEL))' $(HUB) $(ARGS)

pictures: setup  ## Draw the pictures of README and docs: the gallery, and a run's figure (MODEL=… or OUT=…).
	$(BIN)/pgt-lora gallery docs/gallery.md
	$(BIN)/pgt-lora figure '$(or $(OUT),runs/$(MODEL))' --out docs/report.svg

# Each file of tests stays in one process, so that what its tests share is made once.
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test: setup  ## Run the fast tests (offline, on the CPU).
	$(PYTEST) $(ARGS)

test-all: setup  ## Run every test, the slow ones too.
	$(PYTEST) -m "" $(ARGS)

wheel-test: setup  ## Build the wheel and work with it in an environment of its own (minutes).
	tests/wheel.sh $(BIN)/python

lmms-eval-test: lmms-eval-setup  ## Run lmms-eval itself over local files, on the CPU (minutes).
	$(LMMS)/bin/pip install --quiet --constraint constraints-lmms-eval.txt pytest
	$(LMMS)/bin/python -m pytest tests/studies/benchmarks/test_lmms_eval.py $(ARGS)

# Both environments are locked whole: every version, for every platform that the markers name.
LOCK = printf 'torch==$(TORCH)\n$(1)' | $(BIN)/uv pip compile pyproject.toml - --universal --python-version 3.11 \
  --upgrade --no-annotate --custom-compile-command 'make lock' --quiet

lock: setup  ## Renew the locked versions of both environments, and run every test in them.
	$(call LOCK,) --extra dev --extra cuda --output-file constraints.txt
	$(call LOCK,pytest\n) --extra eval --output-file constraints-lmms-eval.txt
	.ci/run

lint: setup  ## Check style, types and the order of the layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tiny: setup  ## Rebuild a small model that ships with the project, from nothing (MODEL=…).
	$(BIN)/python -m pgt_lora.tiny $(MODEL) $(ARGS)

clean:  ## Remove what was installed and generated; committed models stay.
	rm -rf $(VENV) $(LMMS) runs data/pgt-* *.egg-info build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
