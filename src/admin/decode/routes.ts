import { type CapturedInput, type DecryptionKey, decodeCapture, decryptionKey, readTextInput } from '../../decode/index.js';
import { tenantContext } from '../../tenancy/context.js';
import { loadRaKey } from '../../tenancy/load-ra-key.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';
import { findProfile } from '../profiles/find.js';
import { decodedSchema, decodedView, decodeRequestSchema, maxMessageBytes } from './schema.js';

export function decodeRoutes(app: AdminApp, deps: AdminParts): void {
  app.post(
    '/decode',
    {
      config: { access: 'message:decode' },
      schema: {
        tags: ['decode'],
        operationId: 'decodeMessage',
        summary: 'Show a captured message field by field, with the verdict of every check',
        body: decodeRequestSchema,
        response: answers({ 200: decodedSchema }),
      },
    },
    async (request) => {
      const { message, profileId } = request.body;
      const { bytes } = messageOf(message);
      const keys = profileId === undefined ? {} : { decryption: await keysOf(deps, callerOf(request), profileId) };
      return decodedView(await decodeCapture(bytes, keys));
    },
  );
}

/** Throws 400 for text in no known form and 413 for more than a device may send. */
function messageOf(text: string): CapturedInput {
  const input = readTextInput(text);
  if (!input.ok) {
    refuseFaults([{ path: 'message', message: input.error }]);
    throw new Problem('invalid-request');
  }
  if (input.value.bytes.length > maxMessageBytes) throw new Problem('too-large', { detail: `A message has at most ${maxMessageBytes} bytes.` });
  return input.value;
}

/** The RA keys of a profile that the caller may see, usable ones only; that they were used is on record before anything is opened. */
async function keysOf(deps: AdminParts, caller: Caller, profileId: string): Promise<readonly DecryptionKey[]> {
  const profile = await findProfile(deps, caller, 'scep', profileId);
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId: profile.tenantId,
    actor: caller.actor,
    action: 'message.decoded',
    object: `profile:${profile.id}`,
    outcome: 'success',
    details: {},
  });
  const stored = await deps.credentials.listRaKeys(tenantContext(profile.tenantId, caller.actor), profile.id);
  return stored.flatMap((key) => {
    const loaded = loadRaKey(key);
    const usable = loaded.ok ? decryptionKey(loaded.value.privateKey, loaded.value.certificate) : loaded;
    return usable.ok ? [usable.value] : [];
  });
}
