"""A photo that is given again is kept once: the same file, a copy of it, or the same pixels in another file."""

from PIL import Image, PngImagePlugin

from lambda_studio.workflows.subjects.photos.once import PhotosOnce


def saved_again(photo, path):
    """Save a photo's pixels in another file, whose bytes differ."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", path.name)
    with Image.open(photo) as image:
        image.save(path, pnginfo=text)
    assert path.read_bytes() != photo.read_bytes()
    return path


def test_the_first_of_equal_files_or_pictures_is_named(tmp_path) -> None:
    once = PhotosOnce(lambda path: path.name)
    first, copy = tmp_path / "a.jpg", tmp_path / "b.jpg"
    assert once.same_file(first, "f1") == once.same_picture(first, "p1") == ""
    once.remember(first, "f1", "p1")
    assert once.same_file(first, "f1") == "a.jpg was given twice; one is kept"
    assert once.same_file(copy, "f1") == "b.jpg has the same bytes as a.jpg; one is kept"
    assert once.same_picture(copy, "p1") == "b.jpg has the same pixels as a.jpg; one is kept"
    assert once.same_file(copy, "f2") == once.same_picture(copy, "p2") == ""


def test_the_same_pixels_are_stored_once_and_later_images_keep_their_numbers(studio, photo, box) -> None:
    again, other = saved_again(photo, photo.with_name("again.png")), box(9)
    added = studio.concepts.add("rex", [photo, again, other], noun="dog", segment="grabcut")
    assert [image.source_name for image in added.concept.images] == ["photo.png", "box9.png"]
    assert f"{again} has the same pixels as {photo}; one is kept" in added.warnings
    assert added.new_images == (1, 2) and added.looked_at == 2


def test_pixels_that_the_concept_has_are_not_added_and_two_new_equal_ones_once(studio, add, photo, box) -> None:
    add("rex", photo)
    new = box(9)
    files = [saved_again(photo, photo.with_name("again.png")), new, saved_again(new, photo.with_name("new.png"))]
    added = studio.concepts.edit("rex", add=files, segment="none")
    assert [image.source_name for image in added.concept.images] == ["photo.png", "box9.png"]
    told = " ".join(added.warnings)
    assert "again.png is the same photo as image 1" in told and f"new.png has the same pixels as {new}" in told
    assert added.new_images == (2,)
