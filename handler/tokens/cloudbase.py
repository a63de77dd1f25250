"""Source `cloudbase`: reads the token of WeChat cloud hosting from a variable or from a file in the container.

https://developers.weixin.qq.com/miniprogram/dev/wxcloudrun/src/guide/weixin/token.html
"""

from pathlib import Path

from handler import errors
from handler.invocation import Budget
from handler.settings import Settings
from handler.tokens.base import LONGEST, Token, TokenSource

PLACEHOLDER = "default-tcb-wx-access-token"  # the file's content until cloud hosting writes the first token


class CloudbaseToken(TokenSource):
    """The cloudbase token. The file is read for each plan, because cloud hosting rewrites it every ten minutes."""

    name = "cloudbase"
    needs_appid = False
    knows_one = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Return the token. Raises `OpenApiError` 41001 if neither the variable nor the file has one."""
        variable = self._settings.wechat_cloudbase_access_token
        text = variable.get_secret_value() if variable else self._read_file()
        if not text or text == PLACEHOLDER or len(text) > LONGEST:
            reason = "no cloudbase token in WECHAT_CLOUDBASE_ACCESS_TOKEN or in the file at WECHAT_CLOUDBASE_TOKEN_FILE"
            raise errors.misconfigured(errors.NO_TOKEN, reason)
        return Token(text, parameter="cloudbase_access_token")

    def _read_file(self) -> str:
        try:
            with Path(self._settings.wechat_cloudbase_token_file).open(encoding="ascii") as file:
                return file.read(2 * LONGEST).strip()
        except (OSError, ValueError):
            return ""
