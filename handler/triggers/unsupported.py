"""Events of other services' triggers, which carry no arguments: each is refused, and the refusal names the trigger.

Without this an SQS message would be answered with the release of `WECHAT_APPID`. `Arguments` refuses the kinds that
are not listed here, by their shape.
"""

from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments, has_argument
from handler.errors import bad_arguments
from handler.triggers.direct import Direct

# A key that only events of this kind have, and the name of the kind. The first that fits is named.
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
    """An event that is not for this function."""

    name = "unsupported"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether the event is another service's and holds no argument."""
        return not has_argument(event) and _find_kind(event) is not None

    def parse_arguments(self) -> Arguments:
        """Refuse the event. Raises `OpenApiError` 40097 that names the trigger."""
        kind = _find_kind(self.event) if isinstance(self.event, Mapping) else "a batch (a list)"
        raise bad_arguments(f"events of {kind} are not served: the arguments must be the event itself")


def _find_kind(event: Mapping[str, Any]) -> str | None:
    context = event.get("requestContext")
    for keys in (event, context if isinstance(context, Mapping) else {}):
        for key, kind in KINDS.items():
            if key in keys:
                return kind
    details = event.get("Details")
    if isinstance(details, Mapping) and "ContactData" in details:
        return "Amazon Connect"
    if isinstance(event.get("eventSource"), str):  # brokers' messages
        return str(event["eventSource"])[:64]
    records = event.get("Records")
    if isinstance(records, list) and records:
        return (_find_record_kind(records[0]) if isinstance(records[0], Mapping) else None) or "a batch of records"
    return None


def _find_record_kind(record: Mapping[str, Any]) -> str | None:
    """Return where a record comes from: its `eventSource`, or the key of its object (`cos`, `CMQ`, `Ckafka`, `cf`)."""
    source = record.get("eventSource", record.get("EventSource"))
    if isinstance(source, str):
        return source[:64]
    objects = [key for key, value in record.items() if isinstance(value, Mapping)]
    return str(objects[0])[:64] if objects else None
