import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '../src/admin/document.js';

/** Writes docs/openapi.json anew; a test fails while it differs from what the server would say. */
writeFileSync(fileURLToPath(new URL('../docs/openapi.json', import.meta.url)), await openApiDocument());
