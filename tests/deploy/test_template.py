"""The template: every setting is declared, privileges are least, and changes take effect."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from handler.settings import VARIABLES
from tests.deploy.cloudformation import PARAMETERS, TEMPLATE, Stack

NAME = "GetGrayReleasePlanFunction"
FUNCTION = TEMPLATE["Resources"][NAME]["Properties"]
POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
MACHINES = ("Sweep", "Watch")
LIBRARIES = POWERTOOLS | {"PYDANTIC_DISABLE_PLUGINS"}

REFERENCE = "{{resolve:secretsmanager:wechat/secret-1}}"
ARN = "{{resolve:secretsmanager:arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:w-AbCdEf:SecretString:key}}"

# For each parameter of the function that does not accept any text: another allowed value.
OTHERS = {
    "WechatSecret": REFERENCE,
    "WechatComponentSecret": REFERENCE,
    "WechatCloudbaseAccessToken": REFERENCE,
    "WechatSecretParameter": "/wechat/secret",
    "WechatComponentSecretParameter": "/wechat/platform",
    "WechatTokenStoreUrl": "redis://store.internal",
    "WechatTokenStoreHeader": f"X-Key: {REFERENCE}",
    "WechatCloudbaseTokenFile": "/mnt/token",
    "WechatApiBaseUrl": "https://wechat.internal",
    "SubnetIds": "subnet-0123456789abcdef0",
    "SecurityGroupIds": "sg-0123456789abcdef0",
    "ScheduleExpression": "rate(1 hour)",
    "PolicyArn": "arn:aws:iam::123456789012:policy/secrets",
}
IN_VPC = {"SubnetIds": "subnet-fedcba9876543210f"}


def other(name: str) -> str:
    """Return an allowed value of a parameter that differs from its default."""
    parameter = PARAMETERS[name]
    if "AllowedValues" in parameter:
        return next(str(value) for value in parameter["AllowedValues"] if value != parameter["Default"])
    value = OTHERS.get(name, str(parameter["Default"] + 1) if parameter["Type"] == "Number" else "other")
    assert re.search(parameter.get("AllowedPattern", ""), value)
    return value


def find_references(node: Any) -> Iterator[str]:
    """Find the names that a part of the template refers to, including those in its conditions."""
    if isinstance(node, list):
        for item in node:
            yield from find_references(item)
    elif isinstance(node, Mapping):
        for key, item in node.items():
            if key in ("Ref", "Condition") and isinstance(item, str):
                yield item
            if key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)\}", json.dumps(item))
            if key == "Fn::If":
                yield item[0]
            yield from find_references(item)


def parameters_of(resource: str) -> set[str]:
    """List the parameters on which a resource depends."""
    found: set[str] = set()
    names = set(find_references(TEMPLATE["Resources"][resource]))
    while names:
        name = names.pop()
        if name in PARAMETERS:
            found.add(name)
        names |= set(find_references(TEMPLATE["Conditions"].get(name, {})))
    return found


# Without the parameters that only decide whether and when a version is published.
OF_FUNCTION = sorted(
    (parameters_of(NAME) | parameters_of("FunctionRole")) - {"SnapStart", "DeploymentPreference", "Deployment"}
)


class Deployed:
    """The settings that each entry point invokes after a sequence of deployments."""

    def __init__(self) -> None:
        self._version: Any = None
        self._published: Any = None

    def deploy(self, stack: Stack) -> dict[str, Any]:
        """Deploy the stack; return, for each output, the settings of the function that it now invokes."""
        assert stack.broken_rules() == []
        latest = {name: stack.properties(name) for name in (NAME, "FunctionRole")}
        version = stack.resources.get("LiveVersion")
        if version and version != self._version:
            self._version, self._published = version, latest
        settings = {f"<{NAME}>": latest, f"<{NAME}.Arn>": latest, "$LATEST": latest}
        if version:
            assert stack.properties("LiveAlias")["FunctionVersion"] == "<LiveVersion.Version>"
            settings |= {stack.outputs["FunctionArn"]: self._published, "live": self._published}
        url = stack.properties("FunctionUrl")
        return {
            "output": settings[stack.outputs["FunctionArn"]],
            "url": settings[url.get("Qualifier", url["TargetFunctionArn"])],
            "schedule": settings[stack.properties("Schedule")["Target"]["Arn"]],
            "failed events": settings[stack.properties("AsynchronousInvocations")["Qualifier"]],
            "command": settings[stack.outputs["InvokeCommand"].split()[6]],
            **{name: settings[stack.properties(name)["DefinitionSubstitutions"]["FunctionArn"]] for name in MACHINES},
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_FUNCTION)
@pytest.mark.parametrize("published", [{}, {"SnapStart": "true"}, {"DeploymentPreference": "Canary10Percent5Minutes"}])
def test_a_changed_parameter_takes_effect(name: str, published: dict[str, str]) -> None:
    """If any parameter of the function changes, each entry point then invokes a function with the new value."""
    common = {"ScheduleExpression": "rate(1 hour)", "Fleet": "true", **IN_VPC, **published}
    deployed = Deployed()
    before = deployed.deploy(Stack(**common, Deployment="one"))
    after = deployed.deploy(Stack(**{**common, "Deployment": "two", name: other(name)}))
    assert len(after) == 7
    for way, settings in after.items():
        assert settings != before[way], way
    assert all(settings == after["output"] for settings in after.values())


def test_the_function_has_parameters() -> None:
    """`test_a_changed_parameter_takes_effect` covers secrets, network, timeouts and behaviour."""
    assert {"WechatSecret", "SubnetIds", "Timeout", "OnError", "LogLevel", "PolicyArn"} <= set(OF_FUNCTION)
    assert len(OF_FUNCTION) >= len(FUNCTION["Environment"]["Variables"]) + 6


def test_published_versions() -> None:
    """Publishing needs a name in Deployment. A new name changes the version and the function."""
    for name in ("SnapStart", "DeploymentPreference"):
        unnamed = Stack(**{name: other(name)})
        assert [rule for rule in unnamed.broken_rules() if "Deployment=" in rule]
        one, two = (Stack(**{name: other(name)}, Deployment=deployment) for deployment in ("one", "two"))
        assert one.properties("LiveVersion") != two.properties("LiveVersion")
        assert one.properties(NAME) != two.properties(NAME)
    assert Stack(SnapStart="true", Deployment="one").properties(NAME)["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert not {"LiveVersion", "LiveAlias", "DeploymentGroup"} & set(Stack().resources)


def test_deployment_preference() -> None:
    """CodeDeploy moves the alias as DeploymentPreference says. With only SnapStart, it moves at once."""
    alias = Stack(DeploymentPreference="Linear10PercentEvery1Minute", Deployment="one")
    [policy] = alias.resources["LiveAlias"]["UpdatePolicy"].values()
    assert policy == {"ApplicationName": "<DeploymentApplication>", "DeploymentGroupName": "<DeploymentGroup>"}
    group = alias.properties("DeploymentGroup")
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"
    assert "UpdatePolicy" not in Stack(SnapStart="true", Deployment="one").resources["LiveAlias"]


def test_every_setting_is_declared() -> None:
    """The template declares exactly the settings and the libraries' variables."""
    assert set(FUNCTION["Environment"]["Variables"]) == set(VARIABLES) | LIBRARIES


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """List the statements of a role's own policies."""
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def test_least_privilege() -> None:
    """The role may read its secrets, write its logs and keep failed events. No action or resource is a wildcard."""
    secrets = {
        name: other(name) for name in PARAMETERS if re.fullmatch("Wechat(Component)?Secret(Name|Parameter)", name)
    }
    role = Stack(**secrets).properties("FunctionRole")
    assert [statement["Action"] for statement in statements(role)] == [
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        "sqs:SendMessage",
        *["secretsmanager:GetSecretValue", "ssm:GetParameter"] * 2,
    ]
    assert "*" not in json.dumps(role)
    assert role["ManagedPolicyArns"] == []
    assert len(statements(Stack().properties("FunctionRole"))) == 2
    policy = {"PolicyArn": other("PolicyArn")}
    assert Stack(**policy).properties("FunctionRole")["ManagedPolicyArns"] == [policy["PolicyArn"]]


def test_network_privilege() -> None:
    """In a VPC, the role may also manage network interfaces, with a wildcard only where EC2 supports no resource."""
    role = Stack(**IN_VPC).properties("FunctionRole")
    describe, handle = statements(role)[2:]
    assert describe["Action"] == ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
    assert describe["Resource"] == "*"
    assert handle["Resource"] == "arn:aws:ec2:us-east-1:123456789012:*/*"
    assert len(handle["Action"]) == 4
    assert all(re.fullmatch(r"ec2:\w+(NetworkInterface|PrivateIpAddresses)", action) for action in handle["Action"])
    assert role["ManagedPolicyArns"] == []


def test_schedule() -> None:
    """A schedule exists only if its parameter is set. It and the fleet may invoke the function, or its alias."""
    assert "Schedule" not in Stack().resources
    for published in ({}, {"SnapStart": "true", "Deployment": "one"}):
        stack = Stack(ScheduleExpression="rate(1 hour)", Fleet="true", **published)
        assert statements(stack.properties("FleetRole"))[0]["Resource"] == stack.outputs["FunctionArn"]
        [statement] = statements(stack.properties("ScheduleRole"))
        assert statement["Action"] == "lambda:InvokeFunction"
        assert statement["Resource"] == stack.properties("Schedule")["Target"]["Arn"] == stack.outputs["FunctionArn"]
        assert "Name" not in stack.properties("Schedule"), "two stacks would want the same"


def test_function() -> None:
    """The URL requires IAM, the runtime matches the artifact, and failed events are kept."""
    stack = Stack()
    assert stack.properties("FunctionUrl")["AuthType"] == "AWS_IAM"
    assert FUNCTION["Runtime"] == "python3.13"
    assert FUNCTION["Handler"] == "handler.app.lambda_handler"
    destinations = stack.properties("AsynchronousInvocations")["DestinationConfig"]
    assert destinations == {"OnFailure": {"Destination": "<FailedEvents.Arn>"}}


def test_log_group() -> None:
    """The logs survive the stack, but not a failed first deployment. The group has no fixed name."""
    group = TEMPLATE["Resources"]["LogGroup"]
    assert group["DeletionPolicy"] == "RetainExceptOnCreate"
    assert set(group["Properties"]) == {"RetentionInDays"}
    assert FUNCTION["LoggingConfig"]["LogGroup"] == {"Ref": "LogGroup"}


def test_no_names_of_our_own() -> None:
    """Each name that the template chooses contains the stack's name, so that two stacks can coexist."""
    published = {"SnapStart": "true", "DeploymentPreference": "Canary10Percent5Minutes", "Deployment": "one"}
    everything = {name: other(name) for name in ("Dashboard", "Fleet", "ScheduleExpression")}
    stack = Stack(**everything, RobotUrl="https://robot/send?key=k", **published)
    kinds = "(Function|Role|Queue|Bucket|Alarm|LogGroup|StateMachine|Dashboard|Application|DeploymentGroup)?Name"
    named = {
        name: value
        for name, resource in stack.resources.items()
        for key, value in resource.get("Properties", {}).items()
        if re.fullmatch(kinds, key) and not str(value).startswith("<")
    }
    assert named.pop("LiveAlias") == "live"
    assert [value for value in named.values() if not re.search(r"\bstack-", value)] == []
    assert set(named) == {"ReleaseDashboard", "FleetLogGroup", *MACHINES}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    """Every parameter has a description, a default, a constraint, and a place in the console's form."""
    parameter = PARAMETERS[name]
    assert parameter["Description"].endswith(".")
    assert "Default" in parameter
    assert set(parameter) & {"AllowedPattern", "AllowedValues", "MinValue", "MaxLength"}
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [name for group in groups for shown in group["Parameters"] if shown == name] == [name]


def test_guided_can_be_answered() -> None:
    """No parameter is NoEcho, because `sam deploy --guided` does not accept an empty answer for those."""
    assert [name for name, parameter in PARAMETERS.items() if parameter.get("NoEcho")] == []


@pytest.mark.parametrize("name", ["WechatSecret", "WechatComponentSecret", "WechatCloudbaseAccessToken"])
def test_secrets_by_reference(name: str) -> None:
    """The template refuses a plain secret, because everybody who may see the stack sees its parameters."""
    pattern = re.compile(PARAMETERS[name]["AllowedPattern"])
    assert all(map(pattern.search, ["", REFERENCE, ARN]))
    assert not any(map(pattern.search, ["0123456789abcdef", f"a{REFERENCE}", "{{resolve:ssm-secure:/wechat/secret}}"]))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "WechatTokenStoreUrl",
            [
                *("", "redis://h", "rediss://h:1/2", "https://h/t?appid={appid}", "http://h", REFERENCE, ARN),
                *(f"rediss://:{REFERENCE}@h:1/0", f"redis://user:{ARN}@h"),
            ],
            ["ftp://h", "redis://:password@h", "redis://user:password@h", f"redis://:a{REFERENCE}@h", "redis://a b"],
        ),
        ("WechatTokenStoreKey", ["", "wx:open:token:{component_appid}:{appid}"], ["a b"]),
        (
            "WechatTokenStoreHeader",
            ["", f"Authorization: Bearer {REFERENCE}", f"X-Key: {ARN}", REFERENCE],
            ["x", f"X Y: {REFERENCE}", f": {REFERENCE}", "X-Key: password"],
        ),
        (
            "RobotUrl",
            [
                "",
                f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={REFERENCE}",
                f"https://oapi.dingtalk.com/robot/send?access_token={ARN}",
                f"https://open.feishu.cn/open-apis/bot/v2/hook/{REFERENCE}",
            ],
            [
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send",  # no key
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6",
                "https://open.feishu.cn/open-apis/bot/v2/hook/693a91f6",
                f"http://robot/send?key={REFERENCE}",
                f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send/{REFERENCE}",  # CloudFormation splits the URL at =
                f"https://oapi.dingtalk.com/robot/{REFERENCE}",
                f"https://open.feishu.cn/open-apis/bot/{REFERENCE}",
            ],
        ),
        ("Deployment", ["", "20261124T180000", "v1.2-rc+1"], ["a b", "x" * 65]),
    ],
)
def test_patterns(name: str, good: list[str], bad: list[str]) -> None:
    """Each parameter accepts the good values and refuses the bad ones."""
    pattern = re.compile(PARAMETERS[name]["AllowedPattern"])
    assert [value for value in good if not pattern.search(value)] == []
    assert [value for value in bad if pattern.search(value)] == []
