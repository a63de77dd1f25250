"""Reading and validating the environment."""

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
    """WeChat's address may be any https URL, or an http URL on a private network."""
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
    """If a variable is invalid, the errCode is -1. The errMsg names the variable, and does not show its value."""
    configure(**{name: value})
    with pytest.raises(OpenApiError) as caught:
        settings.load().check()
    assert (caught.value.errCode, caught.value.status) == (-1, 500)
    assert re.search(f"invalid settings: {name} must [a-z]", caught.value.errMsg)
    assert "hush" not in f"{caught.value!r} {caught.value.__context__}"


RULES = {
    "WECHAT_APPID": "must be at most 64 letters, digits, _ and -",
    "WECHAT_COMPONENT_APPID": "must be at most 64 letters, digits, _ and -",
    "WECHAT_TOKEN_SOURCE": "must be 'auto', 'component', 'stable', 'store', 'cloudbase' or 'none'",
    "WECHAT_TOKEN_STORE_URL": "must be redis(s)://[user:password@]host[:port][/number], with / ? # @ in the password "
    "written as %2F %3F %23 %40, or the https://host[:port]/path of a token server (http:// only for a private host)",
    "WECHAT_TOKEN_STORE_HEADER": "must be a header, Name: value",
    "WECHAT_API_BASE_URL": "must be http(s)://host[:port][/path]",
    "WECHAT_TIMEOUT_SECONDS": "must be a number of seconds above 0, at most 900",
    "ON_ERROR": "must be 'raise' or 'return'",
    "METRICS_BY_APPID": "must be true or false",
}


def test_rules(configure: Configure) -> None:
    """The error for an invalid variable says which values are valid."""
    configure(**dict.fromkeys(RULES, "hush, hush"))
    with pytest.raises(OpenApiError) as caught:
        settings.load().check()
    told = "; ".join(f"{name} {RULES[name]}" for name in settings.VARIABLES if name in RULES)
    assert caught.value.reason == f"invalid settings: {told}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://store.internal",
        "rediss://user:p%2Fss@store.example.com:6380/15",
        "redis://[::1]:6379/0",
        "https://tokens.example.com",
        "https://tokens.example.com:8443/{component_appid}/{appid}?key=a&appid={appid}",
        "http://10.0.0.5/token?appid={appid}",
        "http://192.168.1.2:8081/inner/authorizer-access-token?appid={appid}",
        "http://127.0.0.1/",
        "http://[fd00::5]/",
        "http://tokens/",
        "http://tokens.internal/",
        "http://tokens.local/",
    ],
)
def test_store_url(configure: Configure, url: str) -> None:
    """A store may be Redis on any host, or a token server: https on any host, or http on a private one."""
    configure(WECHAT_TOKEN_STORE_URL=url)
    loaded = settings.load()
    loaded.check()
    assert loaded.wechat_token_store_url is not None
    assert loaded.wechat_token_store_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WECHAT_TOKEN_STORE_URL", "http://hush.example.com/token"),
        ("WECHAT_TOKEN_STORE_URL", "http://8.8.8.8/hush"),
        ("WECHAT_TOKEN_STORE_URL", "http://[2001:4860:4860::8888]/hush"),
        ("WECHAT_TOKEN_STORE_URL", "https://hush:hush@tokens.example.com/"),
        ("WECHAT_TOKEN_STORE_URL", "https://tokens.example.com/#hush"),
        ("WECHAT_TOKEN_STORE_URL", "https://tokens.example.com/hush hush"),
        ("WECHAT_TOKEN_STORE_URL", "https:///hush"),
        ("WECHAT_TOKEN_STORE_URL", "https://{appid}.example.com/hush"),
        ("WECHAT_TOKEN_STORE_URL", "redis://:hu/sh@store"),
        ("WECHAT_TOKEN_STORE_URL", "redis://store/hush"),
        ("WECHAT_TOKEN_STORE_URL", "redis://store/0?hush=1"),
        ("WECHAT_TOKEN_STORE_URL", "redis://store:0"),
        ("WECHAT_TOKEN_STORE_URL", "store:6379"),
        ("WECHAT_TOKEN_STORE_HEADER", "hush"),
        ("WECHAT_TOKEN_STORE_HEADER", ": hush"),
        ("WECHAT_TOKEN_STORE_HEADER", "X Y: hush"),
        ("WECHAT_TOKEN_STORE_HEADER", "X: hush\r\nY: hush"),
        ("WECHAT_TOKEN_STORE_HEADER", "X: h\u00fcsh"),
    ],
)
def test_invalid_store(configure: Configure, name: str, value: str) -> None:
    """An invalid URL or header is refused. The errMsg gives the rule and does not show the value."""
    configure(**{name: value})
    loaded = settings.load()
    with pytest.raises(OpenApiError) as caught:
        loaded.check()
    assert caught.value.reason == f"invalid settings: {name} {RULES[name]}"
    assert "hush" not in f"{caught.value!r} {caught.value.__context__} {loaded!r}"


def test_empty_is_unset(configure: Configure) -> None:
    """An empty variable counts as unset, because templates leave variables empty."""
    for name in settings.VARIABLES:
        configure(**{name: ""})
    assert settings.load() == settings.Settings()


@pytest.mark.parametrize("text", [" {}", "{}\n", "\t{}\r\n", "\ufeff{}", "{}\u3000", "\u00a0{} \n"])
def test_blanks_around(configure: Configure, text: str) -> None:
    """Blanks, newlines and a byte order mark around a value are ignored."""
    values = {
        "WECHAT_APPID": "wx1",
        "WECHAT_SECRET": "s e",
        "WECHAT_SECRET_NAME": "{appid}/secret",
        "WECHAT_TOKEN_SOURCE": "store",
        "WECHAT_TOKEN_STORE_URL": "redis://store.internal",
        "WECHAT_TOKEN_STORE_HEADER": "X-Key: k",
        "WECHAT_API_BASE_URL": "https://api.weixin.qq.com",
        "WECHAT_TIMEOUT_SECONDS": "3",
        "ON_ERROR": "return",
        "METRICS_BY_APPID": "true",
    }
    configure(**values)
    plain = settings.load()
    configure(**{name: text.replace("{}", value) for name, value in values.items()})
    stripped = settings.load()
    stripped.check()
    assert stripped == plain


def test_blanks_are_unset(configure: Configure) -> None:
    """A variable that has only blanks counts as unset."""
    for name in settings.VARIABLES:
        configure(**{name: " \n"})
    assert settings.load() == settings.Settings()


def test_repr_hides_secrets(configure: Configure) -> None:
    """The repr of the settings contains no secret."""
    configure(WECHAT_SECRET="hush-hush")
    loaded = settings.load()
    assert "hush" not in f"{loaded} {loaded!r} {loaded.model_dump()} {loaded.model_dump_json()}"
