"""Folders of pictures are compared as sets, by features that are read once."""

import numpy as np
import pytest
import torch

from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.evaluation.metrics import Metrics
from lambda_studio.evaluation.sets.distances import cmmd, frechet, kid
from lambda_studio.evaluation.sets.features import ClipFeatures, SetDistance
from lambda_studio.workflows.benchmarks import sets
from lambda_studio.workflows.benchmarks.sets import STACKS_CLIP, measure_sets
from tests.dreambench import write_noise


class Channels:
    """Features that can be computed by hand: the mean of each channel."""

    def __init__(self) -> None:
        self.seen = 0

    def embed(self, images):
        self.seen += len(images)
        return torch.tensor(np.stack([np.asarray(image).mean((0, 1)) / 255 for image in images])).float()


@pytest.fixture
def folders(tmp_path):
    for number, name in enumerate(("drawn/dog/1.png", "drawn/dog/2.png", "drawn/3.jpg", "real/1.png", "real/2.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_noise(tmp_path / name, number)
    (tmp_path / "drawn/.hidden").mkdir()
    write_noise(tmp_path / "drawn/.hidden/1.png", 9)
    (tmp_path / "drawn/notes.txt").write_text("no picture")
    return tmp_path / "drawn", tmp_path / "real"


@pytest.fixture
def channels(monkeypatch):
    """Channels in place of Inception."""
    found = Channels()
    measures = {"fid": frechet, "kid": kid}
    monkeypatch.setattr(Metrics, "distance", lambda _, name: SetDistance(name, found, measures[name]))
    monkeypatch.setattr(Metrics, "fingerprints", lambda *_: {"inception": "a1b2"})
    return found


def test_fid_and_kid_share_features_that_are_read_once(studio, channels, folders) -> None:
    door = studio.workplace.door
    in_order = [[folders[0] / name for name in ("3.jpg", "dog/1.png", "dog/2.png")], sorted(folders[1].iterdir())]
    found = measure_sets(studio.workplace, *folders, ["fid", "kid", "fid"], {})
    assert channels.seen == found.drawn_pictures + found.real_pictures == 3 + 2
    drawn, real = (channels.embed([door.photo(path).image for path in each]) for each in in_order)
    assert list(found.metrics) == ["fid", "kid"]
    assert found.metrics["fid"].value == pytest.approx(frechet(drawn, real), abs=1e-6)
    assert found.metrics["kid"].value == pytest.approx(kid(drawn, real), abs=1e-6)
    assert (found.metrics["kid"].network, found.metrics["kid"].weights) == ("inception", "a1b2")


def test_too_few_pictures_are_said_beside_the_value(studio, channels, folders) -> None:
    notes = {
        name: each.note for name, each in measure_sets(studio.workplace, *folders, ["fid", "kid"], {}).metrics.items()
    }
    assert notes["fid"] == "too high: 2 pictures give 3 features no covariance of full rank"
    assert notes["kid"] == "of subsets of 2 pictures; published ones have 1,000"
    for folder in folders:
        for number in range(10, 14):
            write_noise(folder / f"{number}.png", number)
    assert measure_sets(studio.workplace, *folders, ["fid"], {}).metrics["fid"].note == ""


def test_cmmd_by_the_stacks_clip_is_named_so(studio, folders) -> None:
    found = measure_sets(studio.workplace, *folders, ["cmmd-stack"], {}).metrics["cmmd-stack"]
    stack, door = studio.workplace.stack, studio.workplace.door
    features = ClipFeatures(stack)
    drawn, real = (
        features.embed([door.photo(path).image for path in sets._pictures_below(folder)]) for folder in folders
    )
    assert found.value == pytest.approx(cmmd(drawn, real), abs=1e-6) and found.value > 0
    assert (found.network, found.weights) == (STACKS_CLIP, stack.fingerprints()["clip"])
    assert found.note.startswith("too high for few pictures")


def test_cmmd_by_given_weights(studio, folders, clip_folder) -> None:
    found = measure_sets(studio.workplace, *folders, ["cmmd"], {"clip-l14-336": str(clip_folder)}).metrics["cmmd"]
    assert found.network == "clip-l14-336" and len(found.weights) == 64


def test_what_cannot_be_compared_is_refused_before_a_picture_is_read(studio, folders, tmp_path) -> None:
    drawn, real = folders
    place = studio.workplace
    with pytest.raises(ModelFilesMissing, match=r"inception are not in the folder of torch\.hub.*curl -LO"):
        measure_sets(place, drawn, real, ["fid"], {})
    with pytest.raises(ModelFilesMissing, match="clip-l14-336"):
        measure_sets(place, drawn, real, ["cmmd"], {})
    with pytest.raises(InvalidSetting, match=r"no metric 'x' of sets\..*Give some of: fid, kid, cmmd, cmmd-stack"):
        measure_sets(place, drawn, real, ["fid", "x"], {})
    with pytest.raises(InvalidSetting, match="No metric is named"):
        measure_sets(place, drawn, real, [], {})
    with pytest.raises(InvalidSetting, match="There is no folder"):
        measure_sets(place, drawn, tmp_path / "none", ["cmmd-stack"], {})
    (real / "1.png").unlink()
    with pytest.raises(InvalidSetting, match="real and its subfolders have 1 picture"):
        measure_sets(place, drawn, real, ["cmmd-stack"], {})
