"""Cached values that are whole and wrong: found by computing them again, and dropped where that is asked for."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from concepts.records import sha256
from lambda_studio.studio import Studio, never
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import CROP, LATENTS, SUBJECT, ZERO, FeatureKey
from lambda_studio.workflows.cache.recomputing import TOLERANCES, Recomputing, differ, sample
from lambda_studio.workflows.cache.training_set import ExampleTable
from lambda_studio.workflows.upkeep.doctor import CACHED
from lambda_studio.workflows.upkeep.finding import Finding

KINDS = (SUBJECT, CROP, LATENTS, ZERO)


@pytest.fixture
def studio(tmp_path: Path, stack_file: Path):
    """rex, of two pictures, with everything cached that prompts and training use: seven values."""
    numbers = np.random.default_rng(0)
    for name in ("one", "two"):
        Image.fromarray(numbers.integers(0, 255, (48, 40, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    with Studio(tmp_path / "home", stack=str(stack_file)) as opened:
        opened.concepts.add("rex", [tmp_path / "one.png", tmp_path / "two.png"], noun="dog", segment="none")
        place = opened.workplace
        table = ExampleTable(place.database, place.stack, place.progress, never)
        table.examples(place.get_concepts(["rex"]), place.stack.resolution)
        yield opened


def alter(studio: Studio, kind: str) -> str:
    """Put other numbers, under their right hash, in the place of a cached value of this kind; the value's key."""
    with closing(sqlite3.connect(studio.database.path)) as connection, connection:
        of_kind = "SELECT key, blob_sha, data FROM features JOIN blobs ON sha = blob_sha WHERE kind = ? ORDER BY key"
        key, former, data = connection.execute(of_kind, (kind,)).fetchone()
        wrong = np.frombuffer(data, dtype=np.float32)[::-1].tobytes()
        connection.execute("INSERT INTO blobs VALUES (?, ?, ?)", (sha256(wrong), len(wrong), wrong))
        connection.execute("UPDATE features SET blob_sha = ? WHERE key = ?", (sha256(wrong), key))
        unused = "NOT EXISTS (SELECT * FROM features WHERE blob_sha = sha)"
        connection.execute(f"DELETE FROM blobs WHERE sha = ? AND {unused}", (former,))
    return key


def kept(studio: Studio) -> dict[str, str]:
    """The hash of every cached value, by its key."""
    with closing(sqlite3.connect(studio.database.path)) as connection:
        return dict(connection.execute("SELECT key, blob_sha FROM features"))


def told(studio: Studio, depth: str = "thorough", repair: bool = False) -> Finding | None:
    """What doctor says of cached values; of everything else that it is whole."""
    found = {finding.what: finding for finding in studio.doctor(depth, repair=repair)}
    cached = found.pop(CACHED, None)
    assert all(finding.whole for finding in found.values())
    return cached


def test_what_is_kept_is_computed_again_and_comes_out_the_same(studio: Studio) -> None:
    before = kept(studio)
    assert told(studio) == Finding(CACHED, "7 of 7 were recomputed, and are the same")
    assert (told(studio, "usual"), told(studio, "quick")) == (None, None)
    assert kept(studio) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_whose_hash_is_right_and_whose_numbers_are_not_is_found_and_dropped(studio: Studio, kind: str) -> None:
    right = kept(studio)
    key = alter(studio, kind)
    wrong = kept(studio)
    assert told(studio, "usual") is None
    found = told(studio)
    assert found is not None and found.mendable and found.remedy.endswith("studio doctor --depth thorough --repair")
    assert found.said == "1 of 7 that were recomputed are different"
    assert kept(studio) == wrong, "nothing is changed without --repair"
    mended = told(studio, repair=True)
    assert mended == Finding(CACHED, "1 of 7 were wrong and are dropped; they are computed again on next use")
    assert kept(studio) == {other: sha for other, sha in right.items() if other != key}
    assert told(studio) == Finding(CACHED, "6 of 6 were recomputed, and are the same")
    studio.workplace.embedder.subjects(studio.workplace.get_concepts(["rex"]))
    studio.workplace.embedder.zero()
    if kind in (SUBJECT, ZERO):
        assert kept(studio).keys() == right.keys()


def test_where_one_of_the_sample_is_wrong_all_are_looked_at_before_they_are_mended(studio: Studio, monkeypatch) -> None:
    keys = {alter(studio, SUBJECT), alter(studio, LATENTS)}
    first = next(
        key for key in Recomputing(studio.workplace.embedder, studio.workplace.progress).cached() if key.text in keys
    )
    monkeypatch.setattr("lambda_studio.workflows.cache.recomputing.sample", lambda keys, day: [first])
    found = told(studio)
    assert found is not None and found.said == "1 of 1 that were recomputed are different"
    mended = told(studio, repair=True)
    assert mended is not None and mended.said.startswith("2 of 7 were wrong and are dropped")
    assert not kept(studio).keys() & keys


def test_values_of_other_encoders_and_preparations_and_what_is_no_key_are_left_alone(studio: Studio) -> None:
    ours = Recomputing(studio.workplace.embedder, studio.workplace.progress).cached()
    assert {key.kind for key in ours} == set(KINDS)
    image = next(key for key in ours if key.kind == CROP)
    others = [
        FeatureKey(
            kind=CROP, encoder=Encoder("0" * 64, "float32"), preprocessing=image.preprocessing, image=image.image
        ),
        FeatureKey(kind=CROP, encoder=image.encoder, preprocessing="as it once was", image=image.image),
    ]
    with studio.database.transaction() as registry:
        for text in [*(other.text for other in others), "key", "[]", "{}"]:
            assert registry.put_feature(text, CROP, bytes(8), (2,), "float32", image.image)
    assert Recomputing(studio.workplace.embedder, studio.workplace.progress).cached() == ours


def test_what_came_in_place_of_a_picture_is_no_cached_value(studio: Studio, tmp_path: Path, stack_file: Path) -> None:
    studio.libraries.export(["rex"], tmp_path / "rex.zip", pictures=False)
    with Studio(tmp_path / "elsewhere", stack=str(stack_file)) as other:
        other.libraries.import_(tmp_path / "rex.zip")
        assert kept(other) == {}
        assert told(other, repair=True) == Finding(CACHED, "0 of 0 were recomputed, and are the same")
        other.workplace.embedder.subjects(other.workplace.get_concepts(["rex"]))
        assert kept(other) == {}


def test_without_the_encoders_weights_it_is_said_that_nothing_was_checked(
    studio: Studio, tmp_path: Path, stack_file: Path, clip_folder: Path
) -> None:
    gone = tmp_path / "gone.toml"
    gone.write_text(stack_file.read_text().replace(clip_folder.as_posix(), str(tmp_path / "nowhere")))
    alter(studio, SUBJECT)
    with Studio(studio.home, stack=str(gone)) as other:
        found = {finding.what: finding for finding in other.doctor("thorough", repair=True)}
    assert found["stack tiny"].remedy
    assert found[CACHED] == Finding(CACHED, "not checked: see the stack's files")
    assert len(kept(studio)) == 7


def test_one_in_a_hundred_is_chosen_and_others_on_another_day() -> None:
    keys = [FeatureKey(kind=ZERO, encoder=Encoder(f"{n}", "float32"), preprocessing="none") for n in range(5000)]
    day = date(2026, 1, 1)
    assert len(sample(keys, day)) == 50
    assert sample(keys, day) == sample(keys, day)
    days = [date(2026, month, number) for month in range(1, 13) for number in range(1, 29)]
    seen = {key.encoder.fingerprint for day in days for key in sample(keys, day)}
    assert len(seen) > 0.9 * len(keys)
    assert (len(sample(keys[:300], day)), sample(keys[:5], day), sample([], day)) == (8, keys[:5], [])


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_rounding_is_no_difference_and_another_value_is(dtype: str) -> None:
    key = FeatureKey(kind=CROP, encoder=Encoder("0", dtype), preprocessing="")
    value = torch.randn(64, generator=torch.Generator().manual_seed(0))
    assert not differ(key, value, value * (1 + 0.9 * TOLERANCES[dtype]))
    assert differ(key, value, value * (1 + 1.2 * TOLERANCES[dtype]))
    assert differ(key, value, value.roll(1))
    assert differ(key, value.clone().index_fill_(0, torch.tensor([3]), torch.nan), value)
    assert differ(key, value[:32], value)
