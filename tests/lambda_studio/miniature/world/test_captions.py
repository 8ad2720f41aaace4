"""What captions say of a scene."""

import pytest

from lambda_studio.miniature.world.captions import captions
from lambda_studio.miniature.world.figures import WORN
from lambda_studio.miniature.world.identities import COLOURS, NOTHING, NOUNS
from lambda_studio.miniature.world.scenes import RELATIONS, scenes
from lambda_studio.miniature.world.seeding import seeded

COUNT = 96


@pytest.fixture(scope="module")
def scene():
    return scenes(COUNT, seeded(1, "test"))


def test_captions_name_every_subject_and_what_it_wears(scene):
    for row, caption in enumerate(captions(scene, seeded(8, "words"))):
        nouns = [NOUNS[n] for n in scene.who.noun[row].tolist() if n != NOTHING]
        worn = [list(WORN)[n] for n in scene.worn[row].tolist() if n != NOTHING]
        assert sorted(caption.nouns.values()) == sorted(nouns + worn)
        assert all(noun in caption.text for noun in nouns + worn)
        assert "<" not in caption.text


def test_captions_mention_looks_sometimes_or_never(scene):
    words = [f" {c.text} " for c in captions(scene, seeded(9, "words"), attributes=0.5, places=0.0)]
    coloured = sum(any(f" {colour} " in text for colour in COLOURS) for text in words)
    assert COUNT * 0.3 < coloured < COUNT
    bare = [f" {c.text} " for c in captions(scene, seeded(9, "words"), attributes=0.0, places=0.0)]
    assert not any(f" {colour} " in text for text in bare for colour in COLOURS)


def test_every_relation_is_drawn_and_said():
    many = scenes(600, seeded(10, "many"))
    words = [c.text for c in captions(many, seeded(10, "words"))]
    for index, relation in enumerate(RELATIONS):
        rows = (many.relation == index).nonzero()[:, 0].tolist()
        assert rows, relation
        if relation in ("on top of", "in front of", "chasing"):
            assert all(f" {relation} " in words[row] for row in rows)
