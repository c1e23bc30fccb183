/** The way of a request: headers, rate limit, body, who is asking, then its route. Whatever is thrown on the way is answered at the end. */
import express, { type Express, type Request, type RequestHandler } from 'express';
import type { Clock } from '../../clock.ts';
import type { Observer } from '../../flow.ts';
import type { Service } from '../service.ts';
import { createAccess } from './access.ts';
import { bodyLimit } from './body-limit.ts';
import type { WebOptions } from './options.ts';
import type { FollowedProtection } from './protection.ts';
import { rateLimiter } from './rate-limit.ts';
import { answerRefusal, refusal } from './refusal.ts';
import { routes, type Route } from './routes.ts';
import { securityHeaders } from './security-headers.ts';

export interface AppContext {
  options: WebOptions;
  service: Service;
  observer: Observer;
  clock: Clock;
  protection: FollowedProtection;
}

export function createApp({ options, service, observer, clock, protection }: AppContext): Express {
  const { routePrefix } = options;
  const headers = () => protection.current().config.headers;
  const access = createAccess(options, protection);
  const guards: Record<Route['access'], RequestHandler[]> = {
    page: [],
    api: [access.requireApiCredential],
    change: [access.requireChangeCredential],
  };

  const app = express();
  app.disable('x-powered-by');
  for (const setting of ['strict routing', 'case sensitive routing']) app.enable(setting);
  for (const setting of ['etag', 'query parser']) app.set(setting, false);
  app.use(securityHeaders(headers));
  app.use(rateLimiter(() => protection.current().config.rateLimit, clock));
  app.use(bodyLimit(clock));
  app.use(access.admit);

  const router = express.Router({ strict: true, caseSensitive: true });
  router.use(['/api', '/-/reload'], access.refuseForeignPages);
  const table = routes({ service, observer, routePrefix, maxRequests: options.maxRequests, headers });
  for (const { method, path, access, handle } of table) router[method](path, ...guards[access], handle);
  for (const path of new Set(table.map((route) => route.path))) router.all(path, otherMethods(table, path));

  if (routePrefix) {
    const toLandingPage =
      (location: string): RequestHandler =>
      (_request, response) => {
        response.status(302).set('Location', location).end();
      };
    // relative, because a proxy may have put a path of its own before ours
    app.get('/', toLandingPage(`${routePrefix.slice(1)}/`));
    app.get(routePrefix, toLandingPage(`${routePrefix.slice(routePrefix.lastIndexOf('/') + 1)}/`));
    app.use(routePrefix, router);
  } else app.use(router);
  app.use((request) => {
    throw refusal(404, `there is nothing at ${request.path}; ${routePrefix}/ links to what there is`);
  });
  app.use(
    answerRefusal(observer, ({ originalUrl }: Request) => {
      const path = originalUrl.split('?', 1)[0];
      return path === `${routePrefix}/api` || path.startsWith(`${routePrefix}/api/`);
    }),
  );
  return app;
}

function otherMethods(table: readonly Route[], path: string): RequestHandler {
  const methods = table.filter((route) => route.path === path).map(({ method }) => method.toUpperCase());
  const allowed = [...(methods.includes('GET') ? ['GET', 'HEAD'] : methods), 'OPTIONS'].join(', ');
  return (request, response) => {
    if (request.method !== 'OPTIONS')
      throw refusal(405, `${request.method} is not possible here; allowed are ${allowed}`, {
        headers: { Allow: allowed },
      });
    response.status(204).set('Allow', allowed).end();
  };
}
