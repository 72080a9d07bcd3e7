import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, fromPem, type PublicKey, parseCertificate, publicKeyOf } from '../../../src/pkix/index.js';

/** A key of fixtures/fuzz/pool.json, with a certificate that the CA of the fixtures once issued for it. */
export interface PoolKey {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
  readonly certificate: Certificate;
}

interface Row {
  readonly name: string;
  readonly key: string;
  readonly certificate: string;
}

export function loadPool(): readonly PoolKey[] {
  const rows = JSON.parse(readFileSync(join(import.meta.dirname, '../../../fixtures/fuzz/pool.json'), 'utf8')) as readonly Row[];
  return rows.map(({ name, key, certificate }) => {
    const privateKey = createPrivateKey(key);
    const parsed = parseCertificate(fromPem('CERTIFICATE', certificate)[0] ?? Buffer.alloc(0));
    if (!parsed.ok) throw parsed.error;
    return { name, privateKey, publicKey: publicKeyOf(privateKey), certificate: parsed.value };
  });
}
