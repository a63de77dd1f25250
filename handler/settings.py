"""The function's own environment variables, read once per process.

OpenSSL's (`SSL_CERT_FILE`) and Powertools' (`POWERTOOLS_*`) are read where they are used. `Settings.check` reports
invalid ones of Powertools too.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from handler import addresses, environment
from handler.contract import Appid
from handler.errors import SYSTEM_ERROR, misconfigured

WECHATPY_KEY = "wechatpy:{appid}_access_token"  # where wechatpy keeps a mini program's token

Source = Literal["component", "stable", "store", "cloudbase", "none"]
SourceChoice = Literal["auto", Source]


class Settings(BaseModel):
    """The function's environment variables: each field is read from its name in upper case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    _problems: dict[str, str] = PrivateAttr(default_factory=dict)  # by the variable's name: the rule that it breaks

    wechat_appid: Appid | None = Field(None, description="AppID of the mini program")
    wechat_secret: SecretStr | None = Field(None, description="its AppSecret")
    wechat_secret_name: str | None = Field(
        None, description="or the AppSecret's name in Secrets Manager; `{appid}` stands for the appid"
    )
    wechat_secret_parameter: str | None = Field(
        None, description="or the name of an SSM SecureString with it; `{appid}` stands for the appid"
    )
    wechat_component_appid: Appid | None = Field(None, description="AppID of a third-party platform")
    wechat_component_secret: SecretStr | None = Field(None, description="the platform's AppSecret")
    wechat_component_secret_name: str | None = Field(None, description="or its name in Secrets Manager")
    wechat_component_secret_parameter: str | None = Field(
        None, description="or the name of an SSM SecureString with it"
    )
    wechat_token_source: SourceChoice = Field(
        "auto", description="where tokens come from; `auto` selects the first source that is configured"
    )
    wechat_token_store_url: Annotated[SecretStr, AfterValidator(addresses.check_store_url)] | None = Field(
        None,
        description="`redis://` or `rediss://` address of a token store; for the source `store` also the `https://` "
        "address of a token server, in which `{appid}` stands for the appid",
    )
    wechat_token_store_key: str = Field(
        WECHATPY_KEY,
        description="the key of a token in the store, for the source `store`; `{appid}` and `{component_appid}` stand "
        "for the two ids",
    )
    wechat_token_store_header: Annotated[SecretStr, AfterValidator(addresses.check_header)] | None = Field(
        None, description="a header for the token server, `Name: value`"
    )
    wechat_cloudbase_access_token: SecretStr | None = Field(None, description="a cloudbase token")
    wechat_cloudbase_token_file: str = Field(
        "/.tencentcloudbase/wx/cloudbase_access_token",
        description="or the file that holds one; it is read for each call",
    )
    wechat_api_base_url: Annotated[str, AfterValidator(addresses.check_base_url)] | None = Field(
        None, description="where WeChat's API is, if not at `https://api.weixin.qq.com`; `http` only for a private host"
    )
    wechat_timeout_seconds: float = Field(
        5,
        gt=0,
        le=900,
        description="the longest that one exchange with WeChat, the store or AWS may take, in seconds",
    )
    on_error: Literal["raise", "return"] = Field(
        "raise",
        description="whether a failure is raised or returned as the result; an HTTP event always gets a response",
    )
    metrics_by_appid: bool = Field(
        default=False, description="`true`: CloudWatch also keeps the metrics of each mini program"
    )

    def check(self, *fields: str) -> None:
        """Raise `OpenApiError` -1 if variables break their rules: those of these fields, or of all fields."""
        names = [name.upper() for name in fields]
        problems = [f"{name} {rule}" for name, rule in self._problems.items() if not names or name in names]
        if problems:
            raise misconfigured(SYSTEM_ERROR, f"invalid settings: {'; '.join(problems)}", shared=True)


VARIABLES = tuple(name.upper() for name in Settings.model_fields)


def load() -> Settings:
    """Read the environment. Empty and invalid variables count as unset; `check` reports the invalid ones."""
    values = {name.lower(): value for name in VARIABLES if (value := environment.read_variable(name))}
    problems: dict[str, str] = {}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(detail["loc"][0])
            problems[name.upper()] = _rule(detail["type"], detail["msg"])
            values.pop(name, None)
        settings = Settings.model_validate(values)
    settings._problems.update(problems | environment.powertools_problems)  # noqa: SLF001 - its own
    return settings


_SECONDS = "must be a number of seconds above 0, at most 900"
_RULES = {  # by the type of pydantic's error, whose own messages are incomplete or written for programmers
    "string_pattern_mismatch": "must be at most 64 letters, digits, _ and -",  # an appid
    "string_unicode": "must be UTF-8",
    "float_parsing": _SECONDS,
    "greater_than": _SECONDS,
    "less_than_equal": _SECONDS,
    "bool_parsing": "must be true or false",
}


def _rule(kind: str, message: str) -> str:
    """Return the rule that a variable breaks. Neither it nor pydantic's message shows the value."""
    message = message.removeprefix("Value error, ")
    return _RULES.get(kind, message.replace("Input should ", "must "))
