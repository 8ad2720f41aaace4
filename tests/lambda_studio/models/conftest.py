"""Tests of models begin with nothing loaded."""

import pytest


@pytest.fixture(autouse=True)
def begins_empty(nothing_loaded: None) -> None:
    """Share no models with stacks of other tests, which may still be alive."""
