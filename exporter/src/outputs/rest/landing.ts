/**
 * The landing page: what this is, where the rest is, and how everything is right now. The server writes all of it, so it works without script and without
 * access to the API; a small script fetches the page again every 5 s and swaps the parts that changed.
 */
import type { Incident, SeverityName } from '../../wire/incident.ts';
import type { Status } from '../../wire/status.ts';
import { markup, type Html } from './html.ts';
import { humanDuration } from '../../human-units.ts';
import { banners } from './landing/banners.ts';
import { entitiesTable } from './landing/entities.ts';
import { incidentCards } from './landing/incidents.ts';
import { ago, LOGO } from './landing/marks.ts';
import { monitorsTable } from './landing/monitors.ts';
import { overallState, overview } from './landing/overview.ts';
import { REFRESH } from './landing/refresh.ts';
import { STYLE } from './landing/style.ts';
import { renderPage, type Page } from './page.ts';

export interface LandingView {
  status: Status;
  ready: boolean;
  /** newest first, at most SHOWN_INCIDENTS each */
  openIncidents: readonly Incident[];
  closedIncidents: readonly Incident[];
  /** of all open incidents, also those that are not shown */
  worstOpen: SeverityName | null;
}

export const SHOWN_INCIDENTS = 10;

/** Relative, so that they hold behind any prefix: the page's own address always ends in a slash. */
const LINKS = [
  ['metrics', 'Metrics'],
  ['api/status', 'Status'],
  ['api/incidents', 'Incidents'],
  ['api/models', 'Models'],
  ['docs', 'API docs'],
  ['-/healthy', 'Health'],
] as const;

export function landingPage(view: LandingView): Page {
  const { status } = view;
  const state = overallState(view);
  const incidents = [...view.openIncidents, ...view.closedIncidents].slice(0, SHOWN_INCIDENTS);
  return renderPage({
    title: `${state.title} · NetPulse on ${status.hostname}`,
    style: STYLE,
    script: REFRESH,
    refreshSeconds: 15,
    body: markup`<a class="skip" href="#main">Skip to the status</a>
      <header class="top">
        <div class="brand">
          ${LOGO}
          <div>
            <h1>NetPulse <small>${status.version}</small></h1>
            <p>Learns what is normal on this host and its network, and says when, where and why it is not.</p>
          </div>
        </div>
        <nav aria-label="Pages">
          <ul>
            ${LINKS.map(([href, name]) => markup`<li><a href="${href}">${name}</a></li>`)}
          </ul>
        </nav>
      </header>
      <main id="main">
        <div id="banners" data-live>${banners(view)}</div>
        ${overview(view, state)} ${monitorsTable(status)}
        <div class="columns">${incidentCards(incidents, status)} ${entitiesTable(status)}</div>
      </main>
      <footer id="about" data-live>
        <dl>
          ${fact('Host', markup`<bdi>${status.hostname}</bdi>`)}
          ${Object.entries(status.inventory).map(([name, value]) => fact(name, markup`<bdi>${value}</bdi>`))}
          ${configuration(status)}
          ${fact('Running for', markup`${humanDuration(status.now - status.startedAt)}`)}
        </dl>
      </footer>
      <p class="refresh" role="status" id="refresh"></p>`,
  });
}

function configuration({ config, now }: Status): Html {
  return fact(
    'Configuration',
    markup`<bdi>${config.file ?? 'no file, all defaults'}</bdi>, last read ${ago(config.lastReloadAt, now)}`,
  );
}

function fact(name: string, value: Html): Html {
  return markup`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div> `;
}
