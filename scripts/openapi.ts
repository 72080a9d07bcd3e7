import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '../src/admin/document.js';
import { engineApiDocument } from '../src/crypto-engine/api/document.js';
import { clientTypes } from './client-types.js';
import { policyMeanings } from './policy-meanings.js';

const write = (file: string, text: string): void => writeFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), text);

/** Writes docs/openapi.json, the types of its client, what the console says of policies, and the engine's own API beside it; tests fail while they differ from what the server would say. */
const document = await openApiDocument();
write('docs/openapi.json', document);
for (const [name, text] of Object.entries(clientTypes(document))) write(`src/client/${name}`, text);
write('src/console/strings/policy-meanings.ts', policyMeanings(document));
write('docs/crypto-engine-api.json', `${JSON.stringify(engineApiDocument('1.0'), null, 2)}\n`);
