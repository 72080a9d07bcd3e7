import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** More in a row than a server has processes: new connections go to them in turn. */
const inARow = 8;
const patienceMs = 60_000;

function statusOf(url: string, method: 'GET' | 'POST'): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = method === 'POST' ? { 'content-type': 'application/pkixcmp' } : {};
    const asked = request(url, { method, headers, agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.once('error', reject);
    asked.end(method === 'POST' ? '0' : undefined);
  });
}

/** Waits until every process of the server answers as `isGood` wants: news of a profile reach each of them by itself, within a second. */
export async function untilServedByAll(url: string, isGood: (status: number) => boolean, method: 'GET' | 'POST' = 'GET'): Promise<void> {
  const since = Date.now();
  for (let good = 0; good < inARow; ) {
    if (isGood(await statusOf(url, method))) {
      good += 1;
      continue;
    }
    good = 0;
    if (Date.now() - since > patienceMs) throw new Error(`${url} is not served by every process.`);
    await sleep(100);
  }
}

/** A SCEP profile whose RA certificate is there. */
export const untilScepServed = (url: string): Promise<void> => untilServedByAll(`${url}?operation=GetCACert`, (status) => status === 200);

/** A CMP profile. */
export const untilCmpServed = (url: string): Promise<void> => untilServedByAll(url, (status) => status !== 404, 'POST');
