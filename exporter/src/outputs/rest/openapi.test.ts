import { docsPage } from './docs-page.ts';
import { openApiDocument } from './openapi.ts';
import { schemas, type Schema } from './openapi-schemas.ts';
import { parseExportQuery, parseIncidentQuery } from './incident-query.ts';
import { routes } from './routes.ts';
import { fixedData, fixedService } from './testing/fixed-service.ts';
import { recordingObserver } from './testing/running-server.ts';

const service = fixedService(fixedData());
const table = routes({
  service,
  observer: recordingObserver().observer,
  routePrefix: '',
  maxRequests: 0,
  headers: () => ({}),
});
const document = openApiDocument('0.1.0', '');
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** What `value` does not keep of `schema`: types, enumerations, required properties, and nothing beside the described ones. */
function violations(schema: Schema, value: unknown, at: string): string[] {
  if (schema.$ref) return violations(schemas[schema.$ref.split('/').pop() ?? ''], value, at);
  if (schema.allOf) {
    const parts = schema.allOf.map((part) => (part.$ref ? schemas[part.$ref.split('/').pop() ?? ''] : part));
    return violations(
      {
        type: 'object',
        properties: Object.assign({}, ...parts.map((part) => part.properties)),
        required: parts.flatMap((part) => part.required ?? []),
      },
      value,
      at,
    );
  }
  const types = [schema.type ?? []].flat();
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  if (!types.includes(type) && !(Number.isInteger(value) && types.includes('integer'))) return [`${at} is ${type}`];
  if (value !== null && schema.enum && !schema.enum.includes(value)) return [`${at} is ${String(value)}`];
  if (Array.isArray(value)) return value.flatMap((item, i) => violations(schema.items ?? {}, item, `${at}[${i}]`));
  if (type !== 'object') return [];
  const { properties = {}, additionalProperties, required = [] } = schema;
  return [
    ...required.filter((key) => !Object.hasOwn(value as object, key)).map((key) => `${at}.${key} is missing`),
    ...Object.entries(value as object).flatMap(([key, inner]) => {
      const known = properties[key] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
      return known ? violations(known, inner, `${at}.${key}`) : [`${at}.${key} is not described`];
    }),
  ];
}

describe('the API description', () => {
  test('has every route, and no other', () => {
    const described = operations.map(({ path, method }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`);
    expect(described.sort()).toEqual(table.map(({ path, method }) => `${method} ${path}`).sort());
  });

  test('asks for a credential exactly where the routes do', () => {
    const open = operations.filter(({ operation }) => !operation.security).map(({ path }) => path);
    expect(open.sort()).toEqual(
      table
        .filter(({ access }) => access === 'page')
        .map(({ path }) => path)
        .sort(),
    );
  });

  test('every reference leads somewhere, every tag is described, every operation has its own id', () => {
    const names = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
    for (const name of names) expect(Object.keys(schemas)).toContain(name);
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of operations) expect(tags).toEqual(expect.arrayContaining(operation.tags));
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  });

  test.each([
    ['/api/incidents', parseIncidentQuery],
    ['/api/incidents/export', parseExportQuery],
  ])('%s understands exactly the parameters that are described', (path, parse) => {
    const described = document.paths[path].get.parameters?.map(({ name }) => name) ?? [];
    let known = '';
    try {
      parse(new URLSearchParams('?no_such_parameter=1'));
    } catch (error) {
      known = (error as Error).message.split('known are ')[1];
    }
    expect(known.split(', ').sort()).toEqual(described.sort());
  });

  test.each([
    ['Status', () => service.status()],
    ['IncidentList', () => service.incidents({ limit: 50 })],
    ['IncidentDetail', () => service.incident('inc-0007')],
    ['ModelList', () => service.models()],
    ['Topology', () => service.topology()],
  ])('%s describes the answer, property by property', (name, answer) => {
    expect(violations(schemas[name], JSON.parse(JSON.stringify(answer())), name)).toEqual([]);
  });

  test('the page shows every operation and every schema', () => {
    const { html } = docsPage(document);
    for (const { path } of operations) expect(html).toContain(`<code>${path}</code>`);
    for (const name of Object.keys(schemas)) expect(html).toContain(`id="schema-${name}"`);
  });
});
