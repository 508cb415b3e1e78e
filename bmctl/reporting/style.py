"""How the timeline page looks: one style sheet for light and dark, screen and paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1d2125; --soft: #666d75; --line: #e6e4df; --band: #f4f2ee;
  --machine: #d9a036; --controller: #3f78c3; --agent: #2a9a80; --bmctl: #8a70b8; --bad: #c2343f;
  --bad-soft: #fdecec; --good: #25805f; --good-soft: #e4f4ed; --warn: #8a5a00; --warn-soft: #fdf2d8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1b1f24; --ink: #e7e9ea; --soft: #9aa2ab; --line: #2e343b; --band: #20252b;
    --machine: #e0b05a; --controller: #6ea2e6; --agent: #4fbf9f; --bmctl: #ab95d8; --bad: #f0777f;
    --bad-soft: #3a2023; --good: #63c79d; --good-soft: #17332a; --warn: #e3b75a; --warn-soft: #352a12;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h1 span { color: var(--soft); font-weight: 400; }
h2 { font-size: 16px; margin: 40px 0 12px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; }
.ending { padding: 3px 12px; border-radius: 999px; font-weight: 600; font-size: 14px; }
.ending.good { background: var(--good-soft); color: var(--good); }
.ending.bad { background: var(--bad-soft); color: var(--bad); }
.ending.open { background: var(--warn-soft); color: var(--warn); }
.facts { display: flex; flex-wrap: wrap; gap: 14px 28px; margin: 20px 0 0; }
.facts dt { color: var(--soft); font-size: 12.5px; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.error, .warning { margin: 22px 0 0; padding: 12px 16px; border-radius: 8px; border-left: 4px solid; }
.error { background: var(--bad-soft); border-color: var(--bad); }
.warning { background: var(--warn-soft); border-color: var(--machine); margin-top: 10px; }
.error p, .warning p { margin: 0; overflow-wrap: anywhere; }
.error p + p { color: var(--soft); margin-top: 4px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.shares { margin: 28px 0 0; padding: 16px 18px; }
.strip { display: flex; height: 14px; gap: 2px; border-radius: 7px; overflow: hidden; }
.strip div { min-width: 2px; }
.key { font-size: 14px; display: flex; flex-wrap: wrap; gap: 4px 18px; }
.key { margin: 12px 0 0; padding: 0; list-style: none; }
.key li { display: flex; align-items: baseline; gap: 8px; }
.key i { width: 10px; height: 10px; border-radius: 3px; flex: none; }
.key small { color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
.chart { margin: 16px 0 0; padding: 10px 14px 14px; overflow-x: auto; }
.chart svg { display: block; width: 100%; min-width: 820px; height: auto; }
svg text { fill: var(--ink); font-size: 12.5px; }
svg .soft, svg .tick text { fill: var(--soft); font-size: 11.5px; }
svg .part { font-weight: 600; }
svg .tick line, svg .rule { stroke: var(--line); }
svg .brace { stroke: var(--soft); stroke-width: 1.5; opacity: 0.55; fill: none; }
svg .pause { fill: var(--band); }
svg .said { fill: var(--bad); font-size: 11.5px; }
svg .cross { stroke: var(--bad); stroke-width: 2; }
svg .hatch { stroke: var(--card); stroke-width: 2.5; }
svg .gone { opacity: 0.45; }
.machine { fill: var(--machine); background: var(--machine); }
.controller { fill: var(--controller); background: var(--controller); }
.agent { fill: var(--agent); background: var(--agent); }
.bmctl { fill: var(--bmctl); background: var(--bmctl); }
.between { fill: var(--line); background: var(--line); }
svg .failed { stroke: var(--bad); stroke-width: 2; }
svg .running { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 7px 12px; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: 12.5px; font-weight: 500; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td i { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 8px; }
tbody th { font-weight: 500; }
tbody th small, td small { display: block; color: var(--soft); font-weight: 400; font-size: 12.5px; }
td .bad { color: var(--bad); }
footer { color: var(--soft); font-size: 13px; margin: 40px 0 0; }
@media print { main { max-width: none; padding: 0; } .card { break-inside: avoid; } }
"""
