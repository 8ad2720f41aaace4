"""Families by their names."""

import subprocess
import sys

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.models.decoders.families import FAMILIES, get_family, require_family
from lambda_studio.models.decoders.kandinsky import FAMILY
from lambda_studio.models.decoders.protocol import Family


def test_each_family_can_be_imported():
    assert get_family("kandinsky-2.2") is FAMILY
    assert all(isinstance(get_family(name), Family) for name in FAMILIES)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("kandinsky-22", "Did you mean kandinsky-2.2? Give one of: kandinsky-2.2."),
        ("sdxl", "Give one of: kandinsky-2.2."),
        ("", "Give one of: kandinsky-2.2."),
    ],
)
def test_an_unknown_family_is_refused_with_the_nearest_and_all_that_are_known(name, remedy):
    for ask in (require_family, get_family):
        with pytest.raises(InvalidSetting) as error:
            ask(name)
        assert (error.value.cause, error.value.remedy) == (f"There is no decoder family {name!r}.", remedy)


def test_naming_a_family_imports_no_torch():
    said = (
        "import sys; from lambda_studio.models.decoders import families; "
        "families.require_family('kandinsky-2.2'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
