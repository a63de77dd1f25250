"""What a token is, and what a source of tokens does."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from handler import errors
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Budget

# WeChat keeps the old and the new token valid side by side for 5 minutes, and stable_token gives out the new
# one when the old one has less than that left: before, renewing would only return the same token.
STALE_SECONDS = 300
LONGEST = 2048  # characters of a token: WeChat documents 512
LIFETIME_SECONDS = 7200  # the longest that WeChat documents


@dataclass(frozen=True, eq=False)  # what it does not need is not compiled at every cold start
class Token:
    """A token, the query parameter it is sent in (none: the network vouches for us), and its end in Unix time."""

    value: str = field(repr=False)
    expires_at: float = float("inf")
    parameter: Literal["access_token", "cloudbase_access_token"] | None = "access_token"

    def find_state(self, now: float) -> Literal["fresh", "stale", "expired"]:
        """Tell at Unix time `now` whether to use the token, to use it and try to renew it, or to drop it."""
        left = self.expires_at - now
        return "fresh" if left >= STALE_SECONDS else "stale" if left > 0 else "expired"


class TokenSource(ABC):
    """Gives tokens. Making one raises `OpenApiError` when a setting is missing: `create_source` handles that."""

    name: ClassVar[str]
    needs_appid: ClassVar[bool] = True
    knows_one: bool = False  # whether its token is always that of the one mini program WECHAT_APPID

    @abstractmethod
    def get_token(self, appid: str, budget: Budget, /) -> Token:
        """Return a token for the mini program `appid` ("" where none is needed). Raises `OpenApiError`."""

    def replace(self, appid: str, failed: Token, budget: Budget, /) -> Token | None:
        """Return another token after WeChat refused this one; `None` when there is no other. Raises `OpenApiError`.

        Asks again, because the owner may have renewed the token in the meantime.
        """
        token = self.get_token(appid, budget)
        return None if token.value == failed.value else token

    def list_appids(self, _budget: Budget, /) -> list[str]:
        """Return the appids of all mini programs that the source has tokens for. Raises `OpenApiError`."""
        raise errors.bad_arguments('appids "all" needs the token source component: pass a list')


class UnusableSource(TokenSource):
    """Stands in for a source that lacks something: every question for a token raises that failure."""

    needs_appid = False

    def __init__(self, name: str, failure: OpenApiError) -> None:
        self.name = name  # type: ignore[misc]  # it stands for any
        self._failure = failure.detach(shared=True)

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Raise the failure."""
        raise self._failure.detach()

    def list_appids(self, _budget: Budget) -> list[str]:
        """Raise the failure."""
        raise self._failure.detach()


def extract_token(answer: JsonObject, name: str = "access_token") -> tuple[str, int]:
    """Return the token of WeChat's answer, and its lifetime in seconds: 0 where WeChat does not say.

    Raises `OpenApiError` -1 when there is no token in it, or one longer than `LONGEST`.
    """
    token = answer.get(name)
    if not (isinstance(token, str) and 0 < len(token) <= LONGEST):
        raise errors.unavailable(f"WeChat's answer has no {name}")
    return token, extract_lifetime(answer)


def extract_lifetime(answer: JsonObject) -> int:
    """Return the `expires_in` of an answer in seconds, at most what WeChat documents; 0 where there is none."""
    seconds = answer.get("expires_in")
    if isinstance(seconds, str) and re.fullmatch("[0-9]{1,9}", seconds):
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0
    return int(min(max(seconds, 0), LIFETIME_SECONDS))
