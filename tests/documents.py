"""Tables of the documents, for the tests that try what they say."""

from tests.checkout import CHECKOUT


def table(path: str, heading: str) -> dict[str, dict[str, str]]:
    """Cells of a document's first table below a heading, by row and column."""
    section = (CHECKOUT / path).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    columns, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows}
