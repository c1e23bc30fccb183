import type { DetectorStatus, MonitorStatus, Status } from '../../../wire/status.ts';
import { markup, type Html } from '../html.ts';
import { humanDuration, humanNumber, humanPercent } from '../../../human-units.ts';
import { shape } from './marks.ts';

export function monitorsTable({ monitors }: Status): Html {
  return markup`<section class="card" id="monitors" data-live aria-labelledby="monitors-title">
    <h2 id="monitors-title">Monitors</h2>
    ${monitors.length === 0 ? EMPTY : table(monitors)}
  </section>`;
}

const EMPTY = markup`<p class="empty">
  Nothing is watched yet. Without a configuration file the exporter watches its own host; a file needs at least one
  entry under <code>monitors</code>. The example file that comes with the exporter has one of every kind.
</p>`;

/** Display rules of narrow screens take the table apart; the explicit roles keep it a table for those who listen. */
function table(monitors: readonly MonitorStatus[]): Html {
  return markup`<table role="table">
    <caption class="hidden">
      Monitors with their source and the warm-up of their detectors
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">Monitor</th>
        <th role="columnheader" scope="col">State</th>
        <th role="columnheader" scope="col" class="number">Interval</th>
        <th role="columnheader" scope="col" class="number">Entities</th>
        <th role="columnheader" scope="col" class="number">Samples</th>
        <th role="columnheader" scope="col">Detectors</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${monitors.map(
        (monitor) =>
          markup`<tr role="row">
            <th role="rowheader" scope="row"><bdi>${monitor.monitor}</bdi><small>source ${monitor.source}</small></th>
            <td role="cell" data-label="State">${state(monitor)}</td>
            <td role="cell" class="number" data-label="Interval">
              ${humanDuration(monitor.intervalMs)}<small>step ${humanDuration(monitor.stepMs)}</small>
            </td>
            <td role="cell" class="number" data-label="Entities">
              ${humanNumber(monitor.entities)}<small>${humanNumber(monitor.features)} features</small>
            </td>
            <td role="cell" class="number" data-label="Samples">${humanNumber(monitor.samples)}</td>
            <td role="cell" class="wide" data-label="Detectors">
              <ul class="detectors">
                ${monitor.detectors.map(detector)}
              </ul>
            </td>
          </tr> `,
      )}
    </tbody>
  </table>`;
}

function state({ up, error }: MonitorStatus): Html {
  return up
    ? markup`<span class="mark normal">${shape('normal')}Up</span>`
    : markup`<span class="mark medium">${shape('medium')}Down</span><small><bdi>${error ?? 'no sample yet'}</bdi></small>`;
}

function detector({ detector: name, warmup, trusted, note }: DetectorStatus): Html {
  const percent = humanPercent(Math.floor(warmup * 100) / 100);
  return markup`<li>
    <span class="name">${name}</span>
    <progress max="1" value="${warmup}" aria-label="warm-up of ${name}" ${trusted && markup` class="done"`}></progress>
    <span class="soft">${trusted ? 'trusted' : percent}</span>${note !== null && markup`<small><bdi>${note}</bdi></small>`}
  </li>`;
}
