.PHONY: check format lint test slow reliability measured

check: lint test

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test:
	pytest

slow:
	pytest -m slow

format:
	ruff format .
	ruff check --fix .

reliability:
	python -m tests.reliability --resume

measured:
	python benchmarks/measured.py
