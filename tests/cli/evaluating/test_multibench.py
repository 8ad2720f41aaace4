"""`studio evaluate multibench`."""

import json

from tests.dreambench import write_dreambench, write_noise

FAST = ("--segment", "none", "--steps", 1, "--pictures", 1, "--dino", "none")


def test_a_table_of_what_is_there(studio, tmp_path) -> None:
    folder = write_dreambench(tmp_path / "subjects")
    write_noise(folder / "toy" / "00.png", 1)
    answer = studio("evaluate", "multibench", "subjects", *FAST)
    assert answer.code == 0, answer.err
    assert "Restricted to 2 of 405 compositions" in answer.out
    assert "no interval over 2 subjects in the first place" in answer.out
    assert "2 pictures of 2 prompts, each with its scores: evaluations/multibench" in answer.out
    compared = studio("evaluate", "compare", "evaluations/multibench", "evaluations/multibench")
    assert compared.code == 0 and "2 pictures of 2 subjects" in compared.out


def test_the_published_prompts_are_drawn_by_generate(studio, tmp_path) -> None:
    answer = studio("evaluate", "multibench", "--write-prompts", "all.txt")
    assert answer.code == 0, answer.err
    first = "all.txt: 1,476 prompts, from 405 of 405 compositions of 3 subjects."
    assert answer.out.splitlines()[0] == first
    said = json.loads(studio("evaluate", "multibench", "--write-prompts", "two.jsonl", "--together", 2, "--json").out)
    assert (said["of_compositions"], said["together"]) == (217, 2)
    write_noise(tmp_path / "dog.png", 1)
    for name in ("dog", "bear_plushie", "guitar"):
        assert studio("add-concept", name, "dog.png", "--noun", "dog", "--segment", "none").code == 0
    (tmp_path / "one.txt").write_text("\n".join((tmp_path / "all.txt").read_text().splitlines()[:2]))
    assert studio("generate", "--file", "one.txt", "--steps", 1).code == 0


def test_without_a_folder_and_a_file_it_says_what_to_give(studio) -> None:
    answer = studio("evaluate", "multibench")
    assert answer.code == 2 and "Give DIR, or --write-prompts FILE." in answer.err
