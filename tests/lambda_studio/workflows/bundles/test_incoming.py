"""A concept on its way in holds no bytes: a library need not fit into memory."""

from concepts.records import NewImage, manifest
from lambda_studio.workflows.bundles.import_ import store
from lambda_studio.workflows.bundles.incoming import Incoming


def test_bytes_are_read_when_their_concept_is_written_and_not_at_all_where_it_is_skipped(studio, put, plain) -> None:
    put("rex", plain("red"))
    read: list[str] = []

    def incoming(name: str, image: NewImage) -> Incoming:
        def images() -> list[NewImage]:
            read.append(name)
            return [image]

        return Incoming(name, "dog", manifest("dog", [image]), images)

    new = [incoming("hat", plain("lime")), incoming("rex", plain("blue")), incoming("cap", plain("blue"))]
    assert read == []
    done = store(studio.workplace, new, "skip")
    assert [each.state for each in done] == ["added", "skipped", "added"]
    assert read == ["hat", "cap"]
