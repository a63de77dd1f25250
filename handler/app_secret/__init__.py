"""Read the AppSecret from the environment, or with Powertools from Secrets Manager or SSM."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from handler import errors
from handler.deadline import LONGEST_SECONDS, Deadline, call_within
from handler.errors import NO_SECRET, OpenApiError
from handler.exact_json import try_parse_object
from handler.invocation import Budget
from handler.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.base import BaseProvider
    from pydantic import SecretStr

T = TypeVar("T")

_WRONG_SECRET = 40125
MAX_AGE_SECONDS = 300  # how long a secret is cached; if WeChat refuses it earlier, it is read again
LONGEST = 256  # characters of a secret; WeChat's have 32
MINI_PROGRAMS = 1024  # the most secrets that a process caches


class AppSecret:
    """The AppSecret in the settings that begin with `prefix`: the plain one, else from Secrets Manager, else from SSM.

    In the name of a secret or parameter, the appid replaces `{appid}`.
    """

    def __init__(self, settings: Settings, prefix: Literal["wechat", "wechat_component"]) -> None:
        self._plain: SecretStr | None = getattr(settings, f"{prefix}_secret")
        self._name: str | None = getattr(settings, f"{prefix}_secret_name")
        self._parameter: str | None = getattr(settings, f"{prefix}_secret_parameter")
        named = self._name or self._parameter or ""
        # If all mini programs use the same secret, a failure to read it affects all of them.
        self._is_shared = prefix == "wechat_component" or "{appid}" not in named
        self._missing = f"appsecret missing: set {prefix.upper()}_SECRET_NAME, _SECRET_PARAMETER or _SECRET"
        self._timeout_seconds = settings.wechat_timeout_seconds
        self._provider: BaseProvider | None = None
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()  # by name: (expiry in Unix time, secret)
        self._kept_lock = threading.Lock()

    def use(self, appid: str, budget: Budget, call: Callable[[str], T]) -> T:
        """Make a call with the secret. If WeChat refuses the secret and AWS has a newer one, call again with that."""
        secret = self._get(appid, budget)
        try:
            return call(secret)
        except OpenApiError as error:
            failure = error
        if failure.errCode != _WRONG_SECRET or self._plain or not budget.allows("token"):
            raise failure
        rotated = self._get(appid, budget, fresh=True)
        if rotated == secret:
            raise failure
        return call(rotated)

    def _get(self, appid: str, budget: Budget, *, fresh: bool = False) -> str:
        """Return the secret; `fresh` bypasses the cache. Raises `OpenApiError` 41004, or -1 if the time is up."""
        if self._plain is not None:
            return self._plain.get_secret_value()
        name = (self._name or self._parameter or "").replace("{appid}", appid)
        if not name:
            raise errors.misconfigured(NO_SECRET, self._missing, shared=True)
        try:
            secret = (None if fresh else self._find(name)) or _extract_secret(self._read(name, budget.deadline))
        except TimeoutError:
            failure = errors.out_of_time()
        except ImportError as error:
            failure = errors.library_missing(error.name)
        except OpenApiError as error:  # the stored value is not a secret
            failure = error
        except Exception as error:  # noqa: BLE001 - botocore raises many kinds of exceptions
            failure = _explain(error)
        else:
            self._keep(name, secret)
            return secret
        raise failure.detach(shared=self._is_shared)

    def _find(self, name: str) -> str | None:
        with self._kept_lock:
            until, secret = self._kept.get(name, (0.0, None))
        return secret if time.time() < until else None

    def _keep(self, name: str, secret: str) -> None:
        # Powertools' own cache has no bound: it keeps any number of values of any length until the process ends.
        with self._kept_lock:
            self._kept[name] = (time.time() + MAX_AGE_SECONDS, secret)
            self._kept.move_to_end(name)
            if len(self._kept) > MINI_PROGRAMS:
                self._kept.popitem(last=False)

    def _read(self, name: str, deadline: Deadline) -> object:
        if self._provider is None:
            # The timeout of the exchange does not include loading boto3, which takes 300 ms of a whole CPU, or 4 s with
            # the smallest memory size.
            self._provider = call_within(deadline.limit(LONGEST_SECONDS), self._create_provider)
        provider = self._provider
        options: dict[str, Any] = {} if self._name else {"decrypt": True}
        seconds = deadline.limit(self._timeout_seconds)
        return call_within(seconds, lambda: provider.get(name, max_age=0, force_fetch=True, **options))

    def _create_provider(self) -> "BaseProvider":
        from handler.app_secret.aws import create_provider  # noqa: PLC0415 - loads boto3

        return create_provider("secrets" if self._name else "ssm", self._timeout_seconds)


def _explain(error: Exception) -> OpenApiError:
    """Return the error for a failure of AWS's client. Leaves out the client's text, because it may contain ARNs."""
    cause = error.__context__ or error  # Powertools wraps every error in its own
    failure = getattr(cause, "failure", None) or cause  # `NoAnswerError` has a `failure`
    if isinstance(failure, OpenApiError):
        return errors.misconfigured(NO_SECRET, f"appsecret unreadable: {failure.reason}", hint=failure.hint)
    answer = getattr(cause, "response", None) or {}  # botocore's `ClientError` has a `response`
    code = str(answer.get("Error", {}).get("Code", ""))
    name = code if re.fullmatch("[A-Za-z0-9]{1,64}", code) else type(cause).__name__
    return errors.misconfigured(NO_SECRET, f"appsecret unreadable: {name} from AWS (check name, permission and region)")


def _extract_secret(value: object) -> str:
    """Return the secret in a stored value: the text itself, or the value of `secret` in a JSON object."""
    parsed = try_parse_object(value)
    text = value if parsed is None else parsed.get("secret")
    if not (isinstance(text, str) and text.strip()):
        reason = "appsecret unreadable: it is neither text nor a JSON object with the key secret"
        raise errors.misconfigured(NO_SECRET, reason)
    if len(text.strip()) > LONGEST:
        raise errors.misconfigured(NO_SECRET, f"appsecret unreadable: longer than {LONGEST} characters")
    return text.strip()
