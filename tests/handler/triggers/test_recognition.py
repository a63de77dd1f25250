"""Every trigger's events are recognised, and other events are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gray_release.invoke import LambdaContext, create_scf_context
from gray_release.sandbox.server import APPID, Sandbox
from handler import triggers
from handler.app import lambda_handler, main_handler
from handler.contract import OpenApiError
from tests.http_events import (
    Make,
    answer,
    sample,
)
from tests.support import DOCUMENTED, PLAN, Invoke, Log, catch_error, json_values

HTTPS_PATH = "/wxa/getgrayreleaseplan"


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (sample("direct"), "direct"),
        (None, "direct"),
        ([], "unsupported"),
        (sample("eventbridge-schedule"), "eventbridge"),
        (sample("scf-timer"), "timer"),
        (sample("rest-api"), "rest-api"),
        (sample("http-api"), "http-api"),
        (sample("function-url"), "http-api"),
        (sample("load-balancer"), "load-balancer"),
        (sample("scf-function-url"), "scf-http"),
        (sample("scf-api-gateway"), "scf-http"),
    ],
)
def test_recognised(event: Any, name: str) -> None:
    """Each event is assigned to its trigger."""
    assert triggers.recognise(event).name == name


SAMPLES: dict[str, Any] = json.loads(Path("tests/handler/triggers/powertools-events.json").read_text("utf-8"))
SERVED = {name: event for name, event in SAMPLES.items() if name.startswith(("alb", "lambdaFunctionUrl"))} | {
    name: event for name, event in SAMPLES.items() if name.startswith(("apiGatewayProxy", "apigatewayeSchema"))
}
# The name of the trigger in a refusal, by the beginning of the sample's name.
KINDS = {
    "activeMQ": "aws:amq",
    "apiGatewayAuthorizer": "API Gateway authorizer",
    "appSyncAuthorizer": "AppSync authorizer",
    "appSyncBatch": "a list",
    "appSync": "AppSync",
    "awsConfig": "AWS Config",
    "bedrock": "Bedrock",
    "cloudWatchAlarm": "CloudWatch alarm",
    "cloudWatchDashboard": "CloudWatch dashboard",
    "cloudWatchLog": "CloudWatch Logs",
    "cloudformation": "CloudFormation",
    "codeDeploy": "CodeDeploy",
    "codePipeline": "CodePipeline",
    "cognito": "Cognito",
    "connect": "Connect",
    "dynamo": "aws:dynamodb",
    "eventBridge": "EventBridge (aws.ec2)",
    "kafkaEventMsk": "aws:kafka",
    "kafkaEventSelfManaged": "aws:SelfManagedKafka",
    "kinesisFirehose": "Firehose",
    "kinesisStream": "aws:kinesis",
    "rabbitMQ": "aws:rmq",
    "s3BatchOperation": "S3 Batch",
    "s3EventBridge": "EventBridge (aws.s3)",
    "s3Object": "S3 Object Lambda",
    "s3Sqs": "aws:sqs",
    "s3": "aws:s3",
    "secretsManager": "Secrets Manager",
    "ses": "aws:ses",
    "snsSqs": "aws:sqs",
    "sns": "aws:sns",
    "sqs": "aws:sqs",
    "vpcLattice": "VPC Lattice",
}
# From the documentation of SCF's triggers, of Lambda and of CloudEvents.
OTHERS: dict[str, Any] = {
    "cos": {
        "Records": [{"cos": {"cosBucket": {"appid": "1250000000"}}, "event": {"eventName": "cos:ObjectCreated:Put"}}]
    },
    "CMQ": {"Records": [{"CMQ": {"type": "topic", "topicName": "t", "msgBody": '{"appid":"wx1"}'}}]},
    "Ckafka": {"Records": [{"Ckafka": {"topic": "t", "partition": 1, "offset": 36, "msgKey": "None", "msgBody": "x"}}]},
    "TDMQ": {"Records": [{"TDMQ": {"topic": "t", "msgBody": "x"}}]},
    "cf": {"Records": [{"cf": {"config": {"eventType": "viewer-request"}, "request": {"uri": "/"}}}]},
    "CLS": {"clslogs": {"data": "ewogICJ0b3BpY19pZCI6ICIifQ=="}},
    "MPS": {"eventType": "WorkflowTask", "workflowTaskEvent": {"taskId": "1"}},
    "CloudEvents": {"specversion": "1.0", "id": "1", "source": "cos.cloud.tencent", "type": "cos:created:object"},
    "Lex": {"messageVersion": "1.0", "inputTranscript": "hello", "bot": {"name": "b"}},
    "WebSocket": {"requestContext": {"connectionId": "c", "eventType": "MESSAGE"}, "body": "x"},
    "a batch of records": {"Records": ["x"]},
    "a list": [{"messageId": "1", "body": "{}"}],
}


def test_sample_counts() -> None:
    """All of Powertools' 104 samples are either served or refused."""
    assert len(SAMPLES) == 104
    assert len(SERVED) == 25


@pytest.mark.parametrize("name", sorted(SERVED))
def test_samples_of_http(sandbox: Sandbox, invoke: Invoke, name: str) -> None:
    """Each HTTP sample gets an HTTP response: a result, or 400 for a body that is not a JSON object."""
    reply = invoke(SERVED[name])
    status, body = reply["statusCode"], json.loads(reply["body"])
    is_text = name in {"lambdaFunctionUrlEventPathTrailingSlash", "lambdaFunctionUrlIAMEvent"}
    assert (status, body["errCode"]) == ((400, 40097) if is_text else (200, 0))
    assert sandbox.count(PLAN) == (0 if is_text else 1)


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - SERVED.keys()))
def test_samples_of_others(sandbox: Sandbox, invoke: Invoke, name: str) -> None:
    """Every other sample gives errCode 40097 with the name of its trigger, and no request goes to WeChat."""
    error = catch_error(invoke, SAMPLES[name])
    assert error.errCode == 40097
    assert next(kind for start, kind in KINDS.items() if name.startswith(start)) in error.reason
    assert sandbox.requests == []


@pytest.mark.parametrize("kind", OTHERS)
def test_others(sandbox: Sandbox, kind: str) -> None:
    """Events of Tencent's other triggers, and of other AWS services, give errCode 40097 with the trigger's name."""
    for entry_point, context in ((main_handler, create_scf_context()), (lambda_handler, LambdaContext())):
        with pytest.raises(OpenApiError) as caught:
            entry_point(OTHERS[kind], context)
        assert caught.value.errCode == 40097
        assert kind in caught.value.reason
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "event",
    [
        {"Input": {"appid": APPID}},
        {"data": {"appid": APPID}},
        {"body": json.dumps({"appid": APPID})},
        {"Payload": f'[{{"appid":"{APPID}"}}]'},
        {"mini_programs": [APPID]},
        {"GetGrayReleasePlanFunction": {"WECHAT_APPID": APPID}},
        {"task": {"id": 1}, "userInfo": {"appId": APPID}},
        {"convertCase": True, "input": {"appid": APPID}},
        {"convert_case": False, "accessToken": "", "input": [1]},
    ],
)
def test_wrapped_arguments(sandbox: Sandbox, invoke: Invoke, make: Make, event: Any) -> None:
    """Arguments inside an unknown key are refused, in an event and in a body."""
    assert catch_error(invoke, event).errCode == 40097
    assert answer(invoke(make("POST", "/", "", json.dumps(event))))[0] == 400
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "event",
    [
        {"userInfo": {"appId": "wx0000000000000000", "openId": "o"}, "tcbContext": {"env": "e"}},
        {"Execution": {"Id": "arn:aws:states:::e"}, "State": {"Name": "Ask"}, "StateMachine": {"Id": "x"}, "Task": {}},
        {"context": {"Execution": {"Id": "x"}}, "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:aws:states:::e"},
        {"action": "getGrayReleasePlan", "data": {}},
        {"action": "openapi.operation.getGrayReleasePlan", "userInfo": {"appId": "x"}},
        {"key1": "value1", "key2": "value2", "key3": "value3"},
        {"appid": APPID, "Records": [{"eventSource": "aws:sqs"}], "input": {"list": [1]}},
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_harmless_keys(invoke: Invoke, event: Any) -> None:
    """Keys that WeChat's cloud, Step Functions and test events add are ignored, as is any key next to an argument."""
    assert invoke(event) == DOCUMENTED


def test_the_log_names_the_trigger(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """The log line names the trigger."""
    invoke(sample("function-url"))
    assert sandbox.count(HTTPS_PATH) == 1
    assert log()[-1]["trigger"] == "http-api"


http_parts = st.fixed_dictionaries(
    {},
    optional={
        "httpMethod": st.sampled_from(["GET", "POST", "HEAD"]) | json_values,
        "path": st.sampled_from(["/", HTTPS_PATH]) | json_values,
        "rawPath": json_values,
        "rawQueryString": json_values,
        "version": json_values,
        "requestContext": st.fixed_dictionaries(
            {}, optional={"http": json_values, "elb": json_values, "stage": json_values}
        )
        | json_values,
        "headers": json_values,
        "multiValueHeaders": json_values,
        "queryString": json_values,
        "queryStringParameters": json_values,
        "multiValueQueryStringParameters": json_values,
        "isBase64Encoded": json_values,
        "body": json_values,
        "source": st.just("aws.events") | json_values,
        "detail-type": json_values,
        "detail": json_values,
        "Type": st.just("Timer") | json_values,
        "Message": json_values,
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=http_parts | json_values, context=json_values)
def test_any_event(sandbox: Sandbox, event: Any, context: Any) -> None:
    """For any event and context, the outcome is a result, an HTTP reply or an OpenApiError."""
    sandbox.requests.clear()
    for entry_point in (lambda_handler, main_handler):
        try:
            reply = entry_point(event, context)
        except OpenApiError as error:
            reply = error.to_dict()
        if "statusCode" in reply:
            assert reply["statusCode"] in {200, 400, 405, 502}
            reply = json.loads(reply["body"] or '{"errCode":0}')
        assert reply.get("errCode", reply.get("errcode")) in {0, 40001, 40013, 40097, 40125, 43001}, reply
