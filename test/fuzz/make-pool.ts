/** Writes fixtures/fuzz/pool.json anew: `node --import tsx test/fuzz/make-pool.ts`. Keys for deep fuzzing, so that none is made within its loop. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  dnsName,
  extendedKeyUsageExtension,
  ipName,
  keyUsageExtension,
  nameFromText,
  publicKeyOf,
  signCertificate,
  subjectAltNameExtension,
  toPem,
} from '../../src/pkix/index.js';
import { certificateTime, oids } from '../../src/protocol/der/index.js';
import { loadWorld } from './world.js';

const { ca } = loadWorld();
const [notBefore, notAfter] = [new Date('2026-01-01T00:00:00Z'), new Date('2027-01-01T00:00:00Z')];

function certify(privateKey: KeyObject, text: string, index: number): string {
  const subject = nameFromText(text);
  if (!subject.ok) throw new Error(subject.error);
  const fields = {
    serial: Buffer.of(0x50, index),
    issuer: ca.certificate.subject,
    notBefore,
    notAfter,
    subject: subject.value,
    spki: publicKeyOf(privateKey).spki,
    extensions: [
      keyUsageExtension(['digitalSignature', 'keyEncipherment']),
      extendedKeyUsageExtension([oids.clientAuth]),
      subjectAltNameExtension([dnsName(`dev-${index}.plant.example`), ipName(`192.0.2.${index}`)]),
    ],
  };
  return toPem('CERTIFICATE', signCertificate(fields, { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) }, ca.signer));
}

const rsa = (modulusLength: number, publicExponent = 65_537) => generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey;
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;
const keys: Readonly<Record<string, KeyObject>> = {
  'rsa-2048-a': rsa(2048),
  'rsa-2048-b': rsa(2048),
  'rsa-2048-c': rsa(2048),
  'rsa-2048-d': rsa(2048),
  'rsa-2048-e3': rsa(2048, 3),
  'rsa-3072': rsa(3072),
  'rsa-4096': rsa(4096),
  'rsa-2047': rsa(2047),
  'rsa-1024': rsa(1024),
  'p-256': ec('prime256v1'),
  'p-384': ec('secp384r1'),
  'p-521': ec('secp521r1'),
  secp256k1: ec('secp256k1'),
  ed25519: generateKeyPairSync('ed25519').privateKey,
};
const pool = Object.entries(keys).map(([name, key], index) => ({
  name,
  key: key.export({ format: 'pem', type: 'pkcs8' }) as string,
  certificate: certify(key, `O=Acme,CN=dev-${index}`, index),
}));
writeFileSync(join(import.meta.dirname, '../../fixtures/fuzz/pool.json'), `${JSON.stringify(pool, null, 2)}\n`);
