import type { PkiMessage } from '../../protocol/cmp/index.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import type { FoundSecret, KeySources } from './authenticate.js';
import type { CmpDeps, Exchange } from './exchange.js';
import { signerKey } from './signer-memory.js';

/** Where the keys come from that verify the messages of an exchange. */
export function keySourcesOf(exchange: Exchange & { readonly message: PkiMessage }): KeySources {
  const { endpoint, message, deps } = exchange;
  const { transactionID } = message.header;
  return {
    macKeys: deps.macKeys,
    findSecret: (reference) => findSecret(deps, endpoint, reference),
    rememberedSigner: () => transactionID && deps.signers.recall(signerKey(endpoint.profile.id, transactionID)),
  };
}

async function findSecret(deps: CmpDeps, endpoint: CmpEndpoint, reference: string): Promise<FoundSecret | undefined> {
  const found = await deps.enrolment.findSharedSecret(endpoint.profile, reference);
  return found && { id: found.id, secret: found.secret.reveal() };
}
