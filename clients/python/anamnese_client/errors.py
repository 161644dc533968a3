"""The service's refusals (RFC 9457) as exceptions: one class for what a caller does differently."""

from __future__ import annotations

import json
from typing import Any

import httpx

from anamnese_client.records import Problem


class AnamneseError(Exception):
    """A refusal of the service. Its text is the service's sentence, in French; `remedy` says what to do.

    `status` is 0 where the service did not answer at all. `retry_after`: seconds to wait, where it asks for that.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem.title)
        self.problem = problem
        self.status, self.code, self.stage = problem.status, problem.code, problem.stage
        self.remedy = problem.remedy
        self.retry_after = retry_after


class NotAuthenticated(AnamneseError):
    """401: no token, a false or an expired one, or one whose authentication is too old for this act."""


class Forbidden(AnamneseError):
    """403: this caller may not do that."""


class NoAccess(Forbidden):
    """403 "no-access", the door: nothing is open to this caller. It does not say whether the patient is known."""


class NotFound(AnamneseError):
    """404: no such document, link, grant… among what this caller may see."""


class Conflict(AnamneseError):
    """409: not in this state of the document or the record."""


class Malformed(AnamneseError):
    """400, 413, 415, 422…: what was sent cannot be taken; `problem.errors` names the fields."""


class TooMany(AnamneseError):
    """429: too fast, or too often in an hour."""


class Unavailable(AnamneseError):
    """500 and above: a part of the service does not answer. Nothing was shown."""


class Unreachable(AnamneseError):
    """No answer, or one that is not the service's."""


_CLASSES: dict[int, type[AnamneseError]] = {
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooMany,
}


def error_of(response: httpx.Response) -> AnamneseError:
    """The exception of an answer of 400 and above. The body must have been read."""
    try:
        told = json.loads(response.content)
        outcome = isinstance(told, dict) and told.get("resourceType") == "OperationOutcome"
        problem = Problem.model_validate(_problem(told["issue"], response.status_code) if outcome else told)
    except (ValueError, KeyError, IndexError, TypeError):
        return unreachable(f"HTTP {response.status_code}", status=response.status_code)
    seconds = response.headers.get("retry-after", "")
    wait = float(seconds) if seconds.isdigit() else None
    if problem.code == "no-access":
        return NoAccess(problem, wait)
    usual = Unavailable if response.status_code >= 500 else Malformed
    return _CLASSES.get(response.status_code, usual)(problem, wait)


def _problem(issues: list[dict[str, Any]], status: int) -> dict[str, Any]:
    """An OperationOutcome of `/fhir` in the form of `/v1`."""
    first = issues[0]
    code = first["details"]["coding"][0]["code"]
    places = [
        {"field": place, "reason": issue.get("diagnostics", "")}
        for issue in issues
        for place in issue.get("expression", ())
    ]
    remedy = "" if places else first.get("diagnostics", "")
    said = {"type": f"urn:anamnese:problem:{code}", "title": first["details"]["text"], "status": status}
    return said | {"stage": "", "code": code, "remedy": remedy, "errors": places or None}


def unreachable(detail: str, status: int = 0) -> Unreachable:
    """What stands for a refusal where the service gave none. `detail` names no address and no identity."""
    return Unreachable(
        Problem(
            type="about:blank",
            title=f"Le service ne répond pas ({detail}).",
            status=status,
            stage="ask",
            code="unreachable",
            remedy="Vérifiez l'adresse et le réseau, puis réessayez.",
        )
    )
