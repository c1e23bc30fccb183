/** `/docs`: the API description as one page, printed from the same document that machines read. */
import { markup, type Html } from './html.ts';
import type { OpenApi, Operation } from './openapi.ts';
import type { Schema } from './openapi-schemas.ts';
import { renderPage, type Page } from './page.ts';
import { PALETTE } from './palette.ts';

const STYLE = `${PALETTE}
header, main { max-width: 62rem; margin: 0 auto; padding: 1.25rem 1rem; }
header p { color: var(--soft); max-width: 46rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
h2 + p { color: var(--soft); margin-bottom: .75rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1.1rem; margin-bottom: .75rem; }
h3 { font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
h3 b { display: inline-block; min-width: 3.2rem; color: var(--link); font-size: .8rem; letter-spacing: .04em; }
article > p { margin-top: .25rem; }
.old { color: var(--medium); font-size: .85rem; font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .15rem 1rem; margin: .6rem 0 0; }
dt, dd { margin: 0; overflow-wrap: anywhere; }
dd { color: var(--soft); }
dl.nested { margin: .2rem 0 .4rem; padding-left: .8rem; border-left: 2px solid var(--line); }
h4 { margin: .8rem 0 0; font-size: .8rem; text-transform: uppercase; letter-spacing: .05em; color: var(--soft); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; } }
`;

export function docsPage(document: OpenApi): Page {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return renderPage({
    title: `${document.info.title} API`,
    style: STYLE,
    body: markup`<header>
        <p><a href="./">${document.info.title}</a></p>
        <h1>API of ${document.info.title} ${document.info.version}</h1>
        <p>${document.info.description}</p>
        <p>
          Where a credential is configured, send <code>Authorization: Bearer …</code> with the API token or
          <code>Authorization: Basic …</code> with a user. The same description for programs:
          <a href="api/openapi.json">api/openapi.json</a> (OpenAPI ${document.openapi}).
        </p>
      </header>
      <main>
        ${document.tags.map(
          (tag) =>
            markup`<section aria-labelledby="tag-${tag.name}">
              <h2 id="tag-${tag.name}">${tag.name}</h2>
              <p>${tag.description}</p>
              ${operations.filter(({ operation }) => operation.tags.includes(tag.name)).map(({ path, method, operation }) => printed(path, method, operation))}
            </section> `,
        )}
        <section aria-labelledby="schemas">
          <h2 id="schemas">Data</h2>
          <p>Times are milliseconds since 1970. Every property is always there; what is not known is null.</p>
          ${Object.entries(document.components.schemas).map(
            ([name, schema]) =>
              markup`<article id="schema-${name}">
                <h3>${name}</h3>
                <p>${schema.description}</p>
                ${properties(schema, false)}
              </article> `,
          )}
        </section>
      </main>`,
  });
}

function printed(path: string, method: string, operation: Operation): Html {
  return markup`<article>
    <h3><b>${method.toUpperCase()}</b> <code>${path}</code></h3>
    <p>${operation.summary}${operation.deprecated && markup` <span class="old">alias</span>`}</p>
    ${operation.description && markup`<p>${operation.description}</p>`}
    ${
      operation.parameters &&
      markup`<h4>Parameters</h4>
        <dl>
          ${operation.parameters.map(
            ({ name, description, schema }) =>
              markup`<dt><code>${name}</code></dt>
                <dd>${description}${values(schema)}</dd>`,
          )}
        </dl>`
    }
    <h4>Answers</h4>
    <dl>
      ${Object.entries(operation.responses).map(
        ([status, { description, content }]) =>
          markup`<dt><code>${status}</code></dt>
            <dd>
              ${description}${Object.values(content ?? {}).map(({ schema }) => (schema.$ref ? markup`: ${typeOf(schema)}` : markup``))}
            </dd>`,
      )}
    </dl>
  </article> `;
}

function values(schema: Schema): Html {
  const range = schema.maximum === undefined ? undefined : `${schema.minimum} to ${schema.maximum}`;
  const allowed = [
    schema.enum?.join(', '),
    range,
    schema.default === undefined ? undefined : `default ${String(schema.default)}`,
  ].filter(Boolean);
  return markup`${allowed.length > 0 && markup` (${allowed.join('; ')})`}`;
}

function properties(schema: Schema, nested: boolean): Html {
  const own = schema.allOf ? schema.allOf : [schema];
  return markup`${own.map((part) => (part.$ref ? markup`<p>all of ${typeOf(part)}</p>` : markup`<dl${nested && markup` class="nested"`}>${Object.entries(part.properties ?? {}).map(property)}</dl>`))}`;
}

function property([name, schema]: [string, Schema]): Html {
  const inner = schema.items ?? schema;
  return markup`<dt><code>${name}</code></dt>
    <dd>
      ${typeOf(schema)}${schema.description && markup`: ${schema.description}`}${inner.properties && properties(inner, true)}
    </dd>`;
}

function typeOf(schema: Schema): Html {
  const name = schema.$ref?.split('/').pop();
  if (name) return markup`<a href="#schema-${name}">${name}</a>`;
  if (schema.type === 'array' && schema.items) return markup`list of ${typeOf(schema.items)}`;
  if (schema.enum) return markup`${schema.enum.join(', ')}`;
  return markup`${Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type}`;
}
