"""The lines that `etl run` prints while it runs dates, and at the end."""

import sys
from collections.abc import Sequence
from typing import Self

from tqdm import tqdm

from etl_lib.analysis import words
from etl_lib.archive.status import DayStatus
from etl_lib.archive.store import Location, display_path
from etl_lib.runs.date import Outcome


class Progress:
    """Prints the dates that need no run, each outcome, then the totals; a terminal shows a bar."""

    def __init__(self, total: int, skipped: Sequence[DayStatus], jobs: int) -> None:
        self.total, self.skipped, self.jobs = total, skipped, jobs
        self.loaded, self.empty, self.failed = 0, 0, list[Outcome]()
        self.has_archived, self.silent = False, ""
        self._told: str | None = None
        quiet = total < 2 or not sys.stdout.isatty()
        self.bar = tqdm(total=total, unit="date", file=sys.stdout, disable=quiet, leave=False)

    def __enter__(self) -> Self:
        if self.skipped:
            which = self.skipped[0].date if len(self.skipped) == 1 else f"{len(self.skipped)} dates"
            self._say(f"{which}  skipped: loaded, and nothing changed at the source since")
        if self.total + len(self.skipped) == 0:
            self._say("nothing to do: no date is in a state that was asked for")
        if len(self.skipped) == 1 and self.total == 0 and self.skipped[0].report:
            self._say_report(self.skipped[0].report)
        self._count()
        return self

    def show(self, outcome: Outcome) -> None:
        """Print what became of a date."""
        if outcome.summary:
            self.loaded += not outcome.summary.is_empty
            self.empty += outcome.summary.is_empty
            self._say(f"{outcome.date}  {outcome.summary.line}")
        elif outcome.silent:
            self.silent = outcome.silent
        else:
            self.failed.append(outcome)
            is_told, self._told = self._told == outcome.error, outcome.error
            if not (is_told and outcome.is_transient):  # an outage is told once
                self._say(f"{outcome.date}  failed: {outcome.error}")
                self._say_notebook(outcome)
        if outcome.summary and self.total == 1:
            self._say_notebook(outcome)
        self.has_archived |= outcome.notebook is not None
        if outcome.report and self.total == 1:
            self._say_report(outcome.report)
        self.bar.update()
        self._count()

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        if self.total + len(self.skipped) > 1:
            counts = {
                "loaded": self.loaded,
                "without readings": self.empty,
                "skipped": len(self.skipped),
                "failed": len(self.failed),
                "not run": 0 if self.silent else self._left,
            }
            self._say(", ".join(f"{count} {what}" for what, count in counts.items() if count))
            if self.silent:
                told = f"{words.count(self._left, 'date')} not tried: {self.silent} does not answer"
                self._say(f"{told}; the same command goes on when it does")
            for outcome in self.failed:
                if not (self.silent and outcome.is_transient):
                    self._say(f"  {outcome.date}  {outcome.error}")

    @property
    def _left(self) -> int:
        return self.total - self.loaded - self.empty - len(self.failed)

    def _count(self) -> None:
        running = min(self.jobs, self._left)
        self.bar.set_postfix_str(f"{running} running, {len(self.failed)} failed")

    def _say_notebook(self, outcome: Outcome) -> None:
        if outcome.notebook:
            self._say(f"  notebook  {display_path(outcome.notebook)}")

    def _say_report(self, report: Location) -> None:
        self._say(f"  report    {display_path(report)}  <- open this in a browser")

    def _say(self, line: str) -> None:
        self.bar.write(line, file=sys.stdout)
        sys.stdout.flush()
