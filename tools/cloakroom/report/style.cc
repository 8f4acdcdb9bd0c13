// How the page looks: quiet, in the reader's own fonts and colours of light and dark. Pairs of text
// and ground have a contrast of 4.5 or more (WCAG 2.2 AA), which tests/browser/report measures.
#include "report/page.h"

namespace cloakroom::cli {

const char* const kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --ground: #f7f7f5; --surface: #ffffff; --line: #e3e3de; --text: #20262d; --quiet: #5b646e;
  --accent: #1f6f78; --track: #eef0ef; --warn: #8a4b00; --warn-ground: #fff6e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --surface: #1b1f24; --line: #2d333a; --text: #e4e7ea; --quiet: #a3adb8;
    --accent: #62b6be; --track: #262c32; --warn: #f2c27d; --warn-ground: #2e2412;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
header, nav, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(1.5rem, 5vw, 3.5rem); }
h1, h2, h3, p, dl, figure { margin: 0; }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.6vw, 2.2rem); font-weight: 650; line-height: 1.2;
     letter-spacing: -0.015em; overflow-wrap: anywhere; }
.kind { color: var(--accent); font-weight: 600; margin-bottom: .35rem; }
.when { color: var(--quiet); margin-top: .5rem; max-width: 46rem; }
h2 { font-size: 1.25rem; font-weight: 650; letter-spacing: -0.01em; line-height: 1.3; }
h3 { font-size: 1rem; font-weight: 600; line-height: 1.4; }
a { color: var(--accent); text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--surface); z-index: 1; }
nav { margin-top: 1.5rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; }
nav a { display: inline-block; padding: .25rem 0; text-decoration: none; }
nav a:hover { text-decoration: underline; }
main > section { margin-top: clamp(2rem, 5vw, 3.25rem); }
.lead { color: var(--quiet); margin-top: .35rem; max-width: 46rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr));
         gap: 1rem; margin-top: 2rem; }
.tiles > div { background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
               padding: 1rem 1.15rem; display: flex; flex-direction: column; }
.tiles dt { color: var(--quiet); font-size: .9rem; }
.tiles dd { margin: 0; }
.tiles .much { font-size: 1.65rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.3; }
.tiles .more { color: var(--quiet); font-size: .9rem; line-height: 1.4; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr));
          gap: 1.25rem; margin-top: 1.25rem; }
figure, .panel { background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
         padding: 1.15rem 1.25rem 1rem; min-width: 0; }
figure { display: flex; flex-direction: column; }
figure details { margin-top: auto; padding-top: .75rem; }
figcaption p { color: var(--quiet); font-size: .9rem; margin-top: .15rem; }
.chart { display: block; width: 100%; margin-top: .85rem; overflow: visible; }
.chart text { font-size: 13px; }
.label { fill: var(--quiet); }
.figure { fill: var(--text); text-anchor: end; }
.track, .bar { --from: 104px; --room: calc(100% - 104px - 80px); x: var(--from); }
.wide { --from: 150px; --room: calc(100% - 150px - 80px); }
.track { width: var(--room); }
.bar { width: calc(var(--room) * var(--share)); }
.track { fill: var(--track); }
.bar { fill: var(--accent); }
.nothing { color: var(--quiet); margin-top: .75rem; }
details { font-size: .9rem; }
summary { cursor: pointer; color: var(--accent); width: fit-content; padding: .15rem 0; }
table { border-collapse: collapse; width: 100%; margin-top: .5rem; font-size: .9rem; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 500; }
th:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; }
td:last-child, th:last-child { padding-right: 0; }
thead th { color: var(--quiet); vertical-align: bottom; }
.scroll { overflow-x: auto; margin-top: 1.25rem; }
.scroll table { margin: 0; white-space: nowrap; }
.warn { margin-top: 1.5rem; border: 1px solid currentColor; border-radius: 12px; color: var(--warn);
        background: var(--warn-ground); padding: .85rem 1.15rem; max-width: 46rem; }
code { font-family: ui-monospace, "SF Mono", "Cascadia Code", "DejaVu Sans Mono", monospace;
       font-size: .92em; overflow-wrap: anywhere; }
.about { margin-top: 1rem; display: grid; gap: .6rem; max-width: 46rem; color: var(--quiet); }
footer { color: var(--quiet); font-size: .9rem; padding-top: 3rem; padding-bottom: 3rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
          white-space: nowrap; }
caption.unseen { position: static; display: block; }
@media print {
  :root { color-scheme: light; --ground: #fff; --surface: #fff; --line: #ccc; --text: #000;
          --quiet: #444; --accent: #1f6f78; --track: #eee; --warn: #000; --warn-ground: #fff; }
  body { font-size: 10pt; }
  nav, .skip, summary { display: none; }
  figure, .tiles > div, .panel { break-inside: avoid; }
  .bar, .track { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

}  // namespace cloakroom::cli
