"""Source `none`: WeChat cloud hosting's open API service, which knows the caller by its network.

https://developers.weixin.qq.com/miniprogram/dev/wxcloudrun/src/guide/weixin/open.html
"""

from handler.invocation import Budget
from handler.tokens.base import Token, TokenSource


class NoToken(TokenSource):
    """No token at all."""

    name = "none"
    needs_appid = False
    knows_one = True

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Return a token that is not sent."""
        return Token("", parameter=None)
