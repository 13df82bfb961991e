"""The headline of a page: its numbers, and what is missing or wrong, as Markdown."""

from collections.abc import Iterable


def write_headline(headline: Iterable[tuple[str, str]], findings: Iterable[str]) -> str:
    """Numbers and findings as two Markdown lists; a page shows the first as large numbers."""
    numbers = "\n".join(f"- **{value}** {what}" for value, what in headline)
    lines = "\n".join(f"- {finding}" for finding in findings)
    told = f"Missing or wrong:\n\n{lines}" if lines else "Nothing is missing or wrong."
    return f"{numbers}\n\n{told}"
