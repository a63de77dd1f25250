"""Peer (b) of the bench: wechatpy used as in its manual; the handler returns a plain dict."""

import os

from wechatpy import WeChatClient

BASE = os.environ["WECHAT_API_BASE_URL"]


class Client(WeChatClient):
    """A copy of wechatpy's method with the sandbox's address, because wechatpy's address is fixed in its code."""

    API_BASE_URL = f"{BASE}/cgi-bin/"

    def fetch_access_token(self):
        params = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self._fetch_access_token(url=f"{BASE}/cgi-bin/token", params=params)


clients = {}


def client(event):
    """Return a client for each mini program, because each client keeps only one token."""
    appid = event.get("appid", os.environ["WECHAT_APPID"])
    if appid not in clients:
        clients[appid] = Client(appid, os.environ["WECHAT_SECRET"])
    return clients[appid]


client({})


def lambda_handler(event, context):
    body = client(event).get(f"{BASE}/wxa/getgrayreleaseplan")
    plan = body["gray_release_plan"]
    return {
        "errCode": 0,
        "errMsg": "openapi.operation.getGrayReleasePlan:ok",
        "grayReleasePlan": {
            "status": plan["status"],
            "createTimestamp": plan["create_timestamp"],
            "defaultFinishTimestamp": plan["default_finish_timestamp"],
            "grayPercentage": plan["gray_percentage"],
        },
    }
