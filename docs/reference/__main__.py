"""Write the generated pages, or say which are stale: `python -m docs.reference [--check]`."""

import argparse
import sys

from docs.reference.pages import PAGES, ROOT

parser = argparse.ArgumentParser(prog="python -m docs.reference", description=__doc__)
parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
check = parser.parse_args().check

stale = []
for path, page in PAGES.items():
    text = page()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        stale.append(str(path.relative_to(ROOT)))
        if not check:
            path.write_text(text, encoding="utf-8")
print(f"{'Stale' if check else 'Written'}: {', '.join(stale) or 'none'}")
sys.exit(check and bool(stale))
