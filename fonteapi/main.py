"""The Fonte API: `uvicorn fonteapi.main:app --http fonteapi.protection.deadlines:Connection`."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from itertools import chain, islice
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import StreamingResponse
from fastapi_offline import FastAPIOffline

from fonteapi import answers, database, table
from fonteapi.database import Choice
from fonteapi.days import list_days
from fonteapi.failures import FAILURES, answer_failure, describe_failure, logger
from fonteapi.formats import ENCODERS, JSON, choose_format
from fonteapi.periods import Requested, check_length
from fonteapi.protection.limits import KEY, Guard
from fonteapi.settings import Settings, read_settings
from fonteapi.signals import Signal
from fonteapi.turbines import describe_turbines, find_facts, list_turbines
from pgarrow.sessions import open_engine

WATCHING = 5
"""Threads and connections that serve `/health` only, so that it answers at once under any load."""
SUMMARY = "Read-only HTTP service over the source database of wind-turbine readings."
ACCESS = logging.getLogger("uvicorn.access")
MAXIMUM_ID = 2**63 - 1  # PostgreSQL's bigint


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the access log is worth it: `/health` that is well, every 5 s, is not."""
    _, _, path, _, status = record.args if isinstance(record.args, tuple) else ("",) * 5
    return (path, status) != ("/health", 200)


ACCESS.addFilter(is_news)


def get_fonte(request: Request) -> Any:
    """The application's Fonte, whose table was checked."""
    prepare(request.app)
    return request.app.state.fonte


async def until_sent() -> AsyncIterator[ExitStack]:
    """A stack that closes when the answer is sent or the client has disconnected."""
    with ExitStack() as stack:
        yield stack


Fonte = Annotated[database.Fonte, Depends(get_fonte)]


def choose(
    fonte: Fonte,
    period: Requested,
    columns: Annotated[
        Sequence[str],
        Query(
            description="signals, in this order; without it, all that Fonte has. A source's own"
            " statistics of a signal, such as power.std, are answered where they are named"
        ),
    ] = (),
    turbine: Annotated[
        Sequence[str],
        Query(description="names of turbines, or * for all; required where Fonte has several"),
    ] = (),
) -> Choice:
    """The requested readings; what Fonte does not have is refused, and so is mixing turbines."""
    held = fonte.describe()
    known = {**held.signals, **held.statistics}
    _refuse_others("columns", columns, list(known))
    signals = [known[name] for name in dict.fromkeys(columns or held.signals)]
    facts = find_facts(fonte, held)
    if "*" in turbine:
        return Choice(held, signals, period, facts=facts)
    turbines = list_turbines(fonte, held)
    if turbine:
        _refuse_others("turbine", turbine, [*turbines, "*"])
        return Choice(held, signals, period, turbine, facts=facts)
    if len(turbines) > 1:
        expected = f"expected {_spell([*turbines, '*'])}, since Fonte has several turbines"
        raise RequestValidationError(
            [{"type": "missing", "loc": ("query", "turbine"), "msg": expected, "input": None}]
        )
    # By name, in case that a load brings another turbine before the readings are read
    return Choice(held, signals, period, turbines, named=False, facts=facts)


def _refuse_others(parameter: str, given: Sequence[str], known: Sequence[str]) -> None:
    expected = f"expected {_spell(known)}"
    problems = [
        {"type": "enum", "loc": ("query", parameter, place), "msg": expected, "input": name}
        for place, name in enumerate(given)
        if name not in known
    ]
    if problems:
        raise RequestValidationError(problems)


def _spell(names: Sequence[str]) -> str:
    return " or ".join(", ".join(map(repr, names)).rsplit(", ", 1))


public = APIRouter(responses=answers.UNAVAILABLE)
router = APIRouter(responses=answers.REFUSED, dependencies=KEY)


@router.get("/data", response_class=StreamingResponse, responses=answers.READINGS)
def read_data(
    fonte: Fonte,
    sending: Annotated[ExitStack, Depends(until_sent)],
    choice: Annotated[Choice, Depends(choose)],
    accept: Annotated[str, Header(description="the format of the answer")] = JSON,
) -> StreamingResponse:
    """The readings in `[start_timestamp, end_timestamp)`, by timestamp, turbine and id.

    The `Accept` header chooses JSON (the default, for 31 days at most), CSV or an Arrow IPC
    stream. A missing bound means no limit on that side. Where `turbine` is given, it is the
    second field of each reading. Turbines are never mixed without their names: of a Fonte that
    has several, a request without `turbine` is refused.
    """
    media_type = choose_format(accept)
    if media_type is None:
        raise HTTPException(406, f"expected Accept to allow {', '.join(ENCODERS)}; got {accept}")
    if media_type == JSON:
        check_length(fonte.engine, choice.period)
    batches = database.stream_readings(fonte.engine, choice)
    # If the client disconnects, the query ends now, not when Python collects garbage
    sending.enter_context(closing(batches))
    # Fetch the first batch before answering, so that an error becomes a 503, not a cut answer
    first = list(islice(batches, 1))
    chunks = ENCODERS[media_type](chain(first, batches), choice.schema)
    return StreamingResponse(chunks, media_type=media_type)


@router.get("/data/{id}", response_model=answers.Reading, responses=answers.NOT_FOUND)
def read_reading(
    fonte: Fonte, reading_id: Annotated[int, Path(alias="id", ge=1, le=MAXIMUM_ID)]
) -> Any:
    """One reading by its id."""
    reading = database.find_reading(fonte, reading_id)
    if reading is None:
        raise HTTPException(404, f"there is no reading with id {reading_id}")
    return reading


@router.get("/signals", response_model=list[answers.SignalFacts])
def read_signals(fonte: Fonte) -> Any:
    """The signals that Fonte has, and what the catalogue and its table say of them."""
    return [signal.model_dump(by_alias=True) for signal in fonte.describe().signals.values()]


@router.get("/turbines", response_model=list[answers.TurbineFacts])
def read_turbines(fonte: Fonte) -> Any:
    """The turbines that have readings, and what the catalogue says of them."""
    return describe_turbines(fonte)


@router.get("/days", response_model=list[answers.Day])
def read_days(fonte: Fonte, period: Requested) -> Any:
    """The UTC days that have readings, with fingerprints; all days without a period."""
    return list_days(fonte, period)


@public.get("/health", response_model=answers.Health)
async def read_health(request: Request) -> Any:
    """200 when Fonte answers."""
    state = request.app.state
    await to_thread.run_sync(database.ping, state.watched, limiter=state.watching)
    return answers.Health(status="ok")


def prepare(app: FastAPI) -> None:
    """Look for Fonte's table, once; where FONTE_DAYS is 1 or more, create and fill it first."""
    state = app.state
    if not state.prepared:
        if state.settings.days:
            table.fill_if_empty(state.fonte, state.settings)
        else:
            database.check_table(state.fonte.engine)
        state.prepared = True


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; without `settings` it reads the environment when it starts.

    If Fonte does not answer yet, the application starts and looks again at each request.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings or read_settings()
        app.state.fonte = fonte = database.open_fonte(app.state.settings)
        app.state.watched = open_engine(app.state.settings.database_url)
        app.state.watching = CapacityLimiter(WATCHING)
        app.state.prepared = False
        try:
            prepare(app)
        except FAILURES as error:
            logger.warning("%s", describe_failure(error)[0])
        yield
        fonte.engine.dispose()
        app.state.watched.dispose()

    # Swagger UI from this machine, since a plant's network may have no internet
    app = FastAPIOffline(
        title="Fonte API", version="1", description=SUMMARY, lifespan=lifespan, redoc_url=None
    )
    app.include_router(router)
    app.include_router(public)
    # Arrow shrinks to a third, JSON to an eighth
    app.add_middleware(GZipMiddleware, compresslevel=1)
    app.add_middleware(Guard)
    for error in FAILURES:
        app.add_exception_handler(error, answer_failure)
    _document_fonte(app)
    return app


def _document_fonte(app: FastAPI) -> None:
    """Let the OpenAPI document name what Fonte has when it is requested."""
    make_document = app.openapi

    def document() -> dict[str, Any]:
        app.openapi_schema = None  # Fonte may have got another signal or turbine since
        fonte: database.Fonte = app.state.fonte
        try:
            held = fonte.describe()
            signals: Mapping[str, Signal] = held.signals
            statistics, turbines = held.statistics, list_turbines(fonte, held)
        except FAILURES:
            signals, statistics, turbines = fonte.catalogue.signals, {}, []
        described = make_document()
        answers.describe_fonte(described, signals, statistics, turbines)
        return described

    app.openapi = document  # type: ignore[method-assign]


app = create_app()
