"""`studio.pictures`."""

from lambda_studio.config import GenerateConfig


def test_a_prompt_with_wildcards_is_known_before_it_is_drawn(studio) -> None:
    assert studio.pictures.has_wildcards("a <*:dog>") and studio.pictures.has_wildcards("<*>")
    assert not studio.pictures.has_wildcards(r"a <rex:0.5> and a <\*>")


def test_what_is_drawn_of_a_file_is_drawn_again_and_put_on_a_sheet(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    drawn = studio.pictures.of_file("a <rex> --s 1\na cat --s 2", GenerateConfig(seed=1), count=2, out=tmp_path)
    assert [len(each.pictures) for each in drawn] == [2, 2]
    assert all(studio.pictures.again(each.pictures[1].path, out=tmp_path).difference <= 1 for each in drawn)
    assert studio.pictures.sheet(drawn, tmp_path / "all.png").is_file()
