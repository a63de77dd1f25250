"""The function's own variables, validated once per process; nothing else reads them.

Those of OpenSSL (`SSL_CERT_FILE`) and Powertools (`POWERTOOLS_*`) are read where they are used.
"""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from handler.contract import NO_APPID, SYSTEM_ERROR, Appid, OpenApiError


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


def _store_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("redis://", "rediss://")):
        raise ValueError("must be redis:// or rediss://")
    return url


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".localhost"))


Source = Literal["auto", "component", "stable", "store", "cloudbase", "none"]


class Settings(BaseModel):
    """The function's environment variables: each field is read from its name in upper case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

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
    wechat_token_source: Source = Field(
        "auto", description="where tokens come from; `auto` is the first that is configured, in this order"
    )
    wechat_token_store_url: Annotated[SecretStr, AfterValidator(_store_url)] | None = Field(
        None, description="`redis://` or `rediss://` address of a store in wechatpy's layout"
    )
    wechat_cloudbase_access_token: SecretStr | None = Field(None, description="a cloudbase token")
    wechat_cloudbase_token_file: str = Field(
        "/.tencentcloudbase/wx/cloudbase_access_token", description="or the file that holds one, read each time"
    )
    wechat_api_base_url: Annotated[str, AfterValidator(_base_url)] | None = Field(
        None, description="where WeChat's API is, if not at `https://api.weixin.qq.com`; `http` only for a private host"
    )
    wechat_timeout_seconds: float = Field(
        5, gt=0, le=900, description="seconds for one whole exchange with WeChat, the store or AWS"
    )
    on_error: Literal["raise", "return"] = Field(
        "raise", description="whether an event that is not HTTP gets a failure raised, or returned as its result"
    )
    metrics_by_appid: bool = Field(
        default=False, description="whether CloudWatch keeps the metrics of each mini program too (`true`)"
    )

    def appid(self, given: str | None) -> str:
        """Return the appid to act for: the given one, else the configured one. Raises `OpenApiError` 41002."""
        appid = given or self.wechat_appid
        if appid is None:
            raise OpenApiError(NO_APPID, "appid missing: set WECHAT_APPID or pass appid", status=500)
        return appid

    def token_source(self) -> Source:
        """Return the source to use: the named one, else the first that is configured."""
        if self.wechat_token_source != "auto":
            return self.wechat_token_source
        has_component_secret = (
            self.wechat_component_secret or self.wechat_component_secret_name or self.wechat_component_secret_parameter
        )
        if self.wechat_component_appid and has_component_secret and self.wechat_token_store_url:
            return "component"
        if self.wechat_secret or self.wechat_secret_name or self.wechat_secret_parameter:
            return "stable"
        if self.wechat_token_store_url:
            return "store"
        if self.wechat_cloudbase_access_token or Path(self.wechat_cloudbase_token_file).exists():
            return "cloudbase"
        return "stable"

    def base_url(self) -> str:
        """Return where WeChat's API is: without TLS by default for cloud hosting, whose network vouches for us."""
        default = "http" if self.wechat_token_source == "none" else "https"
        return self.wechat_api_base_url or f"{default}://api.weixin.qq.com"


VARIABLES = tuple(name.upper() for name in Settings.model_fields)


def load() -> Settings:
    """Read the environment; an empty variable counts as unset.

    Raises `OpenApiError` -1 that names the variables at fault and never shows their values.
    """
    values = {name.lower(): value for name in VARIABLES if (value := os.environ.get(name))}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        names = ", ".join(sorted({str(detail["loc"][0]).upper() for detail in error.errors(include_input=False)}))
    raise OpenApiError(SYSTEM_ERROR, f"invalid settings: {names}", status=500)
