import re
from pathlib import Path

import torch

from lambda_studio.miniature.world.captions import captions
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.vocabulary import known_words
from lambda_studio.models.stacks.stack import WEIGHTS


def test_every_word_of_every_caption_is_known():
    generator = torch.Generator().manual_seed(3)
    texts = [caption.text for caption in captions(scenes(2_000, generator), generator)]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    assert words <= set(known_words())
    plurals = {"dogs", "animals", "hats"}
    assert plurals <= set(known_words()) - words


def test_the_package_lists_the_same_words():
    assert (WEIGHTS / "words.txt").read_text(encoding="utf-8").split() == list(known_words())


def test_the_documentation_lists_the_same_words():
    page = (Path(__file__).parents[4] / "docs" / "miniature.md").read_text(encoding="utf-8")
    listed = page.partition("## What it understands")[2].split("\n\n")[2]
    assert re.findall(r"\w+", listed) == list(known_words())
