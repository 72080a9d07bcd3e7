/** Whoever looks after stuck orders, by the admin API: asks the CA first, as the manual says. */
import { toPem } from '../../src/pkix/index.js';
import type { HostileCa } from './hostile-ca.js';

interface Listed {
  readonly items: readonly { readonly id: string }[];
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What is to be done about an order: its certificate is there; the CA issued nothing that holds; or it is not certain yet. */
function decide(orderId: string, ca: HostileCa): { readonly action: string; readonly body: object } | undefined {
  const made = ca.madeFor(orderId);
  const right = made.find((item) => !item.isWrong);
  if (right !== undefined) return { action: 'resolve', body: { reason: 'The CA has it.', certificate: toPem('CERTIFICATE', right.der) } };
  if (made.some((item) => !item.isRevoked)) return undefined;
  return { action: 'retry', body: { reason: 'The CA issued nothing that holds.' } };
}

/** Goes on until it is over. Whatever fails is tried again: the node may just be starting. Returns how many orders it moved on. */
export async function keepOperating(adminUrl: string, token: string, ca: HostileCa, isOver: () => boolean): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  let moved = 0;
  while (!isOver()) {
    try {
      const answer = await fetch(`${adminUrl}/api/v1/orders?state=STUCK&limit=200`, { headers });
      const { items } = (await answer.json()) as Listed;
      for (const { id } of items) {
        const decision = decide(id, ca);
        if (decision === undefined) continue;
        const done = await fetch(`${adminUrl}/api/v1/orders/${id}/${decision.action}`, { method: 'POST', headers, body: JSON.stringify(decision.body) });
        if (done.ok) moved += 1;
      }
    } catch {
      // The next round comes soon.
    }
    await pause(400);
  }
  return moved;
}
