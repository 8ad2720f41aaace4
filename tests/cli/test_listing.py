"""`studio concepts list` shows a page, and says how to go on."""

import json

from cli import concepts
from concepts.database import Database
from concepts.records import NewImage


def test_a_page_at_a_time(studio, tmp_path, monkeypatch) -> None:
    with Database.open(tmp_path / "home") as database, database.transaction() as registry:
        for number in range(5):
            name = f"it's {number}"
            registry.add_concept("default", name, "dog", [NewImage(name.encode(), None, 64, 64, "a.png")])
    monkeypatch.setattr(concepts, "PAGE", 2)
    first = studio("concepts")
    assert [line.split()[1] for line in first.out.splitlines()[1:]] == ["0", "1"]
    assert first.err == """There are more; go on with: --after 'it'"'"'s 1'\n"""
    last = studio("concepts", "list", "--after", "it's 1", "-n", 3)
    assert ([line.split()[1] for line in last.out.splitlines()[1:]], last.err) == (["2", "3", "4"], "")
    assert [each["name"] for each in json.loads(studio("concepts", "list", "--json").out)] == [
        f"it's {number}" for number in range(5)
    ]
    assert [each["name"] for each in json.loads(studio("concepts", "list", "--json", "--search", "S 3").out)] == [
        "it's 3"
    ]
    nothing = studio("concepts", "list", "--search", "cat")
    assert nothing.out == "Library default has no concepts like that: see all with studio concepts list.\n"
    assert studio("concepts", "list", "-n", 0).code == 2
    assert studio("concepts", "list", "--removed", "--search", "x").code == 2
