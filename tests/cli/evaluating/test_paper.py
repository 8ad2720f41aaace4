"""`studio evaluate paper`."""

from lambda_studio.miniature.paper import running


def test_verdicts_are_printed_and_an_unknown_claim_is_refused(studio, tmp_path, monkeypatch) -> None:
    import dataclasses

    claim = dataclasses.replace(
        running.CLAIMS[0],
        measure=lambda seed, pictures, progress: {
            way: {column: 0.5 - 0.1 * at for column in running.CLAIMS[0].columns}
            for at, way in enumerate(running.CLAIMS[0].ways)
        },
    )
    monkeypatch.setattr(running, "CLAIMS", (claim,))
    answer = studio("evaluate", "paper", "all", "--out", "pages")
    assert answer.code == 0 and "figure-3: What an image embedding alone keeps: agrees" in answer.out
    assert (tmp_path / "pages" / "figure-3.md").is_file()
    wrong = studio("evaluate", "paper", "table-99")
    assert wrong.code == 2 and "Known are: figure-3, all." in wrong.err
