/**
 * Colours and layout, light and dark. Normal is slate, flagged crimson, a mistake amber, a miss hollow: apart for every kind of colour vision also by lightness, and by shape. Every
 * text colour has a contrast of at least 4.5 on `--page` and `--card`.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --card: #ffffff; --line: #dce2e9; --track: #e4e9ef; --text: #17202b; --soft: #526070; --link: #0a5fa8;
  --normal: #3d5a73; --low: #0a5fa8; --medium: #8f4e00; --high: #b0103c;
  --normal-wash: #eaf0f5; --low-wash: #e4f0fb; --medium-wash: #fdf0dc; --high-wash: #fde8ed;
  --course: #5d7d99; --quiet: #9db1c3; --area: #b9c9d8; --amber: #d98200; --strip: #6d3a83; --band: #eedff2; --shade: #17202b2e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e131a; --card: #161d27; --line: #283342; --track: #263140; --text: #e7edf4; --soft: #9fadbd; --link: #7cc0ff;
    --normal: #a9bfd3; --low: #7cc0ff; --medium: #f5b85c; --high: #ff8fa6;
    --normal-wash: #1b2632; --low-wash: #122a40; --medium-wash: #33250e; --high-wash: #3a1520;
    --course: #7f9db8; --quiet: #5b7389; --area: #40566b; --amber: #f0a83c; --strip: #c9a1dc; --band: #35283f; --shade: #000000b0;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; -webkit-text-size-adjust: 100%; margin: 0 auto; max-width: 84rem; padding: 0 clamp(.75rem, 2.5vw, 2rem) 2rem; }
a { color: var(--link); text-underline-offset: 2px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
h1, h2, h3, p, dl, dd, figure { margin: 0; }
bdi { overflow-wrap: break-word; }
.endless { overflow-wrap: anywhere; }
small { display: block; color: var(--soft); font-size: .82rem; font-weight: 400; line-height: 1.35; }
.soft { color: var(--soft); font-weight: 400; }
.nowrap { white-space: nowrap; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.shape { width: .85em; height: .85em; flex: none; }

.top { display: flex; flex-wrap: wrap; gap: .75rem 2rem; justify-content: space-between; align-items: center; padding: 1.1rem 0; }
.brand { flex: 1 1 18rem; display: flex; gap: .8rem; align-items: center; min-width: 0; }
.logo { width: 2.6rem; height: 2.6rem; flex: none; }
.logo rect { fill: #115e8c; }
.logo path { fill: none; stroke: #fff; stroke-width: 2.4; stroke-linejoin: round; stroke-linecap: round; }
h1 { font-size: 1.35rem; line-height: 1.25; }
.brand p { color: var(--soft); font-size: .9rem; line-height: 1.35; }
nav ul { display: flex; flex-wrap: wrap; gap: .35rem; list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .3rem .7rem; border: 1px solid var(--line); border-radius: 99px; background: var(--card); text-decoration: none; font-size: .87rem; }
nav a:hover { border-color: var(--link); }

.overview, .card, .banner { margin-bottom: 1rem; }
.banner { display: flex; gap: .7rem; align-items: center; padding: .7rem 1.1rem; border: 1px solid currentColor; border-radius: 10px; background: var(--medium-wash); }
.banner span { color: var(--text); }
.normal { color: var(--normal); } .low { color: var(--low); } .medium { color: var(--medium); } .high { color: var(--high); }
.state.normal { background: var(--normal-wash); } .state.low { background: var(--low-wash); } .state.medium { background: var(--medium-wash); } .state.high { background: var(--high-wash); }
.overview { display: grid; grid-template-columns: minmax(20rem, 1fr) minmax(0, 1fr); background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.state { display: flex; gap: 1rem; align-items: center; padding: 1.1rem 1.3rem; }
.state .shape { width: 2rem; height: 2rem; }
.state h2 { font-size: 1.5rem; line-height: 1.2; }
.state p { color: var(--text); }
.overview dl { display: grid; grid-template-columns: repeat(4, auto); }
.overview dl div { padding: 1.1rem 1.2rem; border-left: 1px solid var(--line); display: flex; flex-direction: column; justify-content: center; }
.overview dt { color: var(--soft); font-size: .85rem; }
.overview dd { font-size: 1.45rem; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.2rem 1.1rem; min-width: 0; }
.card > h2 { font-size: 1.15rem; margin-bottom: .35rem; }
.card > h3 { font-size: 1rem; margin: 1.1rem 0 .2rem; }
.lead { color: var(--soft); max-width: 62rem; margin-bottom: .5rem; text-wrap: pretty; }
.empty { color: var(--soft); padding: .4rem 0; max-width: 46rem; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 1rem; align-items: stretch; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .5rem 1.4rem; margin: .3rem 0 .9rem; }
.facts dt { color: var(--soft); font-size: .82rem; }
.facts dd { overflow-wrap: anywhere; }
.chip { font-size: .8rem; padding: 0 .5rem; border: 1px solid var(--line); border-radius: 99px; color: var(--soft); white-space: nowrap; }

.scroll { overflow-x: auto; background: linear-gradient(to left, var(--card) 40%, transparent) right / 2.5rem 100% no-repeat local, linear-gradient(to left, var(--shade), transparent) right / .8rem 100% no-repeat scroll; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; color: var(--text); }
thead th { color: var(--soft); font-size: .82rem; font-weight: 600; border-top: 0; padding-top: .2rem; padding-bottom: .35rem; vertical-align: bottom; line-height: 1.25; }
tbody th { font-weight: 600; min-width: 7rem; max-width: 18rem; }
#comparison tbody th { min-width: 11.5rem; }
.scroll th:first-child { position: sticky; left: 0; background: var(--card); z-index: 1; padding-left: 0; }
td:last-child, th:last-child { padding-right: 0; }
.number { text-align: right; }
td.number { white-space: nowrap; }
td.number bdi { white-space: normal; }
.wide { width: 38%; min-width: 6rem; }
.mark { display: inline-flex; align-items: center; gap: .4rem; font-weight: 600; white-space: nowrap; }
details { margin-top: .5rem; }
summary { color: var(--link); font-size: .87rem; cursor: pointer; width: max-content; max-width: 100%; }

.bar { display: block; margin-top: .2rem; min-width: 3.5rem; }
td.wide > svg { display: block; margin-top: .5rem; }
td.wide > .swarm { margin-top: .2rem; }
.track { fill: var(--track); }
.fill { fill: var(--course); } .cost .fill { fill: var(--quiet); }
.low .fill { fill: var(--low); } .medium .fill { fill: var(--medium); } .high .fill { fill: var(--high); }

.plot { display: grid; grid-template-columns: 44px minmax(0, 1fr); }
.plot svg { display: block; overflow: visible; }
.plot text, .note { font-size: 12px; fill: var(--soft); font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); stroke-width: 1; }
.plot path, .legend path { fill: none; vector-effect: non-scaling-stroke; }
.course { stroke: var(--course); stroke-width: 1.2; stroke-linejoin: round; }
.ranges { stroke: var(--quiet); stroke-width: 1; }
.dots { stroke: var(--quiet); stroke-width: 4; stroke-linecap: round; }
.found-dot { stroke: var(--high); stroke-width: 6.5; stroke-linecap: round; }
.false-dot { stroke: var(--amber); stroke-width: 7; stroke-linecap: square; }
.missed-ring { stroke: var(--high); stroke-width: 8; stroke-linecap: round; }
.missed-hole { stroke: var(--card); stroke-width: 4.5; stroke-linecap: round; }
.threshold { stroke: var(--text); stroke-width: 1.3; stroke-dasharray: 5 4; }
.border { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 1 3; }
.labelled { fill: var(--band); } .strip { fill: var(--strip); }
.plot .note { fill: var(--text); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: 0 0 .6rem; padding: 0; font-size: .87rem; }
.legend li { display: flex; gap: .4rem; align-items: center; }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1.1rem 1.6rem; }
.multiples figure { min-width: 0; }
.small .dots { stroke-width: 2.5; } .small .found-dot { stroke-width: 4.5; } .small .false-dot { stroke-width: 4.5; } .small .missed-ring { stroke-width: 5.5; } .small .missed-hole { stroke-width: 2.8; }
figcaption { display: flex; flex-wrap: wrap; gap: 0 .6rem; align-items: baseline; margin-bottom: .15rem; }
.plot .normal-area, .legend .normal-area { fill: var(--area); stroke: var(--course); stroke-width: 1; }
.anomalous-line { stroke: var(--high); stroke-width: 2; stroke-linejoin: round; }
.normal-bar { fill: var(--course); } .anomalous-bar { fill: var(--high); }
.texts { list-style: none; margin: .4rem 0 0; padding: 0; display: grid; grid-template-columns: fit-content(9rem) minmax(0, 1fr) max-content; gap: .3rem .7rem; align-items: center; font-size: .87rem; line-height: 1.25; }
.texts li { display: contents; }
.texts li > span { text-align: right; }

.matrix { max-width: 34rem; border-spacing: 4px; border-collapse: separate; }
.matrix th, .matrix td { border: 0; }
.matrix thead th { text-align: center; padding-bottom: .2rem; }
.matrix tbody th { padding-left: 0; vertical-align: middle; min-width: 6rem; }
.matrix tbody td { text-align: center; border-radius: 8px; padding: .7rem .5rem; width: 38%; line-height: 1.3; border: 1px solid transparent; }
.matrix td b { display: block; font-size: 1.45rem; }
.matrix .right { background: var(--normal-wash); } .matrix .wrong { background: var(--medium-wash); border-color: var(--amber); } .matrix .none { background: var(--page); }
.advice { display: grid; gap: .35rem; }
.advice div { display: grid; grid-template-columns: minmax(9rem, 13rem) minmax(0, 1fr); gap: .1rem 1rem; }
.advice dt { font-weight: 600; }

.swarm { overflow: visible; }
.zero { stroke: var(--soft); stroke-width: 1; }
circle.up { fill: var(--high); fill-opacity: .75; } circle.down { fill: var(--low); fill-opacity: .75; }
rect.up { fill: var(--high); } rect.down { fill: var(--low); } rect.rest { fill: var(--quiet); }
.cases { display: grid; align-items: start; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); gap: 1rem 1.6rem; }
.case { border-top: 1px solid var(--line); padding: .8rem 0 .2rem .9rem; position: relative; min-width: 0; color: var(--text); }
.case::before { content: ""; position: absolute; left: 0; top: .9rem; bottom: .3rem; width: 4px; border-radius: 2px; background: var(--line); }
.case.low::before { background: var(--low); } .case.medium::before { background: var(--medium); } .case.high::before { background: var(--high); }
.case header { display: flex; justify-content: space-between; gap: .3rem 1rem; align-items: flex-start; }
.case h3 { font-size: 1.05rem; line-height: 1.3; }
.case header p { font-size: .87rem; line-height: 1.35; }
.score { display: flex; gap: .6rem; align-items: baseline; white-space: nowrap; }
.score b { font-size: 1.25rem; line-height: 1.2; }
.case .wide { width: 26%; min-width: 4.5rem; }
.case td, .case tbody th { padding-top: .3rem; padding-bottom: .3rem; }
.phone { display: none; }
.chips { display: flex; flex-wrap: wrap; gap: .25rem .4rem; list-style: none; margin: .4rem 0; padding: 0; font-size: .82rem; }
.chips li { padding: .05rem .55rem; border: 1px solid var(--line); border-radius: 99px; color: var(--soft); }
.chips .over { border-color: var(--high); color: var(--text); }
.sum { font-size: .87rem; margin-top: .4rem; padding-top: .4rem; border-top: 1px solid var(--line); }

@media (max-width: 68rem) { .pair, .overview { grid-template-columns: minmax(0, 1fr); } .overview dl { border-top: 1px solid var(--line); } .overview dl div:first-child { border-left: 0; } }
@media (max-width: 40rem) {
  .overview dl { grid-template-columns: 1fr 1fr; }
  .overview dl div { padding: .7rem 1rem; }
  .overview dl div:nth-child(odd) { border-left: 0; }
  .overview dl div:nth-child(n+3) { border-top: 1px solid var(--line); }
  .card { padding: .9rem 1rem; }
  .spare { display: none; }
  .facts { grid-template-columns: 1fr 1fr; }
  .advice div { grid-template-columns: 1fr; }
  #comparison tbody th { min-width: 7rem; }
  tbody th { min-width: 5.5rem; max-width: 8.5rem; }
  .scroll table { font-size: .9rem; }
  .spare-column { display: none; }
  .phone { display: block; }
  .scroll th, .scroll td { padding-left: .4rem; padding-right: .4rem; }
}
@media print { body { max-width: none; } nav { display: none; } .case, figure, .matrix { break-inside: avoid; } }
`;
