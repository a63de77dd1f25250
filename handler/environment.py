"""Read environment variables without the spaces and newlines that consoles and files leave around them.

If one of Powertools' variables is invalid, Powertools raises when it is imported or when it creates a Logger.
`prepare_powertools` removes such a variable beforehand, and `Settings.check` reports it.
"""

import os

_BOOLEANS = {"1", "y", "yes", "t", "true", "on", "0", "n", "no", "f", "false", "off"}  # what Powertools accepts
_POWERTOOLS_BOOLEANS = (
    "POWERTOOLS_DEBUG",
    "POWERTOOLS_DEV",
    "POWERTOOLS_LOG_DEDUPLICATION_DISABLED",
    "POWERTOOLS_METRICS_DISABLED",
)
_POWERTOOLS_SAMPLE_RATE = "POWERTOOLS_LOGGER_SAMPLE_RATE"
_LOG_LEVELS = ("POWERTOOLS_LOG_LEVEL", "LOG_LEVEL")
_NAMES = ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE")

powertools_problems: dict[str, str] = {}  # a removed variable's name -> the rule that it broke


def read_variable(name: str) -> str:
    """Return a variable's stripped value, or an empty text if the variable is not set."""
    return os.environ.get(name, "").strip("\ufeff \t\r\n\v\f\u00a0\u3000")


def prepare_powertools() -> None:
    """Strip Powertools' variables, and remove the invalid ones. Call this before Powertools is first imported."""
    for name in (*_POWERTOOLS_BOOLEANS, _POWERTOOLS_SAMPLE_RATE, *_LOG_LEVELS, *_NAMES):
        value = read_variable(name)
        rule = _find_broken_rule(name, value)
        if rule:
            powertools_problems[name] = rule
        if rule or not value:
            os.environ.pop(name, None)
        elif value != os.environ[name]:
            os.environ[name] = value


def _find_broken_rule(name: str, value: str) -> str | None:
    if value and name in _POWERTOOLS_BOOLEANS and value.lower() not in _BOOLEANS:
        return "must be true or false"
    if value and name == _POWERTOOLS_SAMPLE_RATE and not _is_share(value):
        return "must be a number from 0 to 1"
    if name in _NAMES and not _is_utf8(value):
        return "must be UTF-8"
    return None


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # Python decodes invalid UTF-8 to half surrogates, which no log line can contain
        return False
    return True


def _is_share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False
