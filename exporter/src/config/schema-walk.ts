/** Reads the keys out of a schema, so that messages, the example file and the documents never name keys that do not exist. */
import { z } from 'zod';

type Key = string | number;

/** The keys that a mapping at `path` may have. `value` (the root value) decides between the forms of a union. */
export function knownKeys(schema: z.core.$ZodType, path: readonly Key[], value: unknown): string[] {
  const bare = unwrap(schema, value);
  const [head, ...rest] = path;
  if (head === undefined) return bare.flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []));
  const inner = typeof value === 'object' && value !== null ? (value as Record<Key, unknown>)[head] : undefined;
  const keys = bare.flatMap((one) => children(one, head).flatMap((child) => knownKeys(child, rest, inner)));
  return [...new Set(keys)];
}

/** Every key path of a schema, depth first: `monitors[].threshold.k`, `monitors[].features.*.direction`. */
export function keyPaths(schema: z.core.$ZodType, prefix = ''): string[] {
  const paths = unwrap(schema, undefined).flatMap((one) => {
    if (one instanceof z.ZodObject)
      return Object.entries(one.shape).flatMap(([key, child]) => {
        const path = prefix ? `${prefix}.${key}` : key;
        return [path, ...keyPaths(child as z.core.$ZodType, path)];
      });
    if (one instanceof z.ZodArray) return keyPaths(one.element, `${prefix}[]`);
    if (one instanceof z.ZodRecord) return keyPaths(one.valueType, `${prefix}.*`);
    return [];
  });
  return [...new Set(paths)];
}

function children(schema: z.core.$ZodType, key: Key): z.core.$ZodType[] {
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (!(schema instanceof z.ZodObject)) return [];
  const shape = schema.shape as Record<Key, z.core.$ZodType>;
  return Object.hasOwn(shape, key) ? [shape[key]] : [];
}

/** What is inside defaults, options, transforms and unions: one schema, or the forms of a union that `value` can be. */
function unwrap(schema: z.core.$ZodType, value: unknown): z.core.$ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  )
    return unwrap(schema.def.innerType, value);
  // a transform comes after what it reads, a preprocessing step before
  if (schema instanceof z.ZodPipe)
    return unwrap(schema.def.in instanceof z.ZodTransform ? schema.def.out : schema.def.in, value);
  if (schema instanceof z.ZodUnion) {
    const forms = (schema.options as z.core.$ZodType[]).flatMap((form) => unwrap(form, value));
    const fitting = forms.filter((form) => form instanceof z.ZodObject && literalsFit(form, value));
    return fitting.length > 0 ? fitting : forms;
  }
  return [schema];
}

function literalsFit(form: z.ZodObject, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(form.shape).every(
    ([key, child]) => !(child instanceof z.ZodLiteral) || child.values.has((value as Record<string, never>)[key]),
  );
}
