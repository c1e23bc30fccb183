import { PALETTE } from '../palette.ts';

/** Wide screens get tables and two columns; below 48rem every row becomes a card with its column names. */
export const STYLE = `${PALETTE}
body { padding: 0 clamp(.75rem, 2.5vw, 2rem); max-width: 92rem; margin: 0 auto; }
small { display: block; color: var(--soft); font-size: .82rem; font-weight: 400; line-height: 1.35; }
bdi { overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem; z-index: 1; }
.shape { width: .85em; height: .85em; flex: none; }

.top { display: flex; flex-wrap: wrap; gap: .75rem 2rem; justify-content: space-between; align-items: center; padding: 1.1rem 0; }
.brand { flex: 1 1 20rem; display: flex; gap: .8rem; align-items: center; }
.logo { width: 2.6rem; height: 2.6rem; flex: none; }
.logo rect { fill: #115e8c; }
.logo path { fill: none; stroke: #fff; stroke-width: 2.4; stroke-linejoin: round; stroke-linecap: round; }
h1 { font-size: 1.35rem; line-height: 1.2; }
h1 small { display: inline; font-size: .85rem; }
.brand p { text-wrap: balance; color: var(--soft); font-size: .9rem; line-height: 1.35; }
nav ul { display: flex; flex-wrap: wrap; gap: .35rem; list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .35rem .75rem; border: 1px solid var(--line); border-radius: 99px; background: var(--card); text-decoration: none; font-size: .9rem; }
nav a:hover { border-color: var(--link); }

main > *, #banners > * { margin-bottom: 1rem; }
#banners { margin: 0; }
.banner { display: flex; gap: .8rem; padding: .8rem 1.1rem; border-radius: 10px; border: 1px solid currentColor; }
.banner .shape { margin-top: .3rem; width: 1rem; height: 1rem; }
.banner h2 { font-size: 1rem; }
.banner p, .banner pre { color: var(--text); }
.banner > div { min-width: 0; }
.banner pre { margin: .4rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 14rem; overflow: auto; }
.normal { color: var(--normal); } .low { color: var(--low); } .medium { color: var(--medium); } .high { color: var(--high); }
.banner.low, .state.low { background: var(--low-wash); } .banner.medium, .state.medium { background: var(--medium-wash); }
.banner.high, .state.high { background: var(--high-wash); } .state.normal { background: var(--normal-wash); }

.overview { display: grid; grid-template-columns: minmax(20rem, 1fr) minmax(0, 1fr); background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.state { display: flex; gap: 1rem; align-items: center; padding: 1.1rem 1.3rem; }
.state .shape { width: 2rem; height: 2rem; }
.state h2 { font-size: 1.5rem; line-height: 1.2; }
.state p { color: var(--text); }
.overview dl { display: grid; grid-template-columns: repeat(4, auto); margin: 0; }
.overview dl div { padding: 1.1rem 1.2rem; border-left: 1px solid var(--line); display: flex; flex-direction: column; justify-content: center; }
.overview dt { color: var(--soft); font-size: .85rem; }
.overview dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.2rem; min-width: 0; }
.card > h2 { font-size: 1.1rem; margin-bottom: .35rem; }
.empty { color: var(--soft); padding: .6rem 0; max-width: 46rem; }
.columns { display: grid; grid-template-columns: minmax(0, 5fr) minmax(20rem, 2fr); gap: 1rem; align-items: start; }
#incidents { order: 1; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .55rem .6rem; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; color: var(--text); }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: .82rem; font-weight: 600; border-top: 0; padding-top: .2rem; padding-bottom: .35rem; vertical-align: bottom; }
tbody th { font-weight: 600; }
.number { text-align: right; }
.mark { display: inline-flex; align-items: center; gap: .4rem; font-weight: 600; white-space: nowrap; }

.detectors, .features, .incidents { list-style: none; margin: 0; padding: 0; }
.detectors li { display: grid; grid-template-columns: minmax(7.5rem, max-content) 6rem minmax(3.5rem, 1fr); gap: 0 .7rem; align-items: center; }
.detectors li + li { margin-top: .2rem; }
.detectors small { grid-column: 1 / -1; }
progress { appearance: none; width: 100%; height: .5rem; border: 0; border-radius: 3px; background: var(--track); overflow: hidden; color: var(--soft); }
progress::-webkit-progress-bar { background: var(--track); }
progress::-webkit-progress-value { background: var(--soft); }
progress::-moz-progress-bar { background: var(--soft); }
progress.done { color: var(--normal); }
progress.done::-webkit-progress-value { background: var(--normal); }
progress.done::-moz-progress-bar { background: var(--normal); }

.score { white-space: nowrap; }
.score b { display: inline-block; min-width: 2.9rem; text-align: right; margin-right: .6rem; }
.bar { width: 7rem; height: 1rem; vertical-align: -.15rem; color: inherit; }
.track { fill: var(--track); }
.fill { fill: var(--normal); }
tr.low .fill { fill: var(--low); } tr.medium .fill { fill: var(--medium); } tr.high .fill { fill: var(--high); }
.threshold { stroke: var(--text); stroke-width: 1.5; }
.features li { line-height: 1.4; }
.features li + li { margin-top: .15rem; }
.features span { white-space: nowrap; }
#entities th:nth-child(2), #entities th:nth-child(3) { width: 1%; white-space: nowrap; }
#entities td:nth-child(3) small { white-space: nowrap; }
#entities tbody th { min-width: 11rem; max-width: 19rem; }

.incidents > li { border-top: 1px solid var(--line); padding: .75rem 0 .75rem .9rem; position: relative; color: var(--text); }
.incidents > li::before { content: ""; position: absolute; left: 0; top: .85rem; bottom: .85rem; width: 4px; border-radius: 2px; background: var(--line); }
.incidents > li.open.low::before { background: var(--low); } .incidents > li.open.medium::before { background: var(--medium); } .incidents > li.open.high::before { background: var(--high); }
.incidents > li:first-child { border-top: 0; }
.line { display: flex; justify-content: space-between; gap: .6rem; align-items: center; }
.chip { font-size: .8rem; padding: 0 .55rem; border: 1px solid var(--line); border-radius: 99px; color: var(--soft); }
.open .chip { color: var(--text); border-color: var(--soft); font-weight: 600; }
.incidents h3 { font-size: 1rem; line-height: 1.35; }
.incidents .soft { font-size: .87rem; }
h4 { margin: .4rem 0 0; font-size: .82rem; color: var(--soft); }
.checks { margin: .1rem 0 0; padding-left: 1.3rem; }

footer dl { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: 1rem 0 .6rem; font-size: .87rem; }
footer div { display: flex; gap: .4rem; }
footer dt { color: var(--soft); }
footer dt::after { content: ":"; }
footer dd { margin: 0; overflow-wrap: anywhere; }
.refresh { min-height: 1.5rem; font-size: .87rem; color: var(--soft); padding-bottom: 1.2rem; }
.stale .refresh { position: fixed; inset: auto 0 0; padding: .7rem 1rem; text-align: center; background: var(--high-wash); color: var(--high); font-weight: 600; border-top: 1px solid currentColor; }

@media (max-width: 68rem) { .columns { grid-template-columns: minmax(0, 1fr); } #incidents { order: 0; } .overview { grid-template-columns: 1fr; } .overview dl { border-top: 1px solid var(--line); } .overview dl div:first-child { border-left: 0; } }
@media (max-width: 48rem) {
  .overview dl { grid-template-columns: 1fr 1fr; }
  .overview dl div { padding: .7rem 1rem; }
  .overview dl div:nth-child(odd) { border-left: 0; }
  .overview dl div:nth-child(n+3) { border-top: 1px solid var(--line); }
  .card { padding: .9rem 1rem; }
  table, tbody, tr, th, td { display: block; }
  thead { display: none; }
  tbody tr { border-top: 1px solid var(--line); padding: .7rem 0; }
  tbody tr:first-child { border-top: 0; padding-top: .2rem; }
  tbody th, tbody td { border: 0; padding: .12rem 0; }
  tbody td { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .1rem .6rem; text-align: left; align-items: baseline; }
  tbody td::before { content: attr(data-label); color: var(--soft); font-size: .85rem; grid-row: span 3; }
  tbody td > * { grid-column: 2; }
  tbody td.number { text-align: left; }
  tbody td.nothing { display: none; }
  #entities tbody th { max-width: none; }
  tbody td.wide { grid-template-columns: 1fr; }
  tbody td.wide::before { grid-row: auto; }
  tbody td.wide > * { grid-column: 1; }
  td.score { display: flex; align-items: center; gap: .6rem; }
  td.score::before { width: 6.5rem; flex: none; }
  .score b { min-width: 0; margin: 0; }
  .bar { flex: 1; max-width: 11rem; }
  #monitors tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: .4rem .8rem; }
  #monitors :is(th, td):not(.number) { grid-column: 1 / -1; }
  #monitors td.number { display: block; }
  #monitors td.number::before { display: block; }
  .detectors li { grid-template-columns: minmax(7.5rem, 1fr) 5rem 3.5rem; }
}
@media (prefers-reduced-motion: no-preference) { progress::-webkit-progress-value { transition: width .3s; } }
`;
