"""The miniature's oracle as ConceptBed's: sure of renderings, unsure of other things."""

import torch
from PIL import Image

from lambda_studio.evaluation.concept_bed.oracle import Asked, Oracle
from lambda_studio.miniature.judge.concept_oracle import ConceptOracle
from lambda_studio.miniature.world.figures import FIGURES, WORN
from lambda_studio.miniature.world.identities import NOUNS
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded


def pictures(count: int = 8):
    scene = scenes(
        count, seeded(7, "concepts"), held_out=True, relation=torch.zeros(count, dtype=torch.int64), worn_share=1.0
    )
    images = (render(scene).images.permute(0, 2, 3, 1) * 255).byte().numpy()
    return scene, [Image.fromarray(each) for each in images]


def test_it_is_sure_of_renderings_and_not_of_another_class() -> None:
    scene, images = pictures()
    oracle = ConceptOracle()
    assert isinstance(oracle, Oracle)
    nouns = [NOUNS[noun] for noun in scene.who.noun[:, 0].tolist()]
    places = [tuple(PLACES)[place] for place in scene.place.tolist()]
    worn = [tuple(WORN)[kind] for kind in scene.worn[:, 0].tolist()]
    for labels, classes in ((nouns, FIGURES), (places, PLACES), (worn, WORN)):
        right = oracle.confidences([Asked(*each) for each in zip(images, labels, nouns, strict=True)])
        others = [next(each for each in classes if each != label) for label in labels]
        wrong = oracle.confidences([Asked(*each) for each in zip(images, others, nouns, strict=True)])
        assert right.mean() > 0.8 and wrong.mean() < 0.1
        assert ((right + wrong) <= 1.0001).all()


def test_the_confidences_of_all_nouns_sum_to_1() -> None:
    _, images = pictures(2)
    found = ConceptOracle().confidences([Asked(images[0], noun) for noun in FIGURES])
    assert abs(float(found.sum()) - 1) < 1e-4


def test_a_worn_thing_is_asked_of_the_noun_in_the_text_or_of_the_most_present_one() -> None:
    scene, images = pictures(4)
    noun, worn = NOUNS[int(scene.who.noun[0, 0])], tuple(WORN)[int(scene.worn[0, 0])]
    other = next(each for each in FIGURES if each != noun)
    named, unnamed, of_another = ConceptOracle().confidences(
        [Asked(images[0], worn, f"a {noun}"), Asked(images[0], worn), Asked(images[0], worn, f"a {other}")]
    )
    assert named == unnamed != of_another


def test_labels_of_another_world_are_unknown() -> None:
    assert ConceptOracle().unknown(["dog", "beach", "crown", "unicorn"]) == ["unicorn"]
