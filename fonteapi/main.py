"""The Fonte API: `uvicorn fonteapi.main:app --http fonteapi.protection.deadlines:Connection`."""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from itertools import chain, islice
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Path,
    Query,
    Request,
    Security,
)
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import StreamingResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi_offline import FastAPIOffline
from sqlalchemy import Engine

from fonteapi import database
from fonteapi.answers import (
    NOT_ACCEPTABLE,
    NOT_FOUND,
    READINGS,
    REFUSED,
    UNAVAILABLE,
    Day,
    Health,
    Reading,
)
from fonteapi.catalogue import SIGNALS, SignalName, arrow_schema
from fonteapi.failures import FAILURES, answer_failure, describe_failure
from fonteapi.formats import ENCODERS, JSON, choose_format
from fonteapi.periods import End, Start, check_length, check_period
from fonteapi.protection.limits import Guard
from fonteapi.settings import Settings, read_settings
from pgarrow.sessions import open_engine

T = TypeVar("T")
WATCHING = 5
"""How many at a time are answered `/health`, with threads and connections that serve nothing else:
however long the other requests wait, who watches hears at once."""
SUMMARY = "Read-only HTTP service over the source database of wind-turbine readings."
logger = logging.getLogger("uvicorn.error")
MAXIMUM_ID = 2**63 - 1  # PostgreSQL's bigint


def get_engine(request: Request) -> Engine:
    """The engine that the application opened, with Fonte's table there and not empty."""
    prepare(request.app)
    engine: Engine = request.app.state.engine
    return engine


async def until_sent() -> AsyncIterator[ExitStack]:
    """What is entered here is left when the answer has been sent, or nobody takes it any more."""
    with ExitStack() as stack:
        yield stack


Fonte = Annotated[Engine, Depends(get_engine)]
bearer = HTTPBearer(auto_error=False, description="FONTE_API_KEY, where the API has one")
header = APIKeyHeader(name="X-API-Key", auto_error=False, description="the same")
# The guard asks for the key, of every page; here it is documented
public = APIRouter(responses=UNAVAILABLE)
router = APIRouter(responses=REFUSED, dependencies=[Security(bearer), Security(header)])


@router.get("/data", response_class=StreamingResponse, responses=READINGS | NOT_ACCEPTABLE)
def read_data(
    fonte: Fonte,
    sending: Annotated[ExitStack, Depends(until_sent)],
    start_timestamp: Start = None,
    end_timestamp: End = None,
    columns: Annotated[
        Sequence[SignalName], Query(description="signals, in the order wanted; none means all")
    ] = (),
    accept: Annotated[str, Header(description="the form of the answer")] = JSON,
) -> StreamingResponse:
    """The readings in `[start_timestamp, end_timestamp)`, by timestamp, then by id.

    The `Accept` header chooses JSON (the default, for 31 days at most), CSV or an Arrow IPC
    stream. Without a bound, the answer reaches as far as the readings do.
    """
    period = start_timestamp, end_timestamp
    check_period(period)
    media_type = choose_format(accept)
    if media_type is None:
        raise HTTPException(406, f"expected Accept to name {', '.join(ENCODERS)}; got {accept}")
    if media_type == JSON:
        check_length(fonte, period)
    names = list(dict.fromkeys(map(str, columns))) or list(SIGNALS)
    batches = database.stream_readings(fonte, names, period)
    # Of an answer that is broken off, Python would clear away the open query sooner or later
    sending.enter_context(closing(batches))
    chunks = ENCODERS[media_type](started(batches), arrow_schema(names))
    return StreamingResponse(chunks, media_type=media_type)


@router.get("/data/{id}", response_model=Reading, responses=NOT_FOUND)
def read_reading(
    fonte: Fonte, reading_id: Annotated[int, Path(alias="id", ge=1, le=MAXIMUM_ID)]
) -> Any:
    """One reading by its id."""
    reading = database.find_reading(fonte, reading_id)
    if reading is None:
        raise HTTPException(404, f"there is no reading with id {reading_id}")
    return reading


@router.get("/days", response_model=list[Day])
def read_days(
    fonte: Fonte,
    start_timestamp: Start = None,
    end_timestamp: End = None,
) -> Any:
    """The UTC days that have readings, with a fingerprint of each; all days without a period."""
    period = start_timestamp, end_timestamp
    check_period(period)
    return database.list_days(fonte, period)


@public.get("/health", response_model=Health)
async def read_health(request: Request) -> Any:
    """200 when Fonte answers."""
    state = request.app.state
    await to_thread.run_sync(database.ping, state.watched, limiter=state.watching)
    return Health(status="ok")


def started(items: Iterable[T]) -> Iterable[T]:
    """Fetch the first item now: what fails then is still an answer of its own, not half a one."""
    iterator = iter(items)
    return chain(list(islice(iterator, 1)), iterator)


def prepare(app: FastAPI) -> None:
    """Look for Fonte's table, once; where FONTE_DAYS is set, create and fill it first."""
    state = app.state
    if not state.prepared:
        if state.settings.days is None:
            database.check_table(state.engine)
        else:
            database.fill_if_empty(state.engine, state.settings)
        state.prepared = True


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; without `settings` it reads the environment when it starts.

    It starts without a Fonte that answers, too, and prepares it when it does.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings or read_settings()
        app.state.engine = open_engine(app.state.settings.database_url)
        app.state.watched = open_engine(app.state.settings.database_url)
        app.state.watching = CapacityLimiter(WATCHING)
        app.state.prepared = False
        try:
            prepare(app)
        except FAILURES as error:
            logger.warning("%s", describe_failure(error)[0])
        yield
        app.state.engine.dispose()
        app.state.watched.dispose()

    # Swagger UI from this machine, since a plant's network may have no internet
    app = FastAPIOffline(
        title="Fonte API", version="1", description=SUMMARY, lifespan=lifespan, redoc_url=None
    )
    app.include_router(router)
    app.include_router(public)
    app.add_middleware(GZipMiddleware, compresslevel=1)  # a third of the bytes, an eighth of JSON's
    app.add_middleware(Guard)
    for error in FAILURES:
        app.add_exception_handler(error, answer_failure)
    return app


app = create_app()
