"""Pictures inside a report's page: small, few, and hostile until checked."""

import base64
import io

import pytest
from PIL import Image

from lambda_studio.workflows.benchmarks.reports import thumbnails as module
from lambda_studio.workflows.benchmarks.reports.thumbnails import SIDE, Thumbnails
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder


@pytest.fixture
def folder(tmp_path) -> ResultsFolder:
    found = ResultsFolder(tmp_path / "out")
    found.begin({"name": "dreambench"})
    return found


def put(folder: ResultsFolder, key: str, size=(600, 300)) -> None:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.save(folder.picture(key))


def test_a_picture_becomes_a_small_one(folder, open_door) -> None:
    put(folder, "rex")
    kind, _, data = Thumbnails(open_door).of(folder, "rex").source.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (image.format, image.size) == ("JPEG", (SIDE, SIDE // 2))


def test_what_is_no_picture_is_said_in_place_of_it(folder, open_door) -> None:
    folder.picture("svg").write_text("<svg onload='alert(1)'/>")
    Image.new("RGB", (90, 90), "red").save(folder.picture("plain"))
    thumbnails = Thumbnails(open_door)
    assert thumbnails.of(folder, "svg").source == ""
    assert thumbnails.of(folder, "svg").why_not.startswith("The picture ")
    assert str(folder.out) not in thumbnails.of(folder, "svg").why_not
    assert thumbnails.of(folder, "plain").why_not == "The picture has only one colour."


def test_a_link_out_of_the_folder_is_not_shown(folder, open_door, tmp_path) -> None:
    put(folder, "rex")
    folder.picture("rex").rename(tmp_path / "private.png")
    folder.picture("rex").symlink_to(tmp_path / "private.png")
    found = Thumbnails(open_door).of(folder, "rex")
    assert (found.source, found.why_not) == ("", "The picture is a link to a file outside of the evaluation.")


def test_number_and_bytes_are_limited(folder, open_door, monkeypatch) -> None:
    for key in "abc":
        put(folder, key)
    monkeypatch.setattr(module, "MOST_PICTURES", 2)
    thumbnails = Thumbnails(open_door)
    found = [thumbnails.of(folder, key) for key in "abca"]
    assert [bool(each.source) for each in found] == [True, True, False, True]
    assert found[2].why_not == "The page has no room for more pictures."
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    thumbnails = Thumbnails(open_door)
    assert [bool(thumbnails.of(folder, key).source) for key in "ab"] == [True, False]
