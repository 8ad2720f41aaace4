"""Grounding DINO and SAM find a subject by its noun. Here they are tiny, with random weights, as the hub has them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lambda_studio.errors import MaskRefused, ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models import grounded
from lambda_studio.models.grounded import GroundedSegmenter, corners
from lambda_studio.models.stacks.stack import from_toml
from lambda_studio.studio import Studio

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "dog", "red", "hat")


def save_detector(folder: Path) -> Path:
    """A Grounding DINO with its tokenizer, in the layout of IDEA-Research/grounding-dino-tiny."""
    from transformers import (
        BertTokenizerFast,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessor,
    )

    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    text = {"vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 16, "model_type": "bert"}
    vision = {"model_type": "swin", "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4}
    vision |= {"out_features": ["stage2", "stage3", "stage4"], "image_size": 64}
    sizes = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_queries": 5, "max_text_len": 16}
    torch.manual_seed(0)
    config = GroundingDinoConfig(backbone_config=vision, text_config=text, **sizes, **heads)
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def save_segmenter(folder: Path) -> Path:
    """A SAM, in the layout of facebook/sam-vit-base."""
    from transformers import SamConfig, SamImageProcessor, SamModel

    vision = {"hidden_size": 16, "output_channels": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {
        "image_size": 64,
        "patch_size": 16,
        "mlp_dim": 16,
        "global_attn_indexes": [0],
        "window_size": 2,
        "num_pos_feats": 8,
    }
    prompt = {"hidden_size": 16, "image_size": 64, "patch_size": 16, "mask_input_channels": 8}
    decoder = {
        "hidden_size": 16,
        "mlp_dim": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "iou_head_hidden_dim": 16,
    }
    torch.manual_seed(0)
    SamModel(
        SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    ).save_pretrained(folder)
    SamImageProcessor(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("grounded")
    return save_detector(place / "dino"), save_segmenter(place / "sam")


@pytest.fixture(scope="module")
def segmenter(folders) -> GroundedSegmenter:
    return GroundedSegmenter(*map(str, folders), device="cpu")


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))


def test_the_box_is_the_one_that_the_noun_scores_highest(segmenter, picture, monkeypatch) -> None:
    model, prepare, tokenizer = segmenter._dino
    best = {}
    for noun in ("dog", "hat"):
        with torch.inference_mode():
            words = tokenizer(f"{noun}.", return_tensors="pt", return_token_type_ids=True)
            found = model(**prepare(images=picture, return_tensors="pt"), **words)
        scores = found.logits[0].sigmoid().amax(-1)
        best[noun] = (float(scores.max()), found.pred_boxes[0, scores.argmax()].tolist())
    (lower, _), (higher, (_, (x, y, width, height))) = sorted(best.items(), key=lambda item: item[1])
    assert best[lower][0] < best[higher][0]
    monkeypatch.setattr(grounded, "THRESHOLD", best[higher][0])
    expected = [80 * (x - width / 2), 60 * (y - height / 2), 80 * (x + width / 2), 60 * (y + height / 2)]
    assert segmenter.box(picture, higher.title()) == pytest.approx(expected, abs=1e-3)
    assert segmenter.box(picture, lower) is None


def test_corners_stay_inside_the_picture() -> None:
    assert corners(torch.tensor([0.5, 0.5, 0.5, 1.0]), (80, 60)) == [20, 0, 60, 60]
    assert corners(torch.tensor([0.0, 1.0, 0.5, 0.5]), (80, 60)) == [0, 45, 20, 60]


def test_the_outline_has_the_pictures_size_and_depends_on_the_box(segmenter, picture) -> None:
    mask = segmenter.outline(picture, [10.0, 10.0, 60.0, 50.0])
    assert (mask.shape, mask.dtype) == ((60, 80), bool)
    assert np.array_equal(mask, segmenter.outline(picture, [10.0, 10.0, 60.0, 50.0]))
    other = segmenter.outline(picture, [0.0, 0.0, 5.0, 5.0])
    assert other is None or not np.array_equal(mask, other)


def test_a_stack_names_the_models_and_a_subject_is_added(folders, stack_file, tmp_path, picture, monkeypatch) -> None:
    monkeypatch.setattr(grounded, "THRESHOLD", 0.0)
    own = tmp_path / "own.toml"
    lines = f'detector = "{folders[0].as_posix()}"\nsegmenter = "{folders[1].as_posix()}"\n'
    own.write_text(stack_file.read_text() + lines)
    assert from_toml(own).detector == str(folders[0])
    picture.save(tmp_path / "a.png")
    with Studio(tmp_path / "home", stack=str(own)) as studio:
        added = studio.concepts.add("rex", [tmp_path / "a.png"], noun="dog", segment="grounded")
        expected = GroundedSegmenter(*map(str, folders)).find(picture, "dog")
        with studio.database.reading() as registry:
            stored = registry.blob(added.concept.images[0].mask_sha)
        from lambda_studio.pictures.files.png import decode_png

        assert np.array_equal(np.asarray(decode_png(stored)), 255 * expected)
        monkeypatch.setattr(grounded, "THRESHOLD", 1.1)
        with pytest.raises(MaskRefused, match="shows no hat"):
            studio.concepts.add("red-hat", [tmp_path / "a.png"], noun="hat", segment="grounded")
        assert [each.name for each in studio.concepts.list()] == ["rex"]


def test_without_weights_the_other_ways_are_named(tmp_path, picture, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for source in ("nobody/nothing", str(tmp_path / "none"), str(tmp_path)):
        with pytest.raises(ModelFilesMissing) as caught:
            GroundedSegmenter(source, source).find(picture, "dog")
        assert "segment=grabcut" in caught.value.remedy
        assert "detector and segmenter are local folders" in caught.value.remedy


def test_a_download_is_told_with_its_size_licence_and_place() -> None:
    told: list[str] = []
    segmenter = GroundedSegmenter("IDEA-Research/grounding-dino-tiny", "me/my-sam", on_notice=told.append)
    for source in (segmenter.detector, segmenter.detector, segmenter.segmenter):
        segmenter._announce(source.address)
    assert len(told) == 2
    assert told[0].startswith(
        "IDEA-Research/grounding-dino-tiny is downloaded once from the Hugging Face hub: 0.7 GB. "
    )
    assert "Licence: Apache-2.0. The cache folder is " in told[0]
    assert "see its hub page for size and licence" in told[1]


def test_files_that_are_no_such_model_are_refused(tmp_path, picture) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_segmenter(tmp_path / "sam")
    tensors = load_file(folder / "model.safetensors")
    lost = min(tensors)
    save_file(
        {name: tensor for name, tensor in tensors.items() if name != lost},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(ModelFilesInvalid, match=f"lacks 1 of its weights, such as {lost}"):
        GroundedSegmenter("", str(folder)).outline(picture, [0.0, 0.0, 9.0, 9.0])
    (folder / "model.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ModelFilesInvalid, match="are not a usable model"):
        GroundedSegmenter("", str(folder)).outline(picture, [0.0, 0.0, 9.0, 9.0])
