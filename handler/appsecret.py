"""An AppSecret: given in the environment, or kept by Secrets Manager or SSM and read through Powertools."""

import json
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from handler.budget import Budget, out_of_time, within
from handler.contract import NO_SECRET, OpenApiError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.base import BaseProvider

MAX_AGE_SECONDS = 300  # a rotated secret is noticed by WeChat's refusal, long before


class AppSecret:
    """The secret of an appid: the plain one, else that of a name in Secrets Manager, else that of an SSM parameter.

    `{appid}` in either name stands for the appid. `timeout_seconds` bounds one reading.
    """

    def __init__(
        self, plain: SecretStr | None, name: str | None, parameter: str | None, timeout_seconds: float
    ) -> None:
        self._plain = plain
        self._name = name
        self._parameter = parameter
        self._timeout_seconds = timeout_seconds
        self._provider: BaseProvider | None = None
        self.can_rotate = plain is None

    def get(self, appid: str, budget: Budget, *, fresh: bool = False) -> str:
        """Return the secret, `fresh` from AWS if asked for. Raises `OpenApiError` 41004, in words that show nothing."""
        if self._plain is not None:
            return self._plain.get_secret_value()
        name = (self._name or self._parameter or "").replace("{appid}", appid)
        if not name:
            raise OpenApiError(NO_SECRET, "appsecret missing: set WECHAT_SECRET_NAME or another", status=500)
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
            from aws_lambda_powertools.utilities import parameters  # noqa: PLC0415
            from botocore.config import Config  # noqa: PLC0415

            seconds = self._timeout_seconds
            config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 2})
            provider = parameters.SecretsProvider if self._name else parameters.SSMProvider
            self._provider = provider(boto_config=config)
        options: dict[str, Any] = {} if self._name else {"decrypt": True}
        return self._provider.get(name, max_age=MAX_AGE_SECONDS, force_fetch=fresh, **options)


def _plain_text(value: object) -> str:
    """Return the secret in a stored value: the text, or the `secret` of a JSON object."""
    try:
        parsed = json.loads(str(value))
    except ValueError:
        parsed = None
    text = parsed.get("secret") if isinstance(parsed, dict) else value
    if not (isinstance(text, str) and text.strip()):
        raise OpenApiError(NO_SECRET, "appsecret unreadable: neither text nor JSON with the key secret", status=500)
    return text.strip()
