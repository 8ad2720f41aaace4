"""`studio concepts similar`, and what is said when a concept is added that looks like another."""

import json


def test_similar_concepts_are_a_table(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    assert studio("concepts", "similar", "rex").out == "There is nothing to compare rex with.\n"
    added = studio("add-concept", "twin", photos[0], "--noun", "wolf")
    assert "Note: 1.00 like rex; if it is the same, edit that one instead\n" in added.out
    studio("add-concept", "max", photos[1], "--noun", "cat")
    lines = studio("concepts", "similar", "rex").out.splitlines()
    assert lines[0].split() == ["LIKE", "NAME", "NOUN", "LIBRARY"]
    assert lines[1].split() == ["1.00", "twin", "wolf", "default"]
    assert lines[2].split()[1:] == ["max", "cat", "default"]
    found = json.loads(studio("concepts", "similar", "rex", "-n", 1, "--json").out)
    assert (found["stack"], [each["name"] for each in found["nearest"]]) == ("tiny", ["twin"])
    assert studio("concepts", "similar", "nix").code == 3
    refused = studio("concepts", "similar", "rex", "-n", 0)
    assert (refused.code, refused.err) == (2, "Error: The number of concepts is 0.\n  → Give 1 or more.\n")
