"""Where the subject is: on drawn pictures whose masks are known, on photographs, and from files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from lambda_studio.errors import InvalidSetting, MaskRefused
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.opening import Photo, open_photo
from lambda_studio.pictures.masks.marked import CUT
from lambda_studio.pictures.masks.subject import (
    ALL_WHITE,
    BY_COLOUR,
    DOUBT,
    FALLBACK,
    FILLS_BOX,
    FRAME,
    NO_CUT_OUT,
    SEGMENTERS,
    FoundMask,
    find_mask,
    find_subject,
    is_doubtful,
    load_mask,
    subject_warnings,
    without_mask_warnings,
)
from tests.lambda_studio.pictures.pattern import pattern

SHARED = Path(__file__).parents[4] / ".." / "shared"
PHOTOS, INPUTS = SHARED / "dreambench", SHARED / "inputs"


def landscape(side: int, subject: tuple[float, float, float, float], seed: int = 0) -> tuple[Photo, np.ndarray]:
    """A spotted thing on a field under the sky, with some noise, and where it is; the box is in parts of the side."""
    big = 4 * side
    picture, truth = Image.new("RGB", (big, big), (150, 190, 235)), Image.new("L", (big, big), 0)
    draw, box = ImageDraw.Draw(picture), [big * part for part in subject]
    draw.rectangle([0, 0.55 * big, big, big], fill=(90, 150, 70))
    draw.ellipse(box, fill=(190, 60, 50))
    for part in (0.3, 0.6):
        x, y = box[0] + part * (box[2] - box[0]), box[1] + part * (box[3] - box[1])
        draw.ellipse([x, y, x + big / 20, y + big / 20], fill=(150, 190, 235))  # a hole in the sky's colour
    ImageDraw.Draw(truth).ellipse(box, fill=255)
    pixels = np.asarray(picture.resize((side, side), Image.Resampling.BOX)).astype(float)
    pixels += np.random.default_rng(seed).normal(0, 4, pixels.shape)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return Photo(path=Path("drawn.png"), image=image), np.asarray(truth.resize((side, side))) >= 128


def overlap(mask: Image.Image | None, truth: np.ndarray) -> float:
    """Intersection over union."""
    assert mask is not None
    assert mask.mode == "L"
    assert set(np.unique(np.asarray(mask))) == {0, 255}
    found = np.asarray(mask) > 0
    return (found & truth).sum() / (found | truth).sum()


@pytest.mark.parametrize("side", [64, 128, 256])
@pytest.mark.parametrize("box", [(0.3, 0.3, 0.7, 0.85), (0.12, 0.35, 0.5, 0.8), (0.55, 0.4, 0.85, 0.7)])
def test_the_subject_of_a_drawn_landscape_is_found_without_holes(side, box):
    photo, truth = landscape(side, box)
    found = find_subject(photo, "grabcut")
    assert found.warnings == ()
    assert overlap(found.mask, truth) > 0.9


def test_the_subject_of_a_photograph_is_found():
    photo = open_photo(PHOTOS / "dog6" / "01.jpg")
    mask = find_mask(photo)
    assert mask is not None
    assert mask.size == photo.image.size
    subject = np.asarray(mask) > 0
    assert 0.3 < subject.mean() < 0.5
    ear, face, chest, paw = (0.32, 0.12), (0.5, 0.25), (0.5, 0.6), (0.4, 0.93)
    for x, y in (ear, face, chest, paw):
        assert subject[int(y * mask.height), int(x * mask.width)], (x, y)
    for x, y in [(0.05, 0.1), (0.95, 0.1), (0.1, 0.6), (0.95, 0.6)]:
        assert not subject[int(y * mask.height), int(x * mask.width)], (x, y)


def test_the_same_picture_always_has_the_same_mask():
    photo, _ = landscape(96, (0.3, 0.3, 0.7, 0.85))
    first = find_mask(photo)
    find_mask(landscape(64, (0.2, 0.2, 0.6, 0.6))[0])
    second = find_mask(photo)
    assert first is not None and second is not None
    assert first.tobytes() == second.tobytes()


def test_where_nothing_stands_out_the_middle_is_used_and_that_is_said():
    ramp = np.linspace(0, 60, 96)[:, None, None] + np.zeros((96, 64, 3))
    found = find_subject(Photo(path=Path("fog.png"), image=Image.fromarray(ramp.astype(np.uint8))), "grabcut")
    if found.warnings == (FALLBACK,):
        y, x = np.mgrid[:96, :64]
        assert overlap(found.mask, np.hypot((x - 31.5) / 32, (y - 47.5) / 48) <= 0.8) > 0.98
    else:
        pytest.fail(f"a picture of fog has a subject: {found.warnings}")


def test_a_tiny_subject_is_warned_of():
    photo, _ = landscape(128, (0.46, 0.5, 0.57, 0.6))
    (warning,) = find_subject(photo, "grabcut").warnings
    assert warning.startswith("its subject is tiny (")
    assert subject_warnings(0.5) == ()
    assert subject_warnings(0.95) == (f"{DOUBT}its subject is 95% of the picture",)


def with_alpha(alpha: Image.Image) -> Photo:
    photo, _ = landscape(alpha.width, (0.3, 0.3, 0.7, 0.85))
    return Photo(path=Path("cut.png"), image=photo.image, alpha=alpha)


def test_alpha_is_the_mask_where_there_is_one():
    alpha = Image.new("L", (64, 64), 0)
    ImageDraw.Draw(alpha).polygon([(5, 5), (40, 10), (30, 40), (8, 30)], fill=255)
    for segment in ("auto", "alpha"):
        mask = find_mask(with_alpha(alpha), segment)
        assert mask is not None
        assert mask.tobytes() == alpha.tobytes()
    assert overlap(find_mask(with_alpha(alpha), "grabcut"), landscape(64, (0.3, 0.3, 0.7, 0.85))[1]) > 0.9


def test_alpha_that_is_missing_or_empty_is_refused_where_it_is_asked_for():
    with pytest.raises(MaskRefused, match=r"^drawn.png has no transparency\. Use segment=grabcut"):
        find_mask(landscape(64, (0.3, 0.3, 0.7, 0.85))[0], "alpha")
    with pytest.raises(MaskRefused, match=r"cut\.png is fully transparent"):
        find_mask(with_alpha(Image.new("L", (64, 64), 10)))


def salience_of(box: tuple[int, int, int, int], level: int = 255) -> Image.Image:
    """A salience map, 320 x 320, with one box that stands out."""
    found = Image.new("L", (320, 320), 0)
    found.paste(level, box)
    return found


def test_without_alpha_the_network_finds_the_subject_and_without_a_network_grabcut_does_and_says_so():
    photo, truth = landscape(128, (0.3, 0.3, 0.7, 0.85))
    found = find_subject(photo, "auto", lambda image: salience_of((32, 160, 128, 320)))
    drawn = np.zeros((128, 128), bool)
    drawn[64:, 13:51] = True
    assert overlap(found.mask, drawn) > 0.97 and found.warnings == ()
    found = find_subject(photo, "auto")
    assert overlap(found.mask, truth) > 0.9
    assert found.warnings == (BY_COLOUR,) and is_doubtful(found.warnings)


@pytest.mark.parametrize("box", [(0, 0, 320, 320), (0, 0, 20, 20)], ids=["everything", "nothing"])
def test_a_map_in_which_nothing_or_everything_stands_out_is_not_believed(box):
    photo, truth = landscape(128, (0.3, 0.3, 0.7, 0.85))
    found = find_subject(photo, "auto", lambda image: salience_of(box))
    assert overlap(found.mask, truth) > 0.9 and found.warnings == (BY_COLOUR,)
    with pytest.raises(MaskRefused, match="The network that finds subjects"):
        find_subject(photo, "salient")


def test_a_mask_with_an_uncertain_outline_is_doubtful():
    photo, _ = landscape(128, (0.3, 0.3, 0.7, 0.85))
    found = find_subject(photo, "auto", lambda image: salience_of((32, 160, 128, 320), 200))
    assert found.warnings == (f"{DOUBT}its outline is uncertain",) and is_doubtful(found.warnings)
    assert not is_doubtful(["its subject is blurred", NO_CUT_OUT])


@pytest.mark.parametrize(
    "said",
    [*subject_warnings(0.004), CUT.format(2), FILLS_BOX, ALL_WHITE.format("m.png"), *subject_warnings(0.97), FALLBACK],
)
def test_a_mask_with_a_warning_of_its_own_is_worth_a_look_until_it_is_another_one(said):
    assert is_doubtful([said])
    assert without_mask_warnings([said, "its subject is blurred"]) == ("its subject is blurred",)


@pytest.mark.parametrize("clear", [(0, 0, 1, 1), (0, 0, 128, 5)], ids=["a pixel", "a strip"])
def test_alpha_that_cuts_out_no_subject_is_no_mask(clear):
    alpha = Image.new("L", (128, 128), 255)
    alpha.paste(0, clear)
    photo = with_alpha(alpha)
    found = find_subject(photo, "auto", lambda image: salience_of((32, 160, 128, 320)))
    assert found.warnings == (NO_CUT_OUT,)
    assert found.mask is not None and np.asarray(found.mask).mean() / 255 == pytest.approx(0.15, abs=0.01)
    assert find_subject(photo, "alpha").warnings[0].startswith(f"{DOUBT}its subject is ")


def test_alpha_that_frames_a_picture_is_no_mask_and_said():
    alpha = Image.new("L", (128, 128), 0)
    ImageDraw.Draw(alpha).ellipse((0, 0, 127, 127), fill=255)
    found = find_subject(with_alpha(alpha), "auto", lambda image: salience_of((32, 160, 128, 320)))
    assert found.warnings == (FRAME,)
    assert found.mask is not None and np.asarray(found.mask).mean() / 255 == pytest.approx(0.15, abs=0.01)
    assert find_mask(with_alpha(alpha), "alpha").tobytes() == alpha.tobytes()


def test_none_means_all_of_the_picture():
    photo, _ = landscape(64, (0.3, 0.3, 0.7, 0.85))
    assert find_subject(photo, "none") == FoundMask(None, ())


def test_an_unknown_segmenter_is_refused_with_the_known_ones():
    with pytest.raises(InvalidSetting, match=f"no segmenter 'sam'. Give one of: {', '.join(SEGMENTERS)}"):
        find_mask(landscape(64, (0.3, 0.3, 0.7, 0.85))[0], "sam")


def saved(path: Path, mask: Image.Image) -> Path:
    mask.save(path)
    return path


def disc(side: int = 64) -> Image.Image:
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).ellipse([0.25 * side, 0.25 * side, 0.75 * side, 0.75 * side], fill=255)
    return mask


def test_a_mask_file_is_read_as_it_is(tmp_path):
    mask = load_mask(saved(tmp_path / "m.png", disc()), (64, 64)).mask
    assert mask is not None
    assert mask.tobytes() == disc().tobytes()


def test_a_soft_edge_is_made_sharp(tmp_path):
    soft = disc().filter(ImageFilter.GaussianBlur(1))
    mask = load_mask(saved(tmp_path / "m.png", soft), (64, 64)).mask
    assert mask is not None
    assert np.array_equal(np.asarray(mask), 255 * (np.asarray(soft) >= 128))


def test_a_mask_of_a_large_photo_is_scaled_with_it(tmp_path):
    Image.effect_noise((2001, 1000), 50).convert("RGB").save(tmp_path / "p.jpg")
    mask = Image.new("L", (2001, 1000), 0)
    mask.paste(255, (0, 0, 1000, 1000))
    size = open_photo(tmp_path / "p.jpg").image.size
    loaded = load_mask(saved(tmp_path / "m.png", mask), size).mask
    assert loaded is not None
    assert loaded.size == size == (1536, 768)
    assert np.asarray(loaded).mean() / 255 == pytest.approx(0.5, abs=0.01)


def test_a_mask_that_is_white_throughout_is_no_mask(tmp_path):
    found = load_mask(saved(tmp_path / "m.png", Image.new("L", (64, 64), 255)), (64, 64))
    assert found == FoundMask(None, ("its mask m.png is all white: the whole picture is the subject",))


def test_a_mask_of_95_percent_is_said(tmp_path):
    mask = Image.new("L", (100, 100), 255)
    mask.paste(0, (0, 0, 100, 5))
    found = load_mask(saved(tmp_path / "m.png", mask), (100, 100))
    assert found.warnings == (f"{DOUBT}its subject is 95% of the picture",)


SQUARE = INPUTS / "sq6.jpg", INPUTS / "sq_mask_sensor_no_exif.png"


def test_an_unturned_mask_of_a_photo_that_exif_turned_is_said(tmp_path):
    photo = open_photo(SQUARE[0])
    found = load_mask(SQUARE[1], photo.image.size, turned=photo.turned)
    said = f"{DOUBT}the photo is turned by its EXIF, and its mask {SQUARE[1].name} may be drawn on the unturned photo"
    assert found.warnings == (said,) and is_doubtful(found.warnings)


def test_a_mask_that_exif_turned_too_fits(tmp_path):
    photo, exif = open_photo(SQUARE[0]), Image.Exif()
    exif[0x0112] = 6
    with Image.open(SQUARE[1]) as mask:
        mask.save(tmp_path / "turned.png", exif=exif)
    found = load_mask(tmp_path / "turned.png", photo.image.size, turned=photo.turned)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("size", "orientation", "fits"),
    [((64, 64), 1, False), ((64, 64), 6, True), ((80, 64), 6, False), ((80, 64), 3, True), ((80, 64), 99, False)],
)
def test_only_a_photo_that_kept_its_size_can_have_an_unturned_mask(tmp_path, size, orientation, fits):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pattern(*size).save(tmp_path / "a.png", exif=exif)
    assert open_photo(tmp_path / "a.png").turned == fits


def test_warnings_about_a_mask_go_with_it():
    about_photo = ("almost the same picture as a.png", "its last bytes are missing, but all of its rows are there")
    about_mask = (
        *(FALLBACK, NO_CUT_OUT, FRAME, BY_COLOUR, *subject_warnings(0.001), *subject_warnings(0.99)),
        "its mask m.png is all white: the whole picture is the subject",
    )
    assert without_mask_warnings((*about_mask, *about_photo)) == about_photo


def test_a_mask_of_another_size_is_refused(tmp_path):
    path = saved(tmp_path / "m.png", disc())
    with pytest.raises(MaskRefused) as caught:
        load_mask(path, (80, 60))
    assert caught.value.cause == f"The mask {path} has 64 x 64 pixels and its picture 80 x 60."
    assert caught.value.remedy == "Give a mask of the picture's size, after it is turned upright."


def test_an_empty_mask_is_refused(tmp_path):
    path = saved(tmp_path / "m.png", Image.new("L", (64, 64), 1))
    with pytest.raises(MaskRefused, match=r"is empty \(its brightest value is 1 of 255\)\. Paint the subject white\."):
        load_mask(path, (64, 64))


def test_a_grey_mask_is_refused(tmp_path):
    path = saved(tmp_path / "m.png", Image.linear_gradient("L").resize((64, 64)))
    with pytest.raises(
        MaskRefused,
        match=r"m\.png is not black and white: \d+% of it is grey or coloured\. Paint the subject white and everything",
    ):
        load_mask(path, (64, 64))


def test_a_mask_that_cannot_be_opened_is_refused_as_a_mask(tmp_path):
    with pytest.raises(MaskRefused, match=r"^The mask \S*none\.png does not exist\."):
        load_mask(tmp_path / "none.png", (64, 64))


@pytest.mark.parametrize("name", ["one_clear_pixel.png", "rounded_corners.png"])
def test_transparency_that_cuts_out_nothing_is_said_and_the_subject_is_found_as_in_any_photo(name):
    with PictureDoor() as door:
        found = find_subject(door.photo(INPUTS / name), "auto", door.salience)
        opaque = find_subject(door.photo(INPUTS / "photo_for_masks.png"), "auto", door.salience)
    assert found.warnings == (NO_CUT_OUT, *opaque.warnings)
    assert opaque.mask is not None and overlap(found.mask, np.asarray(opaque.mask) > 0) > 0.98
    share = float((np.asarray(found.mask) > 0).mean())
    assert 0.5 < share < 0.62, "the whole dog is 57 % of the picture; GrabCut finds only its face, which is 30 %"
