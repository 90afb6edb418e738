import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { configSchema } from './schema.ts';

type Schema = z.core.JSONSchema.BaseSchema;

const asSchema = (schema: unknown): Schema => schema as Schema;

/** The sections of the reference, in reading order; what is not named here belongs to the section above it. */
const SECTIONS = [
  'node',
  'log',
  'store',
  'admin',
  'trace',
  'listeners',
  'accounts',
  'carriers',
  'routes',
  'numbering',
  'priority',
  'simulators',
];

function typeOf(schema: Schema): string {
  if (typeof schema.kind === 'string') return schema.kind;
  if (schema.enum) return schema.enum.map(String).join(' | ');
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf) return schema.anyOf.map((option) => typeOf(asSchema(option))).join(' | ');
  switch (schema.type) {
    case 'array':
      return `list of ${typeOf(asSchema(schema.items))}`;
    case 'integer':
    case 'number': {
      const noun = schema.type === 'integer' ? 'whole number' : 'number';
      if (schema.exclusiveMinimum !== undefined) return `${noun} above ${schema.exclusiveMinimum}`;
      const { minimum, maximum } = schema;
      return maximum !== undefined && maximum <= 65_536 ? `${noun}, ${minimum}–${maximum}` : `${noun} from ${minimum}`;
    }
    case 'boolean':
      return 'true | false';
    case 'string':
      return 'text';
    default:
      return 'section';
  }
}

function defaultOf(schema: Schema, required: boolean): string {
  if (schema.default === undefined) return required ? '**required**' : '—';
  return isDeepStrictEqual(schema.default, {}) ? '' : `\`${JSON.stringify(schema.default).replaceAll(',', ', ')}\``;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** Rows of all keys below a schema: `key | type | default | meaning`. */
function rowsOf(
  schema: Schema,
  prefix: string,
  skip: (key: string, property: Schema) => boolean = () => false,
): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, given]) => {
    const property = asSchema(given);
    if (skip(key, property)) return [];
    const path = `${prefix}${key}`;
    const required = schema.required?.includes(key) ?? false;
    const row = `| \`${path}\` | ${cell(typeOf(property))} | ${cell(defaultOf(property, required))} | ${cell(property.description ?? '')} |`;
    if (property.properties) return [row, ...rowsOf(property, `${path}.`)];
    const items = property.type === 'array' ? asSchema(property.items) : undefined;
    return items?.properties ? [row, ...rowsOf(items, `${path}[].`)] : [row];
  });
}

const table = (rows: readonly string[]): string[] => [
  '| key | type | default | meaning |',
  '| --- | --- | --- | --- |',
  ...rows,
  '',
];

/** The section of carriers: the keys that all protocols share, then those of each. */
function carrierTables(variants: readonly Schema[]): string[] {
  const [first] = variants;
  if (first === undefined) return [];
  const shared = (key: string, property: Schema): boolean =>
    variants.every((variant) => isDeepStrictEqual(variant.properties?.[key], property));
  const protocolOf = (variant: Schema): string => String(asSchema(variant.properties?.protocol).const);
  return [
    ...table(rowsOf(first, 'carriers[].', (key, property) => !shared(key, property))),
    ...variants.flatMap((variant) => [
      `### carriers with \`protocol: ${protocolOf(variant)}\``,
      '',
      ...table(rowsOf(variant, 'carriers[].', shared)),
    ]),
  ];
}

/** The reference of all configuration keys in Markdown, as docs/config.md holds it. */
export function configReference(): string {
  const root = asSchema(z.toJSONSchema(configSchema, { io: 'input' }));
  const top = root.properties ?? {};
  const lines = [
    '# Configuration',
    '',
    '<!-- Written from src/config/schema.ts by `npx vitest run test/config.test.ts -u`: change it there. -->',
    '',
    'One YAML file. `yima check FILE` says what is wrong with it, by line and key. A commented example with every key is',
    '`config/example.yaml`; `config/demo.yaml` is what `npm start` runs.',
    '',
    '- **duration**: `500ms`, `30s`, `5m`, `72h`, `3d`. **size**: `512KiB`, `256MiB`, `64GiB` (1024), `MB`, `GB` (1000).',
    '- **address**: `127.0.0.1:2775`, `"[::1]:2775"`. **CIDR**: `10.0.0.0/8`, or one address.',
    '- **pattern**: a number or name, `*` at its end stands for anything. **digits**: quote them, YAML would read a number.',
    '- **path**: relative ones count from the working directory.',
    '- **secret**: `{ env: NAME }`, `{ file: path }` or, only with `demo: true`, `{ demo: "text" }`. **secret or hash**: also',
    '  `{ scrypt: "scrypt$N$r$p$salt$hash" }`, as `yima hash` prints it; a hash may also stand in the file or variable.',
    '- A default of — means that the key may be left out and has no value then.',
    '',
    '## Top level',
    '',
    ...table(
      rowsOf(
        { ...root, properties: Object.fromEntries(Object.entries(top).filter(([key]) => !SECTIONS.includes(key))) },
        '',
      ),
    ),
  ];
  for (const key of SECTIONS) {
    const schema = asSchema(top[key]);
    const items = schema.type === 'array' ? asSchema(schema.items) : undefined;
    lines.push(`## ${key}`, '', `${schema.description}.${items ? ' A list.' : ''}`, '');
    const variants = items?.oneOf ?? items?.anyOf;
    if (variants) lines.push(...carrierTables(variants.map(asSchema)));
    else lines.push(...table(items ? rowsOf(items, `${key}[].`) : rowsOf(schema, `${key}.`)));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
