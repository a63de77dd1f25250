"""The environment, validated."""

import re

import pytest

from handler import settings
from handler.contract import OpenApiError
from tests.support import Configure


@pytest.mark.parametrize(
    "url",
    [
        "https://api.weixin.qq.com",
        "https://api2.weixin.qq.com/",
        "https://proxy.example.com:8443/wechat",
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
        "http://172.17.0.1:8080",
        "http://sandbox:8080",
        "http://host.docker.internal:8080",
    ],
)
def test_base_url(configure: Configure, url: str) -> None:
    """WeChat may be reached by https anywhere, and by http where the wire is private."""
    configure(WECHAT_API_BASE_URL=url)
    assert settings.load().wechat_api_base_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WECHAT_API_BASE_URL", "http://api.weixin.qq.com"),
        ("WECHAT_API_BASE_URL", "http://8.8.8.8"),
        ("WECHAT_API_BASE_URL", "ftp://127.0.0.1"),
        ("WECHAT_API_BASE_URL", "api.weixin.qq.com"),
        ("WECHAT_API_BASE_URL", "https://user:hush@api.weixin.qq.com"),
        ("WECHAT_API_BASE_URL", "https://api.weixin.qq.com?hush=1"),
        ("WECHAT_API_BASE_URL", "https://api.weixin.qq.com:99999"),
        ("WECHAT_API_BASE_URL", "https://["),
        ("WECHAT_TIMEOUT_SECONDS", "hush"),
        ("WECHAT_TIMEOUT_SECONDS", "0"),
        ("WECHAT_TIMEOUT_SECONDS", "-1"),
        ("WECHAT_TIMEOUT_SECONDS", "nan"),
        ("WECHAT_APPID", "hush/hush"),
        ("ON_ERROR", "hush"),
    ],
)
def test_invalid_settings(configure: Configure, name: str, value: str) -> None:
    """An invalid variable is -1 with its name, and its value is not shown."""
    configure(**{name: value})
    with pytest.raises(OpenApiError) as caught:
        settings.load().check()
    assert (caught.value.errCode, caught.value.status) == (-1, 500)
    assert re.search(f"invalid settings: {name} must [a-z]", caught.value.errMsg)
    assert "hush" not in f"{caught.value!r} {caught.value.__context__}"


def test_empty_is_unset(configure: Configure) -> None:
    """An empty variable counts as unset, as templates leave them."""
    for name in settings.VARIABLES:
        configure(**{name: ""})
    assert settings.load() == settings.Settings()


def test_repr_hides_secrets(configure: Configure) -> None:
    """Settings show no secret, however they are printed."""
    configure(WECHAT_SECRET="hush-hush")
    loaded = settings.load()
    assert "hush" not in f"{loaded} {loaded!r} {loaded.model_dump()} {loaded.model_dump_json()}"
