"""The use cases about subjects: what is refused, what is hidden, and what is gone."""

import pytest

from concepts.errors import ConceptNotFound, NotPermitted, NounMissing
from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.studio import Studio


def test_a_subject_is_stored_where_the_stacks_models_are_missing_and_the_first_prompt_says_so(tmp_path, photo) -> None:
    toml = tmp_path / "gone.toml"
    toml.write_text('clip = "local-dir:/nowhere"\nprior = "/nowhere"\ndecoder = "/nowhere"\n')
    with Studio(tmp_path / "home", stack=str(toml)) as studio:
        added = studio.concepts.add("rex", [photo], noun="dog", segment="none")
        assert [each.name for each in studio.concepts.list()] == ["rex"]
        assert added.not_encoded
        with pytest.raises(ModelFilesMissing, match="stack=miniature"):
            studio.generate("a <rex>", out=tmp_path / "out")


def test_a_noun_is_needed_before_a_picture_is_opened(studio, tmp_path) -> None:
    with pytest.raises(NounMissing, match="noun=dog"):
        studio.concepts.add("rex", [tmp_path / "gone.png"], noun=None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({}, "No change to rex"), ({"noun": "cat", "keep_original": True}, "original")],
)
def test_an_edit_without_a_change_is_refused_and_writes_no_version(studio, put, plain, changes, said) -> None:
    put("rex", plain("red"))
    with pytest.raises(InvalidSetting, match=said):
        studio.concepts.edit("rex", **changes)
    assert [version.number for version in studio.concepts.history("rex")] == [1]


def test_a_page_has_at_most_as_many_as_were_asked_for_and_says_whether_more_follow(studio, put, plain) -> None:
    for name in ("rex", "hat", "rexine"):
        put(name, plain("red"))
    page = studio.concepts.page("REX", limit=1)
    assert ([each.name for each in page.concepts], page.more) == (["rex"], True)
    last = studio.concepts.page("REX", after="rex", limit=1)
    assert ([each.name for each in last.concepts], last.more) == (["rexine"], False)
    with pytest.raises(InvalidSetting, match="The number of concepts is 0"):
        studio.concepts.page(limit=0)


def test_what_was_removed_is_hidden_and_comes_back_under_another_name(studio, put, plain) -> None:
    concept = put("rex", plain("red"))
    removed = studio.concepts.remove("rex")
    assert (removed.name, removed.id, removed.adapters) == ("rex", concept.id, ())
    assert ([each.name for each in studio.concepts.list(removed=True)], studio.concepts.list()) == (["rex"], [])
    put("rex", plain("blue"))
    back = studio.concepts.bring_back("rex", new_name="old rex")
    assert (back.id, back.name, back.images) == (concept.id, "old rex", concept.images)


def test_nothing_is_forgotten_where_the_person_does_not_agree(studio, put, plain) -> None:
    image, asked = plain("red"), []
    put("rex", image)

    def refuse(summary) -> None:
        asked.append((summary.name, summary.image_count))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        studio.concepts.forget("rex", None, refuse)
    assert asked == [("rex", 1)]
    assert studio.concepts.show("rex").images[0].sha == image.sha
    done = studio.concepts.forget("rex", None, lambda summary: None)
    assert (done.name, done.deleted, done.bytes, done.kept) == ("rex", (image.sha,), len(image.data), ())
    with pytest.raises(ConceptNotFound):
        studio.concepts.show("rex")


def test_a_reader_is_refused_before_a_picture_is_opened(studio, tmp_path, monkeypatch) -> None:
    studio.libraries.create("toys")
    studio.libraries.share("toys", "bob")
    (address,) = (each.owner for each in studio.libraries.list() if each.name == "toys")
    monkeypatch.setenv("STUDIO_USER", "bob")
    with Studio(tmp_path / "home", f"{address}/toys") as other:
        with pytest.raises(NotPermitted):
            other.concepts.add("rex", [tmp_path / "gone.png"], noun="dog")
        with pytest.raises(NotPermitted):
            other.concepts.edit("rex", noun="cat")
