/** What comes to a node beside enrolments. Each goes on until `isOver` and resolves with the number of answers that were wrong. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../chaos/device/fleet.js';
import type { ChaosNode } from '../chaos/node.js';

type IsOver = () => boolean;

async function statusOf(url: string, request: RequestInit = {}): Promise<number> {
  const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(60_000) });
  await answer.arrayBuffer();
  return answer.status;
}

/** Discovery over both nodes, paths that nobody has, and bytes that are no message. */
export async function keepAsking(nodes: readonly ChaosNode[], { scep, cmp }: Fleet, isOver: IsOver): Promise<number> {
  const scepPath = scep.path.replace(/\?.*$/, '');
  let [wrong, turn] = [0, 0];
  while (!isOver()) {
    turn += 1;
    const url = nodes[turn % nodes.length]?.url ?? '';
    const junk = { method: 'POST', body: randomBytes(1 + (turn % 3_000)) };
    const asked: readonly (readonly [Promise<number>, readonly number[]])[] = [
      [statusOf(`${url}${scepPath}?operation=GetCACaps`), [200]],
      [statusOf(`${url}${scepPath}?operation=GetCACert`), [200]],
      [statusOf(`${url}${scepPath}-of-nobody?operation=GetCACert`), [404]],
      [statusOf(`${url}${scep.path}`, junk), [200, 400]],
      [statusOf(`${url}${cmp.path}`, { ...junk, headers: { 'content-type': 'application/pkixcmp' } }), [200, 400]],
    ];
    for (const [status, right] of asked) if (![...right, 503].includes(await status)) wrong += 1;
    await sleep(50);
  }
  return wrong;
}

const pages = [
  '/orders?limit=50',
  '/orders?limit=50&q=chaos-1',
  '/orders?phase=refused&sort=-finishedAt',
  '/certificates?limit=200&q=chaos',
  '/accounts?limit=50',
  '/refusals?limit=50',
  '/audit-events?limit=100',
  '/scep-profiles',
  '/cmp-profiles/summary?window=24h',
  '/scep-profiles/summary?window=7d',
  '/dashboard',
  '/session',
] as const;

/** An administrator who looks at everything, one page after the other, and changes a description now and then. */
export async function keepAdministrating({ adminUrl }: ChaosNode, token: string, isOver: IsOver): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const api = (path: string) => `${adminUrl}/api/v1${path}`;
  let wrong = 0;
  for (let turn = 0; !isOver(); turn += 1) {
    for (const page of pages) if ((await statusOf(api(page), { headers })) !== 200) wrong += 1;
    if (turn % 10 === 0) wrong += await changeConnector(api, headers, `seen ${turn} times`);
    await sleep(200);
  }
  return wrong;
}

async function changeConnector(api: (path: string) => string, headers: Readonly<Record<string, string>>, description: string): Promise<number> {
  const { items } = (await (await fetch(api('/connectors'), { headers })).json()) as { readonly items: readonly { readonly id: string }[] };
  const url = api(`/connectors/${items[0]?.id}`);
  const etag = (await fetch(url, { headers })).headers.get('etag') ?? '';
  const status = await statusOf(url, { method: 'PATCH', headers: { ...headers, 'if-match': etag }, body: JSON.stringify({ description }) });
  // The administrator at the other node may have been first.
  return status === 200 || status === 412 ? 0 : 1;
}
