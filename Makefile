.PHONY: check docs format lint test slow reliability measured

check: lint test docs

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports

docs:
	python -m docs.reference
	python -m zensical build --strict

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
