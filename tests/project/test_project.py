"""What has to stay true of the project itself: its rooms, its containers, its lists."""

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from helpers import ROOT
from sqlalchemy.engine import make_url

import etl_lib.settings
import fonteapi.settings

PACKAGES = ("pgarrow", "fonteapi", "etl_lib")
STAIR = (
    *("errors", "settings", "parameters", "extract", "query", "transform", "quality", "alvo"),
    *("load", "summary", "wind", "axes", "plots", "embedded", "local", "connections", "archive"),
    *("status", "reports", "index", "limits", "preload", "forks", "kernels", "engine", "runs"),
    *("pools", "batch", "progress", "arguments", "cli", "calls"),
    *("materialization", "orchestration"),
)
"""etl_lib's modules; each may import those before it."""
CONDA_NAMES = {"python-duckdb": "duckdb", "matplotlib-base": "matplotlib"}
ONE_SHOTS = ("check", "fill")
DOCKERFILES = ("fonteapi/Dockerfile", "notebooks/Dockerfile", "etl_lib/Dockerfile")
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
PINNED = re.compile(r"[a-z]+:\d+(\.\d+)+(-[\w-]+)?")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def instructions(dockerfile: str, name: str) -> list[str]:
    """What follows `name` in a Dockerfile, in order."""
    return re.findall(rf"^{name} +(.*)$", read(dockerfile), re.MULTILINE)


def compose(settings: dict[str, str | None]) -> dict[str, Any]:
    """Compose's services as these settings, else its defaults, fill them in."""
    text = VARIABLE.sub(
        lambda found: settings.get(found[1]) or found[2], read("docker-compose.yml")
    )
    return yaml.safe_load(text)["services"]


@cache
def project() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def names(requirements: list[Any]) -> set[str]:
    """Of a list that may include a group."""
    groups = project()["dependency-groups"]
    found = set()
    for requirement in requirements:
        if isinstance(requirement, dict):
            found |= names(groups[requirement["include-group"]])
        else:
            found.add(re.match(r"[\w.-]+", requirement)[0])
    return found


def locked(lock: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==\S+", read(lock), re.MULTILINE))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever it does; `from a import b` counts as `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def top_level(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


@pytest.fixture
def git() -> Any:
    """Runs git in the checkout; skips where there is none."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("this is no git checkout")

    def run(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    return run


# The rooms


@pytest.mark.parametrize("path", sorted((ROOT / "etl_lib").glob("*.py")), ids=lambda p: p.stem)
def test_a_module_imports_only_from_further_up_the_stair(path: Path) -> None:
    if path.stem == "__init__":
        return
    assert path.stem in STAIR, f"give {path.name} its place in STAIR"
    allowed = STAIR[: STAIR.index(path.stem)]
    own = {name.split(".")[1] for name in imports(path) if name.startswith("etl_lib.")}
    assert own <= set(allowed)


def test_only_local_knows_fonteapi_and_fonteapi_knows_no_etl_lib() -> None:
    room = {
        path.name for path in ROOT.glob("etl_lib/*.py") if "fonteapi" in top_level(imports(path))
    }
    assert room == {"local.py"}
    for path in ROOT.glob("fonteapi/**/*.py"):
        assert "etl_lib" not in top_level(imports(path)), path


def test_only_orchestration_knows_dagster_and_only_pools_knows_dask() -> None:
    for library, module in (("dagster", "orchestration.py"), ("distributed", "pools.py")):
        rooms = {
            path.name for path in ROOT.glob("etl_lib/*.py") if library in top_level(imports(path))
        }
        assert rooms == {module}


def test_the_extra_and_the_group_of_dagster_are_one() -> None:
    extra = project()["project"]["optional-dependencies"]["dagster"]
    assert project()["dependency-groups"]["dagster"] == extra


def test_every_file_can_be_read_in_one_sitting() -> None:
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in ROOT.glob(f"{package}/**/*.py")
    }
    assert {str(path): number for path, number in lines.items() if number > 250} == {}


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_notebooks_are_thin_and_carry_no_outputs(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        source = "".join(cell["source"])
        assert cell["outputs"] == [], source
        assert cell["execution_count"] is None, source
        assert len(source.splitlines()) < 10, source
        assert not re.search(r"^\s*(async def|def|class) ", source, re.MULTILINE), source


# The lists of dependencies


def test_conda_users_get_the_same_direct_dependencies() -> None:
    lines = yaml.safe_load(read("environment.yml"))["dependencies"]
    from_pip = next(line["pip"] for line in lines if isinstance(line, dict))
    from_conda = [line for line in lines if isinstance(line, str)]
    assert "--editable ." in from_pip
    assert f"python{project()['project']['requires-python']}" in from_conda
    requirements = set()
    for line in {*from_pip, *from_conda} - {"--editable .", "pip"}:
        name, bound = re.fullmatch(r"([\w-]+)(>=.+)", line).groups()
        requirements.add(CONDA_NAMES.get(name, name) + bound)
    requirements.remove(f"python{project()['project']['requires-python']}")
    assert requirements == set(project()["project"]["dependencies"])


def imported_by_fonteapi() -> set[str]:
    """The distributions that fonteapi imports."""
    owners = packages_distributions()
    paths = [*ROOT.glob("pgarrow/*.py"), *ROOT.glob("fonteapi/**/*.py")]
    modules = top_level(set().union(*map(imports, paths)))
    owned = {owners[module][0].lower().replace("_", "-") for module in modules & owners.keys()}
    return owned - {"wind-etl"}


def test_the_api_container_gets_everything_that_fonteapi_imports() -> None:
    group = project()["dependency-groups"]["fonteapi"]
    assert set(group) <= set(project()["project"]["dependencies"])
    assert imported_by_fonteapi() <= names(group) | {"pydantic"}  # which FastAPI brings
    assert imported_by_fonteapi() <= locked("fonteapi/requirements.lock")


def test_the_api_container_gets_nothing_that_fonteapi_does_not_need() -> None:
    group = project()["dependency-groups"]["fonteapi"]
    # SQLAlchemy loads the one by its name, the container starts the other
    assert names(group) - {"psycopg2-binary", "uvicorn"} <= imported_by_fonteapi()


def test_locks_pin_every_direct_dependency_and_name_no_address() -> None:
    groups = project()["dependency-groups"]
    wanted = {
        "requirements.lock": project()["project"]["dependencies"] + groups["setup"],
        "requirements-dev.lock": groups["dev"],
        "requirements-dagster.lock": groups["dagster"],
        "fonteapi/requirements.lock": groups["fonteapi"],
    }
    for lock, requirements in wanted.items():
        assert names(requirements) <= locked(lock)
        assert not re.search(r"https?://|file:|index-url|find-links", read(lock))


# The containers


def test_ports_are_bound_to_this_machine_alone() -> None:
    for name, service in compose({}).items():
        assert ("ports" in service) == (name not in ONE_SHOTS)
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    opened = compose({"BIND_ADDRESS": "0.0.0.0"})
    (port,) = opened["dagster"]["ports"]  # it asks nobody who they are
    assert port.startswith("127.0.0.1:")


def test_file_systems_are_read_only_and_no_container_has_a_privilege() -> None:
    for name, service in compose({}).items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("user", "postgres") == "postgres", name


def test_images_are_pinned_to_a_version() -> None:
    images = [service["image"] for service in compose({}).values() if "image" in service]
    images += [image for path in DOCKERFILES for image in instructions(path, "FROM")]
    assert len(images) == 6
    assert all(PINNED.fullmatch(image) for image in images), images


def test_a_service_starts_when_those_it_needs_are_healthy() -> None:
    services = compose({})
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            ready = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
            assert how == {"condition": ready}, (name, needed)
        if name in ONE_SHOTS:
            continue
        dockerfile = service.get("build", {}).get("dockerfile")
        assert "healthcheck" in service or instructions(dockerfile, "HEALTHCHECK"), name
    assert set(services["fonteapi"]["depends_on"]) == {"fonte", "fill"}
    assert set(services["fonte"]["depends_on"]) == {"check"}
    assert set(services["alvo"]["depends_on"]) == {"check"}
    for name in ("lab", "dagster"):
        assert set(services[name]["depends_on"]) == {"fonteapi", "alvo"}


def test_databases_are_forgotten_with_their_containers() -> None:
    for name in ("fonte", "alvo"):
        assert compose({})[name]["volumes"] == [
            "./compose/start.sh:/start.sh:ro",
            "./compose/roles.sql:/docker-entrypoint-initdb.d/roles.sql:ro",
        ]


@pytest.mark.parametrize("path", DOCKERFILES)
def test_images_do_not_run_as_root_and_copy_only_what_dockerignore_lets_through(path: str) -> None:
    assert instructions(path, "USER")[-1] not in ("root", "0")
    rules = [line for line in read(".dockerignore").splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    passed = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    for line in instructions(path, "COPY"):
        for source in (word for word in line.split()[:-1] if not word.startswith("--")):
            assert (ROOT / source).exists(), source
            assert any(source.rstrip("/").startswith(rule) for rule in passed), source


def test_every_variable_of_compose_is_in_the_example_with_the_same_value() -> None:
    example = dotenv_values(ROOT / ".env.example")
    text = read("docker-compose.yml")
    variables = VARIABLE.findall(text)
    assert len(variables) == text.count("${")  # none without a default
    assert {name: example[name] for name, _ in variables} == dict(variables)


def test_the_example_names_every_setting_with_a_value_that_is_accepted() -> None:
    example = dotenv_values(ROOT / ".env.example")
    api = fonteapi.settings.Settings(_env_file=ROOT / ".env.example")
    library = etl_lib.settings.Settings(_env_file=ROOT / ".env.example")
    fields = {f"FONTE_{name.upper()}" for name in type(api).model_fields}
    fields |= {name.upper() for name in type(library).model_fields}
    assert fields <= example.keys()


def test_the_example_leads_to_the_services_that_compose_publishes() -> None:
    example = dotenv_values(ROOT / ".env.example")
    services = compose(example)
    assert services["fonteapi"]["ports"] == [f"{example['FONTE_API_URL'][7:]}:8000"]
    for name in ("fonte", "alvo"):
        url = make_url(example[f"{name.upper()}_DATABASE_URL"])
        assert services[name]["ports"] == [f"{url.host}:{url.port}:5432"]
        made_with = services[name]["environment"]
        found = [made_with[key] for key in ("OWNER", "OWNER_PASSWORD", "POSTGRES_DB")]
        assert found == [url.username, url.password, url.database]


def test_containers_find_each_other_by_name_whatever_the_example_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = compose(dotenv_values(ROOT / ".env.example") | {"FONTE_PORT": "1", "ALVO_PORT": "2"})
    for name in ("fonteapi", "lab", "dagster"):
        for variable, value in services[name]["environment"].items():
            monkeypatch.setenv(variable, str(value or ""))
    api, library = fonteapi.settings.read_settings(), etl_lib.settings.Settings()
    filler = services["fill"]["environment"]["FONTE_DATABASE_URL"]
    for database, role, url in (
        ("fonte", "READER", api.database_url),
        ("fonte", "OWNER", filler),
        ("alvo", "OWNER", library.alvo_database_url),
    ):
        address, made_with = make_url(url), services[database]["environment"]
        assert (address.host, address.port) == (database, 5432)
        assert address.username == made_with[role]
        assert address.password == made_with[f"{role}_PASSWORD"]
        assert address.database == made_with["POSTGRES_DB"]
    assert library.fonte_api_url == "http://fonteapi:8000"


# The tools


def test_every_make_target_is_listed_by_make_help_with_a_description() -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    command = ["make", "--no-print-directory", "-C", str(ROOT), "help"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    described = {line.split()[0] for line in listed.splitlines() if len(line.split()) > 2}
    targets = set(re.findall(r"^([a-z-]+):(?!=)", read("Makefile"), re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)[1].split())
    assert described | {"setup", "setup-dev"} == targets == phony


def test_ci_lints_and_then_tests_as_people_do() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    assert re.findall(r"^make .*$", script.read_text(encoding="utf-8"), re.MULTILINE) == [
        "make lint",
        "make test",
    ]
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    job = workflow["jobs"]["test"]
    assert [s["run"] for s in job["steps"] if "run" in s] == ["make lint", "make test"]
    assert (
        f">={job['strategy']['matrix']['python-version'][0]}"
        == (project()["project"]["requires-python"])
    )
    assert workflow["permissions"] == {"contents": "read"}


def test_commit_hooks_use_the_tools_of_the_lock() -> None:
    (repository,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool = hook["entry"].split()[0]
        assert tool.startswith(".venv/bin/"), hook["id"]
        assert Path(tool).name in locked("requirements-dev.lock"), hook["id"]


def test_the_archive_is_ignored_by_git_and_its_rules_are_not(git: Any) -> None:
    assert "Nothing is overwritten" in read("runs/README.md")
    paths = ("runs/README.md", "runs/2024-05-20/a.ipynb", "runs/2024-05-20/a.html", ".env")
    assert git("check-ignore", *paths).split() == list(paths[1:])


def test_no_file_names_a_folder_of_someone_s_machine(git: Any) -> None:
    absolute = re.compile(rb"(?<![\w.$}])/(root|work|home|Users)/")
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    files = [ROOT / name for name in listed if name]
    assert ROOT / "pyproject.toml" in files
    assert [
        str(path) for path in files if path.exists() and absolute.search(path.read_bytes())
    ] == []
