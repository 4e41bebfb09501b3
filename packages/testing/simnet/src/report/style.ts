/** Colours for light and dark that keep apart for most eyes, and what charts are drawn with. */
export const chartStyle: string = `
:root { color-scheme: light dark; --ink: #1d2127; --soft: #5d6673; --line: #e3e6ea; --page: #ffffff; --card: #f6f7f9;
  --c1: #2467c9; --c2: #c9541c; --c3: #20845a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaee; --soft: #9aa4b2; --line: #30363f; --page: #14171b;
  --card: #1c2026; --c1: #6ea8fe; --c2: #f58d5a; --c3: #5cc795; } }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); } .mark { stroke: var(--soft); stroke-dasharray: 3 3; }
.tick { fill: var(--soft); font-size: 11px; } .label { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .line.faint { stroke-width: 1; stroke-dasharray: 5 3; }
.line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); } .line.c3 { stroke: var(--c3); }
.title { fill: var(--ink); font-size: 14px; font-weight: 600; }
`

/** The report's looks: one column of figures, system fonts. */
export const style: string = `
${chartStyle}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 48px 0 0; } h3 { font-size: 15px; margin: 28px 0 8px; }
p { margin: 4px 0 16px; color: var(--soft); }
code, pre { font: 12.5px/1.5 ui-monospace, monospace; }
pre { background: var(--card); padding: 12px; border-radius: 8px; overflow: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 16px 0; }
.tiles div { background: var(--card); border-radius: 10px; padding: 12px 16px; }
.tiles b { display: block; font-size: 22px; font-weight: 600; } .tiles span { color: var(--soft); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 24px 28px; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: 4px; }
svg { width: 100%; height: auto; display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--soft); }
.legend i { display: inline-block; width: 16px; height: 0; border-top: 2px solid; margin-right: 6px; vertical-align: middle; }
.legend i.c1 { border-color: var(--c1); } .legend i.c2 { border-color: var(--c2); } .legend i.c3 { border-color: var(--c3); }
.legend i.faint { border-top-style: dashed; border-top-width: 1px; }
details { margin-top: 12px; color: var(--soft); } summary { cursor: pointer; }
`
