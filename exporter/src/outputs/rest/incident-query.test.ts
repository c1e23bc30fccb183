import { parseExportQuery, parseIncidentQuery } from './incident-query.ts';
import type { Refusal } from './refusal.ts';

const parse = (text: string) => parseIncidentQuery(new URLSearchParams(text));

function refusalOf(text: string): Refusal {
  try {
    parse(text);
  } catch (error) {
    return error as Refusal;
  }
  throw new Error(`${text} was accepted`);
}

describe('query parameters of incidents', () => {
  test('without any, the last 50', () => {
    expect(parse('')).toEqual({ limit: 50 });
  });

  test('all of them together', () => {
    expect(
      parse('state=open&monitor=host&entity=eth0&host=web-01&kind=packet_storm&severity=high&from=0&to=1000&limit=7'),
    ).toEqual({
      state: 'open',
      monitor: 'host',
      entity: 'eth0',
      host: 'web-01',
      kind: 'packet_storm',
      severity: 'high',
      from: 0,
      to: 1000,
      limit: 7,
    });
  });

  test.each([
    ['1769860800000', 1_769_860_800_000],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
    ['2026-01-31T12:00Z', Date.UTC(2026, 0, 31, 12)],
    ['2026-01-31T12:00:00.250Z', Date.UTC(2026, 0, 31, 12, 0, 0, 250)],
    ['2026-01-31T12:00:00%2B01:00', Date.UTC(2026, 0, 31, 11)],
    ['2026-01-31T12:00:00+01:00', Date.UTC(2026, 0, 31, 11)],
    ['2026-01-31T12:00:00-05:00', Date.UTC(2026, 0, 31, 17)],
  ])('the time %s is understood', (text, ms) => {
    expect(parse(`from=${text}`).from).toBe(ms);
  });

  test.each([
    ['severty=high', 'severty', 'unknown parameter "severty"; known are state, monitor, entity, host, kind, severity'],
    ['severity=critical', 'severity', 'severity "critical" is not one of low, medium, high'],
    ['state=', 'state', 'state "" is not one of open, closed'],
    ['kind=cpu', 'kind', 'is not one of cpu_spike, memory_pressure'],
    ['kind=__proto__', 'kind', 'is not one of'],
    ['constructor=1', 'constructor', 'unknown parameter'],
    ['__proto__=1', '__proto__', 'unknown parameter'],
    ['entity=', 'entity', 'is empty'],
    ['limit=0', 'limit', 'is not a whole number from 1 to 1000'],
    ['limit=1001', 'limit', 'is not a whole number from 1 to 1000'],
    ['limit=1e2', 'limit', 'is not a whole number from 1 to 1000'],
    ['limit=5&limit=6', 'limit', 'given more than once'],
    ['from=yesterday', 'from', 'is not a time as 2026-01-31T12:00:00Z'],
    ['from=2026-02-31', 'from', 'is not a time'],
    ['from=2026-01-31T12:00:00', 'from', 'is not a time'],
    ['to=2026-01-31T25:00:00Z', 'to', 'is not a time'],
    ['from=2&to=1', 'from', 'from is later than to'],
    ['format=csv', 'format', 'unknown parameter'],
  ])('%s is refused with the parameter and what it may be', (text, parameter, message) => {
    const error = refusalOf(text);
    expect(error).toMatchObject({ status: 400, parameter });
    expect(error.message).toContain(message);
  });

  test('an export is CSV of at most 1000 unless told otherwise', () => {
    expect(parseExportQuery(new URLSearchParams(''))).toEqual({ format: 'csv', query: { limit: 1000 } });
    expect(parseExportQuery(new URLSearchParams('format=json&limit=3&state=closed'))).toEqual({
      format: 'json',
      query: { limit: 3, state: 'closed' },
    });
    expect(() => parseExportQuery(new URLSearchParams('format=xml'))).toThrow('format "xml" is not one of csv, json');
  });
});
