import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { type AlgorithmIdentifier, algorithmIdentifier, readAlgorithmIdentifier } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, contextConstructed, der, type Element, encode, guarded, oids, tag } from '../der/index.js';
import { type ContentCipher, contentCipherAlgorithm, contentCiphers, readContentCipher } from './content-cipher.js';
import { unwrapContentKey, wrapContentKey } from './key-wrap.js';

/** RFC 5652 §6.2.4
 *  PasswordRecipientInfo ::= SEQUENCE {
 *    version                     CMSVersion,  -- always 0
 *    keyDerivationAlgorithm  [0] KeyDerivationAlgorithmIdentifier OPTIONAL,
 *    keyEncryptionAlgorithm      KeyEncryptionAlgorithmIdentifier,
 *    encryptedKey                EncryptedKey } */
export interface PasswordRecipient {
  readonly keyDerivation: AlgorithmIdentifier | undefined;
  readonly keyEncryption: AlgorithmIdentifier;
  readonly encryptedKey: Buffer;
}

/** `[3] IMPLICIT` in RecipientInfo; throws `DerError`. */
export function readPasswordRecipient(cursor: Cursor): PasswordRecipient {
  const fields = cursor.enter(contextConstructed(3));
  fields.smallInteger();
  const keyDerivation = fields.at(contextConstructed(0)) ? readAlgorithmIdentifier(fields, contextConstructed(0)) : undefined;
  const keyEncryption = readAlgorithmIdentifier(fields);
  const encryptedKey = fields.octetString();
  fields.end();
  return { keyDerivation, keyEncryption, encryptedKey };
}

const prfs: Readonly<Record<string, string>> = {
  [oids.hmacSha1]: 'sha1',
  [oids.hmacSha256]: 'sha256',
  [oids.hmacSha384]: 'sha384',
  [oids.hmacSha512]: 'sha512',
};
/** Ours; a compromise with the time of a server that derives one key per answer (about 3 ms). */
const iterations = 10_000;
const maxIterations = 1_000_000;

/** The content key for whoever knows `password`: PBKDF2 with HMAC-SHA-256 (RFC 8018 §A.2), wrapped by PWRI-KEK under `cipher` (RFC 3211 §2.3.1). */
export function passwordRecipientInfo(password: Buffer, cipher: ContentCipher, contentKey: Buffer): Element {
  const { keyLength, blockLength } = contentCiphers[cipher];
  const salt = randomBytes(16);
  const iv = randomBytes(blockLength);
  const kek = pbkdf2Sync(password, salt, iterations, keyLength, 'sha256');
  const prf = der.sequence(der.oid(oids.hmacSha256), der.nullValue());
  const derivation = der.sequence(der.octetString(salt), der.integer(iterations), der.integer(keyLength), prf);
  const keyEncryption = algorithmIdentifier({ oid: oids.pwriKek, parameters: encode(algorithmIdentifier(contentCipherAlgorithm({ cipher, iv }))) });
  return der.constructed(
    contextConstructed(3),
    der.integer(0),
    der.retagged(contextConstructed(0), encode(algorithmIdentifier({ oid: oids.pbkdf2, parameters: encode(derivation) }))),
    keyEncryption,
    der.octetString(wrapContentKey(cipher, kek, iv, contentKey)),
  );
}

/** The content key of `keyLength` octets; `unknown`: an algorithm or a bound we do not serve; `wrong`: another password, or not wrapped by the book. */
export function openPasswordRecipient(recipient: PasswordRecipient, password: Buffer, keyLength: number): Result<Buffer, 'unknown' | 'wrong'> {
  const { keyDerivation, keyEncryption, encryptedKey } = recipient;
  if (keyDerivation?.oid !== oids.pbkdf2 || keyDerivation.parameters === undefined) return fail('unknown');
  const derivation = readPbkdf2(keyDerivation.parameters);
  const choice = readWrapping(keyEncryption);
  if (derivation === undefined || !choice?.ok || contentCiphers[choice.value.cipher].mode !== 'cbc') return fail('unknown');
  const { cipher, iv } = choice.value;
  const { salt, count, digest } = derivation;
  const kek = pbkdf2Sync(password, salt, count, contentCiphers[cipher].keyLength, digest);
  const key = unwrapContentKey(cipher, kek, iv, encryptedKey, keyLength);
  return key === undefined ? fail('wrong') : ok(key);
}

function readWrapping({ oid, parameters }: AlgorithmIdentifier) {
  if (oid !== oids.pwriKek || parameters === undefined) return undefined;
  const inner = guarded(() => readAlgorithmIdentifier(new Cursor(parameters)));
  return inner.ok ? readContentCipher(inner.value) : undefined;
}

/** PBKDF2-params of RFC 8018 §A.2; the count is held against a bound before anything is derived. */
function readPbkdf2(parameters: Buffer): { readonly salt: Buffer; readonly count: number; readonly digest: string } | undefined {
  const read = guarded(() => {
    const fields = new Cursor(parameters).sequence();
    const salt = fields.octetString();
    const count = fields.smallInteger();
    if (fields.at(tag.integer)) fields.skip();
    const prf = fields.isEmpty ? oids.hmacSha1 : readAlgorithmIdentifier(fields).oid;
    fields.end();
    return { salt, count, digest: prfs[prf] };
  });
  if (!read.ok) return undefined;
  const { salt, count, digest } = read.value;
  return digest === undefined || count < 1 || count > maxIterations ? undefined : { salt, count, digest };
}
