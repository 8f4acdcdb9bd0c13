"""Which tests docs/security.md names, and whether they exist.

In the last cell of a table's row every `code` names a test: `examples: X` and `browser: X` a check
with the name X of those suites; anything else the beginning of the name of a doctest case.
"""

import pathlib
import re

SUITES = {"examples": "tests/examples/*.py", "browser": "tests/browser/run"}


def named(page):
    """Yields (line number, name) of every test in the tables of a page."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        cells = re.split(r"(?<!\\)\|", line.strip())
        if line.startswith("|") and len(cells) == 6:  # four columns
            for name in re.findall(r"`([^`]+)`", cells[-2]):
                yield number, name


def missing(root):
    """Returns (how many tests are named, descriptions of those that do not exist)."""
    cases = [match for path in sorted((root / "tests").rglob("*_test.cc"))
             for match in re.findall(r'TEST_CASE\("([^"]+)"', path.read_text(encoding="utf-8"))]
    checks = {suite: "".join(path.read_text(encoding="utf-8") for path in sorted(root.glob(pattern)))
              for suite, pattern in SUITES.items()}
    page, count, absent = root / "docs" / "security.md", 0, []
    for number, name in named(page):
        count += 1
        suite, _, check = name.partition(": ")
        if suite in checks:
            found = f'"{check}"' in checks[suite]
        else:
            # A whole number: `asvs 7.2` is not shown by a case of 7.2.1.
            found = any(re.match(re.escape(name) + r"(?![\w.])", case) for case in cases)
        if not found:
            absent.append(f"docs/security.md:{number}: there is no test `{name}`")
    return count, absent


if __name__ == "__main__":
    print(*missing(pathlib.Path(__file__).resolve().parents[2]), sep="\n")
