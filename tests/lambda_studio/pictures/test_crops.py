"""What CLIP and the decoder see of a picture."""

import numpy as np
from PIL import Image

from lambda_studio.pictures.crops import cut_out, square_crop
from tests.lambda_studio.pictures.pattern import pixels


def test_a_cut_out_is_the_subject_on_white_with_a_margin_and_centred():
    image = Image.new("RGB", (100, 60), "blue")
    image.paste("red", (60, 10, 80, 50))
    mask = Image.new("L", (100, 60), 0)
    mask.paste(255, (60, 10, 80, 50))
    cut = pixels(cut_out(image, mask, 44))  # 40 high, 2 of margin on each side
    assert cut.shape == (44, 44, 3)
    assert (cut[2:42, 12:32] == (255, 0, 0)).all()
    outside = np.ones((44, 44), dtype=bool)
    outside[2:42, 12:32] = False
    assert (cut[outside] == 255).all()


def test_without_a_mask_all_of_the_picture_is_padded_to_a_square():
    cut = pixels(cut_out(Image.new("RGB", (100, 60), "red"), None, 50))
    assert (cut[11:39] == (255, 0, 0)).all()  # a row of each edge is mixed by the resampling
    assert (cut[:9] == 255).all() and (cut[41:] == 255).all()


def test_a_square_crop_is_the_middle():
    image = Image.new("RGB", (90, 30), "blue")
    image.paste("red", (30, 0, 60, 30))
    crop = square_crop(image, 16)
    assert (crop.size, crop.mode) == ((16, 16), "RGB")
    assert (pixels(crop) == (255, 0, 0)).all()
