"""The table of a sweep as one HTML file, without scripts or other files, in light and dark."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from html import escape

from gray_release.release import LONGEST_DAYS, Answer
from gray_release.sweep.changes import Comparison, describe_changes
from gray_release.sweep.row import Row, collect_advice, count_states, count_states_in_chinese, sort_by_attention
from gray_release.times import format_distance, format_duration, format_time, format_zone, to_local_time

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --paper: #fff; --track: #e7ebef;
  --red: #c5221f; --yellow: #8a6100; --cyan: #0b6b8a; --green: #1a7f37; --white: #59636e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --paper: #0d1117;
  --track: #2a313c; --red: #ff7b72; --yellow: #e3b341; --cyan: #56d4dd; --green: #56d364; --white: #9198a1; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; }
p { margin: .25rem 0 1rem; color: var(--soft); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
thead th { position: sticky; top: 0; background: var(--paper); }
th { text-align: left; font-weight: 600; color: var(--soft); white-space: nowrap; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
b + code { display: block; color: var(--soft); }
b, .reason { overflow-wrap: anywhere; }
.status, time, .bar + span { white-space: nowrap; }
small { color: var(--soft); display: block; }
.bar { display: inline-block; width: 7rem; height: .6rem; border-radius: .3rem; background: var(--track);
  margin-right: .5rem; overflow: hidden; }
.bar i { display: block; height: 100%; background: currentColor; }
.red { color: var(--red); } .yellow { color: var(--yellow); } .cyan { color: var(--cyan); }
.green { color: var(--green); } .white { color: var(--white); }
dt { font-weight: 600; margin-top: .75rem; } dd { margin: 0; color: var(--soft); }
@media (max-width: 48rem) {
  body { margin-top: 1rem; }
  thead { display: none; }
  tr { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  td { border: 0; padding: 0; }
  td:empty { display: none; }
  td:nth-child(2) { text-align: right; }
  td[colspan], td[title] { grid-column: 1 / -1; }
  td small { display: inline; }
  td[title]::before { content: attr(title) " "; color: var(--soft); }
}
"""


def write_page(rows: Sequence[Row], now: float, comparison: Comparison | None = None) -> str:
    """Write the page. `now` is the Unix time of the rows."""
    changes = f"<br>{escape(describe_changes(comparison))}" if comparison else ""
    change = "<th>change 变化" if comparison else ""
    times = f"as of {_write_time(now, format_time(now))}; times in {escape(format_zone(now))}"
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Staged releases 分阶段发布</title>
<style>{_STYLE}</style>
<h1>Staged releases 分阶段发布</h1>
<p>{escape(count_states(rows))}<br>
<span lang="zh">{count_states_in_chinese(rows)}</span>{changes}<br>{times}</p>
<table>
<thead><tr><th>mini program 小程序<th>status 状态{change}<th>progress 进度
<th>created 创建时间<th>everyone by 预计全量</thead>
<tbody>
{chr(10).join(_write_row(row, now, has_change=comparison is not None) for row in sort_by_attention(rows, now))}
</tbody></table>
{chr(10).join(_write_advice(rows))}
</html>
"""


def _write_row(row: Row, now: float, *, has_change: bool) -> str:
    answer = row.answer
    state = answer.state
    appid = f"<code>{escape(row.appid)}</code>"
    cells = [f"<td>{f'<b>{escape(row.name)}</b>' if row.name else ''}{appid}"]
    cells.append(
        f'<td><span class="status {state.colour}">{escape(state.english)} <span lang="zh">{state.chinese}</span></span>'
    )
    if has_change:
        cells.append(f"<td>{_write_change(row, now)}")
    if answer.failure:
        return f'<tr>{"".join(cells)}<td class="reason" colspan="3">{answer.failure} {escape(row.reason)}</tr>'
    cells += [
        f"<td>{_write_bar(answer)}",
        _write_cell("created 创建时间", _write_moment(answer.created_at, now)),
        _write_cell("everyone by 预计全量", _write_end(answer, now)),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _write_cell(title: str, content: str) -> str:
    """Write a cell that carries its column's title, because phones do not show the table's head."""
    return f'<td title="{title}">{content}</td>' if content else "<td></td>"


def _write_change(row: Row, now: float) -> str:
    change = row.change
    if change:
        chinese = "" if change.chinese == change.english else f' <span lang="zh">{escape(change.chinese)}</span>'
        return f'<b class="status">{escape(change.english)}{chinese}</b>'
    since = now if row.unchanged_since is None else row.unchanged_since
    return (
        f"<small>unchanged {format_duration(now - since)}</small>" if now - since >= 1 else "<small>unchanged</small>"
    )


def _write_bar(answer: Answer) -> str:
    share = answer.percentage
    if share is None:
        return ""
    width = min(max(share, 0), 100)
    return (
        f'<span class="status"><span class="bar {answer.state.colour}"><i style="width:{width:g}%"></i></span>'
        f"{share:g} %</span>"
    )


def _write_end(answer: Answer, now: float) -> str:
    end = answer.find_end(now)
    if end is None:
        return ""
    if end.day is None:
        return _write_moment(end.at, now)
    day = f"day {end.day} of {LONGEST_DAYS}" if end.day <= LONGEST_DAYS else f"day {end.day}"
    moment = to_local_time(end.at)
    if moment is None or end.at is None:
        return f"<small>{day}</small>"
    return f"{_write_time(end.at, f'{moment:%Y-%m-%d}')} <small>{day}</small>"


def _write_moment(seconds: float | None, now: float) -> str:
    moment = to_local_time(seconds)
    if moment is None or seconds is None:
        return ""
    return f"{_write_time(seconds, f'{moment:%Y-%m-%d %H:%M}')} <small>{format_distance(seconds, now)}</small>"


def _write_time(seconds: float, text: str) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{escape(text)}</time>'


def _write_advice(rows: Sequence[Row]) -> Iterator[str]:
    items = [(code, count, text) for code, count, text in collect_advice(rows) if text]
    if items:
        yield "<h2>What to do</h2><dl>"
        for code, count, text in items:
            yield f"<dt>{code}, {count} mini program{'' if count == 1 else 's'}</dt><dd>{escape(text)}</dd>"
        yield "</dl>"
