"""The template as CloudFormation sees it for some parameters: SAM's transform is applied, functions are resolved.

It knows only the functions that the template uses, and raises an error for any other.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from collections.abc import Callable
from functools import cache, cached_property
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
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "And": all,
    "Contains": lambda values: values[1] in values[0],
    "Equals": lambda values: str(values[0]) == str(values[1]),
    "GetAtt": lambda values: f"<{'.'.join(values)}>",
    "Join": lambda values: values[0].join(values[1]),
    "Not": lambda values: not values[0],
    "Or": any,
    "Select": lambda values: values[1][int(values[0])],
    "Split": lambda values: values[1].split(values[0]),
}


class Stack:
    """The template's resources and outputs for these parameters, as CloudFormation would create them.

    A resource's name is its logical id in angle brackets; an alias's is its ARN, out of which the template takes parts.
    """

    def __init__(self, *, region: str = PSEUDO["AWS::Region"], partition: str = "aws", **parameters: str) -> None:
        assert set(parameters) <= set(PARAMETERS)
        self._pseudo = {**PSEUDO, "AWS::Region": region, "AWS::Partition": partition}
        self.parameters = {name: parameters.get(name, str(entry["Default"])) for name, entry in PARAMETERS.items()}

    @property
    def template(self) -> dict[str, Any]:
        """The template after SAM's transform. AWS, too, runs the transform with the parameters."""
        return _transform_template(tuple(self.parameters.items()))

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that are created: those without a condition, or with one that is true."""
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
        """The outputs that exist: those without a condition, or with one that is true."""
        return {
            name: self.resolve(output["Value"])
            for name, output in self.template["Outputs"].items()
            if self.holds(output.get("Condition"))
        }

    def broken_rules(self) -> list[str]:
        """Return the error messages of the template's rules for these parameters."""
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
        """Return the value with every intrinsic function replaced by its result."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not ABSENT]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (name := next(iter(node))).startswith(("Fn::", "Ref", "Condition")):
            return self._call(name.removeprefix("Fn::"), node[name])
        return {name: value for name, item in node.items() if (value := self.resolve(item)) is not ABSENT}

    def _call(self, function: str, argument: Any) -> Any:
        if function == "If":  # CloudFormation, too, resolves only the chosen branch
            condition, then, otherwise = argument
            return self.resolve(then if self.holds(condition) else otherwise)
        if function == "Sub":
            text, variables = argument if isinstance(argument, list) else (argument, {})
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._find_value(found[1], self.resolve(variables)), text)
        if function in ("Ref", "Condition"):
            return self._ref(argument) if function == "Ref" else self.holds(argument)
        arguments = self.resolve(argument)
        if function == "FindInMap":
            table, key, name = arguments
            return self.template["Mappings"][table][key][name]
        return FUNCTIONS[function](arguments)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return ABSENT
        if name in PARAMETERS and PARAMETERS[name]["Type"] == "CommaDelimitedList":
            return self.parameters[name].split(",")
        return self._find_value(name, {})

    def _find_value(self, name: str, variables: dict[str, str]) -> str:
        known = variables | self._pseudo | self.parameters
        if name in known:
            return str(known[name])
        resource = self.template["Resources"][name.partition(".")[0]]
        if resource["Type"] == "AWS::Lambda::Alias" and "." not in name:
            return f"arn:aws:lambda:us-east-1:123456789012:function:function:{resource['Properties']['Name']}"
        return f"<{name}>"


@cache
def _transform_template(parameters: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    source = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    for resource in source["Resources"].values():
        for local in {"CodeUri", "DefinitionUri"} & set(resource.get("Properties", {})):
            resource["Properties"][local] = f"s3://bucket/{local}"  # where `sam deploy` puts it
    session = Session(region_name=PSEUDO["AWS::Region"])
    result: dict[str, Any] = Translator(None, Parser(), boto_session=session).translate(source, dict(parameters))
    return result
