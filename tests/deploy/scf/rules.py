"""What Tencent's API refuses, read from the models of its SDK and their docstrings.

The docstrings are Chinese prose, so each rule is found by the phrase that states it. A phrase that the SDK no longer
has would switch a rule off silently: `test_stub.py` sends a forbidden request for each.
"""

import re
import warnings
from collections.abc import Iterator
from typing import Any

from tencentcloud.scf.v20180416 import models

Json = dict[str, Any]

# Tencent's SDK states neither the required fields nor the limits of variables. They are copied from its documents.
REQUIRED = {
    "CreateFunctionRequest": ("FunctionName", "Code"),
    "UpdateFunctionCodeRequest": ("FunctionName",),
    "UpdateFunctionConfigurationRequest": ("FunctionName",),
    "DeleteFunctionRequest": ("FunctionName",),
    "GetFunctionRequest": ("FunctionName",),
    "ListTriggersRequest": ("FunctionName",),
    "CreateTriggerRequest": ("FunctionName", "Type"),
    "UpdateTriggerRequest": ("FunctionName", "TriggerName", "Type"),
}
# The words that the docstrings use for sets of characters.
CHARACTERS = {"英文字母": "A-Za-z", "数字": "0-9", "空格": " ", "逗号": ",", "换行符": r"\n", "英文句号": r"\."}
CHARACTERS |= {"连接符": "-", "下划线": "_", "支持中文": "\u4e00-\u9fff"}
RESERVED_PREFIXES = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
MAX_VARIABLES = 4096


def find_problems(model: str, fields: Json) -> Iterator[str]:
    """Yield what the SDK's documents forbid in a request, or in an object in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the models warn about unknown members
        try:
            getattr(models, model)()._deserialize(fields)  # noqa: SLF001 - the SDK's own reader
        except UserWarning as warning:
            yield str(warning)
    yield from (f"{key} is missing" for key in REQUIRED.get(model, ()) if not fields.get(key))
    documents = read_documents(model)
    for key, value in fields.items():
        if value is None or key not in documents:
            continue
        kind, text = documents[key]
        if inner := re.search(r"models\.(\w+)`|list of (\w+)", kind):
            values = value if isinstance(value, list) else [value]
            for each in values:
                if isinstance(each, dict):
                    yield from find_problems(inner[1] or inner[2], each)
        if wrong := _find_in_type(kind, value):
            yield f"{model}.{key}: {wrong}"
            continue
        found = (
            *_find_in_value(text, value, fields),
            *_find_in_number(text, value),
            *_find_in_string(text, value, fields),
        )
        yield from (f"{model}.{key}: {problem}" for problem in found)
    if model == "Environment":
        yield from _find_in_variables(fields["Variables"])


def read_documents(model: str) -> dict[str, tuple[str, str]]:
    """Return the type and the text of each member of a model."""
    text = getattr(models, model).__init__.__doc__
    found = re.findall(r":param _(\w+): (.*?)\n\s*:type \w+: ([^\n]*)", text, re.DOTALL)
    return {name: (kind, text) for name, text, kind in found}


def _find_in_type(kind: str, value: Any) -> str | None:
    wanted = {"str": str, "int": int, "bool": bool}.get(kind)
    is_right = wanted is None or (isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool))
    return None if is_right else f"{value!r} is no {kind}"


def _find_in_value(text: str, value: Any, fields: Json) -> Iterator[str]:
    if "不支持修改" in text:
        yield "cannot be changed"
    if "不可为空" in text and value == "":
        yield "is empty"
    if (allowed := _read_enumeration(text)) and value not in allowed:
        yield f"{value} is none of {', '.join(allowed)}"
    if "仅支持timer触发器" in text and fields["Type"] != "timer":
        yield "is for timers"
    if "仅支持 Node.js 函数" in text:
        yield "is for Node.js"


def _find_in_number(text: str, value: Any) -> Iterator[str]:
    if (limits := re.search(r"可选值范围? ?(\d+)-(\d+) ?秒", text)) and not int(limits[1]) <= value <= int(limits[2]):
        yield f"{value} is not in {limits[1]} to {limits[2]}"
    if "MB 为阶梯" in text:
        largest = int(re.findall(r"-(\d+) ?M", text)[0])
        if value != 64 and (value % 128 or not 128 <= value <= largest):
            yield f"{value} is no step of 128 MB up to {largest}"


def _find_in_string(text: str, value: Any, fields: Json) -> Iterator[str]:
    if limit := re.search("最大支持 ?([0-9]+) 个(.*)", text):
        yield from _find_in_text(limit[2], int(limit[1]), value)
    if (limit := re.search("如果是定时触发器.*?名称支持(.*?)最长([0-9]+)个字符", text)) and fields["Type"] == "timer":
        yield from _find_in_text(limit[1], int(limit[2]), value)
    if (limit := re.search("名称长度([0-9]+)-([0-9]+)", text)) and "字母开头" in text:
        yield from _find_in_name(int(limit[1]), int(limit[2]), value)
    if "以字母开始和结尾" in text and not re.fullmatch(
        r"[A-Za-z][\w-]{,58}[A-Za-z]\.[A-Za-z][\w-]{,58}[A-Za-z]", value, re.ASCII
    ):
        yield f"{value} is no handler"
    if limit := re.search("zip包大小上限为 ([0-9]+)MB", text):
        yield from ["is too large"] if len(value) * 3 / 4 > int(limit[1]) * 2**20 else []


def _read_enumeration(text: str) -> list[str]:
    """Return the values that a member may have; an empty list means any value."""
    if "目前支持的运行环境" in text:
        return re.findall(r"^- ([\w.]+)", text, re.MULTILINE)
    if listed := re.search(r"取值\[([^]]*)\]", text):
        return re.findall(r"'(\w+)'", listed[1])
    if "请填写Event" in text:
        return re.findall(r"请填写(\w+?)(?=\W|$)", text)
    if types := re.search("目前(?:只)?支持 ?([a-z 、,]+http)", text):
        return re.findall("[a-z]+", types[1])
    if re.search("OPEN.*CLOSE", text):
        return ["OPEN", "CLOSE"]
    return ["TRUE", "FALSE"] if re.search("TRUE.*FALSE", text) else []


def _find_in_text(sets: str, longest: int, value: str) -> Iterator[str]:
    characters = "".join(pattern for name, pattern in CHARACTERS.items() if name in sets)
    if strange := sorted(set(re.sub(f"[{characters}]", "", value))):
        yield f"{strange} are not allowed"
    if len(value) > longest:
        yield f"is longer than {longest}"


def _find_in_name(shortest: int, longest: int, value: str) -> Iterator[str]:
    if not shortest <= len(value) <= longest or not re.fullmatch("[A-Za-z][A-Za-z0-9_-]*[A-Za-z0-9]", value):
        yield f"{value} is no name"


def _find_in_variables(variables: list[Json]) -> Iterator[str]:
    yield from (f"{each['Key']} is reserved" for each in variables if each["Key"].startswith(RESERVED_PREFIXES))
    if sum(len(f"{each['Key']}{each['Value']}".encode()) for each in variables) > MAX_VARIABLES:
        yield f"variables are larger than {MAX_VARIABLES} bytes"
