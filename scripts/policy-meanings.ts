/** What each setting of a profile's policy means, for the console: the descriptions of the API, by the path of the setting. */

// biome-ignore lint/suspicious/noExplicitAny: a JSON document, walked by its own words
type Json = any;

const heading =
  "// Made by `npm run openapi` from the OpenAPI document; changes here are lost.\n// biome-ignore-all format: one line per setting\n// biome-ignore-all lint/style/useNamingConvention: the paths are the API's\n";

/** The settings below one schema, each with what its description says. */
function meaningsOf(schema: Json, schemas: Json, path: string): [string, string][] {
  const { properties, description } = schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1)];
  if (properties === undefined) return description === undefined ? [] : [[path, description]];
  return Object.entries<Json>(properties).flatMap(([name, inner]) => meaningsOf(inner, schemas, path === '' ? name : `${path}.${name}`));
}

/** @param document The OpenAPI document, as JSON. */
export function policyMeanings(document: string): string {
  const { schemas } = JSON.parse(document).components;
  const lines = meaningsOf(schemas.Policy, schemas, '').map(([path, meaning]) => `  ${JSON.stringify(path)}: ${JSON.stringify(meaning)},\n`);
  return `${heading}export const policyMeanings: Readonly<Record<string, string>> = {\n${lines.join('')}};\n`;
}
