# make book    everything from nothing: environment, script bundle, sounds, chapters, site
# make serve   the site at http://localhost:8000
# make check   layout, types, imports and banned words, in seconds; run it before every commit
# make fast    the tests that need neither the built book nor a browser
# make test    all tests, with what they need (a browser included)
# make bench   speed, side by side with others; with RECORDINGS=FOLDER their scores on it, too
# make zip     the site as one file, to be read without a network
# make pdf     the book to be printed
# make slides  a deck of slides for every chapter, with speaker notes
# make links   every address outside the book is asked whether it is still there
# make binder  the environment of binder/, made afresh and every chapter run in it
# make canary  the book and its fast tests with the newest versions that pyproject.toml allows
# make lock    exact versions and hashes from the ranges in pyproject.toml; UPGRADE=upgrade takes the newest
# make wheels  which packages of the lock must be built from source, by system and Python
# make clean   away with everything that was made here
#
# Written for GNU make 3.81 and later with the tools of Linux, macOS or BSD. Windows has no .venv/bin: there, use WSL,
# or the commands of .github/workflows/verify.yml, which runs the fast tests on Windows.

PYTHON ?= python3
BIN := .venv/bin
UV := uv==0.13.9
# Every archive has its hash in a lock, and every package stands in one; a module is compiled when it is first imported.
VERIFIED := --require-hashes --no-deps --no-compile
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Images of containers often set this; then every process would compile PyTorch and all else anew.
unexport PYTHONDONTWRITEBYTECODE
# Threads that wait must not spin: chapters are executed side by side.
export OMP_WAIT_POLICY := PASSIVE
# sphinx-external-toc looks at every object, and PyTorch warns of one that is old.
export PYTHONWARNINGS := ignore::FutureWarning:sphinx_external_toc.collectors

# jupyter-book, without the 38 grammars of addresses that jsonschema would compile at every start if it could.
JUPYTER_BOOK := import sys; sys.modules['rfc3987_syntax'] = None; from jupyter_book.cli.main import main; main()

BOOK := _build/html/index.html
TOC := $(CURDIR)/_toc.yml
SPHINXOPTS := -W --keep-going
BUNDLE := nmp_lessons/book/show/nmp.js
WEB := $(shell find web -path web/node_modules -prune -o -type f -print)
SOUNDS := _build/.sounds

.PHONY: book serve check fast test bench zip pdf slides links notebooks binder canary clean bundle sounds plain lock wheels environment screenshot
.DELETE_ON_ERROR:

book: environment bundle sounds
	@$(BIN)/python -c "$(JUPYTER_BOOK)" build book --config _config.yml --toc $(TOC) --path-output . -q $(SPHINXOPTS) > /dev/null \
	  || { rm -rf _build/.doctrees; exit 1; } # what was warned about must be read again
	@echo "The book is built. Open $(BOOK), or run \`make serve\`."

serve: book
	@$(BIN)/python -m tools.serve

check: environment web/node_modules/.installed
	@mkdir -p _build
	@$(BIN)/ruff check -q
	@$(BIN)/ruff format --check -q
	@$(BIN)/pyrefly check --output-format min-text > _build/types.txt 2>&1 || { cat _build/types.txt; exit 1; }
	@$(BIN)/lint-imports --no-cache > _build/imports.txt || { cat _build/imports.txt; exit 1; }
	@$(BIN)/python -m tools.words
	@cd web && npm run --silent check

fast: environment sounds
	@$(BIN)/python -m pytest -q -n auto -m fast

test: book
	@$(BIN)/python -m tools.browser --install
	@$(BIN)/python -m pytest -q -n auto

bench: environment
	@$(BIN)/python -m tools.bench
	@$(if $(RECORDINGS),$(BIN)/python -m tools.bench others $(RECORDINGS))

# The same book without Jupyter Book's wrapper: the day it breaks, the book does not.
plain: environment bundle sounds
	@$(BIN)/jupyter-book config sphinx --config _config.yml book > /dev/null
	@mv conf.py book/conf.py
	@$(BIN)/python -m sphinx -q $(SPHINXOPTS) -d _build/.doctrees-plain -D external_toc_path=$(TOC) \
	  book _build/plain

zip: book
	@rm -f _build/nmp-lessons.zip
	@cd _build/html && $(CURDIR)/$(BIN)/python -m zipfile -c ../nmp-lessons.zip *
	@echo "_build/nmp-lessons.zip: unpack it anywhere and open index.html."

pdf: book
	@$(BIN)/python -m tools.browser --install > /dev/null
	@$(BIN)/python -m tools.pdf

slides: book web/node_modules/.installed
	@$(BIN)/python -m tools.slides

links: environment bundle sounds
	@$(BIN)/python -c "$(JUPYTER_BOOK)" build book --config _config.yml --toc $(TOC) --path-output . -q --builder linkcheck

# What Colab clones: the chapters, a wheel with the script of the players, the exercises. REPOSITORY is its address.
REPOSITORY := $(shell sed -n '/^repository:/,/^[a-z]*:$$/s/^  url: *"\(.*\)".*/\1/p' _config.yml)
notebooks: book
	@rm -rf _build/notebooks && mkdir -p _build/notebooks
	@$(BIN)/pip wheel -qq --no-deps --no-build-isolation -w _build/notebooks .
	@cp -R exercises _build/notebooks/
	@$(BIN)/python -m nmp_lessons.book.site _build/notebooks --colab "$(or $(REPOSITORY),$(error set repository: url in _config.yml))"

binder: environment bundle
	@$(BIN)/python -m tools.browser --install > /dev/null
	@$(BIN)/python -m tools.binder

# In a folder of its own. TORCH is held by name, since the newest from PyPI brings gigabytes for GPUs where it is
# not asked for; `make canary TORCH=torch` takes the newest of that too.
CANARY := _build/canary
CANARY_TESTS := tests/test_book_build.py tests/test_cqt.py tests/test_model.py tests/test_notes.py tests/test_evaluation.py tests/test_book_player.py tests/test_book_exercises.py
canary:
	@rm -rf $(CANARY) && mkdir -p $(CANARY)
	@git ls-files | tar -cf - -T - | tar -xf - -C $(CANARY)
	@$(PYTHON) -m venv $(CANARY)/.venv
	@$(CANARY)/.venv/bin/pip install -qq -e '$(CANARY)[test,dev]' $(TORCH)
	@touch $(CANARY)/.venv/.installed
	@$(CANARY)/.venv/bin/pip freeze --exclude nmp-lessons > $(CANARY)/newest.txt
	@echo "Not as in the lock:" && $(PYTHON) -m tools.lock differences < $(CANARY)/newest.txt
	@$(MAKE) -C $(CANARY) book
	@cd $(CANARY) && .venv/bin/python -m tools.browser --install > /dev/null && .venv/bin/python -m pytest -q $(CANARY_TESTS)

# The pictures in README.md and of links to the book.
screenshot: book
	@$(BIN)/python -m tools.screenshot

environment: .venv/.installed
bundle: $(BUNDLE)
sounds: $(SOUNDS)

# PyTorch's build for CPUs where pip finds it, else PyPI's, which on Linux needs more: tools/lock.py says why.
.venv/.installed: requirements.lock pyproject.toml
	@echo "Installing what the book needs (a few minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq $(VERIFIED) -r tools/locks/cpu.txt 2> /dev/null || true
	@$(BIN)/pip install -qq $(VERIFIED) -r requirements.lock
	@$(BIN)/python -c "import torch" 2> /dev/null || $(BIN)/pip install -qq $(VERIFIED) -r tools/locks/cuda.txt
	@$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	@command -v npm > /dev/null || $(BIN)/pip install -qq $(VERIFIED) -r tools/locks/node.txt
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json | .venv/.installed
	@cd web && npm ci --silent --no-audit --no-fund
	@touch $@

$(BUNDLE): $(WEB) web/node_modules/.installed
	@cd web && npm run --silent build
	@touch $@

$(SOUNDS): requirements.lock nmp_lessons/fetch.py nmp_lessons/audio/piano.py nmp_lessons/data/maestro.py | .venv/.installed
	@$(BIN)/nmp-lessons sounds
	@mkdir -p _build && touch $@

TORCH = $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.lock)
lock: _build/uv/bin/uv
	@_build/uv/bin/python -m tools.lock $< $(UPGRADE)

wheels: _build/uv/bin/uv
	@_build/uv/bin/python -m tools.wheels $<

_build/uv/bin/uv:
	@$(PYTHON) -m venv _build/uv
	@_build/uv/bin/pip install -qq $(UV) packaging

clean:
	rm -rf .venv _build web/node_modules nmp_lessons/book/show/nmp*.js nmp_lessons/book/show/nmp.css nmp_lessons/book/show/*.wasm
