import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type DeviceKey, readDeviceKey } from '../device-client/device-key.js';
import { type Certificate, type CertificateList, fromPem, parseCertificate, parseCrl, toPem } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';

/** Key types that `--key-type` takes. */
export const keyTypes = ['RSA-2048', 'RSA-3072', 'P-256', 'P-384', 'P-521', 'Ed25519'] as const;
export type DeviceKeyType = (typeof keyTypes)[number];

export function generateDeviceKey(type: DeviceKeyType): KeyObject {
  switch (type) {
    case 'RSA-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    case 'RSA-3072':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
    case 'Ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    default:
      return generateKeyPairSync('ec', { namedCurve: type }).privateKey;
  }
}

/** `--key FILE` where given, else a fresh key. */
export function readOrGenerateKey(file: string | undefined, type: DeviceKeyType): Result<KeyObject, string> {
  return file === undefined ? ok(generateDeviceKey(type)) : readKey(file);
}

export function readKey(file: string): Result<KeyObject, string> {
  const text = readText(file);
  if (!text.ok) return text;
  try {
    return ok(createPrivateKey(text.value));
  } catch {
    return fail(`${file} holds no private key in PEM without a passphrase.`);
  }
}

/** As `readKey`, post-quantum keys too. */
export function readDeviceKeyFile(file: string): Result<DeviceKey, string> {
  const text = readText(file);
  if (!text.ok) return text;
  const key = readDeviceKey(text.value);
  return key.ok ? key : fail(`${file}: ${key.error}`);
}

/** All certificates of a PEM file; at least one. */
export function readCertificates(file: string): Result<readonly [Certificate, ...Certificate[]], string> {
  const text = readText(file);
  if (!text.ok) return text;
  const parsed = fromPem('CERTIFICATE', text.value).map(parseCertificate);
  const [first, ...others] = parsed.flatMap((item) => (item.ok ? [item.value] : []));
  if (first === undefined || parsed.some((item) => !item.ok)) return fail(`${file} holds no certificate in PEM, or one that cannot be read.`);
  return ok([first, ...others]);
}

/** A CRL in PEM or DER. */
export function readCrlFile(file: string): Result<CertificateList, string> {
  const text = readText(file);
  if (!text.ok) return text;
  const parsed = parseCrl(fromPem('X509 CRL', text.value)[0] ?? readFileSync(file));
  return parsed.ok ? parsed : fail(`${file} holds no CRL that can be read.`);
}

/** A secret from the command line or, better, from a file: its first line. */
export function readSecret(value: string | undefined, file: string | undefined): Result<string | undefined, string> {
  if (file === undefined) return ok(value);
  const text = readText(file);
  return text.ok ? ok(text.value.split(/\r?\n/)[0]) : text;
}

function readText(file: string): Result<string, string> {
  try {
    return ok(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Writes `<name>.key` (mode 0600) and `<name>.pem`; an existing key is never overwritten. */
export function writeDeviceFiles(name: string, key: KeyObject | string, certificate: Certificate): Result<string, string> {
  const pem = typeof key === 'string' ? key : key.export({ format: 'pem', type: 'pkcs8' });
  const keyFile = `${name}.key`;
  const certificateFile = `${name}.pem`;
  try {
    writeFileSync(keyFile, pem, { mode: 0o600, flag: 'wx' });
    writeFileSync(certificateFile, toPem('CERTIFICATE', certificate.der));
  } catch (error) {
    return fail(`The certificate was issued but not written: ${error instanceof Error ? error.message : String(error)}`);
  }
  return ok(`${certificateFile} (certificate) and ${keyFile} (private key)`);
}

/** Asked before anything is sent, so that no certificate is issued that could not be written. */
export function checkOutput(name: string): Result<true, string> {
  return existsSync(`${name}.key`) ? fail(`${name}.key exists; choose another name with --out.`) : ok(true);
}
