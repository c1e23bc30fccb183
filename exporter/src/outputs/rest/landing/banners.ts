/** What the operator has to know before anything else: the exporter itself does not work as configured. */
import type { LandingView } from '../landing.ts';
import { markup, type Html } from '../html.ts';
import { ago, shape } from './marks.ts';

export function banners({ status, ready }: LandingView): Html {
  const { config, monitors, now } = status;
  return markup`${
    !config.lastReloadSuccessful &&
    markup`<div class="banner high" role="alert">
      ${shape('high')}
      <div>
        <h2>The last reload failed</h2>
        <p>${ago(config.lastReloadAt, now)}. The configuration from before stays in force.</p>
        <pre>${config.lastReloadError ?? 'no reason was given; the log says more'}</pre>
      </div>
    </div> `
  }${monitors
    .filter((monitor) => !monitor.up)
    .map(
      (monitor) =>
        markup`<div class="banner medium" role="alert">
          ${shape('medium')}
          <div>
            <h2>No samples for <bdi>${monitor.monitor}</bdi></h2>
            <p>Source ${monitor.source}: <bdi>${monitor.error ?? 'the first sample has not arrived yet'}</bdi></p>
          </div>
        </div> `,
    )}${
    !ready &&
    markup`<div class="banner low" role="status">
      ${shape('low')}
      <div>
        <h2>Starting or stopping</h2>
        <p>Not everything runs yet; <a href="-/ready">readiness</a> turns to 200 when it does.</p>
      </div>
    </div> `
  }`;
}
