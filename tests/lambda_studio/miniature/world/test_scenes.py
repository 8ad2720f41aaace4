"""The miniature's world: seeded, complete, and what it says of a picture is what the picture shows."""

import pytest
import torch

from lambda_studio.miniature.recipe.networks import CONTEXT_LENGTH, vocabulary, write_merges
from lambda_studio.miniature.world.captions import PLACE_PHRASES, captions
from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN, Skin
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.scenes import (
    COLOURS,
    NOTHING,
    NOUNS,
    RELATIONS,
    identities,
    is_held_out,
    render,
    render_cutouts,
    scenes,
)
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.miniature.world.shapes import Pen

COUNT = 96


@pytest.fixture(scope="module")
def scene():
    return scenes(COUNT, seeded(1, "test"))


@pytest.fixture(scope="module")
def rendered(scene):
    return render(scene)


def test_the_world_has_the_variety_that_the_design_asks_for():
    assert len(FIGURES) >= 10
    assert len(WORN) >= 5
    assert len(PLACES) >= 6
    assert any(" " in noun for noun in NOUNS), "no noun of two tokens"
    assert tuple(PLACE_PHRASES) == tuple(PLACES)


def test_the_same_seed_draws_the_same_pictures(rendered):
    again = render(scenes(COUNT, seeded(1, "test")))
    assert torch.equal(again.images, rendered.images)
    assert not torch.equal(render(scenes(COUNT, seeded(2, "test"))).images, rendered.images)


def test_pictures_are_in_range_and_masks_are_where_subjects_are(scene, rendered):
    assert rendered.images.shape == (COUNT, 3, 64, 64)
    assert rendered.images.min() >= 0 and rendered.images.max() <= 1
    seen = rendered.subjects.sum((2, 3))
    assert ((seen > 12) == (scene.who.noun != NOTHING)).all(), "a subject cannot be seen, or a mask has no subject"
    assert ((rendered.worn.sum((2, 3)) > 2) == (scene.worn != NOTHING)).float().mean() > 0.97


def test_the_subjects_colours_are_under_its_mask():
    """Plain robots: the mean under the mask is nearer to their own colours than to any other robot's."""
    who = identities(COUNT, seeded(3, "who"), held_out=False, nouns=("mug",))
    plain = who[(who.pattern == 0).nonzero()[:12, 0]]
    cut = render_cutouts(plain, seeded(3, "cut"))
    ink = (cut.amin(1) < 0.97).float()
    mean = (cut * ink[:, None]).sum((2, 3)) / ink.sum((1, 2))[:, None]
    nearest = torch.cdist(mean, plain.main_rgb).argmin(1)
    same = plain.main[nearest] == plain.main
    assert same.float().mean() > 0.8


def test_larger_pictures_show_the_same_scene(scene, rendered):
    large = render(scene, 128).images
    small = torch.nn.functional.avg_pool2d(large, 2)
    assert (small - rendered.images).abs().mean() < 0.03


def test_held_out_identities_are_a_tenth_and_disjoint_by_noun_colours_and_pattern():
    pool = identities(4000, seeded(4, "pool"), held_out=False)
    assert not is_held_out(pool).any()
    unseen = identities(200, seeded(5, "pool"), held_out=True)
    assert is_held_out(unseen).all() and len(unseen.noun) == 200
    keys = [
        set(zip(*(getattr(w, f).tolist() for f in ("noun", "main", "second", "pattern")), strict=True))
        for w in (pool, unseen)
    ]
    assert not keys[0] & keys[1]
    every = torch.cartesian_prod(*(torch.arange(n) for n in (len(FIGURES), len(COLOURS), len(COLOURS), len(PATTERNS))))
    kept = every[every[:, 1] != every[:, 2]]
    template = identities(1, seeded(6, "pool"), held_out=False)[torch.zeros(len(kept), dtype=torch.int64)]
    whole = type(template)(
        **{**vars(template), **dict(zip(("noun", "main", "second", "pattern"), kept.T, strict=True))}
    )
    assert 0.07 < is_held_out(whole).float().mean() < 0.13


def test_a_cutout_fills_its_square_but_for_a_margin():
    who = identities(48, seeded(7, "who"), held_out=True)
    cut = render_cutouts(who, seeded(7, "cut"))
    ink = cut.amin(1) < 0.9
    spans = torch.maximum(ink.any(1).sum(1), ink.any(2).sum(1))
    assert spans.min() >= 50 and spans.max() <= 64
    assert not ink[:, 0, 0].any(), "corners are white"


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


def test_the_short_tokenizer_keeps_the_worlds_words_whole(tmp_path):
    from open_clip.tokenizer import SimpleTokenizer

    size = write_merges(tmp_path / "merges.txt.gz")
    short, whole = SimpleTokenizer(bpe_path=str(tmp_path / "merges.txt.gz")), SimpleTokenizer()
    assert size == short.vocab_size < 1500
    for word in vocabulary():
        assert len(short.encode(word)) == len(whole.encode(word)), word
    plain = captions(scenes(300, seeded(11, "many")), seeded(11, "words"), attributes=0.0)
    assert max(len(short.encode(c.text)) for c in plain) + 2 <= CONTEXT_LENGTH


def test_a_pattern_leaves_most_of_the_body_in_the_main_colour():
    """Else nobody could say which of two colours is the main one."""
    side = torch.linspace(-0.95, 0.95, 200)
    y, x = torch.meshgrid(side, side, indexing="ij")
    scale = torch.linspace(-1, 1, 9)
    for number, pattern in enumerate(PATTERNS):
        pen = Pen(x.expand(9, -1, -1), y.expand(9, -1, -1), torch.full((9,), 0.01))
        red, blue = torch.tensor([1.0, 0.0, 0.0]).expand(9, 3), torch.tensor([0.0, 0.0, 1.0]).expand(9, 3)
        kinds = torch.full((9,), number)
        body = Skin(main=red, second=blue, pattern=kinds, scale=scale, proportions=torch.zeros(9, 4)).body(pen)
        second = (body[:, 2] > body[:, 0]).float().mean((1, 2))
        assert second.max() < 0.46, pattern
        assert second.min() > (0.1 if number else -1), pattern
