"""Run the commands of docs/tour.md in a temporary folder, and write its pictures: `python -m docs.tour`."""

from pathlib import Path
from tempfile import TemporaryDirectory

from docs.tour.drawing import follow
from docs.tour.page import PAGE, SHOWN

with TemporaryDirectory() as folder:
    drawn = dict(follow(PAGE.read_text(encoding="utf-8"), Path(folder)))
for old in (SHOWN / "tour").rglob("*.png"):
    old.unlink()
for path, picture in drawn.items():
    (SHOWN / path).parent.mkdir(parents=True, exist_ok=True)
    picture.save(SHOWN / path, optimize=True)
print(f"Written: {len(drawn)} pictures of {PAGE}")
