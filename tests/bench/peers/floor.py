"""Peer (a), the least that is possible: only the standard library, without contract, log, metrics and limits."""

import http.client
import json
import os
import time
from urllib.parse import quote, urlsplit

BASE = urlsplit(os.environ["WECHAT_API_BASE_URL"])
APPID = os.environ["WECHAT_APPID"]
kind = http.client.HTTPSConnection if BASE.scheme == "https" else http.client.HTTPConnection
connection = kind(BASE.hostname, BASE.port, timeout=5)
tokens = {}


def fetch(method, target, body=None):
    connection.request(method, target, body)
    return json.loads(connection.getresponse().read())


def lambda_handler(event, context):
    appid = event.get("appid", APPID)
    token, expires_at = tokens.get(appid, ("", 0))
    if time.time() >= expires_at:
        fields = {"grant_type": "client_credential", "appid": appid, "secret": os.environ["WECHAT_SECRET"]}
        answer = fetch("POST", "/cgi-bin/stable_token", json.dumps(fields))
        token = answer["access_token"]
        tokens[appid] = token, time.time() + answer["expires_in"] - 300
    body = fetch("GET", f"/wxa/getgrayreleaseplan?access_token={quote(token)}")
    if body.get("errcode"):
        raise RuntimeError(body)
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
