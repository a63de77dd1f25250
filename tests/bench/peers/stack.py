"""Peer (c): the same libraries as this function, used plainly: wechatpy, pydantic, Powertools' Logger and Metrics."""

import os
from typing import Optional

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from wechatpy import WeChatClient

BASE = os.environ["WECHAT_API_BASE_URL"]
logger = Logger(service="get-gray-release-plan")
metrics = Metrics(namespace="GrayRelease", service="get-gray-release-plan")


class Plan(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")

    status: Optional[int] = None
    create_timestamp: Optional[int] = None
    default_finish_timestamp: Optional[int] = None
    gray_percentage: Optional[float] = None


class Reply(BaseModel):
    errCode: int = 0
    errMsg: str = "openapi.operation.getGrayReleasePlan:ok"
    grayReleasePlan: Optional[Plan] = None


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


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event, context):
    body = client(event).get(f"{BASE}/wxa/getgrayreleaseplan")
    reply = Reply(grayReleasePlan=Plan(**body["gray_release_plan"]))
    logger.info("release", extra={"plan": reply.grayReleasePlan.model_dump()})
    metrics.add_metric(name="Failures", unit=MetricUnit.Count, value=0)
    metrics.add_metric(name="GrayPercentage", unit=MetricUnit.Percent, value=reply.grayReleasePlan.gray_percentage)
    metrics.add_metric(name="PlanStatus", unit=MetricUnit.NoUnit, value=reply.grayReleasePlan.status)
    return reply.model_dump(by_alias=True)
