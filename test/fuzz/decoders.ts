import { checkPolicy } from '../../src/enrolment/policy.js';
import {
  basicConstraintsOf,
  buildChain,
  type Certificate,
  canonicalName,
  crlNumberOf,
  digestOf,
  extendedKeyUsageOf,
  keyUsageOf,
  type Name,
  nameFromText,
  nameToText,
  parseCertificate,
  parseCrl,
  parseCsr,
  parseName,
  parsePublicKey,
  readAlgorithmIdentifier,
  readGeneralNames,
  readPssParameters,
  serialHex,
  subjectAltNames,
  verifyCertificate,
  verifyCsr,
} from '../../src/pkix/index.js';
import {
  decodePkiBody,
  decodePkiMessage,
  encodePkiBody,
  knownGeneralInfo,
  oldCertIdOf,
  type PkiBody,
  readMacParameters,
  templateExtensions,
  verifyPossession,
} from '../../src/protocol/cmp/index.js';
import { addressEnvelope, digestOfSigner, otherCertificates, readCertificatesOnly, readEnvelopedData } from '../../src/protocol/cms/index.js';
import { type Cursor, decode, decodeBer, encode, scepLimits } from '../../src/protocol/der/index.js';
import { decodeRequest, readCertRep, readMessageData, requestTypes, verifyRequest } from '../../src/protocol/scep/index.js';
import type { Result } from '../../src/runtime/result.js';
import { mutate } from '../support/mutate.js';
import type { Corpus, Kind } from './corpus.js';
import { Finds, must, type Target, type Trial } from './target.js';
import type { World } from './world.js';

type Check = (bytes: Buffer) => string;

/** A failure in few words: numbers in it say where, not what. */
function inShort(error: unknown): string {
  const text = error instanceof Error ? error.message : typeof error === 'string' ? error : JSON.stringify(error);
  return text.replace(/\d+|0x[0-9a-f]+/g, '');
}

function told<T>(result: Result<T, unknown>, onValue: (value: T) => string): string {
  return result.ok ? `ok ${onValue(result.value)}` : inShort(result.error);
}

/** One message in 32, chosen by its content, so that a replay does the same. */
const isSampled = (bytes: Buffer): boolean => bytes.length > 0 && ((bytes[bytes.length >> 1] as number) & 31) === 0;

function whole(cursor: Cursor): Buffer {
  return cursor.element();
}

function walk(cursor: Cursor): number {
  let count = 1;
  const tag = cursor.peekTag();
  if ((tag & 0x20) === 0) cursor.skip();
  else for (const inside = cursor.enter(tag); !inside.isEmpty; ) count += walk(inside);
  return count;
}

const checkGateway: Check = (bytes) => {
  const strict = decode(bytes, scepLimits, whole);
  const lenient = decodeBer(bytes, scepLimits, walk);
  if (strict.ok) {
    must(lenient.ok, 'decodeBer refuses what decode accepts');
    if (isSampled(bytes)) must(decodeBer(bytes, scepLimits, whole).ok, 'decodeBer is not repeatable');
  }
  return `${strict.ok} ${told(lenient, String)}`;
};

function checkNameOf(name: Name): void {
  const text = nameToText(name);
  must(!/[\p{Cc}\p{Cf}]/u.test(text), 'a hidden character reached the text of a name');
  const again = nameFromText(text);
  must(again.ok, `the text of a name is not read back: ${text}`);
  if (again.ok) must(canonicalName(again.value) === canonicalName(name), 'the text of a name reads back as another name');
}

const checkCertificate: Check = (bytes) =>
  told(parseCertificate(bytes), (certificate) => {
    must(certificate.der.equals(bytes), 'der is not what was received');
    checkNameOf(certificate.subject);
    const { extensions } = certificate;
    const facts = [subjectAltNames(extensions), keyUsageOf(extensions), extendedKeyUsageOf(extensions), basicConstraintsOf(extensions)].map((fact) => fact.ok);
    must(serialHex(certificate.serial).length > 0, 'no serial');
    if (isSampled(bytes)) verifyCertificate(certificate, certificate.publicKey);
    return `${certificate.version} ${certificate.publicKey.name.slice(0, 5)} ${facts} ${digestOf(certificate.signatureAlgorithm)}`;
  });

const checkCsr: Check = (bytes) =>
  told(parseCsr(bytes), (csr) => {
    must(csr.der.equals(bytes), 'der is not what was received');
    checkNameOf(csr.subject);
    const verdict = isSampled(bytes) ? inShort(verifyCsr(csr)) : '';
    return `${csr.attributes.length} ${csr.extensions.length} ${csr.challengePassword === undefined} ${verdict}`;
  });

const checkKey: Check = (bytes) =>
  told(parsePublicKey(bytes), (key) => `${key.name.slice(0, 4)} ${key.keyObject().ok} ${key.rsaExponent === undefined} ${key.isRsaModulusOdd}`);

const checkName: Check = (bytes) =>
  told(parseName(bytes), (name) => {
    checkNameOf(name);
    return `${Math.min(name.rdns.length, 5)}`;
  });

const checkNames: Check = (bytes) =>
  told(decode(bytes, scepLimits, readGeneralNames), (names) =>
    names
      .map((name) => name.type)
      .slice(0, 3)
      .join(),
  );

const checkCrl: Check = (bytes) => told(parseCrl(bytes), (crl) => `${Math.min(crl.revoked.length, 5)} ${crlNumberOf(crl) === undefined}`);

const macBounds = { minIterations: 100, maxIterations: 100_000, hmacSha1: true };
const checkAlgorithm: Check = (bytes) =>
  told(
    decode(bytes, scepLimits, (cursor) => readAlgorithmIdentifier(cursor)),
    (algorithm) => `${told(readPssParameters(algorithm), ({ digest }) => digest)} ${told(readMacParameters(algorithm, macBounds), ({ kind }) => kind)}`,
  );

const checkScep: Check = (bytes) =>
  told(decodeRequest(bytes), (request) => {
    const verdict = isSampled(bytes) ? told(verifyRequest(request), String) : '';
    otherCertificates(request.signedData, request.signer);
    return `${request.type} ${digestOfSigner(request.signerInfo)} ${verdict}`;
  });

const checkData: Check = (bytes) =>
  requestTypes
    .map((type) =>
      told(
        decodeBer(bytes, scepLimits, (cursor) => readMessageData(type, cursor)),
        ({ kind }) => kind,
      ),
    )
    .join();

const checkP7c: Check = (bytes) => told(readCertificatesOnly(bytes, scepLimits), ({ certificates, crls }) => `${certificates.length > 1} ${crls.length > 0}`);

const checkCmp: Check = (bytes) =>
  told(decodePkiMessage(bytes), (message) => {
    const info = knownGeneralInfo(message.header.generalInfo ?? []);
    if (message.header.sender.name !== undefined) checkNameOf(message.header.sender.name);
    for (const certificate of message.extraCerts) parseCertificate(certificate);
    return `${message.bodyType} ${info.ok} ${told(decodePkiBody(message), (body) => checkBody(body, message.header))}`;
  });

/** What is decoded can be written, and reads again as the same type; what a request holds can be looked at. */
function checkBody(body: PkiBody, header: { readonly sender: Parameters<typeof verifyPossession>[2] }): string {
  must(encode(encodePkiBody(body)).length > 0, 'a decoded body cannot be written');
  if (body.type !== 'ir' && body.type !== 'cr' && body.type !== 'kur') return body.type;
  const [first] = body.messages;
  if (first === undefined) return 'empty';
  const { certTemplate } = first.certReq;
  const key = certTemplate.publicKey === undefined ? undefined : parsePublicKey(certTemplate.publicKey);
  const possession = key?.ok && isSampled(first.certReq.der) ? inShort(verifyPossession(first, key.value, header.sender)) : '';
  return `${templateExtensions(certTemplate).ok} ${oldCertIdOf(first.certReq).ok} ${key?.ok} ${possession}`;
}

function checkEnvelope(world: World): Check {
  return (bytes) =>
    told(decodeBer(bytes, scepLimits, readEnvelopedData), (envelope) => told(addressEnvelope(envelope, [world.ra]), ({ transport }) => transport.kind));
}

const checkCertRep =
  (world: World): Check =>
  (bytes) =>
    told(readCertRep(bytes, world.ra.certificate), ({ status }) => status);

/** A certificate as leaf, issuer and anchor among sound ones. */
function checkChain(world: World): Check {
  const sound = [world.device.certificate, world.ca.certificate];
  const at = new Date('2026-06-01T00:00:00Z');
  const build = (leaf: Certificate, intermediates: readonly Certificate[], anchors: readonly Certificate[]) =>
    told(buildChain({ leaf, intermediates, anchors, at }), (path) => String(path.length));
  return (bytes) =>
    told(
      parseCertificate(bytes),
      (item) => `${build(item, sound, [world.ca.certificate])} ${build(world.device.certificate, [item], [item, world.ca.certificate])}`,
    );
}

function checkPolicyOf(world: World): Check {
  const now = new Date('2026-06-01T00:00:00Z');
  return (bytes) =>
    told(parseCsr(bytes), ({ publicKey, subject, extensions, der }) =>
      told(
        checkPolicy({ publicKey, subject, extensions, pkcs10: der }, { operation: 'enrolment', credential: 'challenge:static' }, world.scep.profile, now),
        (checked) => String(checked.isModified),
      ),
    );
}

/** Every reader of untrusted bytes, with what it is fed. */
export function decoderTargets(corpus: Corpus, world: World): Target[] {
  const everything = Object.values(corpus).flat();
  const target = (name: string, weight: number, feed: readonly Kind[], check: Check): Target => {
    const seeds = feed.flatMap((kind) => corpus[kind]);
    const finds = new Finds();
    const make: Target['make'] = (random) => {
      const isFurther = finds.seeds.length > 0 && random.oneIn(3);
      const seed = random.pick(isFurther ? finds.seeds : random.oneIn(20) ? everything : seeds);
      return { bytes: mutate(seed, random, everything), isVouched: false };
    };
    const checkAndNote = (trial: Trial): string => {
      const what = check(trial.bytes);
      finds.note(what, trial.bytes);
      return what;
    };
    return { name, weight, make, check: checkAndNote };
  };
  return [
    target('gateway', 10, ['certificate', 'csr', 'scep', 'cmp', 'p7c'], checkGateway),
    target('certificate', 10, ['certificate'], checkCertificate),
    target('csr', 10, ['csr'], checkCsr),
    target('policy', 4, ['csr'], checkPolicyOf(world)),
    target('public-key', 5, ['key'], checkKey),
    target('name', 5, ['name'], checkName),
    target('general-names', 5, ['names'], checkNames),
    target('crl', 5, ['crl'], checkCrl),
    target('algorithm', 4, ['algorithm'], checkAlgorithm),
    target('chain', 4, ['certificate'], checkChain(world)),
    target('scep-request', 12, ['scep'], checkScep),
    target('envelope', 6, ['envelope'], checkEnvelope(world)),
    target('message-data', 4, ['data', 'csr'], checkData),
    target('cert-rep', 3, ['certrep'], checkCertRep(world)),
    target('certificates-only', 4, ['p7c'], checkP7c),
    target('cmp-message', 20, ['cmp'], checkCmp),
  ];
}
