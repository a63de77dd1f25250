"""Write the texts that `make docs` generates: tables, lists of names, openapi.json and the picture.

`make docs` writes a table between its marks in each document, in the document's language. `test_documents.py` checks
that all of them are up to date.
"""

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic.alias_generators import to_camel, to_pascal

from gray_release.openapi import describe
from handler.contract import GrayReleasePlan
from handler.settings import VARIABLES, Settings, SourceChoice
from handler.telemetry.hints import HINTS
from handler.tokens import SOURCES
from tests.marks import find_names, replace_block
from tests.picture import draw_screen
from tests.support import ROOT

Language = Literal["English", "Chinese"]
Cells = dict[str, list[str]]  # the texts of each row of a table, by the row's name in the code

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/*.md")])
CODE = [ROOT / "template.yaml", ROOT / "deploy/scf/variables.py"]
CHINESE_TEXTS = ROOT / "docs/texts.zh-CN.yaml"
ONLY_ON_AWS = ("_SECRET_NAME", "_SECRET_PARAMETER")

HEADS: dict[str, dict[Language, list[str]]] = {
    "settings": {"English": ["variable", "meaning", "default"], "Chinese": ["变量", "含义", "默认值"]},
    "hints": {"English": ["errCode", "what to do"], "Chinese": ["errCode", "怎么办"]},
    "sources": {
        "English": ["source", "set", "who it is for", "what it does"],
        "Chinese": ["来源", "配置", "适用于", "做法"],
    },
    "fields": {
        "English": ["field of `grayReleasePlan`", "meaning"],
        "Chinese": ["`grayReleasePlan` 的字段", "含义"],
    },
}


def _read_english() -> dict[str, Cells]:
    return {
        "settings": {name.upper(): [str(field.description)] for name, field in Settings.model_fields.items()},
        "hints": {str(code): [HINTS[code].replace("{address}", "this function's address")] for code in sorted(HINTS)},
        "sources": {name: [source.needs, source.users, source.does] for name, source in SOURCES.items()},
        "fields": {name: [str(field.description)] for name, field in GrayReleasePlan.model_fields.items()},
    }


def _read_chinese() -> dict[str, Cells]:
    tables: dict[str, dict[Any, Any]] = yaml.safe_load(CHINESE_TEXTS.read_text("utf-8"))
    return {
        table: {str(name): texts if isinstance(texts, list) else [texts] for name, texts in rows.items()}
        for table, rows in tables.items()
    }


TEXTS: dict[Language, dict[str, Cells]] = {"English": _read_english(), "Chinese": _read_chinese()}


def list_differences(table: str) -> list[str]:
    """Return the rows of a table that have a text in only one language."""
    return sorted(TEXTS["English"][table].keys() ^ TEXTS["Chinese"][table].keys())


def make_table(table: str, language: Language) -> str:
    """Make a table in one language. Its rows have the order of the code."""
    texts = TEXTS[language][table]
    rows = [[_name_row(table, name), *texts[name]] for name in TEXTS["English"][table]]
    if table == "settings":
        for row, field in zip(rows, Settings.model_fields.values(), strict=True):
            row.append("" if field.default is None else f"`{str(field.default).replace('False', 'false')}`")
    head, *lines = [f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in [HEADS[table][language], *rows]]
    return "".join([head, f"|{'---|' * len(HEADS[table][language])}\n", *lines])


def _name_row(table: str, name: str) -> str:
    return name if table == "hints" else f"`{to_camel(name) if table == 'fields' else name}`"


def list_variables() -> str:
    """List the function's variables for the template. Each setting has a parameter with the same name."""
    return "".join(f"          {name}: !Ref {to_pascal(name.lower())}\n" for name in VARIABLES)


def list_sources() -> str:
    """List the token sources that the template's parameter accepts."""
    return f"    AllowedValues: [{', '.join(get_args(SourceChoice))}]\n"


def list_public_settings() -> str:
    """List the settings whose values `make deploy-scf` may show."""
    names = [name.upper() for name, field in Settings.model_fields.items() if "SecretStr" not in str(field.annotation)]
    return "".join(f'    "{name}",\n' for name in names if not name.endswith(ONLY_ON_AWS))


LISTS: dict[str, Callable[[], str]] = {
    "variables": list_variables,
    "sources": list_sources,
    "shown": list_public_settings,
}


def renew(path: Path) -> str:
    """Return the text of a file, with new content in each generated block."""
    text = path.read_text("utf-8")
    language: Language = "Chinese" if path.name.endswith(".zh-CN.md") else "English"
    for name in find_names(text):
        if path in CODE:
            text = replace_block(text, name, LISTS[name]())
        elif name in HEADS:
            text = replace_block(text, name, make_table(name, language))
    return text


def renew_scf() -> str:
    """Return scf.json with a variable for each setting. New variables are empty, and the others keep their values."""
    text = (ROOT / "scf.json").read_text("utf-8")
    stated = {each["Key"]: each["Value"] for each in json.loads(text)["Environment"]["Variables"]}
    settings = {name: stated.pop(name, "") for name in VARIABLES if not name.endswith(ONLY_ON_AWS)}
    lines = ",\n".join(
        f'      {{ "Key": {json.dumps(name)}, "Value": {json.dumps(value, ensure_ascii=False)} }}'
        for name, value in {**settings, **stated}.items()
    )
    return re.sub(r'(?<="Variables": \[\n).*?(?=\n    \])', lambda _: lines, text, flags=re.DOTALL)


def make_openapi() -> str:
    """Make the OpenAPI description of the function's HTTP answers."""
    return f"{json.dumps(describe(), indent=2)}\n"


FILES: dict[Path, Callable[[], str]] = {
    **{path: partial(renew, path) for path in [*PAGES, *CODE]},
    ROOT / "scf.json": renew_scf,
    ROOT / "gray_release/openapi.json": make_openapi,
    ROOT / "docs/picture.svg": draw_screen,
}


def main() -> int:
    """Write the files that are not up to date. With `--check`, only list them, and exit with 1."""
    for table in HEADS:
        names = list_differences(table)
        assert not names, f"{CHINESE_TEXTS.name} and the code differ in {table}: {', '.join(names)}"
    texts = {path: make() for path, make in FILES.items()}
    stale = [path for path, text in texts.items() if path.read_text("utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not up to date: run make docs")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
