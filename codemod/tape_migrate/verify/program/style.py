"""How the page looks: light and dark, narrow and wide, on paper."""

STYLE = """
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #fff; --text: #1d2733; --soft: #5d6b7a;
  --line: #dde2e8; --good: #146c43; --goodbg: #dcf3e6; --bad: #a1152a; --badbg: #fbe1e4;
  --doubt: #8a5a00; --doubtbg: #fdf0d2; --plainbg: #e8edf3; --code: #f1f3f6; }
@media (prefers-color-scheme: dark) { :root { --bg: #12171d; --card: #1a2129; --text: #dfe6ee;
  --soft: #93a1b0; --line: #2d3743; --good: #6fd6a0; --goodbg: #143526; --bad: #ff8f9c;
  --badbg: #42161d; --doubt: #f0c36a; --doubtbg: #3b2d0d; --plainbg: #25303b; --code: #141a21; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 24px; margin: 2px 0 10px; overflow-wrap: anywhere; }
h1 code { font-size: inherit; }
h2 { font-size: 17px; margin: 0 0 12px; } h2 small { color: var(--soft); font-weight: normal; }
h3 { font-size: 15px; margin: 0 0 6px; }
p { margin: 6px 0; }
a { color: inherit; }
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--code); border-radius: 8px; padding: 12px; margin: 8px 0; overflow-x: auto; }
.kind, .quiet { color: var(--soft); }
.verdict { display: inline-block; font-size: 18px; font-weight: 650; padding: 6px 14px;
  border-radius: 8px; }
.verdict.good, .chip.good { color: var(--good); background: var(--goodbg); }
.verdict.bad, .chip.bad { color: var(--bad); background: var(--badbg); }
.chip { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 13px;
  font-weight: 600; white-space: nowrap; background: var(--plainbg); }
.chip.doubt { color: var(--doubt); background: var(--doubtbg); }
.chip.quiet { color: var(--soft); }
.note { border-left: 3px solid var(--doubt); padding-left: 10px; }
.card, .wide { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.card { padding: 18px; margin: 20px 0; } .card .wide { border: 0; }
.wide { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 7px 12px; border-bottom: 1px solid var(--line);
  vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { color: var(--soft); font-weight: 600; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 18px; }
@media (max-width: 900px) { .pair { grid-template-columns: minmax(0, 1fr); } }
.diff { margin: 0; align-self: start; line-height: 1.45; padding: 12px 0; position: sticky;
  top: 12px; max-height: 94vh; overflow: auto; }
.diff span { display: block; padding: 0 12px; min-width: max-content; white-space: pre;
  height: 1.45em; }
.diff .added { background: var(--goodbg); color: var(--good); }
.diff .removed { background: var(--badbg); color: var(--bad); }
.diff .hunk, .diff .head { color: var(--soft); }
article { padding-bottom: 14px; margin-bottom: 14px; border-bottom: 1px solid var(--line); }
article:last-child { border-bottom: 0; margin-bottom: 0; padding-bottom: 0; }
article:target { outline: 2px solid var(--doubt); outline-offset: 8px; border-radius: 4px; }
.calls code { overflow-wrap: anywhere; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 10px; }
svg { width: 100%; height: auto; } svg text { font-size: 10px; fill: var(--soft); }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); }
svg .limit { stroke: var(--bad); stroke-dasharray: 4 3; } svg .diagonal { stroke: var(--line); }
svg circle { fill: var(--good); fill-opacity: .75; } svg circle.bad { fill: var(--bad); }
@media print { body { background: #fff; }
  .diff { position: static; max-height: none; } .card { break-inside: avoid; } }
"""
