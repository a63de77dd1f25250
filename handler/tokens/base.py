"""A token, and the base class of the token sources."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from handler import errors
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Budget

# WeChat's stable_token returns a new token only in the last 5 minutes of the old token, when WeChat accepts both.
# Before that, it returns the old token.
STALE_SECONDS = 300
LONGEST = 2048  # characters of a token; WeChat documents up to 512
LIFETIME_SECONDS = 7200  # the longest lifetime that WeChat documents


@dataclass(frozen=True)
class Token:
    """A token, its expiry (Unix time), and the name of the query parameter for it.

    `parameter` is `None` for the source `none`, which sends no token.
    """

    value: str = field(repr=False)
    expires_at: float = float("inf")
    parameter: Literal["access_token", "cloudbase_access_token"] | None = "access_token"

    def find_state(self, now: float) -> Literal["fresh", "stale", "expired"]:
        """Return the state at Unix time `now`: `fresh`, `stale` (still valid, but to be renewed) or `expired`."""
        left = self.expires_at - now
        return "fresh" if left >= STALE_SECONDS else "stale" if left > 0 else "expired"


class TokenSource(ABC):
    """The base class of the token sources. A constructor raises `OpenApiError` if a required setting is missing."""

    name: ClassVar[str]
    needs_appid: ClassVar[bool] = True
    knows_one: bool = False  # whether the source has tokens of only one mini program, WECHAT_APPID

    @abstractmethod
    def get_token(self, appid: str, budget: Budget, /) -> Token:
        """Return a token for the mini program `appid` ("" if the source needs no appid). Raises `OpenApiError`."""

    def replace(self, appid: str, failed: Token, budget: Budget, /) -> Token | None:
        """Return another token after WeChat refused `failed`; `None` if there is no other. Raises `OpenApiError`.

        Calls `get_token` again, because the token's owner may have renewed the token in the meantime.
        """
        token = self.get_token(appid, budget)
        return None if token.value == failed.value else token

    def list_appids(self, _budget: Budget, /) -> list[str]:
        """Return the appids of all mini programs that the source serves. Raises `OpenApiError`."""
        raise errors.bad_arguments('only the token source component supports appids "all": pass a list')


class UnusableSource(TokenSource):
    """Replaces a source that could not be created. Each method raises `failure`, which says why."""

    needs_appid = False

    def __init__(self, name: str, failure: OpenApiError) -> None:
        self.name = name  # type: ignore[misc]  # a ClassVar, but here the name of the source that failed
        self._failure = failure.detach(shared=True)

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Raise the failure."""
        raise self._failure.detach()

    def list_appids(self, _budget: Budget) -> list[str]:
        """Raise the failure."""
        raise self._failure.detach()


def extract_token(answer: JsonObject, name: str = "access_token") -> tuple[str, int]:
    """Return the token in WeChat's answer, and its lifetime in seconds (0 if WeChat does not state it).

    Raises `OpenApiError` -1 if the answer has no token, or a token longer than `LONGEST`.
    """
    token = answer.get(name)
    if not (isinstance(token, str) and 0 < len(token) <= LONGEST):
        raise errors.unavailable(f"WeChat's answer has no {name}")
    return token, extract_lifetime(answer)


def extract_lifetime(answer: JsonObject) -> int:
    """Return an answer's `expires_in` in seconds, at most `LIFETIME_SECONDS`, or 0 if the answer does not state it."""
    seconds = answer.get("expires_in")
    if isinstance(seconds, str) and re.fullmatch("[0-9]{1,9}", seconds):
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0
    return int(min(max(seconds, 0), LIFETIME_SECONDS))
