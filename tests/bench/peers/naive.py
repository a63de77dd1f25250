"""Peer (b): wechatpy as its manual shows it, and a dict as the reply."""

import os

from wechatpy import WeChatClient

BASE = os.environ["WECHAT_API_BASE_URL"]


class Client(WeChatClient):
    """wechatpy's address of the token is a literal: this is its own method with the sandbox's address."""

    API_BASE_URL = f"{BASE}/cgi-bin/"

    def fetch_access_token(self):
        params = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self._fetch_access_token(url=f"{BASE}/cgi-bin/token", params=params)


clients = {}


def client(event):
    """A client for each mini program, as its token is kept in it."""
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
