import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { landingPage, type LandingView } from './landing.ts';
import { contentHash } from './security-headers.ts';
import { entity, fixedData, incident, monitor, NOW } from './testing/fixed-service.ts';

const GOLDEN = join(__dirname, 'golden', 'landing.html.txt');

function view(more: Partial<LandingView> = {}): LandingView {
  const { status, incidents } = fixedData();
  return {
    status,
    ready: true,
    openIncidents: incidents.filter(({ state }) => state === 'open'),
    closedIncidents: incidents.filter(({ state }) => state === 'closed'),
    worstOpen: 'high',
    ...more,
  };
}

/** Text as read: no tags, no style, no script. */
function textOf({ html }: { html: string }): string {
  return html
    .replace(/<(style|script)>[^]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, '')
    .replaceAll('\u00a0', ' ')
    .replace(/\s+/g, ' ');
}

describe('the landing page', () => {
  // UPDATE_GOLDEN=1 writes the file anew; look at the difference before it is committed
  test('equals its golden file', () => {
    const { html } = landingPage(view());
    const page = html.replace(/(<(style|script)>)[^]*?(<\/\2>)/g, '$1$3').replace(/\s*(\n|$)/g, '\n');
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(GOLDEN, page);
    expect(page).toBe(readFileSync(GOLDEN, 'utf8'));
  });

  test('its content policy lets exactly its own style and script run', () => {
    const { html, contentSources } = landingPage(view());
    const [, style] = /<style>([^]*?)<\/style>/.exec(html) ?? [];
    const [, script] = /<script>([^]*?)<\/script>/.exec(html) ?? [];
    expect(contentSources).toBe(
      `default-src 'none'; img-src data:; style-src ${contentHash(style)}; script-src ${contentHash(script)}; connect-src 'self'`,
    );
    expect(html).not.toMatch(/ style=| on\w+=|https?:\/\/(?!www\.w3\.org)/);
  });

  test('hostile names and sentences are shown, not run', () => {
    const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\`&{{7*7}}\u202e`;
    const { status } = view();
    const { html } = landingPage(
      view({
        status: {
          ...status,
          version: hostile,
          hostname: hostile,
          inventory: { [hostile]: hostile },
          config: { file: hostile, lastReloadSuccessful: false, lastReloadAt: NOW, lastReloadError: hostile },
          monitors: [
            monitor(hostile, {
              up: false,
              error: hostile,
              detectors: [{ detector: hostile, warmup: 0.5, trusted: false, note: hostile }],
            }),
          ],
          entities: [
            entity(hostile, {
              monitor: hostile,
              kind: hostile,
              host: `${hostile}2`,
              openIncident: hostile,
              score: 2,
              severity: 'high',
              topFeatures: [{ feature: hostile, unit: hostile, share: 1, value: 1, expected: 2 }],
            }),
          ],
        },
        openIncidents: [incident(hostile, { entity: hostile, summary: hostile, checks: [hostile] })],
      }),
    );
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toContain('<img');
    expect(html).not.toMatch(/="[^"]*"[^\s>/]/);
    expect(html).toContain('<bdi>&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;');
    expect(html).not.toContain("onerror='");
  });

  test('nothing watched yet says so', () => {
    const { status } = view();
    const text = textOf(
      landingPage(
        view({
          status: { ...status, monitors: [], entities: [], entitiesTotal: 0, incidentsOpen: 0 },
          openIncidents: [],
          closedIncidents: [],
          worstOpen: null,
        }),
      ),
    );
    expect(text).toContain('Nothing watched No monitor is configured.');
    expect(text).toContain('No entity has been seen yet.');
    expect(text).toContain('No incident so far.');
  });

  test('before the first score it is learning', () => {
    const { status } = view();
    const entities = [
      entity('web-01', { score: null, confidence: null }),
      entity('sda', { score: null, confidence: null }),
    ];
    const text = textOf(
      landingPage(view({ status: { ...status, entities, entitiesTotal: 2 }, openIncidents: [], worstOpen: null })),
    );
    expect(text).toContain('Learning 2 entities seen; the first scores come within a minute.');
  });

  test('a source that is down and a reload that failed come first, with the reason', () => {
    const { status } = view();
    const text = textOf(
      landingPage(
        view({
          status: {
            ...status,
            config: {
              ...status.config,
              lastReloadSuccessful: false,
              lastReloadError: 'monitors[0].intervall: unknown key',
            },
            monitors: [monitor('host'), monitor('probe', { up: false, error: 'no permission' })],
            entities: [entity('web-01')],
            entitiesTotal: 1,
          },
          openIncidents: [],
          worstOpen: null,
        }),
      ),
    );
    expect(text).toContain('The last reload failed');
    expect(text).toContain('monitors[0].intervall: unknown key');
    expect(text).toContain('No samples for probe Source probe: no permission');
    expect(text).toContain('Source down 1 of 2 monitors get no samples.');
  });

  test('of very many entities the 50 most anomalous are shown, and it says so', () => {
    const { status } = view();
    const entities = Array.from({ length: 500 }, (_, i) =>
      entity(`node-${i}`, { score: 5 - i / 100, severity: 'high' }),
    );
    const { html } = landingPage(view({ status: { ...status, entities, entitiesTotal: 12_840, incidentsOpen: 37 } }));
    const text = textOf({ html });
    expect(text).toContain('The 50 most anomalous of 12,840;');
    expect(text).toContain('At least 500 of 12,840 entities behave unusually.');
    expect(text).toContain('35 more open.');
    expect(html.match(/<bdi>node-\d+<\/bdi>/g)).toHaveLength(50);
  });

  test('all is normal only when every source is up and nothing is open', () => {
    const { status } = view();
    const quiet = { ...status, entities: [entity('web-01')], entitiesTotal: 1, incidentsOpen: 0 };
    expect(textOf(landingPage(view({ status: quiet, openIncidents: [], worstOpen: null })))).toContain(
      'All normal The one entity behaves as usual.',
    );
    expect(
      textOf(landingPage(view({ status: { ...quiet, incidentsOpen: 1 }, worstOpen: 'medium', openIncidents: [] }))),
    ).toContain('Medium severity Scores are back to normal, the incident is not closed yet.');
  });
});
