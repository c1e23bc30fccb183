/** The strip at the top: the one word that matters, and the numbers behind it. */
import type { EntityStatus } from '../../../wire/status.ts';
import type { LandingView } from '../landing.ts';
import { markup, type Html } from '../html.ts';
import { humanNumber } from '../../../human-units.ts';
import { LEVEL_NAMES, shape, type Level } from './marks.ts';

export interface OverallState {
  level: Level;
  /** nothing is wrong, and nothing is known yet */
  waiting?: boolean;
  /** one or two words */
  title: string;
  /** one sentence */
  sentence: string;
}

const ORDER: readonly Level[] = ['normal', 'low', 'medium', 'high'];

/** The worst of what entities and open incidents say; a source without data counts as medium, silence is not health. */
export function overallState({ status, openIncidents, worstOpen }: LandingView): OverallState {
  const { monitors, entities, entitiesTotal } = status;
  const anomalous = entities.filter(({ severity }) => severity !== 'none');
  // the status lists the most anomalous ones only
  const unseen = anomalous.length === entities.length && entitiesTotal > entities.length;
  const levels = new Set<Level>([...anomalous.map(({ severity }) => levelOf(severity)), worstOpen ?? 'normal']);
  const worst = ORDER.findLast((level) => levels.has(level)) ?? 'normal';
  const down = monitors.filter(({ up }) => !up);
  const counts =
    anomalous.length > 0
      ? `${unseen ? 'At least ' : ''}${humanNumber(anomalous.length)} of ${entityCount(entitiesTotal)} ${anomalous.length === 1 ? 'behaves' : 'behave'} unusually.`
      : 'Scores are back to normal, the incident is not closed yet.';
  if (worst !== 'normal')
    return {
      level: worst,
      title: `${LEVEL_NAMES[worst]} severity`,
      sentence: [openIncidents.find(({ severity }) => severity === worst)?.summary, counts].filter(Boolean).join(' '),
    };
  if (monitors.length === 0) return { level: 'low', title: 'Nothing watched', sentence: 'No monitor is configured.' };
  if (down.length > 0)
    return {
      level: 'medium',
      title: down.length === monitors.length ? 'No data' : 'Source down',
      sentence: `${down.length} of ${monitors.length} ${monitors.length === 1 ? 'monitor gets' : 'monitors get'} no samples.`,
    };
  if (!entities.some(({ score }) => score !== null))
    return {
      level: 'normal',
      waiting: true,
      title: 'Learning',
      sentence:
        entitiesTotal === 0
          ? 'No sample has arrived yet.'
          : `${entityCount(entitiesTotal)} seen; the first scores come within a minute.`,
    };
  return {
    level: 'normal',
    title: 'All normal',
    sentence: `${entitiesTotal === 1 ? 'The one entity behaves' : `All ${entityCount(entitiesTotal)} behave`} as usual.`,
  };
}

export function overview({ status }: LandingView, state: OverallState): Html {
  const { monitors } = status;
  const detectors = monitors.flatMap((monitor) => monitor.detectors);
  const up = monitors.filter((monitor) => monitor.up).length;
  const trustedOnes = detectors.filter((detector) => detector.trusted).length;
  return markup`<section class="overview" id="overview" data-live aria-labelledby="state">
    <div class="state ${state.level}">
      ${shape(state.waiting ? 'waiting' : state.level)}
      <div aria-live="polite">
        <h2 id="state">${state.title}</h2>
        <p><bdi>${state.sentence}</bdi></p>
      </div>
    </div>
    <dl>
      ${figure('Entities', humanNumber(status.entitiesTotal))}
      ${figure('Open incidents', humanNumber(status.incidentsOpen))}
      ${figure('Monitors up', `${up} of ${monitors.length}`)}
      ${figure('Detectors trusted', `${trustedOnes} of ${detectors.length}`)}
    </dl>
  </section>`;
}

function levelOf(severity: EntityStatus['severity']): Level {
  return severity === 'none' ? 'normal' : severity;
}

function figure(name: string, value: string): Html {
  return markup`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div> `;
}

function entityCount(count: number): string {
  return `${humanNumber(count)} ${count === 1 ? 'entity' : 'entities'}`;
}
