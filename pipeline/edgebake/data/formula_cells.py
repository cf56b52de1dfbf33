"""Write texts of a dataset into cells of a CSV, so that no spreadsheet runs them as formulas.

A text that begins like a formula gets an apostrophe in front, as people type it in a spreadsheet.
Source: https://owasp.org/www-community/attacks/CSV_Injection.
"""

FORMULA = ("=", "+", "-", "@")
APOSTROPHE = "'"


def to_cell(text: str) -> str:
    """Return the cell of a text."""
    is_formula = text.startswith(FORMULA) and not _is_number(text)
    if is_formula or text.startswith(APOSTROPHE):
        return APOSTROPHE + text
    return text


def from_cell(cell: str) -> str:
    """Return the text of a cell that `to_cell` made."""
    return cell.removeprefix(APOSTROPHE)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
