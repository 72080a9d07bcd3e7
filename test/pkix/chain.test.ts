import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import t from 'tap';
import {
  basicConstraintsExtension,
  buildChain,
  buildName,
  type Certificate,
  type ChainInputs,
  createSigner,
  type Extension,
  extension,
  keyUsageExtension,
  nameFromText,
  parseCertificate,
  publicKeyOf,
  type Signer,
  signCertificate,
} from '../../src/pkix/index.js';
import { certificateTime, der, oids } from '../../src/protocol/der/index.js';

const signerOf = (key: KeyObject): Signer => createSigner(key, publicKeyOf(key));
const newSigner = (): Signer => signerOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const [rootKey, middleKey, otherKey, leafKey] = [newSigner(), newSigner(), newSigner(), newSigner()] as const;

const at = new Date('2025-06-01T00:00:00Z');
const ca = (pathLength?: number): Extension[] => [
  basicConstraintsExtension(pathLength === undefined ? { ca: true } : { ca: true, pathLength }),
  keyUsageExtension(['keyCertSign']),
];

interface Made {
  readonly subject: string;
  readonly issuer: string;
  readonly key: Signer;
  readonly by: Signer;
  readonly extensions?: readonly Extension[];
  readonly from?: string;
  readonly until?: string;
}

let serial = 0;

function make(made: Made): Certificate {
  serial += 1;
  const named = (text: string) => {
    const name = nameFromText(`/CN=${text}`);
    if (!name.ok) throw new Error(name.error);
    return name.value;
  };
  const notBefore = new Date(made.from ?? '2025-01-01T00:00:00Z');
  const notAfter = new Date(made.until ?? '2026-01-01T00:00:00Z');
  const magnitude = Buffer.alloc(4);
  magnitude.writeUInt32BE(serial);
  const fields = { serial: magnitude, issuer: named(made.issuer), subject: named(made.subject), notBefore, notAfter, spki: made.key.publicKey.spki };
  const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
  const parsed = parseCertificate(signCertificate({ ...fields, extensions: made.extensions ?? [] }, times, made.by));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

const root = make({ subject: 'root', issuer: 'root', key: rootKey, by: rootKey, extensions: ca() });
const middle = make({ subject: 'middle', issuer: 'root', key: middleKey, by: rootKey, extensions: ca(0) });
const leaf = make({ subject: 'leaf', issuer: 'middle', key: leafKey, by: middleKey });

function verdict(inputs: Partial<ChainInputs>): string {
  const chain = buildChain({ leaf, intermediates: [middle], anchors: [root], at, ...inputs });
  if (!chain.ok) return chain.error;
  return chain.value.map((item) => item.subject.rdns.flat()[0]?.text ?? '').join(' < ');
}

t.test('builds the path from the leaf to the anchor', async (t) => {
  t.equal(verdict({}), 'leaf < middle < root');
  t.equal(verdict({ anchors: [middle] }), 'leaf < middle', 'an anchor need not be a root');
  t.equal(verdict({ anchors: [leaf], intermediates: [] }), 'leaf', 'a leaf trusted by itself');
  t.equal(verdict({ intermediates: [] }), 'no-path', 'the middle is missing');
  t.equal(verdict({ anchors: [] }), 'no-path', 'nothing is trusted');
  t.equal(verdict({ intermediates: [root, leaf, middle, root] }), 'leaf < middle < root', 'superfluous ones do no harm');
  const namesake = make({ subject: 'middle', issuer: 'root', key: otherKey, by: rootKey, extensions: ca() });
  t.equal(verdict({ intermediates: [namesake] }), 'no-path', 'a namesake with another key');
  t.equal(verdict({ intermediates: [namesake, middle] }), 'leaf < middle < root', 'the one that signed is found behind it');
});

t.test('every certificate of the path is in its time', async (t) => {
  t.equal(verdict({ at: new Date('2024-12-31T23:59:59Z') }), 'not-yet-valid');
  t.equal(verdict({ at: new Date('2025-01-01T00:00:00Z') }), 'leaf < middle < root', 'the first second counts');
  t.equal(verdict({ at: new Date('2026-01-01T00:00:00Z') }), 'leaf < middle < root', 'and the last');
  t.equal(verdict({ at: new Date('2026-01-01T00:00:01Z') }), 'expired');
  const old = make({ subject: 'leaf', issuer: 'middle', key: leafKey, by: middleKey, until: '2025-05-31T00:00:00Z' });
  t.equal(verdict({ leaf: old }), 'expired');
  t.equal(verdict({ leaf: old, graceSeconds: 86_400 }), 'leaf < middle < root', 'grace for the leaf');
  t.equal(verdict({ leaf: old, graceSeconds: 86_399 }), 'expired');
  const oldMiddle = make({ subject: 'middle', issuer: 'root', key: middleKey, by: rootKey, extensions: ca(), until: '2025-05-31T00:00:00Z' });
  const earlyMiddle = make({ subject: 'middle', issuer: 'root', key: middleKey, by: rootKey, extensions: ca(), from: '2025-06-02T00:00:00Z' });
  t.equal(verdict({ intermediates: [oldMiddle], graceSeconds: 86_400 }), 'no-path', 'no grace for issuers');
  t.equal(verdict({ intermediates: [earlyMiddle] }), 'no-path');
  const oldRoot = make({ subject: 'root', issuer: 'root', key: rootKey, by: rootKey, extensions: ca(), until: '2025-05-31T00:00:00Z' });
  t.equal(verdict({ anchors: [oldRoot] }), 'no-path');
});

t.test('every issuer is a CA that may sign certificates (RFC 5280 section 6.1.4 k, n)', async (t) => {
  const through = (extensions: readonly Extension[]) =>
    verdict({ intermediates: [make({ subject: 'middle', issuer: 'root', key: middleKey, by: rootKey, extensions })] });
  const signs = keyUsageExtension(['keyCertSign']);
  t.equal(through([]), 'no-path', 'no basicConstraints');
  t.equal(through([basicConstraintsExtension({ ca: false }), signs]), 'no-path', 'no CA');
  t.equal(through([basicConstraintsExtension({ ca: true }), keyUsageExtension(['digitalSignature', 'cRLSign'])]), 'no-path', 'no keyCertSign');
  t.equal(through([basicConstraintsExtension({ ca: true })]), 'leaf < middle < root', 'absent keyUsage allows all');
  t.equal(through([extension(oids.basicConstraints, true, der.nullValue()), signs]), 'no-path', 'malformed basicConstraints');
  t.equal(through([basicConstraintsExtension({ ca: true }), extension(oids.keyUsage, true, der.nullValue())]), 'no-path', 'malformed keyUsage');
  const self = make({ subject: 'leaf', issuer: 'leaf', key: leafKey, by: leafKey });
  t.equal(
    verdict({ leaf: make({ subject: 'below', issuer: 'leaf', key: otherKey, by: leafKey }), intermediates: [leaf, middle] }),
    'no-path',
    'a leaf issues nothing',
  );
  t.equal(verdict({ leaf: self, intermediates: [self] }), 'no-path', 'a self-signed stranger');
});

t.test('pathLenConstraint counts the CAs below, self-issued ones excepted (RFC 5280 section 4.2.1.9)', async (t) => {
  const short = make({ subject: 'root', issuer: 'root', key: rootKey, by: rootKey, extensions: ca(0) });
  const long = make({ subject: 'root', issuer: 'root', key: rootKey, by: rootKey, extensions: ca(1) });
  t.equal(verdict({ anchors: [short] }), 'no-path', 'a CA below a path length of 0');
  t.equal(verdict({ anchors: [long] }), 'leaf < middle < root');
  const lower = make({ subject: 'lower', issuer: 'middle', key: otherKey, by: middleKey, extensions: ca() });
  const under = make({ subject: 'leaf', issuer: 'lower', key: leafKey, by: otherKey });
  t.equal(verdict({ leaf: under, intermediates: [lower, middle] }), 'no-path', "the middle's own path length is 0");
  const open = make({ subject: 'middle', issuer: 'root', key: middleKey, by: rootKey, extensions: ca(1) });
  t.equal(verdict({ leaf: under, intermediates: [lower, open] }), 'leaf < lower < middle < root');
  t.equal(verdict({ leaf: under, intermediates: [lower, open], anchors: [long] }), 'no-path');
  const rolled = make({ subject: 'middle', issuer: 'middle', key: otherKey, by: middleKey, extensions: ca() });
  const afterRoll = make({ subject: 'leaf', issuer: 'middle', key: leafKey, by: otherKey });
  t.equal(
    verdict({ leaf: afterRoll, intermediates: [rolled, middle], anchors: [long] }),
    'leaf < middle < middle < root',
    'a key roll-over counts for nothing',
  );
});

t.test('critical extensions nobody understands, and name constraints, end a path', async (t) => {
  const unknown = (critical: boolean) => extension('1.2.3.4', critical, der.nullValue());
  const leafWith = (item: Extension) => make({ subject: 'leaf', issuer: 'middle', key: leafKey, by: middleKey, extensions: [item] });
  t.equal(verdict({ leaf: leafWith(unknown(true)) }), 'unknown-critical-extension');
  t.equal(verdict({ leaf: leafWith(unknown(false)) }), 'leaf < middle < root');
  const through = (item: Extension) =>
    verdict({ intermediates: [make({ subject: 'middle', issuer: 'root', key: middleKey, by: rootKey, extensions: [...ca(), item] })] });
  t.equal(through(unknown(true)), 'no-path');
  t.equal(through(unknown(false)), 'leaf < middle < root');
  t.equal(through(extension(oids.nameConstraints, false, der.sequence())), 'no-path');
});

t.test('a certificate of version 1 issues nothing, whatever extensions hang on it', async (t) => {
  const version1: Certificate = { ...root, version: 1 };
  t.equal(verdict({ anchors: [version1] }), 'no-path');
});

t.test('AB-17 loops and bombs of cross-signed certificates end after bounded work', async (t) => {
  const one = make({ subject: 'one', issuer: 'two', key: rootKey, by: middleKey, extensions: ca() });
  const two = make({ subject: 'two', issuer: 'one', key: middleKey, by: rootKey, extensions: ca() });
  const below = make({ subject: 'leaf', issuer: 'one', key: leafKey, by: rootKey });
  t.equal(verdict({ leaf: below, intermediates: [one, two], anchors: [] }), 'no-path', 'a loop');

  let looks = 0;
  const counted = (item: Certificate): Certificate => ({
    ...item,
    // What a signature is verified over.
    get tbs() {
      looks += 1;
      return item.tbs;
    },
  });
  const cross = Array.from({ length: 1000 }, (_, index) =>
    counted(make({ subject: index % 2 === 0 ? 'one' : 'two', issuer: index % 2 === 0 ? 'two' : 'one', key: rootKey, by: rootKey, extensions: ca() })),
  );
  t.equal(verdict({ leaf: below, intermediates: cross, anchors: [] }), 'no-path', '1000 certificates that all sign each other');
  t.ok(looks <= 80, `${looks} signatures were verified`);
  t.ok(looks > 5, 'the paths were tried');

  const chain = Array.from({ length: 15 }, (_, index) => make({ subject: `n${index}`, issuer: `n${index + 1}`, key: rootKey, by: rootKey, extensions: ca() }));
  const top = make({ subject: 'n15', issuer: 'n15', key: rootKey, by: rootKey, extensions: ca() });
  const bottom = make({ subject: 'leaf', issuer: 'n0', key: leafKey, by: rootKey });
  t.equal(verdict({ leaf: bottom, intermediates: chain, anchors: [top] }), 'no-path', 'a path longer than anybody needs');
});

t.test('names chain by what they say, not by how they are encoded', async (t) => {
  const shouting = make({ subject: 'leaf', issuer: 'MIDDLE', key: leafKey, by: middleKey });
  t.equal(verdict({ leaf: shouting }), 'leaf < middle < root');
  t.equal(buildName([[oids.commonName, 'x']]).rdns.length, 1);
});
