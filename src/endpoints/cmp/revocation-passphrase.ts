import { type Certificate, subjectKeyIdentifierOf } from '../../pkix/index.js';
import type { InfoTypeAndValue } from '../../protocol/cmp/index.js';
import { type Opened, openEncryptedKey } from '../../protocol/cms/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Secret } from '../../runtime/secret.js';
import type { LoadedEncryptionKey } from '../../tenancy/encryption-key.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { evidenceOf } from './translate.js';

/** A shorter one can be guessed from one captured rr; a longer one is no passphrase. */
const passphraseOctets = { min: 12, max: 256 };
const keyIdOctets = { min: 1, max: 64 };

/**
 * Keeps the passphrase that an item brings, encrypted to a key of the RA (RFC 9810 section 5.3.19.9 and appendix B), and acknowledges it by the
 * same infoType without a value. Its identifier is the localKeyId beside it, else the subject key identifier of its sender.
 */
export async function keepPassphrase(exchange: VerifiedExchange, { infoValue }: InfoTypeAndValue): Promise<Result<InfoTypeAndValue, Fault>> {
  const { endpoint, header, peer, deps } = exchange;
  if (!endpoint.profile.policy.cmp.revocation.passphrases || deps.passphrases === undefined) return fail(fault('rev-passphrase'));
  if (header.pvno < 3) return fail(fault('pvno-3', 'revPassphrase'));
  const opened = infoValue && openedBy(endpoint.encryptionKeys ?? [], infoValue);
  if (opened === undefined) return fail(fault('rev-passphrase-unread'));
  const keyId = opened.localKeyId ?? (peer.kind === 'signature' ? identifierOf(peer.certificate) : undefined);
  if (keyId === undefined || !isWithin(keyId, keyIdOctets) || !isWithin(opened.content, passphraseOctets)) return fail(fault('rev-passphrase-unread'));
  const kept = await deps.passphrases.keep(endpoint.profile, evidenceOf(peer), keyId, new Secret(opened.content));
  return kept.ok ? ok({ infoType: oids.revPassphrase }) : fail(fault('rev-passphrase-owner', kept.error.detail ?? kept.error.code));
}

function identifierOf({ extensions }: Certificate): Buffer | undefined {
  return subjectKeyIdentifierOf(extensions);
}

function isWithin({ length }: Buffer, { min, max }: typeof keyIdOctets): boolean {
  return length >= min && length <= max;
}

/** By whichever key of the RA it is for. */
function openedBy(keys: readonly LoadedEncryptionKey[], encryptedKey: Buffer): Opened | undefined {
  for (const { secret } of keys) {
    const opener = secret.kind === 'kem' ? secret : ({ kind: 'key', privateKey: secret.privateKey } as const);
    const opened = openEncryptedKey(encryptedKey, opener);
    if (opened.ok && opened.value.contentType === oids.data) return opened.value;
  }
  return undefined;
}
