import ast
import inspect
from pathlib import Path

import pytest

import concepts
from concepts import errors
from concepts.errors import ConceptError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, ConceptError)]
PACKAGE = Path(concepts.__path__[0])
TREES = [ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))]
CALLS = [node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda each: each.__name__)
def test_every_error_has_a_cause_a_remedy_an_exit_code_and_a_docstring(error):
    raised = error("It broke.", "Mend it.")
    assert (raised.cause, raised.remedy, str(raised)) == ("It broke.", "Mend it.", "It broke. Mend it.")
    assert raised.exit_code in {1, 2, 3, 4, 5, 7, 10}
    assert (raised.exit_code == 1) is (error is ConceptError)
    assert error.__doc__


@pytest.mark.parametrize(
    "error", [each for each in CLASSES if each is not ConceptError], ids=lambda each: each.__name__
)
def test_every_error_is_raised_somewhere_with_a_cause_and_a_remedy(error):
    made = [call for call in CALLS if isinstance(call.func, ast.Name) and call.func.id == error.__name__]
    assert made
    assert all(len(call.args) == 2 for call in made)


def imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_the_registry_imports_no_torch_and_no_engine():
    modules = {name.split(".")[0] for tree in TREES for node in ast.walk(tree) for name in imported_by(node)}
    assert modules.isdisjoint({"torch", "numpy", "PIL", "lambda_studio", "cli", "click", "diffusers"})
    assert {"sqlalchemy", "concepts", "migrations"} <= modules
