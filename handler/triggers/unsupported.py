"""Refuse the events of other services, such as queues and buckets, with an error that names the service.

Otherwise an SQS message, which has no `appid`, would get the plan of `WECHAT_APPID`. `Arguments` refuses the events of
services that are not in this list, because it accepts no objects and lists in an event without an appid.
"""

from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments, has_argument
from handler.errors import bad_arguments
from handler.triggers.direct import Direct

# A key that only the events of one service have -> the service's name in the error. The first match counts.
KINDS = {
    "methodArn": "an API Gateway authorizer",
    "routeArn": "an API Gateway authorizer",
    "connectionId": "an API Gateway WebSocket",  # in `requestContext`
    "serviceNetworkArn": "VPC Lattice",  # in `requestContext`
    "raw_path": "VPC Lattice",
    "actionGroup": "a Bedrock agent",
    "triggerSource": "Cognito",
    "ResponseURL": "a CloudFormation custom resource",
    "LifecycleEventHookExecutionId": "CodeDeploy",
    "CodePipeline.job": "CodePipeline",
    "awslogs": "CloudWatch Logs",
    "alarmArn": "a CloudWatch alarm",
    "widgetContext": "a CloudWatch dashboard",
    "configRuleArn": "AWS Config",
    "deliveryStreamArn": "Data Firehose",
    "getObjectContext": "S3 Object Lambda",
    "invocationSchemaVersion": "S3 Batch Operations",
    "ClientRequestToken": "Secrets Manager's rotation",
    "fieldName": "AppSync",
    "stash": "AppSync",
    "authorizationToken": "an AppSync authorizer",
    "isAuthorized": "an AppSync authorizer",
    "inputTranscript": "Lex",
    "clslogs": "CLS (日志服务)",
    "workflowTaskEvent": "MPS (媒体处理)",
    "specversion": "Tencent's EventBridge (CloudEvents)",
}


class Unsupported(Direct):
    """An event of a service that this function does not support."""

    name = "unsupported"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether the event comes from another service and has no argument."""
        return not has_argument(event) and _find_kind(event) is not None

    def parse_arguments(self) -> Arguments:
        """Raise `OpenApiError` 40097 with the service's name."""
        kind = _find_kind(self.event) if isinstance(self.event, Mapping) else "a batch (a list)"
        raise bad_arguments(f"events of {kind} are not supported: the event must consist of the arguments")


def _find_kind(event: Mapping[str, Any]) -> str | None:
    context = event.get("requestContext")
    for keys in (event, context if isinstance(context, Mapping) else {}):
        for key, kind in KINDS.items():
            if key in keys:
                return kind
    details = event.get("Details")
    if isinstance(details, Mapping) and "ContactData" in details:
        return "Amazon Connect"
    if isinstance(event.get("eventSource"), str):  # Amazon MQ and Kafka
        return str(event["eventSource"])[:64]
    records = event.get("Records")
    if isinstance(records, list) and records:
        return (_find_record_kind(records[0]) if isinstance(records[0], Mapping) else None) or "a batch of records"
    return None


def _find_record_kind(record: Mapping[str, Any]) -> str | None:
    """Return a record's source: its `eventSource`, or on Tencent Cloud the key that has an object (`cos`, `Ckafka`)."""
    source = record.get("eventSource", record.get("EventSource"))
    if isinstance(source, str):
        return source[:64]
    objects = [key for key, value in record.items() if isinstance(value, Mapping)]
    return str(objects[0])[:64] if objects else None
