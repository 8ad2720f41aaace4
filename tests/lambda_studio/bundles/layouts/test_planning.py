"""Which layout is read, and that a plan opens no picture."""

from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.planning import make_plan, root_of
from lambda_studio.errors import BundleRefused
from tests.lambda_studio.bundles.layouts.laid import lay, planned, subjects


def test_a_plan_is_made_of_names_and_its_source_is_the_given_one(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "rex/0.jpg"))  # two bytes, which are no picture
    assert (plan.source, plan.layout) == (str(tmp_path), "a folder for each subject")


def test_an_unpacked_zip_of_pictures_alone_is_a_subject_of_the_zips_name(tmp_path: Path) -> None:
    root = lay(tmp_path / "private", "0.jpg")
    (tmp_path / "rex.zip").touch()
    assert subjects(make_plan(tmp_path / "rex.zip", root)) == {"rex": ("rex", ["0.jpg"])}


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="gone does not exist"):
        root_of(tmp_path / "gone")
    assert root_of(tmp_path) == root_of(lay(tmp_path, "a.json") / "a.json") == tmp_path
