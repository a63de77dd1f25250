"""The function's own environment variables, read once per process.

OpenSSL's variable (`SSL_CERT_FILE`) and Powertools' variables (`POWERTOOLS_*`) are read elsewhere. `Settings.check`
also reports invalid variables of Powertools.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from handler import addresses, environment
from handler.contract import Appid
from handler.errors import SYSTEM_ERROR, misconfigured

WECHATPY_KEY = "wechatpy:{appid}_access_token"  # the key in the store under which wechatpy keeps a token

Source = Literal["component", "stable", "store", "cloudbase", "none"]
SourceChoice = Literal["auto", Source]


class Settings(BaseModel):
    """The function's settings. The environment variable of each has the field's name in upper case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    _problems: dict[str, str] = PrivateAttr(default_factory=dict)  # a variable's name -> the rule that it breaks

    wechat_appid: Appid | None = Field(None, description="AppID of the mini program")
    wechat_secret: SecretStr | None = Field(None, description="the mini program's AppSecret")
    wechat_secret_name: str | None = Field(
        None,
        description="instead of `WECHAT_SECRET`: name of the secret in Secrets Manager that holds the AppSecret; "
        "`{appid}` stands for the appid",
    )
    wechat_secret_parameter: str | None = Field(
        None,
        description="instead of `WECHAT_SECRET`: name of the SSM SecureString that holds the AppSecret; `{appid}` "
        "stands for the appid",
    )
    wechat_component_appid: Appid | None = Field(None, description="AppID of a third-party platform")
    wechat_component_secret: SecretStr | None = Field(None, description="the platform's AppSecret")
    wechat_component_secret_name: str | None = Field(
        None,
        description="instead of `WECHAT_COMPONENT_SECRET`: name of the secret in Secrets Manager that holds the "
        "platform's AppSecret",
    )
    wechat_component_secret_parameter: str | None = Field(
        None,
        description="instead of `WECHAT_COMPONENT_SECRET`: name of the SSM SecureString that holds the platform's "
        "AppSecret",
    )
    wechat_token_source: SourceChoice = Field(
        "auto", description="where tokens come from; `auto` selects the first source whose variables are set"
    )
    wechat_token_store_url: Annotated[SecretStr, AfterValidator(addresses.check_store_url)] | None = Field(
        None,
        description="address of a token store, `redis://` or `rediss://`; the source `store` also accepts the "
        "`https://` address of a token server, in which `{appid}` stands for the appid",
    )
    wechat_token_store_key: str = Field(
        WECHATPY_KEY,
        description="for the source `store`: a token's key in the store; `{appid}` stands for the mini program's appid "
        "and `{component_appid}` for the platform's",
    )
    wechat_token_store_header: Annotated[SecretStr, AfterValidator(addresses.check_header)] | None = Field(
        None, description="a header of the requests to the token server, as `Name: value`"
    )
    wechat_cloudbase_access_token: SecretStr | None = Field(
        None, description="a `cloudbase_access_token` of WeChat's cloud hosting"
    )
    wechat_cloudbase_token_file: str = Field(
        "/.tencentcloudbase/wx/cloudbase_access_token",
        description="the file that holds a `cloudbase_access_token`; the function reads it in each invocation",
    )
    wechat_api_base_url: Annotated[str, AfterValidator(addresses.check_base_url)] | None = Field(
        None,
        description="address of WeChat's API; the default is `https://api.weixin.qq.com`. `http` only for a private "
        "host",
    )
    wechat_timeout_seconds: float = Field(
        5,
        gt=0,
        le=900,
        description="timeout of each exchange with WeChat, the store or AWS, in seconds",
    )
    on_error: Literal["raise", "return"] = Field(
        "raise",
        description="whether the function raises a failure or returns it as the result; an HTTP event always gets a "
        "response",
    )
    metrics_by_appid: bool = Field(
        default=False, description="`true`: the function also publishes metrics for each mini program"
    )

    def check(self, *fields: str) -> None:
        """Raise `OpenApiError` -1 if variables of these fields break their rules. Without fields, check all."""
        names = [name.upper() for name in fields]
        problems = [f"{name} {rule}" for name, rule in self._problems.items() if not names or name in names]
        if problems:
            raise misconfigured(SYSTEM_ERROR, f"invalid settings: {'; '.join(problems)}", shared=True)


VARIABLES = tuple(name.upper() for name in Settings.model_fields)


def load() -> Settings:
    """Read the environment. Empty and invalid variables count as unset, but `check` reports invalid ones."""
    values = {name.lower(): value for name in VARIABLES if (value := environment.read_variable(name))}
    problems: dict[str, str] = {}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(detail["loc"][0])
            problems[name.upper()] = _describe_rule(detail["type"], detail["msg"])
            values.pop(name, None)
        settings = Settings.model_validate(values)
    settings._problems.update(problems | environment.powertools_problems)  # noqa: SLF001 - this module's class
    return settings


_SECONDS = "must be a number of seconds above 0, at most 900"
_RULES = {  # the keys are types of pydantic's errors, whose own messages are incomplete or written for programmers
    "string_pattern_mismatch": "must be at most 64 letters, digits, _ and -",  # an appid
    "string_unicode": "must be UTF-8",
    "float_parsing": _SECONDS,
    "greater_than": _SECONDS,
    "less_than_equal": _SECONDS,
    "bool_parsing": "must be true or false",
}


def _describe_rule(kind: str, message: str) -> str:
    """Return the rule that a variable breaks, never its value. pydantic's message does not show the value either."""
    message = message.removeprefix("Value error, ")
    return _RULES.get(kind, message.replace("Input should ", "must "))
