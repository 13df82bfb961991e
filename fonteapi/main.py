"""The Fonte API: `uvicorn fonteapi.main:app --http fonteapi.protection.deadlines:Connection`."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from itertools import chain, islice
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fonteapi import answers, database, table
from fonteapi.catalogue import Signal, arrow_schema
from fonteapi.formats import ENCODERS, JSON, choose_format
from fonteapi.periods import Requested, check_length
from fonteapi.protection.limits import KEY, Guard
from fonteapi.settings import Settings, read_settings
from pgarrow.errors import first_line, sqlstate
from pgarrow.sessions import open_engine

WATCHING = 5
"""Threads and connections that serve `/health` only, so that it answers at once under any load."""
SUMMARY = "Read-only HTTP service over the source database of wind-turbine readings."
# OSError: a connection that breaks in a COPY; PoolTimeout: no connection became free
FAILURES = (*database.FAILURES, OSError, PoolTimeout)
NO_TABLE, NO_COLUMN = "42P01", "42703"  # SQLSTATE
SOON, LATER = 2, 60
"""Seconds until a retry: a database restarts by itself, or a person has to change something."""
logger = logging.getLogger("uvicorn.error")
MAXIMUM_ID = 2**63 - 1  # PostgreSQL's bigint


def get_fonte(request: Request) -> Any:
    """The application's Fonte, whose table was checked."""
    prepare(request.app)
    return request.app.state.fonte


async def until_sent() -> AsyncIterator[ExitStack]:
    """A stack that closes when the answer is sent or the client has disconnected."""
    with ExitStack() as stack:
        yield stack


Fonte = Annotated[database.Fonte, Depends(get_fonte)]


def choose_signals(
    fonte: Fonte,
    columns: Annotated[
        Sequence[str], Query(description="signals, in this order; without it, all that Fonte has")
    ] = (),
) -> list[Signal]:
    """The requested signals; a name that Fonte does not have is refused."""
    held = fonte.signals()
    expected = "expected " + " or ".join(", ".join(map(repr, held)).rsplit(", ", 1))
    problems = [
        {"type": "enum", "loc": ("query", "columns", place), "msg": expected, "input": name}
        for place, name in enumerate(columns)
        if name not in held
    ]
    if problems:
        raise RequestValidationError(problems)
    return [held[name] for name in dict.fromkeys(columns or held)]


public = APIRouter(responses=answers.UNAVAILABLE)
router = APIRouter(responses=answers.REFUSED, dependencies=KEY)


@router.get("/data", response_class=StreamingResponse, responses=answers.READINGS)
def read_data(
    fonte: Fonte,
    sending: Annotated[ExitStack, Depends(until_sent)],
    period: Requested,
    signals: Annotated[list[Signal], Depends(choose_signals)],
    accept: Annotated[str, Header(description="the format of the answer")] = JSON,
) -> StreamingResponse:
    """The readings in `[start_timestamp, end_timestamp)`, by timestamp, then by id.

    The `Accept` header chooses JSON (the default, for 31 days at most), CSV or an Arrow IPC
    stream. A missing bound means no limit on that side.
    """
    media_type = choose_format(accept)
    if media_type is None:
        raise HTTPException(406, f"expected Accept to allow {', '.join(ENCODERS)}; got {accept}")
    if media_type == JSON:
        check_length(fonte.engine, period)
    batches = database.stream_readings(fonte.engine, signals, period)
    # If the client disconnects, the query ends now, not when Python collects garbage
    sending.enter_context(closing(batches))
    # Fetch the first batch before answering, so that an error becomes a 503, not a cut answer
    first = list(islice(batches, 1))
    chunks = ENCODERS[media_type](chain(first, batches), arrow_schema(signals))
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
    """The signals that Fonte has, and what the catalogue says of them."""
    return [signal.model_dump() for signal in fonte.signals().values()]


@router.get("/days", response_model=list[answers.Day])
def read_days(fonte: Fonte, period: Requested) -> Any:
    """The UTC days that have readings, with a fingerprint of each; all days without a period."""
    return database.list_days(fonte, period)


@public.get("/health", response_model=answers.Health)
async def read_health(request: Request) -> Any:
    """200 when Fonte answers."""
    state = request.app.state
    await to_thread.run_sync(database.ping, state.watched, limiter=state.watching)
    return answers.Health(status="ok")


def prepare(app: FastAPI) -> None:
    """Look for Fonte's table, once; where FONTE_DAYS is set, create and fill it first."""
    state = app.state
    if not state.prepared:
        if state.settings.days is None:
            database.check_table(state.fonte.engine)
        else:
            table.fill_if_empty(state.fonte, state.settings)
        state.prepared = True


def describe_failure(error: Exception) -> tuple[str, int]:
    """One line for clients and the log, and the seconds until it is worth trying again."""
    code, line = sqlstate(error), first_line(error)
    if isinstance(error, database.UnfitFonteError):
        return line, LATER
    if code == NO_TABLE:
        return (
            "expected a table named data in Fonte, got none: set FONTE_DAYS=10 to fill an empty"
            " database with simulated readings, or load a file with etl load"
        ), LATER
    if code == NO_COLUMN:
        return f"expected id and timestamp in Fonte's table data; got {line}", LATER
    return f"Fonte does not answer: {line}", SOON


def answer_failure(request: Request, error: Exception) -> JSONResponse:
    """503 with one line; a driver's own line may hold Fonte's address and goes to the log only."""
    detail, seconds = describe_failure(error)
    if sqlstate(error) is None and not isinstance(error, database.UnfitFonteError):
        logger.warning("%s: %s", request.url.path, detail)
        detail = "Fonte does not answer: no connection; the API's log has the reason"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": str(seconds)})


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; without `settings` it reads the environment when it starts.

    If Fonte does not answer yet, the application starts and looks again at each request.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings or read_settings()
        engine = open_engine(app.state.settings.database_url)
        app.state.fonte = database.Fonte(engine, app.state.settings.catalogue)
        app.state.watched = open_engine(app.state.settings.database_url)
        app.state.watching = CapacityLimiter(WATCHING)
        app.state.prepared = False
        try:
            prepare(app)
        except FAILURES as error:
            logger.warning("%s", describe_failure(error)[0])
        yield
        engine.dispose()
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
    _document_signals(app)
    return app


def _document_signals(app: FastAPI) -> None:
    """Let the OpenAPI document name the signals that Fonte has when it is requested."""
    make_document = app.openapi

    def document() -> dict[str, Any]:
        app.openapi_schema = None  # Fonte may have got another signal since
        try:
            signals = app.state.fonte.signals()
        except FAILURES:
            signals = app.state.fonte.catalogue
        described = make_document()
        answers.describe_signals(described, signals)
        return described

    app.openapi = document  # type: ignore[method-assign]


app = create_app()
