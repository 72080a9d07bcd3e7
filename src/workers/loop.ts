import { setMaxListeners } from 'node:events';
import type { Log } from '../runtime/log.js';

export interface Job {
  readonly name: string;
  /** Milliseconds between the end of one run and the start of the next. */
  readonly everyMs: number;
  /** One run; exceptions are logged and the job goes on. `stopping`: whatever waits for others may stop waiting. */
  run(stopping?: AbortSignal): Promise<void>;
  /** Resolves when nothing is under way that its runs began and did not wait for; absent where a run waits for all it begins. */
  idle?(): Promise<void>;
}

export interface Loop {
  /** Ends the loop; resolves when a run under way is over, and what earlier runs began. */
  stop(): Promise<void>;
}

/** Runs every job on its own, again and again, never twice at once. */
export function startJobs(jobs: readonly Job[], log: Log): Loop {
  const stopping = new AbortController();
  // Each job listens, and while it runs as many calls of it as wait for others; node would take them for a leak and say so.
  setMaxListeners(0, stopping.signal);
  const running = jobs.map((job) => repeat(job, stopping.signal, log));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
      await Promise.all(jobs.map((job) => job.idle?.()));
    },
  };
}

async function repeat(job: Job, signal: AbortSignal, log: Log): Promise<void> {
  while (!signal.aborted) {
    try {
      await job.run(signal);
    } catch (error) {
      log.error({ err: error, job: job.name }, 'a background job failed and will run again');
    }
    await pause(job.everyMs, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake);
  });
}
