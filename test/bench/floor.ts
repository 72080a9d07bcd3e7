/** The crypto floor: what the primitives of a transaction cost in system OpenSSL, and nothing else. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Microseconds per operation on one core, in processor time. */
export interface Primitives {
  readonly rsaSign: number;
  readonly rsaVerify: number;
  readonly p256Sign: number;
  readonly p256Verify: number;
  /** SHA-256 of 32 bytes, as PasswordBasedMac chains it. */
  readonly sha256: number;
}

/** One window of `openssl speed`; `seconds` per primitive. Throws when openssl is missing. */
export async function measurePrimitives(seconds: number): Promise<Primitives> {
  const common = ['speed', '-mr', '-seconds', String(seconds)];
  const signatures = await run('openssl', [...common, 'rsa2048', 'ecdsap256']);
  const digest = await run('openssl', [...common, '-bytes', '32', '-evp', 'sha256']);
  const perSecond = (text: string, pattern: RegExp) => {
    const match = pattern.exec(text);
    if (match === null) throw new Error(`openssl speed printed nothing like ${pattern}.`);
    return match.slice(1).map((figure) => 1e6 / Number(figure)) as [number, number];
  };
  const [rsaSign, rsaVerify] = perSecond(signatures.stdout, /^\+F2:\d+:2048:([\d.]+):([\d.]+)$/m);
  const [p256Sign, p256Verify] = perSecond(signatures.stdout, /^\+F4:\d+:256:([\d.]+):([\d.]+)$/m);
  const [perByte] = perSecond(digest.stdout, /^\+F:\d+:sha256:([\d.]+)$/m);
  return { rsaSign, rsaVerify, p256Sign, p256Verify, sha256: perByte * 32 };
}

export type CaKey = 'P-256' | 'RSA-2048';

const caSign = (primitives: Primitives, ca: CaKey): number => (ca === 'P-256' ? primitives.p256Sign : primitives.rsaSign);

/** The private-key operations are decrypting the request and signing CertRep and certificate; the public ones are two verifies and one encryption. */
export function scepFloor(primitives: Primitives, ca: CaKey): number {
  return 2 * primitives.rsaSign + caSign(primitives, ca) + 3 * primitives.rsaVerify;
}

/** One PBM derivation, the proof of possession, the certificate's signature. */
export function irFloor(primitives: Primitives, ca: CaKey, iterations: number): number {
  return iterations * primitives.sha256 + primitives.p256Verify + caSign(primitives, ca);
}

/** Verifies message, PKCS#10 and device certificate (which the CA signed); signs certificate and answer. */
export function p10crFloor(primitives: Primitives, ca: CaKey, answerKey: CaKey): number {
  const deviceCertificate = ca === 'P-256' ? primitives.p256Verify : primitives.rsaVerify;
  return 2 * primitives.p256Verify + deviceCertificate + caSign(primitives, ca) + caSign(primitives, answerKey);
}

/** As `irFloor`, for a key that is derived on another thread, whose time is not counted either. */
export function derivedIrFloor(primitives: Primitives, ca: CaKey): number {
  return primitives.p256Verify + caSign(primitives, ca);
}

/** Verifies message and device certificate (which the CA signed); signs the answer. */
export function rrFloor(primitives: Primitives, ca: CaKey, answerKey: CaKey): number {
  const deviceCertificate = ca === 'P-256' ? primitives.p256Verify : primitives.rsaVerify;
  return primitives.p256Verify + deviceCertificate + caSign(primitives, answerKey);
}
