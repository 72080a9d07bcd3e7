import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { sql } from 'kysely';
import type { CheckpointKey } from '../audit/checkpoint.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Sealer } from '../runtime/seal.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { openBytes } from './sealed.js';

export interface SigningKey extends CheckpointKey {
  readonly privateKey: KeyObject;
}

interface KeyRow {
  readonly id: string;
  readonly origin: string;
  readonly public_key: Buffer;
  readonly ciphertext: Buffer;
}

const place = (rowId: string) => ({ table: 'audit_keys', column: 'ciphertext', tenantId: '', rowId }) as const;
/** One key for the life of an installation: whoever verifies has it from the beginning. */
const onlyId = 'checkpoints';

/** The Ed25519 key that signs checkpoints, made when it is first asked for; of several nodes that make one, the first wins. */
export async function signingKey(connection: Connection, sealer: Sealer): Promise<SigningKey> {
  return (await readKey(connection, sealer)) ?? (await makeKey(connection, sealer));
}

async function readKey(connection: Connection, sealer: Sealer): Promise<SigningKey | undefined> {
  const row = await firstOf(connection, sql<KeyRow>`select id, origin, public_key, ciphertext from audit_keys where id = ${onlyId}`);
  if (row === undefined) return undefined;
  const der = openBytes(sealer, row.ciphertext, place(row.id)).reveal();
  return { origin: row.origin, publicKey: row.public_key, privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
}

async function makeKey(connection: Connection, sealer: Sealer): Promise<SigningKey> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const x = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const sealed = sealer.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), place(onlyId));
  await rowsOf(
    connection,
    sql`insert into audit_keys (id, origin, public_key, ciphertext) values (${onlyId}, ${`gatehouse-${uuidv7()}`}, ${x}, ${sealed})
      on conflict (id) do nothing`,
  );
  const standing = await readKey(connection, sealer);
  if (standing === undefined) throw new Error('The key of the audit checkpoints was taken away.');
  return standing;
}
