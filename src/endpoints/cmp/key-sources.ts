import { type Certificate, parseCertificate } from '../../pkix/index.js';
import { type PkiMessage, protectionKindOf } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import type { LoadedEncryptionKey } from '../../tenancy/encryption-key.js';
import type { FoundSecret, KeySources } from './authenticate.js';
import type { CmpDeps, Exchange } from './exchange.js';
import { kemSecretsOf } from './kem-secret.js';
import { signerKey } from './signer-memory.js';
import { sourceOf } from './source-of.js';

const none: readonly LoadedEncryptionKey[] = [];

type Received = Exchange & { readonly message: PkiMessage };

/** Where the keys come from that verify the messages of an exchange; `signer` of an earlier one where it was looked for. */
export function keySourcesOf(exchange: Received, signer?: Certificate): KeySources {
  const { endpoint, message, deps, context } = exchange;
  const { transactionID } = message.header;
  return {
    source: sourceOf(context.clientIp),
    macKeys: deps.macKeys,
    findSecret: async (reference) => {
      // Looked up all the same, so that who is locked out sees no difference.
      const found = await findSecret(deps, endpoint, reference);
      return deps.lockOut?.isLocked(endpoint.profile, reference, context.clientIp) === true ? undefined : found;
    },
    findPassphrase: async (keyId) => {
      const found = await deps.passphrases?.find(endpoint.profile, keyId);
      const reference = `passphrase ${keyId.toString('hex')}`;
      if (found === undefined || deps.lockOut?.isLocked(endpoint.profile, reference, context.clientIp) === true) return undefined;
      return { id: found.id, secret: found.passphrase.reveal(), revokes: found.owner, reference };
    },
    noteMac: (reference, isRight) => {
      if (isRight) deps.lockOut?.noteRight(endpoint.profile, reference, context.clientIp);
      else deps.lockOut?.noteWrong(endpoint.profile, reference, context.clientIp);
    },
    kemSecrets: (publicKey) => kemSecretsOf(endpoint, transactionID, publicKey),
    agreementKeys: (endpoint.encryptionKeys ?? none).filter(({ secret }) => secret.kind === 'agreement'),
    rememberedSigner: () => signer ?? (transactionID && deps.signers.recall(signerKey(endpoint.profile.id, transactionID))),
  };
}

/** A later message without extraCerts, of a transaction that began at another process or too long ago to be remembered (RFC 9483 section 3.3). */
export function isSignerMissing({ endpoint, message, deps }: Received): boolean {
  const { protectionAlg, transactionID, recipNonce } = message.header;
  if (message.extraCerts.length > 0 || recipNonce === undefined || transactionID === undefined) return false;
  const isSigned = protectionAlg !== undefined && (protectionKindOf(protectionAlg) === 'signature' || protectionAlg.oid === oids.dhBasedMac);
  return isSigned && deps.signers.recall(signerKey(endpoint.profile.id, transactionID)) === undefined;
}

/** From the transaction itself; only a convenience, since the signature is verified in any case. */
export async function findSigner({ endpoint, message, deps }: Received): Promise<Certificate | undefined> {
  const transactionId = message.header.transactionID?.toString('hex') ?? '';
  const der = await deps.enrolment.findSigner(endpoint.profile, transactionId, endpoint.caChain[0]?.subject.der);
  const parsed = der && parseCertificate(der);
  return parsed?.ok ? parsed.value : undefined;
}

async function findSecret(deps: CmpDeps, endpoint: CmpEndpoint, reference: string): Promise<FoundSecret | undefined> {
  const found = await deps.enrolment.findSharedSecret(endpoint.profile, reference);
  return found && { id: found.id, secret: found.secret.reveal(), ...(found.limits && { limits: found.limits }) };
}
