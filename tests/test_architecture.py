"""The house keeps its shape."""

import ast
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

import concepts.errors
import lambda_studio.errors

ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "concepts", "migrations", "lambda_studio")
TESTED_ELSEWHERE = {
    "lambda_studio/workflows/answers/*": "plain values; each is tested with the use case that gives it",
    "cli/__main__.py": "it only calls cli.start.main, which tests/cli/test_current_folder.py runs as a process",
    "migrations/env.py": "it runs whenever a registry is made: tests/migrations/test_migrations.py",
    "migrations/versions/*": "a revision is tested on the one before it: tests/migrations/test_migrations.py",
}
"""Modules without a test file of their own, and why."""
ACROSS_MODULES = {
    "cli/test_current_folder.py": "whole processes in a folder of decoys",
    "cli/test_help.py": "every command's help",
    "cli/test_journey.py": "add, draw, tune, list: one command after the other",
    "cli/test_mistakes.py": "what a person can get wrong in any command",
    "cli/test_server.py": "commands on a registry on a server",
    "cli/test_signing.py": "bundles that are signed, from the key to the import",
    "lambda_studio/test_threads.py": "training and drawing at the same time, by two Studios",
    "lambda_studio/test_front_door.py": "what the package gives, and what importing it loads",
    "lambda_studio/miniature/world/test_parts.py": "the colours of parts, from the identity to the picture",
    "lambda_studio/models/stacks/test_unclip_families.py": "stacks of the other families, from the file to a picture",
    "lambda_studio/training/objectives/test_other_families.py": "Eq. 2 on each family of decoders",
    "lambda_studio/training/test_processes.py": "the training loop in two processes that find each other",
    "lambda_studio/workflows/bundles/test_given_embeddings.py": "forged and genuine bundles, from export to prompts",
    "migrations/test_migrations.py": "all revisions in their order, on a file",
    "migrations/test_postgres_migrations.py": "all revisions in their order, on a server",
}
"""Test files that mirror no module, and why."""
MAIN_PATHS = (
    "lambda_studio/generation/",
    "lambda_studio/models/decoders/",
    "lambda_studio/studio.py",
    "lambda_studio/workflows/",
)
"""The use cases, and the rooms that a prompt passes on its way to a picture."""
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_imports_go_in_one_direction() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    checked = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "9 kept, 0 broken" in checked.stdout


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name == "__init__.py"], ids=lambda path: path.parent.name
)
def test_a_package_says_what_it_is_and_imports_nothing(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(module), f"{path.relative_to(ROOT)} has no docstring"
    imports = [node for node in ast.walk(module) if isinstance(node, ast.Import | ast.ImportFrom)]
    if path.parent.name == "lambda_studio":  # the front door names what it gives when it is asked for it
        assert not [node for node in module.body if node in imports]
    else:
        assert not imports


@pytest.mark.parametrize("room", MAIN_PATHS)
def test_no_function_on_the_main_paths_takes_more_than_six_parameters(room: str) -> None:
    found = {}
    for path in (path for path in SOURCES if path.relative_to(ROOT).as_posix().startswith(room)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                found[f"{path.name}: {node.name}"] = len([name for name in names if name not in ("self", "cls")])
    assert found and {name: count for name, count in found.items() if count > 6} == {}


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if (ROOT / "cli") in path.parents], ids=lambda path: path.name
)
def test_the_command_line_imports_nothing_heavy_at_the_top(path: Path) -> None:
    allowed = {"cli", "click", *sys.stdlib_module_names}
    light = {"lambda_studio.progress", "concepts.printable"}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert all(name in light or name.partition(".")[0] in allowed for name in names), f"{path.name} imports {names}"


def error_classes() -> list[type[Exception]]:
    """Every error that is told with cause and remedy."""
    modules = (concepts.errors, lambda_studio.errors)
    found = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    roots = (concepts.errors.ConceptError, lambda_studio.errors.StudioError)
    return [each for each in found if issubclass(each, roots) and each not in roots]


@cache
def called_names() -> set[str]:
    """Every name that is called as it is."""
    return {
        node.func.id
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.__name__)
def test_every_error_is_raised_somewhere_and_has_an_exit_code_of_its_own(error: type[Exception]) -> None:
    assert error.__name__ in called_names()
    assert error.exit_code in (*range(2, 11), 130)
    assert error.__doc__


def test_nothing_is_unpickled() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "pickle" not in text.replace("unpickled", "").replace("allow_pickle=False", ""), path
        assert text.count("torch.load(") == text.count("weights_only=True)"), path


STARTERS = ("subprocess", "multiprocessing", "concurrent", "asyncio", "pty", "posix")
STARTING = ("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile")


def starters(path: Path) -> set[str]:
    """What a file names that starts processes; threads of `concurrent` do not."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.partition(".")[0] in STARTERS}
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in (*STARTERS, "os"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names if starts(alias.name, node.module)}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "torch"):
            found |= {f"{node.value.id}.{node.attr}"} if starts(node.attr, "os") else set()
        if isinstance(node, ast.keyword) and node.arg == "num_workers":
            found.add("DataLoader's workers")
    return found


def starts(name: str, module: str | None) -> bool:
    """Whether a name of a module starts a process."""
    if module == "os":
        return name in (*STARTING, "multiprocessing") or name.startswith(("exec", "spawn"))
    return name not in ("as_completed", "ThreadPoolExecutor", "Future")


def test_one_module_starts_processes() -> None:
    found = {path.relative_to(ROOT).as_posix(): names for path in SOURCES if (names := starters(path))}
    assert found.keys() == {"lambda_studio/processes/isolated.py"}, found
    assert {"subprocess", "multiprocessing.get_context", "concurrent.futures.ProcessPoolExecutor"} <= found.popitem()[1]


def test_benchmarks_start_python_without_the_current_folder() -> None:
    commands = [
        [word.value if isinstance(word, ast.Constant) else ast.unparse(word) for word in node.elts]
        for path in sorted((ROOT / "benchmarks").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.List) and node.elts and ast.unparse(node.elts[0]) == "sys.executable"
    ]
    assert commands
    assert [words for words in commands if words[1] not in ("-P", "-I")] == []


def test_the_makefile_and_the_ci_run_the_same_checks() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lint = ["ruff format --check .", "ruff check .", "mypy", "lint-imports"]
    docs = ["python -m docs.reference", "python -m zensical build --strict"]  # the tests find a stale reference
    for target, checks in (("lint", lint), ("docs", docs)):
        assert makefile.split(f"\n{target}:\n")[1].split("\n\n")[0].split("\n\t") == ["\t" + checks[0], *checks[1:]]
    assert makefile.split("\ncheck: ")[1].split("\n")[0].split() == ["lint", "test", "docs"]
    assert " ".join(f'"{check}"' for check in [*lint, docs[1]]) in ci


def test_every_module_has_its_tests_in_the_mirrored_place() -> None:
    modules = [path.relative_to(ROOT) for path in SOURCES if path.name != "__init__.py"]
    lacking = [module.as_posix() for module in modules if not has_tests(ROOT / "tests" / mirrored(module))]
    assert [module for module in lacking if not any(fnmatch(module, each) for each in TESTED_ELSEWHERE)] == []
    assert [each for each in TESTED_ELSEWHERE if not any(fnmatch(module, each) for module in lacking)] == []


def test_every_test_file_mirrors_a_module_or_is_listed_with_its_reason() -> None:
    modules = {mirrored(path.relative_to(ROOT)).as_posix() for path in SOURCES}
    tests = [path for package in PACKAGES for path in (ROOT / "tests" / package).rglob("test_*.py")]
    strays = {path.relative_to(ROOT / "tests").as_posix() for path in tests} - modules
    assert strays == ACROSS_MODULES.keys()


def mirrored(module: Path) -> Path:
    """Return where a module's tests stand, below `tests`."""
    return module.with_name(f"test_{module.name}")


def has_tests(path: Path) -> bool:
    """Return whether a file is there and holds a test."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path.exists() else ()
    return any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in nodes)
