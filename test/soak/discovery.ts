/** What devices ask before anything else: how many GetCACaps and GetCACert one process answers. */
import { temporaryDirectory } from '../bench/children.js';
import { startGatehouse } from '../bench/gatehouse.js';
import { drive } from '../bench/load.js';
import { cpuOf } from '../bench/machine.js';
import { type Figure, figure } from './figure.js';

const connections = 16;

export async function discoveryRate(requests: number): Promise<readonly Figure[]> {
  const directory = temporaryDirectory();
  const server = await startGatehouse({ dataDir: directory.path, processes: 1, engineKey: 'P-256' });
  try {
    const { hostname, port, pathname } = new URL(server.scepUrl);
    const figures: Figure[] = [];
    for (const operation of ['GetCACaps', 'GetCACert']) {
      const path = `${pathname}?operation=${operation}`;
      const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`, 'latin1');
      const target = { host: hostname, port: Number(port), path, contentType: '' };
      const run = async (count: number) => {
        let faults = 0;
        const result = await drive(target, Array<Buffer>(count).fill(request), connections, (_index, { status, body }) => {
          if (status !== 200 || body.length < 20) faults += 1;
        });
        return { result, faults };
      };
      await run(Math.min(requests, 5_000));
      const before = cpuOf(server.child.pid);
      const { result, faults } = await run(requests);
      const cpuUs = ((cpuOf(server.child.pid) - before) * 1000) / requests;
      figures.push(figure(`${operation}, one process, generator on the same machine`, result.perSecond, '1/s', { faults }));
      figures.push(figure(`processor time of the server for a ${operation}`, cpuUs, 'us'));
      figures.push(figure(`p99 of a ${operation}`, result.p99Ms, 'ms'));
    }
    return figures;
  } finally {
    await server.child.end('SIGTERM');
    directory.remove();
  }
}
