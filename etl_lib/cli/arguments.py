"""What the command `etl` takes."""

import argparse
import os

STATES = {
    "missing": "were never loaded",
    "failed": "failed at the last attempt",
    "stale": "changed at the source since they were loaded",
}


def make_parser() -> argparse.ArgumentParser:
    """What `etl` takes; `command` of the options is the name of the one that was asked for."""
    parser = argparse.ArgumentParser(prog="etl", description="Wind-turbine readings, day by day.")
    archive = argparse.ArgumentParser(add_help=False)
    archive.add_argument(
        "--runs",
        metavar="PLACE",
        help="the archive: a folder, or s3://bucket/prefix (default: the project's runs/)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    add = commands.add_parser(
        "run", parents=[archive], help="load dates and keep each one's report under runs/"
    )
    add.add_argument("date", metavar="DATE", help="the UTC day, YYYY-MM-DD")
    add.add_argument("end", metavar="END", nargs="?", help="the last day of a range, included")
    add.add_argument(
        "--columns",
        nargs="+",
        metavar="NAME",
        default=["wind_speed", "power"],
        help="signals, one or more words (default: wind_speed power)",
    )
    cores = os.cpu_count() or 1
    add.add_argument(
        "--jobs", type=int, metavar="N", default=cores, help="dates at a time (default: the cores)"
    )
    add.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="hand the dates to a Dask cluster, tcp://host:8786, instead of running them here",
    )
    add.add_argument("--force", action="store_true", help="run what is loaded and unchanged, too")
    add.add_argument(
        "--cold", action="store_true", help="an ordinary kernel for each date, not a forked one"
    )
    add.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        default=600,
        help="how long a date's notebook may take (default: 600; 0: as long as it takes)",
    )
    add.add_argument(
        "--cell-timeout",
        type=float,
        metavar="SECONDS",
        default=0,
        help="how long each of its cells may take (default: as long as the notebook)",
    )
    for state, meaning in STATES.items():
        add.add_argument(
            f"--{state}",
            action="append_const",
            const=state,
            dest="states",
            help=f"only dates that {meaning}",
        )

    add = commands.add_parser(
        "status", parents=[archive], help="what is done of each date, and what is to do"
    )
    add.add_argument("date", metavar="START", nargs="?", help="the first UTC day (default: all)")
    add.add_argument("end", metavar="END", nargs="?", help="the last one, included")
    add.add_argument("--json", action="store_true", help="for programs")
    add.add_argument(
        "--check",
        action="store_true",
        help="say in one line whether a person is needed: exit 1 when a day that has ended"
        " is failed, stale or missing",
    )
    add.add_argument(
        "--max-age",
        type=float,
        metavar="DAYS",
        help="the same, and exit 1 when nothing was loaded for so long",
    )

    add = commands.add_parser(
        "report", parents=[archive], help="write runs/index.html, the archive on one page, anew"
    )

    add = commands.add_parser(
        "load", help="load your own CSV or Parquet into Fonte", add_help=False
    )

    add = commands.add_parser("serve", help="keep the embedded services up, print their addresses")

    add = commands.add_parser("stop", help="stop the embedded PostgreSQL")
    return parser
