"""The command `etl` as people type it."""

import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psutil
import pytest
from helpers import ETL, execute, insert_cell, wait_for

from etl_lib.cli import main as cli
from etl_lib.services import postgresql


def etl(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a command that runs in this process."""
    try:
        code = cli.main(arguments)
    except SystemExit as end:  # from --help and from the parser of `etl load`
        code = int(end.code or 0)
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("run 20240520", "date: expected YYYY-MM-DD, got '20240520'"),
        ("run 2024-02-30", "date: expected a day of the calendar, got '2024-02-30'"),
        ("run ../../etc/x", "date: expected YYYY-MM-DD, got '../../etc/x'"),
        ("run 2024-05-20 20240521", "date: expected YYYY-MM-DD, got '20240521'"),
        ("run 2024-05-21 2024-05-20", "END: expected 2024-05-21 or later, got 2024-05-20"),
        ("run 2024-05-20 --columns ,", "columns: expected at least one name of a signal"),
        ("run 2024-05-20 --colums power", "unrecognized arguments: --colums power"),
        ("run 2024-05-20 --jobs 0", "--jobs: expected 1 or more, got 0"),
        ("run 2024-05-20 --timeout -1", "--timeout: expected a number from 0 to 1,000,000"),
        ("run 2024-05-20 --cell-timeout nan", "--cell-timeout: expected a number from 0 to"),
        ("run", "the following arguments are required: DATE"),
        ("status 20240520", "date: expected YYYY-MM-DD, got '20240520'"),
        ("status 2024-05-25 2024-05-21", "END: expected 2024-05-25 or later, got 2024-05-21"),
        ("status --max-age inf", "--max-age: expected a number from 0 to 1,000,000, got inf"),
        ("status --max-age 1e300", "--max-age: expected a number from 0 to 1,000,000"),
        ("init", "the following arguments are required: FOLDER"),
        ("forget", "the following arguments are required: TURBINE"),
        ("exclude T1 2024-05-20", "the following arguments are required: END, --reason"),
        ("exclude T1 20240520 2024-05-21 --reason ice", "time: expected YYYY-MM-DD or YYYY-MM-D"),
        ("exclude T1 2024-05-20 2024-05-20 --reason ice", "END: expected a time after 2024-05-20T"),
        (
            "exclude T1 2024-05-20 2024-05-21 --reason \x1b[31m",
            "--reason: expected some words, got",
        ),
        ("exclude T1 2024-05-20 2024-05-21 --reason ice --signal ,", "--signal: expected at least"),
        ("exclusions --undo 0", "--undo: expected 1 or more, got 0"),
        ("exclusions --undo 1 --json", "--json: expected it without --undo"),
        ("stop 2024-05-20", "unrecognized arguments: 2024-05-20"),
    ],
)
def test_wrong_arguments(
    project: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    """A wrong argument is one line and exit code 2, and nothing is written."""
    code, out, err = etl(capsys, *words.split())
    assert (code, out) == (2, "")
    command = f"etl {words.split()[0]}"
    assert err.startswith(f"{command}: {message}")
    assert err.endswith(f"; see {command} --help\n")
    assert err.count("\n") == 1
    assert sorted(path.name for path in project.iterdir()) == ["notebooks", "runs"]


@pytest.mark.parametrize("word", ["rum", "rapport", "--colums"])
def test_unknown_command(capsys: pytest.CaptureFixture[str], word: str) -> None:
    """An unknown command is refused with the list of commands."""
    code, out, err = etl(capsys, word)
    assert (code, out) == (2, "")
    known = ", ".join(map(repr, cli.COMMANDS))
    expected = f"COMMAND: invalid choice: {word!r} (choose from {known})"
    if word.startswith("-"):
        expected = "the following arguments are required: COMMAND"
    assert err == f"etl: {expected}; see etl --help\n"


@pytest.mark.usefixtures("services", "project")
def test_yesterday(capsys: pytest.CaptureFixture[str]) -> None:
    """`yesterday` is the UTC day before today, as DATE, START and END."""
    before = datetime.now(UTC)
    code, out, _ = etl(capsys, "run", "2024-05-30", "yesterday", "--failed")
    assert (code, out) == (0, "nothing to do: no date is in a state that was asked for\n")
    assert etl(capsys, "status", "yesterday", "yesterday", "--check")[:2] == (
        1,
        "no such day is known; nothing was ever loaded\n",
    )
    _, out, _ = etl(capsys, "run", "yesterday")
    days = {(now - timedelta(days=1)).date() for now in (before, datetime.now(UTC))}
    assert out.startswith(tuple(f"{day}  failed: date: Fonte has no {day}. " for day in days))


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["2019-01-01"], "Fonte has no 2019-01-01. Fonte has 2024-05-20 to 2024-05-29"),
        (["2024-05-20", "--columns", "power", "rain"], "columns: expected 'wind_speed'"),
    ],
)
def test_refused_by_fonte(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """A day or signal that Fonte lacks is one line and exit code 1, and nothing is archived."""
    code, out, err = etl(capsys, "run", *arguments)
    assert (code, err) == (1, "")
    assert message in out
    assert len(out.splitlines()) == 1
    assert list((project / "runs").iterdir()) == []


@pytest.mark.usefixtures("project")
def test_invalid_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid address is one line without its password, and exit code 1."""
    monkeypatch.setenv("ALVO_DATABASE_URL", "mysql://u:s3cr3t@host/Alvo")
    code, out, err = etl(capsys, "run", "2024-05-20")
    assert (code, out) == (1, "")
    assert err.startswith("etl run: ALVO_DATABASE_URL: expected postgresql://")
    assert "s3cr3t" not in err


@pytest.mark.usefixtures("services")
def test_lines_of_one_date(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One date prints its numbers, its notebook, its report and the index."""
    columns = ("--columns", "power", "wind_speed", "ambient_temperature")
    code, out, err = etl(capsys, "run", "2024-05-20", *columns)
    assert (code, err) == (0, "")
    loaded, notebook, report, index = out.splitlines()
    assert loaded == (
        "2024-05-20  loaded: 1,440 readings in, 2,304 statistics out, coverage 100.0%"
    )
    assert (project / notebook.split()[1]).suffix == ".ipynb"
    page = (project / report.split()[1]).read_text()
    assert "&#x27;power&#x27;, &#x27;wind_speed&#x27;, &#x27;ambient_temperature&#x27;" in page
    assert report.split()[1].removeprefix("runs/") in (project / index.split()[2]).read_text()


@pytest.mark.usefixtures("services", "project")
def test_failed_day(capsys: pytest.CaptureFixture[str]) -> None:
    """The other days of a range are loaded, and the exit code is 1."""
    code, out, _ = etl(capsys, "run", "2024-05-29", "2024-05-30", "--columns=power")
    assert code == 1
    assert "2024-05-29  loaded: " in out
    assert "2024-05-30  failed: date: Fonte has no 2024-05-30" in out


def test_nothing_set(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a setting and from a folder below the project's, a date is loaded."""
    monkeypatch.setenv("FONTE_SEED", "7")
    monkeypatch.chdir(project / "notebooks")
    monkeypatch.delenv("ETL_HOME")
    code, out, err = etl(capsys, "run", "2024-05-21")
    assert (code, err) == (0, "")
    assert "1,440 readings in, 1,584 statistics out, coverage 100.0%" in out
    assert len(list((project / "runs" / "2024-05-21").glob("*.html"))) == 1
    alvo = postgresql.start_database(project, "Alvo")
    assert execute(alvo, "SELECT count(*) FROM data")[0][0] == 1584
    postgresql.stop_database(project)


@pytest.mark.usefixtures("services")
def test_timeout(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook is cut at its limit, and the next call loads the date."""
    whole = (project / "notebooks" / "etl.ipynb").read_bytes()
    insert_cell(project, "load_day(", "import time\n\ntime.sleep(100)")
    code, out, _ = etl(capsys, "run", "2024-05-20", "--timeout", "6")
    assert code == 1
    assert (
        "2024-05-20  failed: CellTimeoutError: cut at the limit of"
        " 6 s for the notebook (--timeout)" in out
    )
    assert etl(capsys, "status", "--check")[1].startswith("1 failed: 2024-05-20; 9 missing: ")
    (project / "notebooks" / "etl.ipynb").write_bytes(whole)
    assert etl(capsys, "run", "2024-05-20", "--timeout", "0")[0] == 0


def test_sigterm(project: Path) -> None:
    """SIGTERM leaves no process and no file."""
    insert_cell(project, "load_day(", "import time\n\ntime.sleep(100)")  # before the load
    with subprocess.Popen([*ETL, "run", "2024-05-20"], stderr=subprocess.PIPE, text=True) as ran:
        wait_for(lambda: list((project / "runs").rglob(".*.partial.ipynb")))
        command = psutil.Process(ran.pid)
        wait_for(lambda: [p for p in command.children(recursive=True) if p.ppid() != ran.pid])
        children = command.children(recursive=True)
        ran.terminate()
        _, err = ran.communicate(timeout=30)
    assert ran.returncode == 130
    assert err.splitlines()[-1] == "etl run: interrupted; what was loaded stays loaded"
    assert [path for path in (project / "runs").rglob("*") if path.is_file()] == []
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    assert not (project / ".local" / "postgresql" / "postmaster.pid").exists()


def test_serve(project: Path) -> None:
    """`etl serve` prints the addresses of the services, and stops them at Ctrl-C."""
    with subprocess.Popen([*ETL, "serve"], stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout
        lines = [served.stdout.readline() for _ in range(4)]
        exports = dict(re.findall(r"export (\w+)='?([^'\n]*)", "".join(lines)))
        assert set(exports) == {"FONTE_API_URL", "FONTE_DATABASE_URL", "ALVO_DATABASE_URL"}
        assert len(httpx2.get(exports["FONTE_API_URL"] + "/days", timeout=60).json()) == 10
        assert execute(exports["FONTE_DATABASE_URL"], "SELECT count(*) FROM data")[0][0] == 14_400
        assert "/docs" in lines[3]
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=30) == 0
    assert not (project / ".local" / "postgresql" / "postmaster.pid").exists()


def test_stop(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`etl stop` reports whether a server was running, and reads no address."""
    monkeypatch.setenv("FONTE_API_URL", "nonsense")
    assert etl(capsys, "stop") == (0, "no embedded PostgreSQL was running\n", "")
    postgresql.start_database(project, "Alvo")
    assert etl(capsys, "stop") == (0, "the embedded PostgreSQL is stopped\n", "")


@pytest.mark.usefixtures("services")
def test_index(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`etl index` writes the page with every known date."""
    code, out, _ = etl(capsys, "index")
    assert (code, out) == (0, "runs/index.html  <- open this in a browser\n")
    assert "2024-05-29" in (project / "runs" / "index.html").read_text()


def test_load(
    project: Path,
    fonte_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`etl load` loads a file into the Fonte of the settings, and leaves the environment alone."""
    (project / ".env").write_text(f"FONTE_DATABASE_URL={fonte_url}\n")
    (project / "mine.csv").write_text("time,power\n2024-01-01T00:00:00+01:00,5\n")
    code, _, err = etl(capsys, "load", "mine.csv", "--rename", "time=timestamp")
    assert (code, err) == (0, "")
    ((stamp, power),) = execute(fonte_url, "SELECT timestamp, power FROM data")
    assert (stamp.isoformat(), power) == ("2023-12-31T23:00:00+00:00", 5.0)
    assert "FONTE_DATABASE_URL" not in os.environ


def test_load_in_place_of_simulated(
    project: Path, fonte_url: str, alvo_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first own file names the command that deletes the simulated days from Alvo, once."""
    (project / ".env").write_text(
        f"FONTE_DATABASE_URL={fonte_url}\nALVO_DATABASE_URL={alvo_url}\n"
        "FONTE_DAYS=1\nFONTE_TURBINES=2\n"
    )
    (project / "mine.csv").write_text("timestamp,power\n2024-01-01,5\n")
    assert etl(capsys, "run", "2024-05-20", "--columns=power")[0] == 0
    code, out, err = etl(capsys, "load", "mine.csv", "--turbine", "T1")
    assert (code, err) == (0, "")
    assert ", instead of 2,880 simulated ones\n" in out
    hint = "what was loaded of simulated days stays in Alvo: etl forget T1 T2 deletes it"
    assert out.splitlines()[-1] == hint
    assert hint not in etl(capsys, "load", "mine.csv", "--turbine", "T1")[1]
    code, out, err = etl(capsys, "forget", "T1", "T2", "--yes")
    assert (code, err) == (0, "")
    assert out.startswith("deleted 1,440 statistics of T1, T2 on 1 date from Alvo; ")
    assert "2024-05-20  forgotten" in etl(capsys, "status")[1]


def test_own_signal(
    project: Path, fonte_url: str, alvo_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A signal of the user's own catalogue is loaded into Fonte, and its statistics into Alvo."""
    (project / "my.toml").write_text(
        '[signals.noise]\nunit = "dB"\nkind = "quantity"\ndescription = "noise at the base"\n'
    )
    (project / ".env").write_text(
        f"FONTE_DATABASE_URL={fonte_url}\nALVO_DATABASE_URL={alvo_url}\nFONTE_CATALOGUE=my.toml\n"
    )
    (project / "mine.csv").write_text("timestamp,noise\n2024-01-01,60\n2024-01-01 00:01,62\n")
    code, out, err = etl(capsys, "load", "mine.csv")
    assert (code, err) == (0, "")
    empty = "wind_speed, power, wind_direction, ambient_temperature"
    assert f"not in the file, left empty: {empty}" in out
    comment = """
        SELECT col_description('data'::regclass, attnum) FROM pg_attribute
        WHERE attrelid = 'data'::regclass AND attname = 'noise'
    """
    assert execute(fonte_url, comment) == [("noise at the base, dB",)]
    code, out, err = etl(capsys, "run", "2024-01-01", "--columns", "noise")
    assert (code, err) == (0, "")
    stored = "SELECT name, unit, value FROM signal JOIN data ON signal.id = signal_id"
    assert ("noise_mean", "dB", 61.0) in list(map(tuple, execute(alvo_url, stored)))


def test_direction(
    project: Path, fonte_url: str, alvo_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file's wind direction is loaded, averaged across north and shown on the page."""
    (project / ".env").write_text(f"FONTE_DATABASE_URL={fonte_url}\nALVO_DATABASE_URL={alvo_url}\n")
    rows = [f"2024-01-01T00:0{minute},{10 if minute % 2 else 350},{minute}"
            for minute in range(10)]  # fmt: skip
    (project / "mine.csv").write_text("\n".join(["timestamp,wind_direction,power", *rows]))
    assert etl(capsys, "load", "mine.csv")[0] == 0
    code, out, err = etl(capsys, "run", "2024-01-01", "--columns", "wind_direction", "power")
    assert (code, err) == (0, "")
    stored = "SELECT name, round(value::numeric, 6)::float FROM signal JOIN data ON id = signal_id"
    values = dict(map(tuple, execute(alvo_url, stored)))
    assert values["power_mean"] == 4.5
    assert values["wind_direction_mean"] % 360 == pytest.approx(0, abs=1e-6)
    assert (values["wind_direction_max"] - values["wind_direction_min"]) == pytest.approx(20)
    page = (project / out.splitlines()[2].split()[1]).read_text()
    assert "statistics of angles" in page


def test_faulty_catalogue(
    project: Path, fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the user's catalogue is one line, and nothing starts."""
    (project / "my.toml").write_text("[signals.noise]\n")
    (project / ".env").write_text(
        f"FONTE_DATABASE_URL={fonte_url}\nALVO_DATABASE_URL={fonte_url}\nFONTE_CATALOGUE=my.toml\n"
    )
    code, out, err = etl(capsys, "status")
    assert (code, out) == (1, "")
    line = f"FONTE_CATALOGUE: {project / 'my.toml'}: [signals.noise] unit: Field required"
    assert err == f"etl status: {line}\n"


def test_load_names_itself(
    project: Path,
    fonte_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The help and the errors of `etl load` begin with its name."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    code, out, _ = etl(capsys, "load", "--help")
    assert (code, out.startswith("usage: etl load ")) == (0, True)
    for words in (["--colour", "mine.csv"], [], ["nothing.csv"]):
        code, out, err = etl(capsys, "load", *words)
        assert (code, out) == (2, "")
        assert err.startswith("etl load: ")


@pytest.mark.parametrize("words", [["--help"], ["--colour", "mine.csv"], []])
def test_load_starts_late(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """The help of `etl load`, and its answer to wrong arguments, start no database."""
    etl(capsys, "load", *words)
    assert not (project / ".local").exists()


def test_init(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`etl init` makes a folder in which a command works, and a second call writes nothing."""
    monkeypatch.chdir(tmp_path)
    code, out, _ = etl(capsys, "init", "farm")
    assert code == 0
    *written, ready = out.splitlines()
    assert "wrote farm/notebooks/etl.ipynb" in written
    assert ready == "farm is ready: go there, then `etl run 2024-05-20`"
    assert etl(capsys, "init", "farm") == (0, f"{ready}\n", "")
    monkeypatch.chdir("farm")
    assert etl(capsys, "stop")[0] == 0


@pytest.mark.usefixtures("project")
def test_full_disk_behind_stdout() -> None:
    """A full disk is one line and exit code 1."""
    command = [sys.executable, "-m", "etl_lib.cli", "stop"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "etl stop: [Errno 28] No space left on device\n")


@pytest.mark.usefixtures("services", "project")
@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"pandas", "papermill", "duckdb", "pyarrow", "sqlalchemy", "pydantic"}),
        (["run", "20240520"], {"pandas", "papermill", "duckdb", "pyarrow", "sqlalchemy"}),
        (["run", "2024-05-20", "--columns=power"], {"pandas", "duckdb", "matplotlib"}),
    ],
    ids=["help", "wrong", "run"],  # the kernel of a date has its own imports
)
def test_imports(arguments: list[str], heavy: set[str]) -> None:
    """A command imports no library that it does not need."""
    code = (
        "import sys; from etl_lib.cli import main as cli\ntry: cli.main()\nexcept SystemExit: pass"
    )
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint({heavy} & set(sys.modules))", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[-1] == "set()"


def test_no_warning_of_an_optional_library() -> None:
    """urllib3's warning about SOCKS is hidden, also when the filter of requests is gone."""
    code = """
from etl_lib.cli import main as cli

def look():
    try:
        import urllib3.contrib.socks
    except ImportError:
        return 0

cli.main = look
cli.command()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
