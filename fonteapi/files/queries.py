"""What several queries over readings have in common."""

from collections.abc import Iterable


def differs(signals: Iterable[str]) -> str:
    """The SQL of whether the readings of a group have different values of a signal."""
    return " OR ".join(f'max("{name}") > min("{name}")' for name in signals)


def latest(signals: Iterable[str], order: str) -> str:
    """The SQL of the last finite value of each signal in a group, by the column `order`."""
    return ", ".join(
        f'last("{name}" ORDER BY {order}) FILTER (isfinite("{name}")) AS "{name}"'
        for name in signals
    )
