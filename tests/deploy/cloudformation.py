"""What CloudFormation makes of the template with given parameters: SAM's own transform, then its functions and conditions.

Only what the template uses is known; anything else fails loudly.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from functools import cached_property
from typing import Any

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tests.support import ROOT

TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::StackName": "stack",
}
ABSENT = object()  # AWS::NoValue


class Stack:
    """The template's resources and outputs with these parameters, as CloudFormation would make them.

    A resource's name is its logical id in angle brackets; an alias's is its ARN, out of which the template takes parts.
    """

    def __init__(self, **parameters: str) -> None:
        assert set(parameters) <= set(PARAMETERS)
        self.parameters = {name: parameters.get(name, str(entry["Default"])) for name, entry in PARAMETERS.items()}

    @cached_property
    def template(self) -> dict[str, Any]:
        """The template after SAM's transform, which AWS runs with the parameters at hand."""
        source = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
        for resource in source["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = "s3://bucket/zip"  # where `sam deploy` puts it
        session = Session(region_name=PSEUDO["AWS::Region"])
        result: dict[str, Any] = Translator(None, Parser(), boto_session=session).translate(
            source, self.parameters.copy()
        )
        return result

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources whose conditions hold."""
        return {
            name: self.resolve({key: value for key, value in resource.items() if key != "Metadata"})
            for name, resource in self.template["Resources"].items()
            if self.holds(resource.get("Condition"))
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Return a resource's properties."""
        found: dict[str, Any] = self.resources[name]["Properties"]
        return found

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs whose conditions hold."""
        return {
            name: self.resolve(output["Value"])
            for name, output in self.template["Outputs"].items()
            if self.holds(output.get("Condition"))
        }

    def broken_rules(self) -> list[str]:
        """Return what CloudFormation would refuse these parameters with."""
        return [
            assertion["AssertDescription"]
            for rule in self.template["Rules"].values()
            if self.resolve(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self.resolve(assertion["Assert"])
        ]

    def holds(self, condition: str | None) -> bool:
        """Whether a named condition is true."""
        return condition is None or bool(self.resolve(self.template["Conditions"][condition]))

    def resolve(self, node: Any) -> Any:
        """Replace functions by what they return."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not ABSENT]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (name := next(iter(node))).startswith(("Fn::", "Ref", "Condition")):
            return self._call(name.removeprefix("Fn::"), node[name])
        return {name: value for name, item in node.items() if (value := self.resolve(item)) is not ABSENT}

    def _call(self, function: str, argument: Any) -> Any:
        if function == "If":
            condition, then, otherwise = argument
            return self.resolve(then if self.holds(condition) else otherwise)
        if function == "Ref":
            return self._ref(argument)
        if function == "Condition":
            return self.holds(argument)
        if function == "Sub":
            text, variables = argument if isinstance(argument, list) else (argument, {})
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._named(found[1], self.resolve(variables)), text)
        arguments = self.resolve(argument)
        if function == "GetAtt":
            return f"<{'.'.join(arguments)}>"
        if function == "Equals":
            return str(arguments[0]) == str(arguments[1])
        if function == "Not":
            return not arguments[0]
        if function in ("And", "Or"):
            return all(arguments) if function == "And" else any(arguments)
        if function == "Join":
            return arguments[0].join(arguments[1])
        if function == "Split":
            return arguments[1].split(arguments[0])
        if function == "Select":
            return arguments[1][int(arguments[0])]
        assert function == "FindInMap", function
        table, key, name = arguments
        return self.template["Mappings"][table][key][name]

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return ABSENT
        if name in PARAMETERS and PARAMETERS[name]["Type"] == "CommaDelimitedList":
            return self.parameters[name].split(",")
        return self._named(name, {})

    def _named(self, name: str, variables: dict[str, str]) -> str:
        known = variables | PSEUDO | self.parameters
        if name in known:
            return str(known[name])
        resource = self.template["Resources"][name.partition(".")[0]]
        if resource["Type"] == "AWS::Lambda::Alias" and "." not in name:
            return f"arn:aws:lambda:us-east-1:123456789012:function:function:{resource['Properties']['Name']}"
        return f"<{name}>"
