"""Families by their names."""

import subprocess
import sys
from inspect import signature

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.models.decoders.families import FAMILIES, SETTINGS, get_family, require_family, require_settings
from lambda_studio.models.decoders.kandinsky import FAMILY
from lambda_studio.models.decoders.protocol import Family


def test_each_family_can_be_imported():
    assert get_family("kandinsky-2.2") is FAMILY
    assert all(isinstance(get_family(name), Family) for name in FAMILIES)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("kandinsky-22", "Did you mean kandinsky-2.2? Give one of: kandinsky-2.2, stable-unclip, karlo."),
        ("stable-diffusion-unclip", "Did you mean stable-unclip? Give one of: kandinsky-2.2, stable-unclip, karlo."),
        ("sdxl", "Give one of: kandinsky-2.2, stable-unclip, karlo."),
        ("", "Give one of: kandinsky-2.2, stable-unclip, karlo."),
    ],
)
def test_an_unknown_family_is_refused_with_the_nearest_and_all_that_are_known(name, remedy):
    for ask in (require_family, get_family):
        with pytest.raises(InvalidSetting) as error:
            ask(name)
        assert (error.value.cause, error.value.remedy) == (f"There is no decoder family {name!r}.", remedy)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_setting_of_a_family_is_an_argument_of_its_loading(family):
    arguments = signature(get_family(family).load).parameters
    assert set(SETTINGS.get(family, {})) == set(list(arguments)[4:])
    for name, (least, most) in SETTINGS.get(family, {}).items():
        assert least <= arguments[name].default <= most
        require_settings(family, {name: most})


@pytest.mark.parametrize(
    ("family", "settings", "said"),
    [
        ("stable-unclip", {"noise": 3}, "stable-unclip has no setting 'noise'. It has: noise_level."),
        ("kandinsky-2.2", {"noise_level": 3}, "kandinsky-2.2 has no setting 'noise_level'. It has none."),
        ("stable-unclip", {"noise_level": 1000}, "noise_level is 1000. Give a whole number from 0 to 999."),
        ("stable-unclip", {"noise_level": "a"}, "noise_level is 'a'. Give a whole number from 0 to 999."),
        ("stable-unclip", {"noise_level": True}, "noise_level is True. Give a whole number from 0 to 999."),
    ],
)
def test_settings_that_a_family_does_not_take_are_refused(family, settings, said):
    with pytest.raises(InvalidSetting) as error:
        require_settings(family, settings)
    assert str(error.value).endswith(said)


def test_naming_a_family_imports_no_torch():
    said = (
        "import sys; from lambda_studio.models.decoders import families; "
        "families.require_family('kandinsky-2.2'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
