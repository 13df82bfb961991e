"""The command `etl` as people type it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import pytest
from helpers import ETL, execute, insert_cell, wait_for

from etl_lib.cli import main as cli
from etl_lib.services import postgresql as embedded


def etl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ETL, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "20240520"], "date: expected YYYY-MM-DD, got '20240520'"),
        (["run", "2024-02-30"], "date: expected a day of the calendar, got '2024-02-30'"),
        (["run", "../../etc/x"], "date: expected YYYY-MM-DD, got '../../etc/x'"),
        (["run", "2024-05-20", "20240521"], "date: expected YYYY-MM-DD, got '20240521'"),
        (["run", "2024-05-21", "2024-05-20"], "END: expected 2024-05-21 or later"),
        (["run", "2024-05-20", "--columns", ","], "columns: expected at least one name"),
        (["run", "2024-05-20", "--colums", "power"], "unknown arguments: --colums power"),
        (["run"], "the following arguments are required: DATE"),
        (["rum"], "invalid choice: 'rum'"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_2(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    try:
        code = cli.main(arguments)
    except SystemExit as ended:  # argparse
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert sorted(path.name for path in project.iterdir()) == ["notebooks", "runs"]


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["2019-01-01"], "Fonte has no 2019-01-01. Fonte has 2024-05-20 to 2024-05-29"),
        (["2024-05-20", "--columns", "power", "rain"], "columns: expected 'wind_speed'"),
    ],
)
def test_what_fonte_does_not_have_is_one_line_and_exit_1(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["run", *arguments]) == 1
    out, err = capsys.readouterr()
    assert message in out
    assert len(out.splitlines()) == 1
    assert err == ""
    assert list((project / "runs").iterdir()) == []


def test_an_address_that_cannot_be_is_one_line_and_exit_1(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALVO_DATABASE_URL", "mysql://u:s3cr3t@host/Alvo")
    assert cli.main(["run", "2024-05-20"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("etl: ALVO_DATABASE_URL: expected postgresql://")
    assert "s3cr3t" not in out + err


@pytest.mark.usefixtures("services")
def test_the_last_lines_say_what_was_loaded_and_what_to_open(project: Path) -> None:
    ended = etl("run", "2024-05-20", "--columns", "power", "wind_speed", "ambient_temperature")
    assert ended.returncode == 0, ended.stderr
    loaded, notebook, report, index = ended.stdout.splitlines()
    assert loaded == (
        "2024-05-20  loaded: 1,440 readings in, 2,160 statistics out, coverage 100.0%"
    )
    assert (project / notebook.split()[1]).suffix == ".ipynb"
    page = (project / report.split()[1]).read_text()
    assert "power, wind_speed, ambient_temperature" in page
    assert report.split()[1].removeprefix("runs/") in (project / index.split()[2]).read_text()
    assert ended.stderr == ""


@pytest.mark.usefixtures("services")
def test_a_range_goes_on_past_a_day_that_fails(project: Path) -> None:
    ended = etl("run", "2024-05-29", "2024-05-30", "--columns=power")
    assert ended.returncode == 1
    assert "2024-05-29  loaded: " in ended.stdout
    assert "2024-05-30  failed: date: Fonte has no 2024-05-30" in ended.stdout


def test_with_nothing_set_and_nothing_running_a_date_is_loaded(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTE_SEED", "7")
    monkeypatch.chdir(project / "notebooks")
    monkeypatch.delenv("ETL_HOME")  # found by walking up
    ended = etl("run", "2024-05-21")
    assert ended.returncode == 0, ended.stderr
    assert "1,440 readings in, 1,440 statistics out, coverage 100.0%" in ended.stdout
    assert len(list((project / "runs" / "2024-05-21").glob("*.html"))) == 1
    alvo = embedded.start_database(project, "Alvo")
    assert execute(alvo, "SELECT count(*) FROM data")[0][0] == 1440
    embedded.stop_database(project)


def test_a_date_that_takes_too_long_is_cut_and_the_next_call_loads_it(
    project: Path, services: str
) -> None:
    whole = (project / "notebooks" / "etl.ipynb").read_bytes()
    insert_cell(project, "load_day(", "import time\n\ntime.sleep(100)")
    ended = etl("run", "2024-05-20", "--timeout", "6")
    assert ended.returncode == 1
    assert (
        "2024-05-20  failed: CellTimeoutError: cut at the limit of"
        " 6 s for the notebook (--timeout)" in ended.stdout
    )
    assert etl("status", "--check").stdout.startswith("1 failed: 2024-05-20; 9 missing: ")
    (project / "notebooks" / "etl.ipynb").write_bytes(whole)
    assert etl("run", "2024-05-20", "--timeout", "0").returncode == 0


def test_sigterm_leaves_no_process_and_no_file(project: Path) -> None:
    insert_cell(project, "load_day(", "import time\n\ntime.sleep(100)")  # it comes before the load
    with subprocess.Popen([*ETL, "run", "2024-05-20"], stderr=subprocess.PIPE, text=True) as ran:
        wait_for(lambda: list((project / "runs").rglob(".*.partial.ipynb")))
        command = psutil.Process(ran.pid)
        wait_for(lambda: [p for p in command.children(recursive=True) if p.ppid() != ran.pid])
        children = command.children(recursive=True)
        ran.terminate()
        _, err = ran.communicate(timeout=30)
    assert ran.returncode == 130
    assert err.splitlines()[-1] == "etl: interrupted; what was loaded stays loaded"
    assert [path for path in (project / "runs").rglob("*") if path.is_file()] == []
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    assert not (project / ".local" / "postgresql" / "postmaster.pid").exists()


def test_serve_keeps_the_services_up_until_it_is_told_to_end(project: Path) -> None:
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


def test_stop_says_whether_there_was_something_to_stop(project: Path) -> None:
    assert etl("stop").stdout == "no embedded PostgreSQL was running\n"
    embedded.start_database(project, "Alvo")
    assert etl("stop").stdout == "the embedded PostgreSQL is stopped\n"


def test_load_hands_its_arguments_to_the_loader_with_the_address_of_fonte(
    project: Path, fonte_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    (project / "mine.csv").write_text("time,power\n2024-01-01T00:00:00+01:00,5\n")
    ended = etl("load", "mine.csv", "--rename", "time=timestamp")
    assert (ended.returncode, ended.stderr) == (0, "")
    ((stamp, power),) = execute(fonte_url, "SELECT timestamp, power FROM data")
    assert (stamp.isoformat(), power) == ("2023-12-31T23:00:00+00:00", 5.0)


def test_a_full_disk_behind_the_output_is_one_line(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*ETL, "stop"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (1, "etl: [Errno 28] No space left on device\n")


@pytest.mark.usefixtures("services", "project")
@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"pandas", "papermill", "duckdb", "pyarrow", "sqlalchemy", "pydantic"}),
        (["run", "2024-05-20", "--columns=power"], {"pandas", "duckdb", "matplotlib"}),
    ],
    ids=["help", "run"],  # the kernel of a date has its own imports
)
def test_a_command_waits_for_no_library_that_it_does_not_need(
    arguments: list[str], heavy: set[str]
) -> None:
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


def test_a_library_that_lacks_another_one_says_nothing_though_requests_filter_is_gone() -> None:
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


def test_stopping_reads_no_address(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FONTE_API_URL", "nonsense")
    assert cli.main(["stop"]) == 0
