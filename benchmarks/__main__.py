"""`make bench`: every comparison, as one table."""

from datetime import UTC, datetime

from benchmarks import dates, extraction, farm, load, loader, period, quality, scale, transform
from benchmarks.measure import HEAD

print(f"Measured {datetime.now(UTC):%Y-%m-%d}\n\n{HEAD}", flush=True)
for part in (extraction, transform, load, dates, farm, scale, period, loader):
    for row in part.main():
        print(row, flush=True)

print("", *quality.main(), sep="\n")
