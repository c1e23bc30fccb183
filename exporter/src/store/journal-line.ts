/**
 * One line of the incident journal. The recording (`frames`) is the bulk of it and comes last, so that the incident alone can be read without it:
 *
 *     {"sum":"1a2b3c4d","bytes":812,"type":"closed","incident":{…812 bytes…},"frames":[…]}
 *
 * `sum` is the start of the SHA-256 of the line from `"bytes"` on; `frames` is absent where nothing was recorded.
 */
import { createHash } from 'node:crypto';
import type { Frame, Incident, IncidentDetail } from '../wire/incident.ts';

export type EventType = 'opened' | 'updated' | 'closed';

/** Where the parts of a line are, in bytes from its start. */
export interface LineParts {
  readonly type: EventType;
  readonly incidentStart: number;
  readonly incidentEnd: number;
  /** 0 = without frames */
  readonly framesStart: number;
  readonly framesEnd: number;
}

export interface Line extends LineParts {
  /** ends in a newline */
  readonly bytes: Buffer;
}

export const HEADER = Buffer.from('{"format":"netpulse-incidents","version":1}\n');
const VERSION = 1;

const SUM_DIGITS = 8;
/** `{"sum":"1a2b3c4d",` */
const SUM_START = 8;
const SUMMED_FROM = SUM_START + SUM_DIGITS + 2;
const PREFIX = /^\{"sum":"[0-9a-f]{8}","bytes":(\d{1,9}),"type":"(opened|updated|closed)","incident":/;
const FRAMES = ',"frames":';

export function encodeLine(type: EventType, detail: IncidentDetail, withFrames: boolean): Line {
  const { frames, ...incident } = detail;
  const framesJson = withFrames && frames.length > 0 ? Buffer.from(JSON.stringify(frames)) : undefined;
  return joinLine(type, Buffer.from(JSON.stringify(incident)), framesJson);
}

/** A line of parts that are JSON already. */
export function joinLine(type: EventType, incident: Uint8Array, frames: Uint8Array | undefined): Line {
  const prefix = `"bytes":${incident.length},"type":"${type}","incident":`;
  const summed = Buffer.concat([
    Buffer.from(prefix),
    incident,
    ...(frames ? [Buffer.from(FRAMES), frames] : []),
    Buffer.from('}'),
  ]);
  const bytes = Buffer.concat([Buffer.from(`{"sum":"${sumOf(summed)}",`), summed, Buffer.from('\n')]);
  const incidentStart = SUMMED_FROM + prefix.length;
  const incidentEnd = incidentStart + incident.length;
  const framesStart = frames ? incidentEnd + FRAMES.length : 0;
  return { type, bytes, incidentStart, incidentEnd, framesStart, framesEnd: framesStart + (frames?.length ?? 0) };
}

/** undefined when the line is damaged or not ours. `line` is without its newline. */
export function decodeLine(line: Buffer): { parts: LineParts; incident: Incident } | undefined {
  const match = PREFIX.exec(line.toString('latin1', 0, 120));
  if (!match || sumOf(line.subarray(SUMMED_FROM)) !== line.toString('latin1', SUM_START, SUM_START + SUM_DIGITS)) {
    return undefined;
  }
  const incidentStart = match[0].length;
  const incidentEnd = incidentStart + Number(match[1]);
  const framesStart = line.length > incidentEnd + 1 ? incidentEnd + FRAMES.length : 0;
  const incident = parseIncident(line.subarray(incidentStart, incidentEnd));
  if (!incident) return undefined;
  const type = match[2] as EventType;
  const framesEnd = framesStart > 0 ? line.length - 1 : 0;
  return { parts: { type, incidentStart, incidentEnd, framesStart, framesEnd }, incident };
}

export function parseIncident(json: Buffer): Incident | undefined {
  const incident = parse(json) as Partial<Incident> | undefined;
  const usable =
    typeof incident?.id === 'string' && typeof incident.openedAt === 'number' && typeof incident.state === 'string';
  return usable ? (incident as Incident) : undefined;
}

export function parseFrames(json: Buffer): Frame[] | undefined {
  const frames = parse(json);
  return Array.isArray(frames) ? (frames as Frame[]) : undefined;
}

/** `foreign`: no line of ours. `newer`: the header of a version that this one cannot read. */
export function inspectHeader(line: Buffer): 'ours' | 'newer' | 'foreign' {
  const header = parse(line) as { format?: unknown; version?: unknown } | undefined;
  if (header?.format !== 'netpulse-incidents') return 'foreign';
  return header.version === VERSION ? 'ours' : 'newer';
}

function sumOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, SUM_DIGITS);
}

/** undefined for what is not JSON: the reader of a file counts it, there is nothing to say beyond that. */
function parse(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8')) ?? undefined;
  } catch {
    return undefined;
  }
}
