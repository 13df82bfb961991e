"""The Fonte API: `uvicorn fonteapi.main:app --http fonteapi.protection.deadlines:Connection`."""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Annotated, Any, TypeVar

from adbc_driver_manager import Error as BulkError
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
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import AwareDatetime, BeforeValidator
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

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
from fonteapi.catalogue import SIGNALS, SignalName
from fonteapi.formats import ARROW, CSV, ENCODERS, JSON, choose_format
from fonteapi.protection.limits import Guard
from fonteapi.settings import Settings, read_settings
from pgarrow.errors import first_line, sqlstate
from pgarrow.sessions import open_engine

T = TypeVar("T")
# OSError: a connection that breaks in a COPY; TimeoutError: none came free
UNREACHABLE = (DBAPIError, BulkError, OSError, PoolTimeout)
JSON_PERIOD = timedelta(days=31)
"""The longest period of an answer as JSON, eight times the bytes of Arrow and slow to read."""
WATCHING = 5
"""How many at a time are answered `/health`, with threads and connections that serve nothing else:
however long the other requests wait, who watches hears at once."""
SUMMARY = "Read-only HTTP service over the source database of wind-turbine readings."
logger = logging.getLogger("uvicorn.error")
MAXIMUM_ID = 2**63 - 1  # PostgreSQL's bigint


def parse_timestamp(value: object) -> datetime:
    """An ISO 8601 timestamp as UTC; one without an offset is read as UTC."""
    try:
        stamp = datetime.fromisoformat(str(value))
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            "expected ISO 8601 such as 2024-05-20 or 2024-05-20T00:00:00Z"
            " (in an address, + is written %2B)"
        ) from None


Timestamp = Annotated[AwareDatetime, BeforeValidator(parse_timestamp)]
Start = Query(
    description="first instant, included; ISO 8601, UTC where it has no offset",
    examples=["2024-05-20T00:00:00Z"],
)
End = Query(description="last instant, not included", examples=["2024-05-21T00:00:00Z"])


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
    start_timestamp: Annotated[Timestamp, Start],
    end_timestamp: Annotated[Timestamp, End],
    columns: Annotated[
        Sequence[SignalName], Query(description="signals, in the order wanted; none means all")
    ] = (),
    accept: Annotated[str, Header(description="the form of the answer")] = JSON,
) -> StreamingResponse:
    """The readings in `[start_timestamp, end_timestamp)`, by timestamp, then by id.

    Streamed as JSON (the default), CSV or an Arrow IPC stream, as the `Accept` header says.
    """
    check_period(start_timestamp, end_timestamp)
    media_type = choose_format(accept)
    if media_type is None:
        raise HTTPException(406, f"expected Accept to name {', '.join(ENCODERS)}; got {accept}")
    if media_type == JSON and end_timestamp - start_timestamp > JSON_PERIOD:
        raise wrong_period(
            f"expected {JSON_PERIOD.days} days at most as JSON,"
            f" got {(end_timestamp - start_timestamp).days}:"
            f" ask for a longer period with Accept: {CSV} or {ARROW}",
            end_timestamp,
        )
    names = list(dict.fromkeys(map(str, columns))) or list(SIGNALS)
    batches = database.stream_readings(fonte, names, start_timestamp, end_timestamp)
    # Of an answer that is broken off, Python would clear away the open query sooner or later
    sending.enter_context(closing(batches))
    chunks = ENCODERS[media_type](started(batches), database.readings_schema(names))
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
    start_timestamp: Annotated[Timestamp | None, Start] = None,
    end_timestamp: Annotated[Timestamp | None, End] = None,
) -> Any:
    """The UTC days that have readings, with a fingerprint of each; all days without a period."""
    if start_timestamp and end_timestamp:
        check_period(start_timestamp, end_timestamp)
    return database.list_days(fonte, start_timestamp, end_timestamp)


@public.get("/health", response_model=Health)
async def read_health(request: Request) -> Any:
    """200 when Fonte answers."""
    state = request.app.state

    def ask() -> None:
        prepare(request.app)
        database.ping(state.watched)

    await to_thread.run_sync(ask, limiter=state.watching)
    return Health(status="ok")


def check_period(start: datetime, end: datetime) -> None:
    """Refuse a period that ends before it starts, in the form of the other refusals."""
    if start >= end:
        raise wrong_period(
            f"expected start_timestamp before end_timestamp,"
            f" got {start.isoformat()} and {end.isoformat()}",
            end,
        )


def wrong_period(message: str, end: datetime) -> RequestValidationError:
    """A refusal as FastAPI words its own."""
    location = ("query", "end_timestamp")
    return RequestValidationError(
        [{"type": "value_error", "loc": location, "msg": message, "input": str(end)}]
    )


def started(items: Iterable[T]) -> Iterable[T]:
    """Fetch the first item now: what fails then is still an answer of its own, not half a one."""
    iterator = iter(items)
    return chain(list(islice(iterator, 1)), iterator)


def prepare(app: FastAPI) -> None:
    """Create Fonte's table where it is missing and fill it where it is empty, once."""
    state = app.state
    if not state.prepared:
        database.create_table(state.engine)
        database.fill_if_empty(state.engine, state.settings)
        state.prepared = True


def answer_unavailable(request: Request, error: Exception) -> JSONResponse:
    """Fonte failed: say so, and that trying again is worth it; its address is for the log only."""
    line = first_line(error)
    if sqlstate(error) is None:
        logger.warning("%s: %s", request.url.path, line)
        line = "no connection; the API's log tells why"
    detail = f"Fonte does not answer: {line}"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "2"})


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
        except UNREACHABLE as error:
            logger.warning("Fonte does not answer yet: %s", first_line(error))
        yield
        app.state.engine.dispose()
        app.state.watched.dispose()

    app = FastAPI(title="Fonte API", version="1", description=SUMMARY, lifespan=lifespan)
    app.include_router(router)
    app.include_router(public)
    app.add_middleware(GZipMiddleware, compresslevel=1)  # a third of the bytes, an eighth of JSON's
    app.add_middleware(Guard)
    for error in UNREACHABLE:
        app.add_exception_handler(error, answer_unavailable)
    return app


app = create_app()
