"""The table of a sweep as one page of HTML that needs nothing else: no script, no other file, light and dark."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from html import escape

from gray_release.release import DELETED, FINISHED, Answer, number
from gray_release.sweep.row import Row, advice, by_attention, totals
from gray_release.times import absolute, relative

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --paper: #fff; --track: #e7ebef;
  --red: #c5221f; --yellow: #8a6100; --cyan: #0b6b8a; --green: #1a7f37; --white: #59636e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --paper: #0d1117;
  --track: #2a313c; --red: #ff7b72; --yellow: #e3b341; --cyan: #56d4dd; --green: #56d364; --white: #9198a1; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.4rem; margin: 0; }
p { margin: .25rem 0 1rem; color: var(--soft); }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { font-family: ui-monospace, monospace; }
.status, time { white-space: nowrap; }
small { color: var(--soft); display: block; }
.bar { display: inline-block; width: 9rem; height: .6rem; border-radius: .3rem; background: var(--track);
  margin-right: .5rem; overflow: hidden; }
.bar i { display: block; height: 100%; background: currentColor; }
.red { color: var(--red); } .yellow { color: var(--yellow); } .cyan { color: var(--cyan); }
.green { color: var(--green); } .white { color: var(--white); }
dt { font-weight: 600; margin-top: .75rem; } dd { margin: 0; color: var(--soft); }
"""


def page(rows: Sequence[Row], now: float) -> str:
    """Write the page for rows as they were at Unix time `now`."""
    when = absolute(now)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Staged releases 分阶段发布</title>
<style>{_STYLE}</style>
<h1>Staged releases 分阶段发布</h1>
<p>{escape(totals(rows))}<br>{_time(now, when)}</p>
<div class="wide"><table>
<thead><tr><th>appid<th>status 状态<th>progress 进度<th>created 创建<th>expected 预计全量</thead>
<tbody>
{chr(10).join(_row(row, now) for row in by_attention(rows))}
</tbody></table></div>
{chr(10).join(_advice(rows))}
</html>
"""


def _row(row: Row, now: float) -> str:
    answer = row.answer
    state = answer.state
    cells = [escape(row.appid)]
    cells.append(
        f'<span class="status {state.colour}">{escape(state.english)} <span lang="zh">{state.chinese}</span></span>'
    )
    if answer.failure:
        return f'<tr><td>{"<td>".join(cells)}<td colspan="3">{answer.failure} {escape(row.reason)}</tr>'
    due = None if state in (FINISHED, DELETED) else answer.plan.get("defaultFinishTimestamp")
    cells += [_bar(answer), *(_moment(at, now) for at in (answer.plan.get("createTimestamp"), due))]
    return f"<tr><td>{'<td>'.join(cells)}</tr>"


def _bar(answer: Answer) -> str:
    share = answer.percentage
    if share is None:
        return ""
    width = min(max(share, 0), 100)
    return (
        f'<span class="status"><span class="bar {answer.state.colour}"><i style="width:{width:g}%"></i></span>'
        f"{share:g} %</span>"
    )


def _moment(at: object, now: float) -> str:
    seconds = number(at)
    text = absolute(seconds)
    if seconds is None or text == "unknown":
        return ""
    return f"{_time(seconds, text[:16])}<small>{relative(seconds, now)}</small>"


def _time(seconds: float, text: str) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{escape(text)}</time>'


def _advice(rows: Sequence[Row]) -> Iterator[str]:
    found = [(code, count, text) for code, count, text in advice(rows) if text]
    if found:
        yield "<h2>What to do</h2><dl>"
        for code, count, text in found:
            yield f"<dt>{code} ({count})</dt><dd>{escape(text)}</dd>"
        yield "</dl>"
