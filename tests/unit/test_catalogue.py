"""The catalogue of signals: the shipped one, and a user's own file."""

from pathlib import Path

import pytest

from etl_lib.catalogue import Signal as Known
from etl_lib.catalogue import read_signal
from fonteapi.catalogue import SHIPPED, Kind, arrow_schema, read_catalogue
from fonteapi.settings import Settings, read_settings

URL = "postgresql://localhost/Fonte"
NOISE = '[signals.noise]\nunit = "dB"\nkind = "quantity"\ndescription = "noise"\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "my.toml"


def test_shipped() -> None:
    """The shipped catalogue has the simulated signals, each with a plausible example."""
    catalogue = read_catalogue().signals
    assert {"wind_speed", "power", "ambient_temperature"} <= catalogue.keys()
    for signal in catalogue.values():
        assert signal.example
        assert signal.plausible or signal.possible or signal.needs_before
        for low, high in filter(None, (signal.plausible, signal.possible)):
            assert low < signal.example < high
    assert catalogue["energy"].metadata["kind"] == "counter"
    assert catalogue["status"].metadata["kind"] == "state"
    power = catalogue["power"]
    assert (power.plausible_of_rated, power.possible_of_rated) == ((-0.05, 1.2), (-0.5, 2))


def test_own_signal(own: Path) -> None:
    """A user's file adds a signal after the shipped ones."""
    own.write_text(NOISE)
    *shipped, noise = read_catalogue(own).signals.values()
    assert shipped == list(read_catalogue().signals.values())
    assert (noise.name, noise.unit, noise.kind) == ("noise", "dB", Kind.QUANTITY)
    assert noise.metadata == {
        "unit": "dB",
        "kind": "quantity",
        "description": "noise",
        "flagged_share": "0.05",
    }


def test_changed_key(own: Path) -> None:
    """A user's file changes one key of a shipped signal, and nothing else."""
    own.write_text("[signals.power]\nplausible = [-50, 2100]\n")
    catalogue, shipped = dict(read_catalogue(own).signals), dict(read_catalogue().signals)
    assert catalogue.pop("power") == shipped.pop("power").model_copy(
        update={"plausible": (-50, 2100)}
    )
    assert catalogue == shipped


def test_all_keys(own: Path) -> None:
    """All that a file may say of a signal reaches the library by way of Arrow's metadata."""
    own.write_text(
        NOISE.replace("dB", "kW").replace("quantity", "counter")
        + "plausible = [0, 123456789]\npossible = [-0.1, 1e30]\n"
        + "plausible_of_rated = [-0.05, 1.1]\npossible_of_rated = [-0.5, 2]\nregister = 9999999.9\n"
        + "flat_minutes = 30\nflat_tolerance = 0.1\nflat_except = [0, 1]\nspike = 5\ncalm = 2.5\n"
        + "flat_except_of_rated = [0.9, 1]\nproducing = 0.1\nflagged_share = 0.2\n"
    )
    field = arrow_schema([read_catalogue(own).signals["noise"]]).field("noise")
    assert read_signal(field) == Known(
        unit="kW",
        kind="counter",
        plausible=(0, 123_456_789),
        possible=(-0.1, 1e30),
        plausible_of_rated=(-0.05, 1.1),
        possible_of_rated=(-0.5, 2),
        register=9_999_999.9,
        flat_minutes=30,
        flat_tolerance=0.1,
        flat_except=(0, 1),
        flat_except_of_rated=(0.9, 1),
        spike=5,
        calm=2.5,
        producing=0.1,
        flagged_share=0.2,
        look_back=86_400,
    )
    field = arrow_schema([read_catalogue().signals["status"]]).field("status")
    assert read_signal(field) == Known("1", "state", flagged_share=0.05, look_back=86_400)
    assert read_signal(field).needs_before


def test_on_change(own: Path) -> None:
    """A quantity or state that is sampled on change goes on from the reading before."""
    own.write_text("[signals.power]\non_change = true\n[signals.status]\nhold = 7200\n")
    catalogue = read_catalogue(own).signals
    power, status = catalogue["power"], catalogue["status"]
    assert (power.on_change, power.hold, power.needs_before) == (True, 3600, True)
    assert (status.on_change, status.hold) == (None, 7200)
    known = read_signal(arrow_schema([power]).field("power"))
    assert (known.hold, known.form, known.needs_before) == (3600, "on_change", True)
    assert read_signal(arrow_schema([status]).field("status")).hold is None


def test_find() -> None:
    """One look finds signals, and the statistics that a source may have of their kind."""
    catalogue = read_catalogue()
    assert catalogue.find("power") == catalogue.signals["power"]
    deviation = catalogue.find("wind_speed.std")
    assert deviation is not None
    assert (deviation.name, deviation.unit, deviation.kind) == (
        "wind_speed.std",
        "m/s",
        Kind.QUANTITY,
    )
    assert deviation.description.startswith("standard deviation of wind_speed")
    assert (
        read_signal(arrow_schema([deviation]).field("wind_speed.std")).statistic_of == "wind_speed"
    )
    kinds = ("power", "wind_direction", "energy", "status", "rain")
    names = [f"{name}.{one}" for name in kinds for one in ("mean", "min", "max", "std")]
    found = ["power.min", "power.max", "power.std", "wind_direction.std"]
    assert [name for name in names if catalogue.find(name)] == found
    assert [catalogue.find(name) for name in ("rain", "", ".", "power.", ".std")] == [None] * 5


def test_turbines(own: Path) -> None:
    """A turbine has its own facts, and those of its model where it has none."""
    own.write_text(
        '[models."MM 82"]\nrated_power = 2050\nhub_height = 80\n'
        '[turbines.R80711]\nmodel = "MM 82"\nhub_height = 78.5\nlatitude = 48.45\n'
        "[turbines.c_3-x]\ninterval = 600\n"
    )
    first, second = read_catalogue(own).turbines.values()
    assert (first.model, first.rated_power, first.hub_height) == ("MM 82", 2050, 78.5)
    assert (first.latitude, first.longitude, first.rotor_diameter) == (48.45, None, None)
    assert second.model_dump(exclude_none=True) == {"interval": 600}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[signals.noise\n", "expected a TOML file, got "),
        ("[turbine.A]\n", "expected [signals.NAME], [models.NAME], [turbines.NAME], got 'turbine'"),
        ("[turbines]\nA = 1\n", "expected [turbines.A], got A = 1"),
        ('[turbines."a b"]\n', "[turbines.a b]: expected a name of letters, digits and . _ -"),
        ('[models.""]\n', "[models.]: expected a name of 64 letters at most"),
        ("[turbines.A]\nrated = 1\n", "[turbines.A] rated: Extra inputs are not permitted"),
        ("[turbines.A]\nrated_power = 0\n", "[turbines.A] rated_power: expected greater than 0"),
        ("[turbines.A]\nlatitude = 91\n", "[turbines.A] latitude: expected less than or equal"),
        ('[turbines.A]\nmodel = "M"\n', "[turbines.A] model: expected one of [models.NAME]: none"),
        ("[turbines.A]\nmodel = 3\n", "[turbines.A] model: expected one of [models.NAME]: none"),
        ("[turbines.A]\nmodel = [3]\n", "[turbines.A] model: expected one of [models.NAME]: none"),
        ("[models.M]\nmodel = 'M'\n", "[models.M] model: Extra inputs are not permitted"),
        ("[models.M]\nhub_height = inf\n", "[models.M] hub_height: expected a finite number"),
        ("signals = 1\n", "expected [signals.NAME], got signals = 1"),
        ("[signals]\nnoise = 1\n", "expected [signals.noise], got noise = 1"),
        ("[signals.Noise]\n", "[signals.Noise]: expected a name of small letters"),
        ("[signals.timestamp]\n", "[signals.timestamp]: expected a name of small letters"),
        ('[signals.noise]\nunit = "dB"\n', "[signals.noise] kind: Field required"),
        (NOISE + 'name = "hum"', "[signals.noise] name: expected it in the brackets only"),
        (NOISE + "bounds = [1, 2]\n", "[signals.noise] bounds: Extra inputs are not permitted"),
        (NOISE + "plausible = [2, 1]\n", "[signals.noise] plausible: expected the lower bound"),
        (NOISE + "plausible = [nan, 1]\n", "[signals.noise] plausible: expected a finite"),
        (
            NOISE + "plausible = [1, 9]\npossible = [2, 10]\n",
            "[signals.noise] possible: expected bounds that contain plausible, 1 to 9, got [2, 10]",
        ),
        (
            "[signals.wind_speed]\nplausible = [0, 120]\n",
            "[signals.wind_speed] possible: expected bounds that contain plausible, 0 to 120, got",
        ),
        (
            "[signals.power]\npossible_of_rated = [0, 2]\n",
            "[signals.power] possible_of_rated: expected bounds that contain plausible_of_rated",
        ),
        (NOISE + "possible = [2, 1]\n", "[signals.noise] possible: expected the lower bound"),
        (
            NOISE + "plausible_of_rated = [0, 1]\n",
            "[signals.noise] plausible_of_rated: expected only for a unit of power (kW, kvar, kVA)",
        ),
        (
            NOISE + "possible_of_rated = [0, 1]\n",
            "[signals.noise] possible_of_rated: expected only for a unit of power (kW, kvar, kVA)",
        ),
        (
            NOISE + "register = 1e6\n",
            "[signals.noise] register: expected only for the kind counter, which quantity is not",
        ),
        (
            "[signals.energy]\non_change = true\n",
            "[signals.energy] on_change: expected only for the kinds quantity and state, not for",
        ),
        (
            "[signals.wind_direction]\nhold = 60\n",
            "[signals.wind_direction] hold: expected only for the kinds quantity and state, not for"
            " angle, got 60",
        ),
        (NOISE + "hold = 0\n", "[signals.noise] hold: expected greater than or equal to 1, got 0"),
        (NOISE + "hold = 86401\n", "[signals.noise] hold: expected less than or equal to 86400"),
        (NOISE + "on_change = 'no way'\n", "[signals.noise] on_change: expected a valid boolean"),
        (NOISE + "statistics = ['std']\n", "[signals.noise] statistics: Extra inputs"),
        ('[signals."power.std"]\n', "[signals.power.std]: expected a name of small letters"),
        ("[signals.energy]\nregister = 0\n", "[signals.energy] register: expected greater than 0"),
        ("[signals.energy]\nregister = inf\n", "[signals.energy] register: expected a finite"),
        ("[signals.energy]\nregister_size = 9\n", "[signals.energy] register_size: Extra inputs"),
        (NOISE.replace("quantity", "angel"), "[signals.noise] kind: expected 'quantity'"),
        (NOISE.replace('"dB"', "3"), "[signals.noise] unit: expected a valid string, got 3"),
    ],
)
def test_faulty_file(own: Path, text: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake is one line that names the file, the entry and the key, and nothing starts."""
    own.write_text(text)
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        read_catalogue(own)
    assert str(error.value).startswith(f"{own}: {expected}")
    monkeypatch.setenv("FONTE_CATALOGUE", str(own))
    with pytest.raises(SystemExit) as stop:
        read_settings(database_url=URL)
    assert str(stop.value).startswith(f"fonteapi: FONTE_CATALOGUE: {own}: {expected}")


def test_no_such_file(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that does not exist is one line."""
    monkeypatch.setenv("FONTE_CATALOGUE", str(own))
    with pytest.raises(SystemExit, match=f"FONTE_CATALOGUE: {own}: expected a TOML file, got "):
        read_settings(database_url=URL)


def test_setting(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FONTE_CATALOGUE names the user's file; without it the shipped catalogue holds."""
    assert Settings(database_url=URL).catalogue == read_catalogue(SHIPPED)
    own.write_text(NOISE)
    monkeypatch.setenv("FONTE_CATALOGUE", str(own))
    assert "noise" in read_settings(database_url=URL).catalogue.signals
