import { createPrivateKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { type Certificate, isSameName, parseCertificate, publicKeyOf } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Secret } from '../../runtime/secret.js';

/** A private key of a PFX with the certificate that goes with it. */
export interface PfxIdentity {
  /** PKCS#8, DER. */
  readonly privateKey: Secret<Buffer>;
  readonly certificate: Certificate;
  /** Issuing CA first, as far as the PFX has it. */
  readonly chain: readonly Certificate[];
}

type Read = { readonly keys: readonly Uint8Array[]; readonly certificates: readonly Uint8Array[] } | { readonly fault: string };

const patienceMs = 5_000;
const maxHeapMb = 256;

/**
 * Old servers export RC2 and 3DES, which node:crypto refuses and forge reads; forge is synchronous and believes any iteration count, so it
 * works in a thread of its own that is ended when it takes too long or too much.
 */
const script = `
  const { parentPort, workerData } = require('node:worker_threads');
  const forge = require(workerData.forge);
  const { keyBag, pkcs8ShroudedKeyBag, certBag } = forge.pki.oids;
  // PBES2 derives from the password in UTF-8; forge would take its characters for octets.
  const derive = forge.pkcs5.pbkdf2;
  forge.pkcs5.pbkdf2 = (password, ...rest) => derive(forge.util.encodeUtf8(password), ...rest);
  const binary = (bytes) => Buffer.from(bytes).toString('binary');
  const der = (asn1) => Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary');
  const keyOf = (bag) => (bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1);
  const certificateOf = (bag) => (bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1);
  try {
    const pfx = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(forge.util.createBuffer(binary(workerData.pfx))), workerData.password);
    const bags = (type) => pfx.getBags({ bagType: type })[type] ?? [];
    const keys = [...bags(keyBag), ...bags(pkcs8ShroudedKeyBag)].map((bag) => der(keyOf(bag)));
    parentPort.postMessage({ keys, certificates: bags(certBag).map((bag) => der(certificateOf(bag))) });
  } catch (error) {
    parentPort.postMessage({ fault: /mac|password/i.test(String(error && error.message)) ? 'password' : 'malformed' });
  }
`;

const faults: Readonly<Record<string, string>> = {
  password: 'The password does not open the PFX',
  malformed: 'Is no PFX (PKCS#12) that can be read',
  slow: 'Takes too long to open; export it again with fewer iterations',
};

/** Every key of a PFX (RFC 7292) with its certificate; in words why it cannot be used. */
export async function readPfx(pfx: Buffer, password: string): Promise<Result<readonly PfxIdentity[], string>> {
  const read = await readInThread(pfx, password);
  if ('fault' in read) return fail(faults[read.fault] ?? 'Cannot be read');
  const certificates = read.certificates.map((der) => parseCertificate(Buffer.from(der))).flatMap((item) => (item.ok ? [item.value] : []));
  const identities = read.keys.flatMap((der) => identityOf(Buffer.from(der), certificates));
  return identities.length === 0 ? fail('Holds no private key with its certificate') : ok(identities);
}

function identityOf(privateKey: Buffer, certificates: readonly Certificate[]): PfxIdentity[] {
  try {
    const { spki } = publicKeyOf(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }));
    const certificate = certificates.find((item) => item.publicKey.spki.equals(spki));
    return certificate === undefined ? [] : [{ privateKey: new Secret(privateKey), certificate, chain: chainAbove(certificate, certificates) }];
  } catch {
    return [];
  }
}

function chainAbove(certificate: Certificate, others: readonly Certificate[]): readonly Certificate[] {
  const chain: Certificate[] = [];
  for (let last = certificate; !isSameName(last.issuer, last.subject) && chain.length < others.length; ) {
    const issuer = others.find((item) => isSameName(item.subject, last.issuer) && !chain.includes(item));
    if (issuer === undefined) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

function readInThread(pfx: Buffer, password: string): Promise<Read> {
  const forge = createRequire(import.meta.url).resolve('node-forge');
  const worker = new Worker(script, {
    eval: true,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    workerData: { forge, pfx: new Uint8Array(pfx), password },
  });
  return new Promise<Read>((resolve) => {
    const timer = setTimeout(() => resolve({ fault: 'slow' }), patienceMs);
    worker.once('message', (read: Read) => resolve(read));
    worker.once('error', () => resolve({ fault: 'malformed' }));
    worker.once('exit', () => resolve({ fault: 'malformed' }));
    worker.once('exit', () => clearTimeout(timer));
  }).finally(() => worker.terminate());
}
