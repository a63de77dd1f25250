"""CloudWatch and Lambda's log filter: which lines are kept, the metrics in them, and the state of alarms.

- https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
"""

import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
OTHER_NAMES = {"WARNING": "WARN", "CRITICAL": "FATAL"}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
}


def level(line: str) -> str:
    """Return the level that Lambda's log filter assigns to a printed line.

    One without a known `level`, or with a timestamp that is not of RFC 3339, counts as INFO.
    """
    try:
        fields = json.loads(line)
    except ValueError:
        return "INFO"
    if not isinstance(fields, dict) or not RFC_3339.fullmatch(str(fields.get("timestamp"))):
        return "INFO"
    named = str(fields.get("level")).upper()
    named = OTHER_NAMES.get(named, named)
    return named if named in LEVELS else "INFO"


def is_kept(line: str, application_log_level: str) -> bool:
    """Whether Lambda's log filter keeps a printed line."""
    return LEVELS.index(level(line)) >= LEVELS.index(application_log_level)


Dimensions = frozenset[tuple[str, str]]
Name = tuple[str, str, Dimensions]  # namespace, metric, dimensions


class Metrics:
    """Data points of metrics, each with its time in seconds. Add them in the order of time."""

    def __init__(self) -> None:
        self.times: dict[Name, list[float]] = defaultdict(list)
        self.values: dict[Name, list[float]] = defaultdict(list)

    def put(self, namespace: str, metric: str, dimensions: Mapping[str, str], at: float, value: float) -> None:
        """Add a data point."""
        name = (namespace, metric, frozenset(dimensions.items()))
        self.times[name].append(at)
        self.values[name].append(value)

    def read(self, lines: Iterable[str], at: float) -> None:
        """Add the metrics of the function's log lines, as if they were printed at this time."""
        for line in lines:
            fields = json.loads(line)
            for directive in fields.get("_aws", {}).get("CloudWatchMetrics", []):
                for names in directive["Dimensions"]:
                    dimensions = {name: fields[name] for name in names}
                    for metric in directive["Metrics"]:
                        for value in fields[metric["Name"]]:
                            self.put(directive["Namespace"], metric["Name"], dimensions, at, value)

    def statistic(self, name: Name, statistic: str, after: float, until: float) -> float | None:
        """Return a statistic over the time between two moments in seconds; None without data."""
        times = self.times.get(name, [])
        values = self.values[name][bisect_right(times, after) : bisect_right(times, until)]
        return STATISTICS[statistic](values) if values else None


def is_on(alarm: Mapping[str, Any], metrics: Metrics, at: float) -> bool:
    """Whether an alarm with these properties is in state ALARM at this time.

    It supports only the template's forms: one metric, a quotient of two, or a sum in which a missing value is 0. The
    threshold is inclusive, and missing data does not start an alarm.
    """
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    queries = alarm.get("Metrics") or [{"Id": "only", "ReturnData": True, "MetricStat": _metric_stat(alarm)}]
    [returned] = [query for query in queries if query["ReturnData"]]
    stats = {query["Id"]: query["MetricStat"] for query in queries if "MetricStat" in query}
    [period] = {int(stat["Period"]) for stat in stats.values()}
    windows = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm", windows))
    breaching = 0
    for window in range(windows):
        until = at - window * period
        values = {name: _read(metrics, stat, until - period, until) for name, stat in stats.items()}
        value = _calculate(returned["Expression"], values) if "Expression" in returned else values[returned["Id"]]
        breaching += value is not None and value >= float(alarm["Threshold"])
    return breaching >= needed


def _metric_stat(alarm: Mapping[str, Any]) -> dict[str, Any]:
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")}
    return {"Metric": metric, "Period": alarm["Period"], "Stat": alarm["Statistic"]}


def _read(metrics: Metrics, stat: Mapping[str, Any], after: float, until: float) -> float | None:
    metric = stat["Metric"]
    dimensions = frozenset((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])
    return metrics.statistic((metric["Namespace"], metric["MetricName"], dimensions), stat["Stat"], after, until)


def _calculate(expression: str, values: Mapping[str, float | None]) -> float | None:
    if filled := re.fullmatch(r"FILL\((\w+), 0\) \+ FILL\((\w+), 0\)", expression):
        addends = [values[name] for name in filled.groups()]
        return None if addends == [None, None] else sum(value or 0 for value in addends)
    dividend, divisor = (values[name] for name in expression.split(" / "))
    return dividend / divisor if dividend is not None and divisor else None
