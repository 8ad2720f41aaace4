"""The words by which names are read do not contradict each other."""

from lambda_studio.bundles.layouts.words import GENERIC, JOINING, RARE, SPOKEN


def test_no_word_is_both_a_trainers_token_and_a_word() -> None:
    assert {"sks", "ohwx"} <= RARE
    assert not RARE & (GENERIC | JOINING | SPOKEN)
    assert all(word == word.casefold() for word in RARE | GENERIC | JOINING | SPOKEN)
