"""One period to one executed notebook in the archive."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from json import dumps
from typing import Any

from etl_lib.analysis.curve_file import read_curves
from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.archive.notebooks import read_period_summary
from etl_lib.archive.store import FAILED_SUFFIX, NOTEBOOK_SUFFIX, PAGE_SUFFIX, PERIODS, Location
from etl_lib.errors import EtlError, ParameterError
from etl_lib.load.period import check_period
from etl_lib.parameters import CURVES, FLEET, Span
from etl_lib.runs.notebook import Plan, execute
from etl_lib.services.connect import connected
from etl_lib.settings import PERIOD_NOTEBOOK


@dataclass(frozen=True)
class PeriodOutcome:
    """The result of running a period: a page, or an error in one line."""

    name: str = ""
    """Of the archived files, without a suffix."""
    notebook: Location | None = None
    page: Location | None = None
    summary: PeriodSummary | None = None
    error: str | None = None
    is_transient: bool = False
    """Whether a retry may help."""


def run_period(span: Span, plan: Plan, reference: str | None = None) -> PeriodOutcome:
    """Execute the notebook of periods for these days, and archive it.

    The columns of the plan do not count. Raises `EtlError`, before anything is archived, for a
    period of which Alvo holds nothing, an unfit file of a reference, and where Fonte or Alvo does
    not answer.
    """
    if not (plan.home / PERIOD_NOTEBOOK).is_file():
        expected = f"expected {PERIOD_NOTEBOOK} in {plan.home}"
        raise ParameterError(f"{expected}, got none: `etl init .` there writes what is missing")
    if reference not in (None, *CURVES):
        read_curves(str(reference))
    with connected(plan.settings) as (fonte, alvo):
        check_period(fonte, alvo, span, plan.turbines)
    parameters: dict[str, Any] = {"start": str(span.first), "end": str(span.last)}
    parameters |= {} if plan.turbines is None else {"turbines": plan.turbines}
    parameters |= {} if reference is None else {"reference": reference}
    name = plan.archive.reserve(f"{PERIODS}{span.first}_{span.last}{_digest(plan, reference)}")
    try:
        return _archive(span, plan, name, parameters)
    finally:
        with suppress(EtlError):
            plan.archive.release(name)


def _digest(plan: Plan, reference: str | None) -> str:
    """What sets the folder of other turbines, or another curve, apart: `etl prune` keeps each."""
    if plan.turbines is None and reference in (None, FLEET):
        return ""
    choice = dumps([sorted(plan.turbines or ()), reference])
    return f"_{blake2b(choice.encode(), digest_size=4).hexdigest()}"


def _archive(span: Span, plan: Plan, name: str, parameters: dict[str, Any]) -> PeriodOutcome:
    from etl_lib.archive.pages import render

    text, notebook, error, is_transient = execute(PERIOD_NOTEBOOK, parameters, plan, name)
    summary = read_period_summary(notebook)
    if error is None and summary is None:
        error = "the notebook ended before its summary, without an error: did it call exit?"
    if error is not None:
        failed = plan.archive.write(name + FAILED_SUFFIX, text) if text else None
        return PeriodOutcome(name, failed, error=error, is_transient=is_transient)
    kept = plan.archive.write(name + NOTEBOOK_SUFFIX, text)
    page = render(notebook, str(span), "../../index.html")
    return PeriodOutcome(name, kept, plan.archive.write(name + PAGE_SUFFIX, page), summary)
