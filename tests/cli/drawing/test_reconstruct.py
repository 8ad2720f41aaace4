"""`studio reconstruct`."""

import json
import shlex
from pathlib import Path


def test_a_photo_and_a_concept_are_drawn_from_their_embeddings(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    answer = studio("reconstruct", photos[0], "-n", 2, "--steps", 1, "--seed", 5)
    assert answer.out.splitlines()[-1] == "Sheet: outputs/sheet-photo1-from-its-embedding-0001.png"
    found = json.loads(studio("reconstruct", "rex", "-n", 1, "--steps", 1, "--json").out)
    assert (found["source"], len(found["pictures"]), list(found["pictures"][0]["likeness"])) == ("rex", 1, ["rex"])
    assert studio("reconstruct", "nobody").code == 3
    for missing in ("missing.jpg", "folder/rex"):
        answer = studio("reconstruct", missing)
        assert answer.code == 2 and f"There is no file {missing}." in answer.err
    answer = studio("reconstruct", "rex", "--adapter", "auto")
    assert answer.code == 2 and "The adapter is auto" in answer.err


def test_the_command_that_a_refusal_shows_draws_the_same_picture(studio, photos) -> None:
    settings = ("--steps", 2, "--sampler", "euler", "--guidance", 2, "--size", "48x32", "--seed", 5)
    for words in (("reconstruct", photos[0], "-n", 1), ("interpolate", "a cat", "a dog", "--frames", 2)):
        path = studio(*words, *settings).out.splitlines()[0]
        refused = studio("generate", "--from", path)
        assert refused.code and "Draw all of that command again" in refused.err
        again = shlex.split(refused.err.rpartition("studio ")[2])
        named = [str(photos[0]) if word == Path(photos[0]).name else word for word in again]
        assert Path(studio(*named).out.splitlines()[0]).read_bytes() == Path(path).read_bytes(), again
