/** Every route, in one table: what `/api/openapi.json` describes. */
import type { Request, Response } from 'express';
import type { Observer } from '../../flow.ts';
import type { Service } from '../service.ts';
import { docsPage } from './docs-page.ts';
import { incidentsToCsv } from './incident-csv.ts';
import { parseExportQuery, parseIncidentQuery, SEVERITIES } from './incident-query.ts';
import { landingPage, SHOWN_INCIDENTS } from './landing.ts';
import { openApiDocument } from './openapi.ts';
import type { Page } from './page.ts';
import { refusal } from './refusal.ts';
import { contentPolicy } from './security-headers.ts';
import { send, sendHtml, sendJson, sendText } from './send.ts';

export interface Route {
  method: 'get' | 'post' | 'put';
  /** below the route prefix, as express writes it */
  path: string;
  access: 'page' | 'api' | 'change';
  handle(request: Request, response: Response): Promise<void>;
}

export interface RouteContext {
  service: Service;
  observer: Observer;
  /** empty or `/x` */
  routePrefix: string;
  /** scrapes at the same time; 0 = no limit */
  maxRequests: number;
  /** headers of the web configuration */
  headers(): Readonly<Record<string, string>>;
}

export function routes({ service, observer, routePrefix, maxRequests, headers }: RouteContext): Route[] {
  const page = (path: string, handle: Route['handle']): Route => ({ method: 'get', path, access: 'page', handle });
  const api = (path: string, handle: Route['handle']): Route => ({ method: 'get', path, access: 'api', handle });

  const showPage = (request: Request, response: Response, { html, contentSources }: Page) => {
    response.setHeader('Content-Security-Policy', contentPolicy(headers(), contentSources));
    return sendHtml(request, response, html);
  };
  const incidents: Route['handle'] = (request, response) =>
    sendJson(request, response, service.incidents(parseIncidentQuery(parametersOf(request))));
  const models: Route['handle'] = (request, response) => sendJson(request, response, service.models());
  const document = () => openApiDocument(service.status().version, routePrefix);
  const reload = reloadInTurn(service, observer);

  return [
    page('/', (request, response) =>
      showPage(
        request,
        response,
        landingPage({
          status: service.status(),
          ready: service.ready(),
          openIncidents: service.incidents({ state: 'open', limit: SHOWN_INCIDENTS }).incidents,
          closedIncidents: service.incidents({ state: 'closed', limit: SHOWN_INCIDENTS }).incidents,
          worstOpen:
            SEVERITIES.findLast((severity) => service.incidents({ state: 'open', severity, limit: 1 }).total > 0) ??
            null,
        }),
      ),
    ),
    page('/metrics', scrape(service, maxRequests)),
    page('/-/healthy', (request, response) => sendText(request, response, 'NetPulse is healthy.\n')),
    page('/-/ready', (request, response) =>
      service.ready()
        ? sendText(request, response, 'NetPulse is ready.\n')
        : sendText(request, response, 'NetPulse is starting or stopping.\n', { status: 503 }),
    ),
    { method: 'post', path: '/-/reload', access: 'change', handle: reload },
    { method: 'put', path: '/-/reload', access: 'change', handle: reload },
    page('/docs', (request, response) => showPage(request, response, docsPage(document()))),
    api('/api/openapi.json', (request, response) => sendJson(request, response, document())),
    api('/api/status', (request, response) => sendJson(request, response, service.status())),
    api('/api/incidents', incidents),
    api('/api/incidents/export', async (request, response) => {
      const { format, query } = parseExportQuery(parametersOf(request));
      const found = service.incidents(query);
      const csv = format === 'csv';
      await send(
        request,
        response,
        csv ? 'text/csv; charset=utf-8; header=present' : 'application/json; charset=utf-8',
        csv ? incidentsToCsv(found.incidents) : JSON.stringify(found),
        {
          headers: {
            'Content-Disposition': `attachment; filename="netpulse-incidents.${format}"`,
            'X-Total-Count': String(found.total),
          },
        },
      );
    }),
    api('/api/incidents/:id', async (request, response) => {
      const id = String(request.params.id);
      const incident = service.incident(id);
      if (!incident) throw refusal(404, `no incident has the id "${id}"; /api/incidents lists them`);
      await sendJson(request, response, incident);
    }),
    api('/api/anomalies', incidents),
    api('/api/models', models),
    api('/api/model/info', models),
    api('/api/evaluation', (request, response) => sendJson(request, response, service.evaluations())),
    { method: 'post', path: '/api/monitors/:name/ensemble', access: 'change', handle: changeEnsemble(service) },
    api('/api/topology', (request, response) => sendJson(request, response, service.topology())),
  ];
}

/** A scrape counts as in flight until its last byte is sent or its connection is gone. */
function scrape(service: Service, maxRequests: number): Route['handle'] {
  let inFlight = 0;
  return async (request, response) => {
    if (maxRequests > 0 && inFlight >= maxRequests)
      throw refusal(503, `${maxRequests} scrapes are in flight already; web.max_requests sets how many may be`, {
        reason: 'too_many_scrapes',
        headers: { 'Retry-After': '1' },
      });
    inFlight++;
    response.once('close', () => inFlight--);
    const { contentType, body } = await service.metrics(request.headers.accept);
    response.vary('Accept');
    await send(request, response, contentType, body);
  };
}

/** Two reloads at once would race for the files: the second one waits, and reads what is there then. */
function reloadInTurn(service: Service, observer: Observer): Route['handle'] {
  let last: Promise<unknown> = Promise.resolve();
  return async (request, response) => {
    const mine = last.then(() => service.reload());
    last = mine.catch(() => {});
    try {
      await mine;
    } catch (error) {
      const { message } = error as Error;
      observer.log.error('reload failed, the old configuration stays in force', { error: message });
      throw refusal(500, `the configuration was not taken over: ${message}`);
    }
    await sendText(request, response, 'The configuration is in force.\n');
  };
}

/** The body is JSON: `{"ensemble": {"method": "mean", "members": {"conditional": 1}}, "detectors": ["baseline", "conditional"]}`, either or both. */
function changeEnsemble(service: Service): Route['handle'] {
  return async (request, response) => {
    const name = String(request.params.name);
    const { monitors } = service.status();
    if (!monitors.some(({ monitor }) => monitor === name))
      throw refusal(404, `there is no monitor "${name}"; monitors are ${monitors.map((m) => m.monitor).join(', ')}`);
    try {
      await service.changeEnsemble(name, changeOf(request.body));
    } catch (error) {
      throw refusal(400, `nothing was changed: ${(error as Error).message}`);
    }
    await sendJson(
      request,
      response,
      service.status().monitors.find(({ monitor }) => monitor === name),
    );
  };
}

function changeOf(body: unknown): { ensemble?: unknown; detectors?: unknown } {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : '';
  const change: unknown = JSON.parse(text === '' ? '{}' : text);
  if (typeof change !== 'object' || change === null || Array.isArray(change) || Object.keys(change).length === 0)
    throw new Error('the body must be a JSON object with ensemble, detectors or both');
  return change;
}

function parametersOf(request: Request): URLSearchParams {
  const question = request.originalUrl.indexOf('?');
  return new URLSearchParams(question < 0 ? '' : request.originalUrl.slice(question));
}
