"""`studio evaluate paper`."""

from lambda_studio.miniature.paper import running


def test_verdicts_are_printed_and_an_unknown_claim_is_refused(studio, tmp_path, monkeypatch) -> None:
    import dataclasses

    figure_3 = next(each for each in running.CLAIMS if each.key == "figure-3")
    claim = dataclasses.replace(
        figure_3,
        measure=lambda job: {
            way: {column: 0.5 - 0.1 * at for column in figure_3.columns} for at, way in enumerate(figure_3.ways)
        },
    )
    monkeypatch.setattr(running, "CLAIMS", (claim,))
    answer = studio("evaluate", "paper", "all", "--out", "pages")
    assert answer.code == 0 and "figure-3: What an image embedding alone keeps: agrees" in answer.out
    assert (tmp_path / "pages" / "figure-3.md").is_file()
    wrong = studio("evaluate", "paper", "table-99")
    assert wrong.code == 2 and "Known are: figure-3, all." in wrong.err


def test_counts_are_printed_beside_the_published_numbers(studio, tmp_path) -> None:
    answer = studio("evaluate", "paper", "table-7", "--out", "pages")
    assert answer.code == 0 and "table-7: What a subject takes: agrees" in answer.out
    assert "  zero-shot, the paper: pictures 1, steps 0, parameters 0, hours –, stored 0" in answer.out
    assert "  fine-tuned, the paper: pictures –, steps 400, parameters 900, hours 0.2, stored –" in answer.out
    assert "  (parameters: trained parameters, in millions)" in answer.out
    assert (tmp_path / "pages" / "table-7.svg").is_file()
