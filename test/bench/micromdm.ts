/** The peer: micromdm's scepserver with an RSA-2048 CA that is its own RA. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startChild, temporaryDirectory, waitUntilReady } from './children.js';

export interface ScepPeer {
  readonly url: string;
  readonly pid: number;
  readonly challenge: string;
  output(): string;
  end(): Promise<void>;
}

const program = '/usr/bin/scepserver';

/** Starts it on a fresh CA; undefined where it is not installed. */
export async function startMicromdm(): Promise<ScepPeer | undefined> {
  if (!existsSync(program)) return undefined;
  const directory = temporaryDirectory();
  const depot = join(directory.path, 'depot');
  execFileSync(program, ['ca', '-init', '-keySize', '2048', '-depot', depot], { stdio: 'ignore' });
  const port = await freePort();
  const challenge = 'benchmark';
  const child = startChild(program, ['-depot', depot, '-port', String(port), '-challenge', challenge], {}, directory.path);
  const url = `http://127.0.0.1:${port}/scep`;
  await waitUntilReady(`${url}?operation=GetCACaps`, child);
  const end = async () => {
    await child.end('SIGTERM');
    directory.remove();
  };
  return { url, pid: child.pid, challenge, output: child.output, end };
}
