"""`studio reconstruct`."""

import json


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
