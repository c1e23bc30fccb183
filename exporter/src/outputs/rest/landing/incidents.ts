import type { Incident } from '../../../wire/incident.ts';
import type { Status } from '../../../wire/status.ts';
import { markup, type Html } from '../html.ts';
import { humanDuration, humanNumber, humanPercent } from '../../../human-units.ts';
import { ago, KIND_TITLES, severityMark } from './marks.ts';

/** The list stays short enough for a phone: first checks for the newest open incidents only. The API has the rest. */
const MOST_CHECKS = 3;
const WITH_CHECKS = 3;

/** `incidents`: the open ones first, then the last closed ones. */
export function incidentCards(incidents: readonly Incident[], { now, incidentsOpen }: Status): Html {
  const hidden = incidentsOpen - incidents.filter(({ state }) => state === 'open').length;
  return markup`<section class="card" id="incidents" data-live aria-labelledby="incidents-title">
    <h2 id="incidents-title">Last incidents</h2>
    ${
      incidents.length === 0
        ? markup`<p class="empty">No incident so far. One opens when scores stay above the threshold.</p>`
        : markup`<ol class="incidents">
            ${incidents.map((incident, i) => card(incident, now, i < WITH_CHECKS))}
          </ol>`
    }
    <p class="soft">
      ${hidden > 0 && markup`${humanNumber(hidden)} more open. `}All: <a href="api/incidents">JSON</a>,
      <a href="api/incidents/export?format=csv">CSV</a>
    </p>
  </section>`;
}

function card(incident: Incident, now: number, withChecks: boolean): Html {
  const open = incident.state === 'open';
  const more = incident.sources.length - 1;
  return markup`<li class="${incident.severity}${open ? ' open' : ''}">
    <article>
      <p class="line">${severityMark(incident.severity)}<span class="chip">${open ? 'open' : 'closed'}</span></p>
      <h3>
        <a id="incident-${incident.id}" href="api/incidents/${encodeURIComponent(incident.id)}">${KIND_TITLES[incident.kind] ?? incident.kind}</a>
        on <bdi>${incident.entity}</bdi>
      </h3>
      <p class="soft">
        ${ago(incident.startedAt, now)}, ${open ? 'lasting' : 'for'}
        ${humanDuration((incident.closedAt ?? now) - incident.startedAt)}, peak ${incident.peak.toFixed(2)}, confidence
        ${humanPercent(Math.round(incident.confidence * 100) / 100)}${more > 0 && `, with ${more} more ${more === 1 ? 'source' : 'sources'}`}
      </p>
      <p><bdi>${incident.summary}</bdi>${incident.newNormal && ' This level has become the new normal.'}</p>
      ${
        open &&
        withChecks &&
        incident.checks.length > 0 &&
        markup`<h4>First checks</h4>
          <ol class="checks">
            ${incident.checks.slice(0, MOST_CHECKS).map((check) => markup`<li><bdi>${check}</bdi></li>`)}
          </ol>`
      }
    </article>
  </li> `;
}
