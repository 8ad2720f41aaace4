"""What the engine refuses is told with cause and remedy, also out of another process."""

import inspect
import pickle

import pytest

from lambda_studio import errors
from lambda_studio.errors import StudioError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, StudioError)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda each: each.__name__)
def test_an_error_comes_whole_out_of_another_process(error: type[StudioError]) -> None:
    raised = error("It broke.", "Mend it.")
    assert str(raised) == "It broke. Mend it."
    told = pickle.loads(pickle.dumps(raised))
    assert (type(told), told.cause, told.remedy, told.exit_code) == (error, "It broke.", "Mend it.", error.exit_code)
