"""What encoders saw of all that a user may see."""

from concepts.database import Database


def share(alice: Database, role: str) -> None:
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)


def test_what_is_shared_is_seen_in_all_that_is_compared(alice, bob, toys):
    share(alice, "reader")
    with bob.reading() as registry:
        assert [entry.library for entry in registry.catalogue([toys["rex"].id])] == ["alice/toys"]
        assert registry.image_counts() == {toys["rex"].id: 1}
        assert [seen.data for seen in registry.seen_images("image_embeds", "k", "y")] == [b"1234"]
        assert [concept.name for concept in registry.page("alice/toys").concepts] == ["rex"]
