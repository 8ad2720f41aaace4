"""The use cases, without a command line: what is stored, cached, chosen and said."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from concepts.errors import ConceptNotFound, NounMissing
from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import MaskRefused, ModelFilesMissing, TrainingDiverged
from lambda_studio.models.clip import load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.pictures.crops import cut_out, square_crop
from lambda_studio.studio import Studio
from lambda_studio.workflows.tuning import run as tuning

QUICK = FinetuneConfig(steps=1, rank=2)
ONE_STEP = GenerateConfig(num_inference_steps=1)


@pytest.fixture
def notices() -> list[str]:
    """What the studio told the person."""
    return []


@pytest.fixture
def studio(tmp_path: Path, stack_file: Path, notices: list[str]) -> Iterator[Studio]:
    """A studio of tiny models with a home of its own."""
    with Studio(tmp_path / "home", stack=str(stack_file), notify=notices.append) as opened:
        yield opened


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A blue box on noise."""
    return draw(tmp_path / "photo.png", 0)


def draw(path: Path, seed: int, size: tuple[int, int] = (80, 64)) -> Path:
    """A blue box on noise, somewhere else for each seed."""
    noise = np.random.default_rng(seed).integers(120, 200, (size[1], size[0], 3)).astype(np.uint8)
    image = Image.fromarray(noise)
    ImageDraw.Draw(image).rectangle((24 + seed, 16, 56 + seed, 48), fill=(20, 30, 180))
    image.save(path)
    return path


def half_mask(path: Path, left: bool) -> Path:
    """White on one side."""
    mask = Image.new("L", (80, 64))
    mask.paste(255, (0, 0, 40, 64) if left else (40, 0, 80, 64))
    mask.save(path)
    return path


def add(studio: Studio, name: str, *images: Path, noun: str = "dog"):
    """A concept whose whole pictures are the subject."""
    return studio.concepts.add(name, images, noun=noun, segment="none")


def test_the_cached_embedding_is_clips_of_the_cut_out_subject(studio, photo, tmp_path, clip_folder) -> None:
    mask = half_mask(tmp_path / "mask.png", left=True)
    added = studio.concepts.add("rex", [photo], noun="dog", masks=[mask])
    assert (added.created, added.encoded, added.cached) == (True, 1, 0)
    (cached,) = studio.workplace.embedder.subjects([added.concept])[0]["rex"]
    clip = load_clip(f"local-dir:{clip_folder}")
    subject = cut_out(Image.open(photo), Image.open(mask), clip.image_size)
    torch.testing.assert_close(cached, clip.encode_images([subject])[0])


def test_another_mask_is_another_embedding_and_the_first_stays(studio, photo, tmp_path) -> None:
    left = studio.concepts.add("left", [photo], noun="dog", masks=[half_mask(tmp_path / "l.png", left=True)])
    right = studio.concepts.add("right", [photo], noun="dog", masks=[half_mask(tmp_path / "r.png", left=False)])
    assert (left.encoded, right.encoded) == (1, 1)
    embeddings, computed = studio.workplace.embedder.subjects([left.concept, right.concept])
    assert computed == 0
    assert not torch.equal(embeddings["left"][0], embeddings["right"][0])


def test_the_same_picture_in_another_library_is_not_encoded_again(studio, photo, tmp_path, stack_file) -> None:
    assert add(studio, "rex", photo).encoded == 1
    studio.libraries.create("work")
    with Studio(tmp_path / "home", "work", str(stack_file)) as other:
        added = add(other, "bello", photo)
    assert (added.created, added.encoded, added.cached) == (True, 0, 1)


def test_another_clip_is_another_embedding_and_show_counts_both(
    studio, photo, tmp_path, stack_file, clip_folder
) -> None:
    assert add(studio, "rex", photo).encoded == 1
    weights = Path(shutil.copytree(clip_folder, tmp_path / "clip")) / "open_clip_model.safetensors"
    save_file({**(state := load_file(weights)), "visual.proj": 2 * state["visual.proj"]}, weights)
    toml = tmp_path / "twice.toml"
    toml.write_text(
        stack_file.read_text().replace("tiny", "twice").replace(clip_folder.as_posix(), str(tmp_path / "clip"))
    )
    with Studio(tmp_path / "home", stack=str(toml)) as other:
        assert add(other, "rex", photo).encoded == 1
        assert other.concepts.show("rex").embeddings == {"tiny": 1, "twice": 1}


def test_missing_model_files_are_missed_before_anything_is_stored(tmp_path, photo) -> None:
    toml = tmp_path / "gone.toml"
    toml.write_text('clip = "local-dir:/nowhere"\nprior = "/nowhere"\ndecoder = "/nowhere"\n')
    with Studio(tmp_path / "home", stack=str(toml)) as studio:
        with pytest.raises(ModelFilesMissing, match="--stack miniature"):
            add(studio, "rex", photo)
        assert studio.concepts.list() == []
        assert studio.libraries.list()[0].stack is None


def test_every_mask_that_cannot_be_used_is_named(studio, photo, tmp_path) -> None:
    empty = tmp_path / "empty.png"
    Image.new("L", (80, 64)).save(empty)
    small = tmp_path / "small.png"
    Image.new("L", (40, 40), 255).save(small)
    second = draw(tmp_path / "second.png", 1)
    with pytest.raises(MaskRefused) as refused:
        studio.concepts.add("rex", [photo, second], noun="dog", masks=[empty, small])
    assert "empty.png is empty" in refused.value.cause
    assert "small.png has 40 x 40 pixels" in refused.value.cause
    assert studio.concepts.list() == []


def test_a_white_mask_is_said_and_is_no_mask(studio, photo, tmp_path) -> None:
    white = tmp_path / "white.png"
    Image.new("L", (80, 64), 255).save(white)
    added = studio.concepts.add("rex", [photo], noun="dog", masks=[white])
    assert added.concept.images[0].mask_sha is None
    assert added.warnings == ("photo.png: its mask white.png is all white: the whole picture is the subject",)


def test_a_noun_is_needed_before_a_picture_is_opened(studio, tmp_path) -> None:
    with pytest.raises(NounMissing, match="--noun dog"):
        studio.concepts.add("rex", [tmp_path / "gone.png"], noun=None)


def test_a_library_remembers_the_first_stack_that_is_named(studio, photo, notices, stack_file, tmp_path) -> None:
    add(studio, "rex", photo)
    add(studio, "bello", draw(tmp_path / "second.png", 1))
    assert notices == [f"Library default now uses the stack {stack_file}."]
    with Studio(tmp_path / "home") as later:
        assert later.workplace.stack.spec.name == "tiny"


def test_training_denoises_the_crop_that_clip_sees(studio, photo, monkeypatch, clip_folder, decoder_folder) -> None:
    add(studio, "rex", photo)
    seen = []
    train = tuning.finetune_decoder

    def watched(decoder, examples, *rest):
        seen.append((decoder.parts, examples))
        return train(decoder, examples, *rest)

    monkeypatch.setattr(tuning, "finetune_decoder", watched)
    studio.finetune(["rex"], config=QUICK)
    ((parts, (example,)),) = seen
    assert parts == {"unet"}
    image = Image.open(photo)
    clip, movq = load_clip(f"local-dir:{clip_folder}"), load_decoder(decoder_folder, parts=("autoencoder",))
    pixels = torch.from_numpy(np.asarray(square_crop(image, 32)).copy()).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(example.latents, movq.encode(pixels)[0])
    torch.testing.assert_close(example.image_embeds, clip.encode_images([square_crop(image, clip.image_size)])[0])


def test_tuning_again_encodes_nothing(studio, photo, monkeypatch) -> None:
    add(studio, "rex", photo)
    studio.finetune(["rex"], config=QUICK)

    def must_not_encode(*args):
        raise AssertionError("encoded again")

    monkeypatch.setattr("lambda_studio.workflows.cache.training_set.encode_latents", must_not_encode)
    monkeypatch.setattr("lambda_studio.workflows.cache.training_set.encode_image_embeds", must_not_encode)
    assert studio.finetune(["rex"], config=replace(QUICK, seed=1)).adapter is not None


def test_an_adapter_is_registered_with_what_it_saw_and_carries_it(studio, photo, tmp_path) -> None:
    concept = add(studio, "rex", photo).concept
    adapter = studio.finetune(None, config=QUICK).adapter
    assert adapter is not None
    assert (adapter.knows, adapter.stack, adapter.method) == ({"rex": 1}, "tiny", "lora")
    assert adapter.path == tmp_path / "home" / "adapters" / f"{adapter.sha256}.safetensors"
    assert [path.name for path in adapter.path.parent.iterdir()] == [adapter.path.name]
    from lambda_studio.models.adapter_info import read_adapter_info

    info = read_adapter_info(adapter.path)
    assert info.concepts == ({"name": "rex", "library": "default", "version": 1, "manifest": concept.manifest},)
    fingerprint = studio.workplace.stack.fingerprints()["decoder"]
    assert info.base_fingerprint == fingerprint == adapter.settings["base_fingerprint"]


def test_tuning_changes_the_pictures_and_leaves_the_base_as_it_was(studio, photo, tmp_path) -> None:
    add(studio, "rex", photo)

    def drawn(adapter: str) -> bytes:
        answer = studio.generate("a <rex>", out=tmp_path, adapter=adapter, config=replace(ONE_STEP, seed=4))
        return Image.open(answer.pictures[0].path).tobytes()

    before = drawn("auto")
    studio.finetune(["rex"], config=FinetuneConfig(steps=3, rank=4, learning_rate=0.05))
    assert drawn("auto") != before
    assert drawn("none") == before


def test_a_run_that_diverges_is_failed_with_its_reason_and_makes_no_adapter(studio, photo, monkeypatch) -> None:
    add(studio, "rex", photo)

    def diverge(*args):
        raise TrainingDiverged("The loss is nan at step 1.", "Start again.")

    monkeypatch.setattr(tuning, "finetune_decoder", diverge)
    with pytest.raises(TrainingDiverged):
        studio.finetune(["rex"], config=QUICK)
    with studio.database.reading() as registry:
        (run,) = registry.runs("default")
    assert (run.status, run.why) == ("failed", "The loss is nan at step 1. Start again.")
    assert studio.adapters.list() == []


def test_a_stack_says_what_fine_tuning_prefers(tmp_path, photo, stack_file) -> None:
    toml = tmp_path / "own.toml"
    toml.write_text(stack_file.read_text() + "[finetune]\nsteps = 2\nrank = 3\n")
    with Studio(tmp_path / "home", stack=str(toml)) as studio:
        add(studio, "rex", photo)
        done = studio.finetune(["rex"], config=FinetuneConfig(rank=1))
    assert done.adapter is not None
    settings = done.adapter.settings
    assert (done.steps, settings["steps"], settings["rank"], settings["seed"]) == (2, 2, 1, 0)


def test_nothing_is_tuned_where_a_name_is_unknown(studio, photo) -> None:
    add(studio, "rex", photo)
    with pytest.raises(ConceptNotFound, match="No concept named 'hat'"):
        studio.finetune(["rex", "hat"], config=QUICK)
    with studio.database.reading() as registry:
        assert registry.runs("default") == []


def test_the_library_and_its_stack_are_known_without_counting_its_concepts(tmp_path, stack_file, monkeypatch):
    with Studio(tmp_path) as studio, studio.database.transaction() as registry:
        registry.create_library("toys", stack=str(stack_file))
    monkeypatch.setattr("concepts.rows.libraries.library_record", lambda *_: pytest.fail("it was counted"))
    for library, address, stack in ((None, "default", "miniature"), ("Toys", "toys", str(stack_file))):
        with Studio(tmp_path, library) as studio:
            assert (studio.workplace.library, studio.workplace.stack_source) == (address, stack)
    with Studio(tmp_path, "toys", str(stack_file)) as studio, studio.database.transaction() as registry:
        assert studio.workplace.remember_stack(registry) is None, "it remembers one"
