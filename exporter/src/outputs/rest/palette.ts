/**
 * Colours of the pages, light and dark. Severities run from blue over amber to crimson: apart for every kind of colour vision, also by lightness, and never
 * without their word and shape. Every text colour has a contrast of at least 4.5 on `--page` and `--card`.
 */
export const PALETTE = `
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --card: #ffffff; --line: #dce2e9; --track: #e4e9ef; --text: #17202b; --soft: #526070; --link: #0a5fa8;
  --normal: #3d5a73; --low: #0a5fa8; --medium: #8f4e00; --high: #b0103c;
  --normal-wash: #eaf0f5; --low-wash: #e4f0fb; --medium-wash: #fdf0dc; --high-wash: #fde8ed;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e131a; --card: #161d27; --line: #283342; --track: #263140; --text: #e7edf4; --soft: #9fadbd; --link: #7cc0ff;
    --normal: #a9bfd3; --low: #7cc0ff; --medium: #f5b85c; --high: #ff8fa6;
    --normal-wash: #1b2632; --low-wash: #122a40; --medium-wash: #33250e; --high-wash: #3a1520;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; -webkit-text-size-adjust: 100%; }
a { color: var(--link); text-underline-offset: 2px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .9em; }
h1, h2, h3, p { margin: 0; }
`;
