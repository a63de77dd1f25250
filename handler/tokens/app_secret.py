"""An AppSecret: given in the environment, or kept by Secrets Manager or SSM and read through Powertools."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from handler.contract import NO_SECRET, OpenApiError, json_object
from handler.invocation import Budget, out_of_time, within
from handler.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.base import BaseProvider
    from pydantic import SecretStr

T = TypeVar("T")

_WRONG_SECRET = 40125
MAX_AGE_SECONDS = 300  # a rotated secret is noticed by WeChat's refusal, long before


class AppSecret:
    """The AppSecret that settings of this prefix name: the plain one, else Secrets Manager's, else SSM's.

    `{appid}` in a name stands for the appid.
    """

    def __init__(self, settings: Settings, prefix: Literal["wechat", "wechat_component"]) -> None:
        self._plain: SecretStr | None = getattr(settings, f"{prefix}_secret")
        self._name: str | None = getattr(settings, f"{prefix}_secret_name")
        self._parameter: str | None = getattr(settings, f"{prefix}_secret_parameter")
        self._missing = f"appsecret missing: set {prefix.upper()}_SECRET_NAME, _SECRET_PARAMETER or _SECRET"
        self._timeout_seconds = settings.wechat_timeout_seconds
        self._provider: BaseProvider | None = None

    def use(self, appid: str, budget: Budget, call: Callable[[str], T]) -> T:
        """Make a call with the secret. If WeChat finds it wrong and AWS has another by now, make it with that one."""
        secret = self._get(appid, budget)
        try:
            return call(secret)
        except OpenApiError as error:
            if error.errCode != _WRONG_SECRET or self._plain or not budget.allows("token"):
                raise
            rotated = self._get(appid, budget, fresh=True)
            if rotated == secret:
                raise
        return call(rotated)

    def _get(self, appid: str, budget: Budget, *, fresh: bool = False) -> str:
        """Return the secret, `fresh` from AWS if asked for. Raises `OpenApiError` 41004, in words that show nothing."""
        if self._plain is not None:
            return self._plain.get_secret_value()
        name = (self._name or self._parameter or "").replace("{appid}", appid)
        if not name:
            raise OpenApiError(NO_SECRET, self._missing, status=500)
        try:
            value = within(budget.timeout(self._timeout_seconds), lambda: self._read(name, fresh=fresh))
        except TimeoutError:
            raise out_of_time() from None
        except Exception as error:  # noqa: BLE001 - botocore's many, whose texts hold ARNs
            reason = f"appsecret unreadable: {type(error).__name__} from AWS (name, permission or region?)"
            raise OpenApiError(NO_SECRET, reason, status=500) from None
        return _plain_text(value)

    def _read(self, name: str, *, fresh: bool) -> object:
        if self._provider is None:
            # boto3 alone takes 300 ms to load: only those who keep secrets there pay for it.
            from aws_lambda_powertools.utilities import parameters  # noqa: PLC0415 - it loads boto3
            from botocore.config import Config  # noqa: PLC0415 - the same

            seconds = self._timeout_seconds
            config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 2})
            provider = parameters.SecretsProvider if self._name else parameters.SSMProvider
            self._provider = provider(boto_config=config)
        options: dict[str, Any] = {} if self._name else {"decrypt": True}
        return self._provider.get(name, max_age=MAX_AGE_SECONDS, force_fetch=fresh, **options)


def _plain_text(value: object) -> str:
    """Return the secret in a stored value: the text, or the `secret` of a JSON object."""
    parsed = json_object(str(value))
    text = value if parsed is None else parsed.get("secret")
    if not (isinstance(text, str) and text.strip()):
        raise OpenApiError(NO_SECRET, "appsecret unreadable: neither text nor JSON with the key secret", status=500)
    return text.strip()
