/** The web server: metrics for Prometheus, the API, and the pages for people. */
import type { Clock } from '../../clock.ts';
import type { Observer } from '../../flow.ts';
import type { Service } from '../service.ts';
import { createApp } from './app.ts';
import { CONNECTION_LIMITS, createConnections, type ConnectionLimits, type Connections } from './connections.ts';
import { listen } from './listen.ts';
import type { WebOptions } from './options.ts';
import { followProtection } from './protection.ts';
import { countRefusal } from './refusal.ts';

/** Answers that are under way when the server stops get so long to finish. */
const STOP_GRACE_MS = 800;
const STOP_LOOK_MS = 50;

export interface WebServerContext {
  options: WebOptions;
  service: Service;
  observer: Observer;
  clock: Clock;
  limits?: Partial<ConnectionLimits>;
}

export interface WebServer {
  /**
   * Reads the web configuration and the token, then listens. Rejects with an Error that says what to change: a file that is not valid, a port that is
   * in use, no permission.
   */
  start(): Promise<{ address: string; port: number }>;
  /** Takes no new connections, lets answers finish, and has closed every connection within a second. Safe without `start`. */
  stop(): Promise<void>;
}

export function createWebServer({ options, service, observer, clock, limits }: WebServerContext): WebServer {
  let connections: Connections | undefined;
  return {
    async start() {
      if (connections) throw new Error('the web server is started already');
      const protection = followProtection(options, clock, observer.log);
      const app = createApp({ options, service, observer, clock, protection });
      const made = createConnections(app, protection.current, { ...CONNECTION_LIMITS, ...limits }, (reason) =>
        countRefusal(observer, reason),
      );
      const at = await listen(made.server, options.listenAddress);
      connections = made;
      const { tls, config } = protection.current();
      observer.log.info('listening', {
        ...at,
        tls: tls !== undefined,
        users: config.users.size,
        token: protection.hasToken,
      });
      return at;
    },

    async stop() {
      if (!connections) return;
      const { server, destroyAll } = connections;
      connections = undefined;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const started = clock.monotonic();
      // an answer that ends meanwhile leaves an idle connection behind
      while (clock.monotonic() - started < STOP_GRACE_MS) {
        server.closeIdleConnections();
        if (await Promise.race([closed.then(() => true), clock.sleep(STOP_LOOK_MS).then(() => false)])) return;
      }
      destroyAll();
      await closed;
    },
  };
}

/** Reads the files that the options name without serving anything. Throws an Error with every problem of the first file that is not valid. */
export function checkWebFiles(options: WebOptions, context: { clock: Clock; observer: Observer }): void {
  followProtection(options, context.clock, context.observer.log);
}
