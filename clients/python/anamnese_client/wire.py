"""Requests with a token, tried again where that is harmless. The token goes to the service's own origin only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from anamnese_client.errors import AnamneseError, TooMany, Unavailable, Unreachable, error_of, unreachable

Token = str | Callable[[], str]
LONGEST_WAIT = 60.0  # seconds; a service that asks for longer is told of at once


class Wire:
    """One service. `attempts`: how often a request that may be repeated is tried."""

    def __init__(self, base: str, token: Token, *, attempts: int, timeout: float) -> None:
        self._token = token
        self._attempts = attempts
        self._base = httpx.URL(base.rstrip("/") + "/")
        self._http = httpx.Client(timeout=timeout, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        again: bool = False,
        made: Callable[[], Mapping[str, Any]] | None = None,
    ) -> httpx.Response:
        """The answer, read whole. AnamneseError for 400 and above. `again`: harmless to repeat. `made` makes what else
        `httpx.Client.request` takes, anew for each attempt (an open file)."""
        url = self.url(path)
        sent = {name: value for name, value in (params or {}).items() if value is not None}

        def once() -> httpx.Response:
            token = self._token if isinstance(self._token, str) else self._token()
            try:
                answer = self._http.request(
                    method,
                    url,
                    json=json,
                    params=sent or None,
                    headers={**(headers or {}), "Authorization": f"Bearer {token}"},
                    **(made() if made else {}),
                )
            except httpx.HTTPError as error:
                raise unreachable(type(error).__name__) from None
            _warn(answer)
            if answer.is_success:
                return answer
            raise error_of(answer)

        return self._retrying(once) if again else once()

    def url(self, path: str) -> httpx.URL:
        """`path` at the service. ValueError when it leads to another origin: a token must not follow it there."""
        url = httpx.URL(urljoin(str(self._base), path.lstrip("/") if not path.startswith("//") else path))
        if (url.scheme, url.host, url.port) != (self._base.scheme, self._base.host, self._base.port):
            raise ValueError("an address of another origin")
        return url

    def _retrying(self, once: Callable[[], httpx.Response]) -> httpx.Response:
        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=_wait,
            retry=retry_if_exception(_worth),
            reraise=True,
        )
        return retrying(once)


def _warn(answer: httpx.Response) -> None:
    """Say that an address is announced to end (RFC 9745, RFC 8594), without the address."""
    if "deprecation" in answer.headers:
        until = answer.headers.get("sunset", "?")
        warnings.warn(f"the service ends an address that this client asks: {until}", DeprecationWarning, stacklevel=6)


def _worth(error: BaseException) -> bool:
    if not isinstance(error, Unavailable | TooMany | Unreachable):
        return False
    return (error.retry_after or 0) <= LONGEST_WAIT and error.status not in (500, 507)


_BACKOFF = wait_random_exponential(multiplier=0.2, max=10)


def _wait(state: RetryCallState) -> float:
    """What the service asks for, else longer each time, at random."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, AnamneseError) else None
    return _BACKOFF(state) if asked is None else asked
