import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '../src/admin/document.js';
import { engineApiDocument } from '../src/crypto-engine/api/document.js';

/** Writes docs/openapi.json, and the engine's own API beside it, anew; a test fails while it differs from what the server would say. */
writeFileSync(fileURLToPath(new URL('../docs/openapi.json', import.meta.url)), await openApiDocument());

writeFileSync(fileURLToPath(new URL('../docs/crypto-engine-api.json', import.meta.url)), `${JSON.stringify(engineApiDocument('1.0'), null, 2)}\n`);
