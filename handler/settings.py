"""The environment, validated once per process. Nothing else reads `os.environ`."""

import functools
import ipaddress
import os
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from handler.contract import NO_APPID, NO_SECRET, SYSTEM_ERROR, Appid, OpenApiError


def _base_url(url: str) -> str:
    """Accept https anywhere, and http where the wire is not public: loopback, private addresses, local names."""
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be http(s)://host[:port][/path]")
    if parts.scheme == "http" and not _is_private(host):
        raise ValueError("plain http would show tokens to everyone on the way")
    if parts.port == 0:
        raise ValueError("port 0")
    return url.rstrip("/")


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".localhost"))


class Settings(BaseModel):
    """The function's environment variables: each field is read from its name in upper case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, validate_default=True)

    wechat_appid: Appid | None = Field(None, description="AppID of the mini program")
    wechat_secret: SecretStr | None = Field(None, description="its AppSecret")
    wechat_api_base_url: Annotated[str, AfterValidator(_base_url)] = Field(
        "https://api.weixin.qq.com", description="where WeChat's API is reached; plain http only for a private host"
    )
    wechat_timeout_seconds: float = Field(5, gt=0, le=900, description="seconds for one whole exchange with WeChat")
    on_error: Literal["raise", "return"] = Field(
        "raise", description="whether an event that is not HTTP gets a failure raised or returned as its result"
    )

    def appid(self, given: str | None) -> str:
        """Return the appid to act for: the given one, else the configured one. Raises `OpenApiError` 41002."""
        appid = given or self.wechat_appid
        if appid is None:
            raise OpenApiError(NO_APPID, "appid missing: set WECHAT_APPID or pass appid", status=500)
        return appid

    def secret(self) -> str:
        """Return the AppSecret. Raises `OpenApiError` 41004 when there is none."""
        if self.wechat_secret is None:
            raise OpenApiError(NO_SECRET, "appsecret missing: set WECHAT_SECRET", status=500)
        return self.wechat_secret.get_secret_value()


VARIABLES = tuple(name.upper() for name in Settings.model_fields)


def load() -> Settings:
    """Read the environment; an empty variable counts as unset. The same environment gives the same object.

    Raises `OpenApiError` -1 that names the variables at fault and never shows their values.
    """
    return _parse(tuple(map(os.environ.get, VARIABLES)))


@functools.lru_cache(maxsize=4)
def _parse(values: tuple[str | None, ...]) -> Settings:
    try:
        return Settings.model_validate(
            {name.lower(): value for name, value in zip(VARIABLES, values, strict=True) if value}
        )
    except ValidationError as error:
        names = ", ".join(sorted({str(detail["loc"][0]).upper() for detail in error.errors(include_input=False)}))
    raise OpenApiError(SYSTEM_ERROR, f"invalid settings: {names}", status=500)
