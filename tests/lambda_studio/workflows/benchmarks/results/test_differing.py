"""What differs between evaluations, part by part."""

from lambda_studio.workflows.benchmarks.results.differing import LONGEST, differences, listed


def test_only_the_parts_that_differ_are_named() -> None:
    one = {"DINO": "none", "pictures": 2, "adapters": []}
    other = {"DINO": "none", "pictures": 3, "adapters": [{"sha256": "ab"}], "more": True}
    assert differences(one, other, "protocol") == [
        ("pictures", "2", "3"), ("adapters", "none", "sha256 ab"), ("more", "none", "yes"),
    ]  # fmt: skip
    assert differences("all", "one", "protocol") == [("protocol", "all", "one")]
    assert differences(one, one, "protocol") == []


def test_many_and_long_differences_are_cut() -> None:
    found = differences({each: "x" * 200 for each in "abcde"}, {}, "settings")
    assert listed(found[:1], "{0} {1}, now {2}") == f"a {'x' * LONGEST}…, now none"
    assert listed([(each, "1", "2") for each in "abcde"], "{0} {1}, now {2}") == (
        "a 1, now 2; b 1, now 2; c 1, now 2; and 2 more"
    )
