"""Concepts go out: whole or not at all, never over another file, and with nothing that was not asked for."""

import zipfile
from dataclasses import replace

import pytest

from lambda_studio.bundles.archive import Archive
from lambda_studio.bundles.given import read_note
from lambda_studio.errors import InvalidSetting, OutputExists, PicturesLeftOut
from lambda_studio.studio import Studio
from lambda_studio.workflows.bundles import export
from lambda_studio.workflows.bundles.export import require_free, write_bundle


@pytest.mark.parametrize("name", ["rex", "rex.tar", ".zip", "zip"])
def test_a_name_that_is_no_bundles_is_refused_and_a_right_one_is_said(tmp_path, name: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        require_free(tmp_path / name)
    assert ".zip" in refused.value.remedy
    require_free(tmp_path / "REX.ZIP")


def test_a_file_that_is_there_is_not_written_over(tmp_path) -> None:
    (tmp_path / "rex.zip").write_text("mine")
    with pytest.raises(OutputExists, match="already there"):
        require_free(tmp_path / "rex.zip")


def test_a_bundle_has_pictures_and_masks_and_no_originals(studio, put, plain, tmp_path) -> None:
    red, blue = plain("red", masked=True, original=b"the file"), plain("blue")
    concept = put("rex", red, blue)
    done = write_bundle(studio.workplace, [concept], tmp_path / "new" / "rex.zip", True, None)
    assert (done.concepts, done.pictures, done.originals_left_out, done.signed_by) == (("rex",), True, 1, None)
    assert (done.size, done.objects) == (done.path.stat().st_size, 3)
    with Archive(done.path) as archive:
        (told,) = archive.contents.concepts
        assert (told.name, told.noun, told.manifest) == ("rex", "dog", concept.manifest)
        assert {sha: archive.read(sha) for sha in archive.contents.objects} == {
            red.sha: red.data,
            red.mask_sha: red.mask,
            blue.sha: blue.data,
        }


def test_captions_go_out_and_come_in_again(studio, put, plain, tmp_path, stack_file) -> None:
    put("rex", replace(plain("red"), caption="a dog"), plain("blue"))
    studio.libraries.export(["rex"], tmp_path / "rex.zip")
    studio.libraries.create("toys")
    with Studio(studio.home, library="toys", stack=str(stack_file)) as other:
        other.libraries.import_(tmp_path / "rex.zip")
        assert [image.caption for image in other.concepts.show("rex").images] == ["a dog", None]


def test_without_pictures_a_note_holds_what_prompts_use(studio, put, plain, tmp_path) -> None:
    concept = put("rex", plain("red", masked=True), plain("blue"))
    done = write_bundle(studio.workplace, [concept], tmp_path / "rex.zip", False, None)
    with Archive(done.path) as archive:
        ((image,),) = (told.images for told in archive.contents.concepts)
        note = read_note(archive.read(image.sha256))
        assert list(archive.contents.objects) == [image.sha256]
    embedder = studio.workplace.embedder
    assert note.pictures == tuple((each.sha, each.mask_sha) for each in concept.images)
    assert (note.views[0].encoder, note.proven) == (embedder.encoder.fingerprint, True)
    assert note.views[0].data == embedder.blended(concept).numpy().astype("<f4").tobytes()


def test_a_note_that_lost_its_embedding_is_not_passed_on(studio, put, plain, tmp_path) -> None:
    from concepts.records import NewImage
    from lambda_studio.bundles.given import Note

    lost = put("rex", NewImage(Note(pictures=(("0" * 64, None),)).encoded(), None, 1, 1, "left out"))
    for pictures in (True, False):
        with pytest.raises(PicturesLeftOut):
            write_bundle(studio.workplace, [lost], tmp_path / "rex.zip", pictures, None)
    assert list(tmp_path.glob("*.zip")) == []


def test_a_file_that_appears_while_the_bundle_is_written_stays(studio, put, plain, tmp_path, monkeypatch) -> None:
    out, write = tmp_path / "rex.zip", export.write_archive

    def late(*given):
        out.write_text("mine")
        return write(*given)

    monkeypatch.setattr(export, "write_archive", late)
    with pytest.raises(OutputExists):
        write_bundle(studio.workplace, [put("rex", plain("red"))], out, True, None)
    assert (out.read_text(), list(tmp_path.glob("*rex.zip*"))) == ("mine", [out])


def test_bytes_that_two_concepts_have_are_in_a_bundle_once(studio, put, plain, tmp_path) -> None:
    concepts = [put("rex", plain("red")), put("hat", plain("red"), noun="hat")]
    done = write_bundle(studio.workplace, concepts, tmp_path / "two.zip", True, None)
    assert done.objects == 1
    with zipfile.ZipFile(done.path) as archive:
        assert len(archive.namelist()) == 2, "the manifest and the picture"
