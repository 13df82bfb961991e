"""The project itself: its files, its lists of dependencies, its containers, its tools."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
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
CONDA_NAMES = {"python-duckdb": "duckdb", "matplotlib-base": "matplotlib"}
ONE_SHOTS = ("check", "fill")
DOCKERFILES = ("fonteapi/Dockerfile", "notebooks/Dockerfile", "etl_lib/Dockerfile")
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
PINNED = re.compile(r"[a-z]+:\d+(\.\d+)+(-[\w-]+)?")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def instructions(dockerfile: str, name: str) -> list[str]:
    """The arguments of each instruction `name` in a Dockerfile, in order."""
    return re.findall(rf"^{name} +(.*)$", read(dockerfile), re.MULTILINE)


def compose(settings: dict[str, str | None]) -> dict[str, Any]:
    """Compose's services, filled in from these settings, else from the defaults."""
    text = VARIABLE.sub(
        lambda found: settings.get(found[1]) or found[2], read("docker-compose.yml")
    )
    return yaml.safe_load(text)["services"]


@cache
def project() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def names(requirements: list[Any]) -> set[str]:
    """The distributions in a list of requirements, which may include groups."""
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
    """Every module that a file imports, at any depth; `from a import b` counts as `a.b`."""
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
    """Run git in the checkout; without one the test is skipped."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")

    def run(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    return run


# The files


def test_files_are_short() -> None:
    """No file of the packages is longer than 250 lines."""
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in ROOT.glob(f"{package}/**/*.py")
    }
    assert {str(path): number for path, number in lines.items() if number > 250} == {}


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_notebooks_are_thin(path: Path) -> None:
    """Cells are short, define nothing and carry no outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        source = "".join(cell["source"])
        assert cell["outputs"] == [], source
        assert cell["execution_count"] is None, source
        assert len(source.splitlines()) < 10, source
        assert not re.search(r"^\s*(async def|def|class) ", source, re.MULTILINE), source


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_plots_have_alt_texts(path: Path) -> None:
    """A cell that draws has metadata with an alternative text for its plot."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    drawing = [
        cell for cell in cells if re.search(r"etl_lib\.(plot|compare)_", "".join(cell["source"]))
    ]
    assert drawing
    for cell in drawing:
        assert len(cell["metadata"].get("alt", "")) > 10, "".join(cell["source"])


# The lists of dependencies


def test_dagster_extra_equals_its_group() -> None:
    """The extra `dagster` lists what `make dagster` installs."""
    extra = project()["project"]["optional-dependencies"]["dagster"]
    assert project()["dependency-groups"]["dagster"] == extra


def test_conda_dependencies_match() -> None:
    """environment.yml lists the direct dependencies of pyproject.toml with their bounds."""
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


def test_api_image_has_all_imports() -> None:
    """The group and the lock of the API's image hold everything that fonteapi imports."""
    group = project()["dependency-groups"]["fonteapi"]
    assert set(group) <= set(project()["project"]["dependencies"])
    assert imported_by_fonteapi() <= names(group) | {"pydantic"}  # which FastAPI brings
    assert imported_by_fonteapi() <= locked("fonteapi/requirements.lock")


def test_api_image_has_nothing_else() -> None:
    """The group of the API's image holds nothing that fonteapi does not use."""
    group = project()["dependency-groups"]["fonteapi"]
    # SQLAlchemy loads psycopg2 by its name, and the image starts uvicorn
    assert names(group) - {"psycopg2-binary", "uvicorn"} <= imported_by_fonteapi()


def test_locks_are_complete() -> None:
    """Each lock pins its direct dependencies and names no address of a registry."""
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


def test_ports_are_local() -> None:
    """Ports are bound to this machine; BIND_ADDRESS opens all but Dagster's."""
    for name, service in compose({}).items():
        assert ("ports" in service) == (name not in ONE_SHOTS)
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    opened = compose({"BIND_ADDRESS": "0.0.0.0"})
    (port,) = opened["dagster"]["ports"]  # Dagster has no login
    assert port.startswith("127.0.0.1:")


def test_containers_are_confined() -> None:
    """File systems are read-only, and no container has a privilege."""
    for name, service in compose({}).items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("user", "postgres") == "postgres", name


def test_images_are_pinned() -> None:
    """Each image names its version in full."""
    services = compose({}).values()
    images = [service["image"] for service in services if "build" not in service]
    images += [image for path in DOCKERFILES for image in instructions(path, "FROM")]
    assert len(images) == 6
    assert all(PINNED.fullmatch(image) for image in images), images


def test_services_start_in_order() -> None:
    """A service starts after those that it needs are healthy or have ended."""
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


def test_volumes() -> None:
    """Data are in the databases' volumes, which `down --volumes` deletes, or in the host's folders.

    A volume without a name would stay behind.
    """
    mounts = [mount for each in compose({}).values() for mount in each.get("volumes", [])]
    assert all(":" in mount for mount in mounts)
    names = {mount.partition(":")[0] for mount in mounts if not mount.startswith("./")}
    declared = yaml.safe_load(read("docker-compose.yml"))["volumes"]
    assert names == declared.keys() == {"fonte", "alvo"}


@pytest.mark.parametrize("path", DOCKERFILES)
def test_images_copy_allowed_files(path: str) -> None:
    """Images do not run as root and copy only what .dockerignore lets through."""
    assert instructions(path, "USER")[-1] not in ("root", "0")
    rules = [line for line in read(".dockerignore").splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    passed = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    for line in instructions(path, "COPY"):
        for source in (word for word in line.split()[:-1] if not word.startswith("--")):
            assert (ROOT / source).exists(), source
            assert any(source.rstrip("/").startswith(rule) for rule in passed), source


def test_example_equals_compose_defaults() -> None:
    """Each variable of Compose is in .env.example with the same value."""
    example = dotenv_values(ROOT / ".env.example")
    text = read("docker-compose.yml")
    variables = VARIABLE.findall(text)
    assert len(variables) == text.count("${")  # none without a default
    assert {name: example[name] for name, _ in variables} == dict(variables)


def test_example_is_complete() -> None:
    """The example names every setting, with a value that is accepted."""
    example = dotenv_values(ROOT / ".env.example")
    api = fonteapi.settings.Settings(_env_file=ROOT / ".env.example")
    library = etl_lib.settings.Settings(_env_file=ROOT / ".env.example")
    fields = {f"FONTE_{name.upper()}" for name in type(api).model_fields}
    fields |= {name.upper() for name in type(library).model_fields}
    assert fields <= example.keys()


def test_example_reaches_compose() -> None:
    """The addresses of the example are those that Compose publishes."""
    example = dotenv_values(ROOT / ".env.example")
    services = compose(example)
    assert services["fonteapi"]["ports"] == [f"{example['FONTE_API_URL'][7:]}:8000"]
    for name in ("fonte", "alvo"):
        url = make_url(example[f"{name.upper()}_DATABASE_URL"])
        assert services[name]["ports"] == [f"{url.host}:{url.port}:5432"]
        made_with = services[name]["environment"]
        found = [made_with[key] for key in ("OWNER", "OWNER_PASSWORD", "POSTGRES_DB")]
        assert found == [url.username, url.password, url.database]


def test_containers_use_their_own_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Containers find each other by name, whatever the example's ports are."""
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


def test_make_help_is_complete() -> None:
    """`make help` lists every target with a description."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    command = ["make", "--no-print-directory", "-C", str(ROOT), "help"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    described = {line.split()[0] for line in listed.splitlines() if len(line.split()) > 2}
    targets = set(re.findall(r"^([a-z-]+):(?!=)", read("Makefile"), re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)[1].split())
    assert described | {"setup", "setup-dev"} == targets == phony


def test_setup_hands_pip_settings_to_uv(tmp_path: Path) -> None:
    """uv gets the index, the certificates and the proxy of pip; the environment wins."""
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://a.invalid/\nproxy = http://proxy.invalid\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment = clean | {
        "PIP_CONFIG_FILE": str(config),
        "PIP_INDEX_URL": "https://b.invalid/",
        "PIP_CERT": "/a b.pem",
    }
    show = f"--eval=show: ; @{sys.executable} -m $(PIP_TO_UV)"
    command = ["make", "--no-print-directory", "-C", str(ROOT), show, "show"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    settings = dict(line.split("=", 1) for line in shown.stdout.splitlines())  # the last one counts
    assert settings["export UV_DEFAULT_INDEX"] == "'https://b.invalid/'"
    assert settings["export SSL_CERT_FILE"] == "'/a b.pem'"
    assert settings["export ALL_PROXY"] == "'http://proxy.invalid'"


def test_setup_finds_the_pin_of_uv() -> None:
    """The set-up installs uv alone, with the hashes of the lock."""
    (script,) = re.findall(r"sed -n '([^']+)' requirements-dev\.lock", read("Makefile"))
    command = ["sed", "-n", script, str(ROOT / "requirements-dev.lock")]
    pin = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^[\w-]+", pin, re.MULTILINE) == ["uv"]
    assert "--hash=sha256:" in pin


def test_ci_runs_make() -> None:
    """CI runs `make lint` and `make test`, as people do, on every Python from the oldest one."""
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


def test_hooks_use_locked_tools() -> None:
    """The commit hooks use the tools that the lock pins."""
    (repository,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool = hook["entry"].split()[0]
        assert tool.startswith(".venv/bin/"), hook["id"]
        assert Path(tool).name in locked("requirements-dev.lock"), hook["id"]


def test_git_ignores_the_archive(git: Any) -> None:
    """Git ignores the archive and the settings, but not the archive's page."""
    assert "Nothing is overwritten" in read("runs/README.md")
    paths = ("runs/README.md", "runs/2024-05-20/a.ipynb", "runs/2024-05-20/a.html", ".env")
    assert git("check-ignore", *paths).split() == list(paths[1:])


def test_files_name_no_private_folder(git: Any) -> None:
    """No file names a folder of one person's machine."""
    absolute = re.compile(rb"(?<![\w.$}])/(root|work|home|Users)/")
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    files = [ROOT / name for name in listed if name]
    assert ROOT / "pyproject.toml" in files
    assert [
        str(path) for path in files if path.exists() and absolute.search(path.read_bytes())
    ] == []
