# make run    the window on the built-in sample (without a display: off-screen, pictures and results in out/)
# make test   lint, import contracts and every test
# Both set everything up first; another Python than the default: make PYTHON=python3.12 …

PYTHON ?= $(or $(shell command -v python3.11 || command -v python3.12 || command -v python3.13),python3.11)
BIN := .venv/bin

# What pip cannot bring: a virtual screen with software OpenGL, and the libraries that Qt opens at run time (Debian's names).
SYSTEM = xvfb libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 \
	libfontconfig1 libglib2.0-0 libdbus-1-3 $(shell $(PYTHON) -c 'import ensurepip' 2>&- || echo $(notdir $(PYTHON))-venv)

.PHONY: run test lint format bench gpu pictures clean

run: .venv/ready
	@if [ "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" != Linux ]; then $(BIN)/python main.py --sample; \
	else $(BIN)/python main.py demo; fi

test: lint
	$(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --max-worker-restart 0

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready
	@for script in $(filter-out %_peer.py %_peers.py, $(wildcard tests/benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# What differs on a machine with a graphics card, as one table in under ten minutes; says so where there is none.
gpu: .venv/ready
	@$(BIN)/python tests/benchmarks/gpu.py

pictures: .venv/ready
	$(BIN)/python docs/make_pictures.py

.venv/ready: pyproject.toml constraints.txt | .venv/system
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt --editable '.[sample,dev]'
	@touch $@

.venv/system: Makefile
	@mkdir -p .venv
	@if [ "$$(uname)" != Linux ] || dpkg -s $(SYSTEM) >/dev/null 2>&1; then touch $@; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-upgrade --no-install-recommends $(SYSTEM) >/dev/null && touch $@; \
	else echo "Tomolens may need system packages that are not installed; on Debian or Ubuntu: sudo apt-get install $(SYSTEM)"; fi

clean:
	rm -rf .venv build out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
