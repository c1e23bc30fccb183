import type { EntityStatus, Status } from '../../../wire/status.ts';
import { markup, trusted, type Html } from '../html.ts';
import { humanFeature, humanNumber, humanPercent, humanValue } from '../../../human-units.ts';
import { ago, severityMark } from './marks.ts';

const MOST_SHOWN = 50;

/** The bar ends at three times the threshold; what lies beyond gets an arrow. */
const BAR_END = 3;

/** Samples come every few seconds; an entity that is silent for so long is worth a word. */
const SILENT_MS = 60_000;

export function entitiesTable({ entities, entitiesTotal, hostname, now }: Status): Html {
  const shown = entities.slice(0, MOST_SHOWN);
  return markup`<section class="card" id="entities" data-live aria-labelledby="entities-title">
    <h2 id="entities-title">Entities</h2>
    ${
      entitiesTotal > shown.length &&
      shown.length > 0 &&
      markup`<p class="soft">
        The ${shown.length} most anomalous of ${humanNumber(entitiesTotal)}; <a href="api/status">status</a> has up to
        500, <a href="metrics">metrics</a> all.
      </p>`
    }
    ${shown.length === 0 ? markup`<p class="empty">No entity has been seen yet. The first one appears with the first sample.</p>` : table(shown, hostname, now)}
  </section>`;
}

function table(entities: readonly EntityStatus[], hostname: string, now: number): Html {
  return markup`<table role="table">
    <caption class="hidden">
      Entities, most anomalous first, with the features that moved most
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">Entity</th>
        <th role="columnheader" scope="col">Score <small>1 = threshold</small></th>
        <th role="columnheader" scope="col">Severity</th>
        <th role="columnheader" scope="col">What moved most</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${entities.map((entity) => row(entity, hostname, now))}
    </tbody>
  </table>`;
}

function row(entity: EntityStatus, hostname: string, now: number): Html {
  const { score, severity, confidence, openIncident, lastSampleAt } = entity;
  const level = severity === 'none' ? 'normal' : severity;
  const elsewhere = entity.host !== hostname && entity.host !== entity.entity;
  const silent = lastSampleAt !== null && now - lastSampleAt >= SILENT_MS;
  return markup`<tr role="row" class="${level}">
    <th role="rowheader" scope="row">
      <bdi>${entity.entity}</bdi>
      <small>
        <bdi>${entity.kind}</bdi>${elsewhere && markup` on <bdi>${entity.host}</bdi>`}, monitor <bdi>${entity.monitor}</bdi>
      </small>
      ${silent && markup`<small>last sample ${ago(lastSampleAt, now)}</small>`}
    </th>
    <td role="cell" data-label="Score" class="score">
      ${score === null ? markup`<span class="soft">learning</span>` : scoreBar(score)}
    </td>
    <td role="cell" data-label="Severity"${score === null && markup` class="nothing"`}>
      ${score === null ? markup`<span class="soft">–</span>` : severityMark(level)}
      ${score !== null && confidence !== null && markup`<small>confidence ${humanPercent(Math.round(confidence * 100) / 100)}</small>`}
      ${
        openIncident !== null &&
        markup`<small><a id="of-${entity.monitor}/${entity.entity}" href="api/incidents/${encodeURIComponent(openIncident)}">open incident</a></small>`
      }
    </td>
    ${moved(entity)}
  </tr> `;
}

/** Score as a bar from 0 to 3 with a line at the threshold. */
function scoreBar(score: number): Html {
  const width = (Math.max(0, Math.min(score, BAR_END)) / BAR_END) * 96;
  const shown = score >= 100 ? humanNumber(Math.round(score)) : score.toFixed(2);
  return markup`<b>${shown}</b><svg class="bar" viewBox="0 0 100 14" aria-hidden="true">
      <rect class="track" y="3" width="96" height="8" rx="2" />
      <rect class="fill" y="3" width="${width.toFixed(1)}" height="8" rx="2" />
      <path class="threshold" d="M32 0v14" />
      ${score > BAR_END && trusted('<path class="fill" d="M94 1l6 6-6 6z"/>')}
    </svg>`;
}

function moved({ topFeatures, score }: EntityStatus): Html {
  if (topFeatures.length === 0)
    return markup`<td role="cell" class="nothing"><span class="soft">${score === null ? '–' : 'nothing stands out'}</span></td>`;
  return markup`<td role="cell" class="wide" data-label="What moved most">
    <ul class="features">
      ${topFeatures.map(feature)}
    </ul>
  </td>`;
}

function feature({ feature: name, unit, share, value, expected }: EntityStatus['topFeatures'][number]): Html {
  return markup`<li>
    <bdi title="${name}, ${humanPercent(share)} of the score">${humanFeature(name, unit)}</bdi>
    <b>${humanValue(value, unit)}</b>
    ${expected !== null && markup`<span class="soft">usually ${humanValue(expected, unit)}</span>`}
  </li>`;
}
