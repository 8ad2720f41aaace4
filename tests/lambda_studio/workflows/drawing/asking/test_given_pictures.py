"""Picture files that a drawing is given: checked before a model is loaded, and used."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image

from lambda_studio.config import FinetuneConfig, GenerateConfig, Size
from lambda_studio.errors import ImageRefused, InvalidSetting
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.texts.picture_texts import read_texts
from lambda_studio.studio import Studio
from lambda_studio.workflows.drawing.asking.given_pictures import GivenPicture, notes_on, picture_inputs
from tests.conftest import UNET_CONFIG

TWO_STEPS = GenerateConfig(num_inference_steps=2, seed=0)


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def mask(tmp_path):
    def made(box=(20, 12, 44, 36), size=(64, 48), name="mask.png"):
        image = Image.new("L", size)
        image.paste(255, box)
        image.save(tmp_path / name)
        return tmp_path / name

    return made


@pytest.fixture
def unloaded(monkeypatch):
    def forbid():
        for name in ("clip", "prior", "decoder"):
            monkeypatch.setattr(Stack, name, lambda *_: pytest.fail("a model was asked for"))

    return forbid


@pytest.fixture
def stack_needing(tmp_path, stack_file, decoder_folder, notices):
    """Return a studio with a decoder of another kind, by the changes of its UNet's configuration."""

    def made(**changes):
        folder = shutil.copytree(decoder_folder, tmp_path / "decoder")
        torch.manual_seed(1)
        UNet2DConditionModel(**{**UNET_CONFIG, **changes}).save_pretrained(folder / "unet")
        file = tmp_path / "kind.toml"
        lines = [line for line in stack_file.read_text().splitlines() if not line.startswith("decoder")]
        file.write_text("\n".join([*lines, f'decoder = "{folder.as_posix()}"']))
        return Studio(tmp_path / "other home", None, str(file), notify=notices.append)

    return made


def pixels_of(drawn):
    with Image.open(drawn.pictures[0].path) as image:
        return np.asarray(image).astype(int)


def test_a_photograph_leads_the_drawing_and_a_picture_says_so(studio, photo, tmp_path, notices):
    plain = pixels_of(studio.generate("a cat", TWO_STEPS, out=tmp_path))
    drawn = studio.generate("a cat", TWO_STEPS, from_image=photo, out=tmp_path)
    assert (pixels_of(drawn) != plain).any()
    said = read_texts(drawn.pictures[0].path)
    assert said.settings["strength"] == 0.5 and said.settings["from_image"] == "photo.png"
    assert drawn.given == {"from_image": said.pictures["from_image"]["sha256"]}
    assert "Denoising strength: 0.5" in Image.open(drawn.pictures[0].path).text["parameters"]
    (note,) = [said for said in notices if said.startswith("photo.png")]
    assert note == "photo.png is 64x48: its middle 48x48 is used, at 32 pixels. Another size takes more of it."


def test_less_strength_is_nearer_to_the_photograph(studio, photo, tmp_path):
    stack = studio.workplace.stack
    given = {"from_image": GivenPicture("photo.png", "", Image.open(photo))}
    own = stack.decoder().decode(stack.decoder().encode(picture_inputs(given, Size(32, 32)).image[None]))[0]
    errors = []
    for strength in (0.1, 0.5, 1.0):
        config = GenerateConfig(num_inference_steps=10, seed=0, strength=strength)
        drawn = pixels_of(studio.generate("a cat", config, from_image=photo, out=tmp_path))
        errors.append(float(np.abs(drawn / 255 - own.permute(1, 2, 0).numpy()).mean()))
    assert errors == sorted(errors) and errors[0] < 0.7 * errors[2]


def test_a_mask_keeps_the_photographs_pixels_in_every_batch(studio, photo, mask, tmp_path):
    config = replace(TWO_STEPS, height=48, width=64, batch_size=2)
    drawn = studio.generate("a cat", config, count=3, from_image=photo, mask=mask(), out=tmp_path)
    before, white = np.asarray(Image.open(photo)), np.asarray(Image.open(tmp_path / "mask.png")) > 0
    for picture in drawn.pictures:
        after = np.asarray(Image.open(picture.path))
        assert (after == before)[~white].all() and (after != before)[white].mean() > 0.5
    assert read_texts(drawn.pictures[0].path).settings["strength"] == 1.0
    assert set(drawn.given) == {"from_image", "mask"}


def test_a_photograph_as_a_mask_is_told_of_and_a_soft_edge_is_not():
    def noted(values: np.ndarray) -> list[str]:
        picture = Image.fromarray(values.astype(np.uint8))
        return list(notes_on({"mask": GivenPicture("m.png", "", picture)}, Size(32, 32)))

    ramp = np.tile(np.linspace(0, 255, 64), (48, 1))
    assert noted(ramp) == ["m.png is not black and white: what is brighter than grey, 50%, is drawn anew."]
    soft = np.clip((ramp - 100) * 8, 0, 255)
    assert ((soft > 31) & (soft < 224)).any() and noted(soft) == []


def test_what_does_not_fit_together_is_refused_before_a_model_is_loaded(studio, photo, mask, tmp_path, unloaded):
    unloaded()
    cases = (
        ({"mask": mask()}, TWO_STEPS, "A mask is given without a photograph"),
        ({}, replace(TWO_STEPS, strength=0.5), "A strength is given without a photograph"),
        ({"depth": photo}, TWO_STEPS, "takes no depth map"),
        ({"from_image": photo, "mask": mask((0, 0, 0, 0), name="black.png")}, TWO_STEPS, "black.png has no white"),
        (
            {"from_image": photo, "mask": mask(size=(48, 64), name="high.png")},
            TWO_STEPS,
            "The mask is 48x64 and the photograph 64x48",
        ),
        (
            {"from_image": photo, "mask": mask((0, 0, 6, 48), name="left.png")},
            TWO_STEPS,
            "At 32 pixels, the middle of the mask has no white",
        ),
    )
    for given, config, reason in cases:
        with pytest.raises(InvalidSetting, match=reason):
            studio.generate("a cat", config, out=tmp_path / "out", **given)
    (tmp_path / "fake.png").write_bytes(b"no picture")
    for role in ("from_image", "mask"):
        with pytest.raises(ImageRefused):
            studio.generate("a cat", TWO_STEPS, **{"from_image": photo, role: tmp_path / "fake.png"}, out=tmp_path)


def test_an_inpainting_decoder_asks_for_its_pictures_and_is_not_trained(stack_needing, photo, mask, tmp_path):
    with stack_needing(in_channels=9) as studio:
        with pytest.raises(InvalidSetting, match="inpaints: it needs a photograph and a mask"):
            studio.generate("a cat", TWO_STEPS, from_image=photo, out=tmp_path)
        drawn = studio.generate("a cat", TWO_STEPS, from_image=photo, mask=mask(), out=tmp_path)
        assert pixels_of(drawn).std() > 0
        studio.concepts.add("rex", [photo], noun="dog")
        with pytest.raises(InvalidSetting, match="needs a picture beside the prompt, and is not fine-tuned"):
            studio.finetune(["rex"], FinetuneConfig(steps=1))
        with pytest.raises(InvalidSetting, match="needs a photograph and a mask"):
            studio.pictures.reconstruct("rex", TWO_STEPS, out=tmp_path)


def test_prompts_of_a_file_share_the_pictures_and_one_batch(studio, photo, mask, tmp_path, monkeypatch):
    opened = []
    photos = studio.workplace.door.photo
    monkeypatch.setattr(studio.workplace.door, "photo", lambda path: opened.append(path) or photos(path))
    drawn = studio.pictures.of_file("a cat\na dog", TWO_STEPS, from_image=photo, mask=mask(), out=tmp_path)
    assert opened == [photo] and [len(each.pictures) for each in drawn] == [1, 1]
    assert json.dumps(drawn[0].given) == json.dumps(drawn[1].given)


def test_a_depth_map_is_read_as_grey_and_cut_like_the_photograph():
    wide = Image.new("RGB", (40, 20))
    wide.paste((255, 255, 255), (0, 0, 15, 20))
    picture = GivenPicture("depth.png", "", wide)
    inputs = picture_inputs({"depth": picture}, Size(20, 20))
    assert inputs.image is None and inputs.mask is None and inputs.depth.shape == (20, 20)
    assert inputs.depth[0].tolist() == [1.0] * 5 + [0.0] * 15
    assert list(notes_on({"depth": picture}, Size(20, 40))) == []


def test_thresholds_change_the_picture_are_stored_and_drawn_again(studio, photo, tmp_path):
    config = replace(TWO_STEPS, edges_low=800, edges_high=1500)
    plain, other = (studio.generate("a cat", each, edges=photo, out=tmp_path) for each in (TWO_STEPS, config))
    assert (pixels_of(plain) != pixels_of(other)).any()
    settings = read_texts(other.pictures[0].path).settings
    assert (settings["edges_low"], settings["edges_high"], "save_edges" in settings) == (800, 1500, False)
    assert studio.pictures.again(other.pictures[0].path, edges=photo, out=tmp_path).difference == 0


def test_the_map_of_the_edges_is_written_once_and_never_overwritten(studio, photo, tmp_path):
    config = replace(TWO_STEPS, save_edges=True)
    drawn = studio.pictures.of_file("a cat\na dog", config, edges=photo, out=tmp_path / "out")
    assert [each.edge_map for each in drawn] == [tmp_path / "out/photo-edges-0001.png"] * 2
    again = studio.generate("a cat", config, edges=photo, out=tmp_path / "cat.png")
    with Image.open(again.edge_map) as one, Image.open(drawn[0].edge_map) as other:
        assert one.size == (32, 32) and one.tobytes() == other.tobytes() and one.getextrema()[0] == (0, 255)
    assert again.edge_map == tmp_path / "cat-edges.png"
    assert studio.generate("a cat", TWO_STEPS, edges=photo, out=tmp_path).edge_map is None


def test_settings_of_edges_need_edges_and_a_map_that_has_them(studio, photo, tmp_path, stack_file):
    for config in (replace(TWO_STEPS, edges_low=5), replace(TWO_STEPS, save_edges=True)):
        with pytest.raises(InvalidSetting, match="Settings of edges are given without a picture"):
            studio.generate("a cat", config, out=tmp_path)
    with pytest.raises(InvalidSetting, match="edges_low is 300, and edges_high 200"):
        GenerateConfig(edges_low=300)
    file = tmp_path / "gradient.toml"
    file.write_text(f'{stack_file.read_text()}\nedges = "gradient"\n')
    studio.workplace.work_with(str(file))
    with pytest.raises(InvalidSetting, match="Thresholds are Canny's, and the stack's edge map is gradient"):
        studio.generate("a cat", replace(TWO_STEPS, edges_high=300), edges=photo, out=tmp_path)
