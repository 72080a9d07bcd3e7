/** A line between one node and PostgreSQL that can be cut right behind a COMMIT, or held. */
import { connect, createServer, type Socket } from 'node:net';
import type { Randomness } from '../randomness.js';

export interface DatabaseLine {
  /** For the node. */
  readonly url: string;
  /** The share of COMMITs that reach the database, while their answer does not come back. */
  cutShare: number;
  readonly cuts: number;
  /** Nothing passes for so long; connections stay. */
  hold(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** A simple Query message with the text `commit`, and the statements that are a transaction by themselves. */
const commits = ['commit\0', '\0record-claimed\0', '\0settle\0', '\0issue\0'].map((text) => Buffer.from(text));
const deafMs = 60;

export async function openDatabaseLine(databaseUrl: string, random: Randomness): Promise<DatabaseLine> {
  const target = new URL(databaseUrl);
  const pairs = new Set<readonly [Socket, Socket]>();
  const state = { cutShare: 0, cuts: 0, isHeld: false };

  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    let isDeaf = false;
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).once('close', end).on('error', end);
    near.on('data', (chunk) => {
      if (!isDeaf && state.cutShare > 0 && commits.some((text) => chunk.includes(text)) && random.chance(state.cutShare)) {
        state.cuts += 1;
        // PostgreSQL hears it and carries it out; nobody hears its answer.
        isDeaf = true;
        setTimeout(end, deafMs);
      }
      far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (!isDeaf) near.write(chunk);
    });
    if (state.isHeld) for (const socket of pair) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  const own = new URL(databaseUrl);
  own.port = String(address.port);
  return {
    url: own.href,
    get cutShare() {
      return state.cutShare;
    },
    set cutShare(share) {
      state.cutShare = share;
    },
    get cuts() {
      return state.cuts;
    },
    async hold(ms) {
      state.isHeld = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
      await new Promise((resolve) => setTimeout(resolve, ms));
      state.isHeld = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
