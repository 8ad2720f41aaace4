"""`from lambda_studio import Studio, GenerateConfig, FinetuneConfig`: at once, and nothing heavy with it."""

import subprocess
import sys

import pytest

import lambda_studio

HEAVY = ("torch", "diffusers", "open_clip", "numpy", "PIL")


def modules_after(script: str) -> set[str]:
    """Run a script in a process of its own and return the modules it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_package_alone_loads_nothing_of_ours() -> None:
    loaded = modules_after("import lambda_studio")
    assert [name for name in loaded if name.startswith(("lambda_studio.", "concepts"))] == []


def test_configurations_come_without_torch_and_without_a_database() -> None:
    loaded = modules_after("from lambda_studio import GenerateConfig, FinetuneConfig; GenerateConfig(seed=1)")
    assert loaded.isdisjoint({*HEAVY, "sqlalchemy"})


def test_a_studio_lists_its_concepts_without_torch(tmp_path) -> None:
    script = (
        "from lambda_studio import Studio, GenerateConfig, FinetuneConfig\n"
        f"with Studio({str(tmp_path)!r}) as studio:\n"
        "    assert studio.concepts.list() == studio.adapters.list() == []\n"
        "    assert [each.name for each in studio.libraries.list()] == ['default']"
    )
    assert modules_after(script).isdisjoint(HEAVY)


def test_all_public_names_are_there_and_no_other() -> None:
    assert lambda_studio.__all__ == [
        "Changes",
        "FinetuneConfig",
        "GenerateConfig",
        "LambdaEclipsePriorPipeline",
        "Studio",
    ]
    for name in lambda_studio.__all__:
        assert getattr(lambda_studio, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'lambda_studio' has no attribute 'Stdio'"):
        _ = lambda_studio.Stdio
