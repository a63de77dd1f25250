"""A token, and the base class of its sources."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from handler import errors
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Budget

# stable_token returns a new token only in the old one's last 5 minutes, during which WeChat accepts both. Renewing
# earlier would return the same token.
STALE_SECONDS = 300
LONGEST = 2048  # characters of a token; WeChat documents up to 512
LIFETIME_SECONDS = 7200  # the longest lifetime that WeChat documents


@dataclass(frozen=True)
class Token:
    """A token, when it expires (Unix time), and the query parameter that it is sent in.

    `parameter` is `None` in WeChat's cloud hosting, which needs no token.
    """

    value: str = field(repr=False)
    expires_at: float = float("inf")
    parameter: Literal["access_token", "cloudbase_access_token"] | None = "access_token"

    def find_state(self, now: float) -> Literal["fresh", "stale", "expired"]:
        """Return the state at Unix time `now`: `fresh`, `stale` (still valid, but to be renewed) or `expired`."""
        left = self.expires_at - now
        return "fresh" if left >= STALE_SECONDS else "stale" if left > 0 else "expired"


class TokenSource(ABC):
    """The base class of the sources. A constructor raises `OpenApiError` if a setting that it needs is missing."""

    name: ClassVar[str]
    needs_appid: ClassVar[bool] = True
    knows_one: bool = False  # whether it has the token of a single mini program, WECHAT_APPID

    @abstractmethod
    def get_token(self, appid: str, budget: Budget, /) -> Token:
        """Return a token for the mini program `appid` ("" if the source needs no appid). Raises `OpenApiError`."""

    def replace(self, appid: str, failed: Token, budget: Budget, /) -> Token | None:
        """Return another token after WeChat refused `failed`; `None` if there is no other. Raises `OpenApiError`.

        By default the source is asked again, because the token's owner may have renewed it in the meantime.
        """
        token = self.get_token(appid, budget)
        return None if token.value == failed.value else token

    def list_appids(self, _budget: Budget, /) -> list[str]:
        """Return the appids of all mini programs that the source serves. Raises `OpenApiError`."""
        raise errors.bad_arguments('only the token source component supports appids "all": pass a list')


class UnusableSource(TokenSource):
    """Stands in for a source that could not be created: each method raises the failure."""

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
    """Return the token in WeChat's answer and its lifetime in seconds, 0 if WeChat does not say.

    Raises `OpenApiError` -1 if there is no token, or one longer than `LONGEST`.
    """
    token = answer.get(name)
    if not (isinstance(token, str) and 0 < len(token) <= LONGEST):
        raise errors.unavailable(f"WeChat's answer has no {name}")
    return token, extract_lifetime(answer)


def extract_lifetime(answer: JsonObject) -> int:
    """Return an answer's `expires_in` in seconds, at most `LIFETIME_SECONDS`; 0 if it has none."""
    seconds = answer.get("expires_in")
    if isinstance(seconds, str) and re.fullmatch("[0-9]{1,9}", seconds):
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0
    return int(min(max(seconds, 0), LIFETIME_SECONDS))
