"""Source `none`: sends no token, because WeChat cloud hosting's open API service identifies the caller by its network.

https://developers.weixin.qq.com/miniprogram/dev/wxcloudrun/src/guide/weixin/open.html
"""

from handler.invocation import Budget
from handler.tokens.base import Token, TokenSource


class NoToken(TokenSource):
    """The source for requests without a token."""

    name = "none"
    needs_appid = False
    knows_one = True

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Return an empty token, which is not sent."""
        return Token("", parameter=None)
