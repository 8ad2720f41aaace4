"""The picture files that a drawing is given, by role."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.settings.pictures import ROLES, require_needed


def test_the_roles_are_those_of_the_options() -> None:
    assert ROLES == ("edges", "from_image", "mask", "depth")


@pytest.mark.parametrize(
    ("given", "needs"), [((), ()), (("edges", "from_image", "mask"), ("mask",)), (("depth", "from_image"), ("depth",))]
)
def test_what_fits_is_accepted(given: tuple[str, ...], needs: tuple[str, ...]) -> None:
    require_needed(given, needs)


@pytest.mark.parametrize(
    ("given", "needs", "cause"),
    [
        (("from_image",), ("mask",), "it needs a photograph and a mask"),
        (("from_image",), ("depth",), "it needs a depth map"),
        (("depth",), (), "takes no depth map"),
        (("mask",), (), "A mask is given without a photograph"),
    ],
)
def test_what_does_not_fit_is_refused(given: tuple[str, ...], needs: tuple[str, ...], cause: str) -> None:
    with pytest.raises(InvalidSetting, match=cause):
        require_needed(given, needs)
